// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing
import TransparencyLog

@testable import ExequaturClient
@testable import Gates

/// Inputs in the form of the vendors' own descriptions.
enum HookExample {
    static let claudeCode = """
        {"session_id":"abc123","prompt_id":"550e8400-e29b-41d4-a716-446655440000",
         "transcript_path":"/home/user/.claude/projects/x/00893aaf.jsonl","cwd":"/home/user/proj",
         "permission_mode":"default","effort":{"level":"high"},"hook_event_name":"PreToolUse",
         "tool_name":"Bash","tool_input":{"command":"npm test","description":"Run test suite",
         "timeout":120000,"run_in_background":false},"tool_use_id":"toolu_01ABC123"}
        """
    static let codex = """
        {"session_id":"0199","turn_id":"turn-1","transcript_path":null,"cwd":"/repo",
         "hook_event_name":"PreToolUse","model":"gpt-5","permission_mode":"default",
         "tool_name":"Bash","tool_input":{"command":"echo hello"},"tool_use_id":"call-1"}
        """
    static let cursor = """
        {"conversation_id":"668320d2","generation_id":"490b90b7","model":"gpt-5",
         "hook_event_name":"preToolUse","cursor_version":"3.9.16",
         "workspace_roots":["/Users/alice/projects/example"],"user_email":"a@example.org",
         "transcript_path":null,"tool_name":"Shell","tool_input":{"command":"git status"},
         "tool_use_id":"tool_1"}
        """
    static let gemini = """
        {"session_id":"s-1","transcript_path":"/tmp/t.json","cwd":"/workspace",
         "hook_event_name":"BeforeTool","timestamp":"2026-08-21T10:00:00Z",
         "tool_name":"run_shell_command",
         "tool_input":{"command":"ls","description":"List","dir_path":"src"}}
        """

    static func text(_ host: HookHost) -> String {
        switch host {
        case .claudeCode: claudeCode
        case .codex: codex
        case .cursor: cursor
        case .gemini: gemini
        }
    }

    static func call(_ host: HookHost) throws -> HookCall {
        try HookCall.read(Array(text(host).utf8), host: host)
    }
}

@Suite struct HookReadingTests {
    /// The call in an example whose tool is exchanged.
    private func call(
        _ host: HookHost, tool: String, input: JSON, adding: [(String, JSON)] = []
    ) throws -> HookCall {
        var json = try #require(try JSON(parsing: HookExample.text(host)).objectValue)
        json["tool_name"] = .string(tool)
        json["tool_input"] = input
        for (key, value) in adding { json[key] = value }
        return try HookCall.read(try JSON.object(json).canonicalBytes(), host: host)
    }

    @Test func claudeCodeShell() throws {
        let call = try HookExample.call(.claudeCode)
        #expect(call.moment == .before)
        #expect(call.session == "abc123")
        #expect(call.callID == "toolu_01ABC123")
        #expect(call.cwd == "/home/user/proj")
        #expect(call.reason == "Run test suite")
        #expect(call.mayDefer)
        #expect(
            call.effect
                == .shell(
                    command: "npm test",
                    options: ["run_in_background": false, "timeout": 120_000]))
    }

    @Test func operationIsTheCallAndNothingElse() throws {
        let call = try HookExample.call(.claudeCode)
        let operation = try call.operation(machine: "dev1")
        let expected =
            #"{"action":"agent.shell","input":{"client":"claude-code","command":"npm test","#
            + #""cwd":"/home/user/proj","options":{"run_in_background":false,"timeout":120000},"#
            + #""tool":"Bash"},"resource":{"id":"dev1","type":"Host"}}"#
        #expect(String(decoding: operation.bytes, as: UTF8.self) == expected)
    }

    @Test func anotherTurnAndOtherWordsAreTheSameOperation() throws {
        let input: JSON = [
            "command": "npm test", "description": "other words", "run_in_background": false,
            "timeout": 120_000,
        ]
        let again = try call(
            .claudeCode, tool: "Bash", input: input,
            adding: [("session_id", "other"), ("tool_use_id", "toolu_2"), ("prompt_id", .null)])
        let first = try HookExample.call(.claudeCode)
        #expect(
            try again.operation(machine: "m").digest == first.operation(machine: "m").digest)
        #expect(
            try again.operation(machine: "n").digest != first.operation(machine: "m").digest)
    }

    @Test(
        "each tool of Claude Code has its effect",
        arguments: [
            (
                "Write", ["file_path": "/a/b", "content": "x"],
                HookEffect.edit(paths: ["/a/b"], text: "x", change: nil)
            ),
            (
                "Edit", ["file_path": "/a/b", "old_string": "x", "new_string": "y"],
                .edit(paths: ["/a/b"], text: nil, change: ["new_string": "y", "old_string": "x"])
            ),
            (
                "NotebookEdit", ["notebook_path": "/n", "new_source": "x"],
                .edit(paths: ["/n"], text: nil, change: ["new_source": "x"])
            ),
            ("Read", ["file_path": "/a", "limit": 3], .read(paths: ["/a"], options: ["limit": 3])),
            ("Glob", ["pattern": "*"], .read(paths: [], options: ["pattern": "*"])),
            (
                "Grep", ["pattern": "x", "path": "/a"],
                .read(paths: ["/a"], options: ["pattern": "x"])
            ),
            (
                "WebFetch", ["url": "https://x/", "prompt": "p"],
                .fetch(url: "https://x/", query: nil, options: ["prompt": "p"])
            ),
            ("WebSearch", ["query": "q"], .fetch(url: nil, query: "q", options: nil)),
            (
                "mcp__memory__create_entities", ["n": 1],
                .mcp(server: "memory", name: "create_entities", arguments: ["n": 1])
            ),
            ("mcp__x", ["n": 1], .other(arguments: ["n": 1])),
            ("mcp____x", ["n": 1], .other(arguments: ["n": 1])),
            ("TodoWrite", ["todos": []], .other(arguments: ["todos": []])),
            ("Bash", ["command": 1], .other(arguments: ["command": 1])),
            ("Write", ["file_path": "/a"], .other(arguments: ["file_path": "/a"])),
            ("bash", ["command": "ls"], .other(arguments: ["command": "ls"])),
        ] as [(String, JSON, HookEffect)])
    func claudeCodeTools(tool: String, input: JSON, effect: HookEffect) throws {
        #expect(try call(.claudeCode, tool: tool, input: input).effect == effect)
    }

    @Test func codexShellAndPatch() throws {
        let shell = try HookExample.call(.codex)
        #expect(shell.effect == .shell(command: "echo hello", options: nil))
        #expect(!shell.mayDefer)
        let patch = """
            *** Begin Patch
            *** Update File: a.txt
            *** Move to: b.txt
            @@
            -*** Add File: not-one
            *** Add File: c d.txt
            +x
            *** Delete File: /e
            *** End Patch
            """
        let edit = try call(.codex, tool: "apply_patch", input: ["command": .string(patch)])
        #expect(
            edit.effect
                == .edit(paths: ["a.txt", "b.txt", "c d.txt", "/e"], text: patch, change: nil))
        let tool = try call(.codex, tool: "mcp__s__t", input: [:])
        #expect(tool.effect == .mcp(server: "s", name: "t", arguments: [:]))
        #expect(
            try String(decoding: tool.operation(machine: "m").bytes, as: UTF8.self)
                .contains(#""resource":{"id":"s","type":"McpServer"}"#))
    }

    @Test func cursorToolsAndOlderEvents() throws {
        let shell = try HookExample.call(.cursor)
        #expect(shell.effect == .shell(command: "git status", options: nil))
        #expect(shell.cwd == "/Users/alice/projects/example")
        let placed = try call(
            .cursor, tool: "Shell",
            input: ["command": "ls", "working_directory": "/srv"])
        #expect(placed.cwd == "/srv")
        let tool = try call(.cursor, tool: "MCP:query", input: #"{"sql":"select 1"}"#)
        #expect(
            tool.effect
                == .mcp(server: "unknown", name: "query", arguments: ["sql": "select 1"]))
        let older = """
            {"conversation_id":"c","generation_id":"g","hook_event_name":"beforeShellExecution",
             "workspace_roots":["/w"],"command":"npm install","cwd":"/w/x","sandbox":false}
            """
        let before = try HookCall.read(Array(older.utf8), host: .cursor)
        #expect(before.effect == .shell(command: "npm install", options: ["sandbox": false]))
        #expect(before.cwd == "/w/x")
        let server = """
            {"conversation_id":"c","hook_event_name":"beforeMCPExecution","workspace_roots":["/w"],
             "tool_name":"database_query","tool_input":"{\\"query\\":\\"x\\"}","command":"npx srv"}
            """
        #expect(
            try HookCall.read(Array(server.utf8), host: .cursor).effect
                == .mcp(server: "npx srv", name: "database_query", arguments: ["query": "x"]))
        let file = """
            {"conversation_id":"c","hook_event_name":"beforeReadFile","workspace_roots":["/w"],
             "file_path":"/w/.env","content":"SECRET=1","attachments":[]}
            """
        let read = try HookCall.read(Array(file.utf8), host: .cursor)
        #expect(read.effect == .read(paths: ["/w/.env"], options: nil))
        #expect(
            try !String(decoding: read.operation(machine: "m").bytes, as: UTF8.self)
                .contains("SECRET"))
    }

    @Test func geminiToolsAndServers() throws {
        let shell = try HookExample.call(.gemini)
        #expect(shell.effect == .shell(command: "ls", options: ["dir_path": "src"]))
        #expect(shell.cwd == "/workspace/src")
        #expect(shell.reason == "List")
        #expect(
            try call(.gemini, tool: "write_file", input: ["file_path": "/a", "content": "x"])
                .effect == .edit(paths: ["/a"], text: "x", change: nil))
        #expect(
            try call(.gemini, tool: "read_file", input: ["file_path": "/a"]).effect
                == .read(paths: ["/a"], options: nil))
        #expect(
            try call(.gemini, tool: "web_fetch", input: ["prompt": "https://x/"]).effect
                == .fetch(url: nil, query: "https://x/", options: nil))
        #expect(
            try call(.gemini, tool: "mcp_a_b_c", input: [:]).effect
                == .mcp(server: "unknown", name: "mcp_a_b_c", arguments: [:]))
        #expect(
            try call(
                .gemini, tool: "mcp_a_b_c", input: [:],
                adding: [("mcp_context", ["server_name": "a_b"])]
            ).effect == .mcp(server: "a_b", name: "mcp_a_b_c", arguments: [:]))
    }

    @Test(
        "what the host says afterwards is told in fixed words",
        arguments: [
            (HookHost.claudeCode, "PostToolUse", ["stdout": "x"], true),
            (.claudeCode, "PostToolUse", ["interrupted": true], false),
            (.claudeCode, "PostToolUseFailure", [:], false), (.codex, "PostToolUse", "ok", true),
            (.codex, "PostToolUse", ["exit_code": 1], false),
            (.cursor, "postToolUse", [:], true), (.cursor, "postToolUseFailure", [:], false),
            (.gemini, "AfterTool", ["llmContent": "x"], true),
            (.gemini, "AfterTool", ["error": "boom"], false),
        ] as [(HookHost, String, JSON, Bool)])
    func afterwards(host: HookHost, event: String, response: JSON, succeeded: Bool) throws {
        var json = try #require(try JSON(parsing: HookExample.text(host)).objectValue)
        json["hook_event_name"] = .string(event)
        json["tool_response"] = response
        let call = try HookCall.read(try JSON.object(json).canonicalBytes(), host: host)
        guard case .after(let status, let detail) = call.moment else {
            Issue.record("\(call.moment)")
            return
        }
        #expect(status == (succeeded ? .succeeded : .failed))
        #expect(!detail.contains("boom"))
        #expect(
            try call.operation(machine: "m").digest
                == HookExample.call(host).operation(machine: "m").digest)
    }

    // MARK: what is not understood

    @Test("malformed input is refused", arguments: HookHost.allCases)
    func malformed(host: HookHost) throws {
        let good = HookExample.text(host)
        let event = host.beforeEvent
        let bad: [String] = [
            "", " ", "{", "[]", "null", "\"x\"", "{}", good + "x",
            good.replacingOnce("\"hook_event_name\"", with: "\"hook_event\""),
            good.replacingOnce("\"\(event)\"", with: "\"Stop\""),
            good.replacingOnce("\"\(event)\"", with: "1"),
            good.replacingOnce("\"tool_name\"", with: "\"tool\""),
            good.replacingOnce("\"tool_input\"", with: "\"tool_input\":[],\"x\""),
            good.replacingOnce("\"command\"", with: "\"command\":\"a\",\"command\""),
            good.replacingOnce("\"command\"", with: "\"comm\\u0061nd\":\"a\",\"command\""),
            good.replacingOnce("\"command\"", with: "\"x\":\"\\ud800\",\"command\""),
            good.replacingOnce("\"command\"", with: "\"x\":NaN,\"command\""),
        ]
        for text in bad {
            #expect(throws: HookInputError.self, "\(text)") {
                try HookCall.read(Array(text.utf8), host: host)
            }
        }
        #expect(throws: HookInputError.self) {
            try HookCall.read([0xFF, 0xFE], host: host)
        }
    }

    @Test(
        "a working directory must be absolute", arguments: [HookHost.claudeCode, .codex, .gemini])
    func relativeDirectory(host: HookHost) throws {
        for value: JSON in ["", "x", 1, .null] {
            var json = try #require(try JSON(parsing: HookExample.text(host)).objectValue)
            json["cwd"] = value
            let bytes = try JSON.object(json).canonicalBytes()
            #expect(throws: HookInputError.self) { try HookCall.read(bytes, host: host) }
        }
    }

    @Test func tooMuchInputIsRefused() {
        let text = "{\"x\":\"" + String(repeating: "a", count: HookCall.mostBytes) + "\"}"
        #expect(throws: HookInputError.self) {
            try HookCall.read(Array(text.utf8), host: .claudeCode)
        }
    }

    @Test func numberWithoutAnExactFormHasNoOperation() throws {
        let text = HookExample.claudeCode.replacingOnce("120000", with: "12345678901234567890123")
        let call = try HookCall.read(Array(text.utf8), host: .claudeCode)
        #expect(throws: (any Error).self) { try call.operation(machine: "m") }
    }

    @Test func permissionRequestIsRefusedByItsEvent() throws {
        let text = HookExample.claudeCode.replacingOnce("PreToolUse", with: "PermissionRequest")
        do {
            _ = try HookCall.read(Array(text.utf8), host: .claudeCode)
            Issue.record("it was taken")
        } catch {
            #expect(error.event == "PermissionRequest")
        }
    }
}

extension String {
    /// The text with the first occurrence of a piece exchanged; it must have one.
    func replacingOnce(_ piece: String, with other: String) -> String {
        guard let range = range(of: piece) else { return "no `\(piece)` in the example" }
        return replacingCharacters(in: range, with: other)
    }
}
