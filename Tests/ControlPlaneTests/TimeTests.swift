// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import GRDB
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Time: the clock rule, heartbeats")
struct TimeTests {
    @Test("A clock that jumps stops clearing, claiming and expiry until it agrees again")
    func drift() async throws {
        let installation = try await TestInstallation()
        let pending = try await installation.submit("review")
        let cleared = try await installation.submit(name: "b")
        try await installation.round()
        installation.clock.step(seconds: 7200)
        let decided = await failure {
            try await installation.decide(pending, by: TestInstallation.bob)
        }
        #expect(decided == "clock_stepped")
        #expect(await failure { try await installation.submit(name: "c") } == "clock_stepped")
        #expect(await failure { try await installation.claim(cleared) } == "clock_stepped")
        try await installation.round()
        #expect(installation.control.notReady != nil)
        #expect(try installation.status(pending) == .pending)
        #expect(try installation.status(cleared) == .cleared)
        #expect(try installation.cores(kind: "clock.stepped").count == 1)

        installation.clock.step(seconds: -7200)
        try await installation.round()
        #expect(installation.control.notReady == nil)
        #expect(try await installation.claim(cleared).state.status == .claimed)
        // The two hours that never were have expired nothing and stretched nothing.
        #expect(
            try await installation.decide(pending, by: TestInstallation.bob).state.clearance?
                .notAfter == installation.clock.now.adding(seconds: 600))
    }

    @Test("A jump of years that was put right leaves deadlines as they were")
    func longJump() async throws {
        let installation = try await TestInstallation()
        installation.clock.step(seconds: 10 * 365 * 86_400)
        try await installation.round()
        installation.clock.step(seconds: -10 * 365 * 86_400)
        try await installation.round()
        let action = try await installation.submit("review")
        #expect(action.state.submission.deadline == installation.clock.now.adding(seconds: 3600))
        _ = try await installation.decide(action, by: TestInstallation.bob)
        installation.clock.advance(seconds: 600)
        try await installation.round()
        #expect(try installation.status(action) == .lapsed)
    }

    @Test("A few seconds of correction are no jump, and recorded time never goes back")
    func smallCorrection() async throws {
        let installation = try await TestInstallation()
        for step in [Int64(4), -5, 3, -4] {
            installation.clock.step(seconds: step)
            installation.clock.advance(seconds: 1)
            try await installation.round()
            #expect(installation.control.notReady == nil)
            _ = try await installation.submit(name: "\(step)")
        }
        let times = try installation.entries().map(\.entry.at)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test(
        "A start behind the last entry, or a day after it, waits for an administrator",
        arguments: [Int64(-60), 86_401])
    func implausibleStart(_ seconds: Int64) async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        installation.stop()
        installation.clock.step(seconds: seconds)
        try installation.start()
        _ = try await installation.control.begin(starterPolicies: TestInstallation.policies)
        #expect(installation.control.notReady != nil)
        #expect(await failure { try await installation.submit(name: "b") } == "clock_stepped")
        try await installation.round()
        #expect(try installation.status(action) == .pending)
        #expect(
            await failure {
                try await installation.control.confirmClock(by: .person(TestInstallation.bob))
            } == "administrators_only")
        try await installation.control.confirmClock(by: TestInstallation.admin)
        #expect(installation.control.notReady == nil)
        try await installation.round()
        #expect(try installation.status(action) == (seconds < 0 ? .pending : .expired))
        _ = try await installation.submit(name: "b")
        #expect(try installation.cores(kind: "clock.confirmed").count == 1)
        let times = try installation.entries().map(\.entry.at)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test("After a start behind the last entry deadlines still come")
    func deadlinesAfterStartBehind() async throws {
        let installation = try await TestInstallation()
        installation.stop()
        installation.clock.step(seconds: -86_400)
        try installation.start()
        try await installation.control.confirmClock(by: TestInstallation.admin)
        let action = try await installation.submit("review")
        _ = try await installation.decide(action, by: TestInstallation.bob)
        installation.clock.advance(seconds: 601)
        try await installation.round()
        #expect(try installation.status(action) == .lapsed)
    }

    @Test("A silent gate leaves an unknown outcome; its late report settles it")
    func silence() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit(nonce: TestInstallation.nonce(1))
        for _ in 0..<4 {
            installation.clock.advance(seconds: 60)
            try installation.control.heartbeat(action.state.id, by: try installation.submitter())
            try await installation.round()
        }
        #expect(try installation.status(action) == .claimed)
        installation.clock.advance(seconds: 89)
        try await installation.round()
        #expect(try installation.status(action) == .claimed)
        installation.clock.advance(seconds: 1)
        try await installation.round()
        #expect(try installation.status(action) == .unknown)
        let late = try await installation.report(action, .succeeded)
        #expect(late.state.status == .succeeded)
        #expect(
            try installation.kinds(action).suffix(2) == ["action.silent", "action.reported"])
    }

    @Test("An unknown outcome is settled by a person outside the chain, and a report stays")
    func settle() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit(nonce: TestInstallation.nonce(1))
        let control = installation.control
        func settle(_ principal: Principal, _ outcome: OutcomeStatus = .failed) async -> String {
            await failure {
                try await control.settle(
                    action.state.id, outcome, by: .of(principal), reason: "seen", audit: [:])
            }
        }
        #expect(await settle(.person(TestInstallation.bob)) == "not_unknown")
        // The gate itself may not know.
        _ = try await installation.report(action, .unknown)
        #expect(try installation.status(action) == .unknown)
        for principal in [
            Principal.person(TestInstallation.alice), .agent(TestInstallation.bot),
            TestInstallation.admin, .gate(TestInstallation.gate),
        ] {
            #expect(await settle(principal) == "not_allowed")
        }
        #expect(await settle(.person(TestInstallation.bob), .unknown) == "not_unknown")
        #expect(await settle(.person(TestInstallation.bob)) == "none")
        let state = try #require(try control.detail(action.state.id)).state
        #expect(state.status == .failed)
        #expect(state.outcomes.map(\.status) == [.unknown, .failed])
        #expect(state.outcomes.map(\.settledBy) == [nil, TestInstallation.bob])
        #expect(await settle(.person(TestInstallation.bob)) == "not_unknown")
    }

    @Test("Nobody's attempts keep a silent gate alive, and strangers can't beat for it")
    func heartbeatsAreTheGates() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit(nonce: TestInstallation.nonce(1))
        installation.clock.advance(seconds: 60)
        _ = await failure { try await installation.decide(action, by: TestInstallation.bob) }
        #expect(
            await failure {
                try installation.control.heartbeat(
                    action.state.id, by: try installation.submitter(TestInstallation.otherBot))
            } == "no_such_action")
        installation.clock.advance(seconds: 30)
        try await installation.round()
        #expect(try installation.status(action) == .unknown)
    }

    @Test("After a restart a gate has a full period again")
    func heartbeatsAfterRestart() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit(nonce: TestInstallation.nonce(1))
        installation.clock.advance(seconds: 80)
        try await installation.restart()
        installation.clock.advance(seconds: 80)
        try await installation.round()
        #expect(try installation.status(action) == .claimed)
        installation.clock.advance(seconds: 10)
        try await installation.round()
        #expect(try installation.status(action) == .unknown)
    }

    @Test("One broken action does not keep the others from expiring")
    func schedulerGoesOn() async throws {
        let installation = try await TestInstallation()
        let broken = try await installation.submit("review")
        let sound = try await installation.submit("review", name: "b")
        try installation.tamper(
            "UPDATE entry SET core = x'7b7d' WHERE ref = ?", [broken.state.id.text])
        installation.clock.advance(seconds: 3600)
        try await installation.round()
        #expect(try installation.status(sound) == .expired)
    }
}
