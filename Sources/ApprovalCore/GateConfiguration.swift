// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// What is approved of one gate: how it is set up, and which tools lie behind it, each with the
/// digest of its whole definition.
///
/// Only digests: it is part of the directory, which every receipt carries. The documents that the
/// digests are of stand in the body of the entry that approved them.
package struct GateConfiguration: Sendable, Hashable {
    /// What kind of gate it is.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A gateway in front of a server of the Model Context Protocol.
        case mcp
    }

    package let kind: Kind
    /// The name that the gateway gave the server; part of the names of its actions.
    package let server: String
    /// False where the gateway says of itself that agents can walk around it.
    package let enforcing: Bool
    /// SHA-256 of the canonical configuration that the gate presented.
    package let digest: Hash256
    /// SHA-256 of the definition of each tool by the tool's name, which is ASCII.
    package let tools: [String: Hash256]

    /// Throws where a name can't be part of an action, or there are too many tools.
    package init(
        kind: Kind, server: String, enforcing: Bool, digest: Hash256, tools: [String: Hash256]
    ) throws {
        guard ToolAction.isServerName(server) else {
            throw CoreError(
                "`server`: `\(VisibleText.escape(server))` is not a name of at most "
                    + "\(Limits.identifierBytes) letters, digits and `. _ -`, without `___` and "
                    + "without `_` at its end")
        }
        guard tools.count <= Limits.gateTools else {
            throw CoreError("\(tools.count) tools; the limit is \(Limits.gateTools)")
        }
        for name in tools.keys where !ToolAction.isToolName(name) {
            throw CoreError(
                "`tools`: `\(VisibleText.escape(name))` is not a name of at most "
                    + "\(Limits.toolNameBytes) letters, digits and `. _ - :`")
        }
        self.kind = kind
        self.server = server
        self.enforcing = enforcing
        self.digest = digest
        self.tools = tools
    }

    /// Reads the form that entries and directories have; anything unknown is refused.
    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        let kind = try reader.choice("kind", Kind.self)
        let server = try reader.string("server")
        let enforcing = try reader.bool("enforcing")
        let digest = try reader.hash("digest")
        guard case .object(let object) = try reader.value("tools") else {
            throw CoreError("`\(path).tools`: expected an object")
        }
        try reader.finish()
        var tools: [String: Hash256] = [:]
        for (name, value) in object {
            guard let hash = Hash256(hex: value.stringValue ?? "") else {
                throw CoreError("`\(path).tools`: expected 64 lower-case hex digits")
            }
            tools[name] = hash
        }
        // Names that are equal as text and differ in bytes are not ASCII and refused below.
        guard tools.count == object.count else { throw CoreError("`\(path).tools`: ambiguous") }
        try self.init(
            kind: kind, server: server, enforcing: enforcing, digest: digest, tools: tools)
    }

    package var json: JSON {
        var object = JSONObject()
        for (name, hash) in tools { object[name] = .string(hash.hex) }
        return [
            "digest": .string(digest.hex), "enforcing": .bool(enforcing),
            "kind": .string(kind.rawValue), "server": .string(server), "tools": .object(object),
        ]
    }
}

/// The names of actions that stand for tools: `mcp.SERVER___TOOL`.
package enum ToolAction {
    /// The type of the resource that such an action is on; its id is the server.
    package static let resourceType = "McpServer"
    private static let prefix = "mcp."
    private static let separator = "___"

    /// The action of a tool.
    package static func name(server: String, tool: String) -> String {
        "\(group(server: server))\(separator)\(tool)"
    }

    /// The group that all actions of a server are in.
    package static func group(server: String) -> String { "\(prefix)\(server)" }

    /// The tool that an action stands for, if it is one of this server.
    ///
    /// Bytes are compared; the rules for names make that no other server has such an action.
    package static func tool(of action: String, server: String) -> String? {
        let start = Array("\(group(server: server))\(separator)".utf8)
        let bytes = Array(action.utf8)
        guard bytes.count > start.count, bytes.starts(with: start) else { return nil }
        return String(decoding: bytes[start.count...], as: UTF8.self)
    }

    /// Whether a server may be called so: a tool `_b` of a server `a` must not share an action
    /// with a tool `b` of a server `a_`.
    package static func isServerName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard let first = bytes.first, let last = bytes.last,
            bytes.count <= Limits.identifierBytes, isLetterOrDigit(first),
            last != UInt8(ascii: "_"), !name.contains(separator)
        else { return false }
        return bytes.allSatisfy { isLetterOrDigit($0) || [0x2D, 0x2E, 0x5F].contains($0) }
    }

    /// Whether an action can stand for a tool of that name.
    package static func isToolName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard (1...Limits.toolNameBytes).contains(bytes.count) else { return false }
        return bytes.allSatisfy { isLetterOrDigit($0) || [0x2D, 0x2E, 0x3A, 0x5F].contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return (lower >= 0x61 && lower <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
    }
}

extension Directory {
    /// Why an action can't pass its gate, whatever policy says; nil where nothing is against it.
    ///
    /// Part of the verdict at submission, clearing and every claim, and of what a verifier of
    /// receipts asks again. A gate without an approved configuration, such as the command gate, is
    /// judged by policy alone.
    package func gateProblem(_ action: Action) -> String? {
        let gate = action.gate
        guard let approved = configurations[gate.id] else {
            guard gate.configuration != nil else { return nil }
            return "quarantined: nothing of the configuration of gate `\(gate.id)` is approved; "
                + Self.remedy(gate.id)
        }
        guard let presented = gate.configuration else {
            return "gate `\(gate.id)` has an approved configuration, and this action does not say "
                + "that it is at work"
        }
        guard presented == approved.digest, gate.enforcing == approved.enforcing else {
            return "quarantined: the configuration of gate `\(gate.id)` is not the approved one; "
                + Self.remedy(gate.id)
        }
        let operation = action.operation
        guard let tool = ToolAction.tool(of: operation.action, server: approved.server),
            operation.resourceType.utf8.elementsEqual(ToolAction.resourceType.utf8),
            operation.resourceID.utf8.elementsEqual(approved.server.utf8)
        else {
            return "gate `\(gate.id)` is approved for the tools of `\(approved.server)`, and this "
                + "action is none of them"
        }
        let shown = VisibleText.escape(tool)
        guard let definition = operation.definition else {
            return "the action does not name the definition of tool `\(shown)`"
        }
        guard let expected = approved.tools[tool] else {
            return "quarantined: tool `\(shown)` of gate `\(gate.id)` is not approved; "
                + Self.remedy(gate.id)
        }
        guard definition == expected else {
            return "quarantined: the definition of tool `\(shown)` of gate `\(gate.id)` is not the "
                + "approved one; " + Self.remedy(gate.id)
        }
        return nil
    }

    private static func remedy(_ gate: Handle) -> String {
        "an administrator looks at it with `exequatur gate configuration \(gate)` and approves it "
            + "with `exequatur gate approve \(gate)`"
    }
}
