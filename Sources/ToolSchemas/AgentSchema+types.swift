// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

extension AgentSchema {
    // MARK: types

    /// The JSON syntax of a type; what has to be declared for it goes into a namespace.
    mutating func type(
        _ type: AgentType, name: String, in namespace: String, known: JSONObject,
        at place: [String]
    ) throws(ToolSchemaError) -> JSON {
        switch type {
        case .bool: return ["type": "Boolean"]
        case .integer: return ["type": "Long"]
        case .string: return ["type": "String"]
        case .decimal: return Self.extensionType("decimal")
        case .datetime: return Self.extensionType("datetime")
        case .duration: return Self.extensionType("duration")
        case .ipaddr: return Self.extensionType("ipaddr")
        case .float: return try number("Float", at: place)
        case .number: return try number("Number", at: place)
        case .null: return try opaque("Null", at: place)
        case .unknown: return try opaque("Unknown", at: place)
        case .enumeration(let choices):
            if let home = shared[.enumeration(name, choices)] { return entity(name, in: home) }
            try addEntity(["enum": .array(choices)], name, in: namespace, at: place)
            return entity(name, in: namespace)
        case .array(let element):
            let element = try self.type(
                element, name: name, in: namespace, known: known, at: place)
            return ["type": "Set", "element": element]
        case .tuple(let types):
            return try numbered(types, "Proj", true, name, namespace, known, place)
        case .union(let types):
            return try numbered(types, "TypeChoice", false, name, namespace, known, place)
        case .object(let properties, let additional):
            if !options.objectsAsRecords, type.isLeafRecord,
                let home = shared[Fingerprint(name, leaf: properties)]
            {
                return entity(name, in: home)
            }
            return try object(properties, additional, name, namespace, known, place)
        case .reference(let target):
            let target = target.stringValue ?? ""
            guard let name = known[target]?.stringValue else {
                throw ToolSchemaError(
                    .unsupported, at: place,
                    "`$defs` has no `\(Shown.text(target))`: define it or drop the reference")
            }
            return ["type": "EntityOrCommon", "name": .string(flattened(name))]
        }
    }

    private static func extensionType(_ name: String) -> JSON {
        ["type": "Extension", "name": .string(name)]
    }

    private mutating func number(_ name: String, at place: [String]) throws(ToolSchemaError) -> JSON
    {
        options.numbersAsDecimal ? Self.extensionType("decimal") : try opaque(name, at: place)
    }

    /// An entity type of the stub's namespace that only stands for itself.
    private mutating func opaque(_ name: String, at place: [String]) throws(ToolSchemaError) -> JSON
    {
        if namespaces[home]?.entityTypes[name] == nil {
            try addEntity([:], name, in: home, at: place)
        }
        return ["type": "Entity", "name": .string("\(home)::\(name)")]
    }

    private func entity(_ name: String, in namespace: String) -> JSON {
        ["type": "Entity", "name": .string(flattened("\(namespace)::\(name)"))]
    }

    /// A tuple or a union: attributes by their places.
    private mutating func numbered(
        _ types: [AgentType], _ prefix: String, _ isRequired: Bool, _ name: String,
        _ namespace: String, _ known: JSONObject, _ place: [String]
    ) throws(ToolSchemaError) -> JSON {
        let inside = "\(namespace)::\(name)"
        let attribute = isRequired ? RecordConvention.tuplePrefix : RecordConvention.unionPrefix
        var attributes = JSONObject()
        for (number, type) in types.enumerated() {
            let type = try self.type(
                type, name: "\(prefix)\(number)", in: inside, known: known, at: place)
            attributes["\(attribute)\(number)"] = Self.attribute(
                unqualified(type, namespace), isRequired)
        }
        return ["type": "Record", "attributes": .object(attributes)]
    }

    private mutating func object(
        _ properties: [AgentType.Property], _ additional: AgentType?, _ name: String,
        _ namespace: String, _ known: JSONObject, _ place: [String]
    ) throws(ToolSchemaError) -> JSON {
        let inside = "\(namespace)::\(name)"
        let tagName = "\(name)Tag"
        var tags: JSON?
        if let additional {
            tags = try type(additional, name: tagName, in: inside, known: known, at: place)
        }
        var attributes = JSONObject()
        let names = try identifiers(properties.map(\.name), at: place)
        for (property, name) in zip(properties, names) {
            let type = try type(property.type, name: name, in: inside, known: known, at: place)
            attributes[property.name] = Self.attribute(
                unqualified(type, namespace), property.isRequired)
        }
        let record: JSON = ["type": "Record", "attributes": .object(attributes)]
        if options.objectsAsRecords, tags == nil {
            try addCommon(record, name, in: namespace, at: place)
            return [
                "type": "EntityOrCommon", "name": .string(flattened("\(namespace)::\(name)")),
            ]
        }
        var members = JSONObject()
        if !attributes.isEmpty { members["shape"] = record }
        if let tags { members["tags"] = tags }
        try addEntity(.object(members), name, in: namespace, at: place)
        return entity(name, in: namespace)
    }

    // MARK: names

    /// `Home::A::B` as `Home::A_B`, where everything is in one namespace.
    private func flattened(_ name: String) -> String {
        guard options.flattenNamespaces else { return name }
        let rest = name.utf8.dropFirst(home.utf8.count + 2)
        return "\(home)::\(String(decoding: rest, as: UTF8.self).replacing("::", with: "_"))"
    }

    /// The namespace and name of a declaration.
    private func target(_ name: String, _ namespace: String) -> (namespace: String, name: String) {
        guard options.flattenNamespaces else { return (namespace, name) }
        let flat = flattened("\(namespace)::\(name)")
        return (home, String(decoding: flat.utf8.dropFirst(home.utf8.count + 2), as: UTF8.self))
    }

    mutating func addEntity(
        _ json: JSON, _ name: String, in namespace: String, at place: [String]
    ) throws(ToolSchemaError) {
        let target = target(name, namespace)
        guard namespaces[target.namespace]?.entityTypes[target.name] == nil else {
            throw conflict(target, place)
        }
        namespaces[target.namespace, default: .init()].entityTypes[target.name] = json
    }

    mutating func addCommon(
        _ json: JSON, _ name: String, in namespace: String, at place: [String]
    ) throws(ToolSchemaError) {
        let target = target(name, namespace)
        // A definition that is an entity type has its name already.
        if let reference = json["name"]?.stringValue,
            reference == "\(target.namespace)::\(target.name)" || reference == target.name
        {
            return
        }
        guard namespaces[target.namespace]?.commonTypes[target.name] == nil else {
            throw conflict(target, place)
        }
        namespaces[target.namespace, default: .init()].commonTypes[target.name] = json
    }

    private func conflict(
        _ target: (namespace: String, name: String), _ place: [String]
    ) -> ToolSchemaError {
        ToolSchemaError(
            .duplicate, at: place,
            "there would be two types `\(Shown.text("\(target.namespace)::\(target.name)"))`: "
                + "rename a tool, a property or a definition")
    }

    /// A type without the namespace that it is written in.
    private func unqualified(_ type: JSON, _ namespace: String) -> JSON {
        guard var members = type.objectValue else { return type }
        if let name = members["name"]?.stringValue, members["type"] != "Extension" {
            let prefix = "\(namespace)::"
            let rest = name.utf8.dropFirst(prefix.utf8.count)
            if name.utf8.starts(with: prefix.utf8), !rest.contains(UInt8(ascii: ":")) {
                members["name"] = .string(String(decoding: rest, as: UTF8.self))
            }
        }
        if let element = members["element"] {
            members["element"] = unqualified(element, namespace)
        }
        if let attributes = members["attributes"]?.objectValue {
            members["attributes"] = .object(
                JSONObject(attributes.map { ($0.key, unqualified($0.value, namespace)) }))
        }
        return .object(members)
    }
}
