// SPDX-License-Identifier: Apache-2.0

package import TransparencyLog

/// The action machine of DESIGN §8: commands in, events out; no I/O, no clock, no tasks.
package struct ActionMachine: Sendable {
    package private(set) var state: ActionState
    let header: CoreHeader

    /// Continues from a proven chain.
    package init(state: ActionState, unsealed: Bool) {
        self.state = state
        header = CoreHeader(action: state.id, digest: state.digest, unsealed: unsealed)
    }

    /// Begins with a submission; an allowed action is cleared, and claimed if a nonce is given,
    /// in the same result.
    package static func submit(
        _ action: Action, verdict: Verdict, nonce: Hash256?, unsealed: Bool, now: Timestamp
    ) throws -> (machine: ActionMachine, events: [ActionEvent]) {
        let deadline = verdict.requirement.map { now.adding(seconds: $0.expires.seconds) }
        let submission = ActionEvent.submitted(
            ActionEvent.Submission(
                operation: action.operationDigest, requester: action.requester,
                gate: action.gate, decision: verdict.decision, verdict: verdict.coreJSON,
                requirement: verdict.requirement, policySet: verdict.policySet,
                directory: verdict.directory, deadline: deadline))
        let header = CoreHeader(action: action.id, digest: action.digest, unsealed: unsealed)
        var machine = ActionMachine(
            state: try ActionState(header, submission, at: now), unsealed: unsealed)
        var events = [submission]
        if verdict.decision == .allow {
            let cleared = machine.clearance(verdict, approvals: [:], now: now)
            try machine.record(cleared, into: &events, now)
            if let nonce {
                let claimed = ActionEvent.claimed(machine.claim(nonce, verdict, now))
                try machine.record(claimed, into: &events, now)
            }
        }
        return (machine, events)
    }

    /// Lets time act: further groups are asked, a review past its deadline expires, an unused grant
    /// lapses, a break-glass that nobody looked at becomes an alarm.
    package mutating func tick(now: Timestamp) throws -> MachineResult {
        var result = MachineResult()
        try letTimePass(&result, now)
        if let owed = state.openDebt, !owed.isOverdue, now >= owed.due {
            try record(.debtOverdue, into: &result.events, now)
        }
        result.refusal = nil
        return result
    }

    /// Three heartbeats were missed between claim and outcome.
    package mutating func gateWentSilent(now: Timestamp) throws -> MachineResult {
        var result = MachineResult()
        guard state.status == .claimed else { return result }
        try record(.silent, into: &result.events, now)
        return result
    }

    /// What is due before anything else happens, in the order in which it fell due.
    mutating func letTimePass(_ result: inout MachineResult, _ now: Timestamp) throws {
        while state.status == .pending, let seconds = state.nextEscalationSeconds,
            now >= state.submittedAt.adding(seconds: seconds)
        {
            let groups = state.requirement?.groups(escalatedAfter: seconds) ?? []
            try record(.escalated(groups), into: &result.events, now)
        }
        guard let due = state.nextDeadline, now >= due else { return }
        if state.status == .pending {
            try record(.expired, into: &result.events, now)
            result.refusal = Refusal(.expired, "the review expired at \(due)")
        } else {
            try record(.lapsed, into: &result.events, now)
            result.refusal = Refusal(.grantLapsed, "the grant lapsed at \(due)")
        }
    }

    /// Whether this is the agent at the gate that submitted; its configuration may be another by
    /// now, and what happened must be reported all the same.
    func isSubmitter(gate: GateReference, agent: Handle) -> Bool {
        state.submission.gate.id == gate.id && state.submission.requester.agent == agent
    }

    /// Whether a gate that says how it is configured still is as it was at submission.
    ///
    /// One that does not say it is held to what it said then, which policy judges again.
    func isAtWork(_ gate: GateReference) -> Bool {
        let submitted = state.submission.gate
        return gate.enforcing == submitted.enforcing
            && (gate.configuration == nil || gate.configuration == submitted.configuration)
    }

    func clearance(
        _ verdict: Verdict, approvals: [Handle: [Handle]], selfApproved: Bool = false,
        now: Timestamp
    ) -> ActionEvent {
        let seconds = verdict.requirement?.grant.seconds ?? Limits.allowedGrantSeconds
        return .cleared(
            ActionEvent.Clearance(
                operation: state.submission.operation, gate: state.submission.gate,
                verdict: verdict.decision, policySet: verdict.policySet,
                directory: verdict.directory, approvals: approvals, selfApproved: selfApproved,
                notAfter: now.adding(seconds: seconds), breakGlass: state.debt?.person))
    }

    func claim(_ nonce: Hash256, _ verdict: Verdict, _ now: Timestamp) -> Claim {
        Claim(
            nonce: nonce, gate: state.submission.gate.id,
            operation: state.submission.operation,
            startBy: now.adding(seconds: Limits.startBySeconds), verdict: verdict.decision,
            policySet: verdict.policySet, directory: verdict.directory)
    }

    func invalidation(_ verdict: Verdict, _ cause: String) -> ActionEvent {
        .invalidated(cause: cause, policySet: verdict.policySet, directory: verdict.directory)
    }

    /// The only way an event comes into being: applied to the state first, so that nothing is
    /// ever appended that a replay would refuse.
    mutating func record(
        _ event: ActionEvent, into events: inout [ActionEvent], _ now: Timestamp
    ) throws(TransitionError) {
        try state.apply(event, at: now)
        events.append(event)
    }

    /// The cores of events, ready to be committed to.
    package var coreHeader: CoreHeader { header }
}
