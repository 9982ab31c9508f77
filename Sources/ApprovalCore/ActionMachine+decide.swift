// SPDX-License-Identifier: Apache-2.0

internal import TransparencyLog

extension ActionMachine {
    /// One person's decision, through the one authorisation function for all channels.
    package mutating func decide(
        _ command: DecisionCommand, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        let now = surroundings.now
        try letTimePass(&result, now)
        guard result.refusal == nil else { return result }
        let decision: ReviewDecision
        switch authorise(command, surroundings) {
        case .failure(let refusal):
            try refuse(refusal, command.principal, command.kind.rawValue, &result, now)
            return result
        case .success(let authorised): decision = authorised
        }
        guard command.kind == .approve else {
            try record(
                .decided(decision, rendering: command.rendering), into: &result.events, now)
            return result
        }
        let verdict = try surroundings.evaluate()
        if try revise(verdict, surroundings, &result) {
            result.refusal = Refusal(
                .staleDigest, "policy asks for something else by now: look at it again")
            return result
        }
        try record(.decided(decision, rendering: command.rendering), into: &result.events, now)
        try clearIfMet(verdict, &result, surroundings)
        return result
    }

    /// Records an attempt that is refused.
    mutating func refuse(
        _ refusal: Refusal, _ principal: Principal, _ attempt: String,
        _ result: inout MachineResult, _ now: Timestamp
    ) throws {
        result.refusal = refusal
        try record(
            .refused(
                principal: principal.description, attempt: attempt, code: refusal.code.rawValue),
            into: &result.events, now)
    }

    /// Records that somebody was refused because others have seen his credential (DESIGN §4.13).
    package mutating func refuseShown(
        to principal: Principal, attempt: String, now: Timestamp
    ) throws -> MachineResult {
        var result = MachineResult()
        try refuse(.shownCredential, principal, attempt, &result, now)
        return result
    }

    /// The one function that says whether a decision counts (DESIGN §3.6).
    func authorise(
        _ command: DecisionCommand, _ surroundings: MachineSurroundings
    ) -> Result<ReviewDecision, Refusal> {
        let standing: (person: Handle, requirement: Requirement)
        switch reviewer(command.principal, command.expectedDigest, surroundings) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let found): standing = found
        }
        let (person, requirement) = standing
        let directory = surroundings.directory
        let inChain = chain(directory).contains(person)
        guard !inChain || allowsSelfApproval(surroundings) else {
            return .failure(
                Refusal(.selfApproval, "`\(person)` is in the requester chain of this action"))
        }
        let age = state.age(at: surroundings.now)
        guard !requirement.groups(of: person, in: directory, after: age).isEmpty else {
            let groups = requirement.askedGroups(after: age).map { "`\($0)`" }
            return .failure(
                Refusal(
                    .notEligible,
                    "`\(person)` is in none of the groups asked: "
                        + groups.joined(separator: ", ")))
        }
        guard !state.decisions.contains(where: { $0.person == person }) else {
            return .failure(Refusal(.alreadyDecided, "`\(person)` has decided already"))
        }
        if let refusal = obstacle(inChat: command, person, directory)
            ?? obstacle(inCredentials: command, person)
            ?? obstacle(inContent: command, requirement)
        {
            return .failure(refusal)
        }
        let decision = ReviewDecision(
            person: person, kind: command.kind, channel: command.channel,
            assurance: command.assurance, account: command.account, selfApproved: inChain,
            at: surroundings.now, method: command.method, batch: command.batch,
            signature: command.signature)
        if let why = problem(inSignatureOf: decision, command.rendering, directory) {
            return .failure(Refusal(.signatureInvalid, why))
        }
        return .success(decision)
    }

    /// What is wrong with a passkey's signature, or with there being none.
    func problem(
        inSignatureOf decision: ReviewDecision, _ rendering: Hash256, _ directory: Directory
    ) -> String? {
        guard let signature = decision.signature else {
            return decision.assurance == .passkey
                ? "a decision counts as `passkey` only with the passkey's signature" : nil
        }
        guard decision.assurance == .passkey else {
            return "a signed decision counts as `passkey`"
        }
        let policySet = state.revision?.policySet ?? state.submission.policySet
        guard signature.context.policySet == policySet else {
            return "it signs under other rules than those that asked"
        }
        return signature.problem(
            of: decision, on: state.id, digest: state.digest, rendering: rendering, in: directory)
    }

    /// Who it is that wants to end a review, and what the review asks for.
    func reviewer(
        _ principal: Principal, _ expected: String, _ surroundings: MachineSurroundings
    ) -> Result<(person: Handle, requirement: Requirement), Refusal> {
        guard case .person(let person) = principal else {
            return .failure(
                Refusal(.notAReviewer, "only persons decide, with a credential of their own"))
        }
        guard state.status == .pending, let requirement = state.requirement else {
            return .failure(
                Refusal(.notPending, "the action is `\(state.status.rawValue)`, not pending"))
        }
        guard expected.utf8.count >= 16, state.digest.hex.hasPrefix(expected) else {
            return .failure(
                Refusal(.staleDigest, "the digest is not that of this action: look at it again"))
        }
        guard surroundings.directory.persons.contains(person) else {
            return .failure(Refusal(.notEligible, "`\(person)` is not in the directory"))
        }
        return .success((person, requirement))
    }

    /// What a decision needs besides somebody who may make it.
    private func obstacle(
        inContent command: DecisionCommand, _ requirement: Requirement
    ) -> Refusal? {
        guard command.assurance >= requirement.assurance else {
            let needed = requirement.assurance
            return Refusal(
                .assuranceTooLow,
                "this needs assurance `\(needed.rawValue)`, not `\(command.assurance.rawValue)`: "
                    + (needed == .passkey
                        ? "sign with a passkey on the action's page in the console"
                        : "sign in at the console and decide there"))
        }
        guard command.isOfCurrentRendering else {
            return Refusal(.staleDigest, "what you were shown has changed: look at it again")
        }
        guard command.kind == .deny || command.shownInFull else {
            return Refusal(.notShownInFull, "what can't be shown in full can't be approved")
        }
        guard command.kind == .approve || command.hasReason else {
            return Refusal(.reasonRequired, "a denial needs a reason")
        }
        return nil
    }

    /// What a credential may not do once the installation is sealed (DESIGN §4.13).
    private func obstacle(
        inCredentials command: DecisionCommand, _ person: Handle
    ) -> Refusal? {
        guard !coreHeader.unsealed else { return nil }
        guard !command.isCredentialShown, command.method != .link else {
            return Refusal(
                .credentialShown,
                "somebody else has seen this credential, so it can't decide: sign in by single "
                    + "sign-on or a passkey of your own, or replace the token yourself")
        }
        guard command.isGovernance else { return nil }
        // Whoever could be made a reviewer after the question was asked could be made one for it.
        guard command.wasEligible(person) else {
            return Refusal(
                .notEligible,
                "`\(person)` could not decide when this change was asked for, so not now either")
        }
        guard let since = command.credentialSince, since <= state.submittedAt else {
            return Refusal(
                .credentialTooNew,
                "changes of this server's own rules are decided with a credential that is older "
                    + "than the question")
        }
        return nil
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

    /// Persons who may not decide: as submitted, the agent's owner of today, and after the seal
    /// whoever was shown the credential that asked.
    func chain(_ directory: Directory) -> Set<Handle> {
        var persons = state.submission.requester.chain
        if !coreHeader.unsealed { persons.formUnion(state.submission.requester.shownTo) }
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
            // A passkey that was taken from him meanwhile takes its decisions along.
            if let signature = decision.signature,
                surroundings.directory.passkeys[signature.passkey]?.person != decision.person
            {
                continue
            }
            if excluded.contains(decision.person) {
                guard allowsSelfApproval(surroundings), decision.selfApproved else { continue }
                selfApproved = true
            }
            persons.insert(decision.person)
        }
        return (persons, selfApproved)
    }

    /// Clears, leaves pending, or invalidates, by a fresh verdict (DESIGN §3.7).
    mutating func clearIfMet(
        _ verdict: Verdict, _ result: inout MachineResult, _ surroundings: MachineSurroundings
    ) throws {
        switch standing(verdict, surroundings) {
        case .met(let approvals, let selfApproved):
            let cleared = clearance(
                verdict, approvals: approvals, selfApproved: selfApproved, now: surroundings.now)
            try record(cleared, into: &result.events, surroundings.now)
        case .unmet:
            return
        case .denied, .targetChanged:
            let cause = standing(verdict, surroundings).cause
            try record(invalidation(verdict, cause), into: &result.events, surroundings.now)
        }
    }

    enum Standing {
        case met([Handle: [Handle]], selfApproved: Bool)
        case unmet
        case denied
        case targetChanged

        /// Why an action that stands so is invalidated.
        var cause: String {
            switch self {
            case .met: ""
            case .unmet: "requirement_unmet"
            case .denied: "policy_denies"
            case .targetChanged: Self.changedTarget
            }
        }

        /// What no receipt can show again, for baselines are not in it.
        static let changedTarget = "target_changed"
    }

    /// Whether a fresh verdict lets the action pass with the decisions recorded so far.
    func standing(_ verdict: Verdict, _ surroundings: MachineSurroundings) -> Standing {
        if surroundings.isTargetChanged, verdict.decision != .deny { return .targetChanged }
        switch verdict.decision {
        case .deny: return .denied
        case .allow: return .met([:], selfApproved: false)
        case .review:
            guard let requirement = verdict.requirement else { return .denied }
            if let person = state.debt?.person {
                return mayBreakGlass(person, requirement, surroundings.directory)
                    ? .met([:], selfApproved: false) : .unmet
            }
            let (persons, selfApproved) = countingApprovers(surroundings)
            let strongEnough = persons.filter { person in
                state.decisions.contains {
                    $0.person == person && $0.assurance >= requirement.assurance
                }
            }
            let filled = SlotMatching.match(
                requirement, approvers: strongEnough, in: surroundings.directory,
                after: state.age(at: surroundings.now))
            let met = requirement.slots.allSatisfy {
                (filled[$0.group]?.count ?? 0) == $0.quorum
            }
            return met ? .met(filled, selfApproved: selfApproved) : .unmet
        }
    }
}
