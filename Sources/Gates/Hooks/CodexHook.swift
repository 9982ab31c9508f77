// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Codex's hooks: `PreToolUse` and `PostToolUse`.
///
/// The input is Claude Code's with `turn_id` and `model`; tools are `Bash`, `apply_patch` and
/// `mcp__SERVER__TOOL`.
enum CodexHook {
    static func call(_ input: HookInput) throws(HookInputError) -> HookCall {
        let moment: HookCall.Moment
        switch input.event {
        case "PreToolUse": moment = .before
        case "PostToolUse":
            moment = HookCall.outcome(input["tool_response"], of: input.host, failed: false)
        default: throw input.failure("this gate does not answer the event `\(input.event)`")
        }
        let tool = try input.text("tool_name")
        var arguments = ToolInput(try input.object("tool_input"))
        let isShell = tool.utf8.elementsEqual("Bash".utf8)
        let reason = isShell ? arguments.take("description") : nil
        return HookCall(
            host: input.host, moment: moment, event: input.event,
            session: try input.text("session_id"), callID: try input.optionalText("tool_use_id"),
            tool: tool, effect: effect(tool, arguments), cwd: try input.directory(),
            reason: reason, mayDefer: false)
    }

    private static func effect(_ tool: String, _ arguments: ToolInput) -> HookEffect {
        if let (server, name) = HookPath.server(in: tool) {
            return .mcp(server: server, name: name, arguments: arguments.rest ?? [:])
        }
        var left = arguments
        switch tool {
        case "Bash":
            guard let command = left.take("command") else { break }
            return .shell(command: command, options: left.rest)
        case "apply_patch":
            guard let patch = left.take("command", "input", "patch") else { break }
            return .edit(
                paths: HookPath.named(inPatch: patch), text: patch, change: left.rest)
        default: break
        }
        return .other(arguments: arguments.rest ?? [:])
    }
}
