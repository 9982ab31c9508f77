// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import GRDB
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Behaviour: the first use of a resource, proven by the ledger")
struct BehaviorTests {
    private static let policies = [
        PolicyFile(
            name: "a.cedar",
            text: """
                @id("commands") permit (principal, action in Action::"command", resource);
                @id("new") @review("reviewers")
                forbid (principal, action in Action::"command", resource)
                when { context.behavior.firstUse };
                """)
    ]

    private func submit(
        _ installation: TestInstallation, _ resource: String = "web1", name: String,
        agent: Handle = TestInstallation.bot, nonce: Hash256? = nil
    ) async throws -> ActionResult {
        let operation = try Operation(
            action: "command.run", resourceType: "Host", resourceID: resource,
            input: ["argv": ["ls", .string(name)]])
        return try await installation.control.submit(
            SubmitCommand(
                operation: operation, intent: .none, nonce: nonce, idempotencyKey: nil,
                requestDigest: try operation.digest()),
            by: try installation.submitter(agent))
    }

    /// Submits, has it approved, and claims it.
    private func use(
        _ installation: TestInstallation, _ resource: String = "web1", name: String
    ) async throws {
        let first = try await submit(installation, resource, name: name)
        let cleared = try await installation.decide(first, by: TestInstallation.bob)
        #expect(cleared.state.status == .cleared)
        // The verdict was made on a first use, and the claim is judged by the same fact.
        #expect(try await installation.claim(cleared).state.status == .claimed)
    }

    @Test("a first use waits, later ones run, for this agent and this resource only")
    func firstUse() async throws {
        let installation = try await TestInstallation(policies: Self.policies)
        #expect(try await submit(installation, name: "waits").state.status == .pending)
        try await use(installation, name: "one")
        let known = try await submit(installation, name: "two", nonce: TestInstallation.nonce(2))
        #expect(known.state.status == .claimed)
        #expect(known.body.action.facts["behavior"]?["firstUse"] == false)
        let elsewhere = try await submit(installation, "web2", name: "three")
        #expect(elsewhere.state.status == .pending)
        let another = try await submit(
            installation, name: "four", agent: TestInstallation.otherBot)
        #expect(another.state.status == .pending)
        try await installation.restart()
        #expect(try await submit(installation, name: "five").state.status == .cleared)
    }

    @Test("only a claim counts: what was denied, or cleared and never used, is no use")
    func onlyClaims() async throws {
        let installation = try await TestInstallation(policies: Self.policies)
        let denied = try await submit(installation, name: "one")
        _ = try await installation.decide(denied, .deny, by: TestInstallation.bob)
        let cleared = try await submit(installation, name: "two")
        _ = try await installation.decide(cleared, by: TestInstallation.bob)
        #expect(try await submit(installation, name: "three").state.status == .pending)
    }

    @Test("after a quarter without use a resource is new again")
    func forgets() async throws {
        let installation = try await TestInstallation(policies: Self.policies)
        try await use(installation, name: "one")
        installation.clock.advance(seconds: 89 * 86_400)
        #expect(try await submit(installation, name: "two").state.status == .cleared)
        installation.clock.advance(seconds: 2 * 86_400)
        #expect(try await submit(installation, name: "three").state.status == .pending)
    }

    @Test("invariant15: an edited row can't make a first use look familiar")
    func invariant15_editedRow() async throws {
        let installation = try await TestInstallation(policies: Self.policies)
        try await use(installation, name: "one")
        let pending = try await submit(installation, "web2", name: "two")
        // Whoever edits the database points every row at whatever action he likes.
        for id in [pending.state.id.text, "act_00000000000000000000000000", "x"] {
            try installation.tamper(
                "UPDATE operational SET value = CAST(? AS BLOB) WHERE space = 'use'", [id])
            #expect(
                try await submit(installation, name: "after \(id)").state.status == .pending)
        }
    }

    @Test("policies that do not ask cost no look, and their actions count as new")
    func notAsked() async throws {
        let installation = try await TestInstallation()
        let result = try await installation.submit(nonce: TestInstallation.nonce(1))
        #expect(result.body.action.facts["behavior"] == nil)
        try await installation.publish(Self.policies[0].text)
        // The earlier claim was noted nevertheless.
        #expect(try await submit(installation, name: "later").state.status == .cleared)
    }
}
