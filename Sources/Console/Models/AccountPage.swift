// SPDX-License-Identifier: Apache-2.0

/// A person's own page: his passkeys and sessions, and the chat accounts from which he decides.
public struct AccountPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// Accounts that are linked to the viewer.
    public var accounts: [LinkedAccount]
    /// Channels whose accounts can be linked, each with how to enter a code there.
    public var channels: [LinkableChannel]
    /// The code that was just made, shown once.
    public var code: String?
    /// Until when it can be used.
    public var codeExpires: ConsoleInstant?
    /// True if the sign-in is recent enough to make a code, and to enrol a passkey.
    public var mayLink: Bool
    /// The viewer's passkeys, the oldest first.
    public var passkeys: [OwnPasskey]
    /// Where the viewer is signed in, the newest first.
    public var sessions: [OwnSession]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, accounts: [LinkedAccount], channels: [LinkableChannel],
        code: String?, codeExpires: ConsoleInstant?, mayLink: Bool, passkeys: [OwnPasskey],
        sessions: [OwnSession]
    ) {
        self.shell = shell
        self.accounts = accounts
        self.channels = channels
        self.code = code
        self.codeExpires = codeExpires
        self.mayLink = mayLink
        self.passkeys = passkeys
        self.sessions = sessions
    }
}

/// A passkey of the viewer.
public struct OwnPasskey: Sendable, Hashable {
    /// The credential id, base64url.
    public var id: String
    /// Since when it is his.
    public var since: ConsoleInstant
    /// True if the key may be copied to his other devices.
    public var isSynced: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(id: String, since: ConsoleInstant, isSynced: Bool) {
        self.id = id
        self.since = since
        self.isSynced = isSynced
    }
}

/// A browser in which the viewer is signed in.
public struct OwnSession: Sendable, Hashable {
    /// Names it.
    public var id: String
    /// How he signed in, a word.
    public var method: String
    /// When.
    public var signedInAt: ConsoleInstant
    /// When it ends.
    public var expires: ConsoleInstant
    /// Where it was opened.
    public var address: String?
    /// What the browser called itself, made visible.
    public var userAgent: String?
    /// True for the one that asks.
    public var isCurrent: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        id: String, method: String, signedInAt: ConsoleInstant, expires: ConsoleInstant,
        address: String?, userAgent: String?, isCurrent: Bool
    ) {
        self.id = id
        self.method = method
        self.signedInAt = signedInAt
        self.expires = expires
        self.address = address
        self.userAgent = userAgent
        self.isCurrent = isCurrent
    }
}

/// An account of a chat that decides as the viewer.
public struct LinkedAccount: Sendable, Hashable {
    /// The configured channel.
    public var channel: String
    /// The vendor's id of team or tenant.
    public var workspace: String
    /// The vendor's id of the user.
    public var user: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(channel: String, workspace: String, user: String) {
        self.channel = channel
        self.workspace = workspace
        self.user = user
    }
}

/// A channel whose accounts can be linked.
public struct LinkableChannel: Sendable, Hashable {
    /// The configured channel.
    public var id: String
    /// What to do there with a code, one sentence.
    public var instruction: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(id: String, instruction: String) {
        self.id = id
        self.instruction = instruction
    }
}
