// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// Persons, agents, groups, gates and their credentials at one moment; derived from the ledger.
///
/// Persons and agents share one name space, so that a group member is never ambiguous. A removed
/// handle stays taken for ever.
package struct Directory: Sendable, Hashable {
    package private(set) var persons: Set<Handle> = []
    package private(set) var agents: [Handle: Handle] = [:]
    package private(set) var groups: [Handle: Set<Handle>] = [:]
    package private(set) var gates: Set<Handle> = []
    /// What is approved of gates that present their configuration.
    package private(set) var configurations: [Handle: GateConfiguration] = [:]
    package private(set) var credentials: [String: Credential] = [:]
    /// Whose tokens may be exchanged for tokens of an agent, by id.
    package private(set) var trusts: [String: WorkloadTrust] = [:]
    /// Whose decisions the accounts of chats are.
    package private(set) var accounts: [ChatAccount: Handle] = [:]
    /// The same the other way round: each person's account of each channel.
    private var accountsOfPersons: [Handle: [Handle: ChatAccount]] = [:]
    /// Handles once used by a person or agent, a group, or a gate; never given out again.
    package private(set) var retired: Set<String> = []

    package init() {}

    /// Persons of a group; agents in it give policies a group, they never review.
    package func persons(in group: Handle) -> Set<Handle> {
        groups[group]?.intersection(persons) ?? []
    }

    /// The groups that a person or agent is in, in order.
    package func groups(of member: Handle) -> [Handle] {
        groups.filter { $0.value.contains(member) }.keys.sorted()
    }

    package func isAdministrator(_ person: Handle) -> Bool {
        persons(in: .administrators).contains(person)
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
        }
    }

    private mutating func add(_ trust: WorkloadTrust) throws(DirectoryError) {
        guard agents[trust.agent] != nil else { throw .unknown("agent", trust.agent.text) }
        guard trusts[trust.id] == nil else { throw .exists("trust", trust.id) }
        guard trusts.count < Limits.trusts else { throw .full("trusts", Limits.trusts) }
        let overlapping = trusts.values.filter { $0.overlaps(trust) }.map(\.id).sorted()
        if let other = overlapping.first { throw .overlaps(other) }
        trusts[trust.id] = trust
    }

    /// One account is one person's, and a person has one account of each channel, so that it is
    /// plain where he is told.
    private mutating func link(
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
        revoke(subject: member, kinds: [.agent, .person, .administrator])
    }

    private mutating func revoke(subject: Handle, kinds: Set<CredentialKind>) {
        credentials = credentials.filter { _, credential in
            credential.subject != subject || !kinds.contains(credential.kind)
        }
    }

    /// What a verdict depends on, in canonical JSON: ids, owners, memberships and what is
    /// approved of gates; no names, no secrets.
    package var json: JSON {
        var agentObject = JSONObject()
        for (id, owner) in agents { agentObject[id.text] = .string(owner.text) }
        var groupObject = JSONObject()
        for (id, members) in groups { groupObject[id.text] = .handles(members.sorted()) }
        var result: JSONObject = [
            "agents": .object(agentObject), "gates": .handles(gates.sorted()),
            "groups": .object(groupObject), "persons": .handles(persons.sorted()), "v": 1,
        ]
        // Only where there are some: directories from before keep their digests.
        if !configurations.isEmpty {
            var object = JSONObject()
            for (id, configuration) in configurations { object[id.text] = configuration.json }
            result["configurations"] = .object(object)
        }
        if !trusts.isEmpty {
            result["trusts"] = .array(trusts.values.sorted { $0.id < $1.id }.map(\.json))
        }
        if !accounts.isEmpty {
            let links = accounts.sorted { $0.key < $1.key }
            result["accounts"] = .array(
                links.map { ["account": $0.key.json, "id": .string($0.value.text)] })
        }
        return .object(result)
    }

    /// Reads an extract back, without credentials; for the offline verifier.
    package init(extract json: JSON) throws {
        var reader = try JSONReader(json, path: "directory")
        guard try reader.int("v") == 1 else { throw CoreError("`directory.v`: unknown version") }
        persons = Set(try reader.handles("persons"))
        gates = Set(try reader.handles("gates"))
        for (key, value) in try Self.members(&reader, "agents") {
            guard let agent = Handle(key), let owner = Handle(value.stringValue ?? "") else {
                throw CoreError("`directory.agents`: not a handle")
            }
            agents[agent] = owner
        }
        for (key, value) in try Self.members(&reader, "groups") {
            guard let group = Handle(key), let members = value.arrayValue else {
                throw CoreError("`directory.groups`: not a handle")
            }
            groups[group] = Set(
                try members.map { member in
                    guard let handle = Handle(member.stringValue ?? "") else {
                        throw CoreError("`directory.groups`: not a handle")
                    }
                    return handle
                })
        }
        if reader.optionalValue("configurations") != nil {
            for (key, value) in try Self.members(&reader, "configurations") {
                guard let gate = Handle(key), gates.contains(gate) else {
                    throw CoreError("`directory.configurations`: not a gate of this directory")
                }
                configurations[gate] = try GateConfiguration(
                    value, path: "directory.configurations")
            }
        }
        if reader.optionalValue("trusts") != nil {
            for element in try reader.array("trusts") {
                let trust = try WorkloadTrust(element, path: "directory.trusts")
                do { try add(trust) } catch { throw CoreError("`directory.trusts`: \(error)") }
            }
        }
        if reader.optionalValue("accounts") != nil {
            for var element in try reader.objects("accounts") {
                let account = try ChatAccount(
                    try element.value("account"), path: "directory.accounts")
                let person = try element.handle("id")
                try element.finish()
                do { try link(account, person) } catch {
                    throw CoreError("`directory.accounts`: \(error)")
                }
            }
        }
        try reader.finish()
    }

    private static func members(_ reader: inout JSONReader, _ key: String) throws -> JSONObject {
        guard case .object(let object) = try reader.value(key) else {
            throw CoreError("`directory.\(key)`: expected an object")
        }
        return object
    }

    /// SHA-256 of the canonical extract; every verdict names the directory it was made with.
    package func digest() throws -> Hash256 { .sha256(try json.canonicalBytes()) }
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
