// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

extension SchemaFragment {
    /// The schema in JSON syntax; reading it back gives the same declarations.
    public var json: JSON {
        // Namespaces of the same name become one, as they mean the same.
        var merged: [String: JSONObject] = [:]
        for namespace in namespaces {
            var object = merged[namespace.name] ?? JSONObject()
            namespace.add(to: &object)
            merged[namespace.name] = object
        }
        return .object(JSONObject(merged.map { ($0.key, .object($0.value)) }))
    }

    fileprivate static func json(_ annotations: [Annotation]) -> JSON {
        object(annotations.map { ($0.name, .string($0.value ?? "")) })
    }

    /// Where a name comes twice, the later member holds.
    fileprivate static func object(_ members: [(String, JSON)]) -> JSON {
        var object = JSONObject()
        for (key, value) in members { object[key] = value }
        return .object(object)
    }

    fileprivate static func names(_ references: [Reference]) -> JSON {
        .array(references.map { .string($0.name) })
    }
}

extension SchemaFragment.Namespace {
    fileprivate func add(to object: inout JSONObject) {
        add(commonTypes.map { ($0.name, $0.json) }, "commonTypes", to: &object)
        add(entityTypes.map { ($0.name, $0.json) }, "entityTypes", to: &object, isNeeded: true)
        add(actions.map { ($0.name, $0.json) }, "actions", to: &object, isNeeded: true)
        if !annotations.isEmpty { object["annotations"] = SchemaFragment.json(annotations) }
    }

    private func add(
        _ members: [(String, JSON)], _ key: String, to object: inout JSONObject,
        isNeeded: Bool = false
    ) {
        guard isNeeded || !members.isEmpty else { return }
        let before = (object[key]?.objectValue ?? [:]).map { ($0.key, $0.value) }
        object[key] = SchemaFragment.object(before + members)
    }
}

extension SchemaFragment.CommonType {
    fileprivate var json: JSON {
        var members = type.members
        if !annotations.isEmpty {
            members.append(("annotations", SchemaFragment.json(annotations)))
        }
        return SchemaFragment.object(members)
    }
}

extension SchemaFragment.EntityType {
    fileprivate var json: JSON {
        var members: [(String, JSON)] = []
        switch kind {
        case .enumeration(let choices):
            members.append(("enum", .array(choices.map { .string($0) })))
        case .standard(let memberOf, let shape, let tags):
            if !memberOf.isEmpty {
                members.append(("memberOfTypes", SchemaFragment.names(memberOf)))
            }
            if let shape { members.append(("shape", shape.json)) }
            if let tags { members.append(("tags", tags.json)) }
        }
        if !annotations.isEmpty {
            members.append(("annotations", SchemaFragment.json(annotations)))
        }
        return SchemaFragment.object(members)
    }
}

extension SchemaFragment.Action {
    fileprivate var json: JSON {
        var members: [(String, JSON)] = []
        if !memberOf.isEmpty {
            let groups = memberOf.map { group in
                SchemaFragment.object(
                    [("id", .string(group.id))]
                        + (group.type.map { [("type", .string($0))] } ?? []))
            }
            members.append(("memberOf", .array(groups)))
        }
        if let appliesTo {
            var applies: [(String, JSON)] = [
                ("principalTypes", SchemaFragment.names(appliesTo.principals)),
                ("resourceTypes", SchemaFragment.names(appliesTo.resources)),
            ]
            if let context = appliesTo.context { applies.append(("context", context.json)) }
            members.append(("appliesTo", SchemaFragment.object(applies)))
        }
        if !annotations.isEmpty {
            members.append(("annotations", SchemaFragment.json(annotations)))
        }
        return SchemaFragment.object(members)
    }
}

extension SchemaFragment.TypeExpression {
    fileprivate var json: JSON { SchemaFragment.object(members) }

    fileprivate var members: [(String, JSON)] {
        switch self {
        case .bool: return [("type", "Boolean")]
        case .long: return [("type", "Long")]
        case .string: return [("type", "String")]
        case .set(let element): return [("type", "Set"), ("element", element.json)]
        case .record(let attributes):
            let inner = attributes.map { attribute in
                var members = attribute.type.members
                if !attribute.isRequired { members.append(("required", false)) }
                if !attribute.annotations.isEmpty {
                    members.append(("annotations", SchemaFragment.json(attribute.annotations)))
                }
                return (attribute.name, SchemaFragment.object(members))
            }
            return [("type", "Record"), ("attributes", SchemaFragment.object(inner))]
        case .entity(let reference): return [("type", "Entity"), ("name", .string(reference.name))]
        case .entityOrCommon(let reference):
            return [("type", "EntityOrCommon"), ("name", .string(reference.name))]
        case .common(let reference): return [("type", .string(reference.name))]
        case .extension(let reference):
            return [("type", "Extension"), ("name", .string(reference.name))]
        }
    }
}
