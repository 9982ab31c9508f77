// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Testing
import ToolSchemas

/// Schemas in one spelling, so that two that say the same are equal.
enum SchemaComparison {
    /// The JSON syntax with every type by its name, as the Cedar syntax has it.
    static func normal(_ json: JSON) -> JSON {
        switch json {
        case .array(let elements): return .array(elements.map(normal))
        case .object(let object): return .object(normal(object))
        default: return json
        }
    }

    private static func normal(_ object: JSONObject) -> JSONObject {
        var object = object
        if case .string(let type)? = object["type"], object["id"] == nil {
            switch type {
            case "Set", "Record", "EntityOrCommon": break
            case "Entity", "Extension": object["type"] = "EntityOrCommon"
            default:
                object["type"] = "EntityOrCommon"
                object["name"] = type == "Boolean" ? "Bool" : .string(type)
            }
        }
        // `Action::"x"` is the action of the same namespace, which goes without saying.
        if object["id"] != nil, object["type"] == "Action" { object["type"] = Optional<JSON>.none }
        if let applies = object["appliesTo"], applies["principalTypes"] == [],
            applies["resourceTypes"] == []
        {
            object["appliesTo"] = Optional<JSON>.none
        }
        if object["shape"] == ["type": "Record", "attributes": [:]] {
            object["shape"] = Optional<JSON>.none
        }
        return JSONObject(object.map { ($0.key, normal($0.value)) })
    }

    /// The places where two documents differ, for messages.
    static func differences(_ left: JSON?, _ right: JSON?, at place: String = "") -> [String] {
        guard let left else { return ["\(place): only expected: \(right ?? .null)"] }
        guard let right else { return ["\(place): not expected: \(left)"] }
        guard left != right else { return [] }
        guard let one = left.objectValue, let two = right.objectValue else {
            return ["\(place): \(left) instead of \(right)"]
        }
        let keys = one.keys + two.keys.filter { one[$0] == nil }
        return keys.flatMap { differences(one[$0], two[$0], at: "\(place)/\($0)") }
    }
}

extension Schema {
    /// The base that Exequatur's fragments are resolved with in tests.
    static let base = """
        entity Group; entity Agent in [Group]; entity Person; entity McpServer; entity Opaque; action "mcp";
        """
}
