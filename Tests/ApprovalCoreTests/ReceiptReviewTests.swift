// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// What an operator can write besides decisions: revisions, words, broken glass, ends; and how a
/// decision was made.
@Suite("Receipt: reviews minted by the operator")
struct ReceiptReviewTests {
    private static let erin = ReviewTests.erin

    // MARK: revisions

    /// A review about which policy asks something else by now, and the revision that follows.
    private func revised() throws -> (forgery: Forgery, right: ActionEvent.Revision, body: JSON) {
        var forgery = try Forgery(ReviewTests.ledger("@expires(\"20m\")"), Fixtures.action())
        try forgery.ledger.publish(ReviewTests.text("@expires(\"10m\") @quorum(\"2\")"))
        let surroundings = try forgery.ledger.surroundings(forgery.action)
        guard case .revised(let right) = try forgery.machine.reevaluate(surroundings).events.last
        else { throw MemoryLedger.Missing() }
        let shown = MemoryLedger.rendering(
            forgery.action, try surroundings.evaluate(), right.deadline)
        return (forgery, right, ["audit": [:], "rendering": shown.json])
    }

    private func revision(
        _ right: ActionEvent.Revision, verdict: JSON? = nil, deadline: Int64 = 0,
        rendering: Hash256? = nil, isShownInFull: Bool = true
    ) -> ActionEvent {
        .revised(
            ActionEvent.Revision(
                verdict: verdict ?? right.verdict, requirement: right.requirement,
                policySet: right.policySet, directory: right.directory,
                deadline: right.deadline.adding(seconds: deadline),
                rendering: rendering ?? right.rendering, isShownInFull: isShownInFull))
    }

    @Test("a revision is what policy asks, until when it asks, and what was shown")
    func revisions() throws {
        let (start, right, body) = try revised()
        func minted(_ event: ActionEvent) throws -> Forgery {
            var forgery = start
            try forgery.mint(event, body: body)
            return forgery
        }
        try minted(revision(right)).expectSound()
        try minted(revision(right, deadline: -1)).expectInvalid("not what the revision says")
        let other = "not the one that the core names"
        try minted(revision(right, rendering: .of("another"))).expectInvalid(other)
        try minted(revision(right, isShownInFull: false)).expectInvalid(other)
        var verdict = try #require(right.verdict.objectValue)
        verdict["reasons"] = []
        try minted(revision(right, verdict: .object(verdict))).expectInvalid("do not ask for this")
        // The same question once more would end what was approved.
        var again = try minted(revision(right))
        try again.mint(revision(right), body: body)
        try again.expectInvalid("asks for nothing else")
    }

    @Test("where a revision's words were erased, decisions on it are not held to earlier ones")
    func erasedRevision() throws {
        var (forgery, right, body) = try revised()
        try forgery.mint(revision(right), body: body)
        try forgery.mintDecision(.bob, rendering: right.rendering)
        try forgery.expectSound()
        let bytes = try MemoryLedger.resigned(
            try forgery.ledger.receiptBytes(forgery.action.id)
        ) { object in
            var entries = object["entries"]?.arrayValue ?? []
            var entry = entries[1].objectValue ?? [:]
            entry["body"] = .some(.null)
            entry["bodySalt"] = .some(.null)
            entries[1] = .object(entry)
            object["entries"] = .array(entries)
        }
        let report = try MemoryLedger.verify(bytes)
        #expect(report.problems == [] && report.status == .incomplete)
    }

    // MARK: words

    @Test("agents only answer, and nobody speaks who is not there")
    func comments() throws {
        for (who, kind, words): (String, CommentKind, String) in [
            ("agent:deploy-bot", .question, "agents only answer"),
            ("agent:deploy-bot", .comment, "agents only answer"),
            ("agent:other-bot", .answer, "was not there"),
            ("person:nobody", .comment, "was not there"), ("bob", .comment, "was not there"),
        ] {
            var forgery = try Forgery()
            try forgery.mint(.commented(by: who, kind))
            try forgery.expectInvalid(words, who)
        }
        var sound = try Forgery()
        try sound.mint(.commented(by: "agent:deploy-bot", .answer))
        try sound.mint(.commented(by: "person:dave", .question))
        try sound.expectSound()
    }

    // MARK: broken glass

    private func glass(
        _ action: Action? = nil, text: String? = nil, unsealed: Bool = true
    ) throws -> Forgery {
        var ledger = try ReviewTests.ledger("@breakglass(\"oncall\")")
        if let text { try ledger.publish(text) }
        for (group, member) in [(Handle.reviewers, Self.erin), (.administrators, .dave)] {
            try ledger.change(.memberAdded(group: group, member: member))
        }
        try ledger.change(.personAdded(Handle(constant: "outsider")))
        ledger.unsealed = unsealed
        return try Forgery(ledger, try action ?? Fixtures.action())
    }

    private func broken(
        _ forgery: Forgery, _ person: Handle = erin, channel: Channel = .console,
        assurance: Assurance = .console, method: SignInMethod = .openID, rendering: Hash256? = nil,
        due: Int64 = Limits.debtSeconds
    ) -> ActionEvent {
        .glassBroken(
            ActionEvent.BrokenGlass(
                person: person, channel: channel, assurance: assurance, method: method,
                rendering: rendering ?? forgery.rendering,
                due: forgery.ledger.now.adding(seconds: due)))
    }

    @Test("the glass is broken by whom policy lets, as he must, for what he was shown")
    func brokenGlass() throws {
        func minted(_ change: (Forgery) -> ActionEvent) throws -> Forgery {
            var forgery = try glass()
            try forgery.mint(change(forgery))
            return forgery
        }
        let sound = try minted { broken($0) }.expectSound()
        #expect(sound.flags.breakGlass == Self.erin && sound.flags.debtOpen)
        try minted { broken($0, method: .link) }.expectSound()
        try minted { broken($0, assurance: .token) }.expectInvalid("with assurance `token`")
        try minted { broken($0, channel: .slack) }.expectInvalid("with assurance `console`")
        try minted { broken($0, due: 9) }.expectInvalid("due at another time")
        try minted { broken($0, rendering: .of("another")) }.expectInvalid("was not shown")
        try minted { broken($0, .bob) }.expectInvalid("did not let `bob` break the glass")
        var silent = try glass()
        try silent.mint(broken(silent), body: ["audit": [:]])
        try silent.expectInvalid("without a reason")
        var sealed = try glass(unsealed: false)
        try sealed.mint(broken(sealed, method: .link), unsealed: false)
        try sealed.expectInvalid("after a sign-in by link")
    }

    @Test("nor for what could not be shown, for the server's own rules, or past a denial")
    func brokenInVain() throws {
        let endless = try Fixtures.action(argv: ["echo", String(repeating: "x", count: 300_000)])
        var unseen = try glass(endless)
        try unseen.mint(broken(unseen))
        try unseen.expectInvalid("was not shown")
        var rules = try glass(
            try GovernanceFloorTests.action(by: .alice),
            text: """
                permit (principal, action, resource);
                @id("r") @review("reviewers") @breakglass("oncall")
                forbid (principal, action, resource);
                """)
        try rules.mint(broken(rules))
        try rules.expectInvalid("change of the server's own rules")
        var denied = try glass()
        try denied.ledger.publish("forbid (principal, action, resource);")
        try denied.mint(broken(denied))
        try denied.expectInvalid("did not let `erin` break the glass")
    }

    @Test("a debt is settled by another person who was asked, or an administrator")
    func debts() throws {
        for (person, isRight): (Handle, Bool) in [
            (.bob, true), (.dave, true), (Self.erin, false), (.alice, false),
            (Handle(constant: "outsider"), false), (Handle(constant: "nobody"), false),
        ] {
            var forgery = try glass()
            try forgery.mint(broken(forgery))
            try forgery.mint(.debtSettled(accepted: true, by: person))
            if isRight {
                try forgery.expectSound()
            } else {
                try forgery.expectInvalid("may not settle a break-glass", "\(person)")
            }
        }
    }

    // MARK: ends

    @Test("an unknown outcome is settled by a person outside the chain once sealed")
    func settlements() throws {
        for (person, unsealed, isRight): (Handle, Bool, Bool) in [
            (.dave, true, true), (.alice, true, true), (.dave, false, true),
            (.alice, false, false), (Handle(constant: "nobody"), true, false),
        ] {
            var ledger = try MemoryLedger.started()
            ledger.unsealed = unsealed
            var forgery = try Forgery(ledger, Fixtures.action())
            try forgery.mintDecision(.bob, unsealed: unsealed)
            let approved = try forgery.clearance([.reviewers: [.bob]])
            for event in [approved, try forgery.claim(), .silent, .settled(.failed, by: person)] {
                try forgery.mint(event, unsealed: unsealed)
            }
            guard isRight else {
                try forgery.expectInvalid("may not settle this", "\(person)")
                continue
            }
            #expect(try forgery.expectSound().flags.selfApproved == (person == .alice))
        }
    }

    @Test("invalidated by the policy set and the directory that deny, for a cause that can be")
    func invalidations() throws {
        func minted(
            _ cause: String = "policy_denies", policySet: Hash256? = nil, directory: Hash256? = nil
        ) throws -> Forgery {
            var forgery = try Forgery()
            try forgery.ledger.publish("forbid (principal, action, resource);")
            let environment = try forgery.ledger.environment
            try forgery.mint(
                .invalidated(
                    cause: cause, policySet: policySet ?? environment.policies.digest,
                    directory: directory ?? environment.directoryDigest))
            return forgery
        }
        try minted().expectSound()
        let words = "policy in force let it pass"
        try minted(policySet: .of("another")).expectInvalid(words)
        try minted(directory: .of("another")).expectInvalid(words)
        try minted("requirement_unmet").expectInvalid(words)
        try minted("target_changed").expectInvalid("a target that it does not name")
    }

    // MARK: grants

    @Test("a grant and a claim name the verdict, the policy set and the directory that let it pass")
    func grants() throws {
        func minted(_ events: (Forgery) throws -> [ActionEvent]) throws -> Forgery {
            var forgery = try Forgery()
            try forgery.mintDecision(.bob)
            for event in try events(forgery) { try forgery.mint(event) }
            return forgery
        }
        let approved: [Handle: [Handle]] = [.reviewers: [.bob]]
        let (wrong, other) = ("not what follows", Hash256.of("another"))
        try minted { [try $0.clearance(approved)] }.expectSound()
        try minted { [try $0.clearance(approved, verdict: .allow)] }.expectInvalid(wrong)
        try minted { [try $0.clearance(approved, directory: other)] }.expectInvalid(wrong)
        try minted { [try $0.clearance(approved, selfApproved: true)] }.expectInvalid(wrong)
        for claim: (Forgery) throws -> ActionEvent in [
            { try $0.claim(verdict: .allow) }, { try $0.claim(policySet: other) },
            { try $0.claim(directory: other) },
        ] {
            try minted { [try $0.clearance(approved), try claim($0)] }
                .expectInvalid("not like this")
        }
    }

    @Test("only what was allowed at once is cleared by the clock of its verdict")
    func instants() throws {
        for (effect, delay): (String, Int64) in [("write", 0), ("read", 7)] {
            var ledger = try MemoryLedger.started()
            let action = try Fixtures.action(effect: effect)
            let verdict = try ledger.environment.evaluate(action, at: ledger.now)
            let (machine, events) = try ActionMachine.submit(
                action, verdict: verdict, nonce: nil, unsealed: true, now: ledger.now)
            let rendering = MemoryLedger.rendering(
                action, verdict, machine.state.submission.deadline)
            let body = SubmissionBody(
                action: action, texts: verdict.bodyJSON,
                rendering: verdict.decision == .review ? rendering : nil, eligible: [], audit: [:])
            let early = ledger.now
            ledger.now = early.adding(seconds: 3)
            try ledger.append(events[0], machine.coreHeader, body: try body.json)
            ledger.now = ledger.now.adding(seconds: delay)
            var approvals: [Handle: [Handle]] = [:]
            if effect == "write" {
                approvals = [.reviewers: [.bob]]
                let decision = ReviewDecision(
                    person: .bob, kind: .approve, channel: .console, assurance: .console,
                    selfApproved: false, at: ledger.now)
                try ledger.append(
                    .decided(decision, rendering: rendering.hash), machine.coreHeader,
                    body: ["audit": [:]])
            }
            try ledger.append(
                machine.clearance(verdict, approvals: approvals, now: early), machine.coreHeader,
                body: ["audit": [:]])
            let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
            #expect(report.problems.contains { $0.what.contains("not what follows") }, "\(effect)")
        }
    }

    // MARK: how it was decided

    @Test("a chat's decision is by the account of that person, counts as a chat's, and not for all")
    func chats() throws {
        let account = try #require(
            ChatAccount(channel: Handle(constant: "slack"), workspace: "T1", user: "U1"))
        func minted(
            _ person: Handle, linkedTo: Handle? = .bob, assurance: Assurance = .chat,
            _ action: Action? = nil, text: String? = nil
        ) throws -> Forgery {
            var ledger = try MemoryLedger.started()
            if let text { try ledger.publish(text) }
            if let linkedTo { try ledger.change(.accountLinked(account, to: linkedTo)) }
            var forgery = try Forgery(ledger, try action ?? Fixtures.action())
            try forgery.mintDecision(
                person, assurance: assurance, channel: .slack, account: account)
            return forgery
        }
        try minted(.bob).expectSound()
        try minted(.carol).expectInvalid("not linked to `carol`")
        try minted(.bob, linkedTo: nil).expectInvalid("not linked to `bob`")
        try minted(.bob, assurance: .console).expectInvalid("in a chat with assurance")
        let rules = """
            permit (principal, action, resource);
            @id("r") @review("reviewers") @severity("low") forbid (principal, action, resource);
            """
        try minted(.bob, try GovernanceFloorTests.action(by: .alice), text: rules)
            .expectInvalid("was decided in a chat")
    }

    @Test("decided where nobody was asked; denied without being shown all; approved alone")
    func decisions() throws {
        var allowed = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "read")
        let verdict = try allowed.environment.evaluate(action, at: allowed.now)
        let (machine, events) = try ActionMachine.submit(
            action, verdict: verdict, nonce: nil, unsealed: true, now: allowed.now)
        let body = SubmissionBody(
            action: action, texts: verdict.bodyJSON, rendering: nil, eligible: [], audit: [:])
        try allowed.append(events[0], machine.coreHeader, body: try body.json)
        let decision = ReviewDecision(
            person: .bob, kind: .approve, channel: .console, assurance: .console,
            selfApproved: false, at: allowed.now)
        try allowed.append(
            .decided(decision, rendering: .zero), machine.coreHeader, body: ["audit": [:]])
        let report = try MemoryLedger.verify(try allowed.receiptBytes(action.id))
        #expect(report.problems.contains { $0.what.contains("nobody was asked") })

        let endless = try Fixtures.action(argv: ["echo", String(repeating: "x", count: 300_000)])
        var unseen = try Forgery(MemoryLedger.started(), endless)
        try unseen.mintDecision(.bob, .deny)
        try unseen.expectSound()
        // An approval needs no words.
        var wordless = try Forgery()
        try wordless.mint(
            .decided(
                ReviewDecision(
                    person: .bob, kind: .approve, channel: .console, assurance: .console,
                    selfApproved: false, at: wordless.ledger.now), rendering: wordless.rendering),
            body: ["audit": [:]])
        try wordless.expectSound()
        var alone = try Forgery(effect: "export")
        try alone.mintDecision(.alice, selfApproved: true)
        #expect(try alone.expectSound().flags.selfApproved)
    }

    @Test("who could not decide when a change was asked for, or shows a token, does not decide it")
    func eligibleBefore() throws {
        var ledger = try MemoryLedger.started(policy: GovernanceFloorTests.everything)
        try ledger.change(.memberAdded(group: .administrators, member: .dave))
        ledger.unsealed = false
        let start = try Forgery(ledger, try GovernanceFloorTests.action(by: .alice))
        var sound = start
        try sound.mintDecision(.dave, unsealed: false)
        try sound.expectSound()
        for (method, words): (SignInMethod?, String) in [
            (.token, "decided with a token"), (.chat, "decided with a token"),
            (.link, "by a link that somebody else has seen"), (nil, "by a link"),
        ] {
            var seen = start
            try seen.mintDecision(.dave, unsealed: false, method: method)
            try seen.expectInvalid(words)
        }
        var late = start
        try late.ledger.change(.memberAdded(group: .administrators, member: .carol))
        try late.mintDecision(.carol, unsealed: false)
        try late.expectInvalid("could not decide when this change was asked for")
    }
}
