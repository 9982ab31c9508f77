// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// What a gate says of itself when it connects: its configuration, and the definitions of the
/// tools behind it, word for word.
///
/// Nothing of it counts before an administrator has approved it.
package struct GatePresentation: Sendable, Hashable {
    /// One tool, with the definition that its server gave.
    package struct Tool: Sendable, Hashable {
        /// Any text; only some names can be part of an action.
        package let name: String
        package let definition: JSON
        /// SHA-256 of the canonical form of the definition (RFC 8785).
        package let digest: Hash256

        /// Whether an action can stand for it.
        package var isCallable: Bool { ToolAction.isToolName(name) }
    }

    /// How a tool stands to what is approved.
    package enum Standing: String, Sendable, Hashable {
        case approved
        case new
        case changed
        /// Its name can't be part of an action, so that nobody can ever call it.
        case unusable
    }

    package let configuration: JSONObject
    package let kind: GateConfiguration.Kind
    package let server: String
    package let enforcing: Bool
    /// In order of the names' bytes.
    package let tools: [Tool]
    /// SHA-256 of the canonical configuration.
    package let configurationDigest: Hash256
    /// SHA-256 of all of it.
    package let digest: Hash256
    /// Canonical JSON, of which `digest` is.
    package let canonical: [UInt8]

    /// Reads what a gate sends, or what was stored; anything that is not understood is refused.
    ///
    /// Numbers in definitions are those of RFC 8785, doubles: a definition is a document of somebody
    /// else, and one with a number that a double can't hold is not the gate's mistake.
    package init(_ json: JSON) throws {
        var reader = try JSONReader(json)
        guard case .object(let configuration) = try reader.value("configuration") else {
            throw CoreError("`configuration`: expected an object")
        }
        let elements = try reader.array("tools")
        try reader.finish()
        guard elements.count <= Limits.gateTools else {
            throw CoreError("`tools`: \(elements.count) tools; the limit is \(Limits.gateTools)")
        }
        let written = try JSON.object(configuration).canonicalBytes()
        guard written.count <= Limits.definitionBytes else {
            throw CoreError(
                "`configuration`: \(written.count) bytes; the limit is \(Limits.definitionBytes)")
        }
        self.configuration = configuration
        (kind, server, enforcing) = try Self.named(configuration)
        configurationDigest = .sha256(written)
        tools = try elements.enumerated().map { try Tool($0.element, at: "tools.\($0.offset)") }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for (one, next) in zip(tools, tools.dropFirst())
        where one.name.utf8.elementsEqual(next.name.utf8) {
            throw CoreError("`tools`: there are two tools `\(VisibleText.escape(one.name))`")
        }
        let members = tools.map { tool -> JSON in
            ["definition": tool.definition, "name": .string(tool.name)]
        }
        let whole: JSON = [
            "configuration": .object(configuration), "tools": .array(members),
        ]
        canonical = try whole.canonicalBytes()
        guard canonical.count <= Limits.presentationBytes else {
            throw CoreError(
                "the presentation has \(canonical.count) bytes; the limit is "
                    + "\(Limits.presentationBytes)")
        }
        digest = .sha256(canonical)
    }

    private static func named(
        _ configuration: JSONObject
    ) throws -> (GateConfiguration.Kind, String, Bool) {
        func text(_ key: String) throws -> String {
            guard let text = configuration[key]?.stringValue else {
                throw CoreError("`configuration.\(key)`: expected a string")
            }
            return text
        }
        let kindText = try text("kind")
        guard let kind = GateConfiguration.Kind(rawValue: kindText) else {
            throw CoreError("`configuration.kind`: `\(VisibleText.escape(kindText))` is unknown")
        }
        let server = try text("server")
        guard ToolAction.isServerName(server) else {
            throw CoreError(
                "`configuration.server`: `\(VisibleText.escape(server))` is not a name of at most "
                    + "\(Limits.identifierBytes) letters, digits and `. _ -`, without `___` and "
                    + "without `_` at its end")
        }
        switch try text("mode") {
        case "enforcing": return (kind, server, true)
        case "advisory": return (kind, server, false)
        case let mode:
            throw CoreError(
                "`configuration.mode`: `\(VisibleText.escape(mode))` is neither `enforcing` nor "
                    + "`advisory`")
        }
    }

    /// What is approved when this is: digests, of tools that can be called.
    package func approved() throws -> GateConfiguration {
        var digests: [String: Hash256] = [:]
        for tool in tools where tool.isCallable { digests[tool.name] = tool.digest }
        return try GateConfiguration(
            kind: kind, server: server, enforcing: enforcing, digest: configurationDigest,
            tools: digests)
    }
}

extension GatePresentation.Tool {
    fileprivate init(_ json: JSON, at path: String) throws {
        var reader = try JSONReader(json, path: path)
        name = try reader.string("name")
        let given = try reader.value("definition")
        try reader.finish()
        guard (1...Limits.toolNameBytes).contains(name.utf8.count) else {
            throw CoreError("`\(path).name`: 1 to \(Limits.toolNameBytes) bytes")
        }
        let shown = VisibleText.escape(name)
        guard let inner = given.objectValue?["name"]?.stringValue,
            inner.utf8.elementsEqual(name.utf8)
        else {
            throw CoreError(
                "`\(path).definition`: expected the definition of `\(shown)`, with that `name`")
        }
        let bytes = try given.canonicalBytes(numbers: .ecmaScript)
        guard bytes.count <= Limits.definitionBytes else {
            throw CoreError(
                "the definition of tool `\(shown)` has \(bytes.count) bytes; the limit is "
                    + "\(Limits.definitionBytes)")
        }
        definition = try JSON(canonical: bytes)
        digest = .sha256(bytes)
    }
}

extension GateConfiguration {
    /// How a presented tool stands to what is approved.
    package func standing(
        _ tool: String, _ digest: Hash256
    ) -> GatePresentation.Standing {
        guard ToolAction.isToolName(tool) else { return .unusable }
        guard let approved = tools[tool] else { return .new }
        return approved == digest ? .approved : .changed
    }
}
