// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Claude Code's hooks: `PreToolUse`, `PostToolUse`, `PostToolUseFailure`.
enum ClaudeCodeHook {
    static func call(_ input: HookInput) throws(HookInputError) -> HookCall {
        let moment: HookCall.Moment
        switch input.event {
        case "PreToolUse": moment = .before
        case "PostToolUse":
            moment = HookCall.outcome(input["tool_response"], of: input.host, failed: false)
        case "PostToolUseFailure":
            moment = HookCall.outcome(nil, of: input.host, failed: true)
        default: throw input.failure("this gate does not answer the event `\(input.event)`")
        }
        let tool = try input.text("tool_name")
        var arguments = ToolInput(try input.object("tool_input"))
        let isShell = shells.contains { tool.utf8.elementsEqual($0.utf8) }
        let reason = isShell ? arguments.take("description") : nil
        let mode = try input.optionalText("permission_mode") ?? ""
        let effect = effect(tool, &arguments)
        // What only reads is what hosts let through by their own rules.
        let isRead = if case .read = effect { true } else { false }
        return HookCall(
            host: input.host, moment: moment, event: input.event,
            session: try input.text("session_id"), callID: try input.optionalText("tool_use_id"),
            tool: tool, effect: effect, cwd: try input.directory(), reason: reason,
            mayDefer: !isRead && deferring.contains { mode.utf8.elementsEqual($0.utf8) })
    }

    private static let shells = ["Bash", "Monitor", "PowerShell"]

    /// Modes in which a call may be deferred.
    ///
    /// Where the host does not heed that (it is not headless, or a turn has several calls), its
    /// normal flow follows: it asks, unless its own rules let the tool run. `--defer` is for
    /// headless use only; the guide says so.
    private static let deferring = ["default", "plan", "dontAsk"]

    static func effect(_ tool: String, _ arguments: inout ToolInput) -> HookEffect {
        if let (server, name) = HookPath.server(in: tool) {
            return .mcp(server: server, name: name, arguments: arguments.rest ?? [:])
        }
        var left = arguments
        switch tool {
        case "Bash", "Monitor", "PowerShell":
            guard let command = left.take("command") else { break }
            return .shell(command: command, options: left.rest)
        case "Read", "NotebookRead":
            guard let path = left.take("file_path", "notebook_path") else { break }
            return .read(paths: [path], options: left.rest)
        case "Glob", "Grep", "LS":
            let path = left.take("path")
            return .read(paths: path.map { [$0] } ?? [], options: left.rest)
        case "Write":
            guard let path = left.take("file_path"), let text = left.take("content") else { break }
            return .edit(paths: [path], text: text, change: left.rest)
        case "Edit", "MultiEdit", "NotebookEdit":
            guard let path = left.take("file_path", "notebook_path") else { break }
            return .edit(paths: [path], text: nil, change: left.rest)
        case "WebFetch":
            guard let url = left.take("url") else { break }
            return .fetch(url: url, query: nil, options: left.rest)
        case "WebSearch":
            guard let query = left.take("query") else { break }
            return .fetch(url: nil, query: query, options: left.rest)
        default: break
        }
        return .other(arguments: arguments.rest ?? [:])
    }
}
