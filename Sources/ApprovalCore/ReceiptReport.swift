// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// What a verifier found out about a receipt: a value with everything, never thrown.
package struct ReceiptReport: Sendable, Hashable {
    package enum Status: String, Sendable, Hashable, CaseIterable {
        /// Proven: every entry, verdict, decision and deadline, and the action has ended.
        case valid
        /// Something is wrong; nothing of the receipt may be believed.
        case invalid
        /// Nothing is wrong so far, but the action has not ended or a body was erased.
        case incomplete
    }

    package struct Problem: Sendable, Hashable, CustomStringConvertible {
        package let place: String
        package let what: String
        package var description: String { "`\(place)`: \(what)" }
    }

    /// One person's decision and how far it can be trusted.
    package struct Decision: Sendable, Hashable {
        package let person: Handle
        package let kind: ReviewDecision.Kind
        package let channel: Channel
        package let assurance: Assurance
        package let at: Timestamp
        package let selfApproved: Bool
        /// Who vouches for it: `self-signed` says that the reviewer's own passkey signed it,
        /// `operator-attested` that the log's operator does.
        package let label: String
    }

    /// Who asked for what, and what came of it; as recorded, believed only if valid.
    package struct Summary: Sendable, Hashable {
        package let action: ActionID
        package let digest: String
        package let state: ActionStatus
        package let agent: Handle
        package let owner: Handle
        package let onBehalfOf: Handle?
        package let gate: Handle
        package let submittedAt: Timestamp
        package let updatedAt: Timestamp
        package let verdict: Verdict.Decision
        /// Nil where the body was erased.
        package let operation: String?
        package let resource: String?
        package let outcomes: [OutcomeStatus]
    }

    package struct Flags: Sendable, Hashable {
        /// Some entry was made before the installation was sealed.
        package var unsealed = false
        /// Somebody of the requester chain approved, in single-operator mode.
        package var selfApproved = false
        /// The gate had no credential of its own: its outcome is only a claim.
        package var advisory = false
        /// Who broke the glass to clear it, and whether nobody has looked at that yet.
        package var breakGlass: Handle?
        package var debtOpen = false
        /// Indexes of entries whose body is gone.
        package var erasedBodies: [UInt64] = []
    }

    package internal(set) var status: Status = .invalid
    package internal(set) var problems: [Problem] = []
    package internal(set) var decisions: [Decision] = []
    package internal(set) var flags = Flags()
    /// The operator states that all entries of the action below this index are here.
    package internal(set) var completeUpTo: UInt64?
    package internal(set) var summary: Summary?
    /// What the entries add up to, and what it was about unless that was erased; nil where they tell
    /// no story.
    package internal(set) var state: ActionState?
    package internal(set) var action: Action?

    init() {}

    /// For `verify --json`.
    package var json: JSON {
        [
            "completeUpTo": completeUpTo.map { .integer(Int64(clamping: $0)) } ?? .null,
            "decisions": .array(
                decisions.map { decision in
                    [
                        "assurance": .string(decision.assurance.rawValue),
                        "at": .string(decision.at.description),
                        "channel": .string(decision.channel.rawValue),
                        "decision": .string(decision.kind.rawValue),
                        "label": .string(decision.label),
                        "person": .string(decision.person.text),
                        "selfApproved": .bool(decision.selfApproved),
                    ]
                }),
            "flags": [
                "advisory": .bool(flags.advisory), "breakGlass": .optional(flags.breakGlass),
                "debtOpen": .bool(flags.debtOpen),
                "erasedBodies": .array(
                    flags.erasedBodies.map { .integer(Int64(clamping: $0)) }),
                "selfApproved": .bool(flags.selfApproved), "unsealed": .bool(flags.unsealed),
            ],
            "problems": .array(
                problems.map { ["what": .string($0.what), "where": .string($0.place)] }),
            "status": .string(status.rawValue), "summary": summary?.json ?? .null,
        ]
    }
}

extension ReceiptReport.Summary {
    var json: JSON {
        [
            "action": .string(action.text), "agent": .string(agent.text),
            "digest": .string(digest), "gate": .string(gate.text),
            "onBehalfOf": .optional(onBehalfOf), "operation": .optional(operation),
            "outcomes": .array(outcomes.map { .string($0.rawValue) }),
            "owner": .string(owner.text), "resource": .optional(resource),
            "state": .string(state.rawValue),
            "submittedAt": .string(submittedAt.description),
            "updatedAt": .string(updatedAt.description), "verdict": .string(verdict.rawValue),
        ]
    }
}
