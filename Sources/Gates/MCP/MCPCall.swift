// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ExequaturClient
internal import TransparencyLog

/// A call of a tool, read so that nothing in it escapes what is approved.
struct MCPCall: Sendable {
    let id: MCPID
    let tool: String
    /// An object, empty where the client sent none.
    let arguments: JSON
    /// The version that the request names; nil before 2026-07-28.
    let version: String?
    /// Where the client wants to hear of progress.
    let progressToken: JSON?
    /// Whether the client can be given a task to ask for.
    let acceptsTask: Bool
    /// Answers to what the server asked for, and the state it gave with its questions.
    let inputs: (responses: JSON, state: JSON?)?
    private let params: JSONObject

    var isModern: Bool { version != nil }

    /// Members of `params` that are understood: what is not would travel unseen.
    private static let known = [
        "_meta", "arguments", "inputResponses", "name", "requestState", "task",
    ]

    /// Keys of `_meta` that are passed on: the protocol's own and those of W3C Trace Context.
    private static let passed = [
        MCPName.capabilities, MCPName.clientInfo, MCPName.version, "baggage",
        "io.modelcontextprotocol/logLevel", "progressToken", "traceparent", "tracestate",
    ]

    private static func isPassed(_ key: String) -> Bool {
        passed.contains { MCPMessage.same($0, key) }
    }

    /// Reads a `tools/call`.
    /// - Throws: ``MCPRefusal``.
    init(_ message: MCPMessage, id: MCPID) throws(MCPRefusal) {
        guard case .object(let params) = message.json?["params"] else {
            throw .params("`params` must be an object", id: id)
        }
        for key in params.keys where !Self.known.contains(where: { MCPMessage.same($0, key) }) {
            throw .params(
                "`params.\(VisibleText.escape(String(key.prefix(64))))` is not known: it would not "
                    + "be part of what is approved", id: id)
        }
        guard let tool = params["name"]?.stringValue, (1...256).contains(tool.utf8.count) else {
            throw .params("`params.name` must be a text of 1 to 256 bytes", id: id)
        }
        let arguments = params["arguments"] ?? .object([:])
        guard case .object = arguments else {
            throw .params("`params.arguments` must be an object", id: id)
        }
        let meta = params["_meta"] ?? .object([:])
        guard case .object(let entries) = meta else {
            throw .params("`params._meta` must be an object", id: id)
        }
        self.id = id
        self.tool = tool
        self.arguments = arguments
        version = entries[MCPName.version]?.stringValue
        switch entries["progressToken"] {
        case .string(let text): progressToken = .string(text)
        case .number(let number) where MCPID.isExact(number): progressToken = .number(number)
        default: progressToken = nil
        }
        acceptsTask =
            entries[MCPName.capabilities]?["extensions"]?[MCPName.tasks]?.objectValue != nil
        if let responses = params["inputResponses"] {
            inputs = (responses, params["requestState"])
        } else if let state = params["requestState"] {
            inputs = (.null, state)
        } else {
            inputs = nil
        }
        var kept = params
        if params["_meta"] != nil {
            kept["_meta"] = .object(JSONObject(entries.filter { Self.isPassed($0.key) }.map { $0 }))
        }
        // Of the older protocol's tasks only how long their results are kept.
        if let task = params["task"] {
            guard case .number(let life) = task["ttl"] ?? .number(JSONNumber(0)),
                MCPID.isExact(life)
            else { throw .params("`params.task.ttl` must be an integer", id: id) }
            kept["task"] = task["ttl"] == nil ? [:] : ["ttl": .number(life)]
        }
        self.params = kept
    }

    /// Freezes what the call would do.
    /// - Throws: ``MCPRefusal`` where a number can't be written exactly.
    func operation(server: String, definition: Hash256?) throws(MCPRefusal) -> FrozenOperation {
        do {
            return try FrozenOperation(
                action: "mcp.\(server)___\(tool)",
                resource: ["id": .string(server), "type": "McpServer"], input: arguments,
                definition: definition)
        } catch {
            throw .params("`params.arguments` cannot be frozen: \(error)", id: id)
        }
    }

    private static func removeTasks(_ params: inout JSONObject) {
        params["task"] = nil
        guard var meta = params["_meta"]?.objectValue,
            var capabilities = meta[MCPName.capabilities]?.objectValue,
            var extensions = capabilities["extensions"]?.objectValue
        else { return }
        extensions[MCPName.tasks] = nil
        capabilities["extensions"] = .object(extensions)
        meta[MCPName.capabilities] = .object(capabilities)
        params["_meta"] = .object(meta)
    }

    /// The call as it goes to the server: the frozen arguments, in their canonical form.
    func bytes(
        executing operation: FrozenOperation, as other: MCPID? = nil
    ) throws(MCPRefusal) -> [UInt8] {
        var params = self.params
        // Taken from what was approved, not from what was sent.
        // A task of the server's could not be told from ours: its client would never hear of it.
        if other != nil { Self.removeTasks(&params) }
        if params["arguments"] != nil || arguments != .object([:]) {
            params["arguments"] = operation.json["input"] ?? .null
        }
        let message: JSON = [
            "id": (other ?? id).json, "jsonrpc": "2.0", "method": "tools/call",
            "params": .object(params),
        ]
        do {
            return try message.canonicalBytes()
        } catch {
            throw .params("the call cannot be written exactly: \(error)", id: id)
        }
    }
}
