// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Repeated requests")
struct AttachTests {
    @Test("The same credential, gate and operation attach while pending and while cleared")
    func attaches() async throws {
        let installation = try await TestInstallation()
        let first = try await installation.submit("review")
        let second = try await installation.submit("review", nonce: TestInstallation.nonce(1))
        #expect(!second.isNew)
        #expect(second.state.id == first.state.id)
        #expect(second.state.version == 1)
        _ = try await installation.decide(first, by: TestInstallation.bob)
        let third = try await installation.submit("review", nonce: TestInstallation.nonce(1))
        #expect(third.state.id == first.state.id)
        // Attaching never claims; the gate does that with its own request.
        #expect(third.state.status == .cleared)
        #expect(
            try installation.entries().filter { $0.entry.kind == "action.submitted" }.count == 1)
    }

    @Test("Another credential, gate, operation or intent of the same agent")
    func distinct() async throws {
        let installation = try await TestInstallation()
        let first = try await installation.submit("review")
        let others = [
            try await installation.submit("review", name: "b"),
            try await installation.submit("review", agent: TestInstallation.otherBot),
            try await installation.submit("review", atGate: false),
        ]
        #expect(others.allSatisfy { $0.isNew && $0.state.id != first.state.id })
        #expect(Set(others.map(\.state.digest)).count == 3)
        // A rotated token is another credential.
        let issued = try await installation.control.rotate(
            .agent, TestInstallation.bot, by: TestInstallation.admin)
        let rotated = try installation.control.submitter(
            agent: try installation.control.authenticate(bearer: try #require(issued.token)),
            gate: nil, audit: [:])
        let operation = try TestInstallation.operation("review")
        let result = try await installation.control.submit(
            SubmitCommand(
                operation: operation, intent: .none, nonce: nil, idempotencyKey: nil,
                requestDigest: .zero), by: rotated)
        #expect(result.isNew)
    }

    @Test("After it ran, and after it lapsed, the same operation is a new action")
    func newAfterTheEnd() async throws {
        let installation = try await TestInstallation()
        let ran = try await installation.submit(nonce: TestInstallation.nonce(1))
        let whileClaimed = try await installation.submit(nonce: TestInstallation.nonce(2))
        #expect(whileClaimed.isNew)
        _ = try await installation.report(ran, .succeeded)
        let again = try await installation.submit()
        #expect(again.isNew)
        installation.clock.advance(seconds: 600)
        // Nobody has enforced the deadline yet; the grant is worth nothing all the same.
        let late = try await installation.submit()
        #expect(late.isNew)
        #expect(Set([ran, whileClaimed, again, late].map(\.state.digest)).count == 4)
    }

    @Test("A person's denial answers for ten minutes; policy's own denial is asked again")
    func recentDenial() async throws {
        let installation = try await TestInstallation()
        let denied = try await installation.submit("review")
        _ = try await installation.decide(denied, .deny, by: TestInstallation.bob)
        installation.clock.advance(seconds: 300)
        // Nor does anybody's idle attempt on the denied action make the memory longer.
        _ = await failure { try await installation.decide(denied, by: TestInstallation.carol) }
        installation.clock.advance(seconds: 299)
        let repeated = try await installation.submit("review")
        #expect(!repeated.isNew)
        #expect(repeated.state.status == .denied)
        #expect(repeated.state.id == denied.state.id)
        installation.clock.advance(seconds: 1)
        #expect(try await installation.submit("review").isNew)

        let byPolicy = try await installation.submit("never")
        let asked = try await installation.submit("never")
        #expect(asked.isNew)
        #expect(asked.state.id != byPolicy.state.id)
    }

    @Test("Fifty requests at once make one action")
    func racing() async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        let submitter = try installation.submitter()
        let operation = try TestInstallation.operation("review")
        let results = try await withThrowingTaskGroup(of: ActionResult.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await control.submit(
                        SubmitCommand(
                            operation: operation, intent: .none, nonce: nil, idempotencyKey: nil,
                            requestDigest: .zero), by: submitter)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.filter { $0.isNew }.count == 1)
        #expect(Set(results.map(\.state.id)).count == 1)
    }

    @Test("An idempotency key gives the same answer, also after the end and a restart")
    func idempotency() async throws {
        let installation = try await TestInstallation()
        let first = try await installation.submit(nonce: TestInstallation.nonce(1), key: "k")
        _ = try await installation.report(first, .succeeded)
        try await installation.restart()
        let again = try await installation.submit(nonce: TestInstallation.nonce(1), key: "k")
        #expect(!again.isNew)
        #expect(again.state.id == first.state.id)
        #expect(again.state.status == .succeeded)
        #expect(
            await failure { try await installation.submit(name: "b", key: "k") }
                == "idempotency_mismatch")
        // The key belongs to the credential.
        let other = try await installation.submit(
            name: "b", agent: TestInstallation.otherBot, key: "k")
        #expect(other.isNew)
        installation.clock.advance(seconds: 86_400)
        _ = try await installation.round()
        #expect(try await installation.submit(name: "b", key: "k").isNew)
    }

    @Test("invariant14: refused attempts can't fill the ledger, and do not hinder others")
    func invariant14_refusedAttempts() async throws {
        let installation = try await TestInstallation {
            $0.submissionsPerSecond = 2
            $0.submissionBurst = 5
        }
        let action = try await installation.submit("review")
        let cleared = try await installation.submit(agent: TestInstallation.otherBot)
        let control = installation.control
        let size = control.writer.head.size
        var codes: [String: Int] = [:]
        for _ in 0..<50 {
            let attempts = [
                await failure {
                    try await installation.decide(action, as: .agent(TestInstallation.bot))
                },
                await failure {
                    try await control.cancel(
                        action.state.id, by: .agent(TestInstallation.otherBot), audit: [:])
                },
                await failure {
                    try await control.revoke(
                        action.state.id, by: .agent(TestInstallation.bot), reason: nil, audit: [:])
                },
                await failure { try await installation.claim(cleared) },
            ]
            for code in attempts { codes[code, default: 0] += 1 }
        }
        #expect(control.writer.head.size == size + 20)
        #expect(codes["rate_limited"] == 180)
        #expect(
            try await installation.decide(action, by: TestInstallation.bob).state.status
                == .cleared)
    }

    @Test("invariant14: a chain stops growing by attempts that are refused, and counts them")
    func longChain() async throws {
        let installation = try await TestInstallation {
            $0.submissionsPerSecond = 1000
            $0.submissionBurst = 1000
        }
        let action = try await installation.submit("review")
        let limit = Int(Limits.chainEntries)
        for _ in 0..<limit + 20 {
            #expect(
                await failure {
                    try await installation.decide(action, as: .agent(TestInstallation.bot))
                } == "not_a_reviewer")
        }
        #expect(try installation.kinds(action).count == limit)
        try await installation.control.recordCountedAttempts()
        #expect(try installation.cores(kind: "attempts.counted").last?["refused"] == 21)
        let decided = try await installation.decide(action, by: TestInstallation.bob)
        #expect(decided.state.status == .cleared)
    }

    @Test("A runaway agent slows itself down, not the others, and attempts are counted")
    func rateLimit() async throws {
        let installation = try await TestInstallation {
            $0.submissionsPerSecond = 2
            $0.submissionBurst = 3
        }
        for number in 0..<3 { _ = try await installation.submit(name: "\(number)") }
        let size = installation.control.writer.head.size
        do {
            _ = try await installation.submit(name: "3")
            Issue.record("a fourth submission went through")
        } catch let error as CommandError {
            #expect(error == .rateLimited(retryAfterSeconds: 1))
        }
        #expect(installation.control.writer.head.size == size)
        _ = try await installation.submit(agent: TestInstallation.otherBot)
        installation.clock.advance(milliseconds: 500)
        _ = try await installation.submit(name: "3")
        #expect(await failure { try await installation.submit(name: "4") } == "rate_limited")
        try await installation.control.recordCountedAttempts()
        let core = try #require(try installation.cores(kind: "attempts.counted").last)
        #expect(core["rateLimited"]?.intValue == 2)
    }
}
