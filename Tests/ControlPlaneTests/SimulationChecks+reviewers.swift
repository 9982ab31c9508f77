// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import TransparencyLog

/// Who decides.
extension SimulationChecks {
    static func invariant05_nobodyApprovesHisOwn(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for (entry, id, event) in history.newEvents {
            guard let before = entry.before else { continue }
            let world = entry.world
            let chain = before.chain(world)
            let mayApproveOwn = world.singleOperator && world.unsealed
            switch event {
            case .decided(let decision, _):
                let isOwn = chain.contains(decision.person)
                if isOwn, !mayApproveOwn || !decision.selfApproved {
                    problems.append("\(id): `\(decision.person)` decided on his own request")
                }
                if !isOwn, decision.selfApproved {
                    problems.append("\(id): stamped as self-approved, and it was not")
                }
            case .cleared(let clearance):
                let own = Set(clearance.approvals.values.joined()).intersection(chain)
                if !own.isEmpty, !mayApproveOwn || !clearance.selfApproved {
                    problems.append("\(id): cleared by \(own.sorted()), who asked for it")
                }
                if clearance.selfApproved, own.isEmpty || !mayApproveOwn {
                    problems.append("\(id): cleared as self-approved where nobody may")
                }
                problems += brokenGlass(clearance, entry, history)
            case .debtSettled(_, let person):
                if chain.contains(person) || person == before.debt?.person {
                    problems.append("\(id): `\(person)` settled his own debt")
                }
                if !world.directory.persons.contains(person) {
                    problems.append("\(id): `\(person)`, who is nobody, settled a debt")
                }
            case .settled(_, let person):
                if chain.contains(person), !mayApproveOwn {
                    problems.append("\(id): `\(person)` settled what he asked for")
                }
            default: break
            }
        }
        return problems
    }

    /// The only other way past a review (DESIGN §8): what must be so where the glass was broken.
    private static func brokenGlass(
        _ clearance: ActionEvent.Clearance, _ entry: SimulatedEntry, _ history: SimulatedHistory
    ) -> [String] {
        guard let person = clearance.breakGlass else { return [] }
        let id = entry.ref
        guard let before = entry.before, let broken = before.debt, before.isDebtOpen,
            broken.person == person
        else { return ["\(id): cleared by a broken glass without a debt"] }
        var problems: [String] = []
        if !clearance.approvals.isEmpty || clearance.selfApproved {
            problems.append("\(id): a broken glass, and approvals at once")
        }
        if broken.assurance < .console || broken.channel.isChat {
            problems.append("\(id): the glass was broken with `\(broken.assurance.rawValue)`")
        }
        if history.predecessor(of: entry)?.hasReason != true {
            problems.append("\(id): the glass was broken without a reason")
        }
        if !entry.world.directory.persons.contains(person) {
            problems.append("\(id): `\(person)`, who is nobody, broke the glass")
        }
        if history.submissions[before.action(entry)]?.isGovernance != false {
            problems.append("\(id): the glass was broken for a change of this server's own rules")
        }
        guard let verdict = entry.verdict, verdict.decision == .review,
            let requirement = verdict.requirement
        else { return problems + ["\(id): the glass was broken past what policy denies or allows"] }
        let mayBreak = requirement.breakGlass.contains {
            entry.world.directory.groups[$0]?.contains(person) == true
        }
        if !mayBreak { problems.append("\(id): policy lets `\(person)` break no glass") }
        let others = history.debts(before: entry)
        if others.contains(where: {
            $0.id.text != id
                && ($0.person == person || $0.agent == before.submission?.requester.agent)
        }) {
            problems.append("\(id): another debt of the same person or agent is open")
        }
        return problems
    }

    static func invariant06_quorumsCountPersons(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for (entry, id, event) in history.newEvents {
            guard let before = entry.before else { continue }
            if case .decided(let decision, _) = event {
                if before.denial != nil { problems.append("\(id): decided after a denial") }
                if before.approvals.contains(where: { $0.person == decision.person }) {
                    problems.append("\(id): `\(decision.person)` decided twice")
                }
            }
            guard case .cleared(let clearance) = event else { continue }
            if before.denial != nil { problems.append("\(id): cleared after a denial") }
            guard clearance.verdict == .review, clearance.breakGlass == nil else { continue }
            let filled = clearance.approvals.values.flatMap { $0 }
            if Set(filled).count != filled.count {
                problems.append("\(id): one person fills two slots")
            }
            let standing = Set(before.approvals.map(\.person))
            if !Set(filled).isSubset(of: standing) {
                problems.append("\(id): an approval that nobody gave, or that does not stand")
            }
            guard let requirement = entry.verdict?.requirement else {
                problems.append("\(id): cleared by a review that policy does not ask for")
                continue
            }
            problems += slots(clearance, requirement, entry, before).map { "\(id): \($0)" }
        }
        return problems
    }

    /// Whether each slot is filled, by persons who may fill it and are sure enough.
    private static func slots(
        _ clearance: ActionEvent.Clearance, _ requirement: Requirement, _ entry: SimulatedEntry,
        _ before: SimulatedReview
    ) -> [String] {
        var problems: [String] = []
        let age = entry.at.seconds(since: before.submittedAt)
        if Set(clearance.approvals.keys) != Set(requirement.slots.map(\.group)) {
            problems.append("other groups are filled than are asked")
        }
        for slot in requirement.slots {
            let persons = clearance.approvals[slot.group] ?? []
            if persons.count != slot.quorum {
                problems.append("\(persons.count) of \(slot.quorum) in `\(slot.group)`")
            }
            let groups =
                [slot.group]
                + slot.escalations.filter { $0.after.seconds <= age }.map(\.group)
            for person in persons {
                let isMember = groups.contains {
                    entry.world.directory.groups[$0]?.contains(person) == true
                }
                if !isMember { problems.append("`\(person)` is not in `\(slot.group)`") }
                let assurance = before.approvals.last { $0.person == person }?.assurance
                if (assurance ?? .token) < requirement.assurance {
                    problems.append("`\(person)` is less sure than is asked")
                }
            }
        }
        return problems
    }

    static func invariant07_onlyPersonsReview(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for (entry, id, event) in history.newEvents {
            let named: [Handle] =
                switch event {
                case .decided(let decision, _): [decision.person]
                case .glassBroken(let broken): [broken.person]
                case .debtSettled(_, let person), .settled(_, let person): [person]
                case .cleared(let clearance): clearance.approvals.values.flatMap { $0 }
                default: []
                }
            let directory = entry.world.directory
            for person in named
            where !directory.persons.contains(person) || directory.agents[person] != nil
                || directory.gates.contains(person)
            {
                problems.append("\(id): \(entry.kind) by `\(person)`, who is no person")
            }
        }
        return problems
    }

    static func invariant08_emptyAndUnknownMeanDeny(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for (entry, id, event) in history.newEvents {
            let world = entry.world
            let decision: Verdict.Decision
            let requirement: Requirement?
            switch event {
            case .submitted(let submission):
                (decision, requirement) = (submission.decision, submission.requirement)
                if decision != entry.verdict?.decision || requirement != entry.verdict?.requirement
                {
                    problems.append("\(id): judged `\(decision.rawValue)`, and policy says not so")
                }
            case .cleared(let clearance):
                (decision, requirement) = (clearance.verdict, entry.verdict?.requirement)
                if decision == .review, clearance.breakGlass == nil,
                    clearance.approvals.values.allSatisfy(\.isEmpty)
                {
                    problems.append("\(id): a review without an approval")
                }
            case .revised(let revision):
                (decision, requirement) = (.review, revision.requirement)
            default: continue
            }
            guard decision != .deny else { continue }
            let failed = (entry.verdict?.errors ?? []).map(\.policy).filter {
                world.hardForbids.contains($0)
                    || ["gate", "floor", "request", "review"].contains($0)
            }
            if !failed.isEmpty { problems.append("\(id): passed although \(failed) failed") }
            if entry.verdict == nil { problems.append("\(id): passed, and nobody knows why") }
            guard decision == .review else { continue }
            guard let requirement, requirement.slots.allSatisfy({ $0.quorum >= 1 }) else {
                problems.append("\(id): a review that asks nobody")
                continue
            }
            let excluded: Set<Handle> =
                world.singleOperator && world.unsealed ? [] : entry.after?.chain(world) ?? []
            if case .submitted = event,
                !SimulatedReview.canFill(
                    requirement, Array(world.directory.persons.subtracting(excluded)),
                    world.directory, after: requirement.expires.seconds)
            {
                problems.append("\(id): a review that nobody can satisfy")
            }
        }
        return problems
    }
}

extension SimulatedReview {
    /// The action's id, by the chain that an entry is in.
    func action(_ entry: SimulatedEntry) -> ActionID {
        if case .action(let id, _, _) = entry.event { return id }
        return ActionID(now: Timestamp(milliseconds: 0), random: (0, 0))
    }
}

extension SimulatedHistory {
    /// Debts that were open just before an entry.
    func debts(
        before entry: SimulatedEntry
    ) -> [(id: ActionID, person: Handle, agent: Handle)] {
        broken.compactMap { id in
            let chain = chain(id.text).filter { $0.index < entry.index }
            guard let review = chain.last?.after, review.isDebtOpen, let debt = review.debt,
                let agent = review.submission?.requester.agent
            else { return nil }
            return (id, debt.person, agent)
        }
    }
}
