// SPDX-License-Identifier: Apache-2.0

/// Persons, agents, groups, gates and their credentials at one moment; derived from the ledger.
///
/// Persons and agents share one name space, so that a group member is never ambiguous. A removed
/// handle stays taken for ever.
package struct Directory: Sendable, Hashable {
    package internal(set) var persons: Set<Handle> = []
    package internal(set) var agents: [Handle: Handle] = [:]
    package internal(set) var groups: [Handle: Set<Handle>] = [:]
    package internal(set) var gates: Set<Handle> = []
    /// What is approved of gates that present their configuration.
    package internal(set) var configurations: [Handle: GateConfiguration] = [:]
    package internal(set) var credentials: [String: Credential] = [:]
    /// Whose tokens may be exchanged for tokens of an agent, by id.
    package internal(set) var trusts: [String: WorkloadTrust] = [:]
    /// Whose decisions the accounts of chats are.
    package internal(set) var accounts: [ChatAccount: Handle] = [:]
    /// Whose the accounts at identity providers are.
    package internal(set) var externals: [ExternalAccount: ExternalLink] = [:]
    /// By credential id.
    package internal(set) var passkeys: [String: Passkey] = [:]
    /// What is known of resources, by the id of the line.
    package internal(set) var resources: [Handle: ResourceRule] = [:]
    /// Times in which policies may hold things back.
    package internal(set) var freezes: [Handle: FreezeWindow] = [:]
    /// The same the other way round: each person's account of each channel.
    private var accountsOfPersons: [Handle: [Handle: ChatAccount]] = [:]
    /// Handles once used by a person or agent, a group, or a gate; never given out again.
    package internal(set) var retired: Set<String> = []

    package init() {}

    /// Persons of a group; agents in it give policies a group, they never review.
    package func persons(in group: Handle) -> Set<Handle> {
        groups[group]?.intersection(persons) ?? []
    }

    /// Whether somebody is a person, and in a group.
    package func isPerson(_ person: Handle, in group: Handle) -> Bool {
        groups[group]?.contains(person) == true && persons.contains(person)
    }

    /// The groups that a person or agent is in, in order.
    package func groups(of member: Handle) -> [Handle] {
        groups.filter { $0.value.contains(member) }.keys.sorted()
    }

    package func isAdministrator(_ person: Handle) -> Bool {
        isPerson(person, in: .administrators)
    }

    /// Applies one change or says why it can't be.
    package mutating func apply(_ change: DirectoryChange) throws(DirectoryError) {
        switch change {
        case .personAdded(let id):
            try take("principal", id)
            persons.insert(id)
        case .personRemoved(let id):
            guard persons.remove(id) != nil else { throw .unknown("person", id.text) }
            forget(id)
        case .agentAdded(let id, let owner):
            guard persons.contains(owner) else { throw .unknown("owner", owner.text) }
            try take("principal", id)
            agents[id] = owner
        case .agentRemoved(let id):
            guard agents.removeValue(forKey: id) != nil else { throw .unknown("agent", id.text) }
            trusts = trusts.filter { $0.value.agent != id }
            forget(id)
        case .agentOwned(let id, let owner):
            guard agents[id] != nil else { throw .unknown("agent", id.text) }
            guard persons.contains(owner) else { throw .unknown("owner", owner.text) }
            agents[id] = owner
        case .groupAdded(let id):
            try take("group", id)
            groups[id] = []
        case .groupRemoved(let id):
            guard groups.removeValue(forKey: id) != nil else { throw .unknown("group", id.text) }
        case .memberAdded(let group, let member):
            guard groups[group] != nil else { throw .unknown("group", group.text) }
            guard persons.contains(member) || agents[member] != nil else {
                throw .unknown("person or agent", member.text)
            }
            guard groups[group]?.insert(member).inserted == true else {
                throw .exists("member", member.text)
            }
        case .memberRemoved(let group, let member):
            guard groups[group]?.remove(member) != nil else {
                throw .unknown("member", member.text)
            }
        case .gateAdded(let id):
            try take("gate", id)
            gates.insert(id)
        case .gateRemoved(let id):
            guard gates.remove(id) != nil else { throw .unknown("gate", id.text) }
            configurations[id] = nil
            revoke(subject: id, kinds: [.gate])
        case .gateConfigured(let id, let configuration):
            guard gates.contains(id) else { throw .unknown("gate", id.text) }
            configurations[id] = configuration
        case .credentialIssued, .credentialRevoked, .externalLinked, .externalUnlinked,
            .passkeyAdded, .passkeyRemoved, .resourceSet, .resourceRemoved, .freezeSet,
            .freezeRemoved, .trustAdded, .trustRemoved, .accountLinked, .accountUnlinked:
            try applyRest(change)
        }
    }

    /// What is neither a party nor a membership.
    private mutating func applyRest(_ change: DirectoryChange) throws(DirectoryError) {
        switch change {
        case .credentialIssued(let credential):
            guard credentials[credential.id] == nil else {
                throw .exists("credential", credential.id)
            }
            guard hasSubject(credential) else {
                throw .unknown(credential.kind.rawValue, credential.subject.text)
            }
            credentials[credential.id] = credential
        case .credentialRevoked(let id):
            guard credentials.removeValue(forKey: id) != nil else {
                throw .unknown("credential", id)
            }
        case .externalLinked(let account, let link): try add(account, link)
        case .externalUnlinked(let account):
            guard externals.removeValue(forKey: account) != nil else {
                throw .unknown("account", account.description)
            }
        case .passkeyAdded(let passkey): try add(passkey)
        case .passkeyRemoved(let id):
            guard passkeys.removeValue(forKey: id) != nil else { throw .unknown("passkey", id) }
        case .resourceSet(let rule):
            guard resources[rule.id] != nil || resources.count < Limits.resources else {
                throw .full("lines in the resource catalogue", Limits.resources)
            }
            resources[rule.id] = rule
        case .resourceRemoved(let id):
            guard resources.removeValue(forKey: id) != nil else {
                throw .unknown("line in the resource catalogue", id.text)
            }
        case .freezeSet(let window):
            guard freezes[window.id] != nil || freezes.count < Limits.freezes else {
                throw .full("freeze windows", Limits.freezes)
            }
            freezes[window.id] = window
        case .freezeRemoved(let id):
            guard freezes.removeValue(forKey: id) != nil else {
                throw .unknown("freeze window", id.text)
            }
        case .trustAdded(let trust): try add(trust)
        case .trustRemoved(let id):
            guard trusts.removeValue(forKey: id) != nil else { throw .unknown("trust", id) }
        case .accountLinked(let account, let person): try link(account, person)
        case .accountUnlinked(let account):
            guard let person = accounts.removeValue(forKey: account) else {
                throw .unknown("account", account.description)
            }
            accountsOfPersons[person]?[account.channel] = nil
            if accountsOfPersons[person]?.isEmpty == true { accountsOfPersons[person] = nil }
        case .personAdded, .personRemoved, .agentAdded, .agentRemoved, .agentOwned, .groupAdded,
            .groupRemoved, .memberAdded, .memberRemoved, .gateAdded, .gateRemoved, .gateConfigured:
            break
        }
    }

    mutating func add(
        _ account: ExternalAccount, _ link: ExternalLink
    ) throws(DirectoryError) {
        guard persons.contains(link.person) else { throw .unknown("person", link.person.text) }
        guard externals[account] == nil else { throw .exists("account", account.description) }
        guard externals.values.count(where: { $0.person == link.person }) < Limits.passkeysOfPerson
        else { throw .full("accounts of one person", Limits.passkeysOfPerson) }
        externals[account] = link
    }

    mutating func add(_ passkey: Passkey) throws(DirectoryError) {
        guard persons.contains(passkey.person) else {
            throw .unknown("person", passkey.person.text)
        }
        guard passkeys[passkey.id] == nil else { throw .exists("passkey", passkey.id) }
        guard passkeys(of: passkey.person).count < Limits.passkeysOfPerson else {
            throw .full("passkeys of one person", Limits.passkeysOfPerson)
        }
        passkeys[passkey.id] = passkey
    }

    /// A person's passkeys, the oldest first.
    package func passkeys(of person: Handle) -> [Passkey] {
        passkeys.values.filter { $0.person == person }.sorted {
            ($0.since, $0.id) < ($1.since, $1.id)
        }
    }

    /// Whether a person can show by himself who he is: nobody else has seen what he shows.
    package func hasOwnCredential(_ person: Handle) -> Bool {
        passkeys.values.contains { $0.person == person }
            || externals.values.contains { $0.person == person }
    }

    mutating func add(_ trust: WorkloadTrust) throws(DirectoryError) {
        guard agents[trust.agent] != nil else { throw .unknown("agent", trust.agent.text) }
        guard trusts[trust.id] == nil else { throw .exists("trust", trust.id) }
        guard trusts.count < Limits.trusts else { throw .full("trusts", Limits.trusts) }
        let overlapping = trusts.values.filter { $0.overlaps(trust) }.map(\.id).sorted()
        if let other = overlapping.first { throw .overlaps(other) }
        trusts[trust.id] = trust
    }

    /// One account is one person's, and a person has one account of each channel, so that it is
    /// plain where he is told.
    mutating func link(
        _ account: ChatAccount, _ person: Handle
    ) throws(DirectoryError) {
        guard persons.contains(person) else { throw .unknown("person", person.text) }
        guard accounts[account] == nil else { throw .exists("account", account.description) }
        if let other = self.account(of: person, in: account.channel) {
            throw .exists("account", other.description)
        }
        accounts[account] = person
        accountsOfPersons[person, default: [:]][account.channel] = account
    }

    /// A person's account of a channel.
    package func account(of person: Handle, in channel: Handle) -> ChatAccount? {
        accountsOfPersons[person]?[channel]
    }

    private func hasSubject(_ credential: Credential) -> Bool {
        switch credential.kind {
        case .agent: agents[credential.subject] != nil
        case .person, .administrator: persons.contains(credential.subject)
        case .gate: gates.contains(credential.subject)
        }
    }

    private mutating func take(_ space: String, _ id: Handle) throws(DirectoryError) {
        guard retired.insert("\(space):\(id.text)").inserted else {
            throw .exists(space == "principal" ? "person or agent" : space, id.text)
        }
    }

    private mutating func forget(_ member: Handle) {
        for group in groups.keys { groups[group]?.remove(member) }
        for account in accountsOfPersons.removeValue(forKey: member)?.values.map(\.self) ?? [] {
            accounts[account] = nil
        }
        externals = externals.filter { $0.value.person != member }
        passkeys = passkeys.filter { $0.value.person != member }
        revoke(subject: member, kinds: [.agent, .person, .administrator])
    }

    private mutating func revoke(subject: Handle, kinds: Set<CredentialKind>) {
        credentials = credentials.filter { _, credential in
            credential.subject != subject || !kinds.contains(credential.kind)
        }
    }
}

/// A change of the directory that can't be applied.
package enum DirectoryError: Error, Sendable, Hashable, CustomStringConvertible {
    case unknown(String, String)
    case exists(String, String)
    case full(String, Int)
    /// Named by its id: a trust that a token could match as well.
    case overlaps(String)

    package var description: String {
        switch self {
        case .unknown(let kind, let id):
            "there is no \(kind) `\(VisibleText.escape(id))`"
        case .exists("account", let id):
            "account `\(VisibleText.escape(id))` is linked already: unlink it first"
        case .exists(let kind, let id):
            "\(kind) `\(VisibleText.escape(id))` exists or existed: handles are never reused"
        case .full(let what, let limit):
            "there are \(limit) \(what), the most that may be: remove one"
        case .overlaps(let id):
            "a token could match trust `\(id)` as well: give both a claim in which they differ, or "
                + "remove that one first"
        }
    }
}
