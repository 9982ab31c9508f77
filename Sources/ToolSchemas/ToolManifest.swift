// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

/// The tools that a server offers: what it answers to `tools/list` (Model Context Protocol).
public struct ToolManifest: Sendable {
    /// One tool.
    public struct Tool: Sendable {
        /// The name, unique in the manifest; any text.
        public let name: String
        /// What people are shown as its name.
        public let title: String?
        /// What it does, in the words of the server.
        public let description: String?
        /// The JSON Schema of its arguments.
        public let inputSchema: JSONObject
        /// The JSON Schema of its result.
        public let outputSchema: JSONObject?
        /// Definitions for both schemas, where the tool has any beside them.
        let definitions: JSONObject
        /// The steps to it in the manifest.
        let tokens: [String]
        /// The steps from there to the schema of its arguments.
        let inputTokens: [String]
        /// The steps from there to the schema of its result.
        let outputTokens: [String]
    }

    /// The tools, in the order of the manifest.
    public let tools: [Tool]
    /// Where the server has more tools, what to ask for them with.
    public let nextCursor: String?
    /// Definitions for the schemas of all tools.
    let definitions: JSONObject
    /// The steps to these definitions.
    let definitionTokens: [String]

    /// Reads a manifest.
    ///
    /// - Parameters:
    ///   - json: a whole JSON-RPC response, its `result`, the array of tools, or a single tool.
    ///     Schemas may have an object with the only member `json` around them, as Strands writes
    ///     them. Members that are not known are ignored.
    ///   - limits: how much is taken.
    /// - Throws: ``ToolSchemaError`` for another shape, two tools of one name and what passes a
    ///   limit.
    public init(json: JSON, limits: ToolLimits = .init()) throws(ToolSchemaError) {
        var place: [String] = []
        var root = json
        if let result = json["result"] {
            (root, place) = (result, ["result"])
        } else if let error = json["error"] {
            throw ToolSchemaError(
                .shape, at: ["error"],
                "the server answered with an error, \(Shown.kind(error["message"] ?? error)): "
                    + "ask it again")
        }
        nextCursor = root["nextCursor"]?.stringValue
        definitionTokens = place + ["$defs"]
        definitions = root["tools"] == nil ? [:] : root["$defs"]?.objectValue ?? [:]
        if let list = root["tools"] {
            root = list
            place.append("tools")
            guard list.arrayValue != nil else {
                throw ToolSchemaError(
                    .shape, at: place, "expected an array of tools, found \(Shown.kind(list))")
            }
        }
        let elements =
            root.arrayValue?.enumerated().map { ($0.element, place + [String($0.offset)]) }
            ?? [(root, place)]
        guard elements.count <= limits.maximumTools else {
            throw ToolSchemaError(
                .limit, at: place,
                "\(elements.count) tools: use at most \(limits.maximumTools)")
        }
        var tools: [Tool] = []
        var seen: Set<JSON> = []
        for (element, place) in elements {
            let tool = try Tool(element, place, limits)
            guard seen.insert(.string(tool.name)).inserted else {
                throw ToolSchemaError(
                    .duplicate, at: place + ["name"],
                    "there are two tools `\(Shown.text(tool.name))`: rename one of them")
            }
            tools.append(tool)
        }
        self.tools = tools
    }
}

extension ToolManifest.Tool {
    fileprivate init(
        _ json: JSON, _ place: [String], _ limits: ToolLimits
    ) throws(ToolSchemaError) {
        guard let object = json.objectValue else {
            throw ToolSchemaError(
                .shape, at: place, "expected a tool, found \(Shown.kind(json))")
        }
        guard let name = object["name"]?.stringValue else {
            throw ToolSchemaError(
                .shape, at: place, "a tool without a name: give its `name`, a string")
        }
        guard (1...limits.maximumNameBytes).contains(name.utf8.count) else {
            throw ToolSchemaError(
                .badName, at: place + ["name"],
                "name of \(name.utf8.count) bytes: use 1 to \(limits.maximumNameBytes)")
        }
        guard let input = try Self.schema(object, "inputSchema", place) else {
            throw ToolSchemaError(
                .shape, at: place,
                "tool `\(Shown.text(name))` says nothing of its arguments: give an `inputSchema`")
        }
        let output = try Self.schema(object, "outputSchema", place)
        self.name = name
        // Servers from before the revision 2025-06-18 have it among the annotations.
        title = (object["title"] ?? object["annotations"]?["title"])?.stringValue
        description = object["description"]?.stringValue
        (inputSchema, inputTokens) = input
        outputSchema = output?.0
        outputTokens = output?.1 ?? []
        definitions = object["$defs"]?.objectValue ?? [:]
        tokens = place
    }

    private static func schema(
        _ tool: JSONObject, _ key: String, _ place: [String]
    ) throws(ToolSchemaError) -> (JSONObject, [String])? {
        guard let json = tool[key] else { return nil }
        guard let object = json.objectValue else {
            throw ToolSchemaError(
                .shape, at: place + [key], "expected a JSON Schema, found \(Shown.kind(json))")
        }
        if object.count == 1, let inner = object["json"]?.objectValue {
            return (inner, [key, "json"])
        }
        return (object, [key])
    }
}
