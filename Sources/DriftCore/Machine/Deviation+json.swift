// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON

extension Deviation {
    package var json: JSON {
        var object: JSONObject = [
            "operation": .string(operation.rawValue), "path": path.json,
            "pointer": .string(pointer.description), "scope": .string(scope),
            "source": .string(source.text), "subject": .string(subject),
        ]
        // Absent is nothing, `null` is a value.
        if let before { object["before"] = before }
        if let after { object["after"] = after }
        return .object(object)
    }

    /// Reads what ``json`` wrote; unknown members are refused.
    package init(_ json: JSON, path place: String) throws {
        var reader = try JSONReader(json, path: place)
        self.init(
            source: try reader.handle("source"), scope: try reader.string("scope"),
            subject: try reader.string("subject"),
            path: try KeyPath(try reader.value("path"), path: "\(place).path"),
            pointer: try JSONPointer(parsing: try reader.string("pointer")),
            operation: try reader.choice("operation", Operation.self),
            before: reader.optionalValue("before"), after: reader.optionalValue("after"))
        try reader.finish()
    }
}

extension Attribution {
    package var json: JSON {
        var object: JSONObject = [
            "observed": .bool(isObserved), "reason": .string(reason),
            "verdict": .string(verdict.rawValue),
        ]
        if let action { object["action"] = .string(action.text) }
        if let effect { object["effect"] = .int(effect) }
        return .object(object)
    }

    /// Reads what ``json`` wrote; unknown members are refused.
    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        let action = try reader.optionalString("action").map { text in
            guard let id = ActionID(text) else {
                throw DriftError("`\(path).action`: not an action id")
            }
            return id
        }
        self.init(
            try reader.choice("verdict", DriftVerdict.self), action: action,
            effect: try reader.optionalInt("effect").map { Int($0) },
            reason: try reader.string("reason"), isObserved: try reader.bool("observed"))
        try reader.finish()
    }
}

extension KeyPath {
    /// The steps: a string for a member, a number for an element, objects for the others.
    var json: JSON {
        .array(
            steps.map { step in
                switch step {
                case .member(let name): .string(name)
                case .index(let index): .int(index)
                case .inserted(let index): ["inserted": .int(index)]
                case .element(let value): ["element": value]
                case .keyed(let fields):
                    [
                        "keyed": .array(
                            fields.map { ["name": .string($0.name), "value": $0.value] })
                    ]
                }
            })
    }

    init(_ json: JSON, path: String) throws {
        guard case .array(let elements) = json else {
            throw DriftError("`\(path)`: expected an array")
        }
        self.init(
            try elements.map { element throws in
                switch element {
                case .string(let name): return .member(name)
                case .number(let number):
                    guard let index = number.int64, index >= 0 else {
                        throw DriftError("`\(path)`: an element's number is from 0")
                    }
                    return .index(Int(index))
                default: return try Self.step(element, path: path)
                }
            })
    }

    private static func step(_ json: JSON, path: String) throws -> Step {
        var reader = try JSONReader(json, path: path)
        let step: Step
        if let value = reader.optionalValue("element") {
            step = .element(value)
        } else if let index = try reader.optionalInt("inserted") {
            step = .inserted(Int(index))
        } else {
            step = .keyed(
                try reader.objects("keyed").map { field in
                    var field = field
                    let one = Field(
                        name: try field.string("name"), value: try field.value("value"))
                    try field.finish()
                    return one
                })
        }
        try reader.finish()
        return step
    }
}
