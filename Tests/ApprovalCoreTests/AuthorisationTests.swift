// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// Conditions of the authorisation function that decide only where all others hold.
@Suite("Authorisation: each condition by itself")
struct AuthorisationTests {
    private func decide(
        _ stage: inout Stage, channel: Channel, account: ChatAccount? = nil,
        assurance: Assurance = .chat
    ) throws -> Refusal.Code? {
        let command = DecisionCommand(
            principal: .person(.bob), kind: .approve, channel: channel, assurance: assurance,
            expectedDigest: stage.action.digest.hex, hasReason: true, account: account,
            method: .chat
        ).onRecordedRendering(try stage.ledger.submission(of: stage.action.id), stage.machine.state)
        return try stage.machine.decide(command, try stage.ledger.surroundings(stage.action))
            .refusal?.code
    }

    @Test("an account decides in its chat and nowhere else, and a chat has an account")
    func accounts() throws {
        let account = try #require(
            ChatAccount(channel: Handle(constant: "slack"), workspace: "T1", user: "U1"))
        var stage = try Stage(.pending)
        try stage.ledger.change(.accountLinked(account, to: .bob))
        #expect(try decide(&stage, channel: .slack) == .notLinked)
        #expect(
            try decide(&stage, channel: .console, account: account, assurance: .console)
                == .notAllowed)
        #expect(try decide(&stage, channel: .slack, account: account) == nil)
    }

    @Test("a signature is no ornament of a decision that counts for less")
    func signedAsLess() throws {
        var ledger = try ReviewTests.ledger("")
        let bob = try Reviewer(.bob)
        try ledger.change(.passkeyAdded(try bob.passkey()))
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        let signature = try bob.sign(
            bob.context(
                action, .approve, policySet: try ledger.environment.policies.digest,
                rendering: machine.state.rendering(try ledger.submission(of: action.id)),
                at: ledger.now))
        for (assurance, code): (Assurance, Refusal.Code?) in [
            (.console, .signatureInvalid), (.passkey, nil),
        ] {
            let result = try ledger.decide(&machine, action, .bob, assurance: assurance) {
                $0.signature = signature
            }
            #expect(result.refusal?.code == code)
        }
    }

    @Test("what one person did at the console does not make another one's token count for more")
    func assuranceOfEach() throws {
        let two = "@quorum(\"2\") @severity(\"low\")"
        var ledger = try ReviewTests.ledger(two)
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob, assurance: .token, method: .token)
        try ledger.decide(&machine, action, .carol, assurance: .console)
        #expect(machine.state.status == .cleared)
        try ledger.publish(ReviewTests.text("\(two) @assurance(\"console\")"))
        #expect(try ledger.claim(&machine, action).refusal?.code == .invalidated)
    }

    @Test("whoever becomes the agent's owner after he approved has approved for nothing")
    func ownerSinceThen() throws {
        for alone in [false, true] {
            var ledger = try ReviewTests.ledger("@quorum(\"2\")")
            ledger.singleOperator = alone
            let action = try Fixtures.action()
            var machine = try ledger.submit(action)
            try ledger.decide(&machine, action, .bob)
            try ledger.decide(&machine, action, .carol)
            #expect(machine.state.status == .cleared)
            try ledger.change(.agentOwned(.bot, owner: .bob))
            #expect(try ledger.claim(&machine, action).refusal?.code == .invalidated)
        }
    }

    @Test("an approval for oneself counts as long as the mode that let one is on")
    func noLongerAlone() throws {
        for unsealed in [true, false] {
            var ledger = try MemoryLedger.started()
            ledger.singleOperator = true
            let action = try Fixtures.action()
            var machine = try ledger.submit(action)
            try ledger.decide(&machine, action, .alice)
            #expect(machine.state.status == .cleared)
            ledger.singleOperator = !unsealed
            machine = ActionMachine(state: machine.state, unsealed: unsealed)
            #expect(try ledger.claim(&machine, action).refusal?.code == .invalidated)
        }
    }

    @Test("a denial stands as it is: no other question is asked for it, and none is answered")
    func denial() throws {
        for policy in [
            ReviewTests.text("@severity(\"high\")"), "permit (principal, action, resource);",
        ] {
            var ledger = try ReviewTests.ledger("@quorum(\"2\")")
            let action = try Fixtures.action()
            var machine = try ledger.submit(action)
            try ledger.publish(policy)
            let result = try ledger.decide(&machine, action, .bob, .deny)
            #expect(result.refusal == nil && result.events.map(\.kind) == ["action.decided"])
            #expect(machine.state.status == .denied)
        }
    }

    @Test("what nobody needs: a reason for an approval, one's own credential before the seal")
    func notNeeded() throws {
        var stage = try Stage(.pending)
        #expect(try stage.decide(.bob, hasReason: false).refusal == nil)
        for method in [SignInMethod.link, .token] {
            var ledger = try MemoryLedger.started()
            let action = try Fixtures.action()
            var machine = try ledger.submit(action)
            let result = try ledger.decide(&machine, action, .bob, method: method) {
                $0.isCredentialShown = true
            }
            #expect(result.refusal == nil)
        }
    }

    @Test("whoever is not in the directory is told so, also if the agent was his")
    func notInTheDirectory() throws {
        var stage = try Stage(.pending)
        try stage.ledger.change(.personRemoved(.alice))
        let refusal = try #require(try stage.decide(.alice).refusal)
        #expect(refusal == Refusal(.notEligible, "`alice` is not in the directory"))
    }

    @Test("only the agent and the gate that claimed report, also with the claim's nonce")
    func reporters() throws {
        for (gate, agent) in [
            (GateReference(id: .advisoryGate, enforcing: false), Handle(constant: "other-bot")),
            (GateReference(id: Handle(constant: "other"), enforcing: false), .bot),
        ] {
            var stage = try Stage(.claimed)
            let result = try stage.machine.report(
                ActionEvent.Report(.succeeded), nonce: Stage.nonce, gate: gate, agent: agent,
                now: stage.ledger.now)
            #expect(result.refusal?.code == .wrongGate)
            #expect(stage.machine.state.status == .claimed)
        }
    }

    @Test("single-operator mode lets him settle, too, and ends with the seal")
    func settlesAlone() throws {
        for (alone, unsealed, code): (Bool, Bool, Refusal.Code?) in [
            (true, true, nil), (false, true, .notAllowed), (true, false, .notAllowed),
        ] {
            var stage = try Stage(.unknown)
            stage.ledger.singleOperator = alone
            var machine = ActionMachine(state: stage.machine.state, unsealed: unsealed)
            let result = try machine.settle(
                .failed, by: .person(.alice), try stage.ledger.surroundings(stage.action))
            #expect(result.refusal?.code == code)
        }
    }

    @Test("only persons of the directory settle, and only what is unknown, as something known")
    func settling() throws {
        var stage = try Stage(.unknown)
        for principal: Principal in [
            .agent(.dave), .gate(.dave), .administrator(.dave),
            .person(Handle(constant: "nobody")), .person(.bot),
        ] {
            let result = try stage.machine.settle(
                .failed, by: principal, try stage.ledger.surroundings(stage.action))
            #expect(result.refusal?.code == .notAllowed)
        }
        let unsettled = try stage.machine.settle(
            .unknown, by: .person(.dave), try stage.ledger.surroundings(stage.action))
        #expect(unsettled.refusal?.code == .notUnknown)
    }

    @Test("who takes a grant back: whoever is asked, administrators, the requester; only persons")
    func revoking() throws {
        func revoke(_ principal: Principal) throws -> Refusal.Code? {
            var ledger = try MemoryLedger.started()
            let erin = ReviewTests.erin
            try ledger.change(.personAdded(erin))
            try ledger.change(.memberAdded(group: .administrators, member: erin))
            try ledger.change(.memberRemoved(group: .administrators, member: .alice))
            try ledger.change(.memberRemoved(group: .reviewers, member: .alice))
            let action = try Fixtures.action()
            var machine = try ledger.submit(action)
            try ledger.decide(&machine, action, .bob)
            return try ledger.run(&machine, action) { try $0.revoke(by: principal, $1) }
                .refusal?.code
        }
        for person in [Handle.carol, ReviewTests.erin, .alice] {
            #expect(try revoke(.person(person)) == nil, "\(person)")
            #expect(try revoke(.agent(person)) == .notAllowed)
            #expect(try revoke(.administrator(person)) == .notAllowed)
        }
        #expect(try revoke(.person(.dave)) == .notAllowed)
        #expect(try revoke(.person(.bot)) == .notAllowed)
    }

    @Test("an approval is taken back by the person who gave it, and by nobody of that name")
    func withdrawing() throws {
        var ledger = try ReviewTests.ledger("@quorum(\"2\")")
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob)
        for principal: Principal in [.agent(.bob), .gate(.bob), .administrator(.bob)] {
            let result = try ledger.run(&machine, action) {
                try $0.withdraw(by: principal, now: $1.now)
            }
            #expect(result.refusal?.code == .notAllowed)
        }
        #expect(machine.state.approvers == [.bob])
        // A denial is none.
        try ledger.decide(&machine, action, .carol, .deny)
        let denied = try ledger.run(&machine, action) {
            try $0.withdraw(by: .person(.carol), now: $1.now)
        }
        #expect(denied.refusal?.code == .notAllowed)
    }

    @Test("nothing is said of what has ended")
    func comments() throws {
        for status in [ActionStatus.pending, .unknown, .denied, .succeeded] {
            var stage = try Stage(status)
            let result = try stage.machine.comment(
                .comment, by: .person(.bob), try stage.ledger.surroundings(stage.action))
            #expect(result.refusal?.code == (status.isFinal ? .notPending : nil))
        }
    }

    @Test("what is due comes first, whatever somebody wants")
    func late() throws {
        func run(
            _ command: (inout ActionMachine, MachineSurroundings) throws -> MachineResult
        ) throws -> MachineResult {
            var ledger = try ReviewTests.ledger("@quorum(\"2\") @breakglass(\"oncall\")")
            let action = try Fixtures.action()
            var machine = try ledger.submit(action)
            try ledger.decide(&machine, action, .bob)
            ledger.now = ledger.now.adding(seconds: 86_400)
            return try ledger.run(&machine, action, command)
        }
        let glass = BreakGlassCommand(
            principal: .person(ReviewTests.erin), channel: .console, assurance: .console,
            method: .openID, expectedDigest: try Fixtures.action().digest.hex, hasReason: true,
            isCredentialShown: false, shown: nil)
        for result in [
            try run { try $0.withdraw(by: .person(.bob), now: $1.now) },
            try run { try $0.cancel(by: .agent(.bot), now: $1.now) },
            try run { try $0.revoke(by: .person(.bob), $1) },
            try run { try $0.breakGlass(glass, $1) },
        ] {
            #expect(result.events == [.expired])
            #expect(result.refusal?.code == .expired)
        }
        let asked = try run { try $0.reevaluate($1) }
        #expect(asked.events == [.expired] && asked.refusal == nil)
    }

    @Test("a grant is asked about again like a review, and begins no revision")
    func reevaluatedGrant() throws {
        func ask(_ status: ActionStatus, _ text: String) throws -> [String] {
            var stage = try Stage(status)
            try stage.ledger.publish(text)
            return try stage.machine.reevaluate(try stage.ledger.surroundings(stage.action))
                .events.map(\.kind)
        }
        let longer = Fixtures.policyText.replacing("@severity(\"medium\")", with: "@grant(\"1h\")")
        let two = Fixtures.policyText.replacing(
            "@severity(\"medium\")", with: "@quorum(\"2\")")
        let never = Fixtures.policyText + "@id(\"n\") forbid (principal, action, resource);"
        #expect(try ask(.cleared, longer) == [])
        #expect(try ask(.cleared, two) == ["action.invalidated"])
        #expect(try ask(.cleared, never) == ["action.invalidated"])
        #expect(try ask(.pending, two) == ["action.revised"])
        for status in [ActionStatus.claimed, .unknown, .denied, .revoked] {
            #expect(try ask(status, never) == [])
        }
    }

    @Test(
        "of what policy denies and what has changed, the denial is the cause that a receipt shows")
    func deniedAndChanged() throws {
        var stage = try Stage(.cleared)
        try stage.ledger.publish("@id(\"n\") forbid (principal, action, resource);")
        stage.ledger.isTargetChanged = true
        guard case .invalidated(let cause, _, _) = try stage.claim().events.last else {
            Issue.record("not invalidated")
            return
        }
        #expect(cause == "policy_denies")
    }

    @Test("a gate that does not say how it is configured is held to what it said when it asked")
    func silentGate() throws {
        let mine = try GateFixtures.presentation().configurationDigest
        for (configuration, enforcing, code): (Hash256?, Bool, Refusal.Code?) in [
            (nil, true, nil), (mine, true, nil), (.of("another"), true, .wrongGate),
            (nil, false, .wrongGate), (mine, false, .wrongGate),
        ] {
            var ledger = try GateFixtures.ledger()
            let action = try GateFixtures.call(
                tool: "merge", definition: GateFixtures.digest(GateFixtures.definition("merge")))
            var machine = try ledger.submit(action)
            let gate = GateReference(
                id: .gateway, enforcing: enforcing, configuration: configuration)
            let result = try ledger.run(&machine, action) {
                try $0.claim(nonce: .of("claim"), gate: gate, agent: .bot, $1)
            }
            #expect(result.refusal?.code == code)
        }
    }
}
