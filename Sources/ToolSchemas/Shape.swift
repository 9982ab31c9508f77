// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// A Cedar type before its names are known.
indirect enum Shape {
    struct Attribute {
        let name: String
        let shape: Shape
        let isRequired: Bool
        let documentation: String?
    }

    case bool
    case long
    case string
    case `extension`(String)
    /// The entity type that takes any JSON.
    case opaque
    case set(Shape)
    case record([Attribute])
    /// A declaration, by its place in the list of them.
    case named(Int)

    /// A type with a name of its own.
    struct Declaration {
        enum Kind {
            case common(Shape)
            case entity(attributes: [Attribute], tags: Shape)
        }

        /// The name wanted, any text.
        let name: String
        let kind: Kind
    }

    var isLeaf: Bool { isSameLeaf(as: self) }

    /// Whether both are the same type without parts.
    func isSameLeaf(as other: Shape) -> Bool {
        switch (self, other) {
        case (.bool, .bool), (.long, .long), (.string, .string), (.opaque, .opaque): true
        case (.extension(let one), .extension(let two)): one == two
        default: false
        }
    }
}

/// Writes shapes as the JSON syntax of schemas.
struct ShapeWriter {
    /// The names of declarations, qualified.
    let names: [String]
    let opaque: String

    func json(_ shape: Shape, _ declarations: [Shape.Declaration]) -> JSON {
        .object(object(shape, declarations))
    }

    private func object(_ shape: Shape, _ declarations: [Shape.Declaration]) -> JSONObject {
        switch shape {
        case .bool: return ["type": "Boolean"]
        case .long: return ["type": "Long"]
        case .string: return ["type": "String"]
        case .extension(let name): return ["type": "Extension", "name": .string(name)]
        case .opaque: return ["type": "Entity", "name": .string(opaque)]
        case .set(let element):
            return ["type": "Set", "element": json(element, declarations)]
        case .record(let attributes):
            return ["type": "Record", "attributes": json(attributes, declarations)]
        case .named(let place):
            if case .entity = declarations[place].kind {
                return ["type": "Entity", "name": .string(names[place])]
            }
            return ["type": .string(names[place])]
        }
    }

    private func json(
        _ attributes: [Shape.Attribute], _ declarations: [Shape.Declaration]
    ) -> JSON {
        var members = JSONObject()
        for attribute in attributes {
            var member = object(attribute.shape, declarations)
            if !attribute.isRequired { member["required"] = false }
            if let text = attribute.documentation {
                member["annotations"] = ["doc": .string(text)]
            }
            members[attribute.name] = .object(member)
        }
        return .object(members)
    }

    /// The declaration of an entity type.
    func entity(
        _ attributes: [Shape.Attribute], _ tags: Shape, _ declarations: [Shape.Declaration]
    ) -> JSON {
        var members: JSONObject = ["tags": json(tags, declarations)]
        if !attributes.isEmpty {
            members["shape"] = ["type": "Record", "attributes": json(attributes, declarations)]
        }
        return .object(members)
    }
}
