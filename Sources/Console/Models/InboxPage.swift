// SPDX-License-Identifier: Apache-2.0

/// The actions that await a decision.
public struct InboxPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// Pending actions, most urgent first.
    public var items: [InboxItem]
    /// Number of pending actions; more than `items` means that the list was cut.
    public var totalPending: Int

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(shell: ConsoleShell, items: [InboxItem], totalPending: Int) {
        self.shell = shell
        self.items = items
        self.totalPending = totalPending
    }
}

/// One pending action.
public struct InboxItem: Sendable, Hashable {
    /// Action id.
    public var id: String
    /// Action digest, hex.
    public var digest: String
    /// Version.
    public var version: Int
    /// Action name.
    public var action: String
    /// Resource.
    public var resource: ConsoleResource
    /// Requester chain.
    public var requester: ConsoleRequester
    /// One line of what exactly; never what a decision is based on.
    public var summary: String?
    /// Severity.
    public var severity: ConsoleSeverity
    /// When it was submitted.
    public var submittedAt: ConsoleInstant
    /// When it expires.
    public var deadline: ConsoleInstant
    /// Places to fill, per group.
    public var slots: [ConsoleSlot]
    /// True if the gate is advisory.
    public var isAdvisory: Bool
    /// True if the viewer may decide and has not.
    public var awaitsViewer: Bool
    /// Why it does not wait for the viewer: `You approved this`, `You own the agent` and so on.
    public var viewerNote: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        id: String, digest: String, version: Int, action: String, resource: ConsoleResource,
        requester: ConsoleRequester, summary: String?, severity: ConsoleSeverity,
        submittedAt: ConsoleInstant, deadline: ConsoleInstant, slots: [ConsoleSlot],
        isAdvisory: Bool, awaitsViewer: Bool, viewerNote: String?
    ) {
        self.id = id
        self.digest = digest
        self.version = version
        self.action = action
        self.resource = resource
        self.requester = requester
        self.summary = summary
        self.severity = severity
        self.submittedAt = submittedAt
        self.deadline = deadline
        self.slots = slots
        self.isAdvisory = isAdvisory
        self.awaitsViewer = awaitsViewer
        self.viewerNote = viewerNote
    }
}
