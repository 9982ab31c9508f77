// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import ToolSchemas

/// Makes random manifests.
struct ManifestGenerator {
    var random: SeededRandom
    /// Whether names are identifiers and schemas only say what cedar-for-agents understands.
    let isTame: Bool
    private var leafObjects: [JSON] = []

    init(random: SeededRandom, isTame: Bool = false) {
        self.random = random
        self.isTame = isTame
    }

    static let tameNames = [
        "status", "mode", "config", "items", "a", "b", "c", "duration", "type", "owner", "Tag",
        "TypeChoice0", "Proj0", "X1", "_under", "Input",
    ]
    static let wildNames = [
        "a-b", "a.b", "a/b", "a_b", "1x", "if", "", "__cedar", "String", "Long", "Action",
        "\u{E9}", "e\u{301}", "has space", "Input", "Opaque", "Agent", "\u{202E}x", "日本", "~1",
        "typeChoice0", "Set", "a b", "a\"b\\", "Input_a", "Type_a",
    ]
    static let formats = [
        "date", "date-time", "duration", "ipv4", "ipv6", "decimal", "uri", "email",
    ]
    static let half = JSONNumber(0.5) ?? 0
    static let choices: [JSON] = [["x", "y"], ["y", "x"], ["x"], ["", "\u{E9}", "e\u{301}"]]

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &random)]
    }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    mutating func name() -> String {
        if isTame { return pick(Array(Self.tameNames.prefix(chance(50) ? 3 : 16))) }
        return pick(Self.tameNames + Self.wildNames)
    }

    private mutating func some<Element>(
        _ range: Range<Int>, _ make: (inout ManifestGenerator) -> Element
    ) -> [Element] {
        (0..<Int.random(in: range, using: &random)).map { _ in make(&self) }
    }

    // MARK: manifests

    mutating func manifest() -> JSON {
        var tools: [JSON] = []
        var names: Set<JSON> = []
        for _ in 0..<Int.random(in: 1..<5, using: &random) {
            let tool = tool()
            guard let name = tool["name"], name != "", names.insert(name).inserted else { continue }
            tools.append(tool)
        }
        var result: JSONObject = ["tools": .array(tools)]
        if chance(15) { result["$defs"] = definitions() }
        return ["jsonrpc": "2.0", "id": 1, "result": .object(result)]
    }

    private mutating func tool() -> JSON {
        let input = parameters()
        var tool: JSONObject = [
            "name": .string(name()), "description": "what\u{7} it\ndoes",
            "inputSchema": chance(20) ? ["json": input] : input,
        ]
        if chance(40) { tool["outputSchema"] = parameters() }
        if chance(15) { tool["$defs"] = definitions() }
        if !isTame, chance(30) { tool["annotations"] = ["readOnlyHint": true] }
        return .object(tool)
    }

    private mutating func parameters() -> JSON {
        if !isTame, chance(10) { return pick([[:], ["type": "object"], schema(3)]).asObject }
        var object = self.object(2)
        if isTame || chance(70) { object["additionalProperties"] = Optional<JSON>.none }
        if chance(30) { object["$defs"] = definitions() }
        if chance(90) { define(in: &object) }
        if !isTame, chance(10) { object["definitions"] = definitions() }
        return .object(object)
    }

    /// Defines most of what is referred to.
    private mutating func define(in object: inout JSONObject) {
        var definitions = object["$defs"]?.objectValue ?? [:]
        var open = [JSON.object(object)]
        while let json = open.popLast() {
            open += json.arrayValue ?? (json.objectValue ?? [:]).map(\.value)
            guard let text = json["$ref"]?.stringValue, text.hasPrefix("#/$defs/") else { continue }
            let name = String(text.dropFirst("#/$defs/".count))
            if definitions[name] == nil { definitions[name] = schema(chance(30) ? 1 : 0) }
        }
        if !definitions.isEmpty { object["$defs"] = .object(definitions) }
    }

    private mutating func definitions() -> JSON {
        var object = JSONObject()
        for _ in 0..<Int.random(in: 1..<4, using: &random) { object[name()] = schema(2) }
        return .object(object)
    }

    private mutating func object(_ depth: Int) -> JSONObject {
        var properties = JSONObject()
        for _ in 0..<Int.random(in: 0..<4, using: &random) { properties[name()] = schema(depth) }
        var required = properties.keys.filter { _ in chance(50) }
        if chance(10) { required.append("nowhere") }
        var object: JSONObject = ["type": "object", "properties": .object(properties)]
        if chance(80) { object["required"] = .array(required.map { .string($0) }) }
        if chance(20) { object["additionalProperties"] = .bool(chance(isTame ? 50 : 30)) }
        if chance(15) { object["additionalProperties"] = schema(depth - 1) }
        return object
    }

    mutating func schema(_ depth: Int) -> JSON {
        if !isTame, chance(25) { return wild(depth) }
        if depth <= 0 || chance(50) { return leaf() }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return ["type": "array", "items": schema(depth - 1)]
        case 1:
            var array: JSONObject = [
                "type": "array", "prefixItems": .array(some(0..<3) { $0.schema(depth - 1) }),
            ]
            if chance(80) { array["items"] = chance(70) ? false : schema(depth - 1) }
            return .object(array)
        case 2:
            return [
                pick(["anyOf", "oneOf"]): .array(
                    some(isTame ? 1..<4 : 0..<4) {
                        $0.schema(depth - 1)
                    })
            ]
        case 3:
            var union = object(depth - 1)
            union["type"] = .array(
                some(1..<4) {
                    $0.pick(["string", "null", "object", "integer", "boolean", "array"])
                })
            union["items"] = ["type": "string"]
            if chance(30) { union["enum"] = pick(Self.choices) }
            if chance(30) { union["format"] = .string(pick(Self.formats)) }
            return .object(union)
        case 4: return ["$ref": .string("#/$defs/\(name())")]
        default:
            // Types that several tools have in common are made by chance only seldom.
            if !leafObjects.isEmpty, chance(40) { return pick(leafObjects) }
            let made = JSON.object(object(depth - 1))
            if depth == 1 { leafObjects = leafObjects.suffix(2) + [made] }
            return made
        }
    }

    private mutating func leaf() -> JSON {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return ["type": "string"]
        case 1: return ["type": "string", "enum": pick(Self.choices)]
        case 2: return ["type": "string", "format": .string(pick(Self.formats))]
        case 3: return ["type": .string(pick(["null", "float", "number"]))]
        case 4: return pick([[:], ["description": "words"], ["title": "T"]])
        default: return ["type": .string(pick(["boolean", "integer", "number", "string"]))]
        }
    }

    private mutating func wild(_ depth: Int) -> JSON {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return .bool(chance(50))
        case 1: return ["const": pick(["x", 1, .number(Self.half), true, nil, [], [:]])]
        case 2: return ["enum": pick([["a", "b"], ["a", nil], [1, 2], [1, "a"], [nil], []])]
        case 3: return ["allOf": .array(some(0..<4) { $0.schema(depth - 1) })]
        case 4: return ["not": schema(depth - 1)]
        case 5: return ["$ref": .string("#/definitions/\(name())")]
        case 6: return pick([["$ref": "#"], ["$ref": "http://x"], ["$ref": 1]])
        case 7:
            return ["type": "object", "patternProperties": ["^x": schema(depth - 1)]]
        case 8: return pick([["type": "bogus"], ["type": 1], ["type": []], ["type": "object"]])
        case 9: return ["allOf": [.object(object(depth - 1)), .object(object(depth - 1))]]
        case 10: return ["anyOf": [schema(depth - 1), ["type": "null"]], "default": nil]
        default: return ["type": "string", "nullable": true]
        }
    }
}

extension JSON {
    fileprivate var asObject: JSON { objectValue == nil ? [:] : self }
}
