// SPDX-License-Identifier: Apache-2.0

/// Several actions that are looked at together, each shown in full.
public struct BatchPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// Digest of the manifest, 64 hex digits: what a decision names.
    public var digest: String
    /// What whoever put it together calls it, made visible.
    public var batchTitle: String?
    /// Who put it together, by name, made visible.
    public var by: String
    /// The members, in the order of the manifest.
    public var members: [BatchMember]
    /// SHA-256 of all renderings on the page: a decision is refused where one of them has changed.
    public var shown: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, digest: String, batchTitle: String?, by: String,
        members: [BatchMember], shown: String
    ) {
        self.shell = shell
        self.digest = digest
        self.batchTitle = batchTitle
        self.by = by
        self.members = members
        self.shown = shown
    }
}

/// One action of a batch.
public struct BatchMember: Sendable, Hashable {
    /// Action id.
    public var id: String
    /// Action digest, 64 hex digits.
    public var digest: String
    /// State.
    public var state: ConsoleState
    /// Action name.
    public var action: String
    /// Resource.
    public var resource: ConsoleResource
    /// Requester chain.
    public var requester: ConsoleRequester
    /// Severity of the review, or `nil` without one.
    public var severity: ConsoleSeverity?
    /// When it expires, while it is pending.
    public var deadline: ConsoleInstant?
    /// True if the gate is advisory.
    public var isAdvisory: Bool
    /// What the reviewer sees.
    public var rendering: ConsoleRendering
    /// True if an approval of the viewer would count.
    public var mayApprove: Bool
    /// True if a denial of the viewer would count.
    public var mayDeny: Bool
    /// Why the viewer can't approve it, in a sentence.
    public var obstacle: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        id: String, digest: String, state: ConsoleState, action: String,
        resource: ConsoleResource, requester: ConsoleRequester, severity: ConsoleSeverity?,
        deadline: ConsoleInstant?, isAdvisory: Bool, rendering: ConsoleRendering,
        mayApprove: Bool, mayDeny: Bool, obstacle: String?
    ) {
        self.id = id
        self.digest = digest
        self.state = state
        self.action = action
        self.resource = resource
        self.requester = requester
        self.severity = severity
        self.deadline = deadline
        self.isAdvisory = isAdvisory
        self.rendering = rendering
        self.mayApprove = mayApprove
        self.mayDeny = mayDeny
        self.obstacle = obstacle
    }
}
