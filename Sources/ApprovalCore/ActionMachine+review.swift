// SPDX-License-Identifier: Apache-2.0

internal import TransparencyLog

/// What happens to a review besides decisions.
extension ActionMachine {
    /// Takes one's own approval back, as long as nothing is cleared.
    package mutating func withdraw(
        by principal: Principal, now: Timestamp
    ) throws -> MachineResult {
        var result = MachineResult()
        try letTimePass(&result, now)
        guard result.refusal == nil else { return result }
        guard case .person(let person) = principal, state.approvers.contains(person) else {
            try refuse(
                Refusal(.notAllowed, "you have no approval here to take back"), principal,
                "withdraw", &result, now)
            return result
        }
        guard state.status == .pending else {
            result.refusal = Refusal(
                .notPending,
                "the action is `\(state.status.rawValue)`: revoke the grant instead, as long as it "
                    + "is unused")
            return result
        }
        try record(.withdrawn(by: person), into: &result.events, now)
        return result
    }

    /// Says something about an action, without deciding.
    ///
    /// A question goes to the requester, whose agent reads it and may answer; a comment is anybody's
    /// who may read the action.
    package mutating func comment(
        _ kind: CommentKind, by principal: Principal, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        guard maySay(kind, principal, surroundings.directory) else {
            try refuse(
                Refusal(
                    .notAllowed,
                    "persons ask and comment, the requester answers, and nobody else"), principal,
                "comment", &result, surroundings.now)
            return result
        }
        guard !state.isFinal else {
            result.refusal = Refusal(.notPending, "the action is `\(state.status.rawValue)`")
            return result
        }
        guard state.comments < Limits.comments else {
            result.refusal = Refusal(
                .tooManyComments, "\(Limits.comments) comments are all that one action has room for"
            )
            return result
        }
        try record(
            .commented(by: principal.description, kind), into: &result.events, surroundings.now)
        return result
    }

    private func maySay(
        _ kind: CommentKind, _ principal: Principal, _ directory: Directory
    ) -> Bool {
        switch principal {
        case .person(let person):
            directory.persons.contains(person)
                && (kind != .answer || chain(directory).contains(person))
        case .agent(let agent):
            kind == .answer && agent == state.submission.requester.agent
        case .gate, .administrator, .action: false
        }
    }

    /// Asks policy again, because something that it depends on has changed (DESIGN §4.12).
    ///
    /// What it denies is invalidated; a review that is now about something else is a new revision;
    /// a grant whose requirement is no longer met is invalidated. Nothing is ever cleared here: that
    /// takes somebody's decision.
    package mutating func reevaluate(
        _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        try letTimePass(&result, surroundings.now)
        result.refusal = nil
        guard state.status == .pending || state.status == .cleared else { return result }
        let verdict = try surroundings.evaluate()
        let standing = standing(verdict, surroundings)
        switch standing {
        case .met, .unmet:
            if try revise(verdict, surroundings, &result) { return result }
            if case .met = standing { return result }
            if state.status == .pending { return result }
        case .denied, .targetChanged: break
        }
        try record(invalidation(verdict, standing.cause), into: &result.events, surroundings.now)
        return result
    }

    /// Begins a new revision if a pending review is about something else by now.
    mutating func revise(
        _ verdict: Verdict, _ surroundings: MachineSurroundings, _ result: inout MachineResult
    ) throws -> Bool {
        guard state.status == .pending, let requirement = verdict.requirement,
            let deadline = state.deadline, requirement != state.requirement
        else { return false }
        let now = surroundings.now
        let next = min(deadline, now.adding(seconds: requirement.expires.seconds))
        let shown = surroundings.render(verdict, next)
        try record(
            .revised(
                ActionEvent.Revision(
                    verdict: verdict.coreJSON, requirement: requirement,
                    policySet: verdict.policySet, directory: verdict.directory, deadline: next,
                    rendering: shown.digest, isShownInFull: shown.isComplete)),
            into: &result.events, now)
        return true
    }

    /// One person's way past a review that there is no time for (DESIGN §8).
    package mutating func breakGlass(
        _ command: BreakGlassCommand, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        let now = surroundings.now
        try letTimePass(&result, now)
        guard result.refusal == nil else { return result }
        let verdict = try surroundings.evaluate()
        switch authorise(command, verdict, surroundings) {
        case .failure(let refusal):
            try refuse(refusal, command.principal, "breakglass", &result, now)
        case .success(let person):
            try record(
                .glassBroken(
                    ActionEvent.BrokenGlass(
                        person: person, channel: command.channel, assurance: command.assurance,
                        method: command.method, rendering: command.rendering,
                        due: now.adding(seconds: Limits.debtSeconds))), into: &result.events, now)
            try record(
                clearance(verdict, approvals: [:], now: now), into: &result.events, now)
        }
        return result
    }

    private func authorise(
        _ command: BreakGlassCommand, _ verdict: Verdict, _ surroundings: MachineSurroundings
    ) -> Result<Handle, Refusal> {
        let person: Handle
        switch reviewer(command.principal, command.expectedDigest, surroundings) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let found): person = found.person
        }
        guard !command.isGovernance else {
            return .failure(
                Refusal(.notAllowed, "changes of this server's own rules always wait for a review"))
        }
        guard !command.channel.isChat, command.assurance >= .console else {
            return .failure(
                Refusal(
                    .assuranceTooLow,
                    "breaking the glass needs a sign-in of the last 10 minutes at the console"))
        }
        if !coreHeader.unsealed, command.isCredentialShown || command.method == .link {
            return .failure(
                Refusal(.credentialShown, "somebody else has seen this credential"))
        }
        // What policy denies stays denied: there must be a review to go past (DESIGN §8).
        guard verdict.decision == .review, let requirement = verdict.requirement else {
            return .failure(
                Refusal(
                    .notAllowed,
                    "policy says `\(verdict.decision.rawValue)` by now: there is no review that "
                        + "breaking the glass would go past"))
        }
        guard mayBreakGlass(person, requirement, surroundings.directory) else {
            return .failure(
                Refusal(.notEligible, "policy does not let `\(person)` break the glass here"))
        }
        guard command.isOfCurrentRendering, command.shownInFull else {
            return .failure(
                Refusal(.notShownInFull, "what can't be shown in full can't be approved"))
        }
        guard command.hasReason else {
            return .failure(Refusal(.reasonRequired, "breaking the glass needs a reason"))
        }
        let debts = surroundings.openDebts
        guard !debts.persons.contains(person),
            !debts.agents.contains(state.submission.requester.agent)
        else {
            return .failure(
                Refusal(
                    .debtOpen,
                    "nobody else has looked at the last time yet: one open break-glass for each "
                        + "person and each agent"))
        }
        return .success(person)
    }

    /// Whether a requirement lets a person pass by himself; he may be the requester.
    func mayBreakGlass(
        _ person: Handle, _ requirement: Requirement, _ directory: Directory
    ) -> Bool {
        requirement.breakGlass.contains { directory.isPerson(person, in: $0) }
    }

    /// Somebody else looks at a break-glass and says what he thinks of it.
    package mutating func settleDebt(
        accepted: Bool, by principal: Principal, hasReason: Bool,
        _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        let directory = surroundings.directory
        guard let debt = state.openDebt else {
            result.refusal = Refusal(.noDebt, "there is no break-glass here to look at")
            return result
        }
        guard case .person(let person) = principal, directory.persons.contains(person),
            person != debt.person, !chain(directory).contains(person),
            isAsked(person, directory) || directory.isAdministrator(person)
        else {
            try refuse(
                Refusal(
                    .notAllowed,
                    "another person settles it: somebody of the groups that were to review, or an "
                        + "administrator, and outside the requester chain"), principal,
                "settle", &result, surroundings.now)
            return result
        }
        guard accepted || hasReason else {
            result.refusal = Refusal(.reasonRequired, "rejecting it needs a reason")
            return result
        }
        try record(
            .debtSettled(accepted: accepted, by: person), into: &result.events, surroundings.now)
        return result
    }
}
