// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

extension ShapeBuilder {
    mutating func object(_ schema: JSONObject) throws(ToolSchemaError) -> Reading {
        let properties = schema["properties"]?.objectValue
        let isOpen = schema["additionalProperties"]
        let hasPatterns = schema["patternProperties"]?.objectValue?.isEmpty == false
        guard properties != nil || isOpen != nil || hasPatterns else {
            return opaque("an object without properties: taken as any JSON")
        }
        var result = Reading(shape: .opaque)
        let required = (schema["required"]?.arrayValue ?? []).compactMap(\.stringValue)
        // Sorted once; an object may have thousands of both.
        let names = JSONObject(
            unique: Set(required.map(JSON.string)).compactMap { name in
                name.stringValue.map { ($0, true) }
            })
        var attributes: [Shape.Attribute] = []
        for (name, property) in properties ?? [:] {
            guard name.utf8.count <= limits.maximumNameBytes else {
                throw error(
                    .limit,
                    "name of \(name.utf8.count) bytes: use at most \(limits.maximumNameBytes)")
            }
            let reading = try within(["properties", name], name: JSONPointer.escape(name)) {
                inner throws(ToolSchemaError) in
                try inner.reading(property)
            }
            attributes.append(
                .init(
                    name: name, shape: reading.shape,
                    isRequired: names?[name] != nil && !reading.isNullable,
                    documentation: isDocumented
                        ? Documentation.text(property["description"] ?? property["title"]) : nil))
            result.size += reading.size
            result.depth = max(result.depth, 1 + reading.depth)
        }
        guard let tags = try tags(schema, hasPatterns: hasPatterns, &result) else {
            guard !Self.looksLikeUnion(attributes) else {
                return opaque("an object that reads like a union: taken as any JSON")
            }
            result.shape = .record(attributes)
            return result
        }
        guard result.size <= limits.maximumTypeSize, result.depth <= maximumLevels else {
            return opaque(
                "an object of more than \(limits.maximumTypeSize) parts or "
                    + "\(maximumLevels) levels: taken as any JSON")
        }
        // An entity type stands for itself, whatever it holds.
        return Reading(shape: declare(.entity(attributes: attributes, tags: tags)))
    }

    /// Whether the record would be taken for one of several types, by the names of its attributes.
    private static func looksLikeUnion(_ attributes: [Shape.Attribute]) -> Bool {
        guard !attributes.isEmpty, attributes.allSatisfy({ !$0.isRequired }) else { return false }
        let names = Set(attributes.map { JSON.string($0.name) })
        return attributes.indices.allSatisfy {
            names.contains(.string("\(RecordConvention.unionPrefix)\($0)"))
        }
    }

    /// The type of members that are not declared; `nil` where there are none.
    private mutating func tags(
        _ schema: JSONObject, hasPatterns: Bool, _ result: inout Reading
    ) throws(ToolSchemaError) -> Shape? {
        if hasPatterns {
            note("members by patterns: each is taken as any JSON")
            return .opaque
        }
        switch schema["additionalProperties"] {
        case .bool(true)?: return .opaque
        case .object(let inner)?:
            let reading = try within(["additionalProperties"], name: Self.anyMember) {
                builder throws(ToolSchemaError) in
                let reading = try builder.reading(.object(inner))
                if reading.isNullable {
                    builder.note("`null` as a member: arguments with it are refused")
                }
                return reading
            }
            return reading.shape
        default: return nil
        }
    }

    /// No property is called so, as its `~` would be escaped.
    private static let anyMember = "~member"

    private mutating func declare(_ kind: Shape.Declaration.Kind) -> Shape {
        let text = name.joined(separator: "/")
        declarations.append(.init(name: text, kind: kind))
        return .named(declarations.count - 1)
    }

    // MARK: references

    mutating func referred(_ reference: JSON) throws(ToolSchemaError) -> Reading {
        guard let (name, definition, place) = definition(reference) else {
            return opaque("a reference that leads nowhere in `$defs`: taken as any JSON")
        }
        let key = JSON.string(JSONPointer(tokens: place).description)
        switch read[key] {
        case .underway?: return opaque("a type that is part of itself: taken as any JSON here")
        case .done(let reading)?: return reading
        case nil: break
        }
        read[key] = .underway
        // The name of a definition does not depend on who refers to it first.
        let outer = (name: self.name, tokens: tokens)
        tokens = place
        self.name = ["Type", JSONPointer.escape(name)]
        var reading = try within([]) { inner throws(ToolSchemaError) in
            try inner.reading(definition)
        }
        if !reading.shape.isLeaf {
            if case .named(let place) = reading.shape, case .entity = declarations[place].kind {
                // It has a name already.
            } else {
                reading.shape = declare(.common(reading.shape))
            }
        }
        (self.name, tokens) = outer
        read[key] = .done(reading)
        return reading
    }

    private func definition(
        _ reference: JSON
    ) -> (name: String, schema: JSON, tokens: [String])? {
        guard let text = reference.stringValue, text.utf8.first == UInt8(ascii: "#"),
            let pointer = try? JSONPointer(parsing: String(text.dropFirst())),
            pointer.tokens.count == 2, let name = pointer.tokens.last,
            ["$defs", "definitions"].contains(pointer.tokens[0])
        else { return nil }
        // Both words may be there with different definitions of one name.
        let meant = definitions.filter { $0.tokens.last == pointer.tokens[0] }
        for (place, members) in meant + definitions {
            if let found = members[name] { return (name, found, place + [name]) }
        }
        return nil
    }

    // MARK: allOf

    /// Objects that only add properties to each other become one; others are opaque.
    mutating func merged(
        _ schema: JSONObject, _ parts: [JSON]
    ) throws(ToolSchemaError) -> Reading {
        var base = schema
        base["allOf"] = nil
        let all = ([.object(base)] + parts).filter { Self.isTelling($0) }
        guard let first = all.first else {
            return opaque("`allOf` of schemas that say nothing: taken as any JSON")
        }
        if all.count == 1 {
            return try within(["allOf"]) { inner throws(ToolSchemaError) in
                try inner.reading(first)
            }
        }
        var properties = JSONObject()
        var required: [JSON] = []
        for part in all {
            guard let object = simpleObject(part, hops: 8) else {
                return opaque("`allOf` of more than plain objects: taken as any JSON")
            }
            for (name, property) in object["properties"]?.objectValue ?? [:] {
                guard properties[name] == nil || properties[name] == property else {
                    return opaque("`allOf` with two schemas of one property: taken as any JSON")
                }
                properties[name] = property
            }
            required += object["required"]?.arrayValue ?? []
        }
        return try reading([
            "type": "object", "properties": .object(properties), "required": .array(required),
        ])
    }

    /// Whether a schema says anything of the type, and does not only describe or require.
    private static func isTelling(_ json: JSON) -> Bool {
        guard let object = json.objectValue else { return true }
        return telling.contains { object[$0] != nil }
    }

    private static let telling = [
        "$ref", "type", "properties", "allOf", "anyOf", "oneOf", "not", "const", "enum", "items",
        "prefixItems", "additionalProperties", "patternProperties", "if",
    ]

    private func simpleObject(_ json: JSON, hops: Int) -> JSONObject? {
        guard let object = json.objectValue else { return nil }
        if let reference = object["$ref"] {
            guard hops > 0, let found = definition(reference) else { return nil }
            return simpleObject(found.schema, hops: hops - 1)
        }
        let isPlain = Self.telling.allSatisfy { keyword in
            switch keyword {
            case "type": object[keyword] == nil || object[keyword] == "object"
            case "properties": object[keyword] == nil || object[keyword]?.objectValue != nil
            case "additionalProperties": object[keyword] == nil || object[keyword] == false
            default: object[keyword] == nil
            }
        }
        return isPlain ? object : nil
    }
}
