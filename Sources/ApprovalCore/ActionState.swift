// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
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

    /// Starts from the first event, which must be a submission.
    package init(_ header: CoreHeader, _ event: ActionEvent, at: Timestamp) throws(TransitionError)
    {
        guard case .submitted(let submission) = event else {
            throw TransitionError("a chain begins with `action.submitted`")
        }
        id = header.action
        digest = header.digest
        self.submission = submission
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
        case .cleared(let clearance):
            try expect([.pending])
            try expectTime(at)
            guard clearance.operation == submission.operation else {
                throw TransitionError("cleared another operation")
            }
            self.clearance = clearance
            status = .cleared
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
    /// The state row, in canonical JSON: a function of the cores alone (DESIGN §4.15).
    package var document: [UInt8] {
        var writer = CanonicalWriter(capacity: 768)
        writer.beginObject()
        writer.key("agent")
        writer.string(submission.requester.agent.text)
        writer.key("credential")
        writer.string(submission.requester.credential)
        writer.key("deadline")
        writer.instant(submission.deadline)
        if !decisions.isEmpty {
            writer.key("decisions")
            writer.beginArray()
            for decision in decisions {
                writer.beginObject()
                writer.key("decision")
                writer.string(decision.kind.rawValue)
                writer.key("person")
                writer.string(decision.person.text)
                writer.endObject()
            }
            writer.endArray()
        }
        writer.key("digest")
        writer.hash(digest)
        writer.key("gate")
        writer.gate(submission.gate)
        writer.key("id")
        writer.string(id.text)
        writeProgress(&writer)
        writer.endObject()
        return writer.bytes
    }

    private func writeProgress(_ writer: inout CanonicalWriter) {
        if let claim {
            writer.key("nonce")
            writer.hash(claim.nonce)
        }
        if let clearance {
            writer.key("notAfter")
            writer.instant(clearance.notAfter)
        }
        writer.key("operation")
        writer.hash(submission.operation)
        if !outcomes.isEmpty {
            writer.key("outcomes")
            writer.beginArray()
            for outcome in outcomes { writer.string(outcome.status.rawValue) }
            writer.endArray()
        }
        writer.key("status")
        writer.string(status.rawValue)
        writer.key("submittedAt")
        writer.instant(submittedAt)
        writer.key("updatedAt")
        writer.instant(updatedAt)
        writer.key("version")
        writer.int(Int64(version))
    }

    /// The instant at which a deadline changes this state if nobody else does.
    package var nextDeadline: Timestamp? {
        switch status {
        case .pending: submission.deadline
        case .cleared: clearance?.notAfter
        default: nil
        }
    }
}
