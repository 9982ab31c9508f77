// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation

/// The hook of one host, run as the host would: by a shell, with a tool call on standard input.
struct HookHarness {
    let host: String
    let folder: TemporaryFolder
    /// What the host's environment holds.
    var environment: [String: String]

    init(_ host: String, url: String?, token: String?) throws {
        self.host = host
        folder = try TemporaryFolder()
        environment = ["HOME": folder.path, "EXEQUATUR_STATE_DIR": folder.path + "/state"]
        environment["EXEQUATUR_URL"] = url
        environment["EXEQUATUR_TOKEN"] = token
    }

    static let hosts = ["claude-code", "codex", "cursor", "gemini"]

    /// A shell command as this host tells its hook of it.
    func call(_ command: String, id: String = "call-1", after: Bool = false) throws -> String {
        var json: JSONObject = [
            "cwd": "/srv/app", "session_id": "s-1", "tool_input": ["command": .string(command)],
            "tool_use_id": .string(id), "transcript_path": "/dev/null",
        ]
        switch host {
        case "cursor":
            json["hook_event_name"] = after ? "postToolUse" : "preToolUse"
            json["conversation_id"] = "s-1"
            json["tool_name"] = "Shell"
            json["workspace_roots"] = ["/srv/app"]
        case "gemini":
            json["hook_event_name"] = after ? "AfterTool" : "BeforeTool"
            json["tool_name"] = "run_shell_command"
            json["tool_use_id"] = nil
        default:
            json["hook_event_name"] = after ? "PostToolUse" : "PreToolUse"
            json["permission_mode"] = "default"
            json["tool_name"] = "Bash"
        }
        if after { json["tool_response"] = ["llmContent": "x"] }
        return try JSON.object(json).canonicalString()
    }

    /// Runs the hook to its end.
    func run(
        _ input: String, _ options: [String] = [], adding: [String: String] = [:]
    ) throws -> ProgramResult {
        let words = ["hook", host] + options
        let line = "exec '\(Program.path)' " + words.map { "'\($0)'" }.joined(separator: " ")
        return try execute(line, input, adding: adding)
    }

    /// Runs a line of a settings file.
    func execute(
        _ line: String, _ input: String, adding: [String: String] = [:]
    ) throws -> ProgramResult {
        let file = try folder.write("input", input)
        let all = environment.merging(adding) { $1 }
        return try Program.run(
            ["-c", "{ \(line)\n} < '\(file)'"], environment: all, seconds: 60,
            executable: "/bin/sh")
    }

    /// Tells whether the host would not run the tool, by its vendor's description.
    ///
    /// Written apart from the program's own reading of these contracts.
    func blocks(_ result: ProgramResult) -> Bool {
        let json = try? JSON(parsing: result.out)
        let specific = json?["hookSpecificOutput"]
        switch host {
        case "claude-code":
            return result.status == 2
                || (specific?["hookEventName"] == "PreToolUse"
                    && specific?["permissionDecision"] == "deny")
        case "codex":
            let reason = result.err.trimmingCharacters(in: .whitespacesAndNewlines)
            if result.status == 2 { return !reason.isEmpty }
            return result.status == 0 && specific?["permissionDecision"] == "deny"
                && specific?["permissionDecisionReason"]?.stringValue?.isEmpty == false
        case "cursor":
            // With `failClosed`, as installed.
            guard result.status == 0, let json else { return true }
            return json["permission"] == "deny"
        default:
            return result.status == 2 || (result.status == 0 && json?["decision"] == "deny")
        }
    }

    /// The text that the model reads.
    func text(_ result: ProgramResult) -> String {
        host == "cursor"
            ? (try? JSON(parsing: result.out))?["user_message"]?.stringValue ?? "" : result.err
    }

    /// The id in a text.
    static func action(in text: String) -> String? {
        guard let start = text.range(of: "act_") else { return nil }
        return "act_" + text[start.upperBound...].prefix { $0.isLetter || $0.isNumber }
    }
}
