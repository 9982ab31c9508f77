// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

extension Policy {
    /// Reads a static policy in the JSON format of Cedar.
    ///
    /// Text is made of it, which ``text`` holds and to which all places refer.
    /// - Parameters:
    ///   - json: `{"effect", "principal", "action", "resource", "conditions"}`, and `annotations`.
    ///   - id: how results name the policy.
    ///   - path: where it is in its document, for messages.
    ///   - limits: how large and deep it may be.
    /// - Throws: `JSONShapeError` for another shape, for slots, and where a limit is passed.
    public init(
        json: JSON, id: String, path: String = "", limits: PolicyLimits = .init()
    ) throws(JSONShapeError) {
        let template = try Template(policy: json, id: id, path: path, limits: limits)
        guard template.slots.isEmpty else {
            throw JSONShapeError(path: path, message: "expected a static policy, found a template")
        }
        self.init(template, link: nil)
    }
}

extension Template {
    /// Reads a template in the JSON format of Cedar.
    ///
    /// - Parameters:
    ///   - json: a policy with `slot` in place of `entity` in its scope.
    ///   - id: how the template is named.
    ///   - path: where it is in its document, for messages.
    ///   - limits: how large and deep it may be.
    /// - Throws: `JSONShapeError` for another shape, for a policy without slots, and where a limit
    ///   is passed.
    public init(
        json: JSON, id: String, path: String = "", limits: PolicyLimits = .init()
    ) throws(JSONShapeError) {
        try self.init(policy: json, id: id, path: path, limits: limits)
        guard !slots.isEmpty else {
            throw JSONShapeError(path: path, message: "expected a template, found a static policy")
        }
    }

    fileprivate init(
        policy json: JSON, id: String, path: String, limits: PolicyLimits
    ) throws(JSONShapeError) {
        let text = try PolicyReader(json, path: path).text
        let source = PolicySource(text: text)
        guard text.utf8.count <= min(limits.maximumBytes, Int(Int32.max)) else {
            throw JSONShapeError(
                path: path, message: "policy is longer than \(limits.maximumBytes) bytes")
        }
        var parser = Parser(source, limits: limits, allowsTemplates: true)
        let parsed = parser.policies()
        if let error = parser.errors.first {
            throw JSONShapeError(path: path, message: error.message)
        }
        guard parsed.count == 1 else {
            throw JSONShapeError(path: path, message: "expected one policy")
        }
        self.init(parsed[0], id: id, source: source)
    }
}

/// Makes text of a policy in JSON.
private struct PolicyReader {
    let text: String

    init(_ json: JSON, path: String) throws(JSONShapeError) {
        let prefix = path.isEmpty ? "" : "\(path)."
        var reader = try JSONReader(json, path: path)
        let effect = try reader.string("effect")
        guard Policy.Effect(rawValue: effect) != nil else {
            throw reader.error("effect", "the effect must be `permit` or `forbid`")
        }
        let principal = try Self.entity("principal", &reader)
        let action = try Self.action(&reader)
        let resource = try Self.entity("resource", &reader)
        var conditions = ""
        for (place, condition) in try reader.array("conditions").enumerated() {
            conditions += try Self.condition(condition, "\(prefix)conditions[\(place)]")
        }
        let annotations = try Self.annotations(&reader)
        try reader.finish()
        text = "\(annotations)\(effect)(\(principal), \(action), \(resource))\(conditions);"
    }

    private static func annotations(
        _ reader: inout JSONReader
    ) throws(JSONShapeError) -> String {
        guard let json = reader.optionalValue("annotations") else { return "" }
        guard let object = json.objectValue else {
            throw reader.error("annotations", "expected an object")
        }
        var text = ""
        for (name, value) in object {
            guard TypeName.isIdentifier(name.utf8) else {
                throw reader.error("annotations", "`\(name.cedarEscaped)` is not an identifier")
            }
            guard value.isNull || value.stringValue != nil else {
                throw reader.error("annotations", "`\(name)` must be text or null")
            }
            text += "@\(name)\(value.stringValue.map { "(\($0.cedarLiteral))" } ?? "") "
        }
        return text
    }

    private static func condition(
        _ json: JSON, _ path: String
    ) throws(JSONShapeError) -> String {
        var reader = try JSONReader(json, path: path)
        let kind = try reader.string("kind")
        let body = try reader.value("body")
        try reader.finish()
        guard Policy.Condition.Kind(rawValue: kind) != nil else {
            throw reader.error("kind", "a condition is `when` or `unless`")
        }
        let expression = try ExpressionReader.read(body, path: "\(path).body")
        return " \(kind) { \(expression) }"
    }

    // MARK: scope

    private static func entity(
        _ part: String, _ reader: inout JSONReader
    ) throws(JSONShapeError) -> String {
        var constraint = try reader.object(part)
        let operation = try constraint.string("op")
        let text: String
        switch operation {
        case "All", "all": text = part
        case "==", "in": text = "\(part) \(operation) \(try reference(part, &constraint))"
        case "is":
            let type = try constraint.string("entity_type")
            guard TypeName.isValid(type) else {
                throw constraint.error(
                    "entity_type", "`\(type.cedarEscaped)` is not an entity type")
            }
            var line = "\(part) is \(type)"
            if var container = try constraint.optionalObject("in") {
                line += " in \(try reference(part, &container))"
                try container.finish()
            }
            text = line
        default: throw constraint.error("op", "the operator must be `All`, `==`, `in` or `is`")
        }
        try constraint.finish()
        return text
    }

    private static func reference(
        _ part: String, _ reader: inout JSONReader
    ) throws(JSONShapeError) -> String {
        if let slot = try reader.optionalString("slot") {
            guard Bytes.equal(slot, "?\(part)") else {
                throw reader.error("slot", "the slot must be `?\(part)`")
            }
            return slot
        }
        let path = reader.path.isEmpty ? "entity" : "\(reader.path).entity"
        return try EntityUID(json: try reader.value("entity"), path: path).description
    }

    private static func action(_ reader: inout JSONReader) throws(JSONShapeError) -> String {
        var constraint = try reader.object("action")
        let operation = try constraint.string("op")
        let path = constraint.path
        let text: String
        switch operation {
        case "All", "all": text = "action"
        case "==":
            let uid = try EntityUID(json: try constraint.value("entity"), path: "\(path).entity")
            text = "action == \(uid)"
        case "in":
            if let single = constraint.optionalValue("entity") {
                text = "action in \(try EntityUID(json: single, path: "\(path).entity"))"
            } else {
                var uids: [String] = []
                for (place, element) in try constraint.array("entities").enumerated() {
                    uids.append(
                        try EntityUID(json: element, path: "\(path).entities[\(place)]")
                            .description)
                }
                text = "action in [\(uids.joined(separator: ", "))]"
            }
        default: throw constraint.error("op", "the operator must be `All`, `==` or `in`")
        }
        try constraint.finish()
        return text
    }
}

extension PolicySet {
    /// Reads a policy set in the JSON format of Cedar.
    ///
    /// - Parameters:
    ///   - json: `{"staticPolicies": {…}, "templates": {…}, "templateLinks": […]}`.
    ///   - limits: how large each policy may be, and how many there may be.
    /// - Throws: `JSONShapeError` for another shape, an id that is used twice, and links that do
    ///   not fit their template.
    public init(json: JSON, limits: PolicyLimits = .init()) throws(JSONShapeError) {
        var reader = try JSONReader(json)
        let policies = try Self.members("staticPolicies", &reader)
        let templates = try Self.members("templates", &reader)
        let links = try reader.array("templateLinks")
        try reader.finish()
        guard policies.count + templates.count + links.count <= limits.maximumPolicies else {
            throw JSONShapeError(path: "", message: "more than \(limits.maximumPolicies) policies")
        }
        var all: [Policy] = []
        for (id, json) in policies {
            all.append(
                try Policy(json: json, id: id, path: "staticPolicies.\(id)", limits: limits))
        }
        var read: [Template] = []
        for (id, json) in templates {
            guard policies[id] == nil else {
                throw JSONShapeError(path: "templates.\(id)", message: "duplicate id, rename it")
            }
            read.append(try Template(json: json, id: id, path: "templates.\(id)", limits: limits))
        }
        var parsedLinks: [TemplateLink] = []
        for (place, link) in links.enumerated() {
            parsedLinks.append(try TemplateLink(json: link, path: "templateLinks[\(place)]"))
        }
        do throws(LinkError) {
            self = try PolicySet(all, templates: read).linking(parsedLinks, limits: limits)
        } catch {
            throw JSONShapeError(path: "templateLinks", message: error.description)
        }
    }

    private static func members(
        _ key: String, _ reader: inout JSONReader
    ) throws(JSONShapeError) -> JSONObject {
        guard let object = try reader.value(key).objectValue else {
            throw reader.error(key, "expected an object")
        }
        return object
    }

    /// The policy set in the JSON format of Cedar.
    ///
    /// - Throws: `JSONShapeError` where an expression would nest too deeply, see ``Policy/json``.
    public var json: JSON {
        get throws(JSONShapeError) {
            var members = JSONObject()
            for policy in policies where policy.link == nil {
                members[policy.id] = try policy.json
            }
            var templates = JSONObject()
            for template in self.templates { templates[template.id] = try template.json }
            let links = policies.compactMap { $0.link?.json }
            return [
                "staticPolicies": .object(members), "templates": .object(templates),
                "templateLinks": .array(links),
            ]
        }
    }
}

extension TemplateLink {
    fileprivate init(json: JSON, path: String) throws(JSONShapeError) {
        var reader = try JSONReader(json, path: path)
        let templateID = try reader.string("templateId")
        let newID = try reader.string("newId")
        guard let object = try reader.value("values").objectValue else {
            throw reader.error("values", "expected an object")
        }
        try reader.finish()
        var values: [Template.Slot: EntityUID] = [:]
        for (key, value) in object {
            guard let slot = Template.Slot(rawValue: key) else {
                throw reader.error("values", "`\(key.cedarEscaped)` is not a slot")
            }
            values[slot] = try EntityUID(json: value, path: "\(path).values.\(key)")
        }
        self.init(templateID: templateID, newID: newID, values: values)
    }

    fileprivate var json: JSON {
        let pairs = values.map { ($0.key.rawValue, JSON.object(["__entity": $0.value.json])) }
        return [
            "templateId": .string(templateID), "newId": .string(newID),
            "values": .object(JSONObject(pairs)),
        ]
    }
}
