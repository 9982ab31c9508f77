// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
public import ExequaturClient

/// One tool call as a host tells its hook of it, in the same form for every host.
public struct HookCall: Sendable, Hashable {
    /// When the hook was called.
    public enum Moment: Sendable, Hashable {
        /// Before the tool runs: a verdict is asked for.
        case before
        /// After it ran, with what the host says about it.
        case after(GateOutcome.Status, detail: String)
    }

    /// Whose tool call it is.
    public let host: HookHost
    /// Before or after.
    public let moment: Moment
    /// The event's name, which some answers repeat.
    public let event: String
    /// The host's conversation.
    public let session: String
    /// The host's name for this one call, where it has one.
    public let callID: String?
    /// The host's name for the tool.
    public let tool: String
    /// What the tool would do.
    public let effect: HookEffect
    /// Where; absolute.
    public let cwd: String
    /// The agent's own words about it, shown to reviewers as a claim.
    public let reason: String?
    /// Whether the host would keep the call for later if asked to, and not run it instead.
    public let mayDefer: Bool

    /// The operation, whose digest is the same for the same call.
    ///
    /// Neither session nor call nor the agent's words are part of it: a call that is repeated finds
    /// its action again.
    /// - Parameter machine: the name of this machine.
    /// - Returns: the frozen operation.
    /// - Throws: `CanonicalizationError` where a number has no exact canonical form.
    public func operation(machine: String) throws -> FrozenOperation {
        var input = effect.input
        input["client"] = .string(host.rawValue)
        input["tool"] = .string(tool)
        input["cwd"] = .string(cwd)
        var resource: JSON = ["id": .string(machine), "type": "Host"]
        if case .mcp(let server, _, _) = effect {
            resource = ["id": .string(server), "type": "McpServer"]
        }
        return try FrozenOperation(
            action: effect.action, resource: resource, input: .object(input))
    }
}

extension HookCall {
    /// The most bytes of one call that are read; more than the service would take.
    public static let mostBytes = HookInput.mostBytes

    /// The same call after it ended in some way.
    public func ended(_ status: GateOutcome.Status, detail: String) -> HookCall {
        HookCall(
            host: host, moment: .after(status, detail: detail), event: event, session: session,
            callID: callID, tool: tool, effect: effect, cwd: cwd, reason: reason, mayDefer: false)
    }
}

/// What a tool would do, as far as its name and input tell.
///
/// Everything that the host passes to the tool is somewhere in it, apart from the agent's own
/// description of a shell command.
public enum HookEffect: Sendable, Hashable {
    /// Hand a text to a shell.
    case shell(command: String, options: JSON?)
    /// Look into files, or list or search them.
    case read(paths: [String], options: JSON?)
    /// Change files.
    case edit(paths: [String], text: String?, change: JSON?)
    /// Ask something of the web.
    case fetch(url: String?, query: String?, options: JSON?)
    /// Call a tool of an MCP server.
    case mcp(server: String, name: String, arguments: JSON)
    /// Anything else.
    case other(arguments: JSON)

    /// The action's name.
    public var action: String {
        switch self {
        case .shell: "agent.shell"
        case .read: "agent.read"
        case .edit: "agent.edit"
        case .fetch: "agent.fetch"
        case .mcp: "agent.mcp"
        case .other: "agent.tool"
        }
    }

    /// The members of the input that belong to this effect.
    var input: JSONObject {
        var input = JSONObject()
        func list(_ paths: [String]) -> JSON { .array(paths.map { .string($0) }) }
        switch self {
        case .shell(let command, let options):
            input["command"] = .string(command)
            input["options"] = options
        case .read(let paths, let options):
            input["paths"] = list(paths)
            input["options"] = options
        case .edit(let paths, let text, let change):
            input["paths"] = list(paths)
            input["text"] = text.map { .string($0) }
            input["change"] = change
        case .fetch(let url, let query, let options):
            input["url"] = url.map { .string($0) }
            input["query"] = query.map { .string($0) }
            input["options"] = options
        case .mcp(let server, let name, let arguments):
            input["server"] = .string(server)
            input["name"] = .string(name)
            input["arguments"] = arguments
        case .other(let arguments): input["arguments"] = arguments
        }
        return input
    }
}

/// What a host sent that is not understood; nothing may run on it.
public struct HookInputError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One lowercase line.
    public let description: String
    /// The event, as far as the input told it: some hosts want it repeated.
    public let event: String?

    init(_ description: String, event: String? = nil) {
        self.description = description
        self.event = event
    }
}
