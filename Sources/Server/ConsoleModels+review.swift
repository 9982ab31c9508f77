// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Console
internal import ControlPlane
internal import Storage

/// Decisions, comments and break-glass of one action, and what the viewer may do.
extension ConsoleModels {
    func review(_ detail: ActionDetail) throws -> ConsoleReview {
        let state = detail.state
        let requirement = state.requirement
        return ConsoleReview(
            revisions: Int(state.revisions), escalations: escalations(state),
            lookers: state.status == .pending ? try control.lookers(state.id).map(person) : [],
            comments: comments(detail),
            breakGlassGroups: (requirement?.breakGlass ?? []).map(\.text),
            breakGlassObstacle: breakGlassObstacle(detail), debt: debt(detail),
            change: change(detail), forms: forms(detail))
    }

    private func escalations(_ state: ActionState) -> [ConsoleEscalation] {
        let slots = state.requirement?.slots ?? []
        return slots.flatMap { slot in
            slot.escalations.map { escalation in
                ConsoleEscalation(
                    group: escalation.group.text, insteadOf: slot.group.text,
                    at: instant(state.submittedAt.adding(seconds: escalation.after.seconds)))
            }
        }.sorted { ($0.at, $0.group) < ($1.at, $1.group) }
    }

    private func events(_ detail: ActionDetail) -> [(RecordedEntry, ActionEvent)] {
        detail.entries.compactMap { recorded in
            guard let core = try? JSON(canonical: recorded.core, limits: Limits.storedJSON),
                let event = try? ActionEvent.read(core).event
            else { return nil }
            return (recorded, event)
        }
    }

    // MARK: what people said

    /// Every decision that was ever made, also those that do not count any more.
    func decisions(_ detail: ActionDetail) -> [ConsoleDecision] {
        var all: [ConsoleDecision] = []
        for (recorded, event) in events(detail) {
            switch event {
            case .decided(let decision, _):
                all.append(
                    ConsoleDecision(
                        person: person(decision.person), isApproval: decision.kind == .approve,
                        channel: decision.channel.rawValue,
                        assurance: decision.assurance.rawValue,
                        reason: detail.words(recorded).map(VisibleText.escapeLines),
                        at: instant(decision.at), isSelfApproved: decision.selfApproved,
                        isLapsed: false, isWithdrawn: false,
                        isSigned: decision.signature != nil))
            case .withdrawn(let by):
                let place = all.lastIndex {
                    $0.person.id == by.text && !$0.isLapsed && !$0.isWithdrawn
                }
                if let place { all[place].isWithdrawn = true }
            case .revised:
                for place in all.indices where !all[place].isWithdrawn {
                    all[place].isLapsed = true
                }
            default: break
            }
        }
        return all
    }

    private func comments(_ detail: ActionDetail) -> [ConsoleComment] {
        events(detail).compactMap { recorded, event in
            guard case .commented(let by, let kind) = event else { return nil }
            let (isAgent, id) = Self.author(by)
            return ConsoleComment(
                author: Handle(id).map(person)
                    ?? ConsolePersonName(id: VisibleText.escape(id), name: VisibleText.escape(id)),
                isAgent: isAgent, kind: ConsoleComment.Kind(rawValue: kind.rawValue) ?? .comment,
                text: VisibleText.escapeLines(detail.words(recorded) ?? ""),
                at: instant(recorded.entry.at))
        }
    }

    /// Whoever an entry names as `person:NAME` or `agent:NAME`.
    private static func author(_ principal: String) -> (isAgent: Bool, id: String) {
        let halves = principal.split(separator: ":", maxSplits: 1).map(String.init)
        guard halves.count == 2 else { return (true, principal) }
        return (halves[0] != "person", halves[1])
    }

    /// Who an entry of a review is by, for the timeline.
    func reviewSummary(_ core: JSON) -> String? {
        let by = core["by"]?.stringValue ?? core["person"]?.stringValue ?? "?"
        let (_, id) = by.contains(":") ? Self.author(by) : (false, by)
        return VisibleText.escape(Handle(id).map(name) ?? id)
    }

    // MARK: break-glass

    private func debt(_ detail: ActionDetail) -> ConsoleDebt? {
        guard let debt = detail.state.debt else { return nil }
        func words(_ kind: String) -> String? {
            detail.words(ofLast: kind).map(VisibleText.escapeLines)
        }
        return ConsoleDebt(
            person: person(debt.person), at: instant(debt.at), due: instant(debt.due),
            isOverdue: debt.isOverdue, reason: words("action.break-glass"),
            settlement: debt.settlement.map { settlement in
                ConsoleDebt.Settlement(
                    by: person(settlement.by), isAccepted: settlement.accepted,
                    at: instant(settlement.at), reason: words("action.debt-settled"))
            })
    }

    /// Said only to whom policy lets break the glass here: others need not know how near they are.
    private func breakGlassObstacle(_ detail: ActionDetail) -> String? {
        guard let session, detail.state.status == .pending,
            detail.state.requirement?.breakGlass.contains(where: {
                governance.directory.isPerson(session.person, in: $0)
            }) == true
        else { return nil }
        return control.obstacle(breakingGlass: detail, session)?.description
    }

    // MARK: what the viewer may do

    private func forms(_ detail: ActionDetail) -> Set<ConsoleReview.Form> {
        guard let session else { return [] }
        var forms: Set<ConsoleReview.Form> = []
        func offer(_ form: ConsoleReview.Form, unless obstacle: Refusal?) {
            if obstacle == nil { forms.insert(form) }
        }
        offer(.comment, unless: control.obstacle(saying: .comment, detail, session))
        if detail.state.submission.requester.chain.contains(session.person) {
            offer(.answer, unless: control.obstacle(saying: .answer, detail, session))
        } else {
            offer(.question, unless: control.obstacle(saying: .question, detail, session))
        }
        if detail.state.openDebt != nil {
            offer(.settleDebt, unless: control.obstacle(settlingDebt: detail, session))
        }
        guard detail.state.status == .pending else { return forms }
        offer(.approveSigned, unless: control.obstacle(signing: detail, .approve, session))
        offer(.denySigned, unless: control.obstacle(signing: detail, .deny, session))
        offer(.breakGlass, unless: control.obstacle(breakingGlass: detail, session))
        if detail.state.approvers.contains(session.person) {
            offer(.withdraw, unless: control.obstacle(withdrawing: detail, session))
        }
        let mayDecide =
            forms.contains(.approveSigned)
            || control.obstacle(detail, .approve, session) == nil
        if mayDecide, (try? control.lookers(detail.state.id).contains(session.person)) == false {
            forms.insert(.look)
        }
        return forms
    }

    func permission(_ detail: ActionDetail) -> ConsolePermission {
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
        let (obstacles, needsFreshSignIn) = obstacles(approve, detail, session)
        let isOwn = control.obstacle(inCredentialOf: control.party(of: session)) == nil
        return ConsolePermission(
            mayApprove: approve == nil, mayDeny: deny == nil, obstacles: obstacles,
            needsFreshSignIn: needsFreshSignIn, mayCancel: isOwn && isOpen && inChain,
            mayRevoke: isOwn && state.status == .cleared
                && (!asked.isEmpty || inChain
                    || governance.directory.isAdministrator(session.person)),
            maySettle: isOwn && state.status == .unknown && !inChain)
    }

    /// What stands in the way of an approval; nothing where a passkey is a way round it.
    private func obstacles(
        _ approve: Refusal?, _ detail: ActionDetail, _ session: Session
    ) -> (texts: [String], needsFreshSignIn: Bool) {
        guard detail.state.status == .pending, let approve else { return ([], false) }
        guard approve.code == .assuranceTooLow else { return ([approve.description], false) }
        guard let signing = control.obstacle(signing: detail, .approve, session) else {
            return ([], false)
        }
        guard detail.state.requirement?.assurance == .passkey else {
            return ([approve.description], true)
        }
        return ([approve.description, signing.description], false)
    }
}
