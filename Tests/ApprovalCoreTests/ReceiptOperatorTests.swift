// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// The operator holds the log key and writes any entry; the verifier still sees what is wrong.
@Suite("Receipt: entries minted by the operator")
struct ReceiptOperatorTests {
    @Test("minted exactly as the machine would: no problem")
    func soundMint() throws {
        var forgery = try Forgery()
        try forgery.mintDecision(.bob)
        try forgery.mint(try forgery.clearance([.reviewers: [.bob]]))
        try forgery.mint(try forgery.claim())
        try forgery.mint(.reported(ActionEvent.Report(.succeeded, exitCode: 0)))
        try forgery.expectSound()
    }

    @Test(
        "an approval by somebody who may not decide",
        arguments: [
            ("alice", "requester chain"), ("dave", "none of the groups"),
            ("deploy-bot", "not a person"), ("mallory", "not a person"),
            ("advisory", "not a person"),
        ])
    func notEligible(person: String, words: String) throws {
        for kind in ReviewDecision.Kind.allCases {
            var forgery = try Forgery()
            try forgery.mintDecision(try #require(Handle(person)), kind)
            try forgery.expectInvalid(words, "\(person) \(kind)")
        }
    }

    @Test("the person the agent acts for is in the chain")
    func onBehalfOf() throws {
        var forgery = try Forgery()
        let action = try Fixtures.action(onBehalfOf: .bob, number: 7)
        forgery.machine = try forgery.ledger.submit(action)
        let decision = ReviewDecision(
            person: .bob, kind: .approve, channel: .cli, assurance: .token, selfApproved: false,
            at: forgery.ledger.now)
        let header = CoreHeader(action: action.id, digest: action.digest, unsealed: true)
        let shown = try forgery.ledger.submission(of: action.id).renderingDigest ?? .zero
        try forgery.ledger.append(
            .decided(decision, rendering: shown), header, body: ["audit": [:]])
        let report = try MemoryLedger.verify(try forgery.ledger.receiptBytes(action.id))
        #expect(report.problems.contains { $0.what.contains("requester chain") })
    }

    @Test("self-approval after the seal, unstamped, or stamped on somebody else")
    func selfApproval() throws {
        var sealed = try Forgery()
        sealed.ledger.unsealed = false
        try sealed.mintDecision(.alice, selfApproved: true, unsealed: false)
        try sealed.expectInvalid("requester chain", "after the seal")

        var stamped = try Forgery()
        try stamped.mintDecision(.bob, selfApproved: true)
        try stamped.expectInvalid("stamped self-approved", "stamped on bob")

        var reopened = try Forgery()
        try reopened.mintDecision(.bob, unsealed: false)
        try reopened.mint(try reopened.clearance([.reviewers: [.bob]]), unsealed: true)
        try reopened.expectInvalid("unsealed after the seal", "unsealed again")
    }

    @Test("assurance below what is asked, another rendering, a denial without a reason")
    func weakDecisions() throws {
        var weak = try Forgery(effect: "export")
        try weak.mintDecision(.bob, assurance: .token)
        try weak.expectInvalid("assurance", "token for high severity")

        var other = try Forgery()
        try other.mintDecision(.bob, rendering: .of("something else"))
        try other.expectInvalid("another rendering", "rendering")

        var silent = try Forgery()
        let decision = ReviewDecision(
            person: .bob, kind: .deny, channel: .cli, assurance: .token, selfApproved: false,
            at: silent.ledger.now)
        let header = CoreHeader(
            action: silent.action.id, digest: silent.action.digest, unsealed: true)
        try silent.ledger.append(
            .decided(decision, rendering: silent.rendering), header, body: ["audit": [:]])
        try silent.expectInvalid("without a reason", "denial")
    }

    @Test("one person deciding twice, or after the end, or too late")
    func repeated() throws {
        var twice = try Forgery(effect: "export")
        try twice.mintDecision(.carol)
        try twice.mintDecision(.carol)
        try twice.expectInvalid("decided twice", "twice")

        var late = try Forgery()
        late.ledger.now = late.ledger.now.adding(seconds: 3600)
        try late.mintDecision(.bob)
        try late.expectInvalid("too late", "after the deadline")

        var denied = try Forgery()
        try denied.mintDecision(.bob, .deny)
        try denied.mintDecision(.carol)
        try denied.expectInvalid("not possible while", "after a denial")
    }

    @Test("a clearance without enough approvals, or with other ones than there are")
    func clearances() throws {
        var none = try Forgery()
        try none.mint(try none.clearance([:]))
        try none.expectInvalid("not met", "no approval at all")

        var invented = try Forgery()
        try invented.mint(try invented.clearance([.reviewers: [.bob]]))
        try invented.expectInvalid("not met", "an approval that nobody gave")

        var half = try Forgery(effect: "export")
        try half.mintDecision(.carol)
        try half.mint(try half.clearance([.reviewers: [.carol], .security: [.carol]]))
        try half.expectInvalid("not met", "one person in two slots")

        var wrong = try Forgery()
        try wrong.mintDecision(.bob)
        try wrong.mint(try wrong.clearance([.reviewers: [.carol]]))
        try wrong.expectInvalid("not what follows", "another approver named")

        var long = try Forgery()
        try long.mintDecision(.bob)
        try long.mint(try long.clearance([.reviewers: [.bob]], seconds: 6000))
        try long.expectInvalid("not what follows", "a longer grant")

        var allowed = try Forgery()
        try allowed.mint(try allowed.clearance([:], verdict: .allow))
        try allowed.expectInvalid("not met", "called allowed")

        var gate = try Forgery()
        try gate.mintDecision(.bob)
        try gate.mint(
            try gate.clearance(
                [.reviewers: [.bob]],
                gate: GateReference(id: Handle(constant: "other"), enforcing: true)))
        try gate.expectInvalid("another gate", "gate")

        var policy = try Forgery()
        try policy.mintDecision(.bob)
        try policy.mint(
            try policy.clearance([.reviewers: [.bob]], policySet: .of("no such set")))
        try policy.expectInvalid("not what follows", "policy set")
    }

    @Test("a clearance under a policy set that was replaced before it")
    func staleLaw() throws {
        var forgery = try Forgery()
        let old = try forgery.ledger.environment.policies.digest
        try forgery.mintDecision(.bob)
        try forgery.ledger.publish(
            Fixtures.policyText + "@id(\"stop\") forbid (principal, action, resource);")
        try forgery.mint(try forgery.clearance([.reviewers: [.bob]], policySet: old))
        try forgery.expectInvalid("policy denies it", "stale policy set")

        var member = try Forgery()
        try member.mintDecision(.bob)
        try member.ledger.change(.memberRemoved(group: .reviewers, member: .bob))
        try member.mint(try member.clearance([.reviewers: [.bob]]))
        try member.expectInvalid("not met", "a reviewer who was removed")
    }

    @Test("claims: before clearing, too late, twice, with another start, after revocation")
    func claims() throws {
        var early = try Forgery()
        try early.mint(try early.claim())
        try early.expectInvalid("not possible while", "unclear")

        var late = try Forgery()
        try late.mintDecision(.bob)
        try late.mint(try late.clearance([.reviewers: [.bob]]))
        late.ledger.now = late.ledger.now.adding(seconds: 600)
        try late.mint(try late.claim())
        try late.expectInvalid("too late", "after notAfter")

        var start = try Forgery()
        try start.mintDecision(.bob)
        try start.mint(try start.clearance([.reviewers: [.bob]]))
        try start.mint(try start.claim(seconds: 3000))
        try start.expectInvalid("not like this", "startBy")

        var twice = try Forgery()
        try twice.mintDecision(.bob)
        try twice.mint(try twice.clearance([.reviewers: [.bob]]))
        try twice.mint(try twice.claim())
        try twice.mint(try twice.claim())
        try twice.expectInvalid("not possible while", "claimed twice")

        var removed = try Forgery()
        try removed.mintDecision(.bob)
        try removed.mint(try removed.clearance([.reviewers: [.bob]]))
        try removed.ledger.change(.personRemoved(.bob))
        try removed.mint(try removed.claim())
        try removed.expectInvalid("did not let it pass", "approver removed before the claim")
    }

    /// A submission that somebody with the log's key wrote otherwise than it was is found out.
    private func forged(
        _ comment: String, _ words: String, effect: String = "write",
        _ change: (inout JSONObject) -> Void,
        body edit: (SubmissionBody) -> SubmissionBody = { $0 }
    ) throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: effect)
        let verdict = try ledger.environment.evaluate(action, at: ledger.now)
        let (machine, events) = try ActionMachine.submit(
            action, verdict: verdict, nonce: nil, unsealed: true, now: ledger.now)
        let rendering = Renderer.render(
            action: action, verdict: verdict, deadline: nil, name: { _ in nil })
        let body = SubmissionBody(
            action: action, texts: verdict.bodyJSON,
            rendering: verdict.decision == .review ? rendering : nil, eligible: [],
            audit: [:])
        var core = try events[0].core(machine.coreHeader).objectValue ?? [:]
        change(&core)
        try ledger.append(
            kind: "action.submitted", ref: action.id.text, core: .object(core),
            body: try edit(body).json)
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.status == .invalid, "\(comment)")
        #expect(
            report.problems.contains { $0.what.contains(words) },
            "\(comment): \(report.problems)")
    }

    private func inVerdict(_ key: String, _ value: JSON) -> (inout JSONObject) -> Void {
        { core in
            var verdict = core["verdict"]?.objectValue ?? [:]
            verdict[key] = .some(value)
            core["verdict"] = .object(verdict)
        }
    }

    @Test("a verdict that policy would not give, other texts, a moved deadline, a false instant")
    func verdicts() throws {
        try forged("no instant", "not an instant", inVerdict("evaluatedAt", nil))
        try forged("another operation", "differ from the core") {
            $0["operation"] = .string(Hash256.of("other").hex)
        }
        try forged("another requester", "differ from the core") { core in
            var requester = core["requester"]?.objectValue ?? [:]
            requester["credential"] = "cred2"
            core["requester"] = .object(requester)
        }
        try forged("another gate", "differ from the core") {
            $0["gate"] = GateReference(id: Handle(constant: "other"), enforcing: false).json
        }
        try forged("another action of that id", "not the action that the core names", { _ in }) {
            body in
            guard let other = try? Fixtures.action(argv: ["ls"], effect: "write") else {
                return body
            }
            return SubmissionBody(
                action: other, texts: body.texts, rendering: try? body.rendering(), eligible: [],
                audit: [:])
        }
        try forged("a reason left out", "not this verdict", inVerdict("reasons", []))
        try forged("a deadline moved", "deadline") {
            $0["deadline"] = .string(Timestamp.start.adding(seconds: 9).description)
        }
        try forged(
            "judged tomorrow", "too long before",
            inVerdict(
                "evaluatedAt", .string(Timestamp.start.adding(seconds: 86_400).description)))
        try forged(
            "an unknown policy set", "not this verdict",
            inVerdict("policySet", .string(Hash256.zero.hex)))
        try forged("other texts", "texts", { _ in }) { body in
            SubmissionBody(
                action: body.action, texts: ["errors": [], "reasons": []],
                rendering: try? body.rendering(), eligible: [], audit: [:])
        }
        try forged("no rendering", "rendering", { _ in }) { body in
            SubmissionBody(
                action: body.action, texts: body.texts, rendering: nil, eligible: [], audit: [:])
        }
        try forged("another action in the body", "not the action", { _ in }) { body in
            guard let other = try? Fixtures.action(effect: "write", number: 9) else { return body }
            return SubmissionBody(
                action: other, texts: body.texts, rendering: try? body.rendering(), eligible: [],
                audit: [:])
        }
    }

    @Test("ends that nobody may bring about: cancelled, revoked, settled, invalidated, expired")
    func ends() throws {
        for (event, words): (ActionEvent, String) in [
            (.cancelled(by: "person:bob"), "somebody else than the requester"),
            (.cancelled(by: "agent:other"), "somebody else than the requester"),
            (.expired, "not due yet"), (.lapsed, "not due yet"),
            (
                .invalidated(cause: "policy_denies", policySet: .zero, directory: .zero),
                "policy in force let it pass"
            ),
            (.settled(.succeeded, by: .bob), "not possible while"),
            (.reported(ActionEvent.Report(.succeeded, exitCode: 0)), "not possible while"),
        ] {
            var forgery = try Forgery()
            try forgery.mint(event)
            try forgery.expectInvalid(words, "\(event.kind)")
        }
        var revoked = try Forgery()
        try revoked.mintDecision(.bob)
        try revoked.mint(try revoked.clearance([.reviewers: [.bob]]))
        try revoked.mint(.revoked(by: .dave))
        try revoked.expectInvalid("may not revoke", "revoked by an outsider")
    }

    @Test("a policy entry whose text is another set, a directory extract that is another one")
    func law() throws {
        var ledger = try MemoryLedger.started()
        let (action, _) = try MemoryLedger.finished(ledger: &ledger)
        var directory = try Fixtures.directory()
        try directory.apply(.memberAdded(group: .reviewers, member: .dave))
        let changed = try MemoryLedger.resigned(try ledger.receiptBytes(action.id)) { object in
            var directories = object["directories"]?.arrayValue ?? []
            directories[0] = [
                "entry": directories[0]["entry"] ?? .null, "extract": directory.json,
            ]
            object["directories"] = .array(directories)
        }
        let report = try MemoryLedger.verify(changed)
        #expect(report.problems.contains { $0.what.contains("not the directory") })
        for member in ["policies", "directories"] {
            let without = try MemoryLedger.resigned(try ledger.receiptBytes(action.id)) { object in
                object[member] = []
            }
            #expect(try MemoryLedger.verify(without).status == .invalid)
        }
    }
}
