// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// The types that cedar-for-agents reads out of JSON Schema.
indirect enum AgentType: Hashable {
    struct Property: Hashable {
        let name: String
        let type: AgentType
        let isRequired: Bool
        /// Two properties with other descriptions are not the same there.
        let description: String?

        static func == (left: Property, right: Property) -> Bool {
            UTF8Bytes.areEqual(left.name, right.name) && left.type == right.type
                && left.isRequired == right.isRequired && left.words == right.words
        }

        private var words: JSON? { description.map { .string($0) } }

        func hash(into hasher: inout Hasher) { UTF8Bytes.hash(name, into: &hasher) }
    }

    case bool, integer, float, number, string, decimal, datetime, duration, ipaddr, null, unknown
    case enumeration([JSON])
    case array(AgentType)
    case tuple([AgentType])
    case union([AgentType])
    case object([Property], additional: AgentType?)
    /// A definition, by its name; text that compares by bytes.
    case reference(JSON)

    var isPrimitive: Bool {
        switch self {
        case .enumeration, .array, .tuple, .union, .object, .reference: false
        default: true
        }
    }

    /// Whether it is an object whose properties are all of types without parts.
    var isLeafRecord: Bool {
        guard case .object(let properties, nil) = self else { return false }
        return !properties.isEmpty && properties.allSatisfy(\.type.isPrimitive)
    }
}

/// Reads JSON Schema as cedar-for-agents does, and refuses what it refuses.
struct AgentTypeReader {
    let limits: ToolLimits
    private var schemas = 0
    private var levels = 0
    private var tokens: [String] = []

    /// The properties of a tool's schema and the definitions beside them.
    typealias Parameters = (
        properties: [AgentType.Property], definitions: [(name: String, type: AgentType)]
    )

    init(limits: ToolLimits) {
        self.limits = limits
    }

    private func error(_ kind: ToolSchemaError.Kind, _ message: String) -> ToolSchemaError {
        ToolSchemaError(kind, at: tokens, message)
    }

    private func unsupported(_ json: JSON, _ expected: String) -> ToolSchemaError {
        error(.unsupported, "expected \(expected), found \(Shown.kind(json)): change the schema")
    }

    private mutating func within<Result>(
        _ steps: String...,
        body: (inout AgentTypeReader) throws(ToolSchemaError) -> Result
    ) throws(ToolSchemaError) -> Result {
        tokens += steps
        levels += 1
        let result = try body(&self)
        levels -= 1
        tokens.removeLast(steps.count)
        return result
    }

    // MARK: tools

    mutating func parameters(
        _ schema: JSONObject, at place: [String]
    ) throws(ToolSchemaError) -> Parameters {
        tokens = place
        return (try properties(of: schema), try definitions(schema["$defs"], at: place))
    }

    mutating func definitions(
        _ json: JSON?, at place: [String]
    ) throws(ToolSchemaError) -> [(name: String, type: AgentType)] {
        tokens = place + ["$defs"]
        guard let json else { return [] }
        guard let object = json.objectValue else { throw unsupported(json, "an object of schemas") }
        var list: [(name: String, type: AgentType)] = []
        for (name, schema) in object {
            try check(name)
            let type = try within(name) { inner throws(ToolSchemaError) in try inner.type(schema) }
            list.append((name, type))
        }
        try checkCycles(list)
        return list
    }

    private func check(_ name: String) throws(ToolSchemaError) {
        guard name.utf8.count <= limits.maximumNameBytes else {
            throw error(
                .limit,
                "name of \(name.utf8.count) bytes: use at most \(limits.maximumNameBytes)")
        }
    }

    /// Definitions that are only names of each other stand for nothing.
    private func checkCycles(
        _ list: [(name: String, type: AgentType)]
    ) throws(ToolSchemaError) {
        let targets = JSONObject(
            list.compactMap { name, type in
                if case .reference(let target) = type { (name, target) } else { nil }
            })
        var done: Set<JSON> = []
        for (start, _) in targets {
            var path: Set<JSON> = []
            var name = start
            while !done.contains(.string(name)), let next = targets[name]?.stringValue {
                guard path.insert(.string(name)).inserted else {
                    throw error(
                        .unsupported,
                        "definition `\(Shown.text(name))` stands for itself: say what it is")
                }
                name = next
            }
            done.formUnion(path)
        }
    }

    private mutating func properties(
        of schema: JSONObject
    ) throws(ToolSchemaError) -> [AgentType.Property] {
        var required: [(String, JSON)] = []
        switch schema["required"] {
        case nil, .bool(false)?: break
        case .array(let names)?:
            for name in names {
                guard let text = name.stringValue else { throw unsupported(name, "a string") }
                required.append((text, true))
            }
        case let other?: throw unsupported(other, "an array of names")
        }
        let needed = Set(required.map { JSON.string($0.0) })
        var properties: [AgentType.Property] = []
        switch schema["properties"] {
        case nil, .bool(false)?: break
        case .object(let members)?:
            for (name, member) in members {
                try check(name)
                let type = try within("properties", name) { inner throws(ToolSchemaError) in
                    try inner.type(member)
                }
                properties.append(
                    .init(
                        name: name, type: type, isRequired: needed.contains(.string(name)),
                        description: member["description"]?.stringValue))
            }
        case let other?: throw unsupported(other, "an object of schemas")
        }
        return properties
    }

    // MARK: types

    private mutating func type(_ json: JSON) throws(ToolSchemaError) -> AgentType {
        schemas += 1
        guard schemas <= limits.maximumSchemas else {
            throw error(
                .limit, "more than \(limits.maximumSchemas) schemas in the manifest: offer less")
        }
        guard levels <= limits.maximumDepth else {
            throw error(.limit, "nested more than \(limits.maximumDepth) levels: nest less")
        }
        guard let schema = json.objectValue else { throw unsupported(json, "a JSON Schema") }
        switch schema["type"] {
        case .string(let name)?: return try named(name, schema, isListed: false)
        case .array(let list)?:
            var types: [AgentType] = []
            for (place, element) in list.enumerated() {
                if let name = element.stringValue {
                    types.append(try named(name, schema, isListed: true))
                } else {
                    types.append(
                        try within("type", String(place)) { inner throws(ToolSchemaError) in
                            try inner.type(element)
                        })
                }
            }
            return .union(types)
        case .bool?, .null?: return .unknown
        case let other?: throw unsupported(other, "the name of a type")
        case nil: break
        }
        for keyword in ["anyOf", "oneOf"] {
            guard let list = schema[keyword] else { continue }
            guard let choices = list.arrayValue else { throw unsupported(list, "an array") }
            return .union(try types(choices, keyword))
        }
        guard let reference = schema["$ref"] else { return .unknown }
        let prefix = "#/$defs/"
        guard let text = reference.stringValue, text.utf8.starts(with: prefix.utf8) else {
            throw unsupported(reference, "a reference that starts with `\(prefix)`")
        }
        let name = String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
        return .reference(.string(name))
    }

    private mutating func types(
        _ list: [JSON], _ keyword: String
    ) throws(ToolSchemaError) -> [AgentType] {
        var types: [AgentType] = []
        for (place, element) in list.enumerated() {
            types.append(
                try within(keyword, String(place)) { inner throws(ToolSchemaError) in
                    try inner.type(element)
                })
        }
        return types
    }

    private mutating func named(
        _ name: String, _ schema: JSONObject, isListed: Bool
    ) throws(ToolSchemaError) -> AgentType {
        switch name {
        case "boolean": return .bool
        case "integer": return .integer
        case "float": return .float
        case "number": return .number
        case "null": return .null
        // In a list of types neither `enum` nor `format` is looked at.
        case "string": return isListed ? .string : try text(schema)
        case "array": return try array(schema)
        case "object":
            let properties = try properties(of: schema)
            var additional: AgentType?
            switch schema["additionalProperties"] {
            case nil, .bool?, .null?: break
            case let other?:
                additional = try within("additionalProperties") { inner throws(ToolSchemaError) in
                    try inner.type(other)
                }
            }
            return .object(properties, additional: additional)
        default:
            throw error(.unsupported, "unknown type `\(Shown.text(name))`: use one of JSON Schema")
        }
    }

    private func text(_ schema: JSONObject) throws(ToolSchemaError) -> AgentType {
        if let choices = schema["enum"] {
            guard let list = choices.arrayValue, !list.isEmpty,
                list.allSatisfy({ $0.stringValue != nil })
            else { throw unsupported(choices, "an array of strings") }
            return .enumeration(list)
        }
        guard let format = schema["format"] else { return .string }
        guard let name = format.stringValue else { throw unsupported(format, "a string") }
        switch name {
        case "date", "date-time": return .datetime
        case "duration": return .duration
        case "ipv4", "ipv6": return .ipaddr
        case "decimal": return .decimal
        default: return .string
        }
    }

    private mutating func array(_ schema: JSONObject) throws(ToolSchemaError) -> AgentType {
        let items = schema["items"]
        guard let prefix = schema["prefixItems"]?.arrayValue else {
            switch items {
            case nil, .bool?, .null?: return .array(.unknown)
            case let items?:
                guard items.objectValue != nil else { throw unsupported(items, "a JSON Schema") }
                return .array(
                    try within("items") { inner throws(ToolSchemaError) in
                        try inner.type(items)
                    })
            }
        }
        let types = try types(prefix, "prefixItems")
        if items == false { return .tuple(types) }
        guard let items, items.objectValue != nil else { return .array(.unknown) }
        let element = try within("items") { inner throws(ToolSchemaError) in try inner.type(items) }
        return .array(types.allSatisfy { $0 == element } ? element : .unknown)
    }
}
