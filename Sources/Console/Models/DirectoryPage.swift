// SPDX-License-Identifier: Apache-2.0

/// People, groups, agents, jobs that may become an agent, and gates.
public struct DirectoryPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// People.
    public var people: [DirectoryPerson]
    /// Groups.
    public var groups: [DirectoryGroup]
    /// Agents.
    public var agents: [DirectoryAgent]
    /// Whose jobs may become which agent.
    public var trusts: [DirectoryTrust]
    /// Gates.
    public var gates: [DirectoryGate]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, people: [DirectoryPerson], groups: [DirectoryGroup],
        agents: [DirectoryAgent], trusts: [DirectoryTrust], gates: [DirectoryGate]
    ) {
        self.shell = shell
        self.people = people
        self.groups = groups
        self.agents = agents
        self.trusts = trusts
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

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(id: String, owner: ConsolePersonName, groups: [String]) {
        self.id = id
        self.owner = owner
        self.groups = groups
    }
}

/// Jobs of an issuer whose tokens are exchanged for tokens of an agent.
public struct DirectoryTrust: Sendable, Hashable {
    /// Id of the trust.
    public var id: String
    /// The agent that such jobs become.
    public var agent: String
    /// URL of the issuer.
    public var issuer: String
    /// What its tokens must be made for.
    public var audience: String
    /// Claims that must be just so, `name=value` each.
    public var claims: [String]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(id: String, agent: String, issuer: String, audience: String, claims: [String]) {
        self.id = id
        self.agent = agent
        self.issuer = issuer
        self.audience = audience
        self.claims = claims
    }
}

/// One gate of the directory: it has a credential of its own.
public struct DirectoryGate: Sendable, Hashable {
    /// Gate id.
    public var id: String
    /// Server of tools that it is approved to stand before, if it stands before one.
    public var server: String?
    /// How many of that server's tools are approved.
    public var toolCount: Int
    /// True if it presents something that is not approved.
    ///
    /// That is its configuration, so that all its calls are denied, or definitions of tools, so that
    /// calls of those are.
    public var presentsUnapproved: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(id: String, server: String?, toolCount: Int, presentsUnapproved: Bool) {
        self.id = id
        self.server = server
        self.toolCount = toolCount
        self.presentsUnapproved = presentsUnapproved
    }
}
