// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import TransparencyLog

/// One entry of the action while its story is told.
struct StoryEntry {
    let place: String
    let index: UInt64
    let at: Timestamp
    let header: CoreHeader
    let body: JSON?
    /// The state before it.
    let before: ActionState
}

/// What the first entry gave.
struct StoryBeginning {
    let law: ReceiptLaw
    /// Nil where the body was erased: then policy can't be asked again.
    var action: Action?
    var rendering: Rendering?
    /// When the verdict of the submission was made; an allowed action is cleared by it.
    var evaluatedAt: Timestamp?
    /// The directory at the submission.
    var directory: Directory?
}

extension ReceiptCheck {
    /// Replays the entries and asks of each whether it was right.
    mutating func tell(_ document: ReceiptDocument) {
        var law = ReceiptLaw()
        law.add(document, &self)
        var story = StoryBeginning(law: law)
        var state: ActionState?
        var unsealed = true
        for entry in document.entries {
            do {
                let (header, event) = try ActionEvent.read(entry.core)
                guard header.digest == document.digest else {
                    throw CoreError("names another digest")
                }
                if header.unsealed { noteUnsealed() }
                require(unsealed || !header.unsealed, entry.place, "unsealed after the seal")
                unsealed = header.unsealed
                if entry.recorded.body == nil { noteErased(entry.recorded.index) }
                let next = try ActionReplay.next(state, header, event, entry.recorded.entry)
                let current = StoryEntry(
                    place: entry.place, index: entry.recorded.index,
                    at: entry.recorded.entry.at, header: header, body: entry.body,
                    before: state ?? next)
                try checkEvent(event, current, &story)
                state = next
            } catch {
                return problem(entry.place, "\(error)")
            }
        }
        guard let state else { return }
        require(
            state.status == document.state, "state",
            "the entries lead to `\(state.status.rawValue)`")
        note(state, story.action)
    }

    private mutating func checkEvent(
        _ event: ActionEvent, _ entry: StoryEntry, _ story: inout StoryBeginning
    ) throws {
        switch event {
        case .submitted(let submission): try checkSubmission(submission, entry, &story)
        case .decided(let decision, let rendering):
            note(decision)
            try checkDecision(decision, rendering: rendering, entry, story)
        case .revised(let revision): try checkRevision(revision, entry, &story)
        case .commented(let principal, let kind): try checkComment(principal, kind, entry, story)
        case .glassBroken(let broken): try checkBrokenGlass(broken, entry, story)
        case .debtSettled(_, let person): try checkDebtSettlement(person, entry, story)
        case .cleared(let clearance): try checkClearance(clearance, entry, story)
        case .claimed(let claim): try checkClaim(claim, entry, story)
        case .invalidated(let cause, let policySet, let directory):
            try checkInvalidation(cause, policySet, directory, entry, story)
        case .cancelled(let principal):
            let requester = entry.before.submission.requester
            let may =
                [Principal.agent(requester.agent)]
                + requester.chain.map(Principal.person)
            require(
                may.contains { $0.description.utf8.elementsEqual(principal.utf8) }, entry.place,
                "cancelled by somebody else than the requester")
        case .revoked(let person): try checkRevocation(person, entry, story)
        case .settled(_, let person): try checkSettlement(person, entry, story)
        // What these say of time and order, the replay has checked.
        case .refused, .reported, .silent, .expired, .lapsed, .withdrawn, .escalated, .debtOverdue:
            break
        }
    }

    // MARK: submission

    private mutating func checkSubmission(
        _ submission: ActionEvent.Submission, _ entry: StoryEntry, _ story: inout StoryBeginning
    ) throws {
        guard
            let evaluatedAt = submission.verdict["evaluatedAt"]?.stringValue.flatMap(Timestamp.init)
        else { throw CoreError("`core.verdict.evaluatedAt`: not an instant") }
        story.evaluatedAt = evaluatedAt
        story.directory = story.law.directory(at: entry.index)
        require(
            evaluatedAt <= entry.at
                && entry.at.seconds(since: evaluatedAt) <= Limits.evaluationAgeSeconds,
            entry.place, "the verdict was made too long before it, or after")
        if let requirement = submission.requirement {
            require(
                submission.deadline == evaluatedAt.adding(seconds: requirement.expires.seconds),
                entry.place, "the deadline is not what the requirement says")
        }
        guard let json = entry.body else { return }
        let body = try SubmissionBody(json)
        let action = body.action
        guard try body.canonicalBytes() == json.canonicalBytes() else {
            throw CoreError("`body`: not in its one form")
        }
        guard action.digest == entry.header.digest, action.id == entry.header.action else {
            throw CoreError("`body.action`: not the action that the core names")
        }
        guard action.operationDigest == submission.operation,
            action.requester == submission.requester, action.gate == submission.gate
        else { throw CoreError("`body.action`: operation, requester or gate differ from the core") }
        story.action = action
        story.rendering = try body.rendering()
        require(
            (story.rendering != nil) == (submission.decision == .review), entry.place,
            "a review, and only a review, has a rendering")
        let judged = try story.law.judge(
            action, at: entry.index, now: evaluatedAt, unsealed: entry.header.unsealed)
        guard let right = judged.first(where: { $0.verdict.coreJSON == submission.verdict }) else {
            let said = judged.map(\.verdict.decision.rawValue).joined(separator: " or ")
            return problem(
                entry.place, "policy and directory in force say `\(said)` and not this verdict")
        }
        require(
            right.verdict.bodyJSON == body.texts, entry.place,
            "the texts of the verdict are not those of the policies")
    }

    // MARK: decisions

    private mutating func checkDecision(
        _ decision: ReviewDecision, rendering: Hash256, _ entry: StoryEntry,
        _ story: StoryBeginning
    ) throws {
        let place = entry.place
        let person = decision.person
        guard let requirement = entry.before.requirement else {
            throw CoreError("decided, but nobody was asked")
        }
        let directory = try directory(entry, story)
        require(
            directory.persons.contains(person), place, "`\(person)` is not a person there")
        require(
            !requirement.groups(
                of: person, in: directory, after: entry.before.age(at: entry.at)
            ).isEmpty, place, "`\(person)` is in none of the groups asked")
        let inChain = machine(entry).chain(directory).contains(person)
        require(
            !inChain || (decision.selfApproved && entry.header.unsealed), place,
            "`\(person)` is in the requester chain")
        require(
            inChain || !decision.selfApproved, place,
            "stamped self-approved, but `\(person)` is not in the requester chain")
        require(
            decision.assurance >= requirement.assurance, place,
            "assurance `\(decision.assurance.rawValue)` is below "
                + "`\(requirement.assurance.rawValue)`")
        checkAccount(decision, directory, entry, story)
        checkCredential(decision, rendering, directory, entry, story)
        if let shown = story.rendering {
            require(rendering == shown.hash, place, "decided on another rendering")
            require(
                decision.kind == .deny || shown.isComplete, place,
                "approved what could not be shown in full")
        }
        if decision.kind == .deny, let body = entry.body {
            require(
                body["reason"]?.stringValue?.isEmpty == false, place, "a denial without a reason")
        }
    }

    /// A chat's decision is by an account that was linked to that person then.
    private mutating func checkAccount(
        _ decision: ReviewDecision, _ directory: Directory, _ entry: StoryEntry,
        _ story: StoryBeginning
    ) {
        guard decision.channel.isChat else {
            return require(
                decision.account == nil, entry.place, "an account decided outside its chat")
        }
        let linked = decision.account.flatMap { directory.accounts[$0] }
        require(
            linked == decision.person, entry.place,
            "the account was not linked to `\(decision.person)`")
        require(
            decision.assurance == .chat, entry.place,
            "a decision in a chat with assurance `\(decision.assurance.rawValue)`")
        if let action = story.action {
            require(
                !action.operation.isGovernance, entry.place,
                "a change of the server's own rules was decided in a chat")
        }
    }

    /// The machine as it stood before an entry: what it asks of people is asked again.
    func machine(_ entry: StoryEntry) -> ActionMachine {
        ActionMachine(state: entry.before, unsealed: entry.header.unsealed)
    }

    func directory(_ entry: StoryEntry, _ story: StoryBeginning) throws -> Directory {
        guard let directory = story.law.directory(at: entry.index) else {
            throw CoreError("no directory before it is here")
        }
        return directory
    }

    // MARK: other persons

    private mutating func checkRevocation(
        _ person: Handle, _ entry: StoryEntry, _ story: StoryBeginning
    ) throws {
        let directory = try directory(entry, story)
        require(
            machine(entry).mayRevoke(person, directory), entry.place, "`\(person)` may not revoke")
    }

    private mutating func checkSettlement(
        _ person: Handle, _ entry: StoryEntry, _ story: StoryBeginning
    ) throws {
        let directory = try directory(entry, story)
        let inChain = machine(entry).chain(directory).contains(person)
        require(
            directory.persons.contains(person) && (!inChain || entry.header.unsealed),
            entry.place, "`\(person)` may not settle this")
        if inChain { noteSelfApproved() }
    }
}
