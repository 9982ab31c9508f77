// SPDX-License-Identifier: Apache-2.0

/// People, groups, agents and gates.
public struct DirectoryPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// People.
    public var people: [DirectoryPerson]
    /// Groups.
    public var groups: [DirectoryGroup]
    /// Agents.
    public var agents: [DirectoryAgent]
    /// Gates.
    public var gates: [DirectoryGate]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, people: [DirectoryPerson], groups: [DirectoryGroup],
        agents: [DirectoryAgent], gates: [DirectoryGate]
    ) {
        self.shell = shell
        self.people = people
        self.groups = groups
        self.agents = agents
        self.gates = gates
    }
}

/// One person of the directory.
public struct DirectoryPerson: Sendable, Hashable {
    /// Person id.
    public var id: String
    /// Display name.
    public var name: String
    /// Groups with this person.
    public var groups: [String]
    /// True for an administrator of this installation.
    public var isAdministrator: Bool
    /// Kinds of credential held, in a word each.
    public var credentials: [String]
    /// Why decisions of this person would not count now, if they would not.
    public var note: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        id: String, name: String, groups: [String], isAdministrator: Bool, credentials: [String],
        note: String?
    ) {
        self.id = id
        self.name = name
        self.groups = groups
        self.isAdministrator = isAdministrator
        self.credentials = credentials
        self.note = note
    }
}

/// One group of the directory.
public struct DirectoryGroup: Sendable, Hashable {
    /// Group id.
    public var id: String
    /// Ids of its members.
    public var members: [String]
    /// True if a policy names it for review.
    public var isNamedByPolicy: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(id: String, members: [String], isNamedByPolicy: Bool) {
        self.id = id
        self.members = members
        self.isNamedByPolicy = isNamedByPolicy
    }
}

/// One agent of the directory.
public struct DirectoryAgent: Sendable, Hashable {
    /// Agent id.
    public var id: String
    /// The person who owns it.
    public var owner: ConsolePersonName
    /// Groups it is in.
    public var groups: [String]
    /// When it last asked for anything.
    public var lastSeen: ConsoleInstant?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(id: String, owner: ConsolePersonName, groups: [String], lastSeen: ConsoleInstant?) {
        self.id = id
        self.owner = owner
        self.groups = groups
        self.lastSeen = lastSeen
    }
}

/// One gate of the directory.
public struct DirectoryGate: Sendable, Hashable {
    /// Gate id.
    public var id: String
    /// True if it has its own credential and holds the privileged access.
    public var isEnforcing: Bool
    /// When it was last heard of.
    public var lastSeen: ConsoleInstant?
    /// What is wrong with it, if anything: quarantined, silent and so on.
    public var note: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(id: String, isEnforcing: Bool, lastSeen: ConsoleInstant?, note: String?) {
        self.id = id
        self.isEnforcing = isEnforcing
        self.lastSeen = lastSeen
        self.note = note
    }
}
