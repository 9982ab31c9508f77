// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import ToolSchemas

/// Random manifests, answered by us and by the reference implementations.
///
/// Runs where Python has the packages `cedar-policy-mcp-schema-generator` and `cedarpy`;
/// `EXEQUATUR_PYTHON` names the interpreter, and `EXEQUATUR_FUZZ_CASES` the number of cases (1,000
/// unless set).
@Suite(
    .serialized,
    .enabled(
        if: referee.isHere,
        """
        no reference for Python: \
        pip install cedar-policy-mcp-schema-generator==0.7.0 cedarpy==4.12.2
        """))
struct RefereeTests {
    private static let stubs = [
        """
        namespace N {
            @mcp_principal entity User; @mcp_resource entity Server;
            @mcp_action action "call tool";
        }
        """,
        """
        namespace N {
            @mcp_principal("p") entity User = { name: String } tags Long;
            @mcp_principal @doc("kept") entity Bot in [User];
            @mcp_resource entity Server; entity status enum ["x", "y"];
            @mcp_context("session") type Session = { a: Long };
            entity mode = { a?: Bool, status: String };
        }
        """,
    ]

    private static func options(_ json: JSON) -> AgentSchemaOptions {
        var options = AgentSchemaOptions()
        options.includeOutputs = json["includeOutputs"] == true
        options.objectsAsRecords = json["objectsAsRecords"] == true
        options.eraseAnnotations = json["eraseAnnotations"] == true
        options.flattenNamespaces = json["flattenNamespaces"] == true
        options.numbersAsDecimal = json["numbersAsDecimal"] == true
        options.deduplicateEntityTypes = json["deduplicateEntityTypes"] == true
        return options
    }

    private static func schema(_ question: JSON) throws -> SchemaFragment {
        let stub = try #require(question["stub"]?.stringValue)
        let options = options(try #require(question["options"]))
        let manifest = try ToolManifest(json: try #require(question["tools"]))
        return try ToolSchemaGenerator(.cedarForAgents(stub: stub, options))
            .generate(manifest).fragment
    }

    /// Whatever the reference makes of a manifest, so do we; what it refuses, we refuse, or have
    /// a reason not to.
    @Test func schemasAgree() throws {
        var generator = ManifestGenerator(random: .forTest(), isTame: true)
        var tally: [String: Int] = [:]
        try referee.compare("generate", count: PythonReferee.cases) {
            let names = [
                "includeOutputs", "objectsAsRecords", "eraseAnnotations", "flattenNamespaces",
                "numbersAsDecimal", "deduplicateEntityTypes",
            ]
            let options = names.map { ($0, JSON.bool(generator.chance(50))) }
            return [
                "stub": .string(generator.pick(Self.stubs)), "tools": generator.manifest(),
                "options": .object(JSONObject(options)),
            ]
        } answer: { question, answer in
            let expected = answer["schema"]
            do {
                let found = try Self.schema(question)
                guard let expected else {
                    tally["only we accept", default: 0] += 1
                    return ["only we accept: \(question)\n\(answer)\n\(found.json)"]
                }
                tally["equal", default: 0] += 1
                let differences = SchemaComparison.differences(
                    SchemaComparison.normal(found.json), SchemaComparison.normal(expected))
                return differences.isEmpty ? [] : ["\(question)\n\(differences)"]
            } catch let error as ToolSchemaError {
                guard expected == nil else { return ["only we refuse: \(question)\n\(error)"] }
                tally["both refuse: \(error.kind.rawValue)", default: 0] += 1
                return []
            }
        }
        report("referee, schemas: \(tally.sorted { $0.key < $1.key })")
    }

    /// What arguments convert to has the type that the schema declares, for the reference too.
    @Test func argumentsAreAccepted() throws {
        var generator = ManifestGenerator(random: .forTest())
        let base = try SchemaFragment(parsing: Schema.base)
        var waiting: [JSON] = []
        try referee.compare("validate", count: PythonReferee.cases) {
            while waiting.isEmpty {
                let manifest = try ToolManifest(json: generator.manifest())
                let generated = try ToolSchemaGenerator(.exequatur(server: "s"))
                    .generate(manifest)
                let fragments = [base, generated.fragment]
                let text = try SchemaFragment(json: Fragments.joined(fragments)).text
                let schema = try Schema(fragments)
                for (tool, action) in zip(manifest.tools, generated.actions) {
                    let type = try #require(schema.inputType(of: action.uid))
                    let json = generator.arguments(for: .object(tool.inputSchema), tool.inputSchema)
                    guard let input = try? TypedInput.convert(json, to: type, in: schema),
                        let question = try? Self.question(text, action.uid, input)
                    else { continue }
                    waiting.append(question)
                }
            }
            return waiting.removeLast()
        } answer: { question, answer in
            answer.isNull ? [] : ["\(answer)\n\(question)"]
        }
    }

    /// Throws where a member has a name that Cedar's JSON format keeps for itself.
    private static func question(
        _ schema: String, _ action: EntityUID, _ input: TypedInput
    ) throws -> JSON {
        func object(_ record: Value.Record) throws -> JSON {
            .object(JSONObject(try record.map { ($0.key, try $0.value.json) }))
        }
        return [
            "schema": .string(schema),
            "request": [
                "principal": EntityUID(type: "Agent", id: "a").json, "action": action.json,
                "resource": EntityUID(type: "McpServer", id: "m").json,
                "context": ["input": try input.value.json],
            ],
            "entities": .array(
                try input.entities.map { entity in
                    [
                        "uid": entity.uid.json, "attrs": try object(entity.attributes),
                        "tags": try object(entity.tags), "parents": [],
                    ]
                }),
        ]
    }

    /// What we generate is a schema for the reference too, in both syntaxes.
    @Test func schemasAreAccepted() throws {
        var generator = ManifestGenerator(random: .forTest())
        var place = 0
        try referee.compare("accept", count: PythonReferee.cases) {
            place += 1
            let isOurs = place % 3 != 0
            let base =
                try isOurs
                ? SchemaFragment(parsing: Schema.base) : ToolSchemaGenerator.agentCoreBase
            let profile: ToolSchemaGenerator.Profile =
                isOurs
                ? .exequatur(server: generator.pick(["github", "a-b", "if", "\u{E9} x"]))
                : .agentCore(target: generator.pick(["Target", "1-a"]))
            let schema = try ToolSchemaGenerator(profile)
                .generate(ToolManifest(json: generator.manifest()))
            let all = Fragments.joined([base, schema.fragment])
            return place.isMultiple(of: 2)
                ? all : .string(try SchemaFragment(json: all).text)
        } answer: { question, answer in
            answer.isNull ? [] : ["\(answer)\n\(question.stringValue ?? "\(question)")"]
        }
    }
}

/// Fragments put together, as `Schema` does it by itself.
enum Fragments {
    static func joined(_ fragments: [SchemaFragment]) -> JSON {
        var all = JSONObject()
        for fragment in fragments {
            for (name, namespace) in fragment.json.objectValue ?? [:] {
                var merged = all[name]?.objectValue ?? [:]
                for (kind, declarations) in namespace.objectValue ?? [:] {
                    var members = merged[kind]?.objectValue ?? [:]
                    for (key, value) in declarations.objectValue ?? [:] { members[key] = value }
                    merged[kind] = .object(members)
                }
                all[name] = .object(merged)
            }
        }
        return .object(all)
    }
}
