// SPDX-License-Identifier: Apache-2.0

/// All actions, newest first, with a search.
public struct HistoryPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// Search text as entered.
    public var query: String
    /// State filter as entered, empty for all.
    public var state: String
    /// The actions on this page.
    public var rows: [HistoryRow]
    /// Action id to continue before, or `nil` on the last page.
    public var next: String?
    /// True unless the page was reached by continuing.
    public var isFirstPage: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, query: String, state: String, rows: [HistoryRow], next: String?,
        isFirstPage: Bool
    ) {
        self.shell = shell
        self.query = query
        self.state = state
        self.rows = rows
        self.next = next
        self.isFirstPage = isFirstPage
    }
}

/// One action of the past, or a pending one.
public struct HistoryRow: Sendable, Hashable {
    /// Action id.
    public var id: String
    /// Action digest, hex.
    public var digest: String
    /// Action name.
    public var action: String
    /// Resource.
    public var resource: ConsoleResource
    /// Requester chain.
    public var requester: ConsoleRequester
    /// State.
    public var state: ConsoleState
    /// Severity of its review, or `nil` without one.
    public var severity: ConsoleSeverity?
    /// When it was submitted.
    public var submittedAt: ConsoleInstant
    /// Who decided.
    public var decidedBy: [ConsolePersonName]
    /// True if the gate is advisory.
    public var isAdvisory: Bool
    /// True if it was approved from within its requester chain.
    public var isSelfApproved: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        id: String, digest: String, action: String, resource: ConsoleResource,
        requester: ConsoleRequester, state: ConsoleState, severity: ConsoleSeverity?,
        submittedAt: ConsoleInstant, decidedBy: [ConsolePersonName], isAdvisory: Bool,
        isSelfApproved: Bool
    ) {
        self.id = id
        self.digest = digest
        self.action = action
        self.resource = resource
        self.requester = requester
        self.state = state
        self.severity = severity
        self.submittedAt = submittedAt
        self.decidedBy = decidedBy
        self.isAdvisory = isAdvisory
        self.isSelfApproved = isSelfApproved
    }
}
