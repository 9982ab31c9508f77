// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import TransparencyLog

/// How deviations are to be put back: what a person approves, and a gate carries out.
package struct RemediationPlan: Sendable, Hashable {
    /// What happens to one subject.
    package struct Change: Sendable, Hashable {
        package enum Kind: String, Sendable, Hashable, CaseIterable {
            /// Some of its fields.
            case edit
            /// It was removed, and comes back as ``document``.
            case create
            /// It should not be there.
            case delete
        }

        package let subject: String
        package let kind: Kind
        /// RFC 6902 operations on the live document; `test`s of what was observed come first.
        package let patch: JSON
        /// What the subject should be; nil where it is deleted.
        package let document: JSON?
        package let fingerprints: [Hash256]
    }

    /// A deviation that the plan leaves alone.
    package struct Refusal: Sendable, Hashable {
        package let fingerprint: Hash256
        package let reason: String
    }

    package let source: Handle
    package let scope: String
    /// What it was made against; it holds for no other state.
    package let observedRoot: Hash256
    package let baselineRoot: Hash256
    package let changes: [Change]
    package let refused: [Refusal]
    /// How many fields change.
    package let fields: Int
    /// Whether some of it gives back rights; then it says so, and a person has to agree.
    package let isBroadening: Bool
    /// True where no standing approval may do: it broadens, or is of kind `exequatur`.
    package let needsReview: Bool
    /// What the action that carries it out declares, so that it is verified like any other.
    package let effects: [DeclaredEffect]

    package var json: JSON { [:] }

    /// SHA-256 of the canonical form.
    package var digest: Hash256 {
        get throws { .sha256(try json.canonicalBytes()) }
    }
}

/// What a fresh observation says of a plan that was carried out.
package struct RemediationOutcome: Sendable, Hashable {
    package let verified: [Hash256]
    package let failed: [RemediationPlan.Refusal]
    /// Neither: their subjects were not seen.
    package let unseen: [Hash256]

    package var isComplete: Bool { failed.isEmpty && unseen.isEmpty }
}

extension DriftMachine {
    /// A plan that puts episodes back as the baseline has them.
    ///
    /// Refuses each that a plan can't put back safely, and says why: values that are secret here,
    /// what broadens rights unless `allowsBroadening`, what was put back twice and came again,
    /// and subjects that another plan is at.
    /// - Throws: ``DriftError`` where a snapshot is not the one of the state, or nothing is left.
    package func plan(
        reverting fingerprints: Set<Hash256>, expected: Snapshot, live: Snapshot,
        directions: DirectionRules, allowsBroadening: Bool
    ) throws -> RemediationPlan {
        throw DriftError("body follows")
    }

    /// Notes that a plan is being carried out by an action.
    ///
    /// - Throws: ``DriftError`` where another one is at the same subject, or the state it was made
    ///   against is not the last one.
    package mutating func begin(
        _ plan: RemediationPlan, action: ActionID, now: Timestamp
    ) throws {
    }

    /// Forgets a plan whose action was denied or did not start.
    package mutating func abandon(_ plan: RemediationPlan) throws {}

    /// Compares what a plan wanted with an observation that began after it was carried out.
    ///
    /// To be called before the observation is handed to `observe`. A plan is over unless some of
    /// its subjects were not seen.
    package mutating func verify(
        _ plan: RemediationPlan, observation: Observation
    ) throws -> RemediationOutcome {
        throw DriftError("body follows")
    }
}
