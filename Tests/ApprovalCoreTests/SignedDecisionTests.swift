// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog
import WebAuthn

@testable import ApprovalCore

/// Decisions with a reviewer's own signature.
@Suite("Signed decisions")
struct SignedDecisionTests {
    private struct Stage {
        var ledger: MemoryLedger
        let action: Action
        var machine: ActionMachine
        let bob: Reviewer

        init() throws {
            ledger = try ReviewTests.ledger("@assurance(\"passkey\")")
            bob = try Reviewer(.bob)
            for person in [Handle.bob, .carol] {
                try ledger.change(.passkeyAdded(try Reviewer(person).passkey()))
            }
            action = try Fixtures.action()
            machine = try ledger.submit(action)
        }

        func context(_ kind: ReviewDecision.Kind = .approve) throws -> DecisionContext {
            bob.context(
                action, kind, policySet: try #require(ledger.policies?.digest),
                rendering: machine.state.rendering(try ledger.submission(of: action.id)),
                at: ledger.now)
        }

        mutating func decide(
            _ signature: SignedDecision?, _ person: Handle = .bob,
            _ kind: ReviewDecision.Kind = .approve, assurance: Assurance = .passkey
        ) throws -> Refusal.Code? {
            try ledger.decide(
                &machine, action, person, kind, assurance: assurance, method: .passkey
            ) { $0.signature = signature }.refusal?.code
        }
    }

    @Test("a reviewer's signature clears, and verifies offline as his own")
    func signed() throws {
        var stage = try Stage()
        let signature = try stage.bob.sign(try stage.context())
        #expect(try stage.decide(signature) == nil)
        #expect(stage.machine.state.status == .cleared)
        let report = try MemoryLedger.verify(try stage.ledger.receiptBytes(stage.action.id))
        #expect(report.problems.isEmpty)
        #expect(report.decisions.map(\.label) == ["self-signed"])
    }

    @Test("without a signature nothing counts as `passkey`")
    func unsigned() throws {
        var stage = try Stage()
        #expect(try stage.decide(nil) == .signatureInvalid)
        #expect(try stage.decide(nil, assurance: .console) == .assuranceTooLow)
    }

    @Test("a signature on anything else is refused")
    func others() throws {
        var stage = try Stage()
        let good = try stage.context()
        let elsewhere = try Fixtures.action(number: 9)
        func context(
            action: Action? = nil, digest: Hash256? = nil, kind: ReviewDecision.Kind = .approve,
            policySet: Hash256? = nil, rendering: Hash256? = nil, reviewer: Handle = .bob,
            issued: Int64 = 0, expires: Int64 = 300
        ) -> DecisionContext {
            DecisionContext(
                action: action?.id ?? good.action, digest: digest ?? good.digest, decision: kind,
                policySet: policySet ?? good.policySet, rendering: rendering ?? good.rendering,
                reviewer: reviewer, origin: good.origin, nonce: good.nonce,
                issuedAt: stage.ledger.now.adding(seconds: issued),
                expires: stage.ledger.now.adding(seconds: expires))
        }
        for wrong in [
            context(action: elsewhere), context(digest: .of("other")), context(kind: .deny),
            context(policySet: .of("other")), context(rendering: .of("other")),
            context(reviewer: .carol), context(issued: 1), context(issued: -400, expires: -100),
            context(expires: 301), context(issued: -300, expires: 0),
        ] {
            #expect(try stage.decide(try stage.bob.sign(wrong)) == .signatureInvalid)
        }
        // Another person's passkey, and one that the directory does not have.
        let carol = try Reviewer(.carol).sign(good)
        #expect(try stage.decide(carol) == .signatureInvalid)
        let stranger = SignedDecision(
            context: good,
            assertion: try SoftwarePasskey("stranger").assertion(
                challenge: try good.challenge.bytes))
        #expect(try stage.decide(stranger) == .signatureInvalid)
        // Another origin's.
        let foreign = SignedDecision(
            context: good,
            assertion: try SoftwarePasskey("bob", origin: "https://evil.example").assertion(
                challenge: try good.challenge.bytes))
        #expect(try stage.decide(foreign) == .signatureInvalid)
        #expect(stage.machine.state.status == .pending)
        #expect(try stage.decide(try stage.bob.sign(good)) == nil)
    }

    @Test("a passkey that is taken away takes its approval along, also after clearing")
    func revoked() throws {
        var stage = try Stage()
        #expect(try stage.decide(try stage.bob.sign(try stage.context())) == nil)
        try stage.ledger.change(.passkeyRemoved(try stage.bob.passkey().id))
        #expect(try stage.ledger.claim(&stage.machine, stage.action).refusal?.code == .invalidated)
    }

    @Test("removing the person takes passkeys, accounts and links along")
    func deprovisioned() throws {
        var stage = try Stage()
        let account = try #require(
            ExternalAccount(issuer: "https://idp.example", subject: "bob-1"))
        try stage.ledger.change(
            .externalLinked(account, ExternalLink(person: .bob, since: .start)))
        try stage.ledger.change(.personRemoved(.bob))
        let directory = stage.ledger.directory
        #expect(directory.passkeys(of: .bob).isEmpty && directory.externals.isEmpty)
        #expect(try stage.decide(try stage.bob.sign(try stage.context())) == .notEligible)
    }

    @Test("a signature that was changed in a receipt is found")
    func forged() throws {
        var stage = try Stage()
        #expect(try stage.decide(try stage.bob.sign(try stage.context())) == nil)
        let bytes = try stage.ledger.receiptBytes(stage.action.id)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("\"signature\""))
        let forged = text.replacing("\"assurance\":\"passkey\"", with: "\"assurance\":\"console\"")
        #expect(try MemoryLedger.verify(Array(forged.utf8)).status == .invalid)
    }

    @Test("context and signature are read back as they were, and nothing else is")
    func forms() throws {
        let stage = try Stage()
        let signature = try stage.bob.sign(try stage.context())
        #expect(try SignedDecision(signature.json, path: "s") == signature)
        var object = try #require(signature.context.json.objectValue)
        object["more"] = 1
        #expect(throws: (any Error).self) { try DecisionContext(.object(object), path: "c") }
        let passkey = try stage.bob.passkey()
        #expect(try Passkey(passkey.json, path: "p") == passkey)
    }

    @Test("a passkey that was enrolled after the question was put did not answer it")
    func enrolledLater() throws {
        var stage = try Stage()
        try stage.ledger.change(.passkeyRemoved(try stage.bob.passkey().id))
        let later = stage.ledger.now.adding(milliseconds: 1)
        try stage.ledger.change(.passkeyAdded(try stage.bob.passkey(since: later)))
        #expect(try stage.decide(try stage.bob.sign(try stage.context())) == .signatureInvalid)
    }

    @Test("ids, names and origins of passkeys and contexts have their lengths, and nothing more")
    func limits() throws {
        let stage = try Stage()
        let (signature, passkey) = (
            try stage.bob.sign(try stage.context()), try stage.bob.passkey()
        )
        func id(_ count: Int) -> JSON {
            .string(Base64URL.encode([UInt8](repeating: 1, count: count)))
        }
        func text(_ count: Int) -> JSON { .string(String(repeating: "x", count: count)) }
        func isRead(_ key: String, _ value: JSON) throws -> Bool {
            var object = try #require(passkey.json.objectValue)
            object[key] = .some(value)
            return (try? Passkey(.object(object), path: "p")) != nil
        }
        for (key, values, isRight): (String, [JSON], Bool) in [
            ("id", [id(16), id(1023)], true), ("id", [id(15), id(1024)], false),
            ("relyingParty", [text(1), text(255)], true),
            ("relyingParty", ["", text(256)], false), ("origin", [text(1), text(512)], true),
            ("origin", ["", text(513)], false), ("more", [1], false),
        ] {
            for value in values { #expect(try isRead(key, value) == isRight, "\(key) \(value)") }
        }
        func isContext(_ key: String, _ value: JSON) throws -> Bool {
            var object = try #require(signature.context.json.objectValue)
            object[key] = .some(value)
            return (try? DecisionContext(.object(object), path: "c")) != nil
        }
        #expect(try isContext("origin", text(255)) && isContext("v", 1))
        for (key, value): (String, JSON) in [("origin", ""), ("origin", text(256)), ("v", 2)] {
            #expect(try !isContext(key, value))
        }
        var object = try #require(signature.json.objectValue)
        object["more"] = 1
        #expect(throws: (any Error).self) { try SignedDecision(.object(object), path: "s") }
    }
}
