// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import DriftCore
package import TransparencyLog

/// A change of the directory, and what people call who is added by it.
package struct NamedDirectoryChange: Sendable, Hashable {
    package let change: DirectoryChange
    package let name: String?

    package init(_ change: DirectoryChange, name: String? = nil) {
        self.change = change
        self.name = name
    }
}

/// A change of what decides: of policies, people, gates, keys, and of what is watched.
///
/// While unsealed an administrator makes it; from then on it is the input of an action `exequatur.*`
/// that another person approves, and this server carries out what is stored there, nothing that
/// anybody sends again (DESIGN §3.9).
package enum GovernanceChange: Sendable {
    case directory([NamedDirectoryChange])
    case policies([PolicyFile])
    /// What a gate presents, by the digest of all of it.
    case gateConfiguration(Handle, presentation: Hash256)
    case drift(DriftConfiguration.Change)
    case baseline(Handle, root: Hash256)
    case acceptance(Handle, fingerprints: Set<Hash256>, root: Hash256)
}

extension GovernanceChange {
    /// The name of the action that asks for it.
    package var action: String {
        switch self {
        case .directory(let changes):
            if changes.allSatisfy(\.change.isOfGates) { return "exequatur.gate.change" }
            if changes.allSatisfy(\.change.isOfKeys) { return "exequatur.key.change" }
            if changes.allSatisfy(\.change.isOfChannels) { return "exequatur.channel.change" }
            return "exequatur.directory.change"
        case .policies: return "exequatur.policies.publish"
        case .gateConfiguration: return "exequatur.gate.change"
        case .drift, .baseline, .acceptance: return "exequatur.drift.change"
        }
    }

    /// What is frozen, shown and carried out.
    package var input: JSONObject {
        switch self {
        case .directory(let changes):
            [
                "changes": .array(
                    changes.map { ["change": $0.change.json, "name": .optional($0.name)] })
            ]
        case .policies(let files):
            [
                "files": .array(
                    files.map { ["name": .string($0.name), "text": .string($0.text)] })
            ]
        case .gateConfiguration(let gate, let digest):
            ["gate": .string(gate.text), "presentation": .string(digest.hex)]
        case .drift(let change): ["drift": change.json]
        case .baseline(let source, let root):
            ["root": .string(root.hex), "source": .string(source.text)]
        case .acceptance(let source, let fingerprints, let root):
            [
                "accept": .array(fingerprints.map(\.hex).sorted().map(JSON.string)),
                "root": .string(root.hex), "source": .string(source.text),
            ]
        }
    }

    package func operation(origin: String) throws -> Operation {
        try Operation(
            action: action, resourceType: "Installation", resourceID: origin, input: input)
    }

    /// Reads what an approved action is about; anything else than what ``operation(origin:)`` makes
    /// is refused.
    package init(_ operation: Operation) throws {
        var reader = try JSONReader(.object(operation.input), path: "input")
        if let changes = try reader.optionalObjects("changes") {
            self = .directory(
                try changes.map { element in
                    var element = element
                    let change = NamedDirectoryChange(
                        try DirectoryChange(try element.value("change")),
                        name: try element.optionalString("name"))
                    try element.finish()
                    return change
                })
        } else if let files = try reader.optionalObjects("files") {
            self = .policies(
                try files.map { element in
                    var element = element
                    let file = PolicyFile(
                        name: try element.string("name"), text: try element.string("text"))
                    try element.finish()
                    return file
                })
        } else if let gate = try reader.optionalHandle("gate") {
            self = .gateConfiguration(gate, presentation: try reader.hash("presentation"))
        } else if let drift = reader.optionalValue("drift") {
            self = .drift(try DriftConfiguration.Change(drift, path: "input.drift"))
        } else {
            let source = try reader.handle("source")
            let root = try reader.hash("root")
            if let accepted = try reader.optionalStrings("accept") {
                self = .acceptance(source, fingerprints: try Self.hashes(accepted), root: root)
            } else {
                self = .baseline(source, root: root)
            }
        }
        try reader.finish()
        guard action.utf8.elementsEqual(operation.action.utf8) else {
            throw CoreError("`operation.action`: this input belongs to `\(action)`")
        }
    }

    private static func hashes(_ texts: [String]) throws -> Set<Hash256> {
        Set(
            try texts.map { text in
                guard let hash = Hash256(hex: text) else {
                    throw CoreError("`input.accept`: expected 64 lower-case hex digits")
                }
                return hash
            })
    }

    /// What policies and reviewers are told of it besides its input.
    package var facts: JSON {
        var operations: Set<String> = []
        var groups: Set<String> = []
        var persons: Set<String> = []
        var agents: Set<String> = []
        if case .directory(let changes) = self {
            for named in changes {
                let json = named.change.json
                operations.insert(json["op"]?.stringValue ?? "")
                switch named.change {
                case .groupAdded(let id), .groupRemoved(let id): groups.insert(id.text)
                case .memberAdded(let group, let member), .memberRemoved(let group, let member):
                    groups.insert(group.text)
                    persons.insert(member.text)
                case .personAdded(let id), .personRemoved(let id): persons.insert(id.text)
                case .agentAdded(let id, _), .agentRemoved(let id), .agentOwned(let id, _):
                    agents.insert(id.text)
                default: break
                }
            }
        }
        return [
            "agents": .array(agents.sorted().map(JSON.string)), "effect": "policy",
            "groups": .array(groups.sorted().map(JSON.string)), "inspectable": true,
            "kind": "exequatur", "operations": .array(operations.sorted().map(JSON.string)),
            "persons": .array(persons.sorted().map(JSON.string)),
        ]
    }
}

extension DirectoryChange {
    fileprivate var isOfGates: Bool {
        switch self {
        case .gateAdded, .gateRemoved, .gateConfigured: true
        case .credentialIssued(let credential): credential.kind == .gate
        default: false
        }
    }

    fileprivate var isOfKeys: Bool {
        switch self {
        case .credentialIssued, .credentialRevoked, .passkeyAdded, .passkeyRemoved,
            .externalLinked, .externalUnlinked:
            true
        default: false
        }
    }

    fileprivate var isOfChannels: Bool {
        switch self {
        case .accountLinked, .accountUnlinked: true
        default: false
        }
    }
}

/// What asking for a change led to.
package struct Administered: Sendable {
    /// The action that waits for somebody's approval; nil where the change is made.
    package let request: ActionResult?

    /// True where nothing is changed yet.
    package var isPending: Bool { request != nil }
}
