// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar

/// The schema that cedar-for-agents' generator makes of a stub and tools.
struct AgentSchema {
    struct Namespace {
        var commonTypes = JSONObject()
        var entityTypes = JSONObject()
        var actions = JSONObject()
        var annotations: JSON?

        var isEmpty: Bool { commonTypes.isEmpty && entityTypes.isEmpty && actions.isEmpty }
    }

    /// A tool with its types read.
    struct Tool {
        let tool: ToolManifest.Tool
        /// The identifier for its name.
        let name: String
        let inputs: AgentTypeReader.Parameters
        let outputs: AgentTypeReader.Parameters
        let definitions: [(name: String, type: AgentType)]
    }

    let options: AgentSchemaOptions
    let limits: ToolLimits
    /// The namespace of the stub.
    let home: String
    var namespaces: [String: Namespace] = [:]
    /// Where the shared types are that stand for several equal ones.
    var shared: [Fingerprint: String] = [:]
    private let principals: [JSON]
    private let resources: [JSON]
    private let contexts: JSONObject
    private let groups: [JSON]

    init(
        stub: String, options: AgentSchemaOptions, limits: ToolLimits
    ) throws(ToolSchemaError) {
        let json: JSON
        do throws(SchemaErrors) {
            json = try SchemaFragment(parsing: stub).json
        } catch {
            throw Self.stubError(error.errors.first?.description ?? "unreadable")
        }
        guard let object = json.objectValue, object.count == 1, let (name, inner) = object.first,
            !name.isEmpty
        else {
            throw Self.stubError("it must declare everything in one namespace")
        }
        self.options = options
        self.limits = limits
        home = name
        func marked(_ kind: String, _ annotation: String) -> [(name: String, value: String)] {
            (inner[kind]?.objectValue ?? [:]).compactMap { member in
                member.value["annotations"]?[annotation]?.stringValue.map { (member.key, $0) }
            }
        }
        principals = marked("entityTypes", "mcp_principal").map { .string($0.name) }
        resources = marked("entityTypes", "mcp_resource").map { .string($0.name) }
        groups = marked("actions", "mcp_action").map { ["id": .string($0.name)] }
        var contexts = JSONObject()
        for kind in ["entityTypes", "commonTypes"] {
            for (type, key) in marked(kind, "mcp_context") {
                contexts[key] = ["type": "EntityOrCommon", "name": .string(type)]
            }
        }
        self.contexts = contexts
        guard !principals.isEmpty, !resources.isEmpty else {
            throw Self.stubError(
                "mark the types of principals and resources with `@mcp_principal` and "
                    + "`@mcp_resource`")
        }
        namespaces[name] = Namespace(
            commonTypes: erased(inner["commonTypes"], ["mcp_context"]),
            entityTypes: erased(
                inner["entityTypes"], ["mcp_context", "mcp_resource", "mcp_principal"]),
            actions: erased(inner["actions"], ["mcp_action"]), annotations: inner["annotations"])
    }

    private static func stubError(_ message: String) -> ToolSchemaError {
        ToolSchemaError(.badStub, at: [], "the stub is not one: \(Shown.text(message, limit: 256))")
    }

    private func erased(_ json: JSON?, _ annotations: [String]) -> JSONObject {
        var object = json?.objectValue ?? [:]
        guard options.eraseAnnotations else { return object }
        for (key, value) in object {
            guard var members = value.objectValue, var kept = members["annotations"]?.objectValue
            else { continue }
            for annotation in annotations { kept[annotation] = nil }
            members["annotations"] = .none
            if !kept.isEmpty { members["annotations"] = .object(kept) }
            object[key] = .object(members)
        }
        return object
    }

    // MARK: tools

    mutating func generate(_ manifest: ToolManifest) throws(ToolSchemaError) -> GeneratedSchema {
        let names = try identifiers(manifest.tools.map(\.name), at: [])
        var reader = AgentTypeReader(limits: limits)
        var tools: [Tool] = []
        for (tool, name) in zip(manifest.tools, names) {
            tools.append(
                Tool(
                    tool: tool, name: name,
                    inputs: try reader.parameters(
                        tool.inputSchema, at: tool.tokens + tool.inputTokens),
                    outputs: try reader.parameters(
                        tool.outputSchema ?? [:], at: tool.tokens + tool.outputTokens),
                    definitions: try reader.definitions(
                        .object(tool.definitions), at: tool.tokens)))
        }
        let place = Array(manifest.definitionTokens.dropLast())
        let all = try reader.definitions(.object(manifest.definitions), at: place)
        let known = try declare(all, in: home, known: [:], at: place)
        try findShared(tools)
        for tool in tools { try add(tool, known: known) }
        let actions = manifest.tools.map { tool in
            GeneratedSchema.Action(
                tool: tool.name, uid: EntityUID(type: "\(home)::Action", id: tool.name))
        }
        return GeneratedSchema(fragment: try fragment(), actions: actions, notes: [])
    }

    private mutating func add(_ tool: Tool, known: JSONObject) throws(ToolSchemaError) {
        let namespace = "\(home)::\(tool.name)"
        let place = tool.tool.tokens
        let known = try declare(tool.definitions, in: namespace, known: known, at: place)
        var context = contexts
        context["input"] = try parameters(
            tool.inputs, "Input", of: tool, known: known, at: place + tool.tool.inputTokens)
        if options.includeOutputs {
            var output = try parameters(
                tool.outputs, "Output", of: tool, known: known,
                at: place + tool.tool.outputTokens)
            if var members = output.objectValue {
                members["required"] = false
                output = .object(members)
            }
            context["output"] = output
        }
        var action: JSONObject = [
            "appliesTo": [
                "principalTypes": .array(principals), "resourceTypes": .array(resources),
                "context": ["type": "Record", "attributes": .object(context)],
            ]
        ]
        if !groups.isEmpty { action["memberOf"] = .array(groups) }
        namespaces[home]?.actions[tool.tool.name] = .object(action)
    }

    /// Declares the record of all inputs or outputs and refers to it.
    private mutating func parameters(
        _ parameters: AgentTypeReader.Parameters, _ kind: String, of tool: Tool,
        known: JSONObject, at place: [String]
    ) throws(ToolSchemaError) -> JSON {
        let namespace = "\(home)::\(tool.name)::\(kind)"
        let known = try declare(parameters.definitions, in: namespace, known: known, at: place)
        var attributes = JSONObject()
        let names = try identifiers(parameters.properties.map(\.name), at: place)
        for (property, name) in zip(parameters.properties, names) {
            let type = try type(property.type, name: name, in: namespace, known: known, at: place)
            attributes[property.name] = Self.attribute(type, property.isRequired)
        }
        let name = "\(tool.name)\(kind)"
        try addCommon(
            ["type": "Record", "attributes": .object(attributes)], name, in: home, at: place)
        return ["type": .string(name)]
    }

    /// Declares definitions; the answer says what each name stands for, together with those known.
    private mutating func declare(
        _ definitions: [(name: String, type: AgentType)], in namespace: String,
        known: JSONObject, at place: [String]
    ) throws(ToolSchemaError) -> JSONObject {
        var known = known
        let names = try identifiers(definitions.map(\.name), at: place)
        // All names first: definitions may refer to each other.
        for (definition, name) in zip(definitions, names) {
            known[definition.name] = .string("\(namespace)::\(name)")
        }
        for (definition, name) in zip(definitions, names) {
            let type = try type(
                definition.type, name: name, in: namespace, known: known, at: place)
            try addCommon(type, name, in: namespace, at: place)
        }
        return known
    }

    func identifiers(
        _ names: [String], at place: [String]
    ) throws(ToolSchemaError) -> [String] {
        if let unique = TypeNames.identifiers(for: names) { return unique }
        throw ToolSchemaError(
            .duplicate, at: place, "two names would become one type: rename one of them")
    }

    static func attribute(_ type: JSON, _ isRequired: Bool) -> JSON {
        guard !isRequired, var members = type.objectValue else { return type }
        members["required"] = false
        return .object(members)
    }

    private func fragment() throws(ToolSchemaError) -> SchemaFragment {
        var json = JSONObject()
        for (name, namespace) in namespaces where !namespace.isEmpty || name == home {
            var members: JSONObject = [
                "entityTypes": .object(namespace.entityTypes),
                "actions": .object(namespace.actions),
            ]
            if !namespace.commonTypes.isEmpty {
                members["commonTypes"] = .object(namespace.commonTypes)
            }
            if let annotations = namespace.annotations { members["annotations"] = annotations }
            json[name] = .object(members)
        }
        do throws(SchemaErrors) {
            return try SchemaFragment(json: .object(json))
        } catch {
            throw ToolSchemaError(
                .limit, at: [],
                "the schema cannot be read: \(error.errors.first?.message ?? ""): offer less")
        }
    }
}
