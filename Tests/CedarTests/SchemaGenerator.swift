// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport

/// A random schema with what policies and data need to know of it.
struct GeneratedSchema {
    indirect enum Kind {
        case bool, long, string, decimal, ip, datetime, duration
        case entity(String)
        case set(Kind)
        case record([Attribute])
    }

    struct Attribute {
        let name: String
        let kind: Kind
        let isRequired: Bool
    }

    struct EntityType {
        let name: String
        var parents: [String] = []
        var attributes: [Attribute] = []
        var tags: Kind?
        var choices: [String]?
    }

    struct Action {
        let id: String
        var groups: [String] = []
        var principals: [String] = []
        var resources: [String] = []
        var context: [Attribute] = []
    }

    var types: [EntityType] = []
    var actions: [Action] = []
    var text = ""

    func type(_ name: String) -> EntityType? { types.first { $0.name == name } }
}

/// Makes random schemas, and values that mostly fit them.
struct SchemaGenerator {
    var base: PolicyGenerator
    /// Whether some of what is made does not fit the schema.
    var hasFaults = true

    private static let plain = ["User", "Group", "Doc", "NS::Item", "NS::Team"]
    private static let enumerated = ["Color", "NS::Mode"]
    static let choices = ["red", "x y\"\\", "\u{E9}"]
    private static let attributes = ["a", "b", "c", "owner", "has space", "in", "\u{E9}", "type"]
    private static let actions = ["view", "edit", "all", "x y\""]

    mutating func pick<Element>(_ elements: [Element]) -> Element { base.pick(elements) }
    mutating func chance(_ percent: Int) -> Bool { base.chance(percent) }
    /// Whether to make a mistake.
    mutating func fault(_ percent: Int) -> Bool { hasFaults && base.chance(percent) }

    // MARK: schemas

    mutating func schema() -> GeneratedSchema {
        var schema = GeneratedSchema()
        for name in Self.plain where chance(80) || name == "User" {
            schema.types.append(.init(name: name))
        }
        for name in Self.enumerated where chance(50) {
            schema.types.append(.init(name: name, choices: [pick(Self.choices), "blue"]))
        }
        let names = schema.types.map(\.name)
        for place in schema.types.indices where schema.types[place].choices == nil {
            schema.types[place].parents = names.filter { _ in chance(25) }
            schema.types[place].attributes = attributes(2, names)
            if chance(40) { schema.types[place].tags = kind(1, names) }
        }
        for (place, id) in Self.actions.enumerated() where place == 0 || chance(80) {
            var action = GeneratedSchema.Action(id: id)
            action.groups = schema.actions.map(\.id).filter { _ in chance(30) }
            if chance(85) || place == 0 {
                action.principals = [pick(names)] + names.filter { _ in chance(20) }
                action.resources = [pick(names)] + names.filter { _ in chance(20) }
                action.context = attributes(2, names)
            }
            schema.actions.append(action)
        }
        schema.text = text(schema)
        return schema
    }

    private mutating func attributes(
        _ depth: Int, _ names: [String]
    ) -> [GeneratedSchema.Attribute] {
        Self.attributes.filter { _ in chance(40) }.map { name in
            .init(name: name, kind: kind(depth, names), isRequired: chance(60))
        }
    }

    private mutating func kind(_ depth: Int, _ names: [String]) -> GeneratedSchema.Kind {
        switch Int.random(in: 0..<(depth > 0 ? 12 : 9), using: &base.random) {
        case 0: .bool
        case 1: .long
        case 2: .string
        case 3: pick([.decimal, .ip])
        case 4: pick([.datetime, .duration])
        case 5, 6, 7, 8: .entity(pick(names))
        case 9, 10: .set(kind(depth - 1, names))
        default: .record(attributes(depth - 1, names))
        }
    }

    // MARK: text

    private mutating func text(_ schema: GeneratedSchema) -> String {
        var outside = ""
        var inside = ""
        for type in schema.types {
            let isInside = type.name.hasPrefix("NS::")
            let line = declaration(type, in: isInside ? "NS" : "")
            if isInside { inside += line } else { outside += line }
        }
        if chance(40) {
            outside += "type Alias = \(chance(50) ? "Long" : "{x: User, y?: Alias2}");"
        }
        outside += "@doc(\"d\") type Alias2 = Set<__cedar::String>;\n"
        for action in schema.actions { outside += declaration(action) }
        return outside + "@ns namespace NS {\n\(inside)type Inner = Team2; type Team2 = Bool;\n}\n"
    }

    private mutating func declaration(
        _ type: GeneratedSchema.EntityType, in namespace: String
    ) -> String {
        let name = type.name.replacing("NS::", with: "")
        var line = chance(20) ? "@note @id(\"x\\u{e9}\") " : ""
        line += "entity \(name)"
        if let choices = type.choices {
            let quoted = choices.map(PolicyGenerator.quoted).joined(separator: ", ")
            return line + " enum [\(quoted)];\n"
        }
        if !type.parents.isEmpty {
            line += " in [\(type.parents.map { written($0, namespace) }.joined(separator: ", "))]"
        }
        if !type.attributes.isEmpty {
            line += chance(50) ? " = " : " "
            line += record(type.attributes, namespace)
        }
        if let tags = type.tags { line += " tags \(written(tags, namespace))" }
        return line + ";\n"
    }

    private mutating func declaration(_ action: GeneratedSchema.Action) -> String {
        var line = "action \(PolicyGenerator.quoted(action.id))"
        if !action.groups.isEmpty {
            let groups = action.groups.map { group in
                (chance(50) ? "Action::" : "") + PolicyGenerator.quoted(group)
            }
            line += " in [\(groups.joined(separator: ", "))]"
        }
        if !action.principals.isEmpty {
            line += " appliesTo { principal: [\(action.principals.joined(separator: ", "))], "
            line += "resource: [\(action.resources.joined(separator: ", "))]"
            line +=
                chance(90) || !action.context.isEmpty
                ? ", context: \(record(action.context, "")) }" : " }"
        }
        return line + ";\n"
    }

    private mutating func written(_ name: String, _ namespace: String) -> String {
        namespace.isEmpty || chance(50) ? name : name.replacing("\(namespace)::", with: "")
    }

    private mutating func record(
        _ attributes: [GeneratedSchema.Attribute], _ namespace: String
    ) -> String {
        let inner = attributes.map { attribute in
            let isPlain = attribute.name.utf8.allSatisfy { $0 >= 97 && $0 <= 122 }
            let name =
                isPlain && attribute.name != "in" && chance(70)
                ? attribute.name : PolicyGenerator.quoted(attribute.name)
            let mark = attribute.isRequired ? "" : "?"
            return (chance(10) ? "@a " : "")
                + "\(name)\(mark): \(written(attribute.kind, namespace))"
        }
        return "{\(inner.joined(separator: ", "))\(!inner.isEmpty && chance(20) ? "," : "")}"
    }

    private mutating func written(_ kind: GeneratedSchema.Kind, _ namespace: String) -> String {
        switch kind {
        case .bool: pick(["Bool", "__cedar::Bool"])
        case .long: pick(["Long", "__cedar::Long"])
        case .string: pick(["String", "__cedar::String"])
        case .decimal: "decimal"
        case .ip: pick(["ipaddr", "__cedar::ipaddr"])
        case .datetime: "datetime"
        case .duration: "duration"
        case .entity(let name): written(name, namespace)
        case .set(let element): "Set<\(written(element, namespace))>"
        case .record(let attributes): record(attributes, namespace)
        }
    }

    // MARK: values

    mutating func entity(_ name: String, _ schema: GeneratedSchema) -> JSON {
        let choices = schema.type(name)?.choices
        let id = fault(3) ? "other" : pick(choices ?? ["a", "b", "\u{E9}"])
        return ["type": .string(fault(2) ? "Nobody" : name), "id": .string(id)]
    }

    /// A value that fits in all but a few cases.
    mutating func value(_ kind: GeneratedSchema.Kind, _ schema: GeneratedSchema) -> JSON {
        if chance(1) {
            return pick([1, "x", [], [:], true, ["__entity": ["type": "User", "id": "a"]]])
        }
        switch kind {
        case .bool: return .bool(chance(50))
        case .long: return .int(pick([0, -1, Int64.max, 7] as [Int64]))
        case .string: return .string(pick(["", "a", "\u{E9}", "x y\""]))
        case .decimal: return call("decimal", fault(20) ? "x" : pick(["1.0", "-0.5", "922.3"]))
        case .ip: return call("ip", pick(["10.0.0.1", "::1", "10.0.0.0/8"]))
        case .datetime:
            if chance(20) {
                let start: JSON = chance(50) ? "2024-01-01" : call("datetime", "2024-01-01")
                return ["__extn": ["fn": "offset", "args": [start, call("duration", "1d")]]]
            }
            return call("datetime", pick(["2024-02-29", "2024-01-01T00:00:00Z"]))
        case .duration: return call("duration", pick(["1d", "-5ms"]))
        case .entity(let name):
            let uid = entity(name, schema)
            return chance(50) ? uid : ["__entity": uid]
        case .set(let element):
            return .array((0..<pick([0, 1, 2])).map { _ in value(element, schema) })
        case .record(let attributes): return record(attributes, schema)
        }
    }

    private mutating func call(_ function: String, _ text: String) -> JSON {
        switch Int.random(in: 0..<3, using: &base.random) {
        case 0: .string(text)
        case 1: ["fn": .string(function), "arg": .string(text)]
        default: ["__extn": ["fn": .string(function), "arg": .string(text)]]
        }
    }

    mutating func record(
        _ attributes: [GeneratedSchema.Attribute], _ schema: GeneratedSchema
    ) -> JSON {
        var object = JSONObject()
        for attribute in attributes where attribute.isRequired ? !fault(2) : chance(50) {
            object[attribute.name] = value(attribute.kind, schema)
        }
        if fault(2) { object["extra"] = 1 }
        return .object(object)
    }

    mutating func entities(_ schema: GeneratedSchema) -> JSON {
        var entities: [JSON] = []
        for type in schema.types {
            for id in type.choices ?? ["a", "b"] where chance(70) {
                var parents: [JSON] = []
                for parent in type.parents where chance(40) && parent != type.name {
                    parents.append(["type": .string(parent), "id": "top"])
                }
                if fault(3) { parents.append(entity("Group", schema)) }
                var members: [(String, JSON)] = [
                    ("uid", ["type": .string(type.name), "id": .string(id)]),
                    ("attrs", record(type.attributes, schema)), ("parents", .array(parents)),
                ]
                if let tags = type.tags, chance(50) {
                    members.append(("tags", ["t": value(tags, schema)]))
                } else if fault(2) {
                    members.append(("tags", ["t": 1]))
                }
                entities.append(.object(JSONObject(members)))
            }
        }
        if chance(10), let action = schema.actions.last {
            let parents = action.groups.map { group -> JSON in
                ["type": "Action", "id": .string(group)]
            }
            entities.append([
                "uid": ["type": "Action", "id": .string(action.id)], "attrs": [:],
                "parents": .array(parents),
            ])
        }
        return .array(entities)
    }

    mutating func request(_ schema: GeneratedSchema) -> JSON {
        let action = pick(
            hasFaults ? schema.actions : schema.actions.filter { !$0.principals.isEmpty })
        let names = schema.types.map(\.name)
        return [
            "principal": entity(
                pick(fault(50) || action.principals.isEmpty ? names : action.principals), schema),
            "action": ["type": "Action", "id": .string(fault(3) ? "none" : action.id)],
            "resource": entity(
                pick(fault(50) || action.resources.isEmpty ? names : action.resources), schema),
            "context": record(action.context, schema),
        ]
    }
}
