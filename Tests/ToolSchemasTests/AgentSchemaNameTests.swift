// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import ToolSchemas

/// The profile of cedar-for-agents beyond what its generator takes.
@Suite struct AgentSchemaNameTests {
    static let stub = """
        namespace N { @mcp_principal entity User; @mcp_resource entity Server; }
        """

    private func generate(
        _ json: JSON, stub: String = stub, _ change: (inout AgentSchemaOptions) -> Void = { _ in }
    ) throws -> GeneratedSchema {
        var options = AgentSchemaOptions()
        change(&options)
        return try ToolSchemaGenerator(.cedarForAgents(stub: stub, options))
            .generate(ToolManifest(json: json))
    }

    @Test func namesThatAreNoIdentifiersWork() throws {
        let names = [
            "a-b", "a.b", "a/b", "1x", "if", "__cedar", "has space", "\u{E9}", "String", "Action",
        ]
        var properties = JSONObject()
        for name in names {
            properties[name] = [
                "type": "object", "properties": ["x-y": ["type": "string", "enum": ["v"]]],
            ]
        }
        let tools = names.map { name -> JSON in
            ["name": .string(name), "inputSchema": ["properties": .object(properties)]]
        }
        for isFlat in [false, true] {
            for areRecords in [false, true] {
                let generated = try generate(.array(tools)) {
                    $0.flattenNamespaces = isFlat
                    $0.objectsAsRecords = areRecords
                    $0.deduplicateEntityTypes = true
                }
                let schema = try Schema([generated.fragment])
                #expect(generated.actions.map(\.uid.id) == names)
                for action in generated.actions {
                    guard case .record(let input)? = schema.inputType(of: action.uid) else {
                        Issue.record("no input for \(action.uid)")
                        continue
                    }
                    #expect(Set(input.attributes.map(\.name)) == Set(names))
                }
                #expect(try Schema(parsing: generated.fragment.text) == schema)
            }
        }
    }

    /// Types of the language keep their meaning beside declarations that go by their names.
    @Test func typesOfTheLanguageAreNotShadowed() throws {
        let generated = try generate([
            "name": "t",
            "inputSchema": [
                "properties": [
                    "datetime": ["type": "string", "enum": ["now"]],
                    "o": [
                        "type": "object",
                        "properties": ["when": ["type": "string", "format": "date-time"]],
                    ],
                ]
            ],
        ])
        let schema = try Schema([generated.fragment])
        let type = try #require(schema.entityTypes["N::t::Input::o"])
        #expect(type.attributes["when"]?.type == .extension(.datetime))
        #expect(schema.entityTypes["N::t::Input::datetime"]?.enumeration == ["now"])
    }

    @Test(arguments: [
        ("", "bad_stub"), ("entity A;", "bad_stub"), ("namespace N {} namespace M {}", "bad_stub"),
        ("namespace N { entity U; @mcp_resource entity S; }", "bad_stub"),
        ("namespace N { @mcp_principal entity U; entity S; }", "bad_stub"),
        ("namespace N { oops", "bad_stub"),
    ])
    func badStubsAreRefused(_ stub: String, _ kind: String) throws {
        let error = try #require(throws: ToolSchemaError.self) { try generate([], stub: stub) }
        #expect(error.kind.rawValue == kind)
        #expect(!error.description.contains("\n"))
    }

    @Test(
        arguments: [
            (["type": "bogus"], "unsupported"), (["$ref": "#/definitions/x"], "unsupported"),
            (["$ref": "#/$defs/x"], "unsupported"), (true, "unsupported"),
            (["type": "string", "enum": []], "unsupported"), (["type": 1], "unsupported"),
            (["type": "array", "items": [[:]]], "unsupported"), (["anyOf": 1], "unsupported"),
        ] as [(JSON, String)])
    func whatTheReferenceRefusesIsRefused(_ property: JSON, _ kind: String) throws {
        let error = try #require(throws: ToolSchemaError.self) {
            try generate(["name": "t", "inputSchema": ["properties": ["p": property]]])
        }
        #expect(error.kind.rawValue == kind)
    }

    /// Records are types of each tool; there is nothing to share.
    @Test func recordsAreNotShared() throws {
        let object: JSON = ["type": "object", "properties": ["a": ["type": "integer"]]]
        let tools = ["one", "two"].map { name -> JSON in
            ["name": .string(name), "inputSchema": ["properties": ["o": object]]]
        }
        let plain = try generate(.array(tools)) { $0.objectsAsRecords = true }
        let shared = try generate(.array(tools)) {
            $0.objectsAsRecords = true
            $0.deduplicateEntityTypes = true
        }
        #expect(shared.fragment.json == plain.fragment.json)
        let entities = try generate(.array(tools)) { $0.deduplicateEntityTypes = true }
        #expect(
            try Schema([entities.fragment]).entityTypes.keys.sorted() == [
                "N::Server", "N::User", "N::o",
            ])
    }

    @Test func deepSchemasAreRefused() throws {
        let deep = (0..<200).reduce(["type": "string"] as JSON) { inner, _ in
            ["type": "object", "properties": ["a": inner]]
        }
        let error = try #require(throws: ToolSchemaError.self) {
            try generate(["name": "t", "inputSchema": deep])
        }
        #expect(error.kind == .limit)
    }

    /// Random manifests either have a schema that can be read or are refused with a place.
    @Test func wildManifestsEnd() throws {
        var generator = ManifestGenerator(random: .forTest())
        var tally: [String: Int] = [:]
        for _ in 0..<1_500 {
            let json = generator.manifest()
            let flags = (0..<5).map { _ in generator.chance(50) }
            do {
                let generated = try generate(json) {
                    $0.includeOutputs = flags[0]
                    $0.objectsAsRecords = flags[1]
                    $0.flattenNamespaces = flags[2]
                    $0.numbersAsDecimal = flags[3]
                    $0.deduplicateEntityTypes = flags[4]
                }
                _ = try SchemaFragment(json: generated.fragment.json)
                tally["generated", default: 0] += 1
                _ = try SchemaFragment(parsing: generated.fragment.text)
            } catch let error as SchemaError {
                // A definition that is an array of objects gives both a type of its name.
                #expect(error.kind == .notExpressible)
                tally["only in JSON", default: 0] += 1
            } catch let error as ToolSchemaError {
                tally[error.kind.rawValue, default: 0] += 1
            }
        }
        report("wild manifests: \(tally.sorted { $0.key < $1.key })")
    }
}
