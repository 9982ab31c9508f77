// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import TransparencyLog

/// Where an action stands, by the rules of the design written down a second time.
///
/// It takes whatever comes: what must not come is for the checks to say.
struct SimulatedReview: Sendable {
    private(set) var submission: ActionEvent.Submission?
    private(set) var submittedAt = Timestamp(milliseconds: 0)
    private(set) var status = ActionStatus.pending
    /// After each entry of the chain.
    private(set) var statuses: [ActionStatus] = []
    private(set) var requirement: Requirement?
    private(set) var deadline: Timestamp?
    private(set) var policySet: Hash256?
    /// What people are shown now, and whether that is everything.
    private(set) var rendering: Hash256?
    private(set) var isShownInFull: Bool
    /// Approvals that stand: not taken back, and of the latest revision.
    private(set) var approvals: [ReviewDecision] = []
    private(set) var denial: ReviewDecision?
    private(set) var clearance: ActionEvent.Clearance?
    private(set) var claim: Claim?
    private(set) var debt: ActionEvent.BrokenGlass?
    private(set) var isDebtOpen = false

    init(_ stored: SimulatedSubmission?) {
        rendering = stored?.rendering
        isShownInFull = stored?.isShownInFull ?? false
    }

    mutating func take(_ event: ActionEvent, at: Timestamp) {
        apply(event, at)
        statuses.append(status)
    }

    private mutating func apply(_ event: ActionEvent, _ at: Timestamp) {
        switch event {
        case .submitted(let submitted):
            submission = submitted
            submittedAt = at
            requirement = submitted.requirement
            deadline = submitted.deadline
            policySet = submitted.policySet
            status = submitted.decision == .deny ? .denied : .pending
        case .decided(let decision, _):
            if decision.kind == .approve {
                approvals.append(decision)
            } else {
                denial = decision
                status = .denied
            }
        case .withdrawn(let person): approvals.removeAll { $0.person == person }
        case .revised(let revision):
            approvals = []
            requirement = revision.requirement
            deadline = revision.deadline
            policySet = revision.policySet
            rendering = revision.rendering
            isShownInFull = revision.isShownInFull
        case .glassBroken(let broken):
            debt = broken
            isDebtOpen = true
        case .debtSettled: isDebtOpen = false
        case .cleared(let cleared):
            clearance = cleared
            status = .cleared
        case .claimed(let claimed):
            claim = claimed
            status = .claimed
        case .reported(let report): status = Self.status(report.status)
        case .settled(let outcome, _): status = Self.status(outcome)
        case .silent: status = .unknown
        case .cancelled: status = .cancelled
        case .revoked: status = .revoked
        case .expired: status = .expired
        case .lapsed: status = .lapsed
        case .invalidated: status = .invalidated
        case .refused, .escalated, .commented, .debtOverdue: break
        }
    }

    private static func status(_ outcome: OutcomeStatus) -> ActionStatus {
        switch outcome {
        case .succeeded: .succeeded
        case .failed: .failed
        case .notStarted: .notStarted
        case .unknown: .unknown
        }
    }

    /// Until when it may stay as it is.
    var due: Timestamp? {
        switch status {
        case .pending: deadline
        case .cleared: clearance?.notAfter
        default: nil
        }
    }

    var isOver: Bool {
        switch status {
        case .pending, .cleared, .claimed, .unknown: false
        default: true
        }
    }

    /// Persons who may not approve it, by the directory of a moment (DESIGN §4.5).
    func chain(_ world: SimulatedWorld) -> Set<Handle> {
        guard let requester = submission?.requester else { return [] }
        var persons: Set<Handle> = [requester.owner]
        if let person = requester.onBehalfOf { persons.insert(person) }
        if let owner = world.directory.agents[requester.agent] { persons.insert(owner) }
        if !world.unsealed { persons.formUnion(requester.shownTo) }
        return persons
    }

    /// Whether approvals fill every slot of a requirement, by the directory of a moment.
    func meets(_ requirement: Requirement, _ world: SimulatedWorld, at: Timestamp) -> Bool {
        let chain = chain(world)
        let mayApproveOwn = world.singleOperator && world.unsealed
        let persons = approvals.filter { decision in
            decision.assurance >= requirement.assurance
                && world.directory.persons.contains(decision.person)
                && (!chain.contains(decision.person) || (mayApproveOwn && decision.selfApproved))
                && (decision.signature.map {
                    world.directory.passkeys[$0.passkey]?.person == decision.person
                } ?? true)
        }.map(\.person)
        return Self.canFill(
            requirement, Array(Set(persons)), world.directory,
            after: at.seconds(since: submittedAt))
    }

    /// Whether distinct persons can take every seat; tried out, seat by seat.
    static func canFill(
        _ requirement: Requirement, _ persons: [Handle], _ directory: Directory, after: Int64
    ) -> Bool {
        var seats: [Set<Handle>] = []
        for slot in requirement.slots {
            let groups =
                [slot.group]
                + slot.escalations.filter { $0.after.seconds <= after }.map(\.group)
            let able = Set(
                persons.filter { person in
                    groups.contains { directory.groups[$0]?.contains(person) == true }
                })
            for _ in 0..<slot.quorum { seats.append(able) }
        }
        func fill(_ seat: Int, _ taken: Set<Handle>) -> Bool {
            guard seat < seats.count else { return true }
            return seats[seat].subtracting(taken).contains { fill(seat + 1, taken.union([$0])) }
        }
        return !seats.isEmpty && fill(0, [])
    }
}
