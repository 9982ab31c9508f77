// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Gemini CLI's hooks: `BeforeTool` and `AfterTool`.
enum GeminiHook {
    static func call(_ input: HookInput) throws(HookInputError) -> HookCall {
        let moment: HookCall.Moment
        switch input.event {
        case "BeforeTool": moment = .before
        case "AfterTool":
            moment = HookCall.outcome(input["tool_response"], of: input.host, failed: false)
        default: throw input.failure("this gate does not answer the event `\(input.event)`")
        }
        let tool = try input.text("tool_name")
        var arguments = ToolInput(try input.object("tool_input"))
        let isShell = tool.utf8.elementsEqual("run_shell_command".utf8)
        let reason = isShell ? arguments.take("description") : nil
        var directory = try input.directory()
        if isShell {
            // The folder stays among the options too.
            let own = arguments.text("dir_path") ?? arguments.text("directory")
            directory = HookPath.join(directory, own)
        }
        return HookCall(
            host: input.host, moment: moment, event: input.event,
            session: try input.text("session_id"), callID: nil, tool: tool,
            effect: effect(tool, arguments, server: server(input)), cwd: directory,
            reason: reason, mayDefer: false)
    }

    /// The server as the host names it beside the call; a name alone does not tell it.
    private static func server(_ input: HookInput) -> String? {
        let context = input["mcp_context"]
        guard let name = context?["server_name"]?.stringValue,
            (1...1_024).contains(name.utf8.count)
        else { return nil }
        return name
    }

    private static func effect(
        _ tool: String, _ arguments: ToolInput, server: String?
    ) -> HookEffect {
        if server != nil || tool.utf8.starts(with: "mcp_".utf8) {
            return .mcp(
                server: server ?? HookCall.unnamedServer, name: tool,
                arguments: arguments.rest ?? [:])
        }
        var left = arguments
        switch tool {
        case "run_shell_command":
            guard let command = left.take("command") else { break }
            return .shell(command: command, options: left.rest)
        case "read_file":
            guard let path = left.take("absolute_path", "file_path", "path") else { break }
            return .read(paths: [path], options: left.rest)
        case "list_directory", "glob", "grep_search", "search_file_content", "read_many_files":
            let path = left.take("dir_path", "path")
            return .read(paths: path.map { [$0] } ?? [], options: left.rest)
        case "write_file":
            guard let path = left.take("file_path"), let text = left.take("content") else { break }
            return .edit(paths: [path], text: text, change: left.rest)
        case "replace":
            guard let path = left.take("file_path") else { break }
            return .edit(paths: [path], text: nil, change: left.rest)
        case "web_fetch":
            // The addresses stand somewhere in the prompt.
            guard let query = left.take("prompt") else { break }
            return .fetch(url: nil, query: query, options: left.rest)
        case "google_web_search":
            guard let query = left.take("query") else { break }
            return .fetch(url: nil, query: query, options: left.rest)
        default: break
        }
        return .other(arguments: arguments.rest ?? [:])
    }
}
