// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// Holes seen in peers whose answer came with credentials, seals and gates' configurations.
@Suite("Holes seen in peers, continued")
struct MoreHoleTests {
    /// Teleport accepted an account by its e-mail address where nobody had linked it.
    @Test func h7_aChatAccountDecidesOnlyAsThePersonItIsLinkedTo() throws {
        let account = try #require(
            ChatAccount(channel: Handle(constant: "slack"), workspace: "T1", user: "U1"))
        func decide(
            linkedTo person: Handle?, as decider: Handle, assurance: Assurance = .chat
        ) throws -> Refusal.Code? {
            var ledger = try MemoryLedger.started()
            if let person { try ledger.change(.accountLinked(account, to: person)) }
            let action = try Fixtures.action(effect: "write")
            var machine = try ledger.submit(action)
            let command = DecisionCommand(
                principal: .person(decider), kind: .approve, channel: .slack,
                assurance: assurance, expectedDigest: action.digest.hex, hasReason: true,
                account: account, method: .chat
            ).onRecordedRendering(try ledger.submission(of: action.id), machine.state)
            return try machine.decide(command, try ledger.surroundings(action)).refusal?.code
        }
        #expect(try decide(linkedTo: .bob, as: .bob) == nil)
        #expect(try decide(linkedTo: nil, as: .bob) == .notLinked)
        #expect(try decide(linkedTo: .carol, as: .bob) == .notLinked)
        // A chat can't claim to be more than a chat.
        #expect(try decide(linkedTo: .bob, as: .bob, assurance: .console) == .notAllowed)
        // And whoever is behind the request is that in a chat as well.
        #expect(try decide(linkedTo: .alice, as: .alice) == .selfApproval)
    }

    /// ConsoleMe asked `(can_admin(…),)`, a tuple that is always true.
    ///
    /// Here each condition is broken alone, and must refuse alone; `scripts/mutants` takes each
    /// guard out and sees a test fail.
    @Test func h9_everyGuardRefusesByItself() throws {
        typealias Prepare = (inout MemoryLedger, inout ActionMachine) throws -> Void
        func attempt(
            _ person: Handle = .bob, principal: Principal? = nil,
            kind: ReviewDecision.Kind = .approve, assurance: Assurance = .console,
            expect: String? = nil, hasReason: Bool = true, shownInFull: Bool = true,
            effect: String = "write", prepare: Prepare = { _, _ in },
            adjust: (inout DecisionCommand) -> Void = { _ in }
        ) throws -> Refusal.Code? {
            var ledger = try MemoryLedger.started()
            let action = try Fixtures.action(effect: effect)
            var machine = try ledger.submit(action)
            try prepare(&ledger, &machine)
            var command = DecisionCommand(
                principal: principal ?? .person(person), kind: kind, channel: .console,
                assurance: assurance, expectedDigest: expect ?? action.digest.hex,
                hasReason: hasReason, surfaceShowsAll: shownInFull, method: .openID)
            adjust(&command)
            let result = try machine.decide(
                command.onRecordedRendering(try ledger.submission(of: action.id), machine.state),
                try ledger.surroundings(action))
            return result.refusal?.code
        }
        #expect(try attempt() == nil)
        #expect(try attempt(principal: .agent(.bot)) == .notAReviewer)
        #expect(try attempt(principal: .gate(.advisoryGate)) == .notAReviewer)
        #expect(try attempt(principal: .administrator(.bob)) == .notAReviewer)
        #expect(try attempt(expect: String(repeating: "0", count: 64)) == .staleDigest)
        #expect(try attempt(expect: "") == .staleDigest)
        #expect(try attempt(.alice) == .selfApproval)
        #expect(try attempt(.dave) == .notEligible)
        #expect(try attempt(Handle(constant: "nobody")) == .notEligible)
        #expect(try attempt(assurance: .token, effect: "export") == .assuranceTooLow)
        #expect(try attempt(shownInFull: false) == .notShownInFull)
        #expect(try attempt(kind: .deny, hasReason: false) == .reasonRequired)
        #expect(try attempt(adjust: { $0.shown = .of("other") }) == .staleDigest)
        let sealed: Prepare = { ledger, machine in
            ledger.unsealed = false
            machine = ActionMachine(state: machine.state, unsealed: false)
        }
        #expect(try attempt(prepare: sealed) == nil)
        #expect(
            try attempt(prepare: sealed, adjust: { $0.isCredentialShown = true })
                == .credentialShown)
        #expect(try attempt(prepare: sealed, adjust: { $0.method = .link }) == .credentialShown)
        let late: Prepare = { ledger, _ in ledger.now = ledger.now.adding(seconds: 3600) }
        #expect(try attempt(prepare: late) == .expired)
    }

    /// GoClaw and others kept an approval for whatever looked alike afterwards.
    @Test func h10_anApprovalIsForOneActionAndNothingThatLooksLikeIt() throws {
        var ledger = try MemoryLedger.started()
        let first = try Fixtures.action(effect: "write", number: 1)
        var machine = try ledger.submit(first)
        try ledger.decide(&machine, first, .bob)
        #expect(machine.state.status == .cleared)
        // The very same operation again: another action, another digest, another question.
        let second = try Fixtures.action(effect: "write", number: 2)
        #expect(second.operationDigest == first.operationDigest && second.digest != first.digest)
        #expect(try ledger.submit(second).state.status == .pending)
        // And the first is used once.
        _ = try ledger.claim(&machine, first)
        #expect(
            try ledger.claim(&machine, first, nonce: .of("again")).refusal?.code
                == .alreadyClaimed)
    }

    /// hoop had a verb that made no review, and branch-deploy a door beside its rules.
    @Test func h14_whatIsNotDeclaredOrNotApprovedOfAGateIsDenied() throws {
        let environment = try Fixtures.environment()
        let undeclared = try Fixtures.action(actionName: "shell.open")
        #expect(environment.evaluate(undeclared, at: .start).decision == .deny)
        // A gate that says it is configured in a way nobody approved is quarantined.
        let plain = try Fixtures.action(effect: "read")
        let presented = try Action(
            id: plain.id, nonce: plain.nonce, operation: plain.operation, intent: .none,
            requester: plain.requester,
            gate: GateReference(
                id: Handle(constant: "run"), enforcing: true, configuration: .of("mine")),
            facts: plain.facts)
        #expect(environment.evaluate(plain, at: .start).decision == .allow)
        #expect(environment.evaluate(presented, at: .start).decision == .deny)
    }

    /// Owners of Teleport's access lists could make themselves approvers.
    @Test func h17_whoBecomesAnApproverDoesNotDecideOnHowHeBecameOne() throws {
        var ledger = try MemoryLedger.started(policy: GovernanceFloorTests.everything)
        try ledger.change(.memberAdded(group: .administrators, member: .dave))
        ledger.unsealed = false
        let action = try GovernanceFloorTests.action(by: .alice)
        var machine = try ledger.submit(action)
        try ledger.change(.memberAdded(group: .administrators, member: .carol))
        for person in [Handle.alice, .carol] {
            let result = try ledger.decide(&machine, action, person) {
                $0.credentialSince = .start
            }
            #expect([.selfApproval, .notEligible].contains(result.refusal?.code))
        }
        #expect(machine.state.status == .pending)
    }
}
