// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

/// An installation with two gateways, and policies for tools.
struct Gateways {
    static let one = Handle(constant: "gateway")
    static let two = Handle(constant: "second")

    /// Policies that name no tool, so that they fit whatever is declared.
    static let open = [
        PolicyFile(
            name: "15-tools.cedar",
            text: """
                permit (principal is Agent, action in Action::"mcp", resource);
                @id("tools.review") @review("reviewers") @reason("A tool is called.")
                forbid (principal is Agent, action in Action::"mcp", resource)
                unless { context.intent has justification };
                """)
    ]

    let installation: TestInstallation

    init() async throws {
        installation = try await TestInstallation(policies: Self.open)
        for gate in [Self.one, Self.two] {
            _ = try await installation.control.addGate(gate, by: TestInstallation.admin)
        }
    }

    var control: ControlPlane { installation.control }

    static func definition(_ name: String, _ words: String = "Does it.") -> JSON {
        [
            "description": .string(words),
            "inputSchema": ["properties": ["title": ["type": "string"]], "type": "object"],
            "name": .string(name),
        ]
    }

    static func presentation(
        server: String = "github", command: String = "server", mode: String = "enforcing",
        _ tools: [JSON] = [definition("create"), definition("merge")]
    ) throws -> GatePresentation {
        try GatePresentation([
            "configuration": [
                "command": [.string(command)], "kind": "mcp", "mode": .string(mode),
                "server": .string(server),
            ],
            "tools": .array(tools.map { ["definition": $0, "name": $0["name"] ?? .null] }),
        ])
    }

    @discardableResult
    func present(
        _ presentation: GatePresentation, at gate: Handle = Gateways.one
    ) async throws -> GateStanding {
        try await control.present(presentation, by: gate)
    }

    @discardableResult
    func approve(
        _ presentation: GatePresentation, at gate: Handle = Gateways.one,
        by: Principal = TestInstallation.admin
    ) async throws -> GateApproval {
        try await control.approve(gate, expect: presentation.digest.hex, by: by)
    }

    /// Presents and approves.
    @discardableResult
    func set(
        _ presentation: GatePresentation, at gate: Handle = Gateways.one
    ) async throws -> GateApproval {
        try await present(presentation, at: gate)
        return try await approve(presentation, at: gate)
    }

    func submitter(
        _ configuration: Hash256?, at gate: Handle = Gateways.one
    ) throws -> Submitter {
        try control.submitter(
            agent: try control.authenticate(
                bearer: installation.tokens[TestInstallation.bot.text] ?? ""),
            gate: Authenticated(principal: .gate(gate), credential: "x", assurance: .token),
            configuration: configuration, audit: [:])
    }

    /// Calls a tool as it is presented.
    func call(
        _ tool: String = "create", of presentation: GatePresentation,
        at gate: Handle = Gateways.one,
        isReviewed: Bool = true, nonce: Hash256? = nil, title: String = "x"
    ) async throws -> ActionResult {
        let operation = try Operation(
            action: ToolAction.name(server: presentation.server, tool: tool),
            resourceType: ToolAction.resourceType, resourceID: presentation.server,
            input: ["title": .string(title)],
            definition: presentation.tools.first { $0.name == tool }?.digest)
        return try await control.submit(
            SubmitCommand(
                operation: operation,
                intent: Intent(justification: isReviewed ? nil : "because", trigger: nil),
                nonce: nonce, idempotencyKey: nil, requestDigest: try operation.digest()),
            by: try submitter(presentation.configurationDigest, at: gate))
    }

    func denial(_ result: ActionResult) -> String {
        guard result.state.status == .denied else { return "\(result.state.status)" }
        return result.body.texts["errors"]?.arrayValue?.first?["message"]?.stringValue ?? ""
    }

    var fileNames: [String] { control.governance.policies?.files.map(\.name) ?? [] }
}

@Suite("Gate approvals")
struct GateApprovalTests {
    @Test("An unknown configuration is quarantined until it is approved")
    func quarantine() async throws {
        let gateways = try await Gateways()
        let presentation = try Gateways.presentation()
        let standing = try await gateways.present(presentation)
        #expect(!standing.isConfigurationApproved)
        #expect(standing.isQuarantined)
        #expect(presentation.tools.map { standing.standing($0) } == [.new, .new])
        #expect(try gateways.control.quarantinedGates() == [Gateways.one])
        let early = try await gateways.call(of: presentation)
        #expect(gateways.denial(early).contains("exequatur gate approve gateway"))
        let approval = try await gateways.approve(presentation)
        #expect(approval.isNew)
        #expect(approval.standing.isConfigurationApproved)
        #expect(!approval.standing.isQuarantined)
        #expect(try gateways.control.quarantinedGates() == [])
        #expect(gateways.fileNames.contains("mcp-github.cedarschema"))
        #expect(try await gateways.call(of: presentation).state.status == .pending)
        let allowed = try await gateways.call(
            of: presentation, isReviewed: false, nonce: TestInstallation.nonce(1), title: "y")
        #expect(allowed.state.status == .claimed)
        try gateways.installation.expectRowsFollowFromLedger()
    }

    @Test("Approving is one write: an entry with the documents, and the policies with the schema")
    func oneWrite() async throws {
        let gateways = try await Gateways()
        let presentation = try Gateways.presentation()
        try await gateways.present(presentation)
        let before = try gateways.installation.entries().count
        let writes = gateways.installation.storage.writes
        try await gateways.approve(presentation)
        #expect(gateways.installation.storage.writes == writes + 1)
        let added = try gateways.installation.entries()[before...]
        #expect(added.map(\.entry.kind) == ["directory.changed", "policies.published"])
        let body = try JSON(canonical: try #require(added.first?.body), limits: Limits.storedJSON)
        let configuration = try #require(
            gateways.control.governance.directory.configurations[Gateways.one])
        let approved = try ApprovedGate(body: body, configuration: configuration)
        #expect(approved.presentation == presentation)
        // Again: there is nothing to approve, and nothing is written.
        #expect(try await gateways.approve(presentation).isNew == false)
        #expect(try gateways.installation.entries().count == before + 2)
    }

    @Test("Rug pull: a definition that changes before submission is denied, a new tool too")
    func rugPullBeforeSubmission() async throws {
        let gateways = try await Gateways()
        try await gateways.set(Gateways.presentation())
        let changed = try Gateways.presentation([
            Gateways.definition("create", "Sends all there is to somebody else."),
            Gateways.definition("merge"), Gateways.definition("delete"),
        ])
        let standing = try await gateways.present(changed)
        #expect(standing.isConfigurationApproved)
        #expect(changed.tools.map { standing.standing($0) } == [.changed, .new, .approved])
        #expect(try gateways.control.quarantinedGates() == [Gateways.one])
        let create = try await gateways.call(of: changed)
        #expect(gateways.denial(create).contains("the definition of tool `create`"))
        let delete = try await gateways.call("delete", of: changed)
        #expect(gateways.denial(delete).contains("tool `delete`"))
        #expect(try await gateways.call("merge", of: changed).state.status == .pending)
        try await gateways.approve(changed)
        #expect(try await gateways.call(of: changed).state.status == .pending)
        #expect(try await gateways.call("delete", of: changed).state.status == .pending)
    }

    @Test("Rug pull: people approve, the definition changes, the claim is invalidated")
    func rugPullBeforeClaim() async throws {
        let gateways = try await Gateways()
        let first = try Gateways.presentation()
        try await gateways.set(first)
        let pending = try await gateways.call(of: first)
        let cleared = try await gateways.installation.decide(pending, by: TestInstallation.bob)
        #expect(cleared.state.status == .cleared)
        let held = try await gateways.call("merge", of: first)
        try await gateways.set(
            Gateways.presentation([Gateways.definition("create", "Other words.")]))
        let submitter = try gateways.submitter(first.configurationDigest)
        let code = await failure {
            try await gateways.control.claim(
                pending.state.id, nonce: TestInstallation.nonce(1), by: submitter)
        }
        #expect(code == "invalidated")
        // The other one is gone from the list: nobody can clear it any more.
        _ = await failure {
            try await gateways.installation.decide(held, by: TestInstallation.bob)
        }
        #expect(try gateways.installation.status(held) != .cleared)
        try gateways.installation.expectRowsFollowFromLedger()
    }

    @Test("A gate that restarts with another configuration can't claim what it submitted before")
    func otherConfigurationAtClaim() async throws {
        let gateways = try await Gateways()
        let first = try Gateways.presentation()
        try await gateways.set(first)
        let action = try await gateways.call(of: first, isReviewed: false)
        #expect(action.state.status == .cleared)
        let other = try gateways.submitter(
            Gateways.presentation(command: "other").configurationDigest)
        let code = await failure {
            try await gateways.control.claim(
                action.state.id, nonce: TestInstallation.nonce(1), by: other)
        }
        #expect(code == "wrong_gate")
        // Nor does it attach to it: its own submission is another action, and quarantined.
        let again = try await gateways.call(of: Gateways.presentation(command: "other"))
        #expect(again.state.id != action.state.id)
        #expect(gateways.denial(again).contains("quarantined"))
    }

    @Test("Agents, gates and persons who don't administer can't approve")
    func strangers() async throws {
        let gateways = try await Gateways()
        let presentation = try Gateways.presentation()
        try await gateways.present(presentation)
        for principal: Principal in [
            .agent(TestInstallation.bot), .gate(Gateways.one), .person(TestInstallation.bob),
        ] {
            let code = await failure {
                try await gateways.approve(presentation, by: principal)
            }
            #expect(code == "administrators_only")
        }
        #expect(gateways.control.governance.directory.configurations.isEmpty)
    }

    @Test("What was looked at is what is approved: conflict where the presentation changed")
    func conflict() async throws {
        let gateways = try await Gateways()
        let first = try Gateways.presentation()
        let none = await failure { try await gateways.approve(first) }
        #expect(none == "nothing_presented")
        try await gateways.present(first)
        try await gateways.present(Gateways.presentation(command: "other"))
        let stale = await failure { try await gateways.approve(first) }
        #expect(stale == "presentation_changed")
        for expect in ["", "0123456789abcde", String(first.digest.hex.prefix(15))] {
            let code = await failure {
                try await gateways.control.approve(
                    Gateways.one, expect: expect, by: TestInstallation.admin)
            }
            #expect(code == "value_invalid")
        }
        #expect(gateways.control.governance.directory.configurations.isEmpty)
        let sixteen = String(try Gateways.presentation(command: "other").digest.hex.prefix(16))
        #expect(
            try await gateways.control.approve(
                Gateways.one, expect: sixteen, by: TestInstallation.admin
            ).isNew)
    }

    @Test("A restart keeps what is presented and what is approved")
    func restart() async throws {
        let gateways = try await Gateways()
        let first = try Gateways.presentation()
        try await gateways.set(first)
        let second = try Gateways.presentation([Gateways.definition("create", "Other.")])
        try await gateways.present(second)
        let before = try gateways.control.standing(of: Gateways.one)
        let governance = gateways.control.governance
        try await gateways.installation.restart(begin: false)
        let after = try gateways.control.standing(of: Gateways.one)
        #expect(after.presented == second)
        #expect(after.presentedAt == before.presentedAt)
        #expect(after.approved == (try first.approved()))
        #expect(after.documents == first)
        #expect(after.removed == ["merge"])
        #expect(try gateways.control.quarantinedGates() == [Gateways.one])
        #expect(gateways.control.governance.schemas == governance.schemas)
        #expect(gateways.control.governance.directory == governance.directory)
        #expect(gateways.control.governance.policies?.digest == governance.policies?.digest)
        try gateways.installation.expectRowsFollowFromLedger()
        #expect(try await gateways.approve(second).isNew)
    }

    @Test("A row that somebody wrote into the database counts for nothing")
    func tamperedRow() async throws {
        let gateways = try await Gateways()
        try await gateways.present(Gateways.presentation())
        gateways.installation.stop()
        try gateways.installation.tamper(
            """
            UPDATE operational SET value = CAST(value || x'20' AS BLOB)
            WHERE space = 'gate-presented'
            """
        )
        try gateways.installation.start()
        #expect(try gateways.control.standing(of: Gateways.one).presented == nil)
        #expect(try gateways.control.quarantinedGates() == [])
    }

    @Test("What is approved goes with its gate")
    func removal() async throws {
        let gateways = try await Gateways()
        let presentation = try Gateways.presentation()
        try await gateways.set(presentation)
        let action = try await gateways.call(of: presentation, isReviewed: false)
        try await gateways.control.apply(.gateRemoved(Gateways.one), by: TestInstallation.admin)
        #expect(gateways.control.governance.directory.configurations.isEmpty)
        let submitter = try gateways.submitter(presentation.configurationDigest)
        let code = await failure {
            try await gateways.control.claim(
                action.state.id, nonce: TestInstallation.nonce(1), by: submitter)
        }
        #expect(code == "invalidated")
        let gone = await failure { try await gateways.present(presentation) }
        #expect(gone == "directory_conflict" || gone == "none")
        try await gateways.installation.restart()
        #expect(gateways.control.governance.schemas.isEmpty)
    }
}
