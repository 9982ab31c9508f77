// SPDX-License-Identifier: Apache-2.0

/// The page of one action.
public struct ActionPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// Action id.
    public var id: String
    /// Action digest, 64 hex digits: what a decision names.
    public var digest: String
    /// Operation digest, 64 hex digits.
    public var operationDigest: String
    /// Version that a decision is made against.
    public var version: Int
    /// Revision of the review, from 1.
    public var revision: Int
    /// State.
    public var state: ConsoleState
    /// Action name, for example `command.run`.
    public var action: String
    /// Resource.
    public var resource: ConsoleResource
    /// Requester chain.
    public var requester: ConsoleRequester
    /// Gate id.
    public var gate: String
    /// True if the gate is advisory.
    public var isAdvisory: Bool
    /// True if it was submitted while the installation was unsealed.
    public var isUnsealed: Bool
    /// Severity of the review, or `nil` without one.
    public var severity: ConsoleSeverity?
    /// Assurance that the review demands.
    public var assurance: String?
    /// When it was submitted.
    public var submittedAt: ConsoleInstant
    /// When a pending action expires.
    public var deadline: ConsoleInstant?
    /// When an unused grant lapses.
    public var grantExpires: ConsoleInstant?
    /// Why it is in its state, one sentence, if there is more to say than the state does.
    public var endedBecause: String?
    /// What the reviewer sees.
    public var rendering: ConsoleRendering
    /// Verdict with all reasons.
    public var verdict: ConsoleVerdict
    /// Places to fill, per group.
    public var slots: [ConsoleSlot]
    /// Who may decide.
    public var eligible: [ConsolePersonName]
    /// Decisions so far, oldest first.
    public var decisions: [ConsoleDecision]
    /// What the viewer may do.
    public var permission: ConsolePermission
    /// The claim, once there is one.
    public var claim: ConsoleClaim?
    /// Reports of what happened, oldest first; both are kept where they differ.
    public var outcomes: [ConsoleOutcome]
    /// Ledger entries, oldest first.
    public var timeline: [ConsoleTimelineEntry]
    /// Where people were told of it.
    public var deliveries: [ConsoleDelivery]
    /// How many other actions of this agent are pending.
    public var otherPendingOfAgent: Int
    /// Revisions, escalations, comments, break-glass and what the viewer may do about them.
    public var review: ConsoleReview

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, id: String, digest: String, operationDigest: String, version: Int,
        revision: Int, state: ConsoleState, action: String, resource: ConsoleResource,
        requester: ConsoleRequester, gate: String, isAdvisory: Bool, isUnsealed: Bool,
        severity: ConsoleSeverity?, assurance: String?, submittedAt: ConsoleInstant,
        deadline: ConsoleInstant?, grantExpires: ConsoleInstant?, endedBecause: String?,
        rendering: ConsoleRendering, verdict: ConsoleVerdict, slots: [ConsoleSlot],
        eligible: [ConsolePersonName], decisions: [ConsoleDecision],
        permission: ConsolePermission, claim: ConsoleClaim?, outcomes: [ConsoleOutcome],
        timeline: [ConsoleTimelineEntry], deliveries: [ConsoleDelivery],
        otherPendingOfAgent: Int, review: ConsoleReview
    ) {
        self.shell = shell
        self.id = id
        self.digest = digest
        self.operationDigest = operationDigest
        self.version = version
        self.revision = revision
        self.state = state
        self.action = action
        self.resource = resource
        self.requester = requester
        self.gate = gate
        self.isAdvisory = isAdvisory
        self.isUnsealed = isUnsealed
        self.severity = severity
        self.assurance = assurance
        self.submittedAt = submittedAt
        self.deadline = deadline
        self.grantExpires = grantExpires
        self.endedBecause = endedBecause
        self.rendering = rendering
        self.verdict = verdict
        self.slots = slots
        self.eligible = eligible
        self.decisions = decisions
        self.permission = permission
        self.claim = claim
        self.outcomes = outcomes
        self.timeline = timeline
        self.deliveries = deliveries
        self.otherPendingOfAgent = otherPendingOfAgent
        self.review = review
    }
}
