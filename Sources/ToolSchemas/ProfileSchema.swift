// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar

/// Schemas with actions for tools and records for objects, without a stub.
struct ProfileSchema {
    private enum Style {
        /// Types in a namespace for each tool.
        case exequatur(serverNamespace: String)
        /// Types with long names in the one namespace.
        case agentCore
    }

    private let style: Style
    private let generator: ToolSchemaGenerator
    /// The namespace of actions; empty for none.
    private let namespace: String
    /// The group of all actions of the server, and what it is in.
    private let group: (id: String, parent: String)
    private let principals: JSON
    private let resources: JSON
    private let opaque: String
    private var schemas = 0
    private var namespaces: [String: Namespace] = [:]

    /// Lists, which are sorted once; a manifest may have many types.
    private struct Namespace {
        var commonTypes: [(String, JSON)] = []
        var entityTypes: [(String, JSON)] = []
        var actions: [(String, JSON)] = []

        /// The namespace in JSON; `nil` where a name comes twice.
        var json: JSON? {
            let types = (commonTypes + entityTypes).map { ($0.0, JSON.null) }
            guard JSONObject(unique: types) != nil,
                let commonTypes = JSONObject(unique: commonTypes),
                let entityTypes = JSONObject(unique: entityTypes),
                let actions = JSONObject(unique: actions)
            else { return .none }
            var members: JSONObject = [
                "entityTypes": .object(entityTypes), "actions": .object(actions),
            ]
            if !commonTypes.isEmpty { members["commonTypes"] = .object(commonTypes) }
            return .object(members)
        }
    }

    init(exequatur server: String, _ generator: ToolSchemaGenerator) throws(ToolSchemaError) {
        try Self.check(server, "server", generator.limits)
        style = .exequatur(serverNamespace: "mcp::\(TypeNames.lone(server))")
        self.generator = generator
        namespace = ""
        group = ("mcp.\(server)", "mcp")
        principals = ["Agent", "Person"]
        resources = ["McpServer"]
        opaque = "Opaque"
    }

    init(agentCore target: String, _ generator: ToolSchemaGenerator) throws(ToolSchemaError) {
        try Self.check(target, "target", generator.limits)
        guard !["Mcp", "CallTool"].contains(target) else {
            throw ToolSchemaError(
                .badName, at: [],
                "target `\(target)` goes by the name of a group of all targets: rename it")
        }
        style = .agentCore
        self.generator = generator
        namespace = "AgentCore"
        group = (target, "CallTool")
        principals = ["OAuthUser", "IamEntity"]
        resources = ["Gateway"]
        opaque = "AgentCore::Opaque"
    }

    /// A server `a` with a tool `_b` must not share an action with a server `a_` with a tool `b`.
    private static func check(
        _ name: String, _ what: String, _ limits: ToolLimits
    ) throws(ToolSchemaError) {
        guard (1...limits.maximumNameBytes).contains(name.utf8.count) else {
            throw ToolSchemaError(
                .badName, at: [],
                "name of the \(what) has \(name.utf8.count) bytes: "
                    + "use 1 to \(limits.maximumNameBytes)")
        }
        let isAmbiguous = name.utf8.last == UInt8(ascii: "_") || name.contains(separator)
        guard !isAmbiguous else {
            throw ToolSchemaError(
                .badName, at: [],
                "name `\(Shown.text(name))` of the \(what) holds `\(separator)` or ends with `_`: "
                    + "leave that out, it separates the tool")
        }
    }

    private static let separator = "___"

    // MARK: tools

    mutating func generate(_ manifest: ToolManifest) throws(ToolSchemaError) -> GeneratedSchema {
        guard let names = TypeNames.identifiers(for: manifest.tools.map(typeName)) else {
            throw ToolSchemaError(
                .duplicate, at: [], "two tools would have types of one name: rename one of them")
        }
        // A group without members is of use too: policies may name it before there are tools.
        namespaces[namespace, default: .init()].actions.append(
            (group.id, ["memberOf": [["id": .string(group.parent)]]]))
        var actions: [GeneratedSchema.Action] = []
        var notes: [GeneratedSchema.Note] = []
        for (tool, name) in zip(manifest.tools, names) {
            var builder = ShapeBuilder(
                tool, manifest, limits: generator.limits, isDocumented: generator.isDocumented,
                schemas: schemas)
            let input = try builder.input()
            schemas = builder.schemas
            let type = try declare(input.shape, builder.declarations, name, tool)
            let id = actionID(tool)
            namespaces[namespace, default: .init()].actions.append(
                (id, action(tool, input: type)))
            let prefix = namespace.isEmpty ? "" : "\(namespace)::"
            actions.append(
                .init(tool: tool.name, uid: EntityUID(type: "\(prefix)Action", id: id)))
            notes += builder.notes
        }
        return GeneratedSchema(fragment: try fragment(), actions: actions, notes: notes)
    }

    private func actionID(_ tool: ToolManifest.Tool) -> String {
        "\(group.id)\(Self.separator)\(tool.name)"
    }

    /// What is made an identifier to name the types of a tool.
    private func typeName(_ tool: ToolManifest.Tool) -> String {
        switch style {
        case .exequatur: tool.name
        case .agentCore: actionID(tool)
        }
    }

    private func action(_ tool: ToolManifest.Tool, input: JSON) -> JSON {
        var members: JSONObject = [
            "memberOf": [["id": .string(group.id)]],
            "appliesTo": [
                "principalTypes": principals, "resourceTypes": resources,
                "context": ["type": "Record", "attributes": ["input": input]],
            ],
        ]
        let words = (tool.description ?? tool.title).map(JSON.string)
        if generator.isDocumented, let text = Documentation.text(words) {
            members["annotations"] = ["doc": .string(text)]
        }
        return .object(members)
    }

    // MARK: types

    /// Declares the types of a tool and says what its input is.
    private mutating func declare(
        _ input: Shape, _ declarations: [Shape.Declaration], _ name: String,
        _ tool: ToolManifest.Tool
    ) throws(ToolSchemaError) -> JSON {
        // The input goes by `Input`, unless it is an entity, which has that name already.
        var all = declarations
        var place = all.count
        if case .named(let declared) = input, case .entity = all[declared].kind {
            place = declared
        } else {
            all.append(.init(name: "Input", kind: .common(input)))
        }
        guard let unique = TypeNames.identifiers(for: all.map(\.name)) else {
            throw ToolSchemaError(
                .duplicate, at: tool.tokens,
                "two types of tool `\(Shown.text(tool.name))` would have one name: "
                    + "rename a property or a definition")
        }
        let home: String
        let locals: [String]
        switch style {
        case .exequatur(let server):
            home = "\(server)::\(name)"
            locals = unique
        case .agentCore:
            home = namespace
            locals = unique.map { "\(name)\($0)" }
        }
        let writer = ShapeWriter(names: locals.map { "\(home)::\($0)" }, opaque: opaque)
        for (declaration, local) in zip(all, locals) {
            switch declaration.kind {
            case .common(let shape):
                namespaces[home, default: .init()].commonTypes.append(
                    (local, writer.json(shape, all)))
            case .entity(let attributes, let tags):
                namespaces[home, default: .init()].entityTypes.append(
                    (local, writer.entity(attributes, tags, all)))
            }
        }
        return writer.json(.named(place), all)
    }

    private func fragment() throws(ToolSchemaError) -> SchemaFragment {
        var all = JSONObject()
        for (name, namespace) in namespaces {
            guard let json = namespace.json else {
                throw ToolSchemaError(
                    .duplicate, at: [],
                    "two tools would have types of one name in `\(name)`: rename one of them")
            }
            all[name] = json
        }
        do throws(SchemaErrors) {
            return try SchemaFragment(json: .object(all))
        } catch {
            throw ToolSchemaError(
                .limit, at: [],
                "the schema cannot be read: \(error.errors.first?.message ?? ""): offer less")
        }
    }
}
