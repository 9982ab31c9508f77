// SPDX-License-Identifier: Apache-2.0

internal import TransparencyLog

extension ActionMachine {
    /// One person's decision, through the one authorisation function for all channels.
    package mutating func decide(
        _ command: DecisionCommand, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        let now = surroundings.now
        try expireIfDue(&result, now)
        guard result.refusal == nil else { return result }
        let attempt = command.kind.rawValue
        switch authorise(command, surroundings) {
        case .failure(let refusal):
            result.refusal = refusal
            try record(
                .refused(
                    principal: command.principal.description, attempt: attempt,
                    code: refusal.code.rawValue), into: &result.events, now)
            return result
        case .success(let decision):
            try record(
                .decided(decision, rendering: command.rendering), into: &result.events, now)
        }
        if command.kind == .approve { try clearIfMet(&result, surroundings) }
        return result
    }

    func authorise(
        _ command: DecisionCommand, _ surroundings: MachineSurroundings
    ) -> Result<ReviewDecision, Refusal> {
        guard case .person(let person) = command.principal else {
            return .failure(
                Refusal(.notAReviewer, "only persons decide, with a credential of their own"))
        }
        guard state.status == .pending, let requirement = state.submission.requirement else {
            return .failure(
                Refusal(.notPending, "the action is `\(state.status.rawValue)`, not pending"))
        }
        let expected = command.expectedDigest
        guard expected.utf8.count >= 16, state.digest.hex.hasPrefix(expected) else {
            return .failure(
                Refusal(.staleDigest, "the digest is not that of this action: look at it again"))
        }
        let directory = surroundings.directory
        guard directory.persons.contains(person) else {
            return .failure(Refusal(.notEligible, "`\(person)` is not in the directory"))
        }
        let inChain = chain(directory).contains(person)
        guard !inChain || allowsSelfApproval(surroundings) else {
            return .failure(
                Refusal(.selfApproval, "`\(person)` is in the requester chain of this action"))
        }
        guard !requirement.groups(of: person, in: directory).isEmpty else {
            let groups = requirement.slots.map { "`\($0.group)`" }.joined(separator: ", ")
            return .failure(
                Refusal(.notEligible, "`\(person)` is in none of the groups asked: \(groups)"))
        }
        guard !state.decisions.contains(where: { $0.person == person }) else {
            return .failure(Refusal(.alreadyDecided, "`\(person)` has decided already"))
        }
        if let refusal = obstacle(inChat: command, person, directory) { return .failure(refusal) }
        guard command.assurance >= requirement.assurance else {
            return .failure(
                Refusal(
                    .assuranceTooLow,
                    "this needs assurance "
                        + "`\(requirement.assurance.rawValue)`, not "
                        + "`\(command.assurance.rawValue)`: "
                        + "sign in at the console and decide there"))
        }
        guard command.kind == .deny || command.shownInFull else {
            return .failure(
                Refusal(.notShownInFull, "what can't be shown in full can't be approved"))
        }
        guard command.kind == .approve || command.hasReason else {
            return .failure(Refusal(.reasonRequired, "a denial needs a reason"))
        }
        return .success(
            ReviewDecision(
                person: person, kind: command.kind, channel: command.channel,
                assurance: command.assurance, account: command.account, selfApproved: inChain,
                at: surroundings.now))
    }

    /// What a chat may not do, whoever presses the button (DESIGN §10).
    ///
    /// That chats never fill a slot at severity `high` and above needs no rule here: those ask for
    /// `console`, and a chat's decision is never more than `chat`.
    private func obstacle(
        inChat command: DecisionCommand, _ person: Handle, _ directory: Directory
    ) -> Refusal? {
        guard command.channel.isChat else {
            return command.account == nil
                ? nil : Refusal(.notAllowed, "an account decides only in its chat")
        }
        guard let account = command.account, directory.accounts[account] == person else {
            return Refusal(.notLinked, "this account is not linked to `\(person)`")
        }
        guard command.assurance == .chat else {
            return Refusal(.notAllowed, "a decision in a chat counts as `chat`")
        }
        return command.isGovernance
            ? Refusal(
                .notInChat,
                "what changes this server's own rules is never decided in a chat: sign in at the "
                    + "console and decide there") : nil
    }

    /// Single-operator mode ends with the seal, whatever the configuration says.
    func allowsSelfApproval(_ surroundings: MachineSurroundings) -> Bool {
        surroundings.singleOperator && coreHeader.unsealed
    }

    /// Persons who may not decide: as submitted, and the agent's owner of today.
    func chain(_ directory: Directory) -> Set<Handle> {
        var persons = state.submission.requester.chain
        if let owner = directory.agents[state.submission.requester.agent] {
            persons.insert(owner)
        }
        return persons
    }

    /// Approvers whose decision still counts with the directory of now.
    func countingApprovers(
        _ surroundings: MachineSurroundings
    ) -> (persons: Set<Handle>, selfApproved: Bool) {
        let excluded = chain(surroundings.directory)
        var persons: Set<Handle> = []
        var selfApproved = false
        for decision in state.decisions where decision.kind == .approve {
            guard surroundings.directory.persons.contains(decision.person) else { continue }
            if excluded.contains(decision.person) {
                guard allowsSelfApproval(surroundings), decision.selfApproved else { continue }
                selfApproved = true
            }
            persons.insert(decision.person)
        }
        return (persons, selfApproved)
    }

    /// Re-evaluates and clears, leaves pending, or invalidates (DESIGN §3.7).
    mutating func clearIfMet(
        _ result: inout MachineResult, _ surroundings: MachineSurroundings
    ) throws {
        let verdict = try surroundings.evaluate()
        switch standing(verdict, surroundings) {
        case .met(let approvals, let selfApproved):
            let cleared = clearance(
                verdict, approvals: approvals, selfApproved: selfApproved, now: surroundings.now)
            try record(cleared, into: &result.events, surroundings.now)
        case .unmet:
            return
        case .denied:
            try record(
                invalidation(verdict, "policy_denies"), into: &result.events,
                surroundings.now)
        }
    }

    enum Standing {
        case met([Handle: [Handle]], selfApproved: Bool)
        case unmet
        case denied
    }

    /// Whether a fresh verdict lets the action pass with the decisions recorded so far.
    func standing(_ verdict: Verdict, _ surroundings: MachineSurroundings) -> Standing {
        switch verdict.decision {
        case .deny: return .denied
        case .allow: return .met([:], selfApproved: false)
        case .review:
            guard let requirement = verdict.requirement else { return .denied }
            let (persons, selfApproved) = countingApprovers(surroundings)
            let strongEnough = persons.filter { person in
                state.decisions.contains {
                    $0.person == person && $0.assurance >= requirement.assurance
                }
            }
            let filled = SlotMatching.match(
                requirement, approvers: strongEnough, in: surroundings.directory)
            let met = requirement.slots.allSatisfy {
                (filled[$0.group]?.count ?? 0) == $0.quorum
            }
            return met ? .met(filled, selfApproved: selfApproved) : .unmet
        }
    }
}
