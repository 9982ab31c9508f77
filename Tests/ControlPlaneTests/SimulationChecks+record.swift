// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import TransparencyLog

/// The rules themselves, and the record.
extension SimulationChecks {
    static func invariant13_rulesChangeUnderReview(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for entry in history.newEntries {
            let world = entry.world
            if let stamped = entry.unsealed, stamped != stamp(entry) {
                problems.append("entry \(entry.index): stamped as unsealed \(stamped)")
            }
            switch entry.event {
            case .directory(let change):
                problems += authority(change.by, change.change, entry, history)
                problems += unsatisfiable(entry)
            case .policies(let publication):
                problems += authority(publication.by, nil, entry, history)
            case .seal(let event): problems += seal(event, entry)
            case .action(let id, _, let event):
                problems += decision(event, id, entry, history)
            case .other: break
            }
            if !world.unsealed,
                world.directory.credentials.values.contains(where: { $0.kind == .administrator })
            {
                problems.append("entry \(entry.index): `admin.token` lives on after the seal")
            }
        }
        return problems
    }

    /// The entry that seals is the first one of the time after.
    private static func stamp(_ entry: SimulatedEntry) -> Bool {
        if case .seal(.sealed) = entry.event { return false }
        return entry.world.unsealed
    }

    /// Whether somebody may make this change at all.
    private static func authority(
        _ by: String, _ change: DirectoryChange?, _ entry: SimulatedEntry,
        _ history: SimulatedHistory
    ) -> [String] {
        let what = "entry \(entry.index): \(entry.kind) by `\(by)`"
        let directory = entry.world.directory
        let parts = by.split(separator: ":", maxSplits: 1).map(String.init)
        switch parts.first {
        case "installation": return entry.index < 16 ? [] : [what]
        case "seal", "recovery": return []
        case "administrator": return entry.world.unsealed ? [] : [what + ", after the seal"]
        case "person":
            let person = parts.last.flatMap(Handle.init)
            let isAdministrator =
                person.map { directory.groups[.administrators]?.contains($0) == true } ?? false
            if entry.world.unsealed, isAdministrator { return [] }
            guard let person, let change else { return [what] }
            return isOwn(change, person, entry.world) ? [] : [what]
        case "action":
            guard let id = parts.last.flatMap(ActionID.init),
                let stored = history.submissions[id], stored.isGovernance,
                let last = history.chain(id.text).last(where: { $0.index < entry.index }),
                let review = last.after
            else { return [what + ", which is no approved change"] }
            let approvers = review.clearance?.approvals.values.flatMap { $0 } ?? []
            guard review.status == .claimed, !approvers.isEmpty,
                Set(approvers).isDisjoint(with: review.chain(entry.world)),
                review.clearance?.breakGlass == nil
            else { return [what + ", which nobody else approved"] }
            return []
        default: return [what]
        }
    }

    /// What is a person's own, and once sealed only its removal.
    private static func isOwn(
        _ change: DirectoryChange, _ person: Handle, _ world: SimulatedWorld
    ) -> Bool {
        switch change {
        case .passkeyAdded(let passkey): world.unsealed && passkey.person == person
        case .passkeyRemoved(let id): world.directory.passkeys[id]?.person == person
        case .accountUnlinked(let account): world.directory.accounts[account] == person
        default: false
        }
    }

    /// What could be satisfied before must be so after; the last administrator stays.
    ///
    /// Looked at where the next entry is of another write: several changes may be one.
    private static func unsatisfiable(_ entry: SimulatedEntry) -> [String] {
        let (before, after) = (entry.world.directory, entry.next.directory)
        func administrators(_ directory: Directory) -> Set<Handle> {
            (directory.groups[.administrators] ?? []).intersection(directory.persons)
        }
        if !administrators(before).isEmpty, administrators(after).isEmpty {
            return ["entry \(entry.index) leaves nobody who administers"]
        }
        return entry.next.requirements.filter { requirement in
            func canMeet(_ directory: Directory) -> Bool {
                SimulatedReview.canFill(
                    requirement, Array(directory.persons), directory,
                    after: requirement.expires.seconds)
            }
            return canMeet(before) && !canMeet(after)
        }.map { _ in "entry \(entry.index) leaves a review that nobody can satisfy" }
    }

    private static func seal(_ event: SealEvent, _ entry: SimulatedEntry) -> [String] {
        let directory = entry.world.directory
        switch event {
        case .proposed(_, _, let person):
            let may = directory.groups[.administrators]?.contains(person) == true
            return may ? [] : ["`\(person)`, who does not administer, asks for the seal"]
        case .confirmed(_, let person, let method):
            let may =
                directory.groups[.administrators]?.contains(person) == true
                && (method == .passkey || method == .openID)
            return may ? [] : ["`\(person)` confirms the seal with `\(method.rawValue)`"]
        case .sealed(let manifest, _, let persons):
            let confirmed = Set(entry.world.confirmations[manifest] ?? [])
            let isRight =
                entry.world.unsealed && confirmed.count >= 2 && Set(persons) == confirmed
            return isRight ? [] : ["sealed by \(confirmed.count) persons"]
        case .recovered: return entry.world.unsealed ? ["recovered without a seal"] : []
        }
    }

    /// Who changes the rules, and what a credential may not do after the seal.
    private static func decision(
        _ event: ActionEvent, _ id: ActionID, _ entry: SimulatedEntry,
        _ history: SimulatedHistory
    ) -> [String] {
        let isGovernance = history.submissions[id]?.isGovernance ?? false
        let sealed = !entry.world.unsealed
        switch event {
        case .submitted(let submission):
            let isAllowed =
                submission.decision == .deny
                || (submission.requester.isPerson && submission.decision == .review)
            return isGovernance && sealed && !isAllowed
                ? ["\(id): the rules may change without a review, or by an agent"] : []
        case .decided(let decision, _):
            guard sealed else { return [] }
            var problems: [String] = []
            if decision.method == .link { problems.append("\(id): a link decided") }
            if isGovernance, decision.assurance < .console || decision.channel.isChat {
                problems.append("\(id): the rules are changed with less than a sign-in")
            }
            return problems
        default: return []
        }
    }

    // MARK: the record

    /// Refused attempts that must be entries; the others change and tell nothing.
    private static let attempts: Set<String> = [
        "approve", "deny", "breakglass", "claim", "cancel", "withdraw", "revoke",
    ]
    private static let recorded: Set<String> = [
        "not_a_reviewer", "self_approval", "not_eligible", "already_decided", "assurance_too_low",
        "not_shown_in_full", "reason_required", "wrong_gate", "not_requester", "not_linked",
        "not_in_chat", "credential_shown", "credential_too_new", "signature_invalid", "debt_open",
    ]

    static func invariant14_everythingIsAnEntry(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for entry in history.newEntries {
            let position = Int(entry.index)
            guard position < history.entries.count, history.entries[position].index == entry.index
            else {
                problems.append("entry \(entry.index): the indexes have a gap")
                continue
            }
            if position > 0, history.entries[position - 1].at > entry.at {
                problems.append("entry \(entry.index): time goes backwards")
            }
            let before = history.predecessor(of: entry)
            if entry.seq != (before.map { $0.seq + 1 } ?? 0)
                || entry.previous != (before?.leaf ?? .zero)
            {
                problems.append("entry \(entry.index): does not follow in `\(entry.ref)`")
            }
        }
        for refusal in history.newRefusals
        where attempts.contains(refusal.attempt) && recorded.contains(refusal.code) {
            let chain = history.chain(refusal.action.text)
            let isNoted = chain.contains { entry in
                guard (refusal.from..<refusal.to).contains(entry.index),
                    case .action(_, _, .refused(let principal, _, let code)) = entry.event
                else { return false }
                return principal == refusal.principal && code == refusal.code
            }
            if !isNoted, chain.count < Int(Limits.chainEntries) {
                problems.append(
                    "\(refusal.action): \(refusal.attempt) was refused with `\(refusal.code)`, "
                        + "and no entry says so")
            }
        }
        for answer in history.newAnswers {
            let chain = history.chain(answer.action.text)
            let version = Int(answer.version)
            if version < 1 || version > chain.count || chain[version - 1].leaf != answer.tip {
                problems.append("\(answer.action): an answer that the entries do not bear out")
            }
        }
        return problems
    }

    static func invariant15_stateFollowsFromEntries(_ history: SimulatedHistory) -> [String] {
        history.newStored.compactMap { stored in
            switch stored.fact {
            case .row(let id, let status, let replayed, let isSame):
                return status == replayed && isSame && history.review(id)?.status == status
                    ? nil : "\(id): the row says `\(status.rawValue)`, the entries do not"
            case .head(let size, let root, let counted, let computed):
                return size == counted && root == computed
                    ? nil : "the signed tree of \(size) is not the one over the entries"
            case .edited(let id, let letPass):
                return letPass ? "\(id): an edited row let something pass" : nil
            case .directory(let digest, let computed):
                return digest == computed ? nil : "the directory is not what its entry names"
            }
        }
    }

    static func invariant16_approvedWasShownInFull(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for (entry, id, event) in history.newEvents {
            switch event {
            case .submitted, .revised:
                guard let after = entry.after, after.requirement != nil,
                    let redrawn = entry.redrawn
                else { continue }
                if redrawn.digest != after.rendering || redrawn.isComplete != after.isShownInFull {
                    problems.append("\(id): shown is not what the renderer gives")
                }
            case .decided(let decision, _):
                guard decision.kind == .approve else { continue }
                if entry.before?.isShownInFull != true {
                    problems.append("\(id): approved, and not shown in full")
                }
                let members = decision.batch.map { history.batches[$0] ?? [] } ?? []
                for member in members where history.review(member)?.isShownInFull != true {
                    problems.append("\(id): approved with \(member), which is not shown in full")
                }
                if decision.batch != nil, !members.contains(id) {
                    problems.append("\(id): approved in a batch that it is not in")
                }
            case .glassBroken:
                if entry.before?.isShownInFull != true {
                    problems.append("\(id): the glass was broken for what is not shown in full")
                }
            default: break
            }
        }
        return problems
    }
}
