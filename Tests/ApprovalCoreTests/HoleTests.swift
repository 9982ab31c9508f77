// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// The holes of peers (approvals research, H1 to H19) as far as they concern the machine.
@Suite("Holes seen in peers")
struct HoleTests {
    @Test func h1_approvedIsExecuted_theClaimNamesTheReviewedOperation() throws {
        let stage = try Stage(.claimed)
        #expect(stage.machine.state.claim?.operation == stage.action.operationDigest)
        #expect(try stage.action.operation.digest() == stage.action.operationDigest)
    }

    @Test func h2_replay_anotherNonceOrGateOrAgentGetsNothing() throws {
        var stage = try Stage(.claimed)
        #expect(try stage.claim(nonce: .of("second")).refusal?.code == .alreadyClaimed)
        var cleared = try Stage(.cleared)
        let surroundings = try cleared.ledger.surroundings(cleared.action)
        for (gate, agent) in [
            (GateReference(id: Handle(constant: "other"), enforcing: false), Handle.bot),
            (GateReference(id: .advisoryGate, enforcing: true), .bot),
            (cleared.action.gate, Handle(constant: "other-bot")),
        ] {
            let result = try cleared.machine.claim(
                nonce: .of("n"), gate: gate, agent: agent, surroundings)
            #expect(result.refusal?.code == .wrongGate)
            #expect(cleared.machine.state.claim == nil)
        }
    }

    @Test func h3_selfApprovalThroughEveryChannelAndAssurance() throws {
        for channel in Channel.allCases {
            for assurance in Assurance.allCases {
                let stage = try Stage(.pending)
                var machine = stage.machine
                let command = DecisionCommand(
                    principal: .person(.alice), kind: .approve, channel: channel,
                    assurance: assurance, expectedDigest: stage.action.digest.hex,
                    hasReason: true, rendering: .zero, shownInFull: true)
                let result = try machine.decide(command, stage.ledger.surroundings(stage.action))
                #expect(result.refusal?.code == .selfApproval)
            }
        }
    }

    @Test func h4_moreApproversThanAskedDoNotStall() throws {
        // `==` instead of `>=` would leave it pending for ever.
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "export")
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob)
        let eve = Handle(constant: "eve")
        try ledger.change(.personAdded(eve))
        try ledger.change(.memberAdded(group: .reviewers, member: eve))
        try ledger.decide(&machine, action, eve)
        #expect(machine.state.status == .pending)
        try ledger.decide(&machine, action, .dave)
        #expect(machine.state.status == .cleared)
    }

    @Test func h5_anOmittedOrZeroThresholdNeverPasses() throws {
        #expect(throws: PolicyProblems.self) {
            try Fixtures.policies(
                "@review(\"g\") @quorum(\"0\") forbid (principal, action, resource);")
        }
        let json: JSON = [
            "assurance": "token", "expiresSeconds": 60, "grantSeconds": 60, "severity": "low",
            "slots": [["group": "reviewers"]],
        ]
        #expect(throws: (any Error).self) { try Requirement(json) }
    }

    @Test func h6_membershipIsResolvedAtDecisionAndAgainAtClaim() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "write")
        var machine = try ledger.submit(action)
        try ledger.change(.memberRemoved(group: .reviewers, member: .bob))
        #expect(try ledger.decide(&machine, action, .bob).refusal?.code == .notEligible)
        try ledger.decide(&machine, action, .carol)
        #expect(machine.state.status == .cleared)
        try ledger.change(.memberRemoved(group: .reviewers, member: .carol))
        #expect(try ledger.claim(&machine, action).refusal?.code == .invalidated)
    }

    @Test func h8_anUnknownDeciderIsRefused() throws {
        var stage = try Stage(.pending)
        #expect(
            try stage.decide(Handle(constant: "nobody")).refusal?.code == .notEligible)
        #expect(try stage.decide(.dave).refusal?.code == .notEligible)
    }

    @Test func h11_assuranceTooLowForTheSeverity() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "export")
        var machine = try ledger.submit(action)
        for assurance in [Assurance.token, .chat] {
            #expect(
                try ledger.decide(&machine, action, .bob, assurance: assurance).refusal?.code
                    == .assuranceTooLow)
        }
        #expect(try ledger.decide(&machine, action, .bob, assurance: .console).refusal == nil)
    }

    @Test func h12_theGrantIsAnAbsoluteInstantThatStartsWhenItIsCleared() throws {
        var stage = try Stage(.pending)
        stage.ledger.now = stage.ledger.now.adding(seconds: 3000)
        _ = try stage.decide(.bob)
        let notAfter = try #require(stage.machine.state.clearance?.notAfter)
        #expect(notAfter == stage.ledger.now.adding(seconds: 600))
        var last = stage
        last.ledger.now = Timestamp(milliseconds: notAfter.milliseconds - 1)
        #expect(try last.claim().refusal == nil)
        stage.ledger.now = notAfter
        let late = try stage.claim()
        #expect(late.refusal?.code == .grantLapsed)
        #expect(late.events == [.lapsed])
    }

    @Test func h13_approveAndDenyRace_firstOneWins() throws {
        var stage = try Stage(.pending)
        _ = try stage.decide(.bob)
        #expect(try stage.decide(.carol, .deny).refusal?.code == .notPending)
        #expect(stage.machine.state.status == .cleared)
        var other = try Stage(.pending)
        _ = try other.decide(.carol, .deny)
        #expect(try other.decide(.bob).refusal?.code == .notPending)
        #expect(other.machine.state.status == .denied)
    }

    @Test func h15_approvalDoesNotOutliveAStricterPolicy() throws {
        // Raised after the first approval: what is asked is another question, so the approval lapses
        // and whoever comes next looks again.
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(effect: "export")
        var machine = try ledger.submit(action)
        try ledger.decide(&machine, action, .bob)
        try ledger.publish(
            Fixtures.policyText
                + "@id(\"more\") @review(\"reviewers\") @quorum(\"2\") "
                + "forbid (principal, action, resource);"
        )
        let asked = try ledger.decide(&machine, action, .dave)
        #expect(asked.refusal?.code == .staleDigest)
        #expect(asked.events.map(\.kind) == ["action.revised"])
        #expect(machine.state.status == .pending && machine.state.decisions.isEmpty)
        for person in [Handle.dave, .carol] { try ledger.decide(&machine, action, person) }
        #expect(machine.state.status == .pending)
        try ledger.decide(&machine, action, .bob)
        #expect(machine.state.status == .cleared)
        // Raised assurance counts for what was decided before, too.
        var weak = try MemoryLedger.started()
        let other = try Fixtures.action(effect: "write")
        var second = try weak.submit(other)
        try weak.decide(&second, other, .bob, assurance: .token)
        try weak.publish(
            Fixtures.policyText.replacing(
                "@severity(\"medium\")", with: "@severity(\"critical\")"))
        #expect(try weak.claim(&second, other).refusal?.code == .invalidated)
    }

    @Test func h16_aReviewThatNobodyCanSatisfyIsADenialAtOnce() throws {
        let text = """
            permit (principal, action, resource);
            @id("a") @review("administrators") forbid (principal, action, resource);
            """
        var ledger = try MemoryLedger.started(policy: text)
        let machine = try ledger.submit(try Fixtures.action())
        #expect(machine.state.status == .denied)
    }

    @Test func h18_aDecisionIsAboutOneActionAndDigest() throws {
        let one = try Fixtures.action(effect: "write", number: 1)
        let two = try Fixtures.action(effect: "write", number: 2)
        var ledger = try MemoryLedger.started()
        var machine = try ledger.submit(one)
        _ = try ledger.submit(two)
        let command = DecisionCommand(
            principal: .person(.bob), kind: .approve, channel: .api, assurance: .token,
            expectedDigest: two.digest.hex, hasReason: true, rendering: .zero, shownInFull: true)
        #expect(
            try machine.decide(command, ledger.surroundings(one)).refusal?.code == .staleDigest)
    }

    @Test func h19_aDenialHasAReasonAndEveryAttemptIsRecorded() throws {
        var stage = try Stage(.pending)
        let result = try stage.decide(.bob, .deny, hasReason: false)
        #expect(result.refusal?.code == .reasonRequired)
        guard case .refused(let principal, let attempt, let code) = result.events.first else {
            Issue.record("not recorded")
            return
        }
        #expect((principal, attempt, code) == ("person:bob", "deny", "reason_required"))
    }
}
