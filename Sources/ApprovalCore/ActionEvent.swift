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
    /// How the person had shown who he is; nil in entries from before that was noted.
    package let method: SignInMethod?
    /// The manifest with which several actions were decided at once.
    package let batch: Hash256?
    /// The reviewer's own signature, if and only if the assurance is `passkey`.
    package let signature: SignedDecision?

    package init(
        person: Handle, kind: Kind, channel: Channel, assurance: Assurance,
        account: ChatAccount? = nil, selfApproved: Bool, at: Timestamp,
        method: SignInMethod? = nil, batch: Hash256? = nil, signature: SignedDecision? = nil
    ) {
        self.person = person
        self.kind = kind
        self.channel = channel
        self.assurance = assurance
        self.account = account
        self.selfApproved = selfApproved
        self.at = at
        self.method = method
        self.batch = batch
        self.signature = signature
    }
}

/// How somebody showed who he is.
package enum SignInMethod: String, Sendable, Hashable, CaseIterable {
    /// A bearer token of the command line or the API.
    case token
    /// A link that somebody handed over, good for one sign-in; decides only while unsealed.
    case link
    /// An identity provider's word.
    case openID = "openid"
    case passkey
    /// A linked account of a chat.
    case chat
}

/// What somebody says about an action without deciding.
package enum CommentKind: String, Sendable, Hashable, CaseIterable {
    case comment
    /// Asks the requester, whose agent sees it.
    case question
    /// The requester's.
    case answer
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
    /// A person takes his own approval back before anything is cleared.
    case withdrawn(by: Handle)
    /// Policy asks for something else by now: approvals lapse, denials stand.
    case revised(Revision)
    /// These groups are asked as well from now on.
    case escalated([Handle])
    /// The words are in the body.
    case commented(by: String, CommentKind)
    /// Somebody takes it on himself; what it clears follows in the same write.
    case glassBroken(BrokenGlass)
    case debtOverdue
    /// Another person looked at a break-glass afterwards.
    case debtSettled(accepted: Bool, by: Handle)
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
        /// Who broke the glass, where that is what cleared it.
        package let breakGlass: Handle?

        package init(
            operation: Hash256, gate: GateReference, verdict: Verdict.Decision,
            policySet: Hash256, directory: Hash256, approvals: [Handle: [Handle]],
            selfApproved: Bool, notAfter: Timestamp, breakGlass: Handle? = nil
        ) {
            self.operation = operation
            self.gate = gate
            self.verdict = verdict
            self.policySet = policySet
            self.directory = directory
            self.approvals = approvals
            self.selfApproved = selfApproved
            self.notAfter = notAfter
            self.breakGlass = breakGlass
        }
    }

    /// What is asked of people from now on, and what they are shown of it.
    package struct Revision: Sendable, Hashable {
        package let verdict: JSON
        package let requirement: Requirement
        package let policySet: Hash256
        package let directory: Hash256
        /// Never later than before.
        package let deadline: Timestamp
        package let rendering: Hash256
        package let isShownInFull: Bool
    }

    /// One person's way past the review, which another one must look at afterwards (DESIGN §8).
    package struct BrokenGlass: Sendable, Hashable {
        package let person: Handle
        package let channel: Channel
        package let assurance: Assurance
        package let method: SignInMethod
        package let rendering: Hash256
        /// When nobody having looked at it becomes an alarm.
        package let due: Timestamp
    }

    package var kind: String {
        switch self {
        case .submitted: "action.submitted"
        case .decided: "action.decided"
        case .withdrawn: "action.withdrawn"
        case .revised: "action.revised"
        case .escalated: "action.escalated"
        case .commented: "action.commented"
        case .glassBroken: "action.break-glass"
        case .debtOverdue: "action.debt-overdue"
        case .debtSettled: "action.debt-settled"
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
