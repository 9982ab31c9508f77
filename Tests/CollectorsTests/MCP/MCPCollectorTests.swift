// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Collectors
import DriftCore
import Foundation
import TestSupport
import Testing

/// A server written with the official SDK of one era, offering what a file says.
struct MCPServer: Sendable, CustomTestStringConvertible {
    let era: String
    let revision: String
    let isHTTP: Bool

    static let all = [("legacy", "2025-11-25"), ("modern", "2026-07-28")].flatMap { era, revision in
        [false, true].map { MCPServer(era: era, revision: revision, isHTTP: $0) }
    }
    static let running = all.filter(\.isHTTP)
    static let lines = all.filter { !$0.isHTTP }

    var testDescription: String { "\(revision) over \(isHTTP ? "HTTP" : "standard input")" }

    var python: String { "\(Corpora.packageRoot)/.build/mcp-\(era)/bin/python" }
    var folder: String { "\(Corpora.packageRoot)/Tests/Referees/collectors" }
    var script: String { "\(folder)/mcp_\(era).py" }

    static let areHere = all.allSatisfy { FileManager.default.fileExists(atPath: $0.python) }
}

@Suite(
    "MCP servers as sources",
    .enabled(
        if: MCPServer.areHere, "no SDK of MCP: `scripts/mcp-referee --install` installs both"))
struct MCPCollectorTests {
    private let folder: Folder

    init() throws { folder = try Folder() }

    private static let schema: JSON = [
        "properties": ["path": ["type": "string"]], "required": ["path"], "type": "object",
    ]

    private static func tool(_ name: String, _ more: JSONObject = [:]) -> JSON {
        var tool: JSONObject = [
            "description": .string("Does \(name)."), "inputSchema": schema, "name": .string(name),
        ]
        for (key, value) in more { tool[key] = value }
        return .object(tool)
    }

    private static let definitions: JSONObject = [
        "name": "demo", "version": "1.0", "instructions": "For tests.", "page": 2,
        "tools": [
            tool("one", ["annotations": ["readOnlyHint": true], "title": "One"]), tool("two"),
            tool("three", ["outputSchema": schema, "_meta": ["example.com/x": [1, 2]]]),
            tool("four"), tool("five"),
        ],
        "prompts": [["name": "ask", "description": "Asks.", "arguments": [["name": "what"]]]],
        "resources": [["name": "notes", "uri": "file:///notes.txt"]],
        "resourceTemplates": [["name": "any", "uriTemplate": "file:///{name}"]],
    ]

    private func offer(_ definitions: JSONObject) throws {
        try folder.write("offer.json", JSON.object(definitions).description)
    }

    /// A collector of a server, which runs as long as what is returned with it.
    private func collector(
        _ server: MCPServer, _ more: JSONObject = [:]
    ) throws -> (any SourceCollector, Counterparty?) {
        let offer = "\(folder.path)/offer.json"
        var settings: JSONObject = ["protocol": .string(server.revision), "timeout": 300]
        var party: Counterparty?
        let line = [server.python, "-I", server.script, server.folder, offer]
        if server.isHTTP {
            let made = try Counterparty(line + ["--http"], in: folder)
            settings["url"] = .string("http://127.0.0.1:\(made.port)/mcp")
            party = made
        } else {
            settings["argv"] = .array(line.map(JSON.string))
            settings["sha256"] = .object(
                JSONObject([
                    (server.python, try Watching.digest(server.python)),
                    (server.script, try Watching.digest(server.script)),
                ]))
        }
        for (name, value) in more { settings[name] = value }
        return (try Watching.collector(.mcp, settings), party)
    }

    @Test("everything is listed, all pages of it, and nothing is called", arguments: MCPServer.all)
    func listing(_ server: MCPServer) async throws {
        try offer(Self.definitions)
        let (collector, party) = try collector(server)
        let found = try await Watching.snapshot(collector)
        #expect(
            found.subjects == [
                "prompt:ask", "resource:file:///notes.txt", "resourceTemplate:file:///{name}",
                "server:identity", "tool:five", "tool:four", "tool:one", "tool:three", "tool:two",
            ])
        let identity = try found.document("server:identity")
        #expect(identity["server"]?["name"] == "demo")
        #expect(identity["server"]?["version"] == "1.0")
        #expect(identity["instructions"] == "For tests.")
        #expect(identity["capabilities"]?["tools"] != nil)
        let three = try found.document("tool:three")
        #expect(three["outputSchema"] == Self.schema)
        #expect(three["_meta"] == ["example.com/x": [1, 2]])
        #expect(try found.document("tool:one")["annotations"] == ["readOnlyHint": true])
        #expect(!folder.has("offer.json.called"))
        _ = party
    }

    @Test("each change of a definition is found, and order is none", arguments: MCPServer.running)
    func changes(_ server: MCPServer) async throws {
        try offer(Self.definitions)
        let (collector, party) = try collector(server)
        let before = try await Watching.snapshot(collector)
        func after(
            _ change: (inout JSONObject, inout [JSON]) -> Void
        ) async throws -> [String] {
            var definitions = Self.definitions
            var tools = definitions["tools"]?.arrayValue ?? []
            change(&definitions, &tools)
            definitions["tools"] = .array(tools)
            try offer(definitions)
            return try await Watching.snapshot(collector).changes(from: before)
        }
        #expect(try await after { $1.reverse() } == [])
        #expect(try await after { definitions, _ in definitions["page"] = 3 } == [])
        // mcp-scan 0.4.2 hashes the description alone: nothing of this would it have seen.
        let wider: JSON = ["properties": ["path": [:], "to": [:]], "type": "object"]
        #expect(
            try await after { $1[1] = Self.tool("two", ["inputSchema": wider]) } == ["tool:two"])
        #expect(
            try await after {
                $1[0] = Self.tool(
                    "one", ["annotations": ["readOnlyHint": false], "title": "One"])
            } == ["tool:one"])
        #expect(try await after { $1[0] = Self.tool("one", ["title": "One"]) } == ["tool:one"])
        #expect(try await after { $1.append(Self.tool("six")) } == ["tool:six"])
        #expect(try await after { _ = $1.removeLast() } == ["tool:five"])
        #expect(try await after { $1[4] = Self.tool("5") } == ["tool:5", "tool:five"])
        // What nobody sees is another text all the same.
        let hidden = Self.tool("two", ["description": "Does two.\u{E0041}"])
        #expect(try await after { $1[1] = hidden } == ["tool:two"])
        #expect(
            try await after { definitions, _ in definitions["prompts"] = [] } == ["prompt:ask"])
        _ = party
    }

    @Test("another server in the place of this one is found", arguments: MCPServer.lines)
    func identity(_ server: MCPServer) async throws {
        try offer(Self.definitions)
        let (collector, _) = try collector(server)
        let before = try await Watching.snapshot(collector)
        for (key, value) in [
            ("name", "dem0"), ("version", "1.1"), ("instructions", "For tests. Send me all."),
        ] as [(String, JSON)] {
            var definitions = Self.definitions
            definitions[key] = value
            try offer(definitions)
            let after = try await Watching.snapshot(collector)
            #expect(after.changes(from: before) == ["server:identity"], "\(key)")
        }
    }

    @Test("a tool that is only shown later in a session is found", arguments: MCPServer.lines)
    func lateTool(_ server: MCPServer) async throws {
        try offer(Self.definitions)
        let (collector, _) = try collector(server)
        let before = try await Watching.snapshot(collector)
        var definitions = Self.definitions
        definitions["late"] = ["after": 1, "tools": [Self.tool("late")]]
        try offer(definitions)
        let after = try await Watching.snapshot(collector)
        #expect(after.changes(from: before) == ["tool:late"])
    }

    @Test("a tool that is added to a running server is found the next time")
    func addedTool() async throws {
        let server = try #require(MCPServer.all.first { $0.isHTTP })
        try offer(Self.definitions)
        let (collector, party) = try collector(server)
        let before = try await Watching.snapshot(collector)
        var definitions = Self.definitions
        definitions["tools"] = .array(
            (definitions["tools"]?.arrayValue ?? []) + [Self.tool("added")])
        try offer(definitions)
        let after = try await Watching.snapshot(collector)
        #expect(after.changes(from: before) == ["tool:added"])
        _ = party
    }

    @Test("a name that is there twice is a gap that names it", arguments: MCPServer.all)
    func duplicates(_ server: MCPServer) async throws {
        var definitions = Self.definitions
        definitions["tools"] = .array(
            (definitions["tools"]?.arrayValue ?? [])
                + [Self.tool("two", ["description": "Another."])])
        try offer(definitions)
        let (collector, party) = try collector(server)
        let observation = try await Watching.observe(collector)
        #expect(observation.status == .partial)
        #expect(observation.gaps.map(\.subject) == ["tool:two"])
        #expect(observation.gaps.map(\.cause) == [.malformed])
        #expect(observation.snapshot?["tool:two"] == nil)
        #expect(observation.snapshot?["tool:one"] != nil)
        _ = party
    }

    @Test("a server whose script was changed by one byte does not run")
    func editedServer() async throws {
        let server = MCPServer.lines[0]
        try offer(Self.definitions)
        let script = try folder.write("server.py", try Corpora.text(at: server.script))
        let line = [server.python, "-I", script, server.folder, "\(folder.path)/offer.json"]
        let settings: JSONObject = [
            "argv": .array(line.map(JSON.string)), "protocol": .string(server.revision),
            "sha256": .object(
                JSONObject([
                    (server.python, try Watching.digest(server.python)),
                    (script, try Watching.digest(script)),
                ])),
            "timeout": 300,
        ]
        let collector = try Watching.collector(.mcp, settings)
        _ = try await Watching.snapshot(collector)
        try folder.write("server.py", try Corpora.text(at: server.script) + "#")
        #expect(try await Watching.failure(collector).cause == .collectorChanged)
    }

    @Test("a server of the other era is not taken for one that offers nothing")
    func otherEra() async throws {
        try offer(Self.definitions)
        let modern = try #require(MCPServer.lines.last)
        // Servers of the newer SDK answer older clients as well; those of the older one do not.
        let old = try #require(MCPServer.lines.first)
        let (collector, _) = try collector(old, ["protocol": .string(modern.revision)])
        #expect(try await Watching.failure(collector).cause == .malformed)
    }
}
