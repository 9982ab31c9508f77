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
            openDeviations: session == nil ? 0 : openDeviations(),
            debts: session == nil ? [] : debts(), notice: notice)
    }

    private func debts() -> [ConsoleOpenDebt] {
        control.openDebts.map { debt in
            ConsoleOpenDebt(
                action: debt.action.text, person: person(debt.person), due: instant(debt.due),
                isOverdue: debt.isOverdue)
        }
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
                ? instant(session.authenticatedAt.adding(seconds: ControlPlane.freshSeconds)) : nil)
    }

    func instant(_ timestamp: Timestamp) -> ConsoleInstant {
        ConsoleInstant(milliseconds: timestamp.milliseconds)
    }

    func name(_ handle: Handle) -> String { governance.names[handle] ?? handle.text }

    func person(_ handle: Handle) -> ConsolePersonName {
        ConsolePersonName(id: handle.text, name: name(handle))
    }

    func requester(_ requester: Requester) -> ConsoleRequester {
        ConsoleRequester(
            agent: requester.agent.text, owner: person(requester.owner),
            onBehalfOf: requester.onBehalfOf.map(person))
    }

    func resource(_ operation: Operation) -> ConsoleResource {
        ConsoleResource(
            type: VisibleText.escape(operation.resourceType),
            id: VisibleText.escape(operation.resourceID))
    }

    func slots(_ state: ActionState) -> [ConsoleSlot] {
        guard let requirement = state.requirement else { return [] }
        let filled = SlotMatching.match(
            requirement, approvers: state.approvers, in: governance.directory, after: age(state))
        return requirement.slots.map { slot in
            ConsoleSlot(
                group: slot.group.text, quorum: slot.quorum,
                filled: (filled[slot.group] ?? []).map(person))
        }
    }

    func age(_ state: ActionState) -> Int64 {
        state.age(at: max(control.now, state.updatedAt))
    }

    func severity(_ state: ActionState) -> ConsoleSeverity? {
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
        guard let deadline = state.deadline, let severity = severity(state) else {
            return nil
        }
        let refusal = session.flatMap { session in
            obstacle(detail, session)
        }
        return InboxItem(
            id: state.id.text, digest: state.digest.hex, version: Int(state.version),
            action: detail.body.action.operation.action,
            resource: resource(detail.body.action.operation),
            requester: requester(state.submission.requester),
            summary: summary(detail.body.action.operation), severity: severity,
            submittedAt: instant(state.submittedAt), deadline: instant(deadline),
            slots: slots(state), isAdvisory: !state.submission.gate.enforcing,
            awaitsViewer: refusal == nil || refusal?.code == .assuranceTooLow,
            viewerNote: refusal.map(\.description))
    }

    /// Why the viewer can approve it neither as he is signed in nor with a passkey.
    private func obstacle(_ detail: ActionDetail, _ session: Session) -> Refusal? {
        guard let refusal = control.obstacle(detail, .approve, session) else { return nil }
        guard refusal.code == .assuranceTooLow else { return refusal }
        return control.obstacle(signing: detail, .approve, session) == nil ? nil : refusal
    }

    /// One line of what would run or be changed, cut visibly.
    private func summary(_ operation: Operation) -> String? {
        if operation.isGovernance, let change = try? GovernanceChange(operation) {
            let sentences = ChangeWords(governance).sentences(change)
            let more = sentences.count > 1 ? " And \(sentences.count - 1) more." : ""
            return sentences.first.map { $0 + more }
        }
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
}
