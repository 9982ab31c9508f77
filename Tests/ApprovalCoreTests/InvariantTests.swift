// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// The invariants of DESIGN §4 as far as the pure machine holds them, by number.
@Suite("Invariants")
struct InvariantTests {
    @Test func invariant1_nothingIsClaimedThatWasNotClearedBefore() throws {
        for status in ActionStatus.allCases where status != .cleared {
            var stage = try Stage(status)
            let before = stage.machine.state.claim
            let result = try stage.claim(nonce: .of("fresh"))
            #expect(stage.machine.state.claim == before)
            #expect(result.refusal != nil)
            #expect(!result.events.contains { $0.kind == "action.claimed" })
        }
    }

    @Test func invariant2_aClearanceThatPolicyContradictsDoesNotVerify() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "write")
        let machine = try ledger.submit(action)
        let environment = try ledger.environment
        try ledger.append(
            .cleared(
                ActionEvent.Clearance(
                    operation: action.operationDigest, gate: action.gate, verdict: .allow,
                    policySet: environment.policies.digest,
                    directory: environment.directoryDigest, approvals: [:], selfApproved: false,
                    notAfter: ledger.now.adding(seconds: 600))),
            machine.coreHeader, body: ["audit": [:]])
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.status == .invalid)
    }

    @Test func invariant3_clearanceAndClaimNameTheReviewedBytes() throws {
        var stage = try Stage(.claimed)
        #expect(stage.machine.state.clearance?.operation == stage.action.operationDigest)
        #expect(stage.machine.state.claim?.operation == stage.action.operationDigest)
        var cleared = try Stage(.cleared).machine.state
        let verdict = try stage.ledger.environment.evaluate(stage.action, at: .start)
        let other = Claim(
            nonce: .zero, gate: .advisoryGate, operation: .of("other bytes"), startBy: .start,
            verdict: .review, policySet: verdict.policySet, directory: verdict.directory)
        #expect(throws: TransitionError.self) {
            try cleared.apply(.claimed(other), at: stage.ledger.now)
        }
        _ = try stage.claim()
    }

    @Test func invariant4_aGrantIsClaimedAtMostOnce() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<50 {
            var stage = try Stage(.cleared)
            var claims = 0
            for _ in 0..<20 {
                let nonce = Hash256.of("n\(Int.random(in: 0...3, using: &random))")
                claims += try stage.claim(nonce: nonce).events.filter {
                    $0.kind == "action.claimed"
                }.count
                if Bool.random(using: &random) { _ = try stage.report(.failed, nonce: nonce) }
            }
            #expect(claims == 1)
        }
    }

    @Test func invariant5_noSelfApprovalForAnybodyInTheChain() throws {
        for onBehalfOf in [nil, Handle.bob] {
            let action = try Fixtures.action(effect: "write", onBehalfOf: onBehalfOf)
            for person in action.requester.chain {
                for kind in ReviewDecision.Kind.allCases {
                    var ledger = try MemoryLedger.started()
                    var machine = try ledger.submit(action)
                    let result = try ledger.decide(&machine, action, person, kind)
                    #expect(result.refusal?.code == .selfApproval)
                    #expect(machine.state.status == .pending)
                    #expect(machine.state.decisions.isEmpty)
                    // The attempt is an entry.
                    #expect(result.events.map(\.kind) == ["action.attempt-refused"])
                }
            }
        }
    }

    @Test func invariant5_administratorsAreNotExempt() throws {
        var stage = try Stage(.pending)
        #expect(stage.ledger.directory.isAdministrator(.alice))
        #expect(try stage.decide(.alice).refusal?.code == .selfApproval)
    }

    @Test func invariant5_theOwnerOfTodayIsInTheChainToo() throws {
        // The agent was submitted under alice; the chain then names bob as its owner.
        var directory = Directory()
        for change in Fixtures.changes {
            if case .agentAdded(let id, _) = change {
                try directory.apply(.agentAdded(id, owner: .bob))
            } else {
                try directory.apply(change)
            }
        }
        let stage = try Stage(.pending)
        var machine = stage.machine
        let surroundings = MachineSurroundings(
            now: stage.ledger.now, directory: directory, singleOperator: false,
            evaluate: { try stage.ledger.environment.evaluate(stage.action, at: .start) },
            render: { _, _ in .none })
        let command = DecisionCommand(
            principal: .person(.bob), kind: .approve, channel: .cli, assurance: .token,
            expectedDigest: stage.action.digest.hex, hasReason: false, rendering: .zero,
            shownInFull: true)
        #expect(try machine.decide(command, surroundings).refusal?.code == .selfApproval)
    }

    @Test func invariant5_singleOperatorModeStampsAndEndsWithTheSeal() throws {
        var ledger = try MemoryLedger.started()
        ledger.singleOperator = true
        let action = try Fixtures.action(effect: "write")
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .alice)
        #expect(machine.state.decisions.first?.selfApproved == true)
        #expect(machine.state.clearance?.selfApproved == true)

        var sealed = try MemoryLedger.started()
        sealed.unsealed = false
        sealed.singleOperator = true
        var other = try sealed.submit(action)
        #expect(try sealed.decide(&other, action, .alice).refusal?.code == .selfApproval)
    }

    @Test func invariant6_quorumCountsDistinctPersons() throws {
        var ledger = try MemoryLedger.started(
            policy: """
                permit (principal, action, resource);
                @id("two") @review("reviewers") @quorum("2") forbid (principal, action, resource);
                """)
        let action = try Fixtures.action()
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob)
        #expect(try ledger.decide(&machine, action, .bob).refusal?.code == .alreadyDecided)
        #expect(machine.state.status == .pending)
        try ledger.decide(&machine, action, .carol)
        #expect(machine.state.status == .cleared)
        #expect(machine.state.clearance?.approvals == [.reviewers: [.bob, .carol]])
    }

    @Test func invariant6_onePersonInTwoGroupsFillsOneSlot() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "export")
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .carol)
        #expect(machine.state.status == .pending)
        try ledger.decide(&machine, action, .dave)
        #expect(machine.state.status == .cleared)
        #expect(
            machine.state.clearance?.approvals == [.reviewers: [.carol], .security: [.dave]])
    }

    @Test func invariant6_oneDenialEndsTheReview() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "export")
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .carol)
        try ledger.decide(&machine, action, .bob, .deny)
        #expect(machine.state.status == .denied)
        #expect(try ledger.decide(&machine, action, .dave).refusal?.code == .notPending)
    }

    @Test func invariant7_agentsGatesAndTheAdminTokenNeverDecide() throws {
        for principal: Principal in [
            .agent(.bot), .agent(.bob), .gate(.advisoryGate), .gate(.bob), .administrator(.bob),
        ] {
            var stage = try Stage(.pending)
            let result = try stage.decide(.bob, principal: principal)
            #expect(result.refusal?.code == .notAReviewer)
            #expect(stage.machine.state.decisions.isEmpty)
        }
        // Nor does an agent that is a member of the group count as a person.
        var stage = try Stage(.pending)
        #expect(try stage.decide(.bot).refusal?.code == .notEligible)
    }

    @Test func invariant8_emptyGroupsZeroQuorumAndUnknownsDeny() throws {
        let action = try Fixtures.action()
        for text in [
            "permit (principal, action, resource);"
                + "@id(\"e\") @review(\"empty\") forbid (principal, action, resource);",
            "permit (principal, action, resource);"
                + "@id(\"q\") @review(\"security\") @quorum(\"9\") "
                + "forbid (principal, action, resource);",
            "@id(\"nothing\") permit (principal, action == Action::\"x\", resource);",
        ] {
            #expect(try Fixtures.environment(text).evaluate(action, at: .start).decision == .deny)
        }
        let slots = [Slot(group: .reviewers, quorum: 0)]
        #expect(throws: (any Error).self) { try Fixtures.requirement(slots) }
        #expect(throws: (any Error).self) { try Fixtures.requirement([]) }
    }

    @Test func invariant9_silenceIsADenialNamedExpired() throws {
        var stage = try Stage(.pending)
        let deadline = try #require(stage.machine.state.submission.deadline)
        let before = Timestamp(milliseconds: deadline.milliseconds - 1)
        #expect(try stage.machine.tick(now: before).events.isEmpty)
        #expect(stage.machine.state.status == .pending)
        #expect(try stage.machine.tick(now: deadline).events == [.expired])
        #expect(stage.machine.state.status == .expired)
        // A decision that comes too late finds the deadline nobody had enforced yet.
        var late = try Stage(.pending)
        late.ledger.now = deadline
        let result = try late.decide(.bob)
        #expect(result.refusal?.code == .expired)
        #expect(result.events == [.expired])
    }

    @Test func invariant10_onlyTheRequesterCancelsAndEndsAreToldApart() throws {
        for principal: Principal in [
            .person(.bob), .agent(Handle(constant: "other-bot")), .gate(.advisoryGate),
            .administrator(.alice),
        ] {
            var stage = try Stage(.pending)
            #expect(
                try stage.machine.cancel(by: principal, now: stage.ledger.now).refusal?.code
                    == .notRequester)
            #expect(stage.machine.state.status == .pending)
        }
        let ends: Set<ActionStatus> = [.denied, .expired, .cancelled, .invalidated]
        #expect(Set(ends.map(\.rawValue)).count == 4)
    }

    @Test func invariant11_firstTerminalStateWinsAndStaleDigestsAreRefused() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<100 {
            var stage = try Stage(.pending)
            var ended: ActionStatus?
            for _ in 0..<6 {
                switch Int.random(in: 0...3, using: &random) {
                case 0: _ = try stage.decide(.bob, .deny)
                case 1: _ = try stage.machine.cancel(by: .agent(.bot), now: stage.ledger.now)
                case 2:
                    stage.ledger.now = stage.ledger.now.adding(seconds: 3600)
                    _ = try stage.machine.tick(now: stage.ledger.now)
                default: _ = try stage.decide(.carol, .deny)
                }
                if let ended { #expect(stage.machine.state.status == ended) }
                if stage.machine.state.status.isFinal { ended = stage.machine.state.status }
            }
        }
        for expect in ["", "0123456789abcdef", String(repeating: "0", count: 64)] {
            var stage = try Stage(.pending)
            #expect(try stage.decide(.bob, expect: expect).refusal?.code == .staleDigest)
        }
        var stage = try Stage(.pending)
        let digest = stage.action.digest.hex
        for wrong in [String(digest.prefix(15)), digest.uppercased(), digest + "0", digest + " "] {
            // Upper case of digits only would be the same text.
            guard wrong != digest else { continue }
            #expect(try stage.decide(.bob, expect: wrong).refusal?.code == .staleDigest, "\(wrong)")
        }
    }

    @Test func invariant12_aChangeBetweenDecisionAndClaimIsReevaluated() throws {
        func claim(_ change: (inout MemoryLedger) throws -> Void) throws -> MachineResult {
            var stage = try Stage(.cleared)
            try change(&stage.ledger)
            return try stage.claim()
        }
        #expect(try claim { _ in }.refusal == nil)
        for change: (inout MemoryLedger) throws -> Void in [
            { try $0.publish("@id(\"n\") permit (principal, action == Action::\"x\", resource);") },
            {
                try $0.publish(
                    Fixtures.policyText + "@id(\"f\") forbid (principal, action, resource);")
            },
            {
                try $0.publish(Fixtures.policyText.replacing("\"reviewers\"", with: "\"security\""))
            },
            { try $0.change(.memberRemoved(group: .reviewers, member: .bob)) },
            { try $0.change(.personRemoved(.bob)) },
            { try $0.change(.agentRemoved(.bot)) },
        ] {
            let result = try claim(change)
            #expect(result.refusal?.code == .invalidated)
            #expect(result.events.map(\.kind) == ["action.invalidated"])
        }
        // A change that still lets it pass does not.
        #expect(try claim { try $0.publish(Fixtures.policyText + "// a comment") }.refusal == nil)
    }

    @Test func invariant13_unsealedIsStampedIntoEveryEntry() throws {
        for unsealed in [true, false] {
            var ledger = try MemoryLedger.started()
            ledger.unsealed = unsealed
            let (action, _) = try MemoryLedger.finished(ledger: &ledger)
            for recorded in ledger.chain(action.id.text) {
                let header = try ActionEvent.read(try JSON(canonical: recorded.core)).header
                #expect(header.unsealed == unsealed)
            }
            let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
            #expect(report.flags.unsealed == unsealed)
            #expect(report.status == .valid)
        }
    }

    @Test func invariant14_deniedAndRefusedAttemptsAreEntriesToo() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "write")
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .alice)
        try ledger.decide(&machine, action, .dave)
        try ledger.decide(&machine, action, .bob, .deny)
        try ledger.decide(&machine, action, .carol)
        #expect(
            ledger.chain(action.id.text).map(\.entry.kind) == [
                "action.submitted", "action.attempt-refused", "action.attempt-refused",
                "action.decided", "action.attempt-refused",
            ])
        #expect(ledger.chain(action.id.text).map(\.entry.seq) == [0, 1, 2, 3, 4])
    }

    @Test func invariant15_stateIsAFunctionOfTheCoresAlone() throws {
        var ledger = try MemoryLedger.started()
        let (action, machine) = try MemoryLedger.finished(ledger: &ledger)
        var state: ActionState?
        for recorded in ledger.chain(action.id.text) {
            // Without its body, as after an erasure.
            state = try ActionReplay.next(
                state,
                RecordedEntry(
                    index: recorded.index, entry: recorded.entry, coreSalt: recorded.coreSalt,
                    core: recorded.core, bodySalt: nil, body: nil))
        }
        #expect(state?.document == machine.state.document)
    }

    @Test func invariant16_whatCanNotBeShownInFullCanNotBeApproved() throws {
        var stage = try Stage(.pending)
        #expect(try stage.decide(.bob, shownInFull: false).refusal?.code == .notShownInFull)
        #expect(stage.machine.state.status == .pending)
        // Denying needs no full view.
        #expect(try stage.decide(.bob, .deny, shownInFull: false).refusal == nil)
    }
}
