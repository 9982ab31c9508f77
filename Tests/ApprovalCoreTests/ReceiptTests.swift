// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

@Suite("Receipt: what an honest log proves")
struct ReceiptTests {
    @Test("a reviewed, claimed and reported action is valid, and says everything")
    func valid() throws {
        var ledger = try MemoryLedger.started()
        let (action, machine) = try MemoryLedger.finished(ledger: &ledger)
        #expect(machine.state.status == .succeeded)
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.problems == [])
        #expect(report.status == .valid)
        #expect(report.completeUpTo == UInt64(ledger.entries.count))
        #expect(report.decisions.map(\.person) == [.bob, .carol])
        #expect(report.decisions.allSatisfy { $0.label == "operator-attested" })
        #expect(report.flags.unsealed)
        #expect(report.flags.advisory)
        #expect(!report.flags.selfApproved)
        #expect(report.summary?.operation == "command.run")
        #expect(report.summary?.owner == .alice)
        #expect(report.summary?.outcomes == [.succeeded])
        #expect(throws: Never.self) { try report.json.canonicalBytes() }
    }

    @Test("the bytes are a function of the ledger, and other entries don't get into them")
    func deterministic() throws {
        var ledger = try MemoryLedger.started()
        let (one, _) = try MemoryLedger.finished(ledger: &ledger)
        let (two, _) = try MemoryLedger.finished(number: 2, ledger: &ledger)
        #expect(try ledger.receiptBytes(one.id) == ledger.receiptBytes(one.id))
        let text = String(decoding: try ledger.receiptBytes(one.id), as: UTF8.self)
        #expect(!text.contains(two.id.text))
        #expect(try MemoryLedger.verify(try ledger.receiptBytes(two.id)).status == .valid)
    }

    @Test("an action that has not ended is incomplete, at every stage")
    func incomplete() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "export")
        var machine = try ledger.submit(action)
        func status() throws -> ReceiptReport.Status {
            let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
            #expect(report.problems == [])
            return report.status
        }
        #expect(try status() == .incomplete)
        try ledger.decide(&machine, action, .bob)
        #expect(try status() == .incomplete)
        try ledger.decide(&machine, action, .carol)
        #expect(machine.state.status == .cleared)
        #expect(try status() == .incomplete)
        _ = try ledger.claim(&machine, action)
        #expect(try status() == .incomplete)
        try ledger.record(try machine.gateWentSilent(now: ledger.now), machine)
        #expect(try status() == .incomplete)
        try ledger.record(
            try machine.settle(.failed, by: .person(.dave), ledger.surroundings(action)), machine)
        #expect(try status() == .valid)
    }

    @Test("allowed actions, denials, expiry, cancelling, lapse, revocation: all valid")
    func everyEnd() throws {
        for end in ["allow", "deny", "never", "expire", "cancel", "lapse", "revoke", "refused"] {
            var ledger = try MemoryLedger.started()
            let effect =
                end == "allow" || end == "lapse" ? "read" : end == "never" ? "key" : "write"
            let action = try Fixtures.action(effect: effect)
            var machine = try ledger.submit(action, nonce: end == "allow" ? .of("claim") : nil)
            switch end {
            case "allow": try ledger.report(&machine, action)
            case "deny": try ledger.decide(&machine, action, .bob, .deny)
            case "expire":
                ledger.now = ledger.now.adding(seconds: 3600)
                try ledger.record(try machine.tick(now: ledger.now), machine)
            case "cancel":
                try ledger.record(try machine.cancel(by: .agent(.bot), now: ledger.now), machine)
            case "lapse":
                ledger.now = ledger.now.adding(seconds: 600)
                try ledger.record(try machine.tick(now: ledger.now), machine)
            case "revoke":
                try ledger.decide(&machine, action, .bob)
                try ledger.record(
                    try machine.revoke(by: .person(.carol), ledger.surroundings(action)), machine)
            case "refused":
                #expect(try ledger.decide(&machine, action, .alice).refusal?.code == .selfApproval)
                try ledger.decide(&machine, action, .bob, .deny)
                #expect(try ledger.decide(&machine, action, .carol).refusal?.code == .notPending)
            default: break
            }
            #expect(machine.state.status.isFinal, "\(end)")
            let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
            #expect(report.problems == [], "\(end)")
            #expect(report.status == .valid, "\(end)")
        }
    }

    @Test("a grant invalidated by a new policy set, with both sets in the receipt")
    func invalidated() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "write")
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob)
        ledger.now = ledger.now.adding(seconds: 5)
        try ledger.publish(
            Fixtures.policyText + "@id(\"stop\") forbid (principal, action, resource);")
        let result = try ledger.claim(&machine, action)
        #expect(result.refusal?.code == .invalidated)
        let bytes = try ledger.receiptBytes(action.id)
        let json = try JSON(canonical: bytes)
        #expect(json["policies"]?.arrayValue?.count == 2)
        let report = try MemoryLedger.verify(bytes)
        #expect(report.problems == [])
        #expect(report.status == .valid)
    }

    @Test("a directory that changed between the decisions is carried and asked")
    func directoryChanged() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "export")
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob)
        let eve = Handle(constant: "eve")
        try ledger.change(.personAdded(eve))
        try ledger.change(.memberAdded(group: .security, member: eve))
        try ledger.decide(&machine, action, eve)
        #expect(machine.state.status == .cleared)
        _ = try ledger.claim(&machine, action)
        try ledger.report(&machine, action)
        let bytes = try ledger.receiptBytes(action.id)
        #expect(try JSON(canonical: bytes)["directories"]?.arrayValue?.count == 2)
        let report = try MemoryLedger.verify(bytes)
        #expect(report.problems == [])
        #expect(report.status == .valid)
    }

    @Test("single-operator mode is valid while unsealed and says self-approved")
    func selfApproved() throws {
        var ledger = try MemoryLedger.started()
        ledger.singleOperator = true
        let action = try Fixtures.action(effect: "write")
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .alice)
        _ = try ledger.claim(&machine, action)
        try ledger.report(&machine, action)
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.problems == [])
        #expect(report.status == .valid)
        #expect(report.flags.selfApproved)
        #expect(report.decisions.first?.selfApproved == true)
    }

    @Test("an erased body makes it incomplete and is named")
    func erasedBody() throws {
        var ledger = try MemoryLedger.started()
        let (action, _) = try MemoryLedger.finished(ledger: &ledger)
        let bytes = try MemoryLedger.resigned(try ledger.receiptBytes(action.id)) { object in
            var entries = object["entries"]?.arrayValue ?? []
            var entry = entries[0].objectValue ?? [:]
            entry["body"] = .some(.null)
            entry["bodySalt"] = .some(.null)
            entries[0] = .object(entry)
            object["entries"] = .array(entries)
        }
        let report = try MemoryLedger.verify(bytes)
        #expect(report.problems == [])
        #expect(report.status == .incomplete)
        #expect(report.flags.erasedBodies.count == 1)
        #expect(report.summary?.operation == nil)
    }

    @Test("verdicts prepared shortly before their entry are accepted, old ones are not")
    func preparedEarlier() throws {
        for (delay, isValid): (Int64, Bool) in [(3, true), (61, false)] {
            for effect in ["read", "write"] {
                var ledger = try MemoryLedger.started()
                let action = try Fixtures.action(effect: effect)
                let verdict = try ledger.environment.evaluate(action, at: ledger.now)
                let (prepared, events) = try ActionMachine.submit(
                    action, verdict: verdict, nonce: .of("claim"), unsealed: true,
                    now: ledger.now)
                let rendering = Renderer.render(
                    action: action, verdict: verdict, deadline: nil, name: { _ in nil })
                let body = SubmissionBody(
                    action: action, texts: verdict.bodyJSON,
                    rendering: verdict.decision == .review ? rendering : nil, eligible: [],
                    audit: [:])
                // The writer's turn comes later than the verdict.
                ledger.now = ledger.now.adding(seconds: delay)
                for (position, event) in events.enumerated() {
                    try ledger.append(
                        event, prepared.coreHeader,
                        body: position == 0 ? try body.json : ["audit": [:]])
                }
                let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
                #expect((report.status != .invalid) == isValid, "\(report.problems)")
            }
        }
    }
}
