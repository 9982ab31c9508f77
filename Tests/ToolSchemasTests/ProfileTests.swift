// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import ToolSchemas

/// The profile of Exequatur and that of AgentCore.
@Suite struct ProfileTests {
    /// The type of `input` for one tool whose arguments have that one property `p`.
    private func type(of property: JSON, definitions: JSON = [:]) throws -> String {
        let (schema, generated) = try self.schema([
            "name": "t",
            "inputSchema": [
                "type": "object", "properties": ["p": property], "required": ["p"],
                "$defs": definitions,
            ],
        ])
        let input = try #require(schema.inputType(of: generated.actions[0].uid))
        let text = input.description
        return String(text.dropFirst().dropLast())
    }

    private func schema(
        _ json: JSON, _ profile: ToolSchemaGenerator.Profile = .exequatur(server: "s")
    ) throws -> (Schema, GeneratedSchema) {
        let generated = try ToolSchemaGenerator(profile).generate(ToolManifest(json: json))
        let base = try SchemaFragment(parsing: Schema.base)
        return (try Schema([base, generated.fragment]), generated)
    }

    @Test(
        arguments: [
            (["type": "boolean"], "p: Bool"), (["type": "integer"], "p: Long"),
            (["type": "number"], "p: decimal"), (["type": "float"], "p: decimal"),
            (["type": "string"], "p: String"), (["type": "string", "enum": ["a"]], "p: String"),
            (["type": "string", "format": "ipv6"], "p: ipaddr"),
            (["type": "string", "format": "date"], "p: datetime"),
            (["type": "string", "format": "date-time"], "p: datetime"),
            (["type": "string", "format": "duration"], "p: String"),
            (["type": "string", "format": "uri"], "p: String"),
            (["type": "null"], "p: Opaque"), ([:], "p: Opaque"), (true, "p: Opaque"),
            (["not": [:]], "p: Opaque"), (["type": "bogus"], "p: Opaque"),
            (["type": "object"], "p: Opaque"),
            (["type": "object", "additionalProperties": false], "p: {}"),
            (["type": "array"], "p: Set<Opaque>"),
            (["type": "array", "items": ["type": "integer"]], "p: Set<Long>"),
            (
                [
                    "type": "array", "prefixItems": [["type": "integer"], ["type": "string"]],
                    "items": false,
                ], "p: {proj0: Long, proj1: String}"
            ),
            (
                ["type": "array", "items": [["type": "integer"]], "additionalItems": false],
                "p: {proj0: Long}"
            ),
            (["type": ["string", "null"]], "p?: String"),
            (["type": ["null", "integer"]], "p?: Long"),
            (["anyOf": [["type": "string"], ["type": "null"]]], "p?: String"),
            (["type": "string", "nullable": true], "p?: String"),
            (
                ["type": ["string", "integer", "null"]],
                "p?: {typeChoice0?: String, typeChoice1?: Long}"
            ),
            (
                ["oneOf": [["type": "string"], ["type": "array", "items": ["type": "string"]]]],
                "p: {typeChoice0?: String, typeChoice1?: Set<String>}"
            ),
            (["anyOf": [["const": "a"], ["const": "b"]]], "p: String"),
            (["const": 1], "p: Long"), (["const": "x"], "p: String"), (["const": nil], "p: Opaque"),
            (["enum": ["a", nil]], "p?: String"), (["enum": [1, "a"]], "p: Opaque"),
            (
                [
                    "type": "object", "required": ["a"],
                    "properties": ["a": ["type": "integer"], "b-c": ["type": "string"]],
                ], "p: {a: Long, \"b-c\"?: String}"
            ),
            (
                ["type": "object", "additionalProperties": ["type": "integer"]],
                "p: mcp::s::t::Input_p"
            ),
            (["type": "object", "additionalProperties": true], "p: mcp::s::t::Input_p"),
            (
                [
                    "allOf": [
                        [
                            "type": "object", "properties": ["a": ["type": "integer"]],
                            "required": ["a"],
                        ],
                        ["properties": ["b": ["type": "string"]]],
                    ]
                ], "p: {a: Long, b?: String}"
            ),
            (["allOf": [["type": "string"]], "description": "d"], "p: String"),
            (["type": "object", "properties": ["typeChoice0": ["type": "string"]]], "p: Opaque"),
            (["allOf": [["type": "string"], ["type": "integer"]]], "p: Opaque"),
        ] as [(JSON, String)])
    func propertiesHaveTypes(_ property: JSON, _ expected: String) throws {
        #expect(try type(of: property) == expected)
    }

    @Test func definitionsBecomeTypes() throws {
        let definitions: JSON = [
            "Node": [
                "type": "object", "properties": ["next": ["$ref": "#/$defs/Node"]],
            ],
            "A": ["type": "object", "properties": ["b": ["$ref": "#/$defs/B"]]],
            "B": ["type": "object", "properties": ["a": ["$ref": "#/$defs/A"]]],
            "Maybe": ["type": ["string", "null"]],
        ]
        func type(_ name: String) throws -> String {
            try self.type(of: ["$ref": .string("#/$defs/\(name)")], definitions: definitions)
        }
        #expect(try type("Node") == "p: {next?: Opaque}")
        #expect(try type("A") == "p: {b?: {a?: Opaque}}")
        #expect(try type("Maybe") == "p?: String")
        #expect(try type("Nowhere") == "p: Opaque")
        #expect(try self.type(of: ["$ref": "#"]) == "p: Opaque")
    }

    @Test func actionsAreInTheGroupOfTheServer() throws {
        let (schema, generated) = try schema(
            ["tools": [["name": "a-b.c/d", "inputSchema": ["type": "object"]]]],
            .exequatur(server: "git-hub"))
        let uid = EntityUID(type: "Action", id: "mcp.git-hub___a-b.c/d")
        #expect(generated.actions.map(\.tool) == ["a-b.c/d"])
        #expect(generated.actions.map(\.uid) == [uid])
        let action = try #require(schema.actions[uid])
        let group = EntityUID(type: "Action", id: "mcp.git-hub")
        #expect(action.parents == [group])
        #expect(action.ancestors == [group, EntityUID(type: "Action", id: "mcp")])
        #expect(action.principals == ["Agent", "Person"])
        #expect(action.resources == ["McpServer"])
        #expect(action.context.attributes.map(\.name) == ["input"])
        #expect(schema.inputType(of: uid)?.description == "{}")
        #expect(
            generated.fragment.namespaces.map(\.name).contains { $0.hasPrefix("mcp::git_hub_") })
    }

    @Test func wordsOfTheServerAreKept() throws {
        let long = String(repeating: "x", count: 300)
        let json: JSON = [
            "name": "t", "description": .string("does\n\tthings\u{7}\u{202E}!"),
            "inputSchema": [
                "properties": ["p": ["type": "string", "description": .string(long)]]
            ],
        ]
        let text = try schema(json).1.fragment.text
        #expect(text.contains("@doc(\"does things!\")"))
        #expect(text.contains("@doc(\"\(long.prefix(200))\")"))
        var generator = ToolSchemaGenerator(.exequatur(server: "s"))
        generator.isDocumented = false
        #expect(try !generator.generate(ToolManifest(json: json)).fragment.text.contains("@doc"))
    }

    @Test func agentCoreHasItsNames() throws {
        let json: JSON = [
            "name": "refund",
            "inputSchema": [
                "type": "object", "required": ["amount"],
                "properties": [
                    "amount": ["type": "number"], "note": ["type": "string"],
                    "more": ["type": "object", "additionalProperties": true],
                ],
            ],
        ]
        let generated = try ToolSchemaGenerator(.agentCore(target: "Pay"))
            .generate(ToolManifest(json: json))
        let schema = try Schema([ToolSchemaGenerator.agentCoreBase, generated.fragment])
        let uid = EntityUID(type: "AgentCore::Action", id: "Pay___refund")
        #expect(generated.actions[0].uid == uid)
        let action = try #require(schema.actions[uid])
        #expect(
            action.ancestors.map(\.id).sorted() == ["CallTool", "Mcp", "Pay"])
        #expect(action.principals.sorted() == ["AgentCore::IamEntity", "AgentCore::OAuthUser"])
        #expect(action.resources == ["AgentCore::Gateway"])
        #expect(
            action.context.description
                == "{input: {amount: decimal, more?: AgentCore::Pay___refundInput_more, "
                + "note?: String}}")
        #expect(try generated.fragment.text.contains("type Pay___refundInput = "))
    }

    @Test func notesSayWhatIsOpaque() throws {
        let notes = try schema([
            "tools": [["name": "t", "inputSchema": ["properties": ["p": ["not": [:]]]]]]
        ]).1.notes
        #expect(
            notes.map(\.description)
                == [
                    "`/tools/0/inputSchema/properties/p`: a schema without a type: taken as any JSON"
                ])
    }

    @Test func notesOnDefinitionsSayWhereTheyAre() throws {
        let notes = try schema([
            "name": "t",
            "inputSchema": [
                "properties": ["p": ["$ref": "#/$defs/D"], "q": ["$ref": "#/$defs/D"]],
                "$defs": ["D": ["type": "object", "properties": ["x": [:]]]],
            ],
        ]).1.notes
        #expect(notes.map(\.pointer.description) == ["/inputSchema/$defs/D/properties/x"])
    }

    @Test(arguments: ["", "a___b", "a_", String(repeating: "x", count: 513)])
    func namesOfServersMustSeparate(_ name: String) throws {
        let manifest = try ToolManifest(json: [])
        for profile in [
            ToolSchemaGenerator.Profile.exequatur(server: name), .agentCore(target: name),
        ] {
            let error = try #require(throws: ToolSchemaError.self) {
                try ToolSchemaGenerator(profile).generate(manifest)
            }
            #expect(error.kind == .badName)
        }
    }
}
