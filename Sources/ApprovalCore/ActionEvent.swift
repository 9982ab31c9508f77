// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// How a decision reached us.
package enum Channel: String, Sendable, Hashable, CaseIterable {
    case cli
    case api
    case console
    case slack
    case teams
    /// Another system that speaks for its users, see ``ChatAccount``.
    case integration

    /// True where somebody else's system says who it was that pressed a button.
    package var isChat: Bool {
        switch self {
        case .cli, .api, .console: false
        case .slack, .teams, .integration: true
        }
    }
}

/// One person's approve or deny on one action digest.
package struct ReviewDecision: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case approve
        case deny
    }

    package let person: Handle
    package let kind: Kind
    package let channel: Channel
    package let assurance: Assurance
    /// The account that decided, if and only if it was in a chat.
    package let account: ChatAccount?
    /// True only in single-operator mode while unsealed (DESIGN §4.5).
    package let selfApproved: Bool
    package let at: Timestamp

    package init(
        person: Handle, kind: Kind, channel: Channel, assurance: Assurance,
        account: ChatAccount? = nil, selfApproved: Bool, at: Timestamp
    ) {
        self.person = person
        self.kind = kind
        self.channel = channel
        self.assurance = assurance
        self.account = account
        self.selfApproved = selfApproved
        self.at = at
    }
}

/// What a gate says happened.
package enum OutcomeStatus: String, Sendable, Hashable, CaseIterable {
    case succeeded
    case failed
    case notStarted = "not_started"
    case unknown
}

/// A single use of a grant, bound to the gate's fresh nonce; what a gate executes on.
package struct Claim: Sendable, Hashable {
    package let nonce: Hash256
    package let gate: Handle
    package let operation: Hash256
    /// The gate must have begun by then, measured from its own request.
    package let startBy: Timestamp
    package let verdict: Verdict.Decision
    package let policySet: Hash256
    package let directory: Hash256
}

/// Everything that can happen to an action.
///
/// Each case is a ledger entry; its core is `json`.
///
/// State is derived from these and nothing else, so a case carries ids, digests and instants
/// only; names, texts and arguments travel in the body beside it.
package enum ActionEvent: Sendable, Hashable {
    case submitted(Submission)
    case decided(ReviewDecision, rendering: Hash256)
    /// A principal tried something it may not; changes nothing but is never lost.
    case refused(principal: String, attempt: String, code: String)
    case cleared(Clearance)
    case claimed(Claim)
    case reported(Report)
    case silent
    case settled(OutcomeStatus, by: Handle)
    case cancelled(by: String)
    case revoked(by: Handle)
    case expired
    case lapsed
    case invalidated(cause: String, policySet: Hash256, directory: Hash256)

    package struct Submission: Sendable, Hashable {
        package let operation: Hash256
        package let requester: Requester
        package let gate: GateReference
        package let decision: Verdict.Decision
        package let verdict: JSON
        package let requirement: Requirement?
        package let policySet: Hash256
        package let directory: Hash256
        /// Set if and only if the verdict is `review`.
        package let deadline: Timestamp?
    }

    /// What a gate attests.
    package struct Report: Sendable, Hashable {
        package let status: OutcomeStatus
        package let exitCode: Int64?
        package let resultDigest: Hash256?
        /// What was seen of effects that were declared without a value.
        package let effects: [ObservedEffect]

        package init(
            _ status: OutcomeStatus, exitCode: Int64? = nil, resultDigest: Hash256? = nil,
            effects: [ObservedEffect] = []
        ) {
            self.status = status
            self.exitCode = exitCode
            self.resultDigest = resultDigest
            self.effects = effects
        }
    }

    package struct Clearance: Sendable, Hashable {
        package let operation: Hash256
        package let gate: GateReference
        package let verdict: Verdict.Decision
        package let policySet: Hash256
        package let directory: Hash256
        /// Who fills which group; empty for an allowed action.
        package let approvals: [Handle: [Handle]]
        package let selfApproved: Bool
        package let notAfter: Timestamp
    }

    package var kind: String {
        switch self {
        case .submitted: "action.submitted"
        case .decided: "action.decided"
        case .refused: "action.attempt-refused"
        case .cleared: "action.cleared"
        case .claimed: "action.claimed"
        case .reported: "action.reported"
        case .silent: "action.silent"
        case .settled: "action.settled"
        case .cancelled: "action.cancelled"
        case .revoked: "action.revoked"
        case .expired: "action.expired"
        case .lapsed: "action.lapsed"
        case .invalidated: "action.invalidated"
        }
    }
}
