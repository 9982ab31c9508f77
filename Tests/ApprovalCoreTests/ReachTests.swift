// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

@Suite("Actions that policy never allows")
struct ReachTests {
    private static let other = Handle(constant: "other-bot")

    private func environment(_ text: String) throws -> PolicyEnvironment {
        var directory = try GateFixtures.ledger().directory
        try directory.apply(.agentAdded(Self.other, owner: .bob))
        return try PolicyEnvironment(
            policies: try PublishedPolicies(
                files: [PolicyFile(name: "10-tools.cedar", text: text)],
                generated: [try ToolDeclarations.generate(GateFixtures.presentation()).file]),
            directory: directory, singleOperator: false, unsealed: true)
    }

    private func never(
        _ text: String, _ agent: Handle? = nil, tool: String = "merge"
    ) throws -> Bool {
        try environment(text).neverAllows(
            action: ToolAction.name(server: "github", tool: tool), server: "github", agent: agent)
    }

    private static let all = "permit (principal, action, resource);"

    @Test("no permit reaches it: never; one may: not never")
    func permits() throws {
        #expect(try !never(Self.all))
        #expect(try never(#"permit (principal, action in Action::"command", resource);"#))
        #expect(try !never(#"permit (principal, action in Action::"mcp.github", resource);"#))
        #expect(
            try never(
                #"permit (principal, action == Action::"mcp.github___create_issue", resource);"#))
        // Whether a condition can ever hold is not looked at.
        #expect(try !never("permit (principal, action, resource) when { false };"))
        let bots = #"permit (principal in Group::"reviewers", action, resource);"#
        #expect(try !never(bots))
        #expect(try !never(bots, .bot))
        #expect(try never(bots, Self.other))
        let one = #"permit (principal == Agent::"other-bot", action, resource);"#
        #expect(try !never(one))
        #expect(try never(one, .bot))
        #expect(try !never(one, Self.other))
        let person = #"permit (principal is Person, action in Action::"exequatur", resource);"#
        #expect(try never(person))
    }

    @Test("a plain forbid without conditions: never; a review, a condition, somebody else: not")
    func forbids() throws {
        func forbid(_ text: String, _ agent: Handle? = nil) throws -> Bool {
            try never(Self.all + text, agent)
        }
        #expect(try forbid(#"forbid (principal, action in Action::"mcp", resource);"#))
        #expect(try forbid(#"forbid (principal is Agent, action, resource is McpServer);"#))
        #expect(try forbid(#"forbid (principal, action, resource == McpServer::"github");"#))
        #expect(try !forbid(#"forbid (principal, action, resource == McpServer::"gitlab");"#))
        #expect(
            try !forbid(
                #"@review("reviewers") forbid (principal, action in Action::"mcp", resource);"#))
        #expect(try !forbid("forbid (principal, action, resource) when { true };"))
        let bots = #"forbid (principal in Group::"reviewers", action, resource);"#
        #expect(try !forbid(bots))
        #expect(try forbid(bots, .bot))
        #expect(try !forbid(bots, Self.other))
    }

    @Test("what is not declared is never allowed")
    func undeclared() throws {
        #expect(try never(Self.all, tool: "undeclared"))
        let environment = try environment(Self.all)
        #expect(environment.neverAllows(action: "mcp.github", server: "github", agent: nil))
        #expect(environment.neverAllows(action: "command.run", server: "github", agent: nil))
    }

    @Test("property: what is listed is denied, whatever is asked")
    func property() throws {
        var random = SeededRandom.forTest()
        var listed = 0
        var allowed = 0
        for _ in 0..<150 {
            let text = Self.policies(&random)
            let environment = try environment(text)
            for (tool, agent) in [
                ("merge", Handle.bot), ("merge", Self.other), ("create_issue", .bot),
                ("create_issue", Self.other),
            ] {
                let name = ToolAction.name(server: "github", tool: tool)
                let never = environment.neverAllows(action: name, server: "github", agent: agent)
                if environment.neverAllows(action: name, server: "github", agent: nil), !never {
                    Issue.record("never for all, and not for \(agent): \(text)")
                }
                for title in ["a", "b"] {
                    let decision = environment.evaluate(
                        try Self.action(tool, agent, title), at: .start
                    ).decision
                    if decision != .deny { allowed += 1 }
                    if never {
                        listed += 1
                        if decision != .deny {
                            Issue.record("\(agent) \(tool) `\(title)`: \(decision): \(text)")
                        }
                    }
                }
            }
        }
        #expect(listed > 100)
        #expect(allowed > 100)
    }

    private static func action(_ tool: String, _ agent: Handle, _ title: String) throws -> Action {
        try Action(
            id: ActionID(now: .start, random: (1, 44)), nonce: .of("n"),
            operation: try Operation(
                action: ToolAction.name(server: "github", tool: tool),
                resourceType: ToolAction.resourceType, resourceID: "github",
                input: ["title": .string(title)],
                definition: try GateFixtures.digest(GateFixtures.definition(tool))),
            intent: .none,
            requester: Requester(
                agent: agent, owner: agent == .bot ? .alice : .bob, onBehalfOf: nil,
                credential: "c"),
            gate: GateReference(
                id: .gateway, enforcing: true,
                configuration: try GateFixtures.presentation().configurationDigest),
            facts: [:])
    }

    private static func policies(_ random: inout SeededRandom) -> String {
        func pick(_ texts: [String]) -> String {
            texts[Int.random(in: texts.indices, using: &random)]
        }
        return (0..<Int.random(in: 1...4, using: &random)).map { _ in
            let effect = pick([
                "permit", "permit", "permit", "forbid", "@review(\"reviewers\") forbid",
            ])
            let principal = pick([
                "principal", "principal is Agent", "principal == Agent::\"deploy-bot\"",
                "principal == Agent::\"other-bot\"", "principal in Group::\"reviewers\"",
                "principal is Agent in Group::\"security\"",
            ])
            let action = pick([
                "action in Action::\"mcp\"", "action in Action::\"mcp.github\"",
                "action == Action::\"mcp.github___merge\"", "action in Action::\"command\"",
                "action in [Action::\"mcp.github___create_issue\", Action::\"command.run\"]",
                "action == Action::\"mcp.github___create_issue\"",
            ])
            let resource = pick([
                "resource", "resource", "resource is McpServer",
                "resource == McpServer::\"github\"", "resource == McpServer::\"gitlab\"",
            ])
            // A resource of another type never meets an action of commands.
            let isCommand = action.hasSuffix("\"command\"")
            let condition = pick([
                "", "", "when { true }", "when { context.gate.enforcing }",
                "unless { context.hour > 30 }",
            ])
            return "\(effect) (\(principal), \(action), \(isCommand ? "resource" : resource)) "
                + "\(condition);"
        }.joined(separator: "\n")
    }
}

@Suite("Schemas of approved tools")
struct ToolDeclarationsTests {
    @Test("equal definitions make equal files, in whatever gate and order they are presented")
    func deterministic() throws {
        let one = try ToolDeclarations.generate(GateFixtures.presentation())
        let two = try ToolDeclarations.generate(
            GateFixtures.presentation(
                GateFixtures.document(
                    command: "other",
                    tools: [
                        GateFixtures.definition("merge"), GateFixtures.definition("create_issue"),
                    ])))
        #expect(one == two)
        #expect(one.file.name == "mcp-github.cedarschema")
        #expect(ToolDeclarations.isGenerated(one.file))
        #expect(one.file.text.hasSuffix("\n"))
    }

    @Test("words of a server can't end the comment or become declarations")
    func hostileWords() throws {
        let words = "\"; action \"mcp.other___x\" in [Action::\"mcp\"];\n// \u{0}\u{202E}"
        let file = try ToolDeclarations.generate(
            GateFixtures.presentation(
                GateFixtures.document(tools: [GateFixtures.definition("a", words)]))
        ).file
        let set = try PublishedPolicies(
            files: [PolicyFile(name: "a.cedar", text: "permit (principal, action, resource);")],
            generated: [file])
        #expect(set.schema.actions[EntityUID(type: "Action", id: "mcp.other___x")] == nil)
        #expect(set.schema.actions[EntityUID(type: "Action", id: "mcp.github___a")] != nil)
    }

    @Test("a stored set with a generated file is read back as it was")
    func stored() throws {
        let set = try #require(try GateFixtures.ledger().policies)
        let again = try PublishedPolicies(set.json)
        #expect(again.digest == set.digest)
        #expect(again.generatedFiles == set.generatedFiles)
        #expect(set.givenFiles.map(\.name) == ["10-tools.cedar"])
    }

    @Test("declared by somebody: the group, or any of its tools, outside of namespaces")
    func declared() throws {
        let file = try ToolDeclarations.generate(GateFixtures.presentation()).file
        func declares(_ text: String, _ name: String = "mine.cedarschema") -> Bool {
            ToolDeclarations.Declared([PolicyFile(name: name, text: text)]).declares(file)
        }
        #expect(declares("action \"mcp.github\";"))
        #expect(declares("action \"mcp.github___x\";"))
        #expect(!declares("action \"mcp.githubs___x\";"))
        #expect(!declares("action \"mcp.gitlab\";"))
        #expect(!declares("namespace N { action \"mcp.github\"; }"))
        #expect(!declares("nonsense"))
        #expect(!declares("action \"mcp.github\";", "mine.cedar"))
        #expect(!declares(file.text, file.name))
    }
}
