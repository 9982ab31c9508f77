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
    /// What is known of resources.
    public var resources: [DirectoryResource]
    /// Times in which policies may hold things back.
    public var freezes: [DirectoryFreeze]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, people: [DirectoryPerson], groups: [DirectoryGroup],
        agents: [DirectoryAgent], trusts: [DirectoryTrust], gates: [DirectoryGate],
        resources: [DirectoryResource], freezes: [DirectoryFreeze]
    ) {
        self.shell = shell
        self.people = people
        self.groups = groups
        self.agents = agents
        self.trusts = trusts
        self.gates = gates
        self.resources = resources
        self.freezes = freezes
    }
}

/// A bearer token of somebody in the directory.
public struct DirectoryToken: Sendable, Hashable {
    /// When it stops working; `nil` for never.
    public var expires: ConsoleInstant?
    /// When it was last used, as far as is known.
    public var lastUsed: ConsoleInstant?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(expires: ConsoleInstant?, lastUsed: ConsoleInstant?) {
        self.expires = expires
        self.lastUsed = lastUsed
    }
}

/// One line of the resource catalogue.
public struct DirectoryResource: Sendable, Hashable {
    /// Id of the line.
    public var id: String
    /// Type of the resources.
    public var type: String
    /// Pattern for their ids.
    public var pattern: String
    /// How much harm they can do, a word.
    public var sensitivity: String
    /// Who answers for them.
    public var owner: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(id: String, type: String, pattern: String, sensitivity: String, owner: String?) {
        self.id = id
        self.type = type
        self.pattern = pattern
        self.sensitivity = sensitivity
        self.owner = owner
    }
}

/// One freeze window.
public struct DirectoryFreeze: Sendable, Hashable {
    /// Its id.
    public var id: String
    /// Its time zone.
    public var zone: String
    /// Parts of the week, such as `Fri 17:00 to Mon 08:00`.
    public var ranges: [String]
    /// True if it is open now.
    public var isOpen: Bool
    /// Until when nothing of that changes.
    public var until: ConsoleInstant

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        id: String, zone: String, ranges: [String], isOpen: Bool, until: ConsoleInstant
    ) {
        self.id = id
        self.zone = zone
        self.ranges = ranges
        self.isOpen = isOpen
        self.until = until
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
    /// Its tokens.
    public var tokens: [DirectoryToken]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        id: String, owner: ConsolePersonName, groups: [String], tokens: [DirectoryToken]
    ) {
        self.id = id
        self.owner = owner
        self.groups = groups
        self.tokens = tokens
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
    /// Its tokens.
    public var tokens: [DirectoryToken]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        id: String, server: String?, toolCount: Int, presentsUnapproved: Bool,
        tokens: [DirectoryToken]
    ) {
        self.id = id
        self.server = server
        self.toolCount = toolCount
        self.presentsUnapproved = presentsUnapproved
        self.tokens = tokens
    }
}
