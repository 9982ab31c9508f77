// SPDX-License-Identifier: Apache-2.0

package import TransparencyLog

/// Where an action stands (DESIGN §8).
package enum ActionStatus: String, Sendable, Hashable, CaseIterable {
    case pending
    case cleared
    case claimed
    case unknown
    case denied
    case expired
    case cancelled
    case invalidated
    case revoked
    case lapsed
    case succeeded
    case failed
    case notStarted = "not_started"

    /// True if nothing but a refused attempt can be added any more.
    package var isFinal: Bool {
        switch self {
        case .pending, .cleared, .claimed, .unknown: false
        default: true
        }
    }

    fileprivate init(_ outcome: OutcomeStatus) {
        switch outcome {
        case .succeeded: self = .succeeded
        case .failed: self = .failed
        case .notStarted: self = .notStarted
        case .unknown: self = .unknown
        }
    }
}

/// What a gate or a person said happened, and when.
package struct OutcomeReport: Sendable, Hashable {
    package let report: ActionEvent.Report
    package let at: Timestamp
    /// Nil for the gate; the person who settled otherwise.
    package let settledBy: Handle?

    package var status: OutcomeStatus { report.status }
    package var exitCode: Int64? { report.exitCode }
    package var resultDigest: Hash256? { report.resultDigest }
}

/// What somebody owes who broke the glass: that another person looks at it.
package struct Debt: Sendable, Hashable {
    package let person: Handle
    package let at: Timestamp
    package let due: Timestamp
    package fileprivate(set) var isOverdue = false
    /// Who looked at it, and whether he accepts it.
    package fileprivate(set) var settlement: Settlement?

    package struct Settlement: Sendable, Hashable {
        package let by: Handle
        package let accepted: Bool
        package let at: Timestamp
    }
}

/// The state of one action: a fold over its events, and over nothing else.
package struct ActionState: Sendable, Hashable {
    package let id: ActionID
    package let digest: Hash256
    package let submission: ActionEvent.Submission
    package let submittedAt: Timestamp
    package private(set) var status: ActionStatus
    /// The number of entries in the action's chain; the next entry has this `seq`.
    package private(set) var version: UInt64
    package private(set) var updatedAt: Timestamp
    package private(set) var decisions: [ReviewDecision] = []
    package private(set) var clearance: ActionEvent.Clearance?
    package private(set) var claim: Claim?
    /// Every report, the first one first; a late report never erases an earlier one.
    package private(set) var outcomes: [OutcomeReport] = []
    /// What is asked of people now; nil where nobody was ever asked.
    package private(set) var requirement: Requirement?
    /// When the review ends if nobody decides.
    package private(set) var deadline: Timestamp?
    /// The latest revision; nil while what was submitted stands.
    package private(set) var revision: ActionEvent.Revision?
    /// How often the requirement changed.
    package private(set) var revisions: UInt64 = 0
    /// The seconds after the submission up to which further groups were asked.
    package private(set) var escalatedSeconds: Int64 = 0
    package private(set) var comments = 0
    /// Set if and only if somebody broke the glass.
    package private(set) var debt: Debt?

    /// Starts from the first event, which must be a submission.
    package init(_ header: CoreHeader, _ event: ActionEvent, at: Timestamp) throws(TransitionError)
    {
        guard case .submitted(let submission) = event else {
            throw TransitionError("a chain begins with `action.submitted`")
        }
        id = header.action
        digest = header.digest
        self.submission = submission
        requirement = submission.requirement
        deadline = submission.deadline
        submittedAt = at
        updatedAt = at
        version = 1
        switch submission.decision {
        case .deny: status = .denied
        case .review: status = .pending
        // Cleared by the entry that follows in the same write; until then it is nothing.
        case .allow: status = .pending
        }
    }

    /// Applies the next event or refuses it; `fsck` and the writer use this same function.
    package mutating func apply(_ event: ActionEvent, at: Timestamp) throws(TransitionError) {
        guard at >= updatedAt else { throw TransitionError("time goes backwards") }
        switch event {
        case .submitted: throw TransitionError("submitted twice")
        case .refused: break
        case .decided(let decision, _):
            guard decision.at == at else { throw TransitionError("decided at another instant") }
            try expectTime(at)
            try applyDecision(decision)
        case .withdrawn(let person): try applyWithdrawal(person, at)
        case .revised(let revision): try applyRevision(revision, at)
        case .escalated(let groups): try applyEscalation(groups, at)
        case .commented:
            guard comments < Limits.comments else { throw TransitionError("too many comments") }
            comments += 1
        case .glassBroken(let broken):
            try expect([.pending])
            try expectTime(at)
            guard debt == nil else { throw TransitionError("the glass was broken twice") }
            debt = Debt(person: broken.person, at: at, due: broken.due)
        case .debtOverdue:
            guard let owed = openDebt, !owed.isOverdue, at >= owed.due else {
                throw TransitionError("no debt is overdue")
            }
            debt?.isOverdue = true
        case .debtSettled(let accepted, let person):
            guard openDebt != nil else { throw TransitionError("there is no open debt") }
            debt?.settlement = Debt.Settlement(by: person, accepted: accepted, at: at)
        case .cleared(let clearance): try applyClearance(clearance, at)
        case .claimed(let claim):
            try expect([.cleared])
            try expectTime(at)
            guard claim.operation == submission.operation, claim.gate == submission.gate.id else {
                throw TransitionError("claimed another operation or by another gate")
            }
            self.claim = claim
            status = .claimed
        case .reported(let report):
            try expect([.claimed, .unknown])
            outcomes.append(OutcomeReport(report: report, at: at, settledBy: nil))
            status = ActionStatus(report.status)
        case .silent:
            try expect([.claimed])
            status = .unknown
        case .settled(let outcome, let person):
            try expect([.unknown])
            guard outcome != .unknown else { throw TransitionError("settled as unknown") }
            outcomes.append(
                OutcomeReport(report: ActionEvent.Report(outcome), at: at, settledBy: person))
            status = ActionStatus(outcome)
        case .cancelled: try move(from: [.pending, .cleared], to: .cancelled)
        case .revoked: try move(from: [.cleared], to: .revoked)
        case .expired:
            try expectDue(at)
            try move(from: [.pending], to: .expired)
        case .lapsed:
            try expectDue(at)
            try move(from: [.cleared], to: .lapsed)
        case .invalidated: try move(from: [.pending, .cleared], to: .invalidated)
        }
        version += 1
        updatedAt = at
    }

    private mutating func applyClearance(
        _ clearance: ActionEvent.Clearance, _ at: Timestamp
    ) throws(TransitionError) {
        try expect([.pending])
        try expectTime(at)
        guard clearance.operation == submission.operation else {
            throw TransitionError("cleared another operation")
        }
        guard clearance.breakGlass == debt?.person else {
            throw TransitionError("cleared by a break-glass that there was not, or past one")
        }
        self.clearance = clearance
        status = .cleared
    }

    private mutating func applyWithdrawal(
        _ person: Handle, _ at: Timestamp
    ) throws(TransitionError) {
        try expect([.pending])
        try expectTime(at)
        guard
            let index = decisions.firstIndex(where: { $0.person == person && $0.kind == .approve })
        else { throw TransitionError("`\(person)` has no approval to take back") }
        decisions.remove(at: index)
    }

    private mutating func applyRevision(
        _ revision: ActionEvent.Revision, _ at: Timestamp
    ) throws(TransitionError) {
        try expect([.pending])
        try expectTime(at)
        guard let deadline, revision.deadline <= deadline else {
            throw TransitionError("a revision never has more time")
        }
        // A denial would have ended the review, so these are approvals (DESIGN §2).
        decisions.removeAll()
        requirement = revision.requirement
        self.deadline = revision.deadline
        self.revision = revision
        revisions += 1
    }

    private mutating func applyEscalation(
        _ groups: [Handle], _ at: Timestamp
    ) throws(TransitionError) {
        try expect([.pending])
        guard let seconds = nextEscalationSeconds,
            at >= submittedAt.adding(seconds: seconds),
            requirement?.groups(escalatedAfter: seconds) == groups
        else { throw TransitionError("no other groups are to be asked now") }
        escalatedSeconds = seconds
    }

    private mutating func applyDecision(_ decision: ReviewDecision) throws(TransitionError) {
        try expect([.pending])
        guard !decisions.contains(where: { $0.person == decision.person }) else {
            throw TransitionError("`\(decision.person)` decided twice")
        }
        decisions.append(decision)
        // One eligible denial ends the review (DESIGN §4.6).
        if decision.kind == .deny { status = .denied }
    }

    private func expect(_ allowed: Set<ActionStatus>) throws(TransitionError) {
        guard allowed.contains(status) else {
            throw TransitionError("not possible while `\(status.rawValue)`")
        }
    }

    /// Nothing is decided, cleared or claimed at or after its deadline.
    private func expectTime(_ at: Timestamp) throws(TransitionError) {
        if let due = nextDeadline, at >= due {
            throw TransitionError("too late, it was due \(due)")
        }
    }

    /// Nothing runs out before its deadline.
    private func expectDue(_ at: Timestamp) throws(TransitionError) {
        guard let due = nextDeadline, at >= due else { throw TransitionError("not due yet") }
    }

    private mutating func move(
        from allowed: Set<ActionStatus>, to next: ActionStatus
    ) throws(TransitionError) {
        try expect(allowed)
        status = next
    }

    /// True if nothing but a refused attempt or a comment can be added any more.
    package var isFinal: Bool { status.isFinal && openDebt == nil }

    /// What nobody else has looked at yet.
    package var openDebt: Debt? { debt.flatMap { $0.settlement == nil ? $0 : nil } }

    /// How long the review has been open.
    package func age(at now: Timestamp) -> Int64 { now.seconds(since: submittedAt) }

    /// The next moment at which others are asked as well, counted from the submission.
    package var nextEscalationSeconds: Int64? {
        requirement?.escalationSeconds.first { $0 > escalatedSeconds }
    }

    /// Persons whose approval is recorded.
    package var approvers: Set<Handle> {
        Set(decisions.filter { $0.kind == .approve }.map(\.person))
    }
}

/// An event that doesn't follow from the events before it.
package struct TransitionError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

extension ActionState {
    /// The instant at which a deadline changes this state if nobody else does.
    package var nextDeadline: Timestamp? {
        switch status {
        case .pending: deadline
        case .cleared: clearance?.notAfter
        default: nil
        }
    }

    /// The instant at which time has something to do here, if nobody else has.
    package var nextWake: Timestamp? {
        var instants = [nextDeadline].compactMap(\.self)
        if status == .pending, let seconds = nextEscalationSeconds {
            instants.append(submittedAt.adding(seconds: seconds))
        }
        if let openDebt, !openDebt.isOverdue { instants.append(openDebt.due) }
        return instants.min()
    }
}
