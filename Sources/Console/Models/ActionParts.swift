// SPDX-License-Identifier: Apache-2.0

/// A person, as named on a page.
public struct ConsolePersonName: Sendable, Hashable {
    /// Person id.
    public var id: String
    /// Display name.
    public var name: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}

/// The resource of an action.
public struct ConsoleResource: Sendable, Hashable {
    /// Type, for example `Host`.
    public var type: String
    /// Identifier within the type.
    public var id: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(type: String, id: String) {
        self.type = type
        self.id = id
    }
}

/// Who asks: the authenticated chain.
public struct ConsoleRequester: Sendable, Hashable {
    /// Agent id.
    public var agent: String
    /// The person who owns the agent.
    public var owner: ConsolePersonName
    /// The person on whose behalf the agent acts, if any.
    public var onBehalfOf: ConsolePersonName?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(agent: String, owner: ConsolePersonName, onBehalfOf: ConsolePersonName?) {
        self.agent = agent
        self.owner = owner
        self.onBehalfOf = onBehalfOf
    }
}

/// The places that one group has to fill.
public struct ConsoleSlot: Sendable, Hashable {
    /// Group id.
    public var group: String
    /// Number of distinct persons needed.
    public var quorum: Int
    /// Who has filled a place so far.
    public var filled: [ConsolePersonName]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(group: String, quorum: Int, filled: [ConsolePersonName]) {
        self.group = group
        self.quorum = quorum
        self.filled = filled
    }
}

/// One policy that fired.
public struct ConsoleReason: Sendable, Hashable {
    /// Policy id.
    public var policy: String
    /// `permit` or `forbid`.
    public var effect: String
    /// True for a marked `forbid`: it asks for review.
    public var isReview: Bool
    /// Its severity, if it names one.
    public var severity: ConsoleSeverity?
    /// Its `@reason`.
    public var reason: String?
    /// Its `@advice`.
    public var advice: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        policy: String, effect: String, isReview: Bool, severity: ConsoleSeverity?,
        reason: String?, advice: String?
    ) {
        self.policy = policy
        self.effect = effect
        self.isReview = isReview
        self.severity = severity
        self.reason = reason
        self.advice = advice
    }
}

/// A policy that could not be evaluated; it counts against the action.
public struct ConsolePolicyError: Sendable, Hashable {
    /// Policy id.
    public var policy: String
    /// What went wrong.
    public var message: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(policy: String, message: String) {
        self.policy = policy
        self.message = message
    }
}

/// What policy says about an action, with all reasons.
public struct ConsoleVerdict: Sendable, Hashable {
    /// `allow`, `review` or `deny`.
    public var decision: String
    /// Every policy that fired.
    public var reasons: [ConsoleReason]
    /// Every policy that could not be evaluated.
    public var errors: [ConsolePolicyError]
    /// Digest of the policy set, hex.
    public var policySet: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        decision: String, reasons: [ConsoleReason], errors: [ConsolePolicyError],
        policySet: String
    ) {
        self.decision = decision
        self.reasons = reasons
        self.errors = errors
        self.policySet = policySet
    }
}

/// One person's decision.
public struct ConsoleDecision: Sendable, Hashable {
    /// Who decided.
    public var person: ConsolePersonName
    /// True for approve, false for deny.
    public var isApproval: Bool
    /// Where: `console`, `cli`, `slack` and so on.
    public var channel: String
    /// How sure we are who it was.
    public var assurance: String
    /// The words given, if any.
    public var reason: String?
    /// When.
    public var at: ConsoleInstant
    /// True if the person is in the requester chain (single-operator mode).
    public var isSelfApproved: Bool
    /// True if a new revision made this decision lapse.
    public var isLapsed: Bool
    /// True if the person took it back.
    public var isWithdrawn: Bool
    /// True if the person's own passkey signed it.
    public var isSigned: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        person: ConsolePersonName, isApproval: Bool, channel: String, assurance: String,
        reason: String?, at: ConsoleInstant, isSelfApproved: Bool, isLapsed: Bool,
        isWithdrawn: Bool, isSigned: Bool
    ) {
        self.person = person
        self.isApproval = isApproval
        self.channel = channel
        self.assurance = assurance
        self.reason = reason
        self.at = at
        self.isSelfApproved = isSelfApproved
        self.isLapsed = isLapsed
        self.isWithdrawn = isWithdrawn
        self.isSigned = isSigned
    }
}

/// The single use of a grant.
public struct ConsoleClaim: Sendable, Hashable {
    /// Gate id.
    public var gate: String
    /// The gate's nonce, hex.
    public var nonce: String
    /// When.
    public var at: ConsoleInstant
    /// Instant before which the gate must start.
    public var startBy: ConsoleInstant
    /// Ledger index of the claim entry.
    public var index: Int

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        gate: String, nonce: String, at: ConsoleInstant, startBy: ConsoleInstant, index: Int
    ) {
        self.gate = gate
        self.nonce = nonce
        self.at = at
        self.startBy = startBy
        self.index = index
    }
}

/// What was reported after execution.
public struct ConsoleOutcome: Sendable, Hashable {
    /// `succeeded`, `failed`, `not_started` or `unknown`.
    public var status: String
    /// Exit code, if there is one.
    public var exitCode: Int?
    /// Text of the report.
    public var detail: String?
    /// Digest of the result, hex.
    public var resultDigest: String?
    /// Gate or person that reported.
    public var reportedBy: String
    /// True if the gate was advisory: the outcome is then a claim, labelled so.
    public var isClaim: Bool
    /// When.
    public var at: ConsoleInstant

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        status: String, exitCode: Int?, detail: String?, resultDigest: String?,
        reportedBy: String, isClaim: Bool, at: ConsoleInstant
    ) {
        self.status = status
        self.exitCode = exitCode
        self.detail = detail
        self.resultDigest = resultDigest
        self.reportedBy = reportedBy
        self.isClaim = isClaim
        self.at = at
    }
}

/// One ledger entry of the action.
public struct ConsoleTimelineEntry: Sendable, Hashable {
    /// Ledger index.
    public var index: Int
    /// Position in the chain of this action.
    public var seq: Int
    /// Entry kind, for example `action.submitted`.
    public var kind: String
    /// Recorded time.
    public var at: ConsoleInstant
    /// Who or what, in a few words.
    public var summary: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(index: Int, seq: Int, kind: String, at: ConsoleInstant, summary: String?) {
        self.index = index
        self.seq = seq
        self.kind = kind
        self.at = at
        self.summary = summary
    }
}

/// What the viewer may do with the action now.
///
/// The server decides again when a form arrives; this only decides what is shown.
public struct ConsolePermission: Sendable, Hashable {
    /// True if the viewer is eligible to approve.
    public var mayApprove: Bool
    /// True if the viewer is eligible to deny.
    public var mayDeny: Bool
    /// Why the viewer may not decide, one sentence each; not empty means no approve button.
    public var obstacles: [String]
    /// True if only a fresh sign-in is missing.
    public var needsFreshSignIn: Bool
    /// True if the viewer may cancel it as its requester.
    public var mayCancel: Bool
    /// True if the viewer may revoke the unused grant.
    public var mayRevoke: Bool
    /// True if the viewer may settle an unknown outcome.
    public var maySettle: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        mayApprove: Bool, mayDeny: Bool, obstacles: [String], needsFreshSignIn: Bool,
        mayCancel: Bool, mayRevoke: Bool, maySettle: Bool
    ) {
        self.mayApprove = mayApprove
        self.mayDeny = mayDeny
        self.obstacles = obstacles
        self.needsFreshSignIn = needsFreshSignIn
        self.mayCancel = mayCancel
        self.mayRevoke = mayRevoke
        self.maySettle = maySettle
    }
}
