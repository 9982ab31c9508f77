// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage
internal import TransparencyLog

extension ControlPlane {
    /// The notice of an action; nil if there is none, or nobody was ever asked about it.
    package func notice(_ id: ActionID) throws -> ReviewNotice? {
        guard let detail = try detail(id),
            let requirement = detail.state.requirement,
            let rendering = try detail.rendering()
        else { return nil }
        let governance = self.governance
        let requester = detail.state.submission.requester
        // Those who are asked later hear of it then.
        let age = max(
            detail.state.escalatedSeconds,
            detail.state.status == .pending ? detail.state.age(at: now) : 0)
        return ReviewNotice(
            card: card(detail, requirement, rendering, governance),
            groups: requirement.askedGroups(after: age),
            eligible: governance.eligible(requirement, requester: requester, after: age),
            requesters: requester.chain.filter(governance.directory.persons.contains).sorted(),
            deciders: detail.state.decisions.map(\.person),
            witnesses: detail.state.debt == nil
                ? []
                : requirement.persons(
                    in: governance.directory, after: requirement.expires.seconds
                ).sorted())
    }

    private func card(
        _ detail: ActionDetail, _ requirement: Requirement, _ rendering: Rendering,
        _ governance: Governance
    ) -> ReviewCard {
        let state = detail.state
        let operation = detail.body.action.operation
        let filled = SlotMatching.match(
            requirement, approvers: state.approvers, in: governance.directory,
            after: state.age(at: max(now, state.updatedAt)))
        let resource =
            VisibleText.escape(operation.resourceType) + " "
            + VisibleText.escape(operation.resourceID)
        return ReviewCard(
            id: state.id, digest: state.digest, version: state.version, status: state.status,
            action: VisibleText.escape(operation.action), resource: resource,
            severity: requirement.severity, assurance: requirement.assurance,
            rendering: rendering, submittedAt: state.submittedAt,
            deadline: state.deadline,
            slots: requirement.slots.map { slot in
                ReviewCard.Slot(
                    group: slot.group.text, quorum: slot.quorum,
                    filled: (filled[slot.group] ?? []).map { called($0, governance) })
            }, decisions: decisions(detail, governance),
            ending: state.status == .pending ? nil : ending(detail, governance),
            isAdvisory: !state.submission.gate.enforcing, isUnsealed: governance.unsealed,
            page: "\(configuration.publicURL)/actions/\(state.id)",
            offer: offer(detail, requirement), glass: state.debt.map(Self.glass))
    }

    private static func glass(_ debt: Debt) -> ReviewCard.Glass {
        if debt.settlement != nil { return .settled }
        return debt.isOverdue ? .overdue : .owed
    }

    /// How it ended, with who broke the glass and what he owes.
    private func ending(_ detail: ActionDetail, _ governance: Governance) -> String? {
        guard let ending = Self.ending(detail.state), let debt = detail.state.debt else {
            return Self.ending(detail.state)
        }
        let words = detail.words(ofLast: "action.break-glass").map(VisibleText.escapeLines)
        let broken =
            "\(called(debt.person, governance)) broke the glass, and nobody approved it"
            + (words.map { ": \($0)" } ?? "")
        let owed =
            switch (debt.settlement, debt.isOverdue) {
            case (let settlement?, _):
                "\(called(settlement.by, governance)) has "
                    + (settlement.accepted ? "accepted that." : "rejected that.")
            case (nil, true): "Nobody has looked at it by \(debt.due): somebody else has to."
            case (nil, false): "Somebody else has to look at it by \(debt.due)."
            }
        return [Self.sentence(broken), owed, ending].joined(separator: " ")
    }

    private static func sentence(_ text: String) -> String {
        text.utf8.last.map { ".!?".utf8.contains($0) } == true ? text : text + "."
    }

    private func decisions(
        _ detail: ActionDetail, _ governance: Governance
    ) -> [ReviewCard.Decision] {
        detail.state.decisions.map { decision in
            ReviewCard.Decision(
                person: called(decision.person, governance),
                isApproval: decision.kind == .approve, channel: decision.channel.rawValue,
                reason: detail.reason(of: decision).map(VisibleText.escapeLines),
                at: decision.at, isSelfApproved: decision.selfApproved)
        }
    }

    private func called(_ person: Handle, _ governance: Governance) -> String {
        guard let name = governance.names[person], !name.utf8.elementsEqual(person.text.utf8)
        else { return person.text }
        return "\(VisibleText.escape(name)) (\(person.text))"
    }

    private func offer(_ detail: ActionDetail, _ requirement: Requirement) -> ReviewCard.Offer {
        guard detail.state.status == .pending else { return .nothing }
        if detail.body.action.operation.isGovernance {
            return .page("what changes this server's own rules is decided in the console only")
        }
        guard requirement.assurance <= .chat else {
            let why =
                requirement.severity >= .high
                ? "\(requirement.severity) severity"
                : "policy asks for `\(requirement.assurance.rawValue)`"
            return .page("this needs a decision in the console: \(why)")
        }
        guard detail.state.isShownInFull(detail.body) else {
            return .page("what can't be shown in full can't be approved here")
        }
        return .buttons
    }

    private static func ending(_ state: ActionState) -> String? {
        switch state.status {
        case .pending: nil
        case .cleared: "Cleared. It has not run yet."
        case .claimed: "Cleared. It is running."
        case .unknown: "It ran, and its gate fell silent: somebody has to settle the outcome."
        case .denied: "Denied. It will not run."
        case .expired: "Nobody decided in time, which is a denial."
        case .cancelled: "Withdrawn by its requester."
        case .invalidated: "Policy or people changed and no longer allow it."
        case .revoked: "The grant was taken back before it was used."
        case .lapsed: "The grant ran out before it was used."
        case .succeeded: "It ran; the gate reports success."
        case .failed:
            state.outcomes.last?.exitCode.map { "It ran and failed with exit code \($0)." }
                ?? "It ran; the gate reports failure."
        case .notStarted: "The gate reports that nothing was started."
        }
    }
}
