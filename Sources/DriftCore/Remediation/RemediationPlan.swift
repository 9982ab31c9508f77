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
        ///
        /// Of a subject that is created or deleted as a whole there are only the tests.
        package let patch: JSON
        /// What the subject should be; nil where it is deleted.
        package let document: JSON?
        /// By which it is verified.
        package let fields: [Field]
    }

    /// One place that a change puts back.
    package struct Field: Sendable, Hashable {
        package let fingerprint: Hash256
        package let pointer: JSONPointer
        /// What should be there; nil for nothing.
        package let post: JSON?
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
    /// In the order of subjects.
    package let changes: [Change]
    package let refused: [Refusal]
    /// Whether some of it gives back rights; then it says so, and a person has to agree.
    package let isBroadening: Bool
    /// True where no standing approval may do: unless all of it is known to take rights away, and
    /// for kind `exequatur` always.
    package let needsReview: Bool

    /// How many places change.
    package var fields: Int { changes.reduce(0) { $0 + $1.fields.count } }

    /// What the action that carries it out declares, so that it is verified like any other.
    package var effects: [DeclaredEffect] {
        changes.flatMap { change in
            var places: Set<JSONPointer> = []
            // Several elements of one list are put back with the list.
            return change.fields.filter { places.insert($0.pointer).inserted }.map { field in
                DeclaredEffect(
                    scope: scope, subject: change.subject, path: field.pointer,
                    post: field.post.map(DeclaredEffect.Post.value) ?? .absent)
            }
        }
    }

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
    /// The episodes that ended by it.
    package let closed: [Episode]

    package var isComplete: Bool { failed.isEmpty && unseen.isEmpty }
}

extension RemediationPlan.Change {
    /// Whether a subject still is what the plan was made against, and the change leads to just the
    /// document that was approved.
    ///
    /// - Parameter found: its document now; nil where there is none.
    /// - Throws: ``DriftError`` that says what is different.
    package func check(against found: JSON?) throws(DriftError) {
        switch (kind, found) {
        case (.create, nil): return
        case (.create, _?): throw DriftError("something is there already: make a new plan")
        case (.delete, nil), (.edit, nil): throw DriftError("it is gone: make a new plan")
        case (.delete, let found?), (.edit, let found?):
            let put: JSON
            do {
                // The tests in front of the patch say what the plan was made against.
                put = try JSONPatch(patch).applied(to: found)
            } catch {
                throw DriftError(
                    "it is not what the plan was made against, make a new one: \(error)")
            }
            guard kind == .delete || put == document else {
                throw DriftError("it changed beside what the plan puts back: make a new plan")
            }
        }
    }
}
