// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import ToolSchemas

@Suite struct ManifestTests {
    static let tool: JSON = [
        "name": "t", "title": "T", "description": "d", "inputSchema": ["type": "object"],
        "annotations": ["readOnlyHint": true], "icons": [],
    ]

    @Test(
        arguments: [
            tool, [tool], ["tools": [tool], "nextCursor": nil],
            ["jsonrpc": "2.0", "id": 7, "result": ["tools": [tool], "_meta": [:]]],
            ["result": [tool]],
        ] as [JSON])
    func everyShapeIsRead(_ json: JSON) throws {
        let manifest = try ToolManifest(json: json)
        #expect(manifest.tools.map(\.name) == ["t"])
        #expect(manifest.tools[0].title == "T")
        #expect(manifest.tools[0].description == "d")
        #expect(manifest.tools[0].inputSchema == ["type": "object"])
        #expect(manifest.tools[0].outputSchema == nil)
        #expect(manifest.nextCursor == nil)
    }

    @Test func moreIsReadThanTheTools() throws {
        let manifest = try ToolManifest(json: [
            "tools": [
                [
                    "name": "\u{E9}", "inputSchema": ["json": ["type": "object"]],
                    "outputSchema": ["json": ["type": "object", "properties": [:]]],
                ],
                ["name": "e\u{301}", "inputSchema": ["json": [:], "type": "object"]],
            ],
            "nextCursor": "c",
        ])
        #expect(manifest.nextCursor == "c")
        #expect(manifest.tools.count == 2)
        #expect(manifest.tools[0].inputSchema == ["type": "object"])
        #expect(manifest.tools[0].outputSchema?["properties"] == [:])
        #expect(manifest.tools[1].inputSchema.count == 2)
    }

    @Test(
        arguments: [
            (1, "shape at "), ([1], "shape at /0"), (["tools": 1], "shape at /tools"),
            (["error": ["message": "no\u{202E}"]], "shape at /error"), ([[:]], "shape at /0"),
            ([["name": 1]], "shape at /0"), ([["name": "t"]], "shape at /0"),
            ([["name": "", "inputSchema": [:]]], "bad_name at /0/name"),
            ([["name": "t", "inputSchema": true]], "shape at /0/inputSchema"),
            ([["name": "t", "inputSchema": [:], "outputSchema": 1]], "shape at /0/outputSchema"),
            ([tool, tool], "duplicate at /1/name"),
        ] as [(JSON, String)])
    func othersAreRefused(_ json: JSON, _ outcome: String) throws {
        let error = try #require(throws: ToolSchemaError.self) { try ToolManifest(json: json) }
        #expect("\(error.kind.rawValue) at \(error.pointer)" == outcome)
        #expect(!error.description.contains("\u{202E}"))
        #expect(!error.description.contains("\n"))
    }

    @Test func manyToolsAreRefused() throws {
        let tools = (0..<1_001).map { number -> JSON in
            ["name": .string("t\(number)"), "inputSchema": [:]]
        }
        #expect(try ToolManifest(json: .array(Array(tools.dropLast()))).tools.count == 1_000)
        let error = try #require(throws: ToolSchemaError.self) {
            try ToolManifest(json: .array(tools))
        }
        #expect(error.kind == .limit)
        let long = try #require(throws: ToolSchemaError.self) {
            try ToolManifest(json: ["name": .string(String(repeating: "n", count: 513))])
        }
        #expect(long.kind == .badName)
    }
}

/// Manifests that are made to break something.
@Suite struct HostileManifestTests {
    private func generate(
        _ properties: JSON, definitions: JSON = [:], change: (inout ToolLimits) -> Void = { _ in }
    ) throws -> (Schema, GeneratedSchema) {
        var generator = ToolSchemaGenerator(.exequatur(server: "s"))
        change(&generator.limits)
        let generated = try generator.generate(
            ToolManifest(json: [
                "name": "t", "inputSchema": ["properties": properties, "$defs": definitions],
            ]))
        return (
            try Schema([SchemaFragment(parsing: Schema.base), generated.fragment]), generated
        )
    }

    @Test func deepSchemasBecomeOpaque() throws {
        let deep = (0..<200).reduce(["type": "string"] as JSON) { inner, _ in
            ["type": "object", "properties": ["a": inner]]
        }
        let generated = try generate(["p": deep]).1
        #expect(generated.notes.count == 1)
        #expect(generated.notes[0].message.hasPrefix("nested more than 32 levels"))
        let arrays = (0..<200).reduce(true as JSON) { inner, _ in ["type": "array", "items": inner]
        }
        _ = try generate(["p": arrays])
        let choices = (0..<200).reduce(true as JSON) { inner, _ in
            ["anyOf": [inner, ["type": "string"]]]
        }
        _ = try generate(["p": choices])
        let all = (0..<200).reduce(["type": "string"] as JSON) { inner, _ in ["allOf": [inner]] }
        _ = try generate(["p": all])
    }

    /// Each definition is twice the size of the one before.
    @Test func doublingDefinitionsBecomeOpaque() throws {
        var definitions = JSONObject()
        for level in 0..<60 {
            let next: JSON = ["$ref": .string("#/$defs/d\(level + 1)")]
            definitions["d\(level)"] = ["type": "object", "properties": ["a": next, "b": next]]
        }
        definitions["d60"] = ["type": "string"]
        let (_, generated) = try generate(
            ["p": ["$ref": "#/$defs/d40"]], definitions: .object(definitions))
        #expect(generated.notes.contains { $0.message.hasPrefix("a type of more than") })
        _ = try generate(["p": ["$ref": "#/$defs/d0"]], definitions: .object(definitions))
    }

    @Test func manyPropertiesAreBounded() throws {
        var properties = JSONObject()
        for number in 0..<10_000 { properties["p\(number)"] = ["type": "string"] }
        let (schema, generated) = try generate(.object(properties))
        let type = try #require(schema.inputType(of: generated.actions[0].uid))
        guard case .record(let record) = type else {
            Issue.record("no record")
            return
        }
        #expect(record.attributes.count == 10_000)
        let error = try #require(throws: ToolSchemaError.self) {
            _ = try generate(.object(properties)) { $0.maximumSchemas = 9_999 }
        }
        #expect(error.kind == .limit)
        let large = try generate(.object(properties)) { $0.maximumTypeSize = 100 }.1
        #expect(large.notes.map(\.pointer.description) == ["/inputSchema"])
        let open: JSON = [
            "type": "object", "properties": .object(properties), "additionalProperties": true,
        ]
        let notes = try generate(["p": open]) { $0.maximumTypeSize = 100 }.1.notes
        #expect(notes.map(\.pointer.description) == ["/inputSchema/properties/p"])
        let name = String(repeating: "n", count: 513)
        let long = try #require(throws: ToolSchemaError.self) {
            _ = try generate(.object(JSONObject([(name, true)])))
        }
        #expect(long.kind == .limit)
        #expect(long.description.utf8.count < 400)
    }

    @Test func circlesEnd() throws {
        let definitions: JSON = [
            "a": ["$ref": "#/$defs/b"], "b": ["$ref": "#/$defs/a"],
            "c": ["allOf": [["$ref": "#/$defs/c"], ["type": "object", "properties": [:]]]],
            "d": ["anyOf": [["$ref": "#/$defs/d"], ["type": "string"]]],
            "e": ["type": "object", "additionalProperties": ["$ref": "#/$defs/e"]],
            "f": ["type": "array", "items": ["$ref": "#/$defs/f"]],
        ]
        for name in ["a", "c", "d", "e", "f"] {
            _ = try generate(
                ["p": ["$ref": .string("#/$defs/\(name)")]], definitions: definitions)
        }
    }

    /// Canonically equivalent names are different members, types and tools.
    @Test func equivalentNamesStayApart() throws {
        let map: JSON = ["type": "object", "additionalProperties": ["type": "integer"]]
        let properties: JSON = .object(JSONObject([("\u{E9}", map), ("e\u{301}", map)]))
        let definitions: JSON = .object(
            JSONObject([("\u{E9}", ["type": "string"]), ("e\u{301}", ["type": "integer"])]))
        let (schema, _) = try generate(properties)
        #expect(schema.entityTypes.keys.filter { $0.hasPrefix("mcp::s::t::Input_") }.count == 2)
        let (second, generated) = try generate(
            ["a": ["$ref": "#/$defs/\u{E9}"], "b": ["$ref": "#/$defs/e\u{301}"]],
            definitions: definitions)
        #expect(
            second.inputType(of: generated.actions[0].uid)?.description
                == "{a?: String, b?: Long}")
    }

    /// Suffixes depend on names alone.
    @Test func collidingNamesHaveStableSuffixes() throws {
        func types(_ names: [String]) throws -> [String: String] {
            let map: JSON = ["type": "object", "additionalProperties": true]
            let tools = names.map { name -> JSON in
                ["name": .string(name), "inputSchema": ["properties": ["m": map]]]
            }
            let generated = try ToolSchemaGenerator(.exequatur(server: "s"))
                .generate(ToolManifest(json: .array(tools)))
            let schema = try Schema([SchemaFragment(parsing: Schema.base), generated.fragment])
            var types: [String: String] = [:]
            for action in generated.actions {
                types[action.tool] = schema.inputType(of: action.uid)?.description
            }
            return types
        }
        let forward = try types(["a-b", "a_b", "a.b", "c-d"])
        #expect(try types(["c-d", "a.b", "a_b", "a-b"]) == forward)
        #expect(forward["a_b"] == "{m?: mcp::s::a_b::Input_m}")
        #expect(forward["c-d"] == "{m?: mcp::s::c_d::Input_m}")
        #expect(forward["a-b"]?.hasPrefix("{m?: mcp::s::a_b_") == true)
        #expect(Set(forward.values).count == 4)
    }
}
