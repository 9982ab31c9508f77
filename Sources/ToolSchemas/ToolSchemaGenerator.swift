// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
public import Cedar

/// Makes Cedar schemas of the tools that MCP servers offer.
///
/// Equal manifests give equal schemas, whatever the order of their members. Names that are no
/// identifiers of Cedar stay as they are in actions and attributes, which may be any text; in
/// types and namespaces other characters become `_`.
public struct ToolSchemaGenerator: Sendable {
    /// What the schema is to look like.
    public enum Profile: Sendable {
        /// Actions `mcp.<server>___<tool>` in `mcp.<server>` in `mcp`, outside of any namespace.
        ///
        /// The base schema declares `Agent`, `Person`, `McpServer`, `Opaque` and the action `mcp`. The name
        /// of the server must not hold `___` or end with `_`, so that no two tools share an
        /// action.
        case exequatur(server: String)
        /// Actions `<target>___<tool>` in `<target>` in `CallTool` in `Mcp`, in the namespace
        /// `AgentCore`, as Amazon Bedrock AgentCore Policy has them.
        ///
        /// ``ToolSchemaGenerator/agentCoreBase`` declares what all targets share.
        case agentCore(target: String)
        /// What the schema generator of cedar-policy/cedar-for-agents makes of a stub.
        case cedarForAgents(stub: String, AgentSchemaOptions)
    }

    /// What the schema is to look like.
    public let profile: Profile
    /// How much is taken.
    public var limits = ToolLimits()
    /// Whether words of the server become `@doc("…")`, cut to 200 characters; only for the
    /// profiles of Exequatur, where it is `true` unless set, and of AgentCore.
    public var isDocumented: Bool

    /// Makes a generator for a profile.
    public init(_ profile: Profile) {
        self.profile = profile
        if case .exequatur = profile { isDocumented = true } else { isDocumented = false }
    }

    /// Makes the schema of a manifest.
    ///
    /// - Parameter manifest: the tools.
    /// - Returns: a fragment that resolves together with the base of its profile; that of
    ///   cedar-for-agents contains its stub.
    /// - Throws: ``ToolSchemaError`` for names that cannot be told apart, for what the profile
    ///   refuses, and for limits passed.
    public func generate(_ manifest: ToolManifest) throws(ToolSchemaError) -> GeneratedSchema {
        switch profile {
        case .exequatur(let server):
            var schema = try ProfileSchema(exequatur: server, self)
            return try schema.generate(manifest)
        case .agentCore(let target):
            var schema = try ProfileSchema(agentCore: target, self)
            return try schema.generate(manifest)
        case .cedarForAgents(let stub, let options):
            var schema = try AgentSchema(stub: stub, options: options, limits: limits)
            return try schema.generate(manifest)
        }
    }

    /// What AgentCore's schemas have in common: types of principals, gateway, groups of actions.
    public static var agentCoreBase: SchemaFragment {
        get throws(SchemaErrors) {
            try SchemaFragment(
                parsing: """
                    namespace AgentCore {
                        entity OAuthUser = { id: String } tags String;
                        entity IamEntity = { id: String };
                        entity Gateway;
                        entity Opaque;
                        action "Mcp";
                        action "CallTool" in ["Mcp"];
                    }
                    """)
        }
    }
}

/// The schema of a manifest.
public struct GeneratedSchema: Sendable {
    /// Something in the manifest that Cedar's types say less of than the JSON Schema.
    public struct Note: Sendable, Hashable, CustomStringConvertible {
        /// Where it is in the manifest.
        public let pointer: JSONPointer
        /// One lowercase line: what it is and what it is taken as.
        public let message: String

        /// The place and the message, in one line.
        public var description: String {
            "`\(Shown.text(pointer.description, limit: 256))`: \(message)"
        }
    }

    /// The action of a tool.
    public struct Action: Sendable {
        /// The name of the tool.
        public let tool: String
        /// The action that stands for it.
        public let uid: EntityUID
    }

    /// The declarations.
    public let fragment: SchemaFragment
    /// The actions, in the order of the manifest.
    public let actions: [Action]
    /// What Cedar's types cannot say, up to ``ToolLimits/maximumNotes`` for each tool.
    public let notes: [Note]
}

/// The options of cedar-for-agents' schema generator, with its defaults.
public struct AgentSchemaOptions: Sendable, Hashable {
    /// Whether the context has the result of the tool as `output`.
    public var includeOutputs = false
    /// Whether objects become records; those with additional properties stay entities.
    public var objectsAsRecords = false
    /// Whether the annotations that mark parts of the stub are left out.
    public var eraseAnnotations = true
    /// Whether everything is in the namespace of the stub, with longer names.
    public var flattenNamespaces = false
    /// Whether numbers are decimals instead of opaque entities.
    public var numbersAsDecimal = false
    /// Whether equal entity types of several tools become one.
    public var deduplicateEntityTypes = false

    /// The default options.
    public init() {}
}
