// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Console
internal import ControlPlane
internal import Storage
internal import TransparencyLog

/// The page of one action.
extension ConsoleModels {
    func action(_ detail: ActionDetail, notice: ConsoleNotice?) throws -> ActionPage {
        let state = detail.state
        let action = detail.body.action
        return ActionPage(
            shell: try shell(notice: notice), id: state.id.text, digest: state.digest.hex,
            operationDigest: state.submission.operation.hex, version: Int(state.version),
            revision: Int(state.revisions) + 1, state: ConsoleState(wire: state.status.rawValue),
            action: action.operation.action, resource: resource(action.operation),
            requester: requester(state.submission.requester),
            gate: state.submission.gate.id.text, isAdvisory: !state.submission.gate.enforcing,
            isUnsealed: submittedUnsealed(detail), severity: severity(state),
            assurance: state.requirement?.assurance.rawValue,
            submittedAt: instant(state.submittedAt),
            deadline: state.deadline.map(instant),
            grantExpires: state.clearance.map { instant($0.notAfter) },
            endedBecause: endedBecause(detail), rendering: rendering(detail),
            verdict: verdict(detail), slots: slots(state), eligible: eligible(state),
            decisions: decisions(detail), permission: permission(detail), claim: claim(detail),
            outcomes: outcomes(detail), timeline: timeline(detail),
            deliveries: try deliveries(state.id),
            otherPendingOfAgent: try otherPending(state), review: try review(detail))
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
        case "action.revoked", "action.decided", "action.settled":
            return detail.words(last).map(VisibleText.escapeLines)
        default: return nil
        }
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
        case "action.withdrawn", "action.break-glass", "action.debt-settled", "action.commented":
            return reviewSummary(core)
        case "action.escalated":
            let groups = core["groups"]?.arrayValue?.compactMap(\.stringValue) ?? []
            return "\(groups.joined(separator: ", ")) may decide too"
        default: return nil
        }
    }
}
