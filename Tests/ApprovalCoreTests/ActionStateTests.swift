// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// What the fold over an action's entries refuses, whoever wrote them.
///
/// The last line of defence of the writer, of `fsck` and of whoever verifies a receipt.
@Suite("Action state: what can't follow")
struct ActionStateTests {
    private func expect(
        _ words: String, _ event: ActionEvent, _ state: ActionState, after seconds: Int64 = 0,
        location: SourceLocation = #_sourceLocation
    ) {
        var next = state
        do throws(TransitionError) {
            try next.apply(event, at: state.updatedAt.adding(seconds: seconds))
            Issue.record("\(event.kind) was applied", sourceLocation: location)
        } catch {
            #expect(
                error.description.contains(words), "\(error)", sourceLocation: location)
        }
        #expect(next == state, "what is refused changes nothing", sourceLocation: location)
    }

    private func applied(_ event: ActionEvent, _ state: ActionState) throws -> ActionState {
        var next = state
        try next.apply(event, at: state.updatedAt)
        return next
    }

    /// An hour for the review, and others who are asked after ten minutes.
    private func reviewed() throws -> (state: ActionState, stage: Stage) {
        var ledger = try ReviewTests.ledger("@expires(\"1h\") @escalate(\"10m:oncall\")")
        let action = try Fixtures.action()
        let machine = try ledger.submit(action)
        return (machine.state, Stage(ledger: ledger, machine: machine, action: action))
    }

    private func decided(
        _ person: Handle, _ kind: ReviewDecision.Kind = .approve, at: Timestamp
    ) -> ActionEvent {
        .decided(
            ReviewDecision(
                person: person, kind: kind, channel: .console, assurance: .console,
                selfApproved: false, at: at), rendering: .zero)
    }

    private func broken(_ person: Handle = ReviewTests.erin) -> ActionEvent {
        .glassBroken(
            ActionEvent.BrokenGlass(
                person: person, channel: .console, assurance: .console, method: .openID,
                rendering: .zero, due: .start.adding(seconds: 60)))
    }

    private func clearance(
        _ stage: Stage, operation: Hash256? = nil, breakGlass: Handle? = nil
    ) -> ActionEvent {
        .cleared(
            ActionEvent.Clearance(
                operation: operation ?? stage.action.operationDigest, gate: stage.action.gate,
                verdict: .review, policySet: .zero, directory: .zero,
                approvals: [.reviewers: [.bob]], selfApproved: false,
                notAfter: .start.adding(seconds: 900), breakGlass: breakGlass))
    }

    @Test("a decision at another instant, too late, or by somebody who has decided")
    func decisions() throws {
        let (state, _) = try reviewed()
        expect("another instant", decided(.bob, at: .start), state, after: 1)
        let late = Timestamp.start.adding(seconds: 3600)
        expect("too late", decided(.bob, at: late), state, after: 3600)
        let once = try applied(decided(.bob, at: .start), state)
        expect("decided twice", decided(.bob, .deny, at: .start), once)
        #expect(try applied(decided(.carol, at: .start), once).approvers == [.bob, .carol])
    }

    @Test("taking back what was not given, too late, or after clearing")
    func withdrawals() throws {
        let (state, stage) = try reviewed()
        expect("no approval to take back", .withdrawn(by: .bob), state)
        let once = try applied(decided(.bob, at: .start), state)
        expect("no approval to take back", .withdrawn(by: .carol), once)
        expect("too late", .withdrawn(by: .bob), once, after: 3600)
        let cleared = try applied(clearance(stage), once)
        expect("not possible while `cleared`", .withdrawn(by: .bob), cleared)
        #expect(try applied(.withdrawn(by: .bob), once).approvers.isEmpty)
    }

    @Test("a revision with more time, too late, or after clearing")
    func revisions() throws {
        let (state, stage) = try reviewed()
        func revision(_ seconds: Int64) throws -> ActionEvent {
            .revised(
                ActionEvent.Revision(
                    verdict: [:], requirement: try #require(state.requirement), policySet: .zero,
                    directory: .zero, deadline: .start.adding(seconds: seconds), rendering: .zero,
                    isShownInFull: true))
        }
        expect("never has more time", try revision(3601), state)
        expect("too late", try revision(3600), state, after: 3600)
        expect(
            "not possible while `cleared`", try revision(60), try applied(clearance(stage), state))
        #expect(try applied(revision(60), state).deadline == .start.adding(seconds: 60))
    }

    @Test("asking others too early, others than those, twice, or after clearing")
    func escalations() throws {
        let (state, stage) = try reviewed()
        let words = "no other groups are to be asked now"
        let event = ActionEvent.escalated([ReviewTests.oncall])
        expect(words, event, state, after: 599)
        expect(words, .escalated([.security]), state, after: 600)
        expect(words, event, try Stage(.pending).machine.state, after: 600)
        let cleared = try applied(clearance(stage), state)
        expect("not possible while `cleared`", event, cleared, after: 600)
        var asked = state
        try asked.apply(event, at: .start.adding(seconds: 600))
        #expect(asked.escalatedSeconds == 600 && asked.nextEscalationSeconds == nil)
        expect(words, event, asked, after: 600)
    }

    @Test("breaking the glass twice, too late, or after clearing; a clearance past it")
    func brokenGlass() throws {
        let (state, stage) = try reviewed()
        expect("too late", broken(), state, after: 3600)
        let once = try applied(broken(), state)
        expect("broken twice", broken(.dave), once)
        let other = "that there was not, or past one"
        expect(other, clearance(stage), once)
        expect(other, clearance(stage, breakGlass: .dave), once)
        expect(other, clearance(stage, breakGlass: ReviewTests.erin), state)
        let cleared = try applied(clearance(stage, breakGlass: ReviewTests.erin), once)
        expect("not possible while `cleared`", broken(.dave), cleared)
    }

    @Test("a debt that is not there, not due, an alarm already, or settled")
    func debts() throws {
        let (state, _) = try reviewed()
        expect("no debt is overdue", .debtOverdue, state, after: 60)
        expect("no open debt", .debtSettled(accepted: true, by: .bob), state)
        let owed = try applied(broken(), state)
        expect("no debt is overdue", .debtOverdue, owed, after: 59)
        #expect(owed.nextWake == .start.adding(seconds: 60))
        var overdue = owed
        try overdue.apply(.debtOverdue, at: .start.adding(seconds: 60))
        expect("no debt is overdue", .debtOverdue, overdue)
        #expect(overdue.nextWake == .start.adding(seconds: 600))
        let settled = try applied(.debtSettled(accepted: true, by: .bob), overdue)
        expect("no open debt", .debtSettled(accepted: true, by: .dave), settled)
        expect(
            "no debt is overdue", .debtOverdue,
            try applied(.debtSettled(accepted: true, by: .bob), owed), after: 60)
    }

    @Test("clearing another operation, too late, or twice")
    func clearances() throws {
        let (state, stage) = try reviewed()
        expect("another operation", clearance(stage, operation: .of("other")), state)
        expect("too late", clearance(stage), state, after: 3600)
        let cleared = try applied(clearance(stage), state)
        expect("not possible while `cleared`", clearance(stage), cleared)
        // Nobody else is asked any more.
        #expect(cleared.nextWake == .start.adding(seconds: 900))
    }

    @Test("a claim of another operation, by another gate, too late, or a second one")
    func claims() throws {
        let (state, stage) = try reviewed()
        let cleared = try applied(clearance(stage), state)
        func claim(
            operation: Hash256? = nil, gate: Handle = .advisoryGate
        ) -> ActionEvent {
            .claimed(
                Claim(
                    nonce: .of("n"), gate: gate,
                    operation: operation ?? stage.action.operationDigest, startBy: .start,
                    verdict: .review, policySet: .zero, directory: .zero))
        }
        expect("not possible while `pending`", claim(), state)
        expect("another operation", claim(operation: .of("other")), cleared)
        expect("another gate", claim(gate: Handle(constant: "other")), cleared)
        expect("too late", claim(), cleared, after: 900)
        let claimed = try applied(claim(), cleared)
        expect("not possible while `claimed`", claim(), claimed)
        #expect(claimed.nextWake == nil)
    }

    @Test("running out before it is due, time that goes backwards, too many comments")
    func time() throws {
        let (state, stage) = try reviewed()
        expect("not due yet", .expired, state, after: 3599)
        let cleared = try applied(clearance(stage), state)
        expect("not due yet", .lapsed, cleared, after: 899)
        expect("not due yet", .lapsed, try Stage(.claimed).machine.state, after: 9999)
        expect("time goes backwards", .cancelled(by: "x"), state, after: -1)
        var said = state
        for _ in 0..<Limits.comments {
            try said.apply(.commented(by: "person:bob", .comment), at: .start)
        }
        expect("too many comments", .commented(by: "person:bob", .comment), said)
    }

    @Test("an outcome that is settled as unknown settles nothing")
    func settling() throws {
        let unknown = try Stage(.unknown).machine.state
        expect("settled as unknown", .settled(.unknown, by: .dave), unknown)
        #expect(try applied(.settled(.failed, by: .dave), unknown).status == .failed)
    }
}
