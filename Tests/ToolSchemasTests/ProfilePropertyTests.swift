// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import ToolSchemas

@Suite struct ProfilePropertyTests {
    /// Whatever a server offers, the schema resolves and has an action for each tool.
    @Test func everyManifestHasASchema() throws {
        var generator = ManifestGenerator(random: .forTest())
        let base = try SchemaFragment(parsing: Schema.base)
        var tools = 0
        for round in 0..<2_000 {
            let json = generator.manifest()
            let manifest = try ToolManifest(json: json)
            tools += manifest.tools.count
            let server = ["github", "a-b", "\u{E9}"][round % 3]
            let generated = try ToolSchemaGenerator(.exequatur(server: server)).generate(manifest)
            let schema = try Schema([base, generated.fragment])
            for action in generated.actions {
                #expect(schema.inputType(of: action.uid) != nil)
                #expect(schema.actions[action.uid]?.principals == ["Agent", "Person"])
            }
            // Both syntaxes say the same.
            let read = try SchemaFragment(parsing: generated.fragment.text)
            #expect(try Schema([base, read]) == schema)
            let core = try ToolSchemaGenerator(.agentCore(target: "T")).generate(manifest)
            _ = try Schema([ToolSchemaGenerator.agentCoreBase, core.fragment])
        }
        report("profiles: \(tools) tools")
    }

    /// The order of members and of tools changes nothing.
    @Test func orderDoesNotMatter() throws {
        var generator = ManifestGenerator(random: .forTest())
        for _ in 0..<300 {
            let json = generator.manifest()
            let tools = json["result"]?["tools"]?.arrayValue ?? []
            let one = try fragment(.array(tools))
            #expect(try fragment(JSON(parsing: JSON.array(tools.reversed()).description)) == one)
        }
    }

    private func fragment(_ json: JSON) throws -> JSON {
        try ToolSchemaGenerator(.exequatur(server: "s"))
            .generate(ToolManifest(json: json)).fragment.json
    }

    /// Arguments that fit the JSON Schema in the plainest way convert and pass validation.
    @Test func plainArgumentsConvert() throws {
        var generator = ManifestGenerator(random: .forTest())
        let base = try SchemaFragment(parsing: Schema.base)
        var tally: [String: Int] = [:]
        for _ in 0..<500 {
            let manifest = try ToolManifest(json: generator.manifest())
            let generated = try ToolSchemaGenerator(.exequatur(server: "s")).generate(manifest)
            let schema = try Schema([base, generated.fragment])
            for (tool, action) in zip(manifest.tools, generated.actions) {
                let type = try #require(schema.inputType(of: action.uid))
                let json = generator.arguments(for: .object(tool.inputSchema), tool.inputSchema)
                let input: TypedInput
                do throws(TypedInputError) {
                    input = try TypedInput.convert(json, to: type, in: schema)
                } catch {
                    tally["refused", default: 0] += 1
                    #expect(error.kind != .limit)
                    continue
                }
                tally["converted", default: 0] += 1
                try schema.validate(
                    Request(
                        principal: EntityUID(type: "Agent", id: "a"), action: action.uid,
                        resource: EntityUID(type: "McpServer", id: "m"),
                        context: ["input": input.value]))
                _ = try Entities(input.entities, schema: schema)
            }
        }
        report("arguments of random tools: \(tally.sorted { $0.key < $1.key })")
        #expect(tally["converted", default: 0] > 20 * tally["refused", default: 0])
    }
}

extension ManifestGenerator {
    /// JSON that a schema describes, mostly.
    mutating func arguments(for json: JSON, _ root: JSONObject, depth: Int = 0) -> JSON {
        guard let schema = json.objectValue, depth < 8 else { return "x" }
        if let text = schema["$ref"]?.stringValue, let name = text.split(separator: "/").last {
            let all = root["$defs"]?[String(name)] ?? root["definitions"]?[String(name)]
            return all.map { arguments(for: $0, root, depth: depth + 1) } ?? "x"
        }
        for key in ["anyOf", "oneOf"] {
            guard schema["type"] == nil, let list = schema[key]?.arrayValue, !list.isEmpty
            else { continue }
            return arguments(for: pick(list), root, depth: depth + 1)
        }
        if let constant = schema["const"] ?? schema["enum"]?.arrayValue?.first { return constant }
        var type = schema["type"] ?? "object"
        if let list = type.arrayValue, !list.isEmpty { type = pick(list) }
        switch type {
        case "boolean": return .bool(chance(50))
        case "integer": return 7
        case "number", "float": return .number(Self.half)
        case "null": return nil
        case "string":
            switch schema["format"]?.stringValue {
            case "date", "date-time": return "2026-01-01T10:00:00+02:00"
            case "ipv4", "ipv6": return "10.0.0.1"
            default: return "text"
            }
        case "array":
            if let prefix = schema["prefixItems"]?.arrayValue, !prefix.isEmpty {
                return .array(prefix.map { arguments(for: $0, root, depth: depth + 1) })
            }
            return .array([arguments(for: schema["items"] ?? true, root, depth: depth + 1)])
        default:
            var object = JSONObject()
            for (name, property) in schema["properties"]?.objectValue ?? [:] where chance(90) {
                object[name] = arguments(for: property, root, depth: depth + 1)
            }
            for name in schema["required"]?.arrayValue ?? [] {
                guard let name = name.stringValue, object[name] == nil,
                    let property = schema["properties"]?[name]
                else { continue }
                object[name] = arguments(for: property, root, depth: depth + 1)
            }
            return .object(object)
        }
    }
}
