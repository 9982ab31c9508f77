// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// What makes two entity types the same: the name and all that is declared.
enum Fingerprint: Hashable {
    /// The choices in their order.
    case enumeration(String, [JSON])
    /// The attributes sorted by name.
    case leaf(String, [AgentType.Property])

    init(_ name: String, leaf properties: [AgentType.Property]) {
        self = .leaf(
            name,
            properties.map {
                .init(
                    name: $0.name, type: $0.type, isRequired: $0.isRequired, description: nil)
            })
    }

    var name: String {
        switch self {
        case .enumeration(let name, _), .leaf(let name, _): name
        }
    }
}

extension AgentSchema {
    private typealias Occurrences = [(fingerprint: Fingerprint, namespace: String)]

    /// Finds entity types that several tools have in common, and declares each once, in the
    /// innermost namespace that is around all of them.
    mutating func findShared(_ tools: [Tool]) throws(ToolSchemaError) {
        guard options.deduplicateEntityTypes else { return }
        var found: Occurrences = []
        for tool in tools {
            let namespace = "\(home)::\(tool.name)"
            try collect(tool.inputs, "\(namespace)::Input", into: &found)
            if options.includeOutputs {
                try collect(tool.outputs, "\(namespace)::Output", into: &found)
            }
            let names = try identifiers(tool.definitions.map(\.name), at: tool.tool.tokens)
            for (definition, name) in zip(tool.definitions, names) {
                guard case .enumeration(let choices) = definition.type else { continue }
                found.append((.enumeration(name, choices), namespace))
            }
        }
        var places: [Fingerprint: [String]] = [:]
        for (fingerprint, namespace) in found {
            places[fingerprint, default: []].append(namespace)
        }
        var repeated: [(fingerprint: Fingerprint, namespace: String)] = []
        var seen: Set<Fingerprint> = []
        for (fingerprint, _) in found where seen.insert(fingerprint).inserted {
            guard let all = places[fingerprint], all.count > 1 else { continue }
            if case .leaf = fingerprint, options.objectsAsRecords { continue }
            repeated.append((fingerprint, Self.common(all)))
        }
        // Two that would be one type in one place both stay where they are.
        var rivals: [String: Int] = [:]
        for (fingerprint, namespace) in repeated {
            rivals["\(namespace)::\(fingerprint.name)", default: 0] += 1
        }
        for (fingerprint, namespace) in repeated
        where rivals["\(namespace)::\(fingerprint.name)"] == 1 {
            try share(fingerprint, in: namespace)
        }
    }

    private mutating func share(
        _ fingerprint: Fingerprint, in namespace: String
    ) throws(ToolSchemaError) {
        let name = fingerprint.name
        guard namespaces[namespace]?.commonTypes[name] == nil else { return }
        let existing = namespaces[namespace]?.entityTypes[name]
        switch fingerprint {
        case .enumeration(_, let choices):
            if let existing {
                guard existing["enum"]?.arrayValue == choices else { return }
            } else {
                try addEntity(["enum": .array(choices)], name, in: namespace, at: [])
            }
        case .leaf(_, let properties):
            var attributes = JSONObject()
            for property in properties {
                let type = try type(
                    property.type, name: "", in: namespace, known: [:], at: [])
                attributes[property.name] = Self.attribute(type, property.isRequired)
            }
            if let existing {
                guard Self.isSame(existing, attributes) else { return }
            } else {
                let shape: JSON = ["type": "Record", "attributes": .object(attributes)]
                try addEntity(["shape": shape], name, in: namespace, at: [])
            }
        }
        shared[fingerprint] = namespace
    }

    /// Whether a declaration of the stub has just these attributes.
    private static func isSame(_ entity: JSON, _ attributes: JSONObject) -> Bool {
        guard let declared = entity["shape"]?["attributes"]?.objectValue,
            declared.count == attributes.count
        else { return false }
        return zip(declared, attributes).allSatisfy { one, two in
            guard var left = one.value.objectValue, let right = two.value.objectValue else {
                return false
            }
            left["annotations"] = .none
            // The stub is written in Cedar syntax, where every type goes by a name.
            let name = left["type"] == "EntityOrCommon" ? left["name"]?.stringValue : nil
            let other = right["name"]?.stringValue ?? right["type"]?.stringValue ?? ""
            let isSame = name == other || name == "Bool" && other == "Boolean"
            return UTF8Bytes.areEqual(one.key, two.key) && isSame
                && left["required"] == right["required"]
        }
    }

    /// The innermost namespace around all of them.
    private static func common(_ namespaces: [String]) -> String {
        let paths = namespaces.map { $0.split(separator: "::") }
        guard var prefix = paths.first?[...] else { return "" }
        for path in paths.dropFirst() {
            let shared = zip(prefix, path).prefix { $0 == $1 }.count
            prefix = prefix.prefix(shared)
        }
        return prefix.joined(separator: "::")
    }

    private func collect(
        _ parameters: AgentTypeReader.Parameters, _ namespace: String,
        into found: inout Occurrences
    ) throws(ToolSchemaError) {
        try collect(parameters.properties, namespace, into: &found)
        let names = try identifiers(parameters.definitions.map(\.name), at: [])
        for (definition, name) in zip(parameters.definitions, names) {
            try collect(definition.type, name, namespace, into: &found)
        }
    }

    private func collect(
        _ properties: [AgentType.Property], _ namespace: String, into found: inout Occurrences
    ) throws(ToolSchemaError) {
        let names = try identifiers(properties.map(\.name), at: [])
        for (property, name) in zip(properties, names) {
            try collect(property.type, name, namespace, into: &found)
        }
    }

    private func collect(
        _ type: AgentType, _ name: String, _ namespace: String, into found: inout Occurrences
    ) throws(ToolSchemaError) {
        let inside = "\(namespace)::\(name)"
        switch type {
        case .enumeration(let choices): found.append((.enumeration(name, choices), namespace))
        case .array(let element): try collect(element, name, namespace, into: &found)
        case .tuple(let types):
            for (number, type) in types.enumerated() {
                try collect(type, "Proj\(number)", inside, into: &found)
            }
        case .union(let types):
            for (number, type) in types.enumerated() {
                try collect(type, "TypeChoice\(number)", inside, into: &found)
            }
        case .object(let properties, let additional):
            try collect(properties, inside, into: &found)
            if let additional { try collect(additional, "\(name)Tag", inside, into: &found) }
            if type.isLeafRecord {
                found.append((Fingerprint(name, leaf: properties), namespace))
            }
        default: break
        }
    }
}
