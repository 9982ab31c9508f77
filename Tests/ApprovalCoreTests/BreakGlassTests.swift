// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

@Suite("Break-glass")
struct BreakGlassTests {
    private func ledger(_ extra: String = "") throws -> MemoryLedger {
        var ledger = try ReviewTests.ledger("@quorum(\"2\") @breakglass(\"oncall\")")
        if !extra.isEmpty {
            try ledger.publish(
                ReviewTests.text("@quorum(\"2\") @breakglass(\"oncall\")") + extra)
        }
        return ledger
    }

    @Test("one action passes, with a debt that another person settles")
    func settled() throws {
        var ledger = try ledger()
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        let result = try ledger.breakGlass(&machine, action, ReviewTests.erin)
        #expect(result.events.map(\.kind) == ["action.break-glass", "action.cleared"])
        #expect(machine.state.clearance?.breakGlass == ReviewTests.erin)
        #expect(try ledger.claim(&machine, action).refusal == nil)
        try ledger.report(&machine, action)
        #expect(machine.state.status == .succeeded && !machine.state.isFinal)
        var report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.status == .incomplete && report.problems.isEmpty)
        #expect(report.flags.breakGlass == ReviewTests.erin && report.flags.debtOpen)
        for person in [ReviewTests.erin, .alice, Handle(constant: "nobody")] {
            let refused = try ledger.run(&machine, action) {
                try $0.settleDebt(accepted: true, by: .person(person), hasReason: true, $1)
            }
            #expect(refused.refusal?.code == .notAllowed)
        }
        let bare = try ledger.run(&machine, action) {
            try $0.settleDebt(accepted: false, by: .person(.bob), hasReason: false, $1)
        }
        #expect(bare.refusal?.code == .reasonRequired)
        try ledger.run(&machine, action) {
            try $0.settleDebt(accepted: false, by: .person(.bob), hasReason: true, $1)
        }
        #expect(machine.state.debt?.settlement?.accepted == false && machine.state.isFinal)
        report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.status == .valid && !report.flags.debtOpen)
    }

    @Test("an open debt blocks that person's and that agent's next one")
    func blocked() throws {
        for debts in [
            OpenDebts(persons: [ReviewTests.erin]), OpenDebts(agents: [.bot]),
        ] {
            var ledger = try ledger()
            ledger.debts = debts
            let action = try Fixtures.action()
            var machine = try ledger.submit(action)
            let result = try ledger.breakGlass(&machine, action, ReviewTests.erin)
            #expect(result.refusal?.code == .debtOpen)
            #expect(result.events.map(\.kind) == ["action.attempt-refused"])
        }
    }

    @Test("never by others, by chat, with a token, without a reason, or past what policy denies")
    func refused() throws {
        func attempt(
            _ person: Handle = ReviewTests.erin, assurance: Assurance = .console,
            channel: Channel = .console, hasReason: Bool = true, policy: String = ""
        ) throws -> Refusal.Code? {
            var ledger = try ledger()
            let action = try Fixtures.action()
            var machine = try ledger.submit(action)
            if !policy.isEmpty { try ledger.publish(policy) }
            return try ledger.breakGlass(
                &machine, action, person, assurance: assurance, channel: channel,
                hasReason: hasReason
            ).refusal?.code
        }
        #expect(try attempt() == nil)
        #expect(try attempt(.bob) == .notEligible)
        #expect(try attempt(assurance: .token) == .assuranceTooLow)
        #expect(try attempt(assurance: .chat, channel: .slack) == .assuranceTooLow)
        #expect(try attempt(hasReason: false) == .reasonRequired)
        let never = "forbid (principal, action, resource);"
        let glass = ReviewTests.text("@breakglass(\"oncall\")")
        #expect(try attempt(policy: glass + never) == .notAllowed)
        #expect(
            try attempt(
                policy: glass.replacing(
                    "permit (principal, action, resource);",
                    with: "permit (principal, action, resource) when { false };")) == .notAllowed)
        #expect(try attempt(policy: ReviewTests.text("")) == .notEligible)
        // Two policies, one of which lets nobody: together they let nobody.
        let second = "@id(\"s\") @review(\"reviewers\") forbid (principal, action, resource);"
        #expect(try attempt(policy: glass + second) == .notEligible)
    }

    @Test("the requester himself may, if policy lets him: that is what it is for")
    func ownAgent() throws {
        var ledger = try ledger()
        try ledger.change(.memberAdded(group: ReviewTests.oncall, member: .alice))
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        #expect(try ledger.breakGlass(&machine, action, .alice).refusal == nil)
        #expect(machine.state.status == .cleared)
    }

    @Test("changes of this server's own rules always wait for a review")
    func neverForGovernance() throws {
        let text = """
            permit (principal, action, resource);
            @id("r") @review("reviewers") @breakglass("oncall")
            forbid (principal, action, resource);
            """
        var ledger = try ReviewTests.ledger("")
        try ledger.publish(text)
        let action = try GovernanceFloorTests.action(by: .alice)
        var machine = try ledger.submit(action)
        #expect(machine.state.status == .pending)
        let result = try ledger.breakGlass(&machine, action, ReviewTests.erin)
        #expect(result.refusal?.code == .notAllowed)
    }

    @Test("what nobody has looked at in a day becomes an alarm, once")
    func overdue() throws {
        var ledger = try ledger()
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        try ledger.breakGlass(&machine, action, ReviewTests.erin)
        #expect(try ledger.run(&machine, action) { try $0.tick(now: $1.now) }.events.isEmpty)
        ledger.now = ledger.now.adding(seconds: Limits.debtSeconds)
        let result = try ledger.run(&machine, action) { try $0.tick(now: $1.now) }
        #expect(result.events.map(\.kind) == ["action.lapsed", "action.debt-overdue"])
        #expect(try ledger.run(&machine, action) { try $0.tick(now: $1.now) }.events.isEmpty)
        #expect(machine.state.openDebt?.isOverdue == true && !machine.state.isFinal)
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.problems.isEmpty)
    }

    @Test("somebody who may not break the glass any more at the claim has broken it for nothing")
    func rightsGone() throws {
        var ledger = try ledger()
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        try ledger.breakGlass(&machine, action, ReviewTests.erin)
        try ledger.change(.memberRemoved(group: ReviewTests.oncall, member: ReviewTests.erin))
        #expect(try ledger.claim(&machine, action).refusal?.code == .invalidated)
    }

    @Test("once sealed, never with a credential that somebody else has seen")
    func credentials() throws {
        for (unsealed, shown, method, code): (Bool, Bool, SignInMethod, Refusal.Code?) in [
            (true, true, .link, nil), (false, false, .openID, nil),
            (false, true, .openID, .credentialShown), (false, false, .link, .credentialShown),
        ] {
            let result = try attempt(
                unsealed: unsealed, isCredentialShown: shown, method: method)
            #expect(result.refusal?.code == code)
        }
    }

    @Test("never for what was not shown, not all, or otherwise, and in no chat at all")
    func shown() throws {
        #expect(try attempt().refusal == nil)
        #expect(try attempt(shown: .of("earlier")).refusal?.code == .notShownInFull)
        let endless = try Fixtures.action(argv: ["echo", String(repeating: "x", count: 300_000)])
        #expect(try attempt(endless).refusal?.code == .notShownInFull)
        #expect(try attempt(channel: .slack).refusal?.code == .assuranceTooLow)
    }

    private func attempt(
        _ other: Action? = nil, unsealed: Bool = true, isCredentialShown: Bool = false,
        method: SignInMethod = .openID, shown: Hash256? = nil, channel: Channel = .console
    ) throws -> MachineResult {
        var ledger = try self.ledger()
        ledger.unsealed = unsealed
        let action = try other ?? Fixtures.action()
        var machine = try ledger.submit(action)
        let command = BreakGlassCommand(
            principal: .person(ReviewTests.erin), channel: channel, assurance: .console,
            method: method, expectedDigest: action.digest.hex, hasReason: true,
            isCredentialShown: isCredentialShown, shown: shown
        ).onRecordedRendering(try ledger.submission(of: action.id), machine.state)
        return try ledger.run(&machine, action) { try $0.breakGlass(command, $1) }
    }

    @Test("another person settles it: one who was asked, or an administrator, and nobody else")
    func settlers() throws {
        func settle(_ principal: Principal, accepted: Bool = true) throws -> Refusal.Code? {
            var ledger = try self.ledger()
            for (group, member) in [
                (Handle.reviewers, ReviewTests.erin), (.administrators, .dave),
            ] {
                try ledger.change(.memberAdded(group: group, member: member))
            }
            let action = try Fixtures.action()
            var machine = try ledger.submit(action)
            try ledger.breakGlass(&machine, action, ReviewTests.erin)
            return try ledger.run(&machine, action) {
                try $0.settleDebt(accepted: accepted, by: principal, hasReason: !accepted, $1)
            }.refusal?.code
        }
        #expect(try settle(.person(.bob)) == nil)
        #expect(try settle(.person(.bob), accepted: false) == nil)
        #expect(try settle(.person(.dave)) == nil)
        // He who broke it reviews as well; alice is behind the agent; the others are no persons.
        for principal: Principal in [
            .person(ReviewTests.erin), .person(.alice), .agent(.bob), .gate(.bob),
            .administrator(.dave), .person(.bot),
        ] {
            #expect(try settle(principal) == .notAllowed)
        }
        var ledger = try self.ledger()
        try ledger.change(.personAdded(Handle(constant: "outsider")))
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        let none = try ledger.run(&machine, action) {
            try $0.settleDebt(accepted: true, by: .person(.bob), hasReason: true, $1)
        }
        #expect(none.refusal?.code == .noDebt)
        try ledger.breakGlass(&machine, action, ReviewTests.erin)
        let outsider = try ledger.run(&machine, action) {
            try $0.settleDebt(
                accepted: true, by: .person(Handle(constant: "outsider")), hasReason: true, $1)
        }
        #expect(outsider.refusal?.code == .notAllowed)
    }
}
