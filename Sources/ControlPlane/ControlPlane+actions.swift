// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Storage
internal import Synchronization
package import TransparencyLog

extension ControlPlane {
    /// One person's decision.
    ///
    /// Throws the machine's `Refusal`; the attempt is recorded then too.
    package func decide(
        _ id: ActionID, _ command: DecisionCommand, reason: String?, audit: JSON
    ) async throws -> ActionResult {
        try throttle("decide \(command.principal)")
        try await requireTrustedClock()
        counters.add("exequatur_decisions_total")
        return try await run(
            id, by: Party(command.principal, attempt: command.kind.rawValue), audit: audit,
            reason: reason
        ) { machine, body, surroundings in
            try machine.decide(command.onRecordedRendering(body), surroundings)
        }
    }

    /// The atomic single use of a grant.
    package func claim(
        _ id: ActionID, nonce: Hash256, by submitter: Submitter
    ) async throws -> ActionResult {
        try throttle("claim \(submitter.requester.agent)")
        try await requireTrustedClock()
        return try await run(
            id, by: Party(submitter.principal, attempt: "claim"), audit: submitter.audit,
            reason: nil
        ) { machine, _, surroundings in
            try machine.claim(
                nonce: nonce, gate: submitter.gate, agent: submitter.requester.agent,
                surroundings)
        }
    }

    /// What the gate attests happened.
    package func report(
        _ id: ActionID, _ report: ActionEvent.Report, detail: String?, nonce: Hash256,
        by submitter: Submitter
    ) async throws -> ActionResult {
        try await run(
            id, by: Party(submitter.principal, attempt: nil), audit: submitter.audit,
            reason: detail
        ) { machine, _, surroundings in
            try machine.report(
                report, nonce: nonce, gate: submitter.gate, agent: submitter.requester.agent,
                now: surroundings.now)
        }
    }

    package func cancel(
        _ id: ActionID, by principal: Principal, audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(principal)")
        try await requireTrustedClock()
        return try await run(
            id, by: Party(principal, attempt: "cancel"), audit: audit, reason: nil
        ) { machine, _, surroundings in
            try machine.cancel(by: principal, now: surroundings.now)
        }
    }

    package func revoke(
        _ id: ActionID, by principal: Principal, reason: String?, audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(principal)")
        try await requireTrustedClock()
        return try await run(
            id, by: Party(principal, attempt: "revoke"), audit: audit, reason: reason
        ) { machine, _, surroundings in
            try machine.revoke(by: principal, surroundings)
        }
    }

    package func settle(
        _ id: ActionID, _ outcome: OutcomeStatus, by principal: Principal, reason: String?,
        audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(principal)")
        return try await run(
            id, by: Party(principal, attempt: "settle"), audit: audit, reason: reason
        ) { machine, _, surroundings in
            try machine.settle(outcome, by: principal, surroundings)
        }
    }

    /// Lets a deadline act on one action; the scheduler's only verb.
    func tick(_ id: ActionID) async throws {
        guard clock.isTrusted else { return }
        _ = try await run(
            id, by: nil, audit: ["by": "scheduler"], reason: nil
        ) { machine, _, surroundings in
            try machine.tick(now: surroundings.now)
        }
    }

    func markSilent(_ id: ActionID) async throws {
        _ = try await run(
            id, by: nil, audit: ["by": "scheduler"], reason: nil
        ) { machine, _, surroundings in
            try machine.gateWentSilent(now: surroundings.now)
        }
    }

    /// A gate says that it still works on a claimed action.
    package func heartbeat(_ id: ActionID, by submitter: Submitter) throws {
        let row = try backend.read { try $0.action(id) }
        guard let row, row.agent == submitter.requester.agent, row.gate == submitter.gate.id else {
            throw CommandError.noSuchAction
        }
        heartbeats.beat(id, at: now)
    }

    /// Every command on an existing action goes this way: prove the chain, run the machine, append
    /// what it says.
    ///
    /// Nothing of a state row is used. Whether another agent's action exists is not an agent's to
    /// know, and it must not be able to make entries in that chain: its attempt is an entry of the
    /// chain `attempts`. What would make a chain longer than it may get is only counted.
    private func run(
        _ id: ActionID, by party: Party?, audit: JSON, reason: String?,
        _ command:
            @escaping @Sendable (
                inout ActionMachine, SubmissionBody, MachineSurroundings
            ) throws -> MachineResult
    ) async throws -> ActionResult {
        let entropy = effects.entropy
        let recorded = try await writer.submit { [self] view -> LedgerPlan<CommandValue?> in
            guard let (state, body) = try view.action(id) else {
                throw CommandError.noSuchAction
            }
            if let party, party.isStranger(to: state) {
                return LedgerPlan(nil, drafts: try refusal(of: party, id, audit))
            }
            let governance = self.governance
            guard let environment = governance.environment else { throw CommandError.noPolicies }
            var machine = ActionMachine(state: state, unsealed: governance.unsealed)
            let surroundings = MachineSurroundings(
                now: view.now, directory: governance.directory,
                singleOperator: governance.singleOperator && governance.unsealed,
                evaluate: { environment.evaluate(body.action, at: view.now) })
            let result = try command(&machine, body, surroundings)
            if state.version >= Limits.chainEntries, result.isOnlyRefused {
                counters.add(Self.uncountedRefusals)
                return LedgerPlan(
                    CommandValue(state: state, body: body, refusal: result.refusal))
            }
            let salts = entropy.hashes(result.events.count * 2)
            let drafts = try result.events.enumerated().map { position, event in
                try EntryDraft(
                    kind: event.kind, ref: id.text, core: try event.coreBytes(machine.coreHeader),
                    body: try Self.body(event, audit: audit, reason: reason).canonicalBytes(),
                    salts: (salts[position * 2], salts[position * 2 + 1]))
            }
            return LedgerPlan(
                CommandValue(state: machine.state, body: body, refusal: result.refusal),
                drafts: drafts, state: result.events.isEmpty ? nil : machine.state,
                operational: try ResourceUse.rows(result.events, of: body.action, view)
                    + marks(machine.state))
        }
        guard let value = recorded.value else {
            counters.add("exequatur_refusals_total")
            throw CommandError.noSuchAction
        }
        if let refusal = value.refusal {
            counters.add("exequatur_refusals_total")
            throw refusal
        }
        return ActionResult(
            state: value.state, body: value.body, isNew: false,
            claimEntry: recorded.entries.last { $0.entry.kind == "action.claimed" },
            head: recorded.head)
    }

    /// The outbox row of a change, if there are channels to tell.
    func marks(_ state: ActionState) -> [OperationalRow] {
        notifies.load(ordering: .acquiring) ? Outbox.mark(state) : []
    }

    /// The entry of an attempt on another agent's action; none where nothing limits their number.
    private func refusal(
        of party: Party, _ id: ActionID, _ audit: JSON
    ) throws -> [EntryDraft] {
        guard let attempt = party.attempt else {
            counters.add(Self.uncountedRefusals)
            return []
        }
        let salts = effects.entropy.hashes(2)
        return [
            try EntryDraft(
                kind: "attempt.refused", ref: "attempts",
                core: [
                    "action": .string(id.text), "attempt": .string(attempt),
                    "code": "no_such_action", "kind": "attempt.refused",
                    "principal": .string(party.principal.description),
                    "unsealed": .bool(unsealed), "v": 1,
                ], body: ["audit": audit], salts: (salts[0], salts[1]))
        ]
    }

    /// Attempts that were refused without an entry of their own; a periodic entry has the number.
    static let uncountedRefusals = "exequatur_unrecorded_refusals"

    private struct CommandValue: Sendable {
        let state: ActionState
        let body: SubmissionBody
        let refusal: Refusal?
    }

    /// The words of a command stand beside the event they belong to, not beside its
    /// consequences.
    private static func body(_ event: ActionEvent, audit: JSON, reason: String?) -> JSON {
        var object: JSONObject = ["audit": audit]
        switch event {
        case .decided, .refused, .revoked, .settled: object["reason"] = .optional(reason)
        case .reported: object["detail"] = .optional(reason)
        default: break
        }
        return .object(object)
    }
}

extension MachineResult {
    /// True if all that there is to record is attempts that were refused.
    fileprivate var isOnlyRefused: Bool {
        !events.isEmpty
            && events.allSatisfy { if case .refused = $0 { true } else { false } }
    }
}

extension Submitter {
    /// The agent, as a party to a command.
    fileprivate var principal: Principal { .agent(requester.agent) }
}

/// Who sends a command, and what it is an attempt of.
private struct Party: Sendable {
    let principal: Principal
    /// Nil for what no rate limit keeps few: it leaves no entry where it is refused.
    let attempt: String?

    init(_ principal: Principal, attempt: String?) {
        self.principal = principal
        self.attempt = attempt
    }

    /// True for an agent that did not submit this action.
    func isStranger(to state: ActionState) -> Bool {
        if case .agent(let agent) = principal { return agent != state.submission.requester.agent }
        return false
    }
}
