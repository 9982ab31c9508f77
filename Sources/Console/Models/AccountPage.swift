// SPDX-License-Identifier: Apache-2.0

/// A person's own page: the chat accounts from which he decides.
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
    /// True if the sign-in is recent enough to make a code.
    public var mayLink: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, accounts: [LinkedAccount], channels: [LinkableChannel],
        code: String?, codeExpires: ConsoleInstant?, mayLink: Bool
    ) {
        self.shell = shell
        self.accounts = accounts
        self.channels = channels
        self.code = code
        self.codeExpires = codeExpires
        self.mayLink = mayLink
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
