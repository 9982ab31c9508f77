// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

@Suite("Gate configurations: forms")
struct GateFormTests {
    @Test("old directories, operations and actions keep their digests")
    func oldDigests() throws {
        let directory = try Fixtures.directory()
        #expect(directory.json["configurations"] == nil)
        #expect(
            try directory.digest().hex
                == "6e947418a2618390d683fc97de2d986aaede63529cf372790160a9cdbeb977c6")
        let action = try Fixtures.action()
        #expect(action.operation.json["definition"] == nil)
        #expect(
            try action.operation.digest().hex
                == "cd3b08636c8f49d0e89cacf113415b9c9f7860cd528d703f8b9d694298f53994")
        #expect(
            action.digest.hex
                == "d2aa35ddf9f27914f2e1d29c906f1314414e4d446e1b6ceb719900a5860a8c24")
    }

    @Test("directory, change, action and gate are read back as they were written")
    func roundTrip() throws {
        let directory = try GateFixtures.ledger().directory
        let extract = try Directory(extract: directory.json)
        #expect(extract.configurations == directory.configurations)
        #expect(try extract.digest() == directory.digest())
        let change = DirectoryChange.gateConfigured(
            .gateway, try GateFixtures.presentation().approved())
        #expect(try DirectoryChange(change.json) == change)
        let action = try GateFixtures.call()
        let json = try JSON(canonical: action.canonical)
        #expect(json["gate"] == action.gate.json)
        #expect(json["operation"] == action.operation.json)
        #expect(try Action(json).digest == action.digest)
        #expect(
            try action.operation.digest() == .sha256(try action.operation.json.canonicalBytes()))
    }

    @Test("another definition or configuration is another operation or action")
    func digests() throws {
        let one = try GateFixtures.call()
        #expect(try GateFixtures.call(definition: nil).operationDigest != one.operationDigest)
        #expect(try GateFixtures.call(definition: .zero).operationDigest != one.operationDigest)
        let other = try GateFixtures.call(configuration: .zero)
        #expect(other.operationDigest == one.operationDigest)
        #expect(other.digest != one.digest)
    }

    @Test("`null`, upper case and other spellings of digests are refused")
    func strict() throws {
        let hex = Hash256.zero.hex
        let definitions: [JSON] = [
            nil, true, "", .string(hex), .string("sha256:"), .string("SHA256:\(hex)"),
            .string("sha256:\(hex)0"), .string("sha256:\(Hash256.of("a").hex.uppercased())"),
        ]
        for definition in definitions {
            let json: JSON = [
                "action": "mcp.a___b", "definition": definition, "input": [:],
                "resource": ["id": "a", "type": "McpServer"],
            ]
            #expect(throws: OperationError.self, "\(definition)") { try Operation(json) }
        }
        for configuration: JSON in [nil, true, "", .string("sha256:\(hex)"), "A"] {
            let json: JSON = [
                "configuration": configuration, "enforcing": true, "id": "gateway",
            ]
            #expect(throws: CoreError.self, "\(configuration)") {
                try GateReference(json, path: "gate")
            }
        }
    }

    @Test("an extract with configurations of gates that are not there is refused")
    func foreignExtract() throws {
        var object = try #require(try GateFixtures.ledger().directory.json.objectValue)
        object["gates"] = ["other-gateway"]
        #expect(throws: CoreError.self) { try Directory(extract: .object(object)) }
        object["gates"] = ["gateway", "other-gateway"]
        object["configurations"] = []
        #expect(throws: CoreError.self) { try Directory(extract: .object(object)) }
    }

    @Test("names of servers and tools that could share an action are refused")
    func names() {
        for name in ["github", "a", "GitHub-1.b_c", "0", String(repeating: "a", count: 64)] {
            #expect(ToolAction.isServerName(name), "\(name)")
        }
        for name in [
            "", "a_", "a___b", "_a", "-a", ".a", "a b", "a/b", "é", "a\u{0}", "a:b",
            String(repeating: "a", count: 65),
        ] {
            #expect(!ToolAction.isServerName(name), "\(name)")
        }
        #expect(ToolAction.tool(of: "mcp.a___b___c", server: "a") == "b___c")
        #expect(ToolAction.tool(of: "mcp.a____b", server: "a") == "_b")
        #expect(ToolAction.tool(of: "mcp.a___", server: "a") == nil)
        #expect(ToolAction.tool(of: "mcp.b___c", server: "a") == nil)
        #expect(ToolAction.tool(of: "mcp.A___c", server: "a") == nil)
    }

    @Test("the digest is of the content: not of the order of tools or members")
    func presentationDigest() throws {
        let one = try GateFixtures.presentation()
        let turned = try GateFixtures.presentation(
            GateFixtures.document(
                tools: [GateFixtures.definition("merge"), GateFixtures.definition("create_issue")]))
        #expect(one.digest == turned.digest)
        #expect(one.tools.map(\.name) == ["create_issue", "merge"])
        #expect(try GatePresentation(JSON(canonical: one.canonical)) == one)
        let other = try GateFixtures.presentation(GateFixtures.document(command: "other"))
        #expect(other.digest != one.digest)
        #expect(other.configurationDigest != one.configurationDigest)
        #expect(other.tools == one.tools)
    }

    @Test("numbers in definitions are those of RFC 8785")
    func numbers() throws {
        let text = #"{"name":"big","inputSchema":{"maximum":9223372036854775807}}"#
        let presentation = try GateFixtures.presentation(
            GateFixtures.document(tools: [try JSON(parsing: text)]))
        let written = #"{"inputSchema":{"maximum":9223372036854776000},"name":"big"}"#
        #expect(presentation.tools.first?.digest == .sha256(Array(written.utf8)))
        #expect(try GatePresentation(JSON(canonical: presentation.canonical)) == presentation)
    }

    @Test("what can't be understood is refused, with its place")
    func refused() throws {
        func refused(_ document: JSON, _ words: String) {
            do {
                _ = try GatePresentation(document)
                Issue.record("taken: \(words)")
            } catch {
                #expect("\(error)".contains(words), "\(error)")
            }
        }
        let tool = GateFixtures.definition("a")
        refused(["tools": []], "configuration")
        refused(["configuration": [:], "tools": []], "configuration.kind")
        refused(GateFixtures.document(server: "a___b"), "configuration.server")
        refused(GateFixtures.document(mode: "whatever"), "configuration.mode")
        refused(GateFixtures.document(tools: [tool, tool]), "two tools `a`")
        refused(GateFixtures.document(tools: [["name": ""]]), "tools.0.name")
        refused(GateFixtures.document(tools: ["x"]), "tools.0")
        refused(
            [
                "configuration": GateFixtures.document()["configuration"] ?? nil,
                "tools": [["definition": tool, "name": "b"]],
            ], "definition of `b`")
        refused(
            GateFixtures.document(
                tools: [GateFixtures.definition(String(repeating: "n", count: 129))]), "128 bytes")
        refused(
            GateFixtures.document(
                tools: [GateFixtures.definition("a", String(repeating: "x", count: 65_536))]),
            "the limit is 65536")
        refused(
            GateFixtures.document(command: String(repeating: "x", count: 65_536)),
            "the limit is 65536")
        refused(
            GateFixtures.document(tools: (0...1000).map { GateFixtures.definition("t\($0)") }),
            "the limit is 1000")
        var more = GateFixtures.document().objectValue ?? [:]
        more["other"] = 1
        refused(.object(more), "other")
        refused(
            GateFixtures.document(
                tools: (0..<100).map {
                    GateFixtures.definition("t\($0)", String(repeating: "x", count: 50_000))
                }), "the limit is 4194304")
    }

    @Test("a thousand tools with the longest names fit into an entry")
    func largest() throws {
        let name = String(repeating: "n", count: 124)
        let presentation = try GateFixtures.presentation(
            GateFixtures.document(
                tools: (1000..<2000).map {
                    GateFixtures.definition("\(name)\($0)", String(repeating: "x", count: 3_700))
                }))
        let change = DirectoryChange.gateConfigured(.gateway, try presentation.approved())
        let entry = DirectoryEntry(change: change, by: "x", directory: .zero, unsealed: true)
        let draft = try EntryDraft(
            kind: DirectoryEntry.kind, ref: DirectoryEntry.ref, core: entry.core,
            body: ["presentation": try JSON(canonical: presentation.canonical, limits: .files)],
            salts: (.zero, .zero))
        #expect(draft.core.count > 190_000)
    }

    @Test("a tool that no action can stand for is unusable and never approved")
    func unusable() throws {
        let presentation = try GateFixtures.presentation(
            GateFixtures.document(
                tools: [GateFixtures.definition("a b"), GateFixtures.definition("ok")]))
        let approved = try presentation.approved()
        #expect(Array(approved.tools.keys) == ["ok"])
        #expect(approved.standing("a b", .zero) == .unusable)
        #expect(approved.standing("ok", .zero) == .changed)
        #expect(approved.standing("other", .zero) == .new)
    }
}

@Suite("Gate configurations: receipts")
struct GateReceiptTests {
    private func finished() throws -> (MemoryLedger, Action, [UInt8]) {
        var ledger = try GateFixtures.ledger()
        let action = try GateFixtures.call()
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob)
        _ = try ledger.claim(&machine, action)
        try ledger.report(&machine, action)
        return (ledger, action, try ledger.receiptBytes(action.id))
    }

    @Test("a receipt of a tool's call verifies offline, without the documents of the gate")
    func valid() throws {
        let (_, _, bytes) = try finished()
        let report = try MemoryLedger.verify(bytes)
        #expect(report.status == .valid, "\(report.problems)")
        #expect(report.summary?.operation == "mcp.github___create_issue")
        #expect(!report.flags.advisory)
        #expect(report.flags.erasedBodies == [])
    }

    @Test("an operator who lets an unapproved tool or configuration pass makes no valid receipt")
    func lies() throws {
        let actions = [
            try GateFixtures.call(configuration: .of("another")),
            try GateFixtures.call(configuration: nil),
            try GateFixtures.call(definition: .of("another")),
            try GateFixtures.call(tool: "new"),
        ]
        for action in actions {
            var ledger = try GateFixtures.ledger()
            // A server that forgets what is approved judges by policy alone.
            let honest = ledger.directory
            var blind = honest
            try blind.apply(.gateRemoved(.gateway))
            let environment = try PolicyEnvironment(
                policies: try PublishedPolicies(
                    files: [
                        PolicyFile(
                            name: "a.cedar", text: "permit (principal, action, resource);")
                    ],
                    generated: [
                        try ToolDeclarations.generate(GateFixtures.presentation()).file
                    ]), directory: blind, singleOperator: false, unsealed: true)
            let open = environment.evaluate(
                try GateFixtures.call(configuration: nil), at: ledger.now)
            #expect(open.decision == .allow)
            let lie = Verdict(
                decision: .allow, reasons: open.reasons, errors: [], requirement: nil,
                policySet: try #require(ledger.policies).digest, directory: try honest.digest(),
                evaluatedAt: ledger.now)
            let (machine, events) = try ActionMachine.submit(
                action, verdict: lie, nonce: .of("claim"), unsealed: true, now: ledger.now)
            let body = SubmissionBody(
                action: action, texts: lie.bodyJSON, rendering: nil, eligible: [],
                audit: ["source": "127.0.0.1"])
            for (position, event) in events.enumerated() {
                try ledger.append(
                    event, machine.coreHeader,
                    body: position == 0 ? try body.json : ["audit": [:]])
            }
            let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
            #expect(report.status == .invalid)
            #expect(report.problems.contains { $0.what.contains("say `deny") })
        }
    }

    @Test("a forged definition, configuration or approval makes it invalid")
    func forged() throws {
        let (_, action, bytes) = try finished()
        let text = String(decoding: bytes, as: UTF8.self)
        let digests = [
            try #require(action.gate.configuration).hex,
            try #require(action.operation.definition).hex,
        ]
        for digest in digests {
            #expect(text.contains(digest))
            let other = Hash256.of("forged").hex
            let forged = try MemoryLedger.resigned(
                Array(text.replacing(digest, with: other).utf8)
            ) { _ in }
            #expect(try MemoryLedger.verify(forged).status == .invalid)
        }
        // Only in the extract of the directory: it is no longer what the entry names.
        let forged = try MemoryLedger.resigned(bytes) { object in
            var directories = object["directories"]?.arrayValue ?? []
            for index in directories.indices {
                var pair = directories[index].objectValue ?? [:]
                var extract = pair["extract"]?.objectValue ?? [:]
                extract["configurations"] = Optional<JSON>.none
                pair["extract"] = .object(extract)
                directories[index] = .object(pair)
            }
            object["directories"] = .array(directories)
        }
        let report = try MemoryLedger.verify(forged)
        #expect(report.status == .invalid)
        #expect(report.problems.contains { $0.what.contains("the extract is not") })
    }
}
