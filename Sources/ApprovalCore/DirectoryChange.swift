// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// What a credential authenticates.
package enum CredentialKind: String, Sendable, Hashable, CaseIterable {
    case agent
    case person
    case gate
    /// `admin.token`: administers while unsealed and never decides (DESIGN §4.13).
    case administrator
}

/// A bearer token's stored half: only the SHA-256 of its 32 random bytes is kept.
package struct Credential: Sendable, Hashable {
    package let id: String
    package let kind: CredentialKind
    package let subject: Handle
    package let secretHash: Hash256
    /// When the token stops working; nil for never.
    package let notAfter: Timestamp?
    /// Persons besides the holder who saw the token when it was made.
    package let shownTo: [Handle]
    /// The person for whom an agent acts who uses it.
    package let onBehalfOf: Handle?

    package init(
        id: String, kind: CredentialKind, subject: Handle, secretHash: Hash256,
        notAfter: Timestamp?, shownTo: [Handle], onBehalfOf: Handle? = nil
    ) {
        self.onBehalfOf = onBehalfOf
        self.id = id
        self.kind = kind
        self.subject = subject
        self.secretHash = secretHash
        self.notAfter = notAfter
        self.shownTo = shownTo
    }

    init(_ reader: inout JSONReader) throws {
        id = try reader.string("credential")
        kind = try reader.choice("kind", CredentialKind.self)
        subject = try reader.handle("subject")
        secretHash = try reader.hash("secretHash")
        notAfter = try reader.optionalTimestamp("notAfter")
        shownTo = try reader.handles("shownTo")
        onBehalfOf = try reader.optionalValue("onBehalfOf").map { json in
            guard let person = json.stringValue.flatMap(Handle.init) else {
                throw CoreError("`onBehalfOf`: not a person")
            }
            return person
        }
    }

    fileprivate var json: JSON {
        var object: JSONObject = [
            "credential": .string(id), "kind": .string(kind.rawValue),
            "notAfter": .optional(notAfter), "op": "credential.issued",
            "secretHash": .string(secretHash.hex), "shownTo": .handles(shownTo),
            "subject": .string(subject.text),
        ]
        if let onBehalfOf { object["onBehalfOf"] = .string(onBehalfOf.text) }
        return .object(object)
    }
}

/// One change of the directory; its core is what the directory is derived from.
package enum DirectoryChange: Sendable, Hashable {
    case personAdded(Handle)
    case personRemoved(Handle)
    case agentAdded(Handle, owner: Handle)
    case agentRemoved(Handle)
    /// Somebody else answers for it from now on.
    case agentOwned(Handle, owner: Handle)
    case groupAdded(Handle)
    case groupRemoved(Handle)
    case memberAdded(group: Handle, member: Handle)
    case memberRemoved(group: Handle, member: Handle)
    case gateAdded(Handle)
    case gateRemoved(Handle)
    /// What a gate presented was approved; replaces what was approved of it before.
    case gateConfigured(Handle, GateConfiguration)
    case credentialIssued(Credential)
    case credentialRevoked(String)
    /// Tokens of an issuer may be exchanged for tokens of an agent.
    case trustAdded(WorkloadTrust)
    /// Ends at once what was handed out under it.
    case trustRemoved(String)
    /// A person's decisions may come from this account.
    case accountLinked(ChatAccount, to: Handle)
    case accountUnlinked(ChatAccount)
    /// A person may sign in by this account of an identity provider.
    case externalLinked(ExternalAccount, ExternalLink)
    case externalUnlinked(ExternalAccount)
    case passkeyAdded(Passkey)
    case passkeyRemoved(String)
    /// Adds a line to the resource catalogue, or replaces it.
    case resourceSet(ResourceRule)
    case resourceRemoved(Handle)
    case freezeSet(FreezeWindow)
    case freezeRemoved(Handle)

    package var json: JSON {
        switch self {
        case .personAdded(let id): ["id": .string(id.text), "op": "person.added"]
        case .personRemoved(let id): ["id": .string(id.text), "op": "person.removed"]
        case .agentAdded(let id, let owner):
            ["id": .string(id.text), "op": "agent.added", "owner": .string(owner.text)]
        case .agentRemoved(let id): ["id": .string(id.text), "op": "agent.removed"]
        case .agentOwned(let id, let owner):
            ["id": .string(id.text), "op": "agent.owned", "owner": .string(owner.text)]
        case .groupAdded(let id): ["id": .string(id.text), "op": "group.added"]
        case .groupRemoved(let id): ["id": .string(id.text), "op": "group.removed"]
        case .memberAdded(let group, let member):
            ["id": .string(group.text), "member": .string(member.text), "op": "member.added"]
        case .memberRemoved(let group, let member):
            ["id": .string(group.text), "member": .string(member.text), "op": "member.removed"]
        case .gateAdded(let id): ["id": .string(id.text), "op": "gate.added"]
        case .gateRemoved(let id): ["id": .string(id.text), "op": "gate.removed"]
        case .gateConfigured(let id, let configuration):
            [
                "configuration": configuration.json, "id": .string(id.text),
                "op": "gate.configured",
            ]
        case .credentialIssued(let credential): credential.json
        case .credentialRevoked(let id):
            ["credential": .string(id), "op": "credential.revoked"]
        case .trustAdded(let trust): ["op": "trust.added", "trust": trust.json]
        case .trustRemoved(let id): ["op": "trust.removed", "trust": .string(id)]
        case .accountLinked(let account, let person):
            ["account": account.json, "id": .string(person.text), "op": "account.linked"]
        case .accountUnlinked(let account):
            ["account": account.json, "op": "account.unlinked"]
        case .externalLinked(let account, let link):
            [
                "account": account.json, "id": .string(link.person.text),
                "op": "external.linked", "since": .string(link.since.description),
            ]
        case .externalUnlinked(let account):
            ["account": account.json, "op": "external.unlinked"]
        case .passkeyAdded(let passkey): ["op": "passkey.added", "passkey": passkey.json]
        case .passkeyRemoved(let id): ["op": "passkey.removed", "passkey": .string(id)]
        case .resourceSet(let rule): ["op": "resource.set", "resource": rule.json]
        case .resourceRemoved(let id): ["id": .string(id.text), "op": "resource.removed"]
        case .freezeSet(let window): ["freeze": window.json, "op": "freeze.set"]
        case .freezeRemoved(let id): ["id": .string(id.text), "op": "freeze.removed"]
        }
    }

    package init(_ json: JSON, path: String = "change") throws {
        var reader = try JSONReader(json, path: path)
        let op = try reader.string("op")
        if let later = try Self.later(op, &reader, path) {
            self = later
            try reader.finish()
            return
        }
        switch op {
        case "person.added": self = .personAdded(try reader.handle("id"))
        case "person.removed": self = .personRemoved(try reader.handle("id"))
        case "agent.added":
            self = .agentAdded(try reader.handle("id"), owner: try reader.handle("owner"))
        case "agent.removed": self = .agentRemoved(try reader.handle("id"))
        case "group.added": self = .groupAdded(try reader.handle("id"))
        case "group.removed": self = .groupRemoved(try reader.handle("id"))
        case "member.added":
            self = .memberAdded(
                group: try reader.handle("id"), member: try reader.handle("member"))
        case "member.removed":
            self = .memberRemoved(
                group: try reader.handle("id"), member: try reader.handle("member"))
        case "gate.added": self = .gateAdded(try reader.handle("id"))
        case "gate.removed": self = .gateRemoved(try reader.handle("id"))
        case "gate.configured":
            self = .gateConfigured(
                try reader.handle("id"),
                try GateConfiguration(
                    try reader.value("configuration"), path: "\(path).configuration"))
        case "credential.issued": self = .credentialIssued(try Credential(&reader))
        case "credential.revoked": self = .credentialRevoked(try reader.string("credential"))
        case "trust.added":
            self = .trustAdded(
                try WorkloadTrust(try reader.value("trust"), path: "\(path).trust"))
        case "trust.removed": self = .trustRemoved(try reader.string("trust"))
        case "account.linked":
            self = .accountLinked(
                try ChatAccount(try reader.value("account"), path: "\(path).account"),
                to: try reader.handle("id"))
        case "account.unlinked":
            self = .accountUnlinked(
                try ChatAccount(try reader.value("account"), path: "\(path).account"))
        default: throw CoreError("`\(path).op`: `\(VisibleText.escape(op))` is unknown")
        }
        try reader.finish()
    }

    /// What came with people's own credentials, the catalogue and freeze windows.
    private static func later(
        _ op: String, _ reader: inout JSONReader, _ path: String
    ) throws -> DirectoryChange? {
        switch op {
        case "agent.owned":
            return .agentOwned(try reader.handle("id"), owner: try reader.handle("owner"))
        case "external.linked":
            return .externalLinked(
                try ExternalAccount(try reader.value("account"), path: "\(path).account"),
                ExternalLink(
                    person: try reader.handle("id"), since: try reader.timestamp("since")))
        case "external.unlinked":
            return .externalUnlinked(
                try ExternalAccount(try reader.value("account"), path: "\(path).account"))
        case "passkey.added":
            return .passkeyAdded(
                try Passkey(try reader.value("passkey"), path: "\(path).passkey"))
        case "passkey.removed": return .passkeyRemoved(try reader.string("passkey"))
        case "resource.set":
            return .resourceSet(
                try ResourceRule(try reader.value("resource"), path: "\(path).resource"))
        case "resource.removed": return .resourceRemoved(try reader.handle("id"))
        case "freeze.set":
            return .freezeSet(
                try FreezeWindow(try reader.value("freeze"), path: "\(path).freeze"))
        case "freeze.removed": return .freezeRemoved(try reader.handle("id"))
        default: return nil
        }
    }
}
