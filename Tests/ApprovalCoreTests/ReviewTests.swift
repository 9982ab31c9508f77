// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// Reviews besides plain decisions: what is taken back, said, asked anew, asked of more people, and
/// gone past.
@Suite("Reviews that hold")
struct ReviewTests {
    static let erin = Handle(constant: "erin")
    static let oncall = Handle(constant: "oncall")

    static func text(_ annotations: String) -> String {
        """
        permit (principal, action, resource);
        @id("r") @review("reviewers") \(annotations)
        forbid (principal, action in Action::"command", resource);
        """
    }

    /// The fixtures with erin on call.
    static func ledger(_ annotations: String) throws -> MemoryLedger {
        var ledger = try MemoryLedger.started(policy: Fixtures.policyText)
        for change: DirectoryChange in [
            .personAdded(erin), .groupAdded(oncall), .memberAdded(group: oncall, member: erin),
        ] { try ledger.change(change) }
        try ledger.publish(text(annotations))
        return ledger
    }

    private func valid(_ ledger: MemoryLedger, _ action: Action) throws -> ReceiptReport {
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.problems.isEmpty)
        return report
    }

    // MARK: taking back

    @Test("an approval is taken back before anything is cleared, and may be given again")
    func withdraw() throws {
        var ledger = try Self.ledger("@quorum(\"2\")")
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob)
        let other = try ledger.run(&machine, action) {
            try $0.withdraw(by: .person(.carol), now: $1.now)
        }
        #expect(other.refusal?.code == .notAllowed)
        try ledger.run(&machine, action) { try $0.withdraw(by: .person(.bob), now: $1.now) }
        #expect(machine.state.decisions.isEmpty)
        try ledger.decide(&machine, action, .carol)
        #expect(machine.state.status == .pending)
        try ledger.decide(&machine, action, .bob)
        #expect(machine.state.status == .cleared)
        let late = try ledger.run(&machine, action) {
            try $0.withdraw(by: .person(.bob), now: $1.now)
        }
        #expect(late.refusal?.code == .notPending)
        _ = try valid(ledger, action)
    }

    // MARK: words

    @Test("persons ask and comment, the requester answers, and agents do nothing else")
    func comments() throws {
        var ledger = try Self.ledger("")
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        func say(_ kind: CommentKind, _ by: Principal) throws -> Refusal.Code? {
            try ledger.run(&machine, action) { try $0.comment(kind, by: by, $1) }.refusal?.code
        }
        #expect(try say(.question, .person(.bob)) == nil)
        #expect(try say(.answer, .agent(.bot)) == nil)
        #expect(try say(.answer, .person(.alice)) == nil)
        #expect(try say(.comment, .person(.dave)) == nil)
        for (kind, by) in [
            (CommentKind.comment, Principal.agent(.bot)), (.question, .agent(.bot)),
            (.answer, .agent(Handle(constant: "other-bot"))), (.answer, .person(.bob)),
            (.comment, .person(Handle(constant: "nobody"))), (.comment, .gate(.advisoryGate)),
            (.comment, .administrator(.alice)),
        ] {
            #expect(try say(kind, by) == .notAllowed)
        }
        #expect(machine.state.status == .pending && machine.state.comments == 4)
        while machine.state.comments < Limits.comments { _ = try say(.comment, .person(.bob)) }
        #expect(try say(.comment, .person(.bob)) == .tooManyComments)
        _ = try valid(ledger, action)
    }

    // MARK: more people

    @Test("others are asked at their instant and not before; silence is still a denial")
    func escalation() throws {
        var ledger = try Self.ledger("@expires(\"30m\") @escalate(\"10m:oncall\")")
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        #expect(machine.state.nextWake == ledger.now.adding(seconds: 600))
        ledger.now = ledger.now.adding(milliseconds: 599_999)
        #expect(try ledger.decide(&machine, action, Self.erin).refusal?.code == .notEligible)
        ledger.now = ledger.now.adding(milliseconds: 1)
        let result = try ledger.decide(&machine, action, Self.erin)
        #expect(
            result.events.map(\.kind)
                == ["action.escalated", "action.decided", "action.cleared"])
        #expect(machine.state.clearance?.approvals == [.reviewers: [Self.erin]])
        _ = try valid(ledger, action)

        var silent = try Self.ledger("@expires(\"30m\") @escalate(\"10m:oncall\")")
        var other = try silent.submit(action)
        silent.now = silent.now.adding(seconds: 1800)
        let ticked = try silent.run(&other, action) { try $0.tick(now: $1.now) }
        #expect(ticked.events.map(\.kind) == ["action.escalated", "action.expired"])
        #expect(other.state.status == .expired)
    }

    @Test("where two policies demand a group, only escalations that both have count")
    func commonEscalations() throws {
        func requirement(_ escalations: [(Int64, Handle)]) throws -> Requirement {
            let slot = Slot(
                group: .reviewers, quorum: 1,
                escalations: try escalations.map {
                    Escalation(after: try #require(Span(seconds: $0.0)), group: $0.1)
                })
            let hour = try #require(Span("1h"))
            return try #require(
                Requirement(
                    slots: [slot], expires: hour, grant: hour, severity: .low, assurance: .token))
        }
        let one = try requirement([(60, Self.oncall), (120, .security)])
        let two = try requirement([(90, Self.oncall)])
        let merged = try #require(one.merged(with: two))
        #expect(merged.slots[0].escalations.map(\.group) == [Self.oncall])
        #expect(merged.slots[0].escalations.map(\.after.seconds) == [90])
        #expect(try #require(one.merged(with: try requirement([]))).slots[0].escalations.isEmpty)
        #expect(try Requirement(one.json) == one)
    }

    // MARK: asked anew

    @Test("a changed requirement is a new revision: approvals lapse, and nobody gets more time")
    func revision() throws {
        var ledger = try Self.ledger("@quorum(\"2\") @expires(\"20m\")")
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        let deadline = try #require(machine.state.deadline)
        try ledger.decide(&machine, action, .bob)
        try ledger.publish(Self.text("@severity(\"high\") @expires(\"1h\")"))
        let result = try ledger.run(&machine, action) { try $0.reevaluate($1) }
        #expect(result.events.map(\.kind) == ["action.revised"])
        #expect(machine.state.decisions.isEmpty && machine.state.deadline == deadline)
        #expect(machine.state.requirement?.severity == .high)
        // Nothing new is asked the second time.
        #expect(try ledger.run(&machine, action) { try $0.reevaluate($1) }.events.isEmpty)
        // A decision on what was shown before does not count.
        let stale = try ledger.decide(&machine, action, .bob) { $0.shown = .of("earlier") }
        #expect(stale.refusal?.code == .staleDigest)
        try ledger.decide(&machine, action, .bob)
        #expect(machine.state.status == .cleared)
        _ = try valid(ledger, action)
    }

    @Test("a denial stands, whatever policy asks for afterwards")
    func denialStands() throws {
        var ledger = try Self.ledger("@quorum(\"2\")")
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob, .deny)
        try ledger.publish(Self.text(""))
        #expect(try ledger.run(&machine, action) { try $0.reevaluate($1) }.events.isEmpty)
        #expect(machine.state.status == .denied)
    }

    @Test("asking policy again never clears: what is allowed by now waits for somebody")
    func neverClears() throws {
        var ledger = try Self.ledger("")
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        try ledger.publish("permit (principal, action, resource);")
        #expect(try ledger.run(&machine, action) { try $0.reevaluate($1) }.events.isEmpty)
        #expect(machine.state.status == .pending)
        try ledger.publish("permit (principal, action, resource) when { false };")
        try ledger.run(&machine, action) { try $0.reevaluate($1) }
        #expect(machine.state.status == .invalidated)
        _ = try valid(ledger, action)
    }

    @Test("what was made against a baseline that does not count any more is invalidated")
    func target() throws {
        for status in [ActionStatus.pending, .cleared] {
            var ledger = try Self.ledger("")
            let plain = try Fixtures.action()
            let operation = try Operation(
                action: plain.operation.action, resourceType: "Host", resourceID: "web1",
                input: plain.operation.input,
                target: DeclaredTarget(source: Handle(constant: "files"), root: .of("root")))
            let action = try Action(
                id: plain.id, nonce: plain.nonce, operation: operation, intent: .none,
                requester: plain.requester, gate: plain.gate, facts: plain.facts)
            #expect(action.operationDigest != plain.operationDigest)
            var machine = try ledger.submit(action)
            if status == .cleared { try ledger.decide(&machine, action, .bob) }
            #expect(machine.state.status == status)
            ledger.isTargetChanged = true
            if status == .cleared {
                #expect(try ledger.claim(&machine, action).refusal?.code == .invalidated)
            } else {
                try ledger.decide(&machine, action, .bob)
            }
            #expect(machine.state.status == .invalidated)
            ledger.isTargetChanged = false
            _ = try valid(ledger, action)
        }
    }

    // MARK: on behalf of somebody

    @Test("for a person the stricter of both verdicts holds: his and the agent's")
    func onBehalfOf() throws {
        let text = """
            permit (principal, action, resource) unless { principal == Person::"dave" };
            @id("agents") @review("reviewers")
            forbid (principal is Agent, action in Action::"command", resource)
            when { context.facts has effect && context.facts.effect == "write" };
            @id("people") @review("security") @severity("high")
            forbid (principal == Person::"bob", action, resource);
            """
        let environment = try Fixtures.environment(text)
        func verdict(_ effect: String, _ person: Handle?) throws -> Verdict {
            environment.evaluate(
                try Fixtures.action(effect: effect, onBehalfOf: person), at: .start)
        }
        #expect(try verdict("read", nil).decision == .allow)
        #expect(try verdict("read", .carol).decision == .allow)
        #expect(try verdict("read", .dave).decision == .deny)
        #expect(try verdict("read", .bob).requirement?.slots.map(\.group) == [.security])
        let both = try verdict("write", .bob)
        #expect(both.requirement?.slots.map(\.group) == [.reviewers, .security])
        #expect(both.requirement?.severity == .high)
        #expect(Set(both.reasons.map(\.policy)).isSuperset(of: ["agents", "people"]))
        // What both verdicts say is said once.
        #expect(Set(both.reasons).count == both.reasons.count)
        let failing = try Fixtures.environment(
            "permit (principal, action, resource) when { 9223372036854775807 + 1 == 0 };"
        ).evaluate(try Fixtures.action(onBehalfOf: .bob), at: .start)
        #expect(failing.decision == .deny && failing.errors.count == 1)
    }

    // MARK: what is shown

    @Test("what could not be shown in full could not be approved")
    func notShownInFull() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(argv: ["echo", String(repeating: "x", count: 100_000)])
        var machine = try ledger.submit(action)
        // The machine refuses; an operator who lets it pass is found out.
        #expect(
            try ledger.decide(&machine, action, .bob, shownInFull: false).refusal?.code
                == .notShownInFull)
        let forged = DecisionCommand(
            principal: .person(.bob), kind: .approve, channel: .console, assurance: .console,
            expectedDigest: action.digest.hex, hasReason: true,
            rendering: try #require(try ledger.submission(of: action.id).renderingDigest),
            shownInFull: true)
        try ledger.run(&machine, action) { try $0.decide(forged, $1) }
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.problems.contains { $0.what.contains("could not be shown in full") })
    }
}
