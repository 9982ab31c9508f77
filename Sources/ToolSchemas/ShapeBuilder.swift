// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Reads the JSON Schema of one tool's arguments as shapes.
///
/// What Cedar has no words for becomes opaque, with a note of why.
struct ShapeBuilder {
    /// A shape, and whether `null` may stand in its place.
    struct Reading {
        var shape: Shape
        var isNullable = false
        /// The parts of the type, definitions spelled out.
        var size = 1
        /// The levels of the type, definitions spelled out.
        var depth = 1
    }

    /// How far the reading of a definition is.
    enum Definition {
        case underway
        case done(Reading)
    }

    let limits: ToolLimits
    let isDocumented: Bool
    var declarations: [Shape.Declaration] = []
    private(set) var notes: [GeneratedSchema.Note] = []
    /// The number of schemas read so far, in the whole manifest.
    var schemas: Int
    private let root: JSONObject
    let definitions: [(tokens: [String], members: JSONObject)]
    /// The definitions met so far, by their names.
    var read: [JSON: Definition] = [:]
    /// The steps to the schema at hand.
    var tokens: [String]
    /// What the type at hand would be called: parts of a JSON pointer, escaped.
    var name: [String] = []
    var levels = 0

    init(
        _ tool: ToolManifest.Tool, _ manifest: ToolManifest, limits: ToolLimits,
        isDocumented: Bool, schemas: Int
    ) {
        self.limits = limits
        self.isDocumented = isDocumented
        self.schemas = schemas
        root = tool.inputSchema
        tokens = tool.tokens + tool.inputTokens
        // The nearest first.
        definitions = [
            (tokens + ["$defs"], root["$defs"]?.objectValue ?? [:]),
            (tokens + ["definitions"], root["definitions"]?.objectValue ?? [:]),
            (tool.tokens + ["$defs"], tool.definitions),
            (manifest.definitionTokens, manifest.definitions),
        ]
    }

    /// The levels of a type, definitions spelled out; schemas of Cedar have at most 100.
    var maximumLevels: Int { min(2 * limits.maximumDepth, 90) }

    /// The type of all arguments: what `Input` stands for.
    mutating func input() throws(ToolSchemaError) -> Reading {
        name = ["Input"]
        let hasMembers = root["properties"] != nil || root["additionalProperties"] != nil
        let isObject = root["type"] == nil || root["type"] == "object"
        let isPlain = ["anyOf", "oneOf", "allOf", "$ref"].allSatisfy { root[$0] == nil }
        // Tools without arguments say no more than that their input is an object.
        if isObject, isPlain, !hasMembers, root["patternProperties"] == nil {
            return Reading(shape: .record([]))
        }
        return try reading(.object(root))
    }

    // MARK: places

    mutating func within<Result>(
        _ steps: [String], name part: String? = nil,
        _ body: (inout ShapeBuilder) throws(ToolSchemaError) -> Result
    ) throws(ToolSchemaError) -> Result {
        let before = (tokens.count, name.count)
        tokens += steps
        if let part { name.append(part) }
        levels += 1
        let result = try body(&self)
        levels -= 1
        tokens.removeSubrange(before.0...)
        name.removeSubrange(before.1...)
        return result
    }

    func error(_ kind: ToolSchemaError.Kind, _ message: String) -> ToolSchemaError {
        ToolSchemaError(kind, at: tokens, message)
    }

    mutating func note(_ reason: String) {
        guard notes.count < limits.maximumNotes else { return }
        notes.append(.init(pointer: JSONPointer(tokens: tokens), message: reason))
    }

    mutating func opaque(_ reason: String) -> Reading {
        note(reason)
        return Reading(shape: .opaque)
    }

    // MARK: schemas

    /// Reads one schema; what is too large or too deep becomes opaque.
    mutating func reading(_ json: JSON) throws(ToolSchemaError) -> Reading {
        schemas += 1
        guard schemas <= limits.maximumSchemas else {
            throw error(
                .limit, "more than \(limits.maximumSchemas) schemas in the manifest: offer less")
        }
        guard levels < limits.maximumDepth else {
            return opaque("nested more than \(limits.maximumDepth) levels: taken as any JSON")
        }
        guard let schema = json.objectValue else {
            return opaque("a schema that says nothing: taken as any JSON")
        }
        let before = declarations.count
        var reading = try self.schema(schema)
        // OpenAPI's word for it, which many servers use.
        if schema["nullable"] == true { reading.isNullable = true }
        guard reading.size <= limits.maximumTypeSize, reading.depth <= maximumLevels else {
            // Nothing else refers to what was declared inside, except definitions.
            if read.isEmpty { declarations.removeSubrange(before...) }
            return opaque(
                "a type of more than \(limits.maximumTypeSize) parts or "
                    + "\(maximumLevels) levels: taken as any JSON")
        }
        return reading
    }

    private mutating func schema(_ schema: JSONObject) throws(ToolSchemaError) -> Reading {
        if let reference = schema["$ref"] { return try referred(reference) }
        if let parts = schema["allOf"]?.arrayValue { return try merged(schema, parts) }
        switch schema["type"] {
        case .string(let type)?: return try typed(type, schema)
        case .array(let types)?: return try choices(types, keyword: nil, schema)
        default: break
        }
        if let constant = schema["const"] { return constants([constant]) }
        if let values = schema["enum"]?.arrayValue { return constants(values) }
        for keyword in ["anyOf", "oneOf"] {
            guard let list = schema[keyword]?.arrayValue else { continue }
            return try choices(list, keyword: keyword, schema)
        }
        if schema["properties"] != nil || schema["additionalProperties"]?.objectValue != nil {
            return try object(schema)
        }
        if schema["items"] != nil || schema["prefixItems"] != nil { return try array(schema) }
        return opaque("a schema without a type: taken as any JSON")
    }

    private mutating func typed(
        _ type: String, _ schema: JSONObject
    ) throws(ToolSchemaError) -> Reading {
        switch type {
        case "boolean": return Reading(shape: .bool)
        case "integer": return Reading(shape: .long)
        case "number", "float": return Reading(shape: .extension("decimal"))
        case "string": return Reading(shape: text(schema))
        case "array": return try array(schema)
        case "object": return try object(schema)
        case "null": return opaque("`null` alone: taken as any JSON")
        default:
            return opaque("unknown type `\(Shown.text(type))`: taken as any JSON")
        }
    }

    private func text(_ schema: JSONObject) -> Shape {
        guard schema["enum"] == nil, schema["const"] == nil else { return .string }
        switch schema["format"]?.stringValue {
        case "ipv4", "ipv6": return .extension("ipaddr")
        case "date", "date-time": return .extension("datetime")
        default: return .string
        }
    }

    /// The type that constants have in common; `null` among them stands for no value.
    private mutating func constants(_ values: [JSON]) -> Reading {
        let others = values.filter { !$0.isNull }
        let shapes = others.map(Self.shape)
        guard let shape = shapes.first, shapes.allSatisfy({ $0.isSameLeaf(as: shape) }),
            !shape.isSameLeaf(as: .opaque)
        else {
            return opaque("constants of several types or of none that Cedar has: taken as any JSON")
        }
        return Reading(shape: shape, isNullable: others.count < values.count)
    }

    private static func shape(of constant: JSON) -> Shape {
        switch constant {
        case .string: .string
        case .bool: .bool
        case .number(let number): number.int64 == nil ? .extension("decimal") : .long
        case .null, .array, .object: .opaque
        }
    }

    // MARK: choices

    private mutating func choices(
        _ list: [JSON], keyword: String?, _ outer: JSONObject
    ) throws(ToolSchemaError) -> Reading {
        var readings: [Reading] = []
        var isNullable = false
        for (place, choice) in list.enumerated() {
            guard !Self.isNull(choice, isType: keyword == nil) else {
                isNullable = true
                continue
            }
            let part = list.count == 1 ? nil : "\(RecordConvention.unionPrefix)\(readings.count)"
            let steps = [keyword ?? "type", String(place)]
            readings.append(
                try within(steps, name: part) { inner throws(ToolSchemaError) in
                    guard keyword == nil else { return try inner.reading(choice) }
                    guard let type = choice.stringValue else { return try inner.reading(choice) }
                    // The other keywords are those of the schema around the list.
                    inner.tokens.removeSubrange((inner.tokens.count - 2)...)
                    var single = outer
                    single["type"] = .string(type)
                    return try inner.reading(.object(single))
                })
        }
        isNullable = isNullable || readings.contains { $0.isNullable }
        guard let first = readings.first else {
            return opaque("nothing but `null`: taken as any JSON")
        }
        // Choices that Cedar cannot tell apart are one; most are texts with different constants.
        let isOne =
            readings.count == 1
            || readings.allSatisfy { $0.shape.isSameLeaf(as: first.shape) }
        if isOne {
            var reading = first
            reading.isNullable = isNullable
            return reading
        }
        let attributes = readings.enumerated().map { place, reading in
            Shape.Attribute(
                name: "\(RecordConvention.unionPrefix)\(place)", shape: reading.shape,
                isRequired: false, documentation: nil)
        }
        return Reading(
            shape: .record(attributes), isNullable: isNullable,
            size: readings.reduce(1) { $0 + $1.size },
            depth: 1 + (readings.map(\.depth).max() ?? 0))
    }

    private static func isNull(_ choice: JSON, isType: Bool) -> Bool {
        if isType { return choice == "null" }
        if let constant = choice["const"], choice["type"] == nil { return constant.isNull }
        return choice["type"] == "null"
    }

    // MARK: arrays

    private mutating func array(_ schema: JSONObject) throws(ToolSchemaError) -> Reading {
        let isOld = schema["items"]?.arrayValue != nil
        let prefix = schema["prefixItems"]?.arrayValue ?? schema["items"]?.arrayValue
        let rest = isOld ? schema["additionalItems"] : schema["items"]
        let restKey = isOld ? "additionalItems" : "items"
        guard let prefix, !prefix.isEmpty else {
            guard let rest, rest.objectValue != nil else {
                note("an array of anything: each element is taken as any JSON")
                return Reading(shape: .set(.opaque), size: 2, depth: 2)
            }
            return try set(rest, restKey)
        }
        if rest == false {
            return try tuple(
                prefix, isOld || schema["prefixItems"] == nil ? "items" : "prefixItems")
        }
        if let rest, prefix.allSatisfy({ $0 == rest }) { return try set(rest, restKey) }
        note("an array with a start of its own: each element is taken as any JSON")
        return Reading(shape: .set(.opaque), size: 2, depth: 2)
    }

    private mutating func set(_ element: JSON, _ key: String) throws(ToolSchemaError) -> Reading {
        // The array goes by the name of a definition itself, where it is one.
        let isWhole = name.count == (name[0] == "Input" ? 1 : 2)
        let element = try within([key], name: isWhole ? "item" : nil) {
            inner throws(ToolSchemaError) in
            let reading = try inner.reading(element)
            if reading.isNullable {
                inner.note("`null` in an array: arguments with it are refused")
            }
            return reading
        }
        return Reading(
            shape: .set(element.shape), size: 1 + element.size, depth: 1 + element.depth)
    }

    private mutating func tuple(
        _ elements: [JSON], _ key: String
    ) throws(ToolSchemaError) -> Reading {
        var attributes: [Shape.Attribute] = []
        var result = Reading(shape: .opaque)
        for (place, element) in elements.enumerated() {
            let part = "\(RecordConvention.tuplePrefix)\(place)"
            let reading = try within([key, String(place)], name: part) {
                inner throws(ToolSchemaError) in
                let reading = try inner.reading(element)
                if reading.isNullable {
                    inner.note("`null` in an array: arguments with it are refused")
                }
                return reading
            }
            attributes.append(
                .init(name: part, shape: reading.shape, isRequired: true, documentation: nil))
            result.size += reading.size
            result.depth = max(result.depth, 1 + reading.depth)
        }
        result.shape = .record(attributes)
        return result
    }
}
