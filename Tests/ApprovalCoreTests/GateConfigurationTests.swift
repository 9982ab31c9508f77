// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

extension Handle {
    static let gateway = Handle(constant: "gateway")
    static let otherGateway = Handle(constant: "other-gateway")
}

/// A gateway in front of a server with two tools, and what is said of it.
enum GateFixtures {
    static func definition(_ name: String, _ words: String = "Does it.") -> JSON {
        [
            "description": .string(words),
            "inputSchema": ["properties": ["title": ["type": "string"]], "type": "object"],
            "name": .string(name),
        ]
    }

    static func document(
        server: String = "github", mode: String = "enforcing", command: String = "server",
        tools: [JSON] = [definition("create_issue"), definition("merge")]
    ) -> JSON {
        [
            "configuration": [
                "command": [.string(command)], "kind": "mcp", "mode": .string(mode),
                "server": .string(server),
            ],
            "tools": .array(
                tools.map { ["definition": $0, "name": $0["name"] ?? .null] }),
        ]
    }

    static func presentation(_ document: JSON = document()) throws -> GatePresentation {
        try GatePresentation(document)
    }

    static func digest(_ definition: JSON) throws -> Hash256 {
        .sha256(try definition.canonicalBytes())
    }

    /// A call of a tool through the gateway; what is not said is as approved.
    static func call(
        tool: String = "create_issue", server: String = "github", resource: String? = nil,
        resourceType: String = "McpServer", gate: Handle = .gateway, enforcing: Bool = true,
        configuration: Hash256? = try? presentation().configurationDigest,
        definition: Hash256? = try? digest(definition("create_issue")), number: UInt64 = 1,
        action: String? = nil
    ) throws -> Action {
        try Action(
            id: ActionID(now: .start, random: (number, 43)), nonce: .of("nonce \(number)"),
            operation: try Operation(
                action: action ?? ToolAction.name(server: server, tool: tool),
                resourceType: resourceType, resourceID: resource ?? server,
                input: ["title": "x"], definition: definition), intent: .none,
            requester: Requester(
                agent: .bot, owner: .alice, onBehalfOf: nil, credential: "cred1"),
            gate: GateReference(id: gate, enforcing: enforcing, configuration: configuration),
            facts: [:])
    }

    static let policy = """
        permit (principal is Agent, action in Action::"mcp", resource);

        @id("tools.review") @review("reviewers") @reason("A tool is called.")
        forbid (principal is Agent, action in Action::"mcp", resource)
        unless { action == Action::"mcp.github___merge" };
        """

    /// The fixtures' ledger with the gateway in it, and what it presents approved.
    static func ledger(
        _ presentation: GatePresentation? = try? GateFixtures.presentation()
    ) throws -> MemoryLedger {
        var ledger = MemoryLedger()
        for change in Fixtures.changes { try ledger.change(change) }
        try ledger.change(.gateAdded(.gateway))
        try ledger.change(.gateAdded(.otherGateway))
        guard let presentation else { return ledger }
        try ledger.change(.gateConfigured(.gateway, try presentation.approved()))
        try ledger.publish(
            try PublishedPolicies(
                files: [PolicyFile(name: "10-tools.cedar", text: policy)],
                generated: [try ToolDeclarations.generate(presentation).file]))
        return ledger
    }

    static func verdict(
        _ action: Action, _ change: (inout Directory) throws -> Void = { _ in }
    ) throws -> Verdict {
        let ledger = try ledger()
        var directory = ledger.directory
        try change(&directory)
        return try PolicyEnvironment(
            policies: try #require(ledger.policies), directory: directory, singleOperator: false,
            unsealed: true
        ).evaluate(action, at: .start)
    }
}

@Suite("Gate configurations: the rule")
struct GateConfigurationTests {
    private func expectDenied(
        _ action: Action, _ words: String, _ change: (inout Directory) throws -> Void = { _ in }
    ) throws {
        let verdict = try GateFixtures.verdict(action, change)
        #expect(verdict.decision == .deny)
        #expect(verdict.errors.map(\.policy) == ["gate"])
        #expect(
            verdict.errors.first?.message.contains(words) == true,
            "\(verdict.errors.map(\.message))")
    }

    @Test("an approved tool of an approved configuration is judged by policy")
    func approved() throws {
        #expect(try GateFixtures.verdict(GateFixtures.call()).decision == .review)
        let merge = try GateFixtures.call(
            tool: "merge", definition: GateFixtures.digest(GateFixtures.definition("merge")))
        #expect(try GateFixtures.verdict(merge).decision == .allow)
    }

    @Test("an unknown configuration is quarantined, and so is one of a gate that has none approved")
    func unknownConfiguration() throws {
        try expectDenied(GateFixtures.call(configuration: .of("another")), "quarantined")
        try expectDenied(
            GateFixtures.call(gate: .otherGateway), "exequatur gate approve other-gateway")
        try expectDenied(GateFixtures.call(gate: .advisoryGate, enforcing: false), "quarantined")
    }

    @Test("a gate with an approved configuration must say that it is at work")
    func missingConfiguration() throws {
        try expectDenied(GateFixtures.call(configuration: nil), "does not say")
    }

    @Test("another gate's approval does not count")
    func otherGate() throws {
        let own = try GateFixtures.presentation(GateFixtures.document(command: "other"))
        let approve: (inout Directory) throws -> Void = {
            try $0.apply(.gateConfigured(.otherGateway, own.approved()))
        }
        // The configuration of the one through the other, either way round.
        try expectDenied(GateFixtures.call(gate: .otherGateway), "quarantined", approve)
        try expectDenied(
            GateFixtures.call(configuration: own.configurationDigest), "quarantined", approve)
        let right = try GateFixtures.call(
            gate: .otherGateway, configuration: own.configurationDigest)
        #expect(try GateFixtures.verdict(right, approve).decision == .review)
    }

    @Test("a new tool, a changed one, one without definition: denied")
    func tools() throws {
        try expectDenied(GateFixtures.call(tool: "new"), "tool `new` of gate `gateway` is not")
        let changed = GateFixtures.definition("create_issue", "Sends everything elsewhere.")
        try expectDenied(
            GateFixtures.call(definition: GateFixtures.digest(changed)), "the definition of tool")
        try expectDenied(GateFixtures.call(definition: nil), "does not name the definition")
    }

    @Test("a definition of one tool is not that of another")
    func definitionOfAnother() throws {
        let merge = try GateFixtures.digest(GateFixtures.definition("merge"))
        try expectDenied(GateFixtures.call(definition: merge), "the definition of tool")
    }

    @Test("other servers, other resources and other actions are not the gate's")
    func notOfThisGate() throws {
        for action in [
            try GateFixtures.call(server: "gitlab"), try GateFixtures.call(resource: "gitlab"),
            try GateFixtures.call(resourceType: "Host"),
            try GateFixtures.call(action: "command.run"),
            try GateFixtures.call(action: "mcp.github"),
            try GateFixtures.call(action: "mcp.github___"),
            try GateFixtures.call(action: "mcp.githubx___create_issue"),
        ] {
            try expectDenied(action, "is none of them")
        }
    }

    @Test("what is approved as advisory does not pass as enforcing, nor the other way round")
    func mode() throws {
        try expectDenied(GateFixtures.call(enforcing: false), "quarantined")
        let advisory = try GateFixtures.presentation(GateFixtures.document(mode: "advisory"))
        let approve: (inout Directory) throws -> Void = {
            try $0.apply(.gateConfigured(.gateway, advisory.approved()))
        }
        let digest = advisory.configurationDigest
        try expectDenied(GateFixtures.call(configuration: digest), "quarantined", approve)
        let right = try GateFixtures.call(enforcing: false, configuration: digest)
        #expect(try GateFixtures.verdict(right, approve).decision == .review)
    }

    @Test("gates without an approved configuration are judged by policy alone")
    func commandGate() throws {
        let environment = try Fixtures.environment()
        let verdict = environment.evaluate(
            try Fixtures.action(effect: "read", enforcing: true), at: .start)
        #expect(verdict.decision == .allow)
        // Without a configuration nothing is said of definitions either.
        let bare = try GateFixtures.call(gate: .otherGateway, configuration: nil, definition: nil)
        #expect(try GateFixtures.verdict(bare).decision == .review)
    }

    @Test("what is approved goes with its gate, and with what is approved next")
    func removal() throws {
        var directory = try GateFixtures.ledger().directory
        #expect(directory.configurations[.gateway] != nil)
        let other = try GateFixtures.presentation(GateFixtures.document(tools: []))
        try directory.apply(.gateConfigured(.gateway, other.approved()))
        #expect(directory.configurations[.gateway]?.tools == [:])
        try directory.apply(.gateRemoved(.gateway))
        #expect(directory.configurations.isEmpty)
        #expect(throws: DirectoryError.self) {
            try directory.apply(.gateConfigured(.gateway, other.approved()))
        }
    }

    @Test("a claim is refused by a gate that is configured otherwise, a report is not")
    func claimAfterReconfiguration() throws {
        var ledger = try GateFixtures.ledger()
        let action = try GateFixtures.call(
            tool: "merge", definition: GateFixtures.digest(GateFixtures.definition("merge")))
        var machine = try ledger.submit(action)
        #expect(machine.state.status == .cleared)
        let other = GateReference(id: .gateway, enforcing: true, configuration: .of("another"))
        let refused = try machine.claim(
            nonce: .of("claim"), gate: other, agent: .bot, ledger.surroundings(action))
        #expect(refused.refusal?.code == .wrongGate)
        _ = try ledger.claim(&machine, action)
        #expect(machine.state.status == .claimed)
        let reported = try machine.report(
            ActionEvent.Report(.succeeded), nonce: .of("claim"), gate: other,
            agent: .bot, now: ledger.now)
        #expect(reported.refusal == nil)
        #expect(machine.state.status == .succeeded)
    }

    @Test("rug pull: approved by people, then the definition changes, then invalidated at claim")
    func rugPull() throws {
        var ledger = try GateFixtures.ledger()
        let action = try GateFixtures.call()
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob)
        #expect(machine.state.status == .cleared)
        let changed = try GateFixtures.presentation(
            GateFixtures.document(tools: [GateFixtures.definition("create_issue", "Other.")]))
        try ledger.change(.gateConfigured(.gateway, changed.approved()))
        let result = try ledger.claim(&machine, action)
        #expect(result.refusal?.code == .invalidated)
        #expect(machine.state.status == .invalidated)
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.status == .valid, "\(report.problems)")
    }
}
