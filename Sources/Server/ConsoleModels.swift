// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Cedar
internal import Console
internal import ControlPlane
internal import Storage
internal import TransparencyLog

/// Fills the console's view models from the control plane, for one viewer.
struct ConsoleModels {
    let control: ControlPlane
    let channels: ChannelHub?
    let governance: Governance
    let session: Session?
    let now: Timestamp

    init(_ control: ControlPlane, _ session: Session?, _ channels: ChannelHub? = nil) {
        self.control = control
        self.channels = channels
        self.session = session
        governance = control.governance
        now = control.now
    }

    // MARK: shared parts

    func shell(notice: ConsoleNotice? = nil, pending: Int? = nil) throws -> ConsoleShell {
        let count = try pending ?? pendingCount()
        return ConsoleShell(
            installation: control.configuration.origin, version: control.configuration.software,
            now: instant(now), viewer: session.map(viewer), csrfToken: session?.csrf ?? "",
            isUnsealed: governance.unsealed, isSingleOperator: governance.singleOperator,
            pendingCount: session == nil ? 0 : count,
            openDeviations: session == nil ? 0 : openDeviations(), notice: notice)
    }

    private func pendingCount() throws -> Int {
        guard session != nil else { return 0 }
        var query = ActionQuery()
        query.statuses = [.pending]
        query.limit = 200
        return try control.backend.read { try $0.actions(query).count }
    }

    private func viewer(_ session: Session) -> ConsoleViewer {
        let assurance = control.assurance(of: session)
        return ConsoleViewer(
            id: session.person.text, name: name(session.person),
            isAdministrator: governance.directory.isAdministrator(session.person),
            assurance: assurance.rawValue,
            freshUntil: assurance == .console
                ? instant(session.signedInAt.adding(seconds: ControlPlane.freshSeconds)) : nil)
    }

    func instant(_ timestamp: Timestamp) -> ConsoleInstant {
        ConsoleInstant(milliseconds: timestamp.milliseconds)
    }

    func name(_ handle: Handle) -> String { governance.names[handle] ?? handle.text }

    func person(_ handle: Handle) -> ConsolePersonName {
        ConsolePersonName(id: handle.text, name: name(handle))
    }

    private func requester(_ requester: Requester) -> ConsoleRequester {
        ConsoleRequester(
            agent: requester.agent.text, owner: person(requester.owner),
            onBehalfOf: requester.onBehalfOf.map(person))
    }

    private func resource(_ operation: Operation) -> ConsoleResource {
        ConsoleResource(
            type: VisibleText.escape(operation.resourceType),
            id: VisibleText.escape(operation.resourceID))
    }

    private func slots(_ state: ActionState) -> [ConsoleSlot] {
        guard let requirement = state.requirement else { return [] }
        let filled = SlotMatching.match(
            requirement, approvers: state.approvers, in: governance.directory, after: age(state))
        return requirement.slots.map { slot in
            ConsoleSlot(
                group: slot.group.text, quorum: slot.quorum,
                filled: (filled[slot.group] ?? []).map(person))
        }
    }

    private func age(_ state: ActionState) -> Int64 {
        state.age(at: max(control.now, state.updatedAt))
    }

    private func severity(_ state: ActionState) -> ConsoleSeverity? {
        (state.requirement?.severity).flatMap {
            ConsoleSeverity(rawValue: $0.rawValue)
        }
    }

    // MARK: inbox and history

    func inbox() throws -> InboxPage {
        var query = ActionQuery()
        query.statuses = [.pending]
        query.limit = 100
        let details = try control.list(query)
        let items = details.compactMap(item).sorted { a, b in
            (a.severity == b.severity) ? a.deadline < b.deadline : rank(a) > rank(b)
        }
        let total = try pendingCount()
        return InboxPage(
            shell: try shell(notice: try quarantine(), pending: total), items: items,
            totalPending: total)
    }

    /// What gates present and nobody has approved; until then their calls are denied.
    private func quarantine() throws -> ConsoleNotice? {
        let gates = try control.quarantinedGates().map(\.text)
        guard let first = gates.first else { return nil }
        let text =
            gates.count == 1
            ? "gate \(first) presents an unapproved configuration"
            : "gates \(gates.joined(separator: ", ")) present unapproved configurations"
        return ConsoleNotice(
            kind: .warning, text: "\(text): see exequatur gate configuration \(first)")
    }

    private func rank(_ item: InboxItem) -> Int {
        ConsoleSeverity.allCases.firstIndex(of: item.severity) ?? 0
    }

    private func item(_ detail: ActionDetail) -> InboxItem? {
        let state = detail.state
        guard let deadline = state.submission.deadline, let severity = severity(state) else {
            return nil
        }
        let refusal = session.flatMap { session in
            control.obstacle(detail, .approve, session)
        }
        return InboxItem(
            id: state.id.text, digest: state.digest.hex, version: Int(state.version),
            action: detail.body.action.operation.action,
            resource: resource(detail.body.action.operation),
            requester: requester(state.submission.requester),
            summary: Self.summary(detail.body.action.operation), severity: severity,
            submittedAt: instant(state.submittedAt), deadline: instant(deadline),
            slots: slots(state), isAdvisory: !state.submission.gate.enforcing,
            awaitsViewer: refusal == nil || refusal?.code == .assuranceTooLow,
            viewerNote: refusal.map(\.description))
    }

    /// One line of what would run, cut visibly.
    static func summary(_ operation: Operation) -> String? {
        guard let arguments = operation.input["argv"]?.arrayValue else { return nil }
        let words = arguments.map { VisibleText.escape($0.stringValue ?? "?") }
        let line = words.map { $0.contains(" ") || $0.isEmpty ? "\"\($0)\"" : $0 }
            .joined(separator: " ")
        return line.count > 160 ? String(line.prefix(160)) + " …" : line
    }

    func history(query: ActionQuery, state: String) throws -> HistoryPage {
        let details = try control.list(query)
        let rows = details.map { detail in
            HistoryRow(
                id: detail.state.id.text, digest: detail.state.digest.hex,
                action: detail.body.action.operation.action,
                resource: resource(detail.body.action.operation),
                requester: requester(detail.state.submission.requester),
                state: ConsoleState(wire: detail.state.status.rawValue),
                severity: severity(detail.state), submittedAt: instant(detail.state.submittedAt),
                decidedBy: detail.state.decisions.map { person($0.person) },
                isAdvisory: !detail.state.submission.gate.enforcing,
                isSelfApproved: detail.state.decisions.contains { $0.selfApproved })
        }
        return HistoryPage(
            shell: try shell(), query: query.text ?? "", state: state, rows: rows,
            next: details.count == query.limit ? details.last?.state.id.text : nil,
            isFirstPage: query.before == nil)
    }

    // MARK: one action

    func action(_ detail: ActionDetail, notice: ConsoleNotice?) throws -> ActionPage {
        let state = detail.state
        let action = detail.body.action
        return ActionPage(
            shell: try shell(notice: notice), id: state.id.text, digest: state.digest.hex,
            operationDigest: state.submission.operation.hex, version: Int(state.version),
            revision: 1, state: ConsoleState(wire: state.status.rawValue),
            action: action.operation.action, resource: resource(action.operation),
            requester: requester(state.submission.requester),
            gate: state.submission.gate.id.text, isAdvisory: !state.submission.gate.enforcing,
            isUnsealed: submittedUnsealed(detail), severity: severity(state),
            assurance: state.requirement?.assurance.rawValue,
            submittedAt: instant(state.submittedAt),
            deadline: state.submission.deadline.map(instant),
            grantExpires: state.clearance.map { instant($0.notAfter) },
            endedBecause: endedBecause(detail), rendering: rendering(detail),
            verdict: verdict(detail), slots: slots(state), eligible: eligible(state),
            decisions: decisions(detail), permission: permission(detail), claim: claim(detail),
            outcomes: outcomes(detail), timeline: timeline(detail),
            deliveries: try deliveries(state.id),
            otherPendingOfAgent: try otherPending(state))
    }

    /// The label is about the submission, not about today.
    private func submittedUnsealed(_ detail: ActionDetail) -> Bool {
        guard let first = detail.entries.first,
            let core = try? JSON(canonical: first.core, limits: Limits.storedJSON)
        else {
            return true
        }
        return core["unsealed"]?.boolValue ?? true
    }

    private func otherPending(_ state: ActionState) throws -> Int {
        var query = ActionQuery()
        query.statuses = [.pending]
        query.agent = state.submission.requester.agent
        query.limit = 100
        let rows = try control.backend.read { try $0.actions(query) }
        return rows.count { $0.id != state.id }
    }

    private func eligible(_ state: ActionState) -> [ConsolePersonName] {
        guard let requirement = state.requirement else { return [] }
        return governance.eligible(
            requirement, requester: state.submission.requester, after: age(state)
        ).map(person)
    }

    private func endedBecause(_ detail: ActionDetail) -> String? {
        guard let last = detail.entries.last else { return nil }
        switch last.entry.kind {
        case "action.invalidated":
            return (try? JSON(canonical: last.core, limits: Limits.storedJSON))?["cause"]?
                .stringValue
        case "action.revoked", "action.decided":
            return detail.words(last).map(VisibleText.escapeLines)
        default: return nil
        }
    }

    private func verdict(_ detail: ActionDetail) -> ConsoleVerdict {
        var texts: [String: JSON] = [:]
        for text in detail.body.texts["reasons"]?.arrayValue ?? [] {
            if let policy = text["policy"]?.stringValue { texts[policy] = text }
        }
        let fired = detail.state.submission.verdict["reasons"]?.arrayValue ?? []
        let errors = detail.body.texts["errors"]?.arrayValue ?? []
        return ConsoleVerdict(
            decision: detail.state.submission.decision.rawValue,
            reasons: fired.map { reason in
                let policy = reason["policy"]?.stringValue ?? ""
                let text = texts[policy]
                return ConsoleReason(
                    policy: VisibleText.escape(policy),
                    effect: reason["effect"]?.stringValue ?? "",
                    isReview: reason["review"]?.boolValue ?? false,
                    severity: (text?["severity"]?.stringValue).flatMap(
                        ConsoleSeverity.init(rawValue:)),
                    reason: (text?["reason"]?.stringValue).map(VisibleText.escape),
                    advice: (text?["advice"]?.stringValue).map(VisibleText.escape))
            },
            errors: errors.map { error in
                ConsolePolicyError(
                    policy: VisibleText.escape(error["policy"]?.stringValue ?? ""),
                    message: VisibleText.escape(error["message"]?.stringValue ?? ""))
            }, policySet: detail.state.submission.policySet.hex)
    }

    /// What reviewers were shown is stored; an action nobody reviewed is rendered for this page.
    private func rendering(_ detail: ActionDetail) -> ConsoleRendering {
        let action = detail.body.action
        let rendering =
            (try? detail.body.rendering())
            ?? Renderer.render(
                action: action,
                verdict: Verdict(
                    decision: detail.state.submission.decision, reasons: [], errors: [],
                    requirement: nil, policySet: detail.state.submission.policySet,
                    directory: detail.state.submission.directory,
                    evaluatedAt: detail.state.submittedAt), deadline: nil,
                run: WorkloadRun(audit: detail.body.audit),
                name: { governance.names[$0] })
        return ConsoleRendering(
            sections: rendering.sections.map { section in
                ConsoleRendering.Section(
                    kind: ConsoleRendering.Kind(rawValue: section.kind.rawValue) ?? .what,
                    title: section.title,
                    rows: section.rows.map { row in
                        ConsoleRendering.Row(
                            label: row.label, text: row.text,
                            style: ConsoleRendering.Style(rawValue: row.style.rawValue) ?? .plain)
                    })
            }, warnings: rendering.warnings, isComplete: rendering.isComplete,
            digest: rendering.digest)
    }

    private func decisions(_ detail: ActionDetail) -> [ConsoleDecision] {
        let entries = detail.entries.filter { $0.entry.kind == "action.decided" }
        return zip(detail.state.decisions, entries).map { decision, entry in
            ConsoleDecision(
                person: person(decision.person), isApproval: decision.kind == .approve,
                channel: decision.channel.rawValue, assurance: decision.assurance.rawValue,
                reason: detail.words(entry).map(VisibleText.escapeLines),
                at: instant(decision.at), isSelfApproved: decision.selfApproved, isLapsed: false)
        }
    }

    private func permission(_ detail: ActionDetail) -> ConsolePermission {
        guard let session else {
            return ConsolePermission(
                mayApprove: false, mayDeny: false, obstacles: ["Sign in to decide."],
                needsFreshSignIn: false, mayCancel: false, mayRevoke: false, maySettle: false)
        }
        let state = detail.state
        let approve = control.obstacle(detail, .approve, session)
        let deny = control.obstacle(detail, .deny, session)
        let isOpen = state.status == .pending || state.status == .cleared
        let inChain = state.submission.requester.chain.contains(session.person)
        let asked =
            state.requirement?.groups(
                of: session.person, in: governance.directory, after: age(state)) ?? []
        return ConsolePermission(
            mayApprove: approve == nil, mayDeny: deny == nil,
            obstacles: state.status == .pending
                ? [approve].compactMap { $0?.description } : [],
            needsFreshSignIn: approve?.code == .assuranceTooLow,
            mayCancel: isOpen && inChain,
            mayRevoke: state.status == .cleared
                && (!asked.isEmpty || inChain
                    || governance.directory.isAdministrator(session.person)),
            maySettle: state.status == .unknown && !inChain)
    }

    private func claim(_ detail: ActionDetail) -> ConsoleClaim? {
        guard let claim = detail.state.claim, let entry = detail.claimEntry else { return nil }
        return ConsoleClaim(
            gate: claim.gate.text, nonce: claim.nonce.hex, at: instant(entry.entry.at),
            startBy: instant(claim.startBy), index: Int(entry.index))
    }

    private func outcomes(_ detail: ActionDetail) -> [ConsoleOutcome] {
        let entries = detail.entries.filter {
            $0.entry.kind == "action.reported" || $0.entry.kind == "action.settled"
        }
        return zip(detail.state.outcomes, entries).map { outcome, entry in
            ConsoleOutcome(
                status: outcome.status.rawValue, exitCode: outcome.exitCode.map { Int($0) },
                detail: detail.words(entry).map(VisibleText.escapeLines),
                resultDigest: outcome.resultDigest?.hex,
                reportedBy: outcome.settledBy.map(name) ?? detail.state.submission.gate.id.text,
                isClaim: outcome.settledBy == nil && !detail.state.submission.gate.enforcing,
                at: instant(outcome.at))
        }
    }

    private func timeline(_ detail: ActionDetail) -> [ConsoleTimelineEntry] {
        detail.entries.map { recorded in
            ConsoleTimelineEntry(
                index: Int(recorded.index), seq: Int(recorded.entry.seq),
                kind: recorded.entry.kind, at: instant(recorded.entry.at),
                summary: summary(recorded))
        }
    }

    private func summary(_ recorded: RecordedEntry) -> String? {
        guard let core = try? JSON(canonical: recorded.core, limits: Limits.storedJSON) else {
            return nil
        }
        switch recorded.entry.kind {
        case "action.decided":
            let who = core["person"]?.stringValue.flatMap(Handle.init).map(name) ?? "?"
            return "\(who): \(core["decision"]?.stringValue ?? "?")"
        case "action.attempt-refused":
            return "\(core["principal"]?.stringValue ?? "?"): "
                + "\(core["attempt"]?.stringValue ?? "?") refused, "
                + "\(core["code"]?.stringValue ?? "?")"
        case "action.reported", "action.settled": return core["status"]?.stringValue
        default: return nil
        }
    }
}
