// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("The loop: submit, decide, claim, report")
struct LoopTests {
    @Test("An allowed action is cleared and claimed in one durable write")
    func allowed() async throws {
        let installation = try await TestInstallation()
        let before = installation.storage.writes
        let nonce = TestInstallation.nonce(1)
        let result = try await installation.submit(nonce: nonce)
        #expect(installation.storage.writes == before + 1)
        #expect(result.isNew)
        #expect(result.state.status == .claimed)
        #expect(result.state.claim?.nonce == nonce)
        #expect(
            try installation.kinds(result) == [
                "action.submitted", "action.cleared", "action.claimed",
            ])
        let entry = try #require(result.claimEntry)
        let proof = try installation.control.proof(of: entry.index, under: result.head)
        let checkpoint = try TLogProof(parsing: proof).verify(
            leaf: entry.entry.leafHash, key: installation.control.verifierKey)
        #expect(checkpoint.size == result.head.size)
        #expect(entry.matchesCommitments)
        let reported = try await installation.report(result, .succeeded)
        #expect(reported.state.status == .succeeded)
        #expect(reported.state.outcomes.map(\.exitCode) == [0])
    }

    @Test("The claim entry's core names nonce, gate, digests and a start within 30 seconds")
    func claimCore() async throws {
        let installation = try await TestInstallation()
        let result = try await installation.submit(nonce: TestInstallation.nonce(7))
        let core = try JSON(canonical: try #require(result.claimEntry).core)
        #expect(core["kind"]?.stringValue == "action.claimed")
        #expect(core["action"]?.stringValue == result.state.id.text)
        #expect(core["digest"]?.stringValue == result.state.digest.hex)
        let operation = try TestInstallation.operation().digest()
        #expect(core["operation"]?.stringValue == operation.hex)
        #expect(core["nonce"]?.stringValue == TestInstallation.nonce(7).hex)
        #expect(core["gate"]?.stringValue == "run")
        let startBy = try #require(core["startBy"]?.stringValue.flatMap(Timestamp.init))
        #expect(startBy == installation.clock.now.adding(seconds: 30))
        #expect(core["unsealed"]?.boolValue == true)
    }

    @Test("A reviewed action waits, is approved, claimed by a fresh nonce and reported")
    func reviewed() async throws {
        let installation = try await TestInstallation()
        let submitted = try await installation.submit("review", nonce: TestInstallation.nonce(1))
        #expect(submitted.state.status == .pending)
        #expect(submitted.state.claim == nil)
        #expect(submitted.body.isShownInFull)
        #expect(submitted.body.eligible.map(\.text) == ["admin", "bob", "carol"])
        #expect(await failure { try await installation.claim(submitted) } == "not_cleared")
        let approved = try await installation.decide(submitted, by: TestInstallation.bob)
        #expect(approved.state.status == .cleared)
        #expect(
            approved.state.clearance?.notAfter == installation.clock.now.adding(seconds: 600))
        let claimed = try await installation.claim(submitted)
        #expect(claimed.state.status == .claimed)
        _ = try await installation.report(submitted, .failed)
        #expect(
            try installation.kinds(submitted) == [
                "action.submitted", "action.decided", "action.cleared", "action.claimed",
                "action.reported",
            ])
        #expect(try installation.status(submitted) == .failed)
    }

    @Test("A denied action says why and can't be claimed or decided")
    func denied() async throws {
        let installation = try await TestInstallation()
        let result = try await installation.submit("never", nonce: TestInstallation.nonce(1))
        #expect(result.state.status == .denied)
        #expect(result.state.submission.verdict["decision"]?.stringValue == "deny")
        #expect(await failure { try await installation.claim(result) } == "not_cleared")
        #expect(
            await failure {
                try await installation.decide(result, by: TestInstallation.bob)
            } == "not_pending")
    }

    @Test("What no policy permits is denied")
    func unpermitted() async throws {
        let installation = try await TestInstallation()
        let operation = try Operation(
            action: "database.drop", resourceType: "Host", resourceID: "web1", input: [:])
        let result = try await installation.control.submit(
            SubmitCommand(
                operation: operation, intent: .none, nonce: nil, idempotencyKey: nil,
                requestDigest: .zero), by: try installation.submitter())
        #expect(result.state.status == .denied)
    }

    @Test("A repeated report changes nothing; another one is refused")
    func repeatedReport() async throws {
        let installation = try await TestInstallation()
        let result = try await installation.submit(nonce: TestInstallation.nonce(1))
        _ = try await installation.report(result, .succeeded)
        let count = try installation.entries().count
        _ = try await installation.report(result, .succeeded)
        #expect(try installation.entries().count == count)
        #expect(
            await failure { try await installation.report(result, .failed) }
                == "already_reported")
        #expect(
            await failure {
                try await installation.report(result, .succeeded, TestInstallation.nonce(2))
            } == "wrong_gate")
    }

    @Test("Only the gate that submitted may claim, and only for that agent")
    func wrongGate() async throws {
        let installation = try await TestInstallation()
        let result = try await installation.submit()
        #expect(
            await failure { try await installation.claim(result, atGate: false) }
                == "wrong_gate")
        #expect(
            await failure {
                try await installation.claim(result, agent: TestInstallation.otherBot)
            } == "no_such_action")
        #expect(
            try installation.refusals(result) == ["agent:\(TestInstallation.bot) claim wrong_gate"])
        #expect(
            try installation.strangersAttempts()
                == ["agent:\(TestInstallation.otherBot) claim no_such_action"])
        #expect(try await installation.claim(result).state.status == .claimed)
    }

    @Test("Without a gate of its own an action is advisory")
    func advisory() async throws {
        let installation = try await TestInstallation()
        let result = try await installation.submit(atGate: false)
        #expect(!result.state.submission.gate.enforcing)
        #expect(result.state.submission.gate.id == .advisoryGate)
    }
}
