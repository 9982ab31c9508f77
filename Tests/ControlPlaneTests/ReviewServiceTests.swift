// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Reviews that hold: the service")
struct ReviewServiceTests {
    typealias Installation = TestInstallation

    private static let text = """
        permit (principal, action, resource);
        @id("r") @review("reviewers") @breakglass("leads") @expires("1h") @escalate("10m:leads")
        forbid (principal is Agent, action in Action::"command", resource);
        """

    private static func installation(
        _ text: String = text
    ) async throws -> Installation {
        try await Installation(policies: [PolicyFile(name: "a.cedar", text: text)])
    }

    private func breakGlass(
        _ installation: Installation, _ action: ActionResult, _ session: Session
    ) async throws -> ActionResult {
        try await installation.control.breakGlass(
            action.state.id,
            BreakGlassCommand(
                principal: .person(session.person), channel: .console,
                assurance: installation.control.assurance(of: session), method: session.method,
                expectedDigest: action.state.digest.hex, hasReason: true,
                isCredentialShown: false, shown: nil), reason: "production is down", audit: [:])
    }

    @Test("a debt blocks the next break-glass of the person and of the agent, across restarts")
    func debts() async throws {
        let installation = try await Self.installation()
        let one = try await installation.submit("a", name: "one")
        var session = try await installation.signIn(Installation.erin)
        #expect(try await breakGlass(installation, one, session).state.status == .cleared)
        _ = try await installation.claim(one)
        _ = try await installation.report(one, .succeeded)
        try await installation.restart()
        session = try await installation.signIn(Installation.erin)
        let two = try await installation.submit("a", name: "two")
        let other = try await installation.submit("a", name: "two", agent: Installation.otherBot)
        for action in [two, other] {
            #expect(
                await failure { try await breakGlass(installation, action, session) } == "debt_open"
            )
        }
        #expect(installation.control.openDebts.map(\.person) == [Installation.erin])
        let control = installation.control
        for person in [Installation.erin, Installation.alice] {
            #expect(
                await failure {
                    try await control.settleDebt(
                        one.state.id, accepted: true, by: .person(person), reason: "fine",
                        audit: [:])
                } == "not_allowed")
        }
        _ = try await control.settleDebt(
            one.state.id, accepted: true, by: .person(Installation.bob), reason: "fine", audit: [:])
        #expect(control.openDebts.isEmpty)
        #expect(try await breakGlass(installation, two, session).state.status == .cleared)
    }

    @Test("a debt that nobody looks at becomes an alarm, an entry that channels hear of")
    func overdue() async throws {
        let installation = try await Self.installation()
        let action = try await installation.submit("a")
        let session = try await installation.signIn(Installation.erin)
        _ = try await breakGlass(installation, action, session)
        installation.clock.advance(seconds: Limits.debtSeconds + 1)
        try await Scheduler(installation.control).round()
        #expect(
            try installation.kinds(action).suffix(2) == ["action.lapsed", "action.debt-overdue"])
        #expect(installation.control.openDebts.map(\.isOverdue) == [true])
    }

    @Test("a broken glass is told to every member of the groups that were asked, with who and why")
    func loud() async throws {
        let installation = try await Self.installation()
        let control = installation.control
        let action = try await installation.submit("a")
        let before = try #require(try control.notice(action.state.id))
        #expect(before.card.glass == nil && before.witnesses.isEmpty)
        let session = try await installation.signIn(Installation.erin)
        _ = try await breakGlass(installation, action, session)
        let notice = try #require(try control.notice(action.state.id))
        #expect(notice.card.glass == .owed)
        let directory = control.governance.directory
        #expect(
            Set(notice.witnesses)
                == directory.persons(in: .reviewers)
                .union(directory.persons(in: Installation.leads)))
        let ending = try #require(notice.card.ending)
        #expect(ending.contains("broke the glass, and nobody approved it: production is down"))
        #expect(ending.contains("Somebody else has to look at it by"))
        installation.clock.advance(seconds: Limits.debtSeconds + 1)
        try await Scheduler(control).round()
        #expect(try control.notice(action.state.id)?.card.glass == .overdue)
        _ = try await control.settleDebt(
            action.state.id, accepted: false, by: .person(Installation.bob), reason: "no need",
            audit: [:])
        let after = try #require(try control.notice(action.state.id)?.card)
        #expect(after.glass == .settled && after.ending?.contains("has rejected that.") == true)
    }

    @Test("others are asked at their instant by the scheduler, and silence is a denial")
    func escalation() async throws {
        let installation = try await Self.installation()
        let action = try await installation.submit("a")
        let scheduler = Scheduler(installation.control)
        try await scheduler.round()
        #expect(try installation.kinds(action) == ["action.submitted"])
        installation.clock.advance(seconds: 600)
        try await scheduler.round()
        #expect(try installation.kinds(action).last == "action.escalated")
        // An equal request still means this one: it did not run out.
        #expect(try await installation.submit("a").state.id == action.state.id)
        installation.clock.advance(seconds: 3000)
        try await scheduler.round()
        #expect(try installation.status(action) == .expired)
    }

    @Test("a freeze window holds back from its instant on what is pending or cleared")
    func freeze() async throws {
        let installation = try await Self.installation(
            """
            permit (principal, action, resource);
            @id("r") @review("reviewers") forbid (principal is Agent, action, resource);
            @id("frozen") forbid (principal, action in Action::"command", resource)
            when { context.freezes.contains("evening") };
            """)
        // Monday 09:00 UTC is 10:00 in Berlin; the window opens at 18:00 there.
        let zone = FreezeWindow.Offset(
            from: FakeClock.start.adding(seconds: -86_400), seconds: 3600)
        let window = try FreezeWindow(
            id: Handle(constant: "evening"), zone: "Europe/Berlin",
            ranges: [try #require(FreezeWindow.Range(from: 18 * 60, to: 24 * 60))],
            offsets: [zone])
        try await installation.control.apply(.freezeSet(window), by: Installation.admin)
        let pending = try await installation.submit("a", name: "pending")
        let scheduler = Scheduler(installation.control)
        try await scheduler.round()
        installation.clock.advance(seconds: 7 * 3600 + 1800)
        let next = try await installation.submit("a", name: "next")
        try await scheduler.round()
        #expect(try installation.status(next) == .pending)
        installation.clock.advance(seconds: 1800)
        try await scheduler.round()
        #expect(try installation.status(next) == .invalidated)
        #expect(try installation.status(pending) == .expired)
        let late = try await installation.submit("a", name: "late")
        #expect(late.state.status == .denied)
        installation.clock.advance(seconds: 6 * 3600)
        #expect(try await installation.submit("a", name: "later").state.status == .pending)
    }

    @Test("a changed policy is told to whoever waits: a new revision, or the end")
    func reevaluated() async throws {
        let installation = try await Self.installation()
        let action = try await installation.submit("a")
        let scheduler = Scheduler(installation.control)
        try await scheduler.round()
        try await installation.publish(
            Self.text.replacing("@expires", with: "@quorum(\"2\") @expires"))
        try await scheduler.round()
        #expect(try installation.kinds(action).last == "action.revised")
        let detail = try #require(try installation.control.detail(action.state.id))
        let shown = try #require(try detail.rendering())
        #expect(shown.hash == detail.state.rendering(detail.body))
        #expect(shown.hash != action.body.renderingDigest)
        try await installation.publish(
            #"permit (principal, action in Action::"exequatur", resource);"#)
        try await scheduler.round()
        #expect(try installation.status(action) == .invalidated)
    }

    @Test("words, withdrawals and who is looking go through the service")
    func words() async throws {
        let installation = try await Self.installation(
            Self.text.replacing("@expires", with: "@quorum(\"2\") @expires"))
        let control = installation.control
        let action = try await installation.submit("a")
        _ = try await control.comment(
            action.state.id, .question, text: "why now?", by: .person(Installation.bob), audit: [:])
        _ = try await control.comment(
            action.state.id, .answer, text: "the disk is full", by: .agent(Installation.bot),
            audit: [:])
        // Another agent's action does not exist for an agent.
        #expect(
            await failure {
                try await control.comment(
                    action.state.id, .answer, text: "hello", by: .agent(Installation.otherBot),
                    audit: [:])
            } == "no_such_action")
        #expect(
            await failure {
                try await control.comment(
                    action.state.id, .comment, text: "  \n", by: .person(Installation.bob),
                    audit: [:])
            } == "value_invalid")
        let detail = try #require(try control.detail(action.state.id))
        #expect(try detail.comments().map(\.text) == ["why now?", "the disk is full"])
        try await control.look(action.state.id, by: .person(Installation.carol))
        #expect(try control.lookers(action.state.id) == [Installation.carol])
        installation.clock.advance(seconds: ControlPlane.lookingSeconds + 1)
        #expect(try control.lookers(action.state.id).isEmpty)
        _ = try await installation.decide(action, by: Installation.bob)
        let taken = try await control.withdraw(
            action.state.id, by: .person(Installation.bob), reason: "not sure", audit: [:])
        #expect(taken.state.decisions.isEmpty)
    }

    @Test("a batch decides each member by itself, and only where this person may")
    func batch() async throws {
        let installation = try await Self.installation()
        let control = installation.control
        let mine = try await installation.submit("a", name: "one")
        let second = try await installation.submit("a", name: "two")
        let others = try await installation.submit("a", name: "three", agent: Installation.otherBot)
        let batch = try await control.addBatch(
            [mine, second, others].map(\.state.id), title: "tonight",
            by: .person(Installation.dave), audit: [:])
        let bob = try control.authenticate(bearer: installation.tokens["bob"] ?? "")
        let results = try await control.decide(
            batch: batch.digest, .approve, by: bob, channel: .cli, reason: "ok", audit: [:])
        // Bob owns the other agent.
        #expect(results.map(\.status) == [.cleared, .cleared, .pending])
        #expect(results[2].refusal?.code == .selfApproval)
        let core = try #require(try installation.cores(kind: "action.decided").last)
        #expect(core["batch"]?.stringValue == batch.digest.hex)
        // An agent puts together only what is its own.
        let fourth = try await installation.submit("a", name: "four")
        #expect(
            await failure {
                try await control.addBatch(
                    [fourth, others].map(\.state.id), title: nil, by: .agent(Installation.bot),
                    audit: [:])
            } == "no_such_action")
        #expect(
            await failure {
                try control.batch(.zero, for: .person(Installation.bob))
            } == "no_such_batch")
    }

    @Test("a token's last use is known, and survives a restart")
    func lastUse() async throws {
        let installation = try await Self.installation()
        let token = installation.tokens["deploy-bot"] ?? ""
        let party = try installation.control.authenticate(bearer: token)
        let used = installation.clock.now
        try await Scheduler(installation.control).housekeeping()
        try await installation.restart()
        installation.clock.advance(seconds: 30)
        #expect(try installation.control.lastUse(of: party.credential) == used)
    }
}
