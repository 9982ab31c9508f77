// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import Storage
package import TransparencyLog

/// What a gate asks for, already authenticated and parsed.
package struct SubmitCommand: Sendable {
    package let operation: Operation
    package let intent: Intent
    /// Ask for clearing and claiming in the same write, if policy allows.
    package let nonce: Hash256?
    package let idempotencyKey: String?
    /// Digest of the whole request; the same key with another digest is refused.
    package let requestDigest: Hash256

    package init(
        operation: Operation, intent: Intent, nonce: Hash256?, idempotencyKey: String?,
        requestDigest: Hash256
    ) {
        self.operation = operation
        self.intent = intent
        self.nonce = nonce
        self.idempotencyKey = idempotencyKey
        self.requestDigest = requestDigest
    }
}

/// The party that submits, claims and reports: an agent at a gate.
package struct Submitter: Sendable, Hashable {
    package let requester: Requester
    package let gate: GateReference
    /// Where the request came from, for the record only.
    package let audit: JSON

    package init(requester: Requester, gate: GateReference, audit: JSON) {
        self.requester = requester
        self.gate = gate
        self.audit = audit
    }

    /// The job behind the credential, if it is a job's.
    var run: WorkloadRun? { WorkloadRun(audit: audit) }
}

/// What a command on an action led to.
package struct ActionResult: Sendable {
    package let state: ActionState
    /// The action and its texts, from the body of its first entry.
    package let body: SubmissionBody
    package let isNew: Bool
    /// Set where the claim entry was appended by this very command.
    package let claimEntry: RecordedEntry?
    package let head: LedgerHead
}

/// A command that is not carried out, apart from the machine's own refusals.
package enum CommandError: Error, Sendable, Hashable {
    case noSuchAction
    case rateLimited(retryAfterSeconds: Int64)
    case noPolicies
    case clockStepped(String)
    case idempotencyMismatch
    /// What a channel received is not signed as it should be.
    case unsigned(String)
    case badRequest(code: String, String)
    case forbidden(code: String, String)
    case conflict(code: String, String)
}

extension ControlPlane {
    /// Intercepted operation in, verdict out; an allowed one is cleared, and claimed if asked.
    ///
    /// Hashing, canonical forms and policy run before the writer's turn, on a snapshot; the
    /// writer checks that the snapshot is still in force and evaluates again only if not.
    package func submit(
        _ command: SubmitCommand, by submitter: Submitter
    ) async throws -> ActionResult {
        try await requireTrustedClock()
        let now = self.now
        try throttle("submit \(submitter.requester.agent)")
        try checkTarget(command.operation)
        let randomness = effects.entropy
        let id = ActionID(now: now, random: randomness.words())
        let action = try Action(
            id: id, nonce: randomness.hashes(1)[0], operation: command.operation,
            intent: command.intent, requester: submitter.requester, gate: submitter.gate,
            facts: try await facts(command.operation, by: submitter.requester.agent))
        let prepared = try prepare(action, command, submitter, governance, now)
        let recorded = try await writer.submit(priority: .intake) { [self] view in
            if let earlier = try attach(action, command, submitter, view) {
                return LedgerPlan(earlier)
            }
            let current = governance
            try checkShown(submitter.requester, current)
            let fresh: PreparedSubmission
            if current.unsealed == prepared.header.unsealed,
                current.environment?.policies.digest == prepared.verdict.policySet,
                current.environment?.directoryDigest == prepared.verdict.directory
            {
                fresh = prepared
            } else {
                fresh = try prepare(action, command, submitter, current, view.now)
            }
            return try plan(fresh, command, submitter, view)
        }
        return try result(recorded)
    }

    /// Refuses what was asked before the seal and is written after it: who has seen the token was
    /// not looked at then, and could approve it (DESIGN §4.5).
    private func checkShown(_ requester: Requester, _ governance: Governance) throws {
        guard !governance.unsealed, !requester.isPerson,
            let credential = governance.directory.credentials[requester.credential],
            !Set(credential.shownTo).subtracting([requester.owner])
                .isSubset(of: requester.shownTo)
        else { return }
        throw CommandError.conflict(
            code: "seal_changed", "the installation was sealed meanwhile: ask again")
    }

    /// Lets nobody do the same kind of thing too often.
    ///
    /// Attempts that are refused are entries too, so that without this whoever has a token could
    /// fill the ledger with them (DESIGN §4.14); what is turned away here is only counted.
    func throttle(_ key: String) throws { try throttle(key, limiter) }

    func throttle(_ key: String, _ limiter: RateLimiter) throws {
        guard let wait = limiter.take(key, now: now) else { return }
        counters.add("exequatur_rate_limited_total")
        counters.add("exequatur_unrecorded_rate_limited")
        throw CommandError.rateLimited(retryAfterSeconds: wait)
    }

    private struct PreparedSubmission: Sendable {
        let action: Action
        let verdict: Verdict
        let body: SubmissionBody
        let header: CoreHeader
        let events: [ActionEvent]
        let drafts: [EntryDraft]
    }

    enum SubmitValue: Sendable {
        case new(ActionState, SubmissionBody)
        case earlier(ActionState, SubmissionBody)
    }

    private func prepare(
        _ action: Action, _ command: SubmitCommand, _ submitter: Submitter,
        _ governance: Governance, _ now: Timestamp
    ) throws -> PreparedSubmission {
        guard let environment = governance.environment else { throw CommandError.noPolicies }
        let verdict = environment.evaluate(action, at: now)
        let (machine, events) = try ActionMachine.submit(
            action, verdict: verdict, nonce: command.nonce, unsealed: governance.unsealed,
            now: now)
        var rendering: Rendering?
        var eligible: [Handle] = []
        if let requirement = verdict.requirement {
            rendering = Self.rendering(
                action, verdict, machine.state.deadline, run: submitter.run, governance)
            eligible = governance.eligible(requirement, requester: action.requester)
        }
        let body = SubmissionBody(
            action: action, texts: verdict.bodyJSON, rendering: rendering, eligible: eligible,
            audit: submitter.audit)
        let otherBody = try JSON.object(["audit": submitter.audit]).canonicalBytes()
        let salts = effects.entropy.hashes(events.count * 2)
        let drafts = try events.enumerated().map { position, event in
            try EntryDraft(
                kind: event.kind, ref: action.id.text,
                core: try event.coreBytes(machine.coreHeader),
                body: position == 0 ? try body.canonicalBytes() : otherBody,
                salts: (salts[position * 2], salts[position * 2 + 1]))
        }
        return PreparedSubmission(
            action: action, verdict: verdict, body: body, header: machine.coreHeader,
            events: events, drafts: drafts)
    }

    private func plan(
        _ prepared: PreparedSubmission, _ command: SubmitCommand, _ submitter: Submitter,
        _ view: LedgerView
    ) throws -> LedgerPlan<SubmitValue> {
        var state = try ActionState(prepared.header, prepared.events[0], at: view.now)
        for event in prepared.events.dropFirst() { try state.apply(event, at: view.now) }
        var operational = try ResourceUse.rows(prepared.events, of: prepared.action, view)
        if let key = command.idempotencyKey {
            let value: JSON = [
                "action": .string(state.id.text), "request": .string(command.requestDigest.hex),
            ]
            operational.append(
                OperationalRow(
                    space: "idempotency", key: idempotencyRow(key, submitter),
                    value: try value.canonicalBytes(), expires: view.now.adding(seconds: 86_400)))
        }
        operational += marks(state) + EffectBook.rows(prepared.action)
        var plan = LedgerPlan(
            SubmitValue.new(state, prepared.body), drafts: prepared.drafts, state: state,
            body: prepared.body, operational: operational)
        if !prepared.action.operation.effects.isEmpty {
            plan.applied = { [driftEffects] in driftEffects.track(prepared.action.id) }
        }
        return plan
    }

    private func idempotencyRow(_ key: String, _ submitter: Submitter) -> String {
        "\(submitter.requester.credential) \(Hash256.sha256(Array(key.utf8)).hex)"
    }

    /// The earlier action that this request means, if there is one (DESIGN §10).
    private func attach(
        _ action: Action, _ command: SubmitCommand, _ submitter: Submitter, _ view: LedgerView
    ) throws -> SubmitValue? {
        if let key = command.idempotencyKey,
            let row = try view.store.operational(
                space: "idempotency", key: idempotencyRow(key, submitter)),
            row.expires > view.now
        {
            let value = try JSON(canonical: row.value)
            guard value["request"]?.stringValue == command.requestDigest.hex else {
                throw CommandError.idempotencyMismatch
            }
            guard let id = value["action"]?.stringValue.flatMap(ActionID.init) else {
                throw TamperedError("an idempotency row is malformed")
            }
            return try earlier(id, submitter, view)
        }
        guard
            let row = try view.store.latest(
                credential: submitter.requester.credential, gate: submitter.gate.id,
                operation: action.operationDigest)
        else { return nil }
        switch row.status {
        case .pending, .cleared:
            // Its time may have run out a moment ago; then this is a new action.
            guard let found = try earlier(row.id, submitter, view),
                case .earlier(let state, _) = found,
                state.nextDeadline.map({ $0 > view.now }) ?? true
            else { return nil }
            return found
        case .denied:
            // Denied by policy alone: ask policy again, it may have changed. And attempts on the
            // denied action, which are entries too, don't prolong the memory of the denial.
            guard let found = try earlier(row.id, submitter, view),
                case .earlier(let state, _) = found,
                let denial = state.decisions.last(where: { $0.kind == .deny }),
                view.now.seconds(since: denial.at) < Limits.denialMemorySeconds
            else { return nil }
            return found
        default: return nil
        }
    }

    private func earlier(
        _ id: ActionID, _ submitter: Submitter, _ view: LedgerView
    ) throws -> SubmitValue? {
        guard let (state, body) = try view.action(id),
            state.submission.requester == submitter.requester,
            state.submission.gate == submitter.gate
        else { return nil }
        return .earlier(state, body)
    }

    private func result(_ recorded: Recorded<SubmitValue>) throws -> ActionResult {
        switch recorded.value {
        case .new(let state, let body):
            counters.add("exequatur_actions_submitted_total")
            return ActionResult(
                state: state, body: body, isNew: true,
                claimEntry: recorded.entries.last { $0.entry.kind == "action.claimed" },
                head: recorded.head)
        case .earlier(let state, let body):
            return ActionResult(
                state: state, body: body, isNew: false, claimEntry: nil, head: recorded.head)
        }
    }
}
