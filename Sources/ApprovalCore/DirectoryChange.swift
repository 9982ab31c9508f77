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

    package init(
        id: String, kind: CredentialKind, subject: Handle, secretHash: Hash256,
        notAfter: Timestamp?, shownTo: [Handle]
    ) {
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
    }
}

/// One change of the directory; its core is what the directory is derived from.
package enum DirectoryChange: Sendable, Hashable {
    case personAdded(Handle)
    case personRemoved(Handle)
    case agentAdded(Handle, owner: Handle)
    case agentRemoved(Handle)
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

    package var json: JSON {
        switch self {
        case .personAdded(let id): ["id": .string(id.text), "op": "person.added"]
        case .personRemoved(let id): ["id": .string(id.text), "op": "person.removed"]
        case .agentAdded(let id, let owner):
            ["id": .string(id.text), "op": "agent.added", "owner": .string(owner.text)]
        case .agentRemoved(let id): ["id": .string(id.text), "op": "agent.removed"]
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
        case .credentialIssued(let credential):
            [
                "credential": .string(credential.id), "kind": .string(credential.kind.rawValue),
                "notAfter": .optional(credential.notAfter), "op": "credential.issued",
                "secretHash": .string(credential.secretHash.hex),
                "shownTo": .handles(credential.shownTo),
                "subject": .string(credential.subject.text),
            ]
        case .credentialRevoked(let id):
            ["credential": .string(id), "op": "credential.revoked"]
        case .trustAdded(let trust): ["op": "trust.added", "trust": trust.json]
        case .trustRemoved(let id): ["op": "trust.removed", "trust": .string(id)]
        case .accountLinked(let account, let person):
            ["account": account.json, "id": .string(person.text), "op": "account.linked"]
        case .accountUnlinked(let account):
            ["account": account.json, "op": "account.unlinked"]
        }
    }

    package init(_ json: JSON, path: String = "change") throws {
        var reader = try JSONReader(json, path: path)
        let op = try reader.string("op")
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
}
