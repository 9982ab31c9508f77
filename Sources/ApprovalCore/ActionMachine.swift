// SPDX-License-Identifier: Apache-2.0

package import TransparencyLog

/// Why a command was not carried out; the code is stable and goes to the client.
package struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        case notPending = "not_pending"
        case staleDigest = "stale_digest"
        case expired
        case notAReviewer = "not_a_reviewer"
        case selfApproval = "self_approval"
        case notEligible = "not_eligible"
        case alreadyDecided = "already_decided"
        case assuranceTooLow = "assurance_too_low"
        case notShownInFull = "not_shown_in_full"
        case reasonRequired = "reason_required"
        case notCleared = "not_cleared"
        case alreadyClaimed = "already_claimed"
        case grantLapsed = "grant_lapsed"
        case invalidated
        case wrongGate = "wrong_gate"
        case notClaimed = "not_claimed"
        case alreadyReported = "already_reported"
        case notRequester = "not_requester"
        case notUnknown = "not_unknown"
        case notAllowed = "not_allowed"
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// What a command led to: events to append, and the refusal to tell, if there is one.
///
/// A refusal may come with events: an attempt that is not allowed is itself recorded, and a
/// command that comes too late finds the deadline that nobody had enforced yet.
package struct MachineResult: Sendable, Hashable {
    package var events: [ActionEvent] = []
    package var refusal: Refusal?
}

/// Who decides, as authenticated by the surface that took the decision.
package struct DecisionCommand: Sendable {
    package let principal: Principal
    package let kind: ReviewDecision.Kind
    package let channel: Channel
    package let assurance: Assurance
    /// At least 16 hex digits of the action digest that the person saw.
    package let expectedDigest: String
    package let hasReason: Bool
    package let rendering: Hash256
    /// False where something could not be shown in full on the surface used.
    package let shownInFull: Bool

    package init(
        principal: Principal, kind: ReviewDecision.Kind, channel: Channel, assurance: Assurance,
        expectedDigest: String, hasReason: Bool, rendering: Hash256, shownInFull: Bool
    ) {
        self.principal = principal
        self.kind = kind
        self.channel = channel
        self.assurance = assurance
        self.expectedDigest = expectedDigest
        self.hasReason = hasReason
        self.rendering = rendering
        self.shownInFull = shownInFull
    }
}

/// An authenticated party.
package enum Principal: Sendable, Hashable, CustomStringConvertible {
    case person(Handle)
    case agent(Handle)
    case gate(Handle)
    /// The bearer of `admin.token`.
    case administrator(Handle)

    package var description: String {
        switch self {
        case .person(let id): "person:\(id)"
        case .agent(let id): "agent:\(id)"
        case .gate(let id): "gate:\(id)"
        case .administrator(let id): "administrator:\(id)"
        }
    }
}

/// What the machine has to know besides the chain itself; all of it passed in.
package struct MachineSurroundings {
    package let now: Timestamp
    package let directory: Directory
    /// DESIGN §4.5: only while unsealed; stamps `self-approved`.
    package let singleOperator: Bool
    /// Evaluates the action against the policy set and directory in force now.
    package let evaluate: () throws -> Verdict

    package init(
        now: Timestamp, directory: Directory, singleOperator: Bool,
        evaluate: @escaping () throws -> Verdict
    ) {
        self.now = now
        self.directory = directory
        self.singleOperator = singleOperator
        self.evaluate = evaluate
    }
}

/// The action machine of DESIGN §8: commands in, events out; no I/O, no clock, no tasks.
package struct ActionMachine: Sendable {
    package private(set) var state: ActionState
    private let header: CoreHeader

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

    /// One person's decision, through the one authorisation function for all channels.
    package mutating func decide(
        _ command: DecisionCommand, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        let now = surroundings.now
        try expireIfDue(&result, now)
        guard result.refusal == nil else { return result }
        let attempt = command.kind.rawValue
        switch authorise(command, surroundings) {
        case .failure(let refusal):
            result.refusal = refusal
            try record(
                .refused(
                    principal: command.principal.description, attempt: attempt,
                    code: refusal.code.rawValue), into: &result.events, now)
            return result
        case .success(let decision):
            try record(
                .decided(decision, rendering: command.rendering), into: &result.events, now)
        }
        if command.kind == .approve { try clearIfMet(&result, surroundings) }
        return result
    }

    private func authorise(
        _ command: DecisionCommand, _ surroundings: MachineSurroundings
    ) -> Result<ReviewDecision, Refusal> {
        guard case .person(let person) = command.principal else {
            return .failure(
                Refusal(.notAReviewer, "only persons decide, with a credential of their own"))
        }
        guard state.status == .pending, let requirement = state.submission.requirement else {
            return .failure(
                Refusal(.notPending, "the action is `\(state.status.rawValue)`, not pending"))
        }
        let expected = command.expectedDigest
        guard expected.utf8.count >= 16, state.digest.hex.hasPrefix(expected) else {
            return .failure(
                Refusal(.staleDigest, "the digest is not that of this action: look at it again"))
        }
        let directory = surroundings.directory
        guard directory.persons.contains(person) else {
            return .failure(Refusal(.notEligible, "`\(person)` is not in the directory"))
        }
        let inChain = chain(directory).contains(person)
        guard !inChain || surroundings.singleOperator else {
            return .failure(
                Refusal(.selfApproval, "`\(person)` is in the requester chain of this action"))
        }
        guard !requirement.groups(of: person, in: directory).isEmpty else {
            let groups = requirement.slots.map { "`\($0.group)`" }.joined(separator: ", ")
            return .failure(
                Refusal(.notEligible, "`\(person)` is in none of the groups asked: \(groups)"))
        }
        guard !state.decisions.contains(where: { $0.person == person }) else {
            return .failure(Refusal(.alreadyDecided, "`\(person)` has decided already"))
        }
        guard command.assurance >= requirement.assurance else {
            return .failure(
                Refusal(.assuranceTooLow, "this needs assurance "
                    + "`\(requirement.assurance.rawValue)`, not `\(command.assurance.rawValue)`: "
                    + "sign in at the console and decide there"))
        }
        guard command.kind == .deny || command.shownInFull else {
            return .failure(
                Refusal(.notShownInFull, "what can't be shown in full can't be approved"))
        }
        guard command.kind == .approve || command.hasReason else {
            return .failure(Refusal(.reasonRequired, "a denial needs a reason"))
        }
        return .success(
            ReviewDecision(
                person: person, kind: command.kind, channel: command.channel,
                assurance: command.assurance, selfApproved: inChain, at: surroundings.now))
    }

    /// Persons who may not decide: as submitted, and the agent's owner of today.
    private func chain(_ directory: Directory) -> Set<Handle> {
        var persons = state.submission.requester.chain
        if let owner = directory.agents[state.submission.requester.agent] {
            persons.insert(owner)
        }
        return persons
    }

    /// Approvers whose decision still counts with the directory of now.
    private func countingApprovers(
        _ surroundings: MachineSurroundings
    ) -> (persons: Set<Handle>, selfApproved: Bool) {
        let excluded = chain(surroundings.directory)
        var persons: Set<Handle> = []
        var selfApproved = false
        for decision in state.decisions where decision.kind == .approve {
            guard surroundings.directory.persons.contains(decision.person) else { continue }
            if excluded.contains(decision.person) {
                guard surroundings.singleOperator, decision.selfApproved else { continue }
                selfApproved = true
            }
            persons.insert(decision.person)
        }
        return (persons, selfApproved)
    }

    /// Re-evaluates and clears, leaves pending, or invalidates (DESIGN §3.7).
    private mutating func clearIfMet(
        _ result: inout MachineResult, _ surroundings: MachineSurroundings
    ) throws {
        let verdict = try surroundings.evaluate()
        switch standing(verdict, surroundings) {
        case .met(let approvals, let selfApproved):
            let cleared = clearance(
                verdict, approvals: approvals, selfApproved: selfApproved, now: surroundings.now)
            try record(cleared, into: &result.events, surroundings.now)
        case .unmet:
            return
        case .denied:
            try record(invalidation(verdict, "policy_denies"), into: &result.events,
                surroundings.now)
        }
    }

    private enum Standing {
        case met([Handle: [Handle]], selfApproved: Bool)
        case unmet
        case denied
    }

    /// Whether a fresh verdict lets the action pass with the decisions recorded so far.
    private func standing(_ verdict: Verdict, _ surroundings: MachineSurroundings) -> Standing {
        switch verdict.decision {
        case .deny: return .denied
        case .allow: return .met([:], selfApproved: false)
        case .review:
            guard let requirement = verdict.requirement else { return .denied }
            let (persons, selfApproved) = countingApprovers(surroundings)
            let strongEnough = persons.filter { person in
                state.decisions.contains {
                    $0.person == person && $0.assurance >= requirement.assurance
                }
            }
            let filled = SlotMatching.match(
                requirement, approvers: strongEnough, in: surroundings.directory)
            let met = requirement.slots.allSatisfy {
                (filled[$0.group]?.count ?? 0) == $0.quorum
            }
            return met ? .met(filled, selfApproved: selfApproved) : .unmet
        }
    }

    /// The atomic single use of a grant; the same nonce is answered with the same claim.
    package mutating func claim(
        nonce: Hash256, gate: GateReference, agent: Handle, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        let now = surroundings.now
        guard isSubmitter(gate: gate, agent: agent) else {
            result.refusal = Refusal(.wrongGate, "only the gate that submitted may claim")
            try record(
                .refused(
                    principal: Principal.agent(agent).description, attempt: "claim",
                    code: Refusal.Code.wrongGate.rawValue), into: &result.events, now)
            return result
        }
        if let claim = state.claim {
            if claim.nonce != nonce {
                result.refusal = Refusal(.alreadyClaimed, "the grant was claimed already")
            }
            return result
        }
        try expireIfDue(&result, now)
        guard result.refusal == nil else { return result }
        guard state.status == .cleared else {
            let code: Refusal.Code = state.status == .invalidated ? .invalidated : .notCleared
            result.refusal = Refusal(code, "the action is `\(state.status.rawValue)`")
            return result
        }
        let verdict = try surroundings.evaluate()
        guard case .met = standing(verdict, surroundings) else {
            try record(invalidation(verdict, verdict.decision == .deny
                ? "policy_denies" : "requirement_unmet"), into: &result.events, now)
            result.refusal = Refusal(.invalidated, "policy no longer lets this pass")
            return result
        }
        try record(.claimed(claim(nonce, verdict, now)), into: &result.events, now)
        return result
    }

    /// What the gate attests happened; a repeated identical report changes nothing.
    package mutating func report(
        _ outcome: OutcomeStatus, exitCode: Int64?, resultDigest: Hash256?, nonce: Hash256,
        gate: GateReference, agent: Handle, now: Timestamp
    ) throws -> MachineResult {
        var result = MachineResult()
        guard isSubmitter(gate: gate, agent: agent), state.claim?.nonce == nonce else {
            result.refusal = state.claim == nil
                ? Refusal(.notClaimed, "nothing was claimed, so nothing can be reported")
                : Refusal(.wrongGate, "only the gate that claimed may report, with its nonce")
            return result
        }
        if let last = state.outcomes.last, state.status != .unknown {
            if last.status != outcome || last.exitCode != exitCode {
                result.refusal = Refusal(.alreadyReported, "another outcome was reported")
            }
            return result
        }
        guard state.status == .claimed || state.status == .unknown else {
            result.refusal = Refusal(.notClaimed, "the action is `\(state.status.rawValue)`")
            return result
        }
        try record(
            .reported(outcome, exitCode: exitCode, resultDigest: resultDigest),
            into: &result.events, now)
        return result
    }

    /// The requester's own way out; also the owner's.
    package mutating func cancel(
        by principal: Principal, now: Timestamp
    ) throws -> MachineResult {
        var result = MachineResult()
        try expireIfDue(&result, now)
        guard result.refusal == nil else { return result }
        let requester = state.submission.requester
        let mayCancel: Bool =
            switch principal {
            case .agent(let agent): agent == requester.agent
            case .person(let person): requester.chain.contains(person)
            case .gate, .administrator: false
            }
        guard mayCancel else {
            result.refusal = Refusal(.notRequester, "only the requester cancels; deny it instead")
            try record(
                .refused(
                    principal: principal.description, attempt: "cancel",
                    code: Refusal.Code.notRequester.rawValue), into: &result.events, now)
            return result
        }
        guard state.status == .pending || state.status == .cleared else {
            result.refusal = Refusal(.notPending, "the action is `\(state.status.rawValue)`")
            return result
        }
        try record(.cancelled(by: principal.description), into: &result.events, now)
        return result
    }

    /// Takes a grant back before it is used: any person the review asks, or an administrator.
    package mutating func revoke(
        by principal: Principal, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        try expireIfDue(&result, surroundings.now)
        guard result.refusal == nil else { return result }
        guard case .person(let person) = principal, mayRevoke(person, surroundings.directory)
        else {
            result.refusal = Refusal(.notAllowed, "only a reviewer or administrator revokes")
            try record(
                .refused(
                    principal: principal.description, attempt: "revoke",
                    code: Refusal.Code.notAllowed.rawValue), into: &result.events,
                surroundings.now)
            return result
        }
        guard state.status == .cleared else {
            result.refusal = Refusal(.notCleared, "the action is `\(state.status.rawValue)`")
            return result
        }
        try record(.revoked(by: person), into: &result.events, surroundings.now)
        return result
    }

    private func mayRevoke(_ person: Handle, _ directory: Directory) -> Bool {
        let asked = state.submission.requirement?.groups(of: person, in: directory) ?? []
        return !asked.isEmpty || directory.isAdministrator(person)
            || chain(directory).contains(person)
    }

    /// Says what became of an action whose gate fell silent; a person outside the chain.
    package mutating func settle(
        _ outcome: OutcomeStatus, by principal: Principal, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        guard state.status == .unknown, outcome != .unknown else {
            result.refusal = Refusal(.notUnknown, "only an unknown outcome is settled, as one "
                + "that is known")
            return result
        }
        guard case .person(let person) = principal,
            surroundings.directory.persons.contains(person),
            !chain(surroundings.directory).contains(person) || surroundings.singleOperator
        else {
            result.refusal = Refusal(.notAllowed, "only a person outside the requester chain "
                + "settles")
            try record(
                .refused(
                    principal: principal.description, attempt: "settle",
                    code: Refusal.Code.notAllowed.rawValue), into: &result.events,
                surroundings.now)
            return result
        }
        try record(.settled(outcome, by: person), into: &result.events, surroundings.now)
        return result
    }

    /// Lets time act: a review past its deadline expires, an unused grant lapses.
    package mutating func tick(now: Timestamp) throws -> MachineResult {
        var result = MachineResult()
        try expireIfDue(&result, now)
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

    private mutating func expireIfDue(_ result: inout MachineResult, _ now: Timestamp) throws {
        guard let due = state.nextDeadline, now >= due else { return }
        if state.status == .pending {
            try record(.expired, into: &result.events, now)
            result.refusal = Refusal(.expired, "the review expired at \(due)")
        } else {
            try record(.lapsed, into: &result.events, now)
            result.refusal = Refusal(.grantLapsed, "the grant lapsed at \(due)")
        }
    }

    private func isSubmitter(gate: GateReference, agent: Handle) -> Bool {
        state.submission.gate == gate && state.submission.requester.agent == agent
    }

    private func clearance(
        _ verdict: Verdict, approvals: [Handle: [Handle]], selfApproved: Bool = false,
        now: Timestamp
    ) -> ActionEvent {
        let seconds = verdict.requirement?.grant.seconds ?? 600
        return .cleared(
            ActionEvent.Clearance(
                operation: state.submission.operation, gate: state.submission.gate,
                verdict: verdict.decision, policySet: verdict.policySet,
                directory: verdict.directory, approvals: approvals, selfApproved: selfApproved,
                notAfter: now.adding(seconds: seconds)))
    }

    private func claim(_ nonce: Hash256, _ verdict: Verdict, _ now: Timestamp) -> Claim {
        Claim(
            nonce: nonce, gate: state.submission.gate.id,
            operation: state.submission.operation,
            startBy: now.adding(seconds: Limits.startBySeconds), verdict: verdict.decision,
            policySet: verdict.policySet, directory: verdict.directory)
    }

    private func invalidation(_ verdict: Verdict, _ cause: String) -> ActionEvent {
        .invalidated(cause: cause, policySet: verdict.policySet, directory: verdict.directory)
    }

    /// The only way an event comes into being: applied to the state first, so that nothing is
    /// ever appended that a replay would refuse.
    private mutating func record(
        _ event: ActionEvent, into events: inout [ActionEvent], _ now: Timestamp
    ) throws(TransitionError) {
        try state.apply(event, at: now)
        events.append(event)
    }

    /// The cores of events, ready to be committed to.
    package var coreHeader: CoreHeader { header }
}
