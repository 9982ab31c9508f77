// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Invariants 12 to 14: policies and directory")
struct GovernanceTests {
    // MARK: 12

    @Test("invariant12: a policy that no longer allows invalidates the grant at claim")
    func invariant12_policyDenies() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        _ = try await installation.decide(action, by: TestInstallation.bob)
        try await installation.publish(TestInstallation.closedPolicies)
        #expect(await failure { try await installation.claim(action) } == "invalidated")
        #expect(try installation.status(action) == .invalidated)
        let core = try #require(try installation.cores(kind: "action.invalidated").last)
        #expect(core["cause"]?.stringValue == "policy_denies")
        #expect(
            core["policySet"]?.stringValue
                == installation.control.governance.policies?.digest.hex)
        #expect(await failure { try await installation.claim(action) } == "invalidated")
    }

    @Test("invariant12: a policy that asks for more invalidates, one that still allows does not")
    func invariant12_policyAsksMore() async throws {
        let installation = try await TestInstallation()
        let first = try await installation.submit("review")
        let second = try await installation.submit("review", name: "b")
        for action in [first, second] {
            _ = try await installation.decide(action, by: TestInstallation.bob)
        }
        let text = TestInstallation.policies[0].text
        try await installation.publish(text + "\n// a comment makes another digest\n")
        #expect(try await installation.claim(first).state.status == .claimed)
        try await installation.publish(
            text.replacing(#"@id("one")"#, with: #"@id("one") @quorum("2")"#))
        #expect(await failure { try await installation.claim(second) } == "invalidated")
        let core = try #require(try installation.cores(kind: "action.invalidated").last)
        #expect(core["cause"]?.stringValue == "requirement_unmet")
    }

    @Test("invariant12: an allowed action that policy now holds for review is invalidated")
    func invariant12_allowedThenReviewed() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit()
        #expect(action.state.status == .cleared)
        try await installation.publish(
            TestInstallation.policies[0].text
                + #"@id("all") @review("reviewers") forbid (principal, action, resource);"#)
        #expect(await failure { try await installation.claim(action) } == "invalidated")
    }

    /// How a reviewer stops being one.
    enum Departure: CaseIterable {
        case leavesGroup
        case isRemoved
        case becomesOwner
    }

    @Test(
        "invariant12: an approval of somebody who is no longer eligible does not carry a claim",
        arguments: [Departure.leavesGroup, .isRemoved])
    func invariant12_reviewerGone(_ departure: Departure) async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        _ = try await installation.decide(action, by: TestInstallation.carol)
        let change: DirectoryChange =
            departure == .isRemoved
            ? .personRemoved(TestInstallation.carol)
            : .memberRemoved(group: .reviewers, member: TestInstallation.carol)
        try await installation.control.apply(change, by: TestInstallation.admin)
        #expect(await failure { try await installation.claim(action) } == "invalidated")
        #expect(try installation.status(action) == .invalidated)
    }

    @Test("invariant12: a removed reviewer's approval fills no slot while others still decide")
    func invariant12_reviewerGoneWhilePending() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("two")
        _ = try await installation.decide(action, by: TestInstallation.carol)
        try await installation.control.apply(
            .personRemoved(TestInstallation.carol), by: TestInstallation.admin)
        let second = try await installation.decide(action, by: TestInstallation.bob)
        #expect(second.state.status == .pending)
    }

    // MARK: 13

    @Test("invariant13: a change that leaves a review nobody can satisfy is refused")
    func invariant13_satisfiable() async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        func apply(_ change: DirectoryChange) async -> String {
            await failure { try await control.apply(change, by: TestInstallation.admin) }
        }
        #expect(await apply(.groupRemoved(.reviewers)) == "unsatisfiable")
        #expect(await apply(.groupRemoved(TestInstallation.leads)) == "unsatisfiable")
        #expect(await apply(.personRemoved(TestInstallation.erin)) == "unsatisfiable")
        #expect(
            await apply(.memberRemoved(group: .reviewers, member: TestInstallation.carol))
                == "none")
        // Two are left, and policy `two` needs two.
        let size = control.writer.head.size
        #expect(
            await apply(.memberRemoved(group: .reviewers, member: TestInstallation.bob))
                == "unsatisfiable")
        #expect(await apply(.personRemoved(TestInstallation.bob)) == "unsatisfiable")
        #expect(control.writer.head.size == size)
        #expect(control.governance.directory.persons(in: .reviewers).count == 2)
    }

    @Test("invariant13: the last administrator stays")
    func invariant13_lastAdministrator() async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        let admin = ControlPlane.firstAdministrator
        for change in [
            DirectoryChange.personRemoved(admin), .groupRemoved(.administrators),
            .memberRemoved(group: .administrators, member: admin),
        ] {
            #expect(
                await failure { try await control.apply(change, by: TestInstallation.admin) }
                    == "last_administrator")
        }
        try await control.apply(
            .memberAdded(group: .administrators, member: TestInstallation.erin),
            by: TestInstallation.admin)
        try await control.apply(
            .memberRemoved(group: .administrators, member: admin), by: TestInstallation.admin)
        #expect(control.mayAdminister(.person(TestInstallation.erin)))
        #expect(!control.mayAdminister(.person(admin)))
    }

    @Test(
        "invariant13: only administrators change the directory and the policies",
        arguments: [
            Principal.agent(TestInstallation.bot), .gate(TestInstallation.gate),
            .person(TestInstallation.bob), .person(Handle(constant: "nobody")),
        ])
    func invariant13_onlyAdministrators(_ principal: Principal) async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        let zoe = Handle(constant: "zoe")
        let size = control.writer.head.size
        let policies = try PublishedPolicies(files: TestInstallation.policies)
        let codes = [
            await failure { try await control.addGroup(zoe, by: principal) },
            await failure { try await control.addGate(zoe, by: principal) },
            await failure {
                try await control.addPerson(
                    zoe, name: nil, groups: [], wantsToken: true, by: principal)
            },
            await failure {
                try await control.addAgent(
                    zoe, owner: TestInstallation.bob, groups: [], name: nil, by: principal)
            },
            await failure {
                try await control.rotate(.agent, TestInstallation.bot, by: principal)
            },
            await failure { try await control.publish(policies, by: principal) },
            await failure { try await control.confirmClock(by: principal) },
        ]
        #expect(codes == Array(repeating: "administrators_only", count: 7))
        #expect(control.writer.head.size == size)
    }

    @Test("An addition that fails half-way leaves nothing")
    func atomicity() async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        let size = control.writer.head.size
        let zoe = Handle(constant: "zoe")
        let code = await failure {
            try await control.addPerson(
                zoe, name: "Zoe", groups: [.reviewers, Handle(constant: "no-such-group")],
                wantsToken: true, by: TestInstallation.admin)
        }
        #expect(code == "directory_conflict")
        #expect(control.writer.head.size == size)
        #expect(!control.governance.directory.persons.contains(zoe))
        // The handle is not burnt either.
        _ = try await control.addPerson(
            zoe, name: nil, groups: [], wantsToken: false, by: TestInstallation.admin)
    }

    @Test("A handle is never given to somebody else")
    func handlesStayTaken() async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        try await control.apply(
            .personRemoved(TestInstallation.dave), by: TestInstallation.admin)
        #expect(
            await failure {
                try await control.addPerson(
                    TestInstallation.dave, name: nil, groups: [], wantsToken: false,
                    by: TestInstallation.admin)
            } == "directory_conflict")
        try await installation.restart()
        #expect(
            await failure {
                try await installation.control.addAgent(
                    TestInstallation.dave, owner: TestInstallation.bob, groups: [], name: nil,
                    by: TestInstallation.admin)
            } == "directory_conflict")
    }

    @Test("An agent whose owner is gone does nothing any more")
    func ownerGone() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit()
        try await installation.control.apply(
            .personRemoved(TestInstallation.alice), by: TestInstallation.admin)
        #expect(await failure { try await installation.submit(name: "b") } == "owner_removed")
        #expect(await failure { try await installation.claim(action) } == "owner_removed")
    }

    // MARK: 14

    @Test("invariant14: every change is an entry; indexes have no gaps, time never goes back")
    func invariant14_entries() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        installation.clock.advance(seconds: 5)
        _ = await failure { try await installation.decide(action, by: TestInstallation.dave) }
        installation.clock.step(seconds: -2)
        _ = try await installation.decide(action, by: TestInstallation.bob)
        try await installation.publish(TestInstallation.closedPolicies)
        let entries = try installation.entries()
        #expect(entries.map(\.index) == Array(0..<UInt64(entries.count)))
        #expect(UInt64(entries.count) == installation.control.writer.head.size)
        #expect(zip(entries, entries.dropFirst()).allSatisfy { $0.entry.at <= $1.entry.at })
        #expect(entries.allSatisfy { $0.matchesCommitments })
        #expect(try installation.refusals(action) == ["person:dave approve not_eligible"])
        #expect(entries.last?.entry.kind == "policies.published")
        for recorded in entries {
            #expect(try JSON(canonical: recorded.core)["unsealed"]?.boolValue == true)
        }
    }

    @Test("invariant14: attempts of nobody are counted in an entry, not one by one")
    func invariant14_countedAttempts() async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        let size = control.writer.head.size
        for _ in 0..<100 {
            #expect(throws: AuthenticationError.invalid) {
                try control.authenticate(bearer: "exq1_a_nonsense")
            }
        }
        #expect(control.writer.head.size == size)
        try await control.recordCountedAttempts()
        try await control.recordCountedAttempts()
        #expect(control.writer.head.size == size + 1)
        let core = try #require(try installation.cores(kind: "attempts.counted").last)
        #expect(core["unauthenticated"]?.intValue == 100)
    }
}
