// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Logging
internal import Storage
internal import Synchronization
internal import TransparencyLog

/// Changes of what decides: made at once while unsealed, asked for as actions ever after
/// (DESIGN §4.13).
extension ControlPlane {
    /// Makes a change, or once the installation is sealed asks for it.
    ///
    /// - Throws: `CommandError` where the party may not, or where the change is not possible; a
    ///   change that could not be made is not asked for either.
    package func administer(
        _ change: GovernanceChange, by party: Authenticated, reason: String? = nil,
        audit: JSON = [:]
    ) async throws -> Administered {
        guard isAdministrator(party.principal) else {
            throw CommandError.forbidden(
                code: "administrators_only", "this needs an administrator")
        }
        guard !unsealed else {
            try await apply(change, by: party.principal)
            return Administered(request: nil)
        }
        // Whoever asked with another's credential could approve it himself.
        try requireOwnCredential(party)
        return Administered(request: try await request(change, by: party, reason, audit))
    }

    /// Changes something that is a person's own, such as one of his passkeys: made at once while
    /// unsealed, asked for by himself ever after.
    ///
    /// `isRemoval` is made at once: nobody waits to be less able, but not with a link that another
    /// made.
    package func administerOwn(
        _ change: GovernanceChange, by session: Session, isRemoval: Bool, audit: JSON
    ) async throws -> Administered {
        if isRemoval, !session.isRecovery { try requireOwnCredential(party(of: session)) }
        guard !unsealed, !isRemoval, !session.isRecovery else {
            guard case .directory(let changes) = change else {
                throw CommandError.forbidden(
                    code: "administrators_only", "this needs an administrator")
            }
            try await changeOwn(
                changes.map { NamedChange($0.change, audit: audit) }, session.person)
            return Administered(request: nil)
        }
        return Administered(
            request: try await request(change, by: party(of: session), nil, audit))
    }

    /// Applies changes of what is a person's own, in his name.
    private func changeOwn(_ changes: [NamedChange], _ person: Handle) async throws {
        _ = try await writer.submit { [self] view in
            var governance = self.governance
            guard changes.allSatisfy({ $0.change.isOwn(person, governance.directory) }) else {
                throw CommandError.forbidden(code: "not_yours", "this is not yours")
            }
            let drafts = try plan(
                changes, by: Principal.person(person).description, at: view.now, &governance)
            try governance.refresh()
            let result = governance
            return LedgerPlan((), drafts: drafts, applied: { self.update(result) })
        }
    }

    // MARK: asking

    /// Asks for a change in a person's name, who has just shown who he is.
    func request(_ change: GovernanceChange, by signIn: SignIn, why: String) async throws {
        var party = Authenticated(
            principal: .person(signIn.person), credential: "sign-in", assurance: .token)
        party.method = signIn.method
        _ = try await request(change, by: party, why, signIn.evidence)
    }

    private func request(
        _ change: GovernanceChange, by party: Authenticated, _ reason: String?, _ audit: JSON
    ) async throws -> ActionResult {
        guard case .person(let person) = party.principal else {
            throw CommandError.forbidden(
                code: "persons_only", "only a person asks for changes of this server's own rules")
        }
        try await dryRun(change)
        let operation = try change.operation(origin: verifierKey.name)
        return try await submit(
            SubmitCommand(
                operation: operation, intent: Intent(justification: reason, trigger: nil),
                nonce: nil, idempotencyKey: nil, requestDigest: .zero),
            by: Submitter(
                requester: Requester(
                    agent: person, owner: person, onBehalfOf: nil, credential: party.credential,
                    // Whoever made the link or the token could be the one who asks.
                    shownTo: party.shownTo.filter { $0 != person }),
                gate: GateReference(id: .ownGate, enforcing: true), audit: ["request": audit]))
    }

    /// Refuses to ask people for what could not be done: a change that does not fit, or one that
    /// would leave a review that nobody can meet.
    private func dryRun(_ change: GovernanceChange) async throws {
        var after = governance
        switch change {
        case .directory(let changes):
            _ = try plan(
                changes.map { NamedChange($0.change, name: $0.name) }, by: "nobody", at: now, &after
            )
            try checkSatisfiable(governance, after)
        case .policies(let files):
            let policies = try await compile(files)
            let problems = lint(policies)
            guard problems.isEmpty else { throw PolicyProblems(problems: problems) }
        case .drift(let change): _ = try after.apply(change)
        case .gateConfiguration(let gate, let digest):
            guard try standing(of: gate).presented?.digest == digest else {
                throw CommandError.conflict(
                    code: "presentation_changed",
                    "gate `\(gate)` presents something else by now: look again with "
                        + "`exequatur gate configuration \(gate)`")
            }
        case .baseline, .acceptance: break
        }
    }

    private func compile(_ files: [PolicyFile]) async throws -> PublishedPolicies {
        let generated = generatedFiles(beside: files)
        return try await policyQueue.run {
            try PublishedPolicies(files: files, generated: generated)
        }
    }

    // MARK: carrying out

    /// Makes a change on the word of somebody who may.
    func apply(_ change: GovernanceChange, by: Principal) async throws {
        switch change {
        case .directory(let changes):
            try await self.change(
                changes.map { NamedChange($0.change, name: $0.name) }, by: by)
        case .policies(let files): try await publish(try await compile(files), by: by)
        case .gateConfiguration(let gate, let digest):
            _ = try await approve(gate, expect: digest.hex, by: by)
        case .drift(let change): try await configureDrift(change, by: by)
        case .baseline(let source, let root):
            _ = try await approveBaseline(source, expect: root.hex, by: by)
        case .acceptance(let source, let fingerprints, let root):
            _ = try await acceptDrift(source, fingerprints, expect: root.hex, by: by)
        }
    }

    /// Carries out what was approved: claims it as this server's own gate, changes what it says, and
    /// reports.
    ///
    /// Called after each decision on such an action, and for what a stop left behind.
    ///
    /// Crash order: the claim is durable before anything is changed, and the change names the
    /// action. A stop in between leaves a claimed action; the next start finds by the change's entry
    /// whether it was made, and reports that.
    package func carryOut(_ id: ActionID) async throws {
        // The scheduler must not take what is being done for what a stop left behind.
        guard carriedOut.withLock({ $0.insert(id).inserted }) else { return }
        defer { _ = carriedOut.withLock { $0.remove(id) } }
        guard let detail = try detail(id), detail.body.action.operation.isGovernance,
            detail.state.submission.gate.id == .ownGate
        else { return }
        let requester = detail.state.submission.requester
        let submitter = Submitter(
            requester: requester, gate: detail.state.submission.gate, audit: ["by": "server"])
        switch detail.state.status {
        case .cleared:
            let nonce = effects.entropy.hashes(1)[0]
            let claimed = try await claim(id, nonce: nonce, by: submitter)
            guard claimed.state.status == .claimed else { return }
            try await carryOut(id, detail.body.action, nonce, submitter)
        case .claimed, .unknown:
            guard let nonce = detail.state.claim?.nonce else { return }
            let by = Principal.action(id, for: requester.owner).description
            let isDone = governance.appliedActions.contains(by)
            _ = try await report(
                id, ActionEvent.Report(isDone ? .succeeded : .notStarted),
                detail: isDone ? nil : "the server stopped before it was carried out",
                nonce: nonce, by: submitter)
        default: break
        }
    }

    private func carryOut(
        _ id: ActionID, _ action: Action, _ nonce: Hash256, _ submitter: Submitter
    ) async throws {
        var report = ActionEvent.Report(.succeeded)
        var why: String?
        do {
            let change = try GovernanceChange(action.operation)
            try await apply(change, by: .action(id, for: action.requester.owner))
        } catch let error as LedgerUnavailable {
            throw error
        } catch {
            logger.warning(
                "an approved change was not made", metadata: ["action": "\(id)", "why": "\(error)"])
            report = ActionEvent.Report(.failed)
            why = String("\(error)".prefix(1000))
        }
        _ = try await self.report(id, report, detail: why, nonce: nonce, by: submitter)
    }

    /// What a stop left behind, and what was cleared by time or a break: all of it is carried out or
    /// reported.
    func carryOutWhatIsLeft() async throws {
        guard !unsealed else { return }
        var query = ActionQuery()
        query.statuses = [.cleared, .claimed, .unknown]
        query.gate = .ownGate
        query.limit = 200
        for row in try backend.read({ try $0.actions(query) }) { try await carryOut(row.id) }
    }
}

extension DirectoryChange {
    /// Whether this is about a person's own accounts and passkeys, and nothing else.
    func isOwn(_ person: Handle, _ directory: Directory) -> Bool {
        switch self {
        case .passkeyAdded(let passkey): passkey.person == person
        case .passkeyRemoved(let id): directory.passkeys[id]?.person == person
        case .externalLinked(_, let link): link.person == person
        case .externalUnlinked(let account): directory.externals[account]?.person == person
        case .accountUnlinked(let account): directory.accounts[account] == person
        default: false
        }
    }
}

extension Handle {
    /// The gate that carries changes of this server's own rules out: the server itself.
    static let ownGate = Handle(constant: "exequatur")
}

extension Governance {
    /// Groups that the policy set in force asks for reviews, or lets break the glass.
    var groupsOfPolicies: Set<Handle> {
        var result: Set<Handle> = []
        for (_, requirement) in policies?.requirements ?? [] {
            result.formUnion(requirement.askedGroups(after: requirement.expires.seconds))
            result.formUnion(requirement.breakGlass)
        }
        return result
    }
}
