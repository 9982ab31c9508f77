// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// The directory as canonical JSON and back: what verdicts name, and what receipts carry.
extension Directory {
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
        writeRest(&result)
        return .object(result)
    }

    private func writeRest(_ result: inout JSONObject) {
        if !externals.isEmpty {
            result["externals"] = .array(
                externals.sorted { $0.key < $1.key }.map { account, link in
                    [
                        "account": account.json, "id": .string(link.person.text),
                        "since": .string(link.since.description),
                    ]
                })
        }
        if !passkeys.isEmpty {
            let all = passkeys.values.sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
            result["passkeys"] = .array(all.map(\.json))
        }
        if !resources.isEmpty {
            result["resources"] = .array(
                resources.values.sorted { $0.id < $1.id }.map(\.json))
        }
        if !freezes.isEmpty {
            result["freezes"] = .array(freezes.values.sorted { $0.id < $1.id }.map(\.json))
        }
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
                try Self.within("trusts") { () throws(DirectoryError) in try add(trust) }
            }
        }
        try readLinks(&reader)
        try readRest(&reader)
        try reader.finish()
    }

    private mutating func readLinks(_ reader: inout JSONReader) throws {
        if reader.optionalValue("accounts") != nil {
            for var element in try reader.objects("accounts") {
                let account = try ChatAccount(
                    try element.value("account"), path: "directory.accounts")
                let person = try element.handle("id")
                try element.finish()
                try Self.within("accounts") { () throws(DirectoryError) in
                    try link(account, person)
                }
            }
        }
        for var element in try reader.optionalObjects("externals") ?? [] {
            let account = try ExternalAccount(
                try element.value("account"), path: "directory.externals")
            let person = try element.handle("id")
            let since = try element.timestamp("since")
            try element.finish()
            try Self.within("externals") { () throws(DirectoryError) in
                try add(account, ExternalLink(person: person, since: since))
            }
        }
        for element in try reader.optionalArray("passkeys") ?? [] {
            let passkey = try Passkey(element, path: "directory.passkeys")
            try Self.within("passkeys") { () throws(DirectoryError) in try add(passkey) }
        }
    }

    private mutating func readRest(_ reader: inout JSONReader) throws {
        for element in try reader.optionalArray("resources") ?? [] {
            let rule = try ResourceRule(element, path: "directory.resources")
            try Self.within("resources") { () throws(DirectoryError) in
                try apply(.resourceSet(rule))
            }
        }
        for element in try reader.optionalArray("freezes") ?? [] {
            let window = try FreezeWindow(element, path: "directory.freezes")
            try Self.within("freezes") { () throws(DirectoryError) in
                try apply(.freezeSet(window))
            }
        }
    }

    private static func within(
        _ key: String, _ body: () throws(DirectoryError) -> Void
    ) throws {
        do { try body() } catch { throw CoreError("`directory.\(key)`: \(error)") }
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
