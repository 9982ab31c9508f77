// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Collectors
import DriftCore
import Foundation
import TestSupport
import Testing

/// Servers that do what no SDK does.
@Suite("MCP servers that misbehave")
struct MCPHostileServerTests {
    private let folder: Folder

    init() throws { folder = try Folder() }

    /// A server that opens as it should and answers lists with what `answers` makes of `n`, the
    /// number of lists asked for so far, and `m`, the request.
    private func collector(
        _ answers: String, capabilities: String = "{'tools': {}}", _ more: JSONObject = [:]
    ) throws -> any SourceCollector {
        let script = """
            import json, sys, time
            n = 0
            for line in sys.stdin:
                m = json.loads(line)
                def say(**more):
                    print(json.dumps({"jsonrpc": "2.0", "id": m.get("id"), **more}), flush=True)
                if m["method"] == "initialize":
                    say(result={"protocolVersion": "2025-11-25", "capabilities": \(capabilities),
                                "serverInfo": {"name": "x", "version": "1"}})
                elif "id" in m and m["method"] == "tools/list":
                    n += 1
                    \(answers)
                elif "id" in m:
                    say(error={"code": -32601, "message": "no such list"})
            """
        let python = "/usr/bin/python3"
        let file = try folder.write("server.py", script)
        var settings: JSONObject = [
            "argv": .array([python, "-I", file].map(JSON.string)), "protocol": "2025-11-25",
            "sha256": .object(
                JSONObject([
                    (python, try Watching.digest(python)), (file, try Watching.digest(file)),
                ])),
            "timeout": 120,
        ]
        for (name, value) in more { settings[name] = value }
        return try Watching.collector(.mcp, settings)
    }

    @Test("a server without prompts and resources has none")
    func toolsOnly() async throws {
        let found = try await Watching.snapshot(
            collector("say(result={'tools': [{'name': 'a', 'inputSchema': {}}]})"))
        #expect(found.subjects == ["server:identity", "tool:a"])
    }

    @Test("tools that a server does not admit to are listed all the same")
    func unannounced() async throws {
        let found = try await Watching.snapshot(
            collector("say(result={'tools': [{'name': 'a'}]})", capabilities: "{}"))
        #expect(found.subjects == ["server:identity", "tool:a"])
    }

    @Test("pages without end, in a circle or too many entries fail")
    func pages() async throws {
        let endless = try await Watching.failure(
            collector("say(result={'tools': [], 'nextCursor': str(n)})"))
        #expect(endless.cause == .malformed)
        let circle = try await Watching.failure(
            collector("say(result={'tools': [], 'nextCursor': 'again'})"))
        #expect(circle.detail.contains("circle"))
        let many = try await Watching.failure(
            collector("say(result={'tools': [{'name': str(i)} for i in range(10001)]})"))
        #expect(many.cause == .tooLarge)
    }

    @Test("a server that never lists the same twice fails rather than being believed")
    func changing() async throws {
        let gap = try await Watching.failure(
            collector("say(result={'tools': [{'name': str(n)}]})"))
        #expect(gap.cause == .changing)
    }

    @Test("a server that says it has tools and does not list them fails")
    func withheld() async throws {
        let error = "say(error={'code': -32601, 'message': 'no \\x1b[2J'})"
        let gap = try await Watching.failure(collector(error))
        #expect(gap.cause == .malformed)
        #expect(gap.detail.contains(#"\u{1b}"#))
        // Nor can the second page be left out.
        let second = "say(result={'tools': [], 'nextCursor': 'x'}) if n == 1 else \(error)"
        #expect(
            try await Watching.failure(collector(second, capabilities: "{}")).cause == .malformed)
    }

    @Test("what can't be named can't be compared")
    func nameless() async throws {
        for tools in ["[{}]", "[{'name': 7}]", "['a']", "{}", "None"] {
            #expect(
                try await Watching.failure(collector("say(result={'tools': \(tools)})")).cause
                    == .malformed)
        }
    }

    @Test("messages that are none, or too large, or never come, fail")
    func messages() async throws {
        #expect(
            try await Watching.failure(collector("print('hello', flush=True)")).cause
                == .malformed)
        #expect(
            try await Watching.failure(collector("print('{\"id\":1,\"id\":2}', flush=True)")).cause
                == .malformed)
        let flood = "print(json.dumps({'method': 'notifications/x', 'params': 'x' * 1000000}))"
        let gap = try await Watching.failure(collector("while True: \(flood)"))
        #expect(gap.cause == .tooLarge)
        let silent = try await Watching.failure(collector("pass", ["timeout": 2]))
        #expect(silent.cause == .unreachable)
        let gone = try await Watching.failure(
            collector("sys.stderr.write('out of memory\\n'); sys.exit(1)"))
        #expect(gone.cause == .unreachable)
        #expect(gone.detail.contains("out of memory"))
    }

    @Test("what the server asks in between is refused, a ping answered, others' answers ignored")
    func questions() async throws {
        let answers = """
            print(json.dumps({"id": "q", "method": "sampling/createMessage"}), flush=True)
                    refused = json.loads(sys.stdin.readline())
                    print(json.dumps({"id": "p", "method": "ping"}), flush=True)
                    pong = json.loads(sys.stdin.readline())
                    print(json.dumps({"id": m["id"] + 7, "result": {"tools": []}}), flush=True)
                    print(json.dumps({"method": "notifications/tools/list_changed"}), flush=True)
                    ok = refused["error"]["code"] == -32601 and pong["result"] == {}
                    say(result={"tools": [{"name": str(ok)}]})
            """
        let found = try await Watching.snapshot(collector(answers))
        #expect(found.subjects == ["server:identity", "tool:True"])
    }

    @Test("a server that wants a model or a person does not get one")
    func wantsMore() async throws {
        let gap = try await Watching.failure(
            collector("say(result={'resultType': 'input_required', 'tools': []})"))
        #expect(gap.cause == .malformed)
    }

    @Test("settings need a protocol, and either a program or an address")
    func settings() {
        let wrong: [JSONObject] = [
            ["url": "https://example.com/mcp"], ["protocol": "2025-11-25"],
            ["protocol": "2024-11-05", "url": "https://example.com/mcp"],
            ["protocol": "2025-11-25", "url": "http://example.com/mcp"],
            ["protocol": "2025-11-25", "url": "https://example.com/mcp", "argv": ["/bin/true"]],
        ]
        for object in wrong {
            #expect(throws: (any Error).self, "\(JSON.object(object))") {
                try Watching.collector(.mcp, object)
            }
        }
    }
}
