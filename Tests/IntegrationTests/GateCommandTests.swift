// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@Suite("Gates on the command line")
struct GateCommandTests {
    private static func tool(_ name: String, _ words: String) -> JSON {
        [
            "definition": [
                "description": .string(words),
                "inputSchema": [
                    "properties": ["title": ["type": "string"]], "type": "object",
                ], "name": .string(name),
            ], "name": .string(name),
        ]
    }

    private static func document(_ tools: [JSON], command: String = "github-mcp") -> JSON {
        [
            "configuration": [
                "command": [.string(command), "stdio"], "kind": "mcp", "mode": "enforcing",
                "server": "github",
            ], "tools": .array(tools),
        ]
    }

    private static func present(
        _ document: JSON, _ token: String, _ server: RunningServer
    ) throws -> JSON {
        let answer = try server.connection().request(
            "POST", "/v1/gates/self/configuration", token: token, json: document)
        guard answer.status == 200, let json = answer.json else {
            throw HarnessError("presenting: \(answer.status) \(answer.text)")
        }
        return json
    }

    /// What a gate command prints, without what differs from run to run.
    private static func page(_ server: RunningServer, _ token: String) throws -> String {
        let result = try server.cli(["gate", "configuration", "github"], token: token)
        guard result.status == 0 else { throw HarnessError(result.err) }
        return result.out
            .replacing(/[0-9a-f]{64}/, with: "DIGEST")
            .replacing(/\d{4}-\d\d-\d\dT[0-9:.]+Z/, with: "INSTANT")
    }

    @Test("A gate's tools are shown, approved, changed, shown as a difference, approved again")
    func loop() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let gate = try #require(
            try server.json(["gate", "add", "github"], token: cast.admin)["token"]?.stringValue)
        #expect(try Self.page(server, cast.bob) == "gate github has presented nothing yet\n")

        let first = try Self.present(
            Self.document([
                Self.tool("create_issue", "Creates an issue."), Self.tool("star", "Stars.\u{202E}"),
            ]), gate, server)
        let looked = try Self.page(server, cast.bob)
        #expect(looked.contains("configuration: new\n+ {\n+   \"command\": [\n"), "\(looked)")
        #expect(
            looked.contains("\ntool create_issue: new\n+ {\n+   \"description\": \"Creates an"))
        #expect(looked.contains("\\u{202e}") && !looked.contains("\u{202E}"), "\(looked)")
        #expect(looked.hasSuffix("exequatur gate approve github --expect DIGEST\n"))

        let digest = try #require(first["digest"]?.stringValue)
        let early = try submit(cast, gate, first, server)
        #expect(early["state"]?.stringValue == "denied")
        let refused = try server.cli(
            ["gate", "approve", "github", "--expect", digest], token: cast.bob)
        #expect(refused.status == 77, "\(refused.err)")
        let approved = try server.cli(
            ["gate", "approve", "github", "--expect", String(digest.prefix(16))],
            token: cast.admin)
        #expect(approved.status == 0, "\(approved.err)")
        #expect(approved.out.contains("2 approved"), "\(approved.out)")
        #expect(try Self.page(server, cast.bob).hasSuffix("all of it is approved\n"))
        // The starter policies hold tools for a review.
        #expect(try submit(cast, gate, first, server)["state"]?.stringValue == "pending")

        _ = try Self.present(
            Self.document([
                Self.tool("create_issue", "Creates an issue and mails it."),
                Self.tool("delete", "Deletes."),
            ]), gate, server)
        let changed = try Self.page(server, cast.bob)
        #expect(
            changed.contains(
                """
                tool create_issue: changed
                  {
                -   "description": "Creates an issue.",
                +   "description": "Creates an issue and mails it.",
                    "inputSchema": {
                """), "\(changed)")
        #expect(changed.contains("\ntool delete: new\n"))
        #expect(changed.contains("\ntool star: no longer there\n"))
        let stale = try server.cli(
            ["gate", "approve", "github", "--expect", digest], token: cast.admin)
        #expect(stale.status == 77 || stale.status == 1, "\(stale.err)")
        #expect(stale.err.contains("presentation_changed"))
        try server.restart()
        let json = try server.json(["gate", "configuration", "github"], token: cast.bob)
        let states = json["presented"]?["tools"]?.arrayValue?.map { $0["state"]?.stringValue }
        #expect(states == ["changed", "new"])
        #expect(json["removed"] == ["star"])
    }

    @Test("What is published keeps the schema of approved tools, and the whole ledger checks out")
    func published() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let gate = try #require(
            try server.json(["gate", "add", "github"], token: cast.admin)["token"]?.stringValue)
        let presented = try Self.present(
            Self.document([Self.tool("create_issue", "Creates.")]), gate, server)
        let digest = try #require(presented["digest"]?.stringValue)
        _ = try server.json(["gate", "approve", "github", "--expect", digest], token: cast.admin)
        let folder = try TemporaryFolder()
        _ = try folder.write(
            "a.cedar",
            """
            @id("issues")
            permit (principal, action == Action::"mcp.github___create_issue", resource)
            when { context.input has title && context.input.title == "x" };
            """)
        let online = try server.cli(
            ["policy", "check", "--online", folder.path], token: cast.admin)
        #expect(online.status == 0, "\(online.err)\(online.out)")
        _ = try server.json(["policy", "publish", folder.path], token: cast.admin)
        let action = try submit(cast, gate, presented, server)
        #expect(action["state"]?.stringValue == "cleared", "\(action)")
        let id = try #require(action["id"]?.stringValue)
        let receipt = try server.cli(["receipt", id], token: cast.bob)
        let file = try folder.write("receipt.json", receipt.out)
        let verified = try Program.run(
            ["verify", file, "--key", "\(server.data)/log.vkey"])
        #expect(verified.status == 2, "not claimed yet: \(verified.out)\(verified.err)")
        try server.stop()
        let checked = try Program.run(["fsck", "--data", server.data])
        #expect(checked.status == 0, "\(checked.out)\(checked.err)")
    }

    /// A call of `create_issue`, as the gateway would submit it.
    private func submit(
        _ cast: Cast, _ gate: String, _ presented: JSON, _ server: RunningServer
    ) throws -> JSON {
        let tool = presented["tools"]?[0]
        let operation: JSON = [
            "action": "mcp.github___create_issue",
            "definition": .string("sha256:\(tool?["digest"]?.stringValue ?? "")"),
            "input": ["title": "x"], "resource": ["id": "github", "type": "McpServer"],
        ]
        let answer = try server.connection().request(
            "POST", "/v1/actions", token: cast.agent, json: ["operation": operation],
            headers: [
                ("Exequatur-Gate-Token", gate),
                (
                    "Exequatur-Gate-Configuration",
                    presented["configurationDigest"]?.stringValue ?? ""
                ),
            ])
        guard let action = answer.json, answer.status < 300 else {
            throw HarnessError("submitting: \(answer.status) \(answer.text)")
        }
        return action
    }
}
