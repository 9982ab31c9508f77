// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import ControlPlane

extension Simulation {
    /// One random step; what is refused is part of the run, an unknown error is not.
    func act() async throws {
        switch random.next() % 100 {
        case 0..<30: try await attempt("submit") { try await self.submit() }
        case 30..<55: try await attempt("decide") { try await self.decide() }
        case 55..<72: try await attempt("claim") { try await self.claim() }
        case 72..<82: try await attempt("report") { try await self.report() }
        case 82..<86: try await attempt("end") { try await self.end() }
        case 86..<90: try await attempt("directory") { try await self.changeDirectory() }
        case 90..<93: try await attempt("policies") { try await self.changePolicies() }
        case 93..<98: try await letTimePass()
        default: try await stepClock()
        }
    }

    /// What a caller may be told instead of an answer.
    private static let refusals: Set<String> = Set(Refusal.Code.allCases.map(\.rawValue)).union([
        "ledger_unavailable", "clock_stepped", "unsatisfiable", "directory_conflict",
        "last_administrator", "no_such_action",
    ])

    private func attempt(_ what: String, _ body: () async throws -> ActionResult?) async throws {
        let result: ActionResult?
        do {
            result = try await body()
        } catch {
            let code = failureCode(error)
            #expect(Self.refusals.contains(code), "\(what): \(error)")
            note("\(what) \(code)")
            return
        }
        note(what)
        if let result { try answered(result) }
    }

    /// An action that was seen before, mostly one that is in the right state for the step.
    private func known(_ status: ActionStatus) -> ActionResult? {
        let ready = actions.filter { states[$0.state.id]?.status == status }
        if !ready.isEmpty, chance(70) { return pick(ready) }
        return actions.isEmpty ? nil : pick(actions)
    }

    private func submit() async throws -> ActionResult {
        let mode = pick(["allow", "allow", "review", "review", "two", "high", "lead", "never"])
        let number = random.next()
        return try await installation.submit(
            mode, name: "\(number % 12)",
            nonce: chance(50) ? TestInstallation.nonce(number) : nil,
            agent: pick([TestInstallation.bot, TestInstallation.otherBot]), atGate: chance(80),
            key: chance(20) ? "\(number % 100)-\(mode)-\(number % 12)" : nil)
    }

    private func decide() async throws -> ActionResult? {
        guard let action = known(.pending) else { return nil }
        let principal = pick([
            Principal.person(TestInstallation.alice), .person(TestInstallation.bob),
            .person(TestInstallation.bob), .person(TestInstallation.bob),
            .person(TestInstallation.carol), .person(TestInstallation.carol),
            .person(TestInstallation.carol), .person(TestInstallation.erin),
            .person(TestInstallation.dave), .agent(TestInstallation.bot), TestInstallation.admin,
            .gate(TestInstallation.gate),
            .person(ControlPlane.firstAdministrator),
        ])
        return try await installation.decide(
            action, chance(80) ? .approve : .deny, as: principal,
            assurance: pick([.token, .console, .console]),
            expect: chance(5) ? "0000000000000000" : nil)
    }

    private func claim() async throws -> ActionResult? {
        guard let action = known(.cleared) else { return nil }
        let nonce =
            nonces[action.state.id].flatMap { chance(50) ? $0 : nil }
            ?? TestInstallation.nonce(random.next())
        return try await installation.claim(
            action, nonce, agent: action.state.submission.requester.agent,
            atGate: action.state.submission.gate.enforcing != chance(5))
    }

    private func report() async throws -> ActionResult? {
        guard let action = known(.claimed) else { return nil }
        let submission = action.state.submission
        return try await control.report(
            action.state.id, ActionEvent.Report(pick(OutcomeStatus.allCases)), detail: nil,
            nonce: nonces[action.state.id] ?? .zero,
            by: try installation.submitter(
                submission.requester.agent, atGate: submission.gate.enforcing))
    }

    private func end() async throws -> ActionResult? {
        guard let action = known(pick([.cleared, .unknown, .pending])) else { return nil }
        let by = Authenticated.person(
            pick([TestInstallation.alice, TestInstallation.bob, TestInstallation.carol]))
        switch random.next() % 3 {
        case 0: return try await control.cancel(action.state.id, by: by, audit: [:])
        case 1:
            return try await control.revoke(action.state.id, by: by, reason: "x", audit: [:])
        default:
            return try await control.settle(
                action.state.id, pick([.succeeded, .failed, .notStarted]), by: by, reason: "x",
                audit: [:])
        }
    }

    private func changeDirectory() async throws -> ActionResult? {
        let member = pick([
            TestInstallation.alice, TestInstallation.bob, TestInstallation.carol,
            TestInstallation.dave, TestInstallation.erin, TestInstallation.otherBot,
        ])
        let group = pick([Handle.reviewers, TestInstallation.leads])
        let isMember = control.governance.directory.groups[group]?.contains(member) == true
        try await control.apply(
            isMember
                ? .memberRemoved(group: group, member: member)
                : .memberAdded(group: group, member: member), by: TestInstallation.admin)
        return nil
    }

    private func changePolicies() async throws -> ActionResult? {
        try await installation.publish(
            pick([
                TestInstallation.policies[0].text, TestInstallation.closedPolicies,
                TestInstallation.policies[0].text.replacing(
                    #"@id("one")"#, with: #"@id("one") @quorum("2")"#),
            ]))
        return nil
    }

    private func letTimePass() async throws {
        installation.clock.advance(seconds: Int64(pick([60, 95, 300, 601, 3601])))
        try await attempt("round") {
            try await self.installation.round()
            return nil
        }
    }

    /// A clock that jumps, is noticed, and is put right again.
    private func stepClock() async throws {
        let seconds: Int64 = pick([-7200, -30, 30, 7200, 400 * 86_400])
        installation.clock.step(seconds: seconds)
        try await attempt("step") { try await self.submit() }
        installation.clock.step(seconds: -seconds)
        try await attempt("round") {
            try await self.installation.round()
            return nil
        }
    }
}
