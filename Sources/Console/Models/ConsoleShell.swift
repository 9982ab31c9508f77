// SPDX-License-Identifier: Apache-2.0

/// What every page of the console shows around its own content.
///
/// The banners are drawn from here, so a page cannot forget them.
public struct ConsoleShell: Sendable, Hashable {
    /// Name of this installation: the origin of its log.
    public var installation: String
    /// Version of the server.
    public var version: String
    /// The server's time when the page was made; every countdown counts from it.
    public var now: ConsoleInstant
    /// Who is signed in, or `nil` on the sign-in and error pages.
    public var viewer: ConsoleViewer?
    /// Token that every form sends back in its field `csrf`.
    public var csrfToken: String
    /// True until the set-up phase is ended by sealing: every page then says so.
    public var isUnsealed: Bool
    /// True while the single-operator mode is on: every page then says so.
    public var isSingleOperator: Bool
    /// Number of actions that await a decision, for the navigation.
    public var pendingCount: Int
    /// Number of open deviations, for the navigation.
    public var openDeviations: Int
    /// Broken glass that nobody else has looked at yet; every page says so to who is signed in.
    public var debts: [ConsoleOpenDebt]
    /// What the last form did, shown once above the content.
    public var notice: ConsoleNotice?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        installation: String, version: String, now: ConsoleInstant, viewer: ConsoleViewer?,
        csrfToken: String, isUnsealed: Bool, isSingleOperator: Bool, pendingCount: Int,
        openDeviations: Int, debts: [ConsoleOpenDebt], notice: ConsoleNotice?
    ) {
        self.installation = installation
        self.version = version
        self.now = now
        self.viewer = viewer
        self.csrfToken = csrfToken
        self.isUnsealed = isUnsealed
        self.isSingleOperator = isSingleOperator
        self.pendingCount = pendingCount
        self.openDeviations = openDeviations
        self.debts = debts
        self.notice = notice
    }
}

/// A broken glass that nobody else has looked at yet.
public struct ConsoleOpenDebt: Sendable, Hashable {
    /// The action that was cleared so.
    public var action: String
    /// Who broke the glass.
    public var person: ConsolePersonName
    /// Until when somebody else must look at it.
    public var due: ConsoleInstant
    /// True if nobody did in time.
    public var isOverdue: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(action: String, person: ConsolePersonName, due: ConsoleInstant, isOverdue: Bool) {
        self.action = action
        self.person = person
        self.due = due
        self.isOverdue = isOverdue
    }
}

/// The person who is signed in.
public struct ConsoleViewer: Sendable, Hashable {
    /// Person id.
    public var id: String
    /// Display name.
    public var name: String
    /// True for an administrator of this installation.
    public var isAdministrator: Bool
    /// Assurance of this session: `token`, `chat`, `console` or `passkey`.
    public var assurance: String
    /// Until when the sign-in is fresh enough for `console`, or `nil` if it never was.
    public var freshUntil: ConsoleInstant?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        id: String, name: String, isAdministrator: Bool, assurance: String,
        freshUntil: ConsoleInstant?
    ) {
        self.id = id
        self.name = name
        self.isAdministrator = isAdministrator
        self.assurance = assurance
        self.freshUntil = freshUntil
    }
}

/// One message about the last thing the viewer did.
public struct ConsoleNotice: Sendable, Hashable {
    /// How it is coloured and announced.
    public var kind: Kind
    /// The message, one sentence, plain text.
    public var text: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(kind: Kind, text: String) {
        self.kind = kind
        self.text = text
    }

    /// The three tones of a notice.
    public enum Kind: String, Sendable, Hashable { case success, warning, error }
}
