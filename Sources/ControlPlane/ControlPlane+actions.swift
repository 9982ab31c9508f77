// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import Storage
internal import Synchronization
package import TransparencyLog

extension ControlPlane {
    /// One person's decision.
    ///
    /// Throws the machine's `Refusal`; the attempt is recorded then too.
    ///
    /// `using` are rows that the decision uses up, such as the question that a passkey answered.
    package func decide(
        _ id: ActionID, _ command: DecisionCommand, reason: String?, audit: JSON,
        using: [OperationalKey] = []
    ) async throws -> ActionResult {
        try throttle("decide \(command.principal)")
        try await requireTrustedClock()
        counters.add("exequatur_decisions_total")
        let result = try await run(
            id, by: Party(command.principal, attempt: command.kind.rawValue), audit: audit,
            reason: reason, using: using
        ) { machine, body, surroundings in
            try machine.decide(
                command.onRecordedRendering(body, machine.state), surroundings)
        }
        guard result.state.status == .cleared, result.state.submission.gate.id == .ownGate else {
            return result
        }
        // What decides is changed at once; who approved it sees what became of it.
        try await carryOut(id)
        return try detail(id).map {
            ActionResult(
                state: $0.state, body: $0.body, isNew: false, claimEntry: nil, head: $0.head)
        } ?? result
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
        _ id: ActionID, by party: Authenticated, audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(party.principal)")
        try await requireTrustedClock()
        return try await run(
            id, by: Party(party, attempt: "cancel"), audit: audit, reason: nil
        ) { machine, _, surroundings in
            try machine.cancel(by: party.principal, now: surroundings.now)
        }
    }

    package func revoke(
        _ id: ActionID, by party: Authenticated, reason: String?, audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(party.principal)")
        try await requireTrustedClock()
        return try await run(
            id, by: Party(party, attempt: "revoke"), audit: audit, reason: reason
        ) { machine, _, surroundings in
            try machine.revoke(by: party.principal, surroundings)
        }
    }

    package func settle(
        _ id: ActionID, _ outcome: OutcomeStatus, by party: Authenticated, reason: String?,
        audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(party.principal)")
        return try await run(
            id, by: Party(party, attempt: "settle"), audit: audit, reason: reason
        ) { machine, _, surroundings in
            try machine.settle(outcome, by: party.principal, surroundings)
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
    func run(
        _ id: ActionID, by party: Party?, audit: JSON, reason: String?,
        using used: [OperationalKey] = [],
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
            for key in used {
                guard try view.store.operational(space: key.space, key: key.key) != nil else {
                    throw CommandError.forbidden(
                        code: "challenge_invalid", "this was used or is too old: sign again")
                }
            }
            let governance = self.governance
            guard let environment = governance.environment else { throw CommandError.noPolicies }
            var machine = ActionMachine(state: state, unsealed: governance.unsealed)
            var revised: RevisedTexts?
            let surroundings = surroundings(
                body, governance, environment, at: view.now, revising: { revised = $0 })
            let result =
                try party?.refusal(by: &machine, governance, at: view.now)
                ?? command(&machine, body, surroundings)
            if state.version >= Limits.chainEntries, result.isOnlyRefused {
                counters.add(Self.uncountedRefusals)
                return LedgerPlan(
                    CommandValue(state: state, body: body, refusal: result.refusal))
            }
            let salts = entropy.hashes(result.events.count * 2)
            let drafts = try result.events.enumerated().map { position, event in
                try EntryDraft(
                    kind: event.kind, ref: id.text, core: try event.coreBytes(machine.coreHeader),
                    body: try Self.body(event, audit: audit, reason: reason, revised)
                        .canonicalBytes(),
                    salts: (salts[position * 2], salts[position * 2 + 1]))
            }
            var applied: (@Sendable () -> Void)?
            if let change = DebtBook.change(from: state, to: machine.state) {
                applied = { [debts] in debts.apply(change) }
            }
            return LedgerPlan(
                CommandValue(state: machine.state, body: body, refusal: result.refusal),
                drafts: drafts, state: result.events.isEmpty ? nil : machine.state,
                operational: try ResourceUse.rows(result.events, of: body.action, view)
                    + marks(machine.state),
                removed: used, applied: applied)
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

    /// What the machine has to know besides the chain, at one moment.
    func surroundings(
        _ body: SubmissionBody, _ governance: Governance, _ environment: PolicyEnvironment,
        at now: Timestamp, revising: @escaping (RevisedTexts) -> Void = { _ in }
    ) -> MachineSurroundings {
        MachineSurroundings(
            now: now, directory: governance.directory,
            singleOperator: governance.singleOperator && governance.unsealed,
            openDebts: debts.open, isTargetChanged: isTargetChanged(body.action.operation),
            evaluate: { environment.evaluate(body.action, at: now) },
            render: { verdict, deadline in
                let rendering = Self.rendering(
                    body.action, verdict, deadline, run: WorkloadRun(audit: body.audit), governance)
                revising(RevisedTexts(rendering: rendering, texts: verdict.bodyJSON))
                return ShownRendering(rendering)
            })
    }

    /// What people are shown of an action, by the directory of now.
    static func rendering(
        _ action: Action, _ verdict: Verdict, _ deadline: Timestamp?, run: WorkloadRun?,
        _ governance: Governance
    ) -> Rendering {
        let operation = action.operation
        return Renderer.render(
            action: action, verdict: verdict, deadline: deadline, run: run,
            catalogued: governance.directory.catalogued(
                type: operation.resourceType, id: operation.resourceID),
            name: { governance.names[$0] })
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
    private static func body(
        _ event: ActionEvent, audit: JSON, reason: String?, _ revised: RevisedTexts?
    ) -> JSON {
        var object: JSONObject = ["audit": audit]
        switch event {
        case .decided, .refused, .revoked, .settled, .withdrawn, .glassBroken, .debtSettled:
            object["reason"] = .optional(reason)
        case .reported: object["detail"] = .optional(reason)
        case .commented: object["text"] = .optional(reason)
        case .revised:
            object["rendering"] = revised?.rendering.json ?? .null
            object["texts"] = revised?.texts ?? .null
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
struct Party: Sendable {
    let principal: Principal
    /// Nil for what no rate limit keeps few: it leaves no entry where it is refused.
    let attempt: String?
    private let isCredentialShown: Bool

    /// For a command that the machine itself holds against the credential, and for agents.
    init(_ principal: Principal, attempt: String?) {
        self.principal = principal
        self.attempt = attempt
        isCredentialShown = false
    }

    init(_ party: Authenticated, attempt: String) {
        principal = party.principal
        self.attempt = attempt
        isCredentialShown = party.isCredentialShown
    }

    /// What a person gets who acts with a credential that others have seen; nil where nothing is
    /// wrong with it, or nothing is sealed.
    func refusal(
        by machine: inout ActionMachine, _ governance: Governance, at now: Timestamp
    ) throws -> MachineResult? {
        guard isCredentialShown, !governance.unsealed, let attempt else { return nil }
        return try machine.refuseShown(to: principal, attempt: attempt, now: now)
    }

    /// True for an agent that did not submit this action.
    func isStranger(to state: ActionState) -> Bool {
        if case .agent(let agent) = principal { return agent != state.submission.requester.agent }
        return false
    }
}
