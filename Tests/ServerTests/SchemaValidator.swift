// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON

/// The part of JSON Schema 2020-12 that our document uses; what it does not know it reports.
struct SchemaValidator {
    let resolve: (String) throws -> JSON
    private(set) var findings: [String] = []

    private static let ignored: Set<String> = [
        "description", "format", "default", "maxItems", "minItems", "maxLength", "minLength",
        "maximum", "minimum",
        "required", "properties", "additionalProperties", "items", "type", "enum", "const",
        "pattern", "oneOf", "$ref",
    ]

    init(resolve: @escaping (String) throws -> JSON) { self.resolve = resolve }

    mutating func validate(_ json: JSON, _ schema: JSON, _ path: String) {
        if let reference = schema["$ref"]?.stringValue {
            guard let target = try? resolve(reference) else {
                findings.append("\(path): `\(reference)` leads nowhere")
                return
            }
            validate(json, target, path)
        }
        for (key, _) in schema.objectValue ?? [:] where !Self.ignored.contains(key) {
            findings.append("\(path): keyword `\(key)` is not known to this validator")
        }
        if let choices = schema["oneOf"]?.arrayValue { validate(json, oneOf: choices, path) }
        if let constant = schema["const"], constant != json {
            findings.append("\(path): not the constant")
        }
        if let values = schema["enum"]?.arrayValue, !values.contains(json) {
            findings.append("\(path): none of the values")
        }
        validateType(json, schema, path)
        if let text = json.stringValue, let pattern = schema["pattern"]?.stringValue,
            (try? Regex(pattern).wholeMatch(in: text)) ?? nil == nil
        {
            findings.append("\(path): `\(text)` is not like `\(pattern)`")
        }
        for (index, element) in (json.arrayValue ?? []).enumerated() {
            if let items = schema["items"] { validate(element, items, "\(path)/\(index)") }
        }
        if let object = json.objectValue { validate(object, schema, path) }
    }

    private mutating func validate(_ json: JSON, oneOf choices: [JSON], _ path: String) {
        let passing = choices.filter { choice in
            var inner = SchemaValidator(resolve: resolve)
            inner.validate(json, choice, path)
            return inner.findings.isEmpty
        }
        if passing.count != 1 { findings.append("\(path): fits \(passing.count) of the choices") }
    }

    private mutating func validateType(_ json: JSON, _ schema: JSON, _ path: String) {
        guard let type = schema["type"] else { return }
        let allowed = type.arrayValue?.compactMap(\.stringValue) ?? [type.stringValue ?? "?"]
        let found =
            switch json {
            case .null: "null"
            case .bool: "boolean"
            case .number: json.intValue == nil ? "number" : "integer"
            case .string: "string"
            case .array: "array"
            case .object: "object"
            }
        if !allowed.contains(found) { findings.append("\(path): is `\(found)`, not \(allowed)") }
    }

    private mutating func validate(_ object: JSONObject, _ schema: JSON, _ path: String) {
        for key in schema["required"]?.arrayValue ?? [] {
            guard let name = key.stringValue, object[name] == nil else { continue }
            findings.append("\(path): `\(name)` is missing")
        }
        let properties = schema["properties"]?.objectValue ?? [:]
        for (key, value) in object {
            if let property = properties[key] {
                validate(value, property, "\(path)/\(key)")
            } else if schema["additionalProperties"] == false {
                findings.append("\(path): `\(key)` is not described")
            }
        }
    }
}
