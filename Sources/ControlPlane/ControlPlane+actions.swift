// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Storage
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
        return try await run(id, audit: audit, reason: reason) { machine, body, surroundings in
            try machine.decide(command.onRecordedRendering(body), surroundings)
        }
    }

    /// The atomic single use of a grant.
    package func claim(
        _ id: ActionID, nonce: Hash256, by submitter: Submitter
    ) async throws -> ActionResult {
        try throttle("claim \(submitter.requester.agent)")
        try await requireTrustedClock()
        return try await run(id, audit: submitter.audit, reason: nil) { machine, _, surroundings in
            try machine.claim(
                nonce: nonce, gate: submitter.gate, agent: submitter.requester.agent,
                surroundings)
        }
    }

    /// What the gate attests happened.
    package func report(
        _ id: ActionID, _ outcome: OutcomeStatus, exitCode: Int64?, resultDigest: Hash256?,
        detail: String?, nonce: Hash256, by submitter: Submitter
    ) async throws -> ActionResult {
        try await run(id, audit: submitter.audit, reason: detail) { machine, _, surroundings in
            try machine.report(
                outcome, exitCode: exitCode, resultDigest: resultDigest, nonce: nonce,
                gate: submitter.gate, agent: submitter.requester.agent, now: surroundings.now)
        }
    }

    package func cancel(
        _ id: ActionID, by principal: Principal, audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(principal)")
        try await requireTrustedClock()
        return try await run(id, audit: audit, reason: nil) { machine, _, surroundings in
            try machine.cancel(by: principal, now: surroundings.now)
        }
    }

    package func revoke(
        _ id: ActionID, by principal: Principal, reason: String?, audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(principal)")
        try await requireTrustedClock()
        return try await run(id, audit: audit, reason: reason) { machine, _, surroundings in
            try machine.revoke(by: principal, surroundings)
        }
    }

    package func settle(
        _ id: ActionID, _ outcome: OutcomeStatus, by principal: Principal, reason: String?,
        audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(principal)")
        return try await run(id, audit: audit, reason: reason) { machine, _, surroundings in
            try machine.settle(outcome, by: principal, surroundings)
        }
    }

    /// Lets a deadline act on one action; the scheduler's only verb.
    func tick(_ id: ActionID) async throws {
        guard clock.isTrusted else { return }
        _ = try await run(id, audit: ["by": "scheduler"], reason: nil) { machine, _, surroundings in
            try machine.tick(now: surroundings.now)
        }
    }

    func markSilent(_ id: ActionID) async throws {
        _ = try await run(id, audit: ["by": "scheduler"], reason: nil) { machine, _, surroundings in
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
    /// Nothing of a state row is used.
    private func run(
        _ id: ActionID, audit: JSON, reason: String?,
        _ command:
            @escaping @Sendable (
                inout ActionMachine, SubmissionBody, MachineSurroundings
            ) throws -> MachineResult
    ) async throws -> ActionResult {
        let entropy = effects.entropy
        let recorded = try await writer.submit { [self] view in
            guard let (state, body) = try view.action(id) else {
                throw CommandError.noSuchAction
            }
            let governance = self.governance
            guard let environment = governance.environment else { throw CommandError.noPolicies }
            var machine = ActionMachine(state: state, unsealed: governance.unsealed)
            let surroundings = MachineSurroundings(
                now: view.now, directory: governance.directory,
                singleOperator: governance.singleOperator && governance.unsealed,
                evaluate: { environment.evaluate(body.action, at: view.now) })
            let result = try command(&machine, body, surroundings)
            let salts = entropy.hashes(result.events.count * 2)
            let drafts = try result.events.enumerated().map { position, event in
                try EntryDraft(
                    kind: event.kind, ref: id.text, core: try event.coreBytes(machine.coreHeader),
                    body: try Self.body(event, audit: audit, reason: reason).canonicalBytes(),
                    salts: (salts[position * 2], salts[position * 2 + 1]))
            }
            return LedgerPlan(
                CommandValue(state: machine.state, body: body, refusal: result.refusal),
                drafts: drafts, state: result.events.isEmpty ? nil : machine.state)
        }
        if let refusal = recorded.value.refusal {
            counters.add("exequatur_refusals_total")
            throw refusal
        }
        return ActionResult(
            state: recorded.value.state, body: recorded.value.body, isNew: false,
            claimEntry: recorded.entries.last { $0.entry.kind == "action.claimed" },
            head: recorded.head)
    }

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
