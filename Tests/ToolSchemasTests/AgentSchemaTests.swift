// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import ToolSchemas

/// What cedar-for-agents' generator made of its examples, made again.
@Suite(.corpus("mcp-cedar/examples"))
struct AgentSchemaTests {
    static let folder = Corpora.path("mcp-cedar/examples")

    struct Example: CustomTestStringConvertible {
        let tools: String
        let schema: String
        var options = AgentSchemaOptions()

        init(
            _ tools: String, _ schema: String,
            _ change: (inout AgentSchemaOptions) -> Void = { _ in }
        ) {
            self.tools = tools
            self.schema = schema
            change(&options)
        }

        var testDescription: String { schema }
    }

    static let simple: [Example] = [
        Example("tool", "tool_default"),
        Example("tool", "tool_include_outputs") { $0.includeOutputs = true },
        Example("tool", "tool_objects_as_records") { $0.objectsAsRecords = true },
        Example("tool", "tool_flattened_namespace") { $0.flattenNamespaces = true },
        Example("tool", "tool_keep_annotations") { $0.eraseAnnotations = false },
        Example("tool", "tool_encode_numbers_as_decimal") { $0.numbersAsDecimal = true },
    ]

    static let others: [Example] =
        ["tool_mixed_array", "tool_nullable_objects", "tool_tuple"].map {
            Example("simple/\($0)", "simple/\($0)")
        } + [
            Example("strands/strands_tools", "strands/strands_tools"),
            Example("strands/strands_tools", "strands/strands_tools_flat") {
                $0.flattenNamespaces = true
            },
        ]

    /// The rest is told by the names of the files.
    static var shared: [Example] {
        let names = (try? Corpora.names(in: "\(folder)/dedup")) ?? []
        return names.filter { $0.hasSuffix(".cedarschema") }.map { file in
            let name = String(file.dropLast(".cedarschema".count))
            let isFlat = name.hasSuffix("_flat")
            let tools = isFlat ? String(name.dropLast("_flat".count)) : name
            return Example("dedup/\(tools)", "dedup/\(name)") {
                $0.deduplicateEntityTypes = true
                $0.flattenNamespaces = isFlat
                $0.includeOutputs = name.hasSuffix("_in_output")
            }
        }
    }

    private func generated(_ example: Example) throws -> GeneratedSchema {
        let stub = try Corpora.text(at: "\(Self.folder)/stub.cedarschema")
        let json = try JSON(
            parsing: Corpora.bytes(at: "\(Self.folder)/\(example.tools).json"), limits: .files)
        return try ToolSchemaGenerator(.cedarForAgents(stub: stub, example.options))
            .generate(ToolManifest(json: json))
    }

    private func compare(_ example: Example, _ expected: JSON) throws {
        let found = try generated(example)
        let differences = SchemaComparison.differences(
            SchemaComparison.normal(found.fragment.json), SchemaComparison.normal(expected))
        #expect(differences == [])
        // And the meaning, with all names looked up.
        #expect(try Schema([found.fragment]) == Schema(json: expected))
        #expect(try Schema(parsing: found.fragment.text) == Schema(json: expected))
    }

    @Test(arguments: simple)
    func jsonOfExamplesIsEqual(_ example: Example) throws {
        let path = "\(Self.folder)/simple/\(example.schema).cedarschema.json"
        let example = Example("simple/\(example.tools)", example.schema) { $0 = example.options }
        try compare(example, JSON(parsing: Corpora.bytes(at: path), limits: .files))
    }

    @Test(
        arguments: others + shared
            + simple.map { one in
                Example("simple/\(one.tools)", "simple/\(one.schema)") { $0 = one.options }
            })
    func textOfExamplesIsEqual(_ example: Example) throws {
        let text = try Corpora.text(at: "\(Self.folder)/\(example.schema).cedarschema")
        try compare(example, SchemaFragment(parsing: text).json)
    }

    @Test func allExamplesAreLookedAt() throws {
        #expect(Self.shared.count == 14)
    }
}

extension AgentSchemaTests {
    /// Arguments of the example have a value of the type that its schema gives them.
    @Test func argumentsOfExamplesConvert() throws {
        let generated = try generated(Example("simple/tool", ""))
        let schema = try Schema([generated.fragment])
        let uid = EntityUID(type: "MyMcpServer::Action", id: "test_tool")
        #expect(generated.actions.map(\.uid) == [uid])
        var options = TypedInput.Options()
        options.buildsEntities = true
        options.opaqueTypes = ["Number", "Float", "Null", "Unknown"]
        let json: JSON = [
            "bool_attr": true, "int_attr": 3, "num_attr": 7, "enum_attr": "variant1",
            "dt_attr": "2026-01-01T00:00:00Z", "dur_attr": "1h", "ipv4_attr": "10.0.0.1",
            "dec_attr": "1.5", "null_attr": nil, "array_attr": ["a"],
            "obj_attr": ["first_attr": "x", "second_attr": false],
            "tagged_obj_attr": ["n": 1], "union_array_attr": 5, "union_attr": nil,
        ]
        let input = try TypedInput.convert(
            json, to: try #require(schema.inputType(of: uid)), in: schema, options: options)
        let session: Value.Record = [
            "currentTimestamp": .extension(.datetime(DateTimeValue(epoch: 0))),
            "ipaddr": .extension(.ip(try IPAddressValue(parsing: "::1"))),
        ]
        try schema.validate(
            Request(
                principal: EntityUID(type: "MyMcpServer::User", id: "u"), action: uid,
                resource: EntityUID(type: "MyMcpServer::McpServer", id: "s"),
                context: ["input": input.value, "session": .record(session)]))
        _ = try Entities(input.entities, schema: schema)
        #expect(input.omitted == [])
        guard case .record(let record) = input.value else { return }
        #expect(
            record["null_attr"] == .entity(EntityUID(type: "MyMcpServer::Null", id: "null")))
        #expect(record["union_array_attr"] == .record(["typeChoice1": 5]))
    }
}
