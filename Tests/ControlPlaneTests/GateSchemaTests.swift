// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Testing

@testable import ControlPlane

@Suite("Gate approvals: schemas in the policy set")
struct GateSchemaTests {
    private func publish(_ files: [PolicyFile], _ gateways: Gateways) async throws {
        let set = try PublishedPolicies(
            files: files, generated: gateways.control.generatedFiles(beside: files))
        try await gateways.control.publish(set, by: TestInstallation.admin)
    }

    private func problems(_ files: [PolicyFile], _ gateways: Gateways) async -> String {
        do {
            try await publish(files, gateways)
            return ""
        } catch {
            return "\(error)"
        }
    }

    private static let own = PolicyFile(
        name: "mine.cedarschema",
        text: """
            action "mcp.github" in [Action::"mcp"];
            action "mcp.github___create" in [Action::"mcp.github"] appliesTo {
              principal: [Agent], resource: [McpServer], context: { input: { title?: String } },
            };
            """)

    @Test("Publishing carries generated schemas over, and copies of them are taken")
    func carriedOver() async throws {
        let gateways = try await Gateways()
        let presentation = try Gateways.presentation()
        try await gateways.set(presentation)
        let files = [
            PolicyFile(
                name: "20-create.cedar",
                text: """
                    permit (principal, action == Action::"mcp.github___create", resource)
                    when { context.input has title && context.input.title == "x" };
                    """)
        ]
        try await publish(files, gateways)
        #expect(
            gateways.fileNames
                == ["20-create.cedar", "exequatur.cedarschema", "mcp-github.cedarschema"])
        #expect(try await gateways.call(of: presentation).state.status == .cleared)
        let copies = try #require(gateways.control.governance.policies).files
        try await publish(copies, gateways)
        #expect(gateways.control.governance.policies?.files == copies)
        // A set that was compiled without them is refused.
        let code = await failure {
            try await gateways.control.publish(
                try PublishedPolicies(files: Gateways.open), by: TestInstallation.admin)
        }
        #expect(code == "policies_changed")
    }

    @Test("Names of generated files are reserved")
    func reserved() async throws {
        let gateways = try await Gateways()
        let made = try await gateways.set(Gateways.presentation())
        #expect(made.notes == [])
        let copy = try #require(
            gateways.control.governance.policies?.files.first { $0.name.hasPrefix("mcp-") })
        for file in [
            PolicyFile(name: "mcp-github.cedarschema", text: "action a;"),
            PolicyFile(name: "mcp-other.cedarschema", text: "action a;"),
            PolicyFile(name: "mcp-other.cedarschema", text: copy.text),
            PolicyFile(name: copy.name, text: copy.text + "\naction a;"),
        ] {
            let text = await problems(Gateways.open + [file], gateways)
            #expect(text.contains("leave it out"), "\(text)")
        }
        // Away from the server a copy may be the right one.
        _ = try PublishedPolicies(files: Gateways.open + [copy])
        #expect(throws: PolicyProblems.self) {
            try PublishedPolicies(
                files: Gateways.open
                    + [PolicyFile(name: "mcp-other.cedarschema", text: "action a;")])
        }
    }

    @Test("A user's own declaration wins: nothing is generated beside it")
    func ownDeclaration() async throws {
        let gateways = try await Gateways()
        try await publish(Gateways.open + [Self.own], gateways)
        let presentation = try Gateways.presentation()
        let approval = try await gateways.set(presentation)
        #expect(approval.isNew)
        #expect(!gateways.fileNames.contains("mcp-github.cedarschema"))
        #expect(try await gateways.call(of: presentation).state.status == .pending)
        let merge = try await gateways.call("merge", of: presentation)
        #expect(gateways.denial(merge).contains("is not declared"))
        // Once it is gone, what was approved counts; also after a restart.
        try await gateways.installation.restart()
        try await publish(Gateways.open, gateways)
        #expect(gateways.fileNames.contains("mcp-github.cedarschema"))
        #expect(try await gateways.call("merge", of: presentation).state.status == .pending)
        try await publish(Gateways.open + [Self.own], gateways)
        #expect(!gateways.fileNames.contains("mcp-github.cedarschema"))
    }

    @Test("Two gates share a server's name only where their tools are the same")
    func sharedName() async throws {
        let gateways = try await Gateways()
        let first = try Gateways.presentation()
        try await gateways.set(first)
        let twin = try Gateways.presentation(command: "elsewhere")
        #expect(try await gateways.set(twin, at: Gateways.two).isNew)
        #expect(try await gateways.call(of: twin, at: Gateways.two).state.status == .pending)
        let other = try Gateways.presentation([Gateways.definition("create", "Other words.")])
        try await gateways.present(other, at: Gateways.two)
        let code = await failure { try await gateways.approve(other, at: Gateways.two) }
        #expect(code == "server_name_taken")
        // Another name, or a gate fewer, and it goes.
        let renamed = try Gateways.presentation(
            server: "github-two", [Gateways.definition("create", "Other words.")])
        try await gateways.set(renamed, at: Gateways.two)
        #expect(gateways.fileNames.filter { $0.hasPrefix("mcp-") }.count == 2)
        try await gateways.control.apply(.gateRemoved(Gateways.one), by: TestInstallation.admin)
        try await gateways.set(other, at: Gateways.two)
        #expect(
            gateways.fileNames.filter { $0.hasPrefix("mcp-") } == ["mcp-github.cedarschema"])
    }

    @Test("Policies that the new tools don't fit stop an approval, with the reason")
    func unfit() async throws {
        let gateways = try await Gateways()
        try await gateways.set(Gateways.presentation())
        try await publish(
            [
                PolicyFile(
                    name: "a.cedar",
                    text: """
                        permit (principal, action == Action::"mcp.github___merge", resource);
                        """)
            ], gateways)
        let fewer = try Gateways.presentation([Gateways.definition("create")])
        try await gateways.present(fewer)
        let before = gateways.control.governance.directory.configurations
        await #expect(throws: PolicyProblems.self) { try await gateways.approve(fewer) }
        #expect(gateways.control.governance.directory.configurations == before)
    }

    @Test("A tool whose input can't be declared is declared as open, and said")
    func openInput() async throws {
        let gateways = try await Gateways()
        let odd: JSON = ["inputSchema": "nonsense", "name": "odd"]
        let bare: JSON = ["name": "bare"]
        let presentation = try Gateways.presentation([odd, bare, Gateways.definition("create")])
        let approval = try await gateways.set(presentation)
        #expect(approval.notes.count { $0.contains("declared as open") } == 2)
        for tool in ["odd", "bare", "create"] {
            let result = try await gateways.call(tool, of: presentation)
            #expect(result.state.status == .pending, "\(tool): \(gateways.denial(result))")
        }
    }

    @Test("Tools that no action can stand for are left out, and stay unusable")
    func unusable() async throws {
        let gateways = try await Gateways()
        let presentation = try Gateways.presentation([
            Gateways.definition("a b"), Gateways.definition("create"),
        ])
        let approval = try await gateways.set(presentation)
        #expect(
            presentation.tools.map { approval.standing.standing($0) } == [.unusable, .approved])
        #expect(!approval.standing.isQuarantined)
        #expect(try gateways.control.quarantinedGates() == [])
    }

    @Test("Approved as advisory, a gate with a credential is advisory")
    func advisory() async throws {
        let gateways = try await Gateways()
        let presentation = try Gateways.presentation(mode: "advisory")
        try await gateways.set(presentation)
        let action = try await gateways.call(of: presentation)
        #expect(action.state.status == .pending)
        #expect(!action.state.submission.gate.enforcing)
    }

    @Test("Actions that policy never allows are listed, for each agent")
    func never() async throws {
        let gateways = try await Gateways()
        try await gateways.set(Gateways.presentation())
        #expect(try gateways.control.neverAllowed(at: Gateways.one, for: nil) == [])
        try await publish(
            [
                PolicyFile(
                    name: "a.cedar",
                    text: """
                        permit (principal == Agent::"other-bot", action, resource);
                        permit (principal, action == Action::"mcp.github___create", resource);
                        """)
            ], gateways)
        let merge = ["mcp.github___merge"]
        #expect(try gateways.control.neverAllowed(at: Gateways.one, for: nil) == [])
        #expect(
            try gateways.control.neverAllowed(at: Gateways.one, for: TestInstallation.bot) == merge)
        #expect(
            try gateways.control.neverAllowed(at: Gateways.one, for: TestInstallation.otherBot)
                == [])
        #expect(try gateways.control.neverAllowed(at: Gateways.two, for: nil) == [])
    }
}
