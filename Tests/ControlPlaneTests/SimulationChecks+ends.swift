// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import TransparencyLog

/// How a review ends.
extension SimulationChecks {
    static func invariant09_silenceIsADenial(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for (entry, id, event) in history.newEvents {
            let due = entry.before?.due
            let isLate = due.map { entry.at >= $0 } ?? false
            switch event {
            case .submitted(let submission):
                let isReview = submission.decision == .review
                if isReview, (submission.deadline ?? entry.at) <= entry.at {
                    problems.append("\(id): a review without a deadline that is to come")
                }
            case .decided, .withdrawn, .glassBroken, .claimed:
                if isLate { problems.append("\(id): \(entry.kind) after it was due") }
            case .revised(let revision):
                if isLate || revision.deadline > (due ?? entry.at) {
                    problems.append("\(id): a revision that comes late or gives more time")
                }
            case .expired, .lapsed:
                if !isLate { problems.append("\(id): \(entry.kind) before it was due") }
            case .cleared:
                if isLate { problems.append("\(id): cleared after it was due") }
                let cause = history.predecessor(of: entry)
                if !isDecision(cause, entry) {
                    problems.append("\(id): cleared without anybody's decision")
                }
            default: break
            }
        }
        for sweep in history.newSweeps {
            for (id, due) in sweep.open where due.map({ $0 <= sweep.at }) ?? true {
                problems.append("\(id) is open although its time is over")
            }
        }
        return problems
    }

    /// Whether an entry is what the next one, of the same write, may clear upon.
    private static func isDecision(_ cause: SimulatedEntry?, _ entry: SimulatedEntry) -> Bool {
        guard let cause, cause.at == entry.at, cause.seq + 1 == entry.seq,
            case .action(_, _, let event) = cause.event
        else { return false }
        switch event {
        case .decided(let decision, _): return decision.kind == .approve
        case .glassBroken: return true
        case .submitted(let submission): return submission.decision == .allow
        default: return false
        }
    }

    static func invariant10_onlyWhoMayEndsAReview(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for (entry, id, event) in history.newEvents {
            guard let before = entry.before else { continue }
            let world = entry.world
            switch event {
            case .cancelled(let by):
                let requester = before.submission?.requester
                let mayCancel =
                    ([requester?.owner, requester?.onBehalfOf].compactMap { $0 }).map {
                        Principal.person($0).description
                    } + [requester.map { Principal.agent($0.agent).description } ?? ""]
                if !mayCancel.contains(by) { problems.append("\(id): cancelled by `\(by)`") }
            case .decided(let decision, _):
                let age = entry.at.seconds(since: before.submittedAt)
                let isAsked = (before.requirement?.slots ?? []).contains { slot in
                    ([slot.group]
                        + slot.escalations.filter { $0.after.seconds <= age }.map(\.group))
                        .contains {
                            world.directory.groups[$0]?.contains(decision.person) == true
                        }
                }
                if !isAsked { problems.append("\(id): `\(decision.person)` was not asked") }
            case .revoked(let person):
                let asked = (before.requirement?.slots ?? []).flatMap {
                    [$0.group] + $0.escalations.map(\.group)
                }
                let mayRevoke = (asked + [.administrators]).contains {
                    world.directory.groups[$0]?.contains(person) == true
                }
                if !mayRevoke, !before.chain(world).contains(person) {
                    problems.append("\(id): revoked by `\(person)`")
                }
            case .invalidated(let cause, _, _):
                if !isRight(cause, entry, before, history.submissions[id]) {
                    problems.append("\(id): invalidated for `\(cause)`, which is not so")
                }
            default: break
            }
        }
        for answer in history.newAnswers {
            let statuses = history.review(answer.action)?.statuses ?? []
            let version = Int(answer.version)
            if version < 1 || version > statuses.count || statuses[version - 1] != answer.status {
                problems.append("\(answer.action): told `\(answer.status.rawValue)`")
            }
        }
        return problems
    }

    /// Whether an invalidation's cause is what policy and baselines say.
    private static func isRight(
        _ cause: String, _ entry: SimulatedEntry, _ before: SimulatedReview,
        _ stored: SimulatedSubmission?
    ) -> Bool {
        switch cause {
        case "policy_denies": return entry.verdict?.decision == .deny
        case "target_changed": return isTargetChanged(stored, entry.world)
        case "requirement_unmet":
            return before.status == .cleared
                && !lets(before, entry.verdict, pass: entry.world, at: entry.at)
        default: return false
        }
    }

    static func isTargetChanged(_ stored: SimulatedSubmission?, _ world: SimulatedWorld) -> Bool {
        guard let target = stored?.action.operation.target else { return false }
        return world.baselines[target.source] != target.root
    }

    /// Whether a verdict lets an action pass with the decisions that stand.
    static func lets(
        _ before: SimulatedReview, _ verdict: Verdict?, pass world: SimulatedWorld, at: Timestamp
    ) -> Bool {
        guard let verdict else { return false }
        switch verdict.decision {
        case .deny: return false
        case .allow: return true
        case .review:
            guard let requirement = verdict.requirement else { return false }
            if let broken = before.debt {
                return world.directory.persons.contains(broken.person)
                    && requirement.breakGlass.contains {
                        world.directory.groups[$0]?.contains(broken.person) == true
                    }
            }
            return before.meets(requirement, world, at: at)
        }
    }

    // MARK: what may follow what

    /// Kinds that may come in each state; in one that is over, only these.
    private static let followers: [ActionStatus: Set<String>] = [
        .pending: [
            "action.decided", "action.withdrawn", "action.revised", "action.escalated",
            "action.break-glass", "action.cleared", "action.cancelled", "action.expired",
            "action.invalidated",
        ],
        .cleared: [
            "action.claimed", "action.cancelled", "action.revoked", "action.lapsed",
            "action.invalidated",
        ],
        .claimed: ["action.reported", "action.silent"],
        .unknown: ["action.reported", "action.settled"],
    ]

    static func invariant11_firstEndWins(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for (entry, id, event) in history.newEvents {
            guard let before = entry.before else {
                if entry.kind != "action.submitted" {
                    problems.append("\(id): begins with \(entry.kind)")
                }
                continue
            }
            switch event {
            case .refused: break
            case .submitted: problems.append("\(id): submitted twice")
            case .commented:
                if before.isOver, !before.isDebtOpen {
                    problems.append("\(id): a comment after the end")
                }
            case .debtOverdue, .debtSettled:
                if !before.isDebtOpen { problems.append("\(id): \(entry.kind) without a debt") }
            default:
                if Self.followers[before.status]?.contains(entry.kind) != true {
                    problems.append("\(id): \(entry.kind) while `\(before.status.rawValue)`")
                }
            }
            guard case .decided(let decision, let rendering) = event else { continue }
            if rendering != before.rendering {
                problems.append("\(id): decided on what is not shown any more")
            }
            if let signature = decision.signature, signature.context.policySet != before.policySet {
                problems.append("\(id): signed under other rules than those that ask")
            }
        }
        for answer in history.newAnswers {
            guard let expected = answer.expected else { continue }
            let digest = history.submissions[answer.action]?.action.digest.hex ?? ""
            if expected.utf8.count < 16 || !digest.hasPrefix(expected) {
                problems.append("\(answer.action): a decision on another digest was taken")
            }
        }
        return problems
    }

    static func invariant12_changesAreAskedAgain(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for (entry, id, event) in history.newEvents {
            let basis: (policySet: Hash256, directory: Hash256)
            let said: Verdict.Decision
            switch event {
            case .cleared(let clearance):
                basis = (clearance.policySet, clearance.directory)
                said = clearance.verdict
            case .claimed(let claim):
                basis = (claim.policySet, claim.directory)
                said = claim.verdict
            default: continue
            }
            let world = entry.world
            if basis.policySet != world.policySet || basis.directory != world.directoryDigest {
                problems.append("\(id): \(entry.kind) by rules that are not in force")
            }
            if said != entry.verdict?.decision {
                problems.append("\(id): \(entry.kind) by another verdict than policy gives now")
            }
            guard let before = entry.before else { continue }
            if !lets(before, entry.verdict, pass: world, at: entry.at) {
                problems.append("\(id): \(entry.kind), and policy of now does not let it pass")
            }
            if isTargetChanged(history.submissions[id], world) {
                problems.append("\(id): \(entry.kind), and its target has changed")
            }
        }
        for sweep in history.newSweeps {
            problems += sweep.denied.map { "\($0) is open although policy denies it by now" }
        }
        return problems
    }
}
