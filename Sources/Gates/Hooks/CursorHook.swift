// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Cursor's hooks: `preToolUse`, which comes for every tool, and the older ones for shells, MCP
/// servers and files, for installations that have those only.
enum CursorHook {
    static func call(_ input: HookInput) throws(HookInputError) -> HookCall {
        let moment: HookCall.Moment
        switch input.event {
        case "preToolUse", "beforeShellExecution", "beforeMCPExecution", "beforeReadFile":
            moment = .before
        case "postToolUse":
            moment = HookCall.outcome(input["tool_output"], of: input.host, failed: false)
        case "afterShellExecution", "afterMCPExecution":
            moment = HookCall.outcome(nil, of: input.host, failed: false)
        case "postToolUseFailure":
            moment = HookCall.outcome(nil, of: input.host, failed: true)
        default: throw input.failure("this gate does not answer the event `\(input.event)`")
        }
        let (tool, effect) = try effect(input)
        return HookCall(
            host: input.host, moment: moment, event: input.event,
            session: try input.text("conversation_id"),
            callID: try input.optionalText("tool_use_id"), tool: tool, effect: effect,
            cwd: try directory(input), reason: nil, mayDefer: false)
    }

    private static func effect(
        _ input: HookInput
    ) throws(HookInputError) -> (tool: String, effect: HookEffect) {
        switch input.event {
        case "beforeShellExecution", "afterShellExecution":
            let isSandboxed: JSON? = input["sandbox"].map { ["sandbox": $0] }
            return ("Shell", .shell(command: try input.text("command"), options: isSandboxed))
        case "beforeReadFile":
            // The file's text comes along, and is not kept.
            return ("Read", .read(paths: [try input.text("file_path")], options: nil))
        case "beforeMCPExecution", "afterMCPExecution":
            let name = try input.text("tool_name")
            let url = try input.optionalText("url")
            let command = try input.optionalText("command")
            return (
                "MCP:\(name)",
                .mcp(
                    server: (url ?? command).flatMap(fitting) ?? HookCall.unnamedServer, name: name,
                    arguments: try arguments(input))
            )
        default: break
        }
        let tool = try input.text("tool_name")
        let given = try arguments(input)
        let mark = "MCP:"
        if tool.utf8.starts(with: mark.utf8) {
            let name = String(tool.utf8.dropFirst(mark.utf8.count)) ?? tool
            return (
                tool, .mcp(server: HookCall.unnamedServer, name: name, arguments: given)
            )
        }
        guard case .object(let members) = given else {
            throw input.failure("`tool_input` is not an object")
        }
        return (tool, effect(tool, ToolInput(members)))
    }

    private static func effect(_ tool: String, _ arguments: ToolInput) -> HookEffect {
        var left = arguments
        switch tool {
        case "Shell":
            guard let command = left.take("command") else { break }
            return .shell(command: command, options: left.rest)
        case "Read":
            guard let path = left.take("file_path", "path", "target_file") else { break }
            return .read(paths: [path], options: left.rest)
        case "Grep":
            let path = left.take("path")
            return .read(paths: path.map { [$0] } ?? [], options: left.rest)
        case "Write":
            guard let path = left.take("file_path", "path", "target_file") else { break }
            let text = left.take("content", "contents")
            return .edit(paths: [path], text: text, change: left.rest)
        case "Delete", "Edit", "StrReplace":
            guard let path = left.take("file_path", "path", "target_file") else { break }
            return .edit(paths: [path], text: nil, change: left.rest)
        default: break
        }
        return .other(arguments: arguments.rest ?? [:])
    }

    /// `tool_input`, which for MCP servers is JSON in a string.
    private static func arguments(_ input: HookInput) throws(HookInputError) -> JSON {
        guard let value = input["tool_input"] else {
            throw input.failure("what Cursor sent has no `tool_input`")
        }
        guard let text = value.stringValue else { return value }
        do throws(JSONParseError) {
            return try JSON(parsing: text)
        } catch {
            throw input.failure("`tool_input` is not strict JSON: \(error)")
        }
    }

    /// The command's own folder, else the first of the workspace.
    private static func directory(_ input: HookInput) throws(HookInputError) -> String {
        if case .object(let members)? = input["tool_input"],
            let own = ToolInput(members).text("working_directory"),
            own.utf8.first == UInt8(ascii: "/")
        {
            return try input.absolute(own, "working_directory")
        }
        if let own = try input.optionalText("cwd"), !own.isEmpty {
            return try input.absolute(own, "cwd")
        }
        guard let root = input["workspace_roots"]?.arrayValue?.first?.stringValue else {
            throw input.failure("what Cursor sent has neither `cwd` nor `workspace_roots`")
        }
        return try input.absolute(root, "workspace_roots")
    }

    /// A server's address or command as a name, where it is short enough for one.
    private static func fitting(_ server: String) -> String? {
        (1...1_024).contains(server.utf8.count) ? server : nil
    }
}
