// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog
import WebAuthn

@testable import ApprovalCore

/// What a gate believes that demands passkeys (DESIGN §4.2).
@Suite("Passkeys that a gate trusts")
struct PasskeyTrustTests {
    // MARK: what passes

    @Test("what persons signed with passkeys of the manifest passes, and names them all")
    func signed() throws {
        var sealed = try Sealed()
        let action = try sealed.action()
        let receipt = try sealed.receipt(action, by: .bob)
        #expect(try sealed.approvers(receipt, action) == [.bob])

        var two = try Sealed("@assurance(\"passkey\") @quorum(\"2\")")
        let other = try two.action()
        let both = try two.receipt(other, by: .carol, .bob)
        #expect(try two.approvers(both, other) == [.bob, .carol])
    }

    @Test("a passkey counts once its enrolment is shown, which one that counts has approved")
    func chained() throws {
        var sealed = try Sealed()
        let erin = try Reviewer(Sealed.erin).passkey()
        let frank = try Reviewer(Sealed.frank).passkey()
        let first = try sealed.enrolment([erin])
        let firstReceipt = try sealed.receipt(first, by: .bob)
        try sealed.ledger.change(.passkeyAdded(erin))
        let second = try sealed.enrolment([try Sealed.passkey("other", of: .carol), frank])
        let secondReceipt = try sealed.receipt(second, by: Sealed.erin)
        try sealed.ledger.change(.passkeyAdded(frank))

        let action = try sealed.action()
        let receipt = try sealed.receipt(action, by: Sealed.frank)
        #expect(throws: PasskeyTrust.Refusal.unknown(passkey: frank.id)) {
            try sealed.approvers(receipt, action)
        }
        // Not before the one that approved it counts.
        #expect(throws: PasskeyTrust.Refusal.unknown(passkey: erin.id)) {
            try sealed.trust.learn(frank.id, receipt: secondReceipt)
        }
        try sealed.trust.learn(erin.id, receipt: firstReceipt)
        try sealed.trust.learn(frank.id, receipt: secondReceipt)
        #expect(try sealed.approvers(receipt, action) == [Sealed.frank])
    }

    // MARK: what nobody signed

    @Test("an approval that only the operator vouches for is refused, at the console or in a chat")
    func unsigned() throws {
        var sealed = try Sealed("")
        let action = try sealed.action()
        var machine = try sealed.ledger.submit(action)
        try sealed.approve(&machine, action, .bob, nil)
        #expect(
            sealed.refusal(try sealed.receipt(machine), action)
                == "`bob` approved it without a passkey's signature")

        let account = try #require(
            ChatAccount(channel: Handle(constant: "slack"), workspace: "T1", user: "U1"))
        try sealed.ledger.change(.accountLinked(account, to: .carol))
        let other = try sealed.action()
        var chat = try sealed.ledger.submit(other)
        let command = DecisionCommand(
            principal: .person(.carol), kind: .approve, channel: .slack, assurance: .chat,
            expectedDigest: other.digest.hex, hasReason: true, account: account, method: .chat
        ).onRecordedRendering(try sealed.ledger.submission(of: other.id), chat.state)
        try sealed.ledger.run(&chat, other) { try $0.decide(command, $1) }
        #expect(
            sealed.refusal(try sealed.receipt(chat), other)
                == "`carol` approved it without a passkey's signature")
    }

    @Test("one signature does not carry the operator's word for another approval")
    func halfSigned() throws {
        for unsigned in [Handle.bob, .carol] {
            var sealed = try Sealed("@quorum(\"2\")")
            let action = try sealed.action()
            var machine = try sealed.ledger.submit(action)
            for person in [Handle.bob, .carol] {
                let context = try sealed.context(machine, action, person)
                let signature = try Reviewer(person).sign(context)
                try sealed.approve(&machine, action, person, person == unsigned ? nil : signature)
            }
            #expect(
                sealed.refusal(try sealed.receipt(machine), action)
                    == "`\(unsigned)` approved it without a passkey's signature")
        }
    }

    @Test("what policy allows, and what somebody broke the glass for, nobody approved")
    func nobody() throws {
        var allowing = try Sealed()
        try allowing.ledger.publish("permit (principal, action, resource);")
        let action = try allowing.action()
        let machine = try allowing.ledger.submit(action)
        #expect(
            allowing.refusal(try allowing.receipt(machine), action)
                == "no person approved it: policy asked for none")

        var broken = try Sealed("@breakglass(\"reviewers\")")
        let other = try broken.action()
        var second = try broken.ledger.submit(other)
        try broken.ledger.breakGlass(&second, other, .bob)
        #expect(
            broken.refusal(try broken.receipt(second), other) == "the glass was broken for it")

        var pending = try Sealed()
        let third = try pending.action()
        _ = try pending.ledger.submit(third)
        #expect(
            pending.refusal(try pending.ledger.receiptBytes(third.id), third)
                == "nothing was cleared")
    }

    // MARK: what somebody signed, and not this

    @Test("a receipt of another action or another operation is refused")
    func others() throws {
        var sealed = try Sealed()
        let (one, two) = (try sealed.action(), try sealed.action())
        let receipt = try sealed.receipt(one, by: .bob)
        #expect(sealed.refusal(receipt, two) == "the receipt is of another action")
        #expect(throws: PasskeyTrust.Refusal.refused("another operation was approved")) {
            try sealed.trust.approvers(
                receipt: receipt, action: one.digest, operation: .of("another"))
        }
    }

    @Test("a signature copied from another action is refused")
    func copied() throws {
        var sealed = try Sealed()
        let (one, two) = (try sealed.action(), try sealed.action())
        let first = try sealed.ledger.submit(one)
        var second = try sealed.ledger.submit(two)
        let signature = try Reviewer(.bob).sign(try sealed.context(first, one, .bob))
        // The machine would not let the operator do it, so he writes the entries himself.
        let decision = ReviewDecision(
            person: .bob, kind: .approve, channel: .console, assurance: .passkey,
            selfApproved: false, at: sealed.ledger.now, method: .passkey, signature: signature)
        let shown = second.state.rendering(try sealed.ledger.submission(of: two.id))
        var events: [ActionEvent] = []
        try second.record(.decided(decision, rendering: shown), into: &events, sealed.ledger.now)
        let verdict = try sealed.ledger.environment.evaluate(two, at: sealed.ledger.now)
        try second.record(
            second.clearance(verdict, approvals: [.reviewers: [.bob]], now: sealed.ledger.now),
            into: &events, sealed.ledger.now)
        try sealed.ledger.record(MachineResult(events: events), second)
        let said = sealed.refusal(try sealed.ledger.receiptBytes(two.id), two)
        #expect(said.hasSuffix("it signs another action"))
    }

    @Test("a signature for the server of another log is refused")
    func anotherOrigin() throws {
        var sealed = try Sealed()
        let action = try sealed.action()
        let receipt = try sealed.receipt(action, by: .bob, origin: "log.example/other")
        #expect(sealed.refusal(receipt, action) == "`bob` signed something else")
    }

    @Test("a receipt that does not verify, of another log, or without its words is refused")
    func invalid() throws {
        var sealed = try Sealed()
        let action = try sealed.action()
        let receipt = try sealed.receipt(action, by: .bob)
        let other = try sealed.ledger.receipt(action.id).signed(
            by: try #require(MemoryLedger.otherKey))
        #expect(sealed.refusal(other, action).hasPrefix("the receipt is invalid: `log.vkey`"))
        let erased = try MemoryLedger.resigned(receipt) { object in
            var entries = object["entries"]?.arrayValue ?? []
            var entry = entries[0].objectValue ?? [:]
            entry["body"] = .some(.null)
            entry["bodySalt"] = .some(.null)
            entries[0] = .object(entry)
            object["entries"] = .array(entries)
        }
        #expect(sealed.refusal(erased, action).contains("they were erased"))
        // Everything is signed, and the story goes on as it can't have.
        let header = CoreHeader(action: action.id, digest: action.digest, unsealed: false)
        try sealed.ledger.append(.cancelled(by: "person:bob"), header, body: ["audit": [:]])
        let wrong = try sealed.ledger.receiptBytes(action.id)
        #expect(sealed.refusal(wrong, action).contains("somebody else than the requester"))
    }

    // MARK: whose passkey it is

    @Test("a passkey that the operator gave to another person, or another key, is refused")
    func substituted() throws {
        let id = try Reviewer(.bob).passkey().id
        // Carol signs, and the operator says that it is bob's passkey.
        var given = try Sealed()
        let carols = try Reviewer(.carol).passkey().id
        try given.ledger.change(.passkeyRemoved(carols))
        try given.ledger.change(.passkeyAdded(try Sealed.passkey("carol", of: .bob)))
        let action = try given.action()
        var machine = try given.ledger.submit(action)
        let context = try given.context(machine, action, .bob)
        try given.approve(&machine, action, .bob, try Reviewer(.carol).sign(context))
        #expect(
            given.refusal(try given.receipt(machine), action)
                == "the passkey that signed for `bob` is not his")
        // A key of the operator's own, under the id of bob's.
        var replaced = try Sealed()
        try replaced.ledger.change(.passkeyRemoved(id))
        try replaced.ledger.change(
            .passkeyAdded(try Sealed.passkey("operator", of: .bob, id: id)))
        let other = try replaced.action()
        var second = try replaced.ledger.submit(other)
        let forged = try SoftwarePasskey("operator").assertion(
            challenge: try replaced.context(second, other, .bob).challenge.bytes)
        let signature = SignedDecision(
            context: try replaced.context(second, other, .bob),
            assertion: PasskeyAssertion(
                credentialID: try SoftwarePasskey("bob").credentialID,
                authenticatorData: forged.authenticatorData,
                clientDataJSON: forged.clientDataJSON, signature: forged.signature,
                userHandle: nil))
        try replaced.approve(&second, other, .bob, signature)
        #expect(
            replaced.refusal(try replaced.receipt(second), other)
                .hasPrefix("the signature of `bob` does not verify"))
    }

    @Test("whoever asked, by the receipt or by what was sealed, does not approve")
    func requesters() throws {
        func refused(_ person: String) -> String { "`\(person)` belongs to who asked for it" }
        // The operator made somebody else the agent's owner.
        var owner = try Sealed()
        try owner.ledger.change(.agentOwned(.bot, owner: .dave))
        let first = try owner.action(owner: .dave)
        #expect(owner.refusal(try owner.receipt(first, by: .alice), first) == refused("alice"))
        // He forgot who had seen the agent's token.
        var shown = try Sealed(shownTo: [.carol])
        let second = try shown.action()
        #expect(shown.refusal(try shown.receipt(second, by: .carol), second) == refused("carol"))
        let again = try shown.action()
        #expect(try shown.approvers(try shown.receipt(again, by: .bob), again) == [.bob])
        // He says that nothing was sealed yet.
        var unsealed = try Sealed()
        unsealed.ledger.unsealed = true
        let third = try unsealed.action(shownTo: [.bob])
        #expect(unsealed.refusal(try unsealed.receipt(third, by: .bob), third) == refused("bob"))
        unsealed.ledger.singleOperator = true
        let fourth = try unsealed.action()
        #expect(
            unsealed.refusal(try unsealed.receipt(fourth, by: .alice), fourth) == refused("alice"))
    }

    // MARK: enrolments

    @Test("nobody approves his own passkey, and nobody's approval is none")
    func selfEnrolled() throws {
        var sealed = try Sealed()
        let passkey = try Sealed.passkey("another", of: .carol)
        let own = try sealed.receipt(try sealed.enrolment([passkey]), by: .carol)
        #expect(
            sealed.refusal(learning: passkey.id, own) == "`carol` approved his own passkey")
        // While nothing is sealed policy may allow it; the operator says that nothing is.
        sealed.ledger.unsealed = true
        try sealed.ledger.publish("permit (principal, action, resource);")
        let allowed = try sealed.ledger.submit(try sealed.enrolment([passkey]))
        #expect(
            sealed.refusal(learning: passkey.id, try sealed.receipt(allowed))
                == "no person approved it: policy asked for none")
    }

    @Test(
        "a reviewer's signature enrols nobody: an administrator of the manifest has to be among them"
    )
    func notByAnAdministrator() throws {
        var sealed = try Sealed()
        let passkey = try Reviewer(Sealed.frank).passkey()
        let byCarol = try sealed.receipt(try sealed.enrolment([passkey]), by: .carol)
        let why = "no administrator of the manifest approved this passkey's enrolment"
        #expect(sealed.refusal(learning: passkey.id, byCarol) == why)
        // The operator makes her one: the manifest does not know it.
        try sealed.ledger.change(.memberAdded(group: .administrators, member: .carol))
        let again = try sealed.receipt(try sealed.enrolment([passkey]), by: .carol)
        #expect(sealed.refusal(learning: passkey.id, again) == why)
    }

    @Test("only an approved change of this server's own that adds this passkey enrols it")
    func notAnEnrolment() throws {
        let other = "the receipt is not of this passkey's enrolment"
        let erin = try Reviewer(Sealed.erin).passkey()
        var sealed = try Sealed()
        let elsewhere = try sealed.receipt(
            try sealed.enrolment([erin], resource: ("Installation", "log.example/other")),
            by: .bob)
        #expect(sealed.refusal(learning: erin.id, elsewhere) == other)
        let others = try sealed.receipt(
            try sealed.enrolment([try Sealed.passkey("another", of: .carol)]), by: .bob)
        #expect(sealed.refusal(learning: erin.id, others) == other)
        // Words of an agent that read like one.
        try sealed.ledger.publish(
            try PublishedPolicies(files: [
                PolicyFile(
                    name: "10-base.cedar", text: Sealed.policy("@assurance(\"passkey\")")),
                PolicyFile(
                    name: "note.cedarschema",
                    text: """
                        action "mcp.note" in [Action::"mcp"] appliesTo {
                          principal: [Agent], resource: [Host], context: { input: Opaque },
                        };
                        """),
            ]))
        let note = try sealed.receipt(
            try sealed.enrolment([erin], name: "mcp.note", resource: ("Host", Sealed.origin)),
            by: .bob)
        #expect(sealed.refusal(learning: erin.id, note) == other)
        // It goes on counting for nothing.
        try sealed.ledger.change(.passkeyAdded(erin))
        let action = try sealed.action()
        let receipt = try sealed.receipt(action, by: Sealed.erin)
        #expect(throws: PasskeyTrust.Refusal.unknown(passkey: erin.id)) {
            try sealed.approvers(receipt, action)
        }
    }
}
