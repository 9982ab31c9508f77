// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import TransparencyLog

/// What happens to a review besides decisions: each must be what the machine would have allowed.
extension ReceiptCheck {
    /// A revision is what policy asked for then, and no more time than before.
    mutating func checkRevision(
        _ revision: ActionEvent.Revision, _ entry: StoryEntry, _ story: inout StoryBeginning
    ) throws {
        let place = entry.place
        require(
            revision.requirement != entry.before.requirement, place,
            "a revision that asks for nothing else")
        let latest = entry.at.adding(seconds: revision.requirement.expires.seconds)
        require(
            entry.before.deadline.map { revision.deadline == min($0, latest) } ?? false, place,
            "the deadline is not what the revision says")
        guard let body = entry.body else {
            story.rendering = nil
            return
        }
        let shown = try body["rendering"].map { try Rendering($0) }
        require(
            shown?.hash == revision.rendering && shown?.isComplete == revision.isShownInFull, place,
            "the rendering is not the one that the core names")
        story.rendering = shown
        guard let action = story.action else { return }
        let judged = try story.law.judge(
            action, at: entry.index, now: entry.at, unsealed: entry.header.unsealed)
        require(
            judged.contains { $0.verdict.coreJSON == revision.verdict }, place,
            "policy and directory in force do not ask for this")
    }

    mutating func checkComment(
        _ principal: String, _ kind: CommentKind, _ entry: StoryEntry, _ story: StoryBeginning
    ) throws {
        let agent = Principal.agent(entry.before.submission.requester.agent).description
        guard !principal.utf8.elementsEqual(agent.utf8) else {
            return require(kind == .answer, entry.place, "agents only answer")
        }
        let directory = try directory(entry, story)
        let person = directory.persons.contains {
            Principal.person($0).description.utf8.elementsEqual(principal.utf8)
        }
        require(person, entry.place, "said by somebody who was not there")
    }

    /// Broken by a person who policy lets do that, signed in, on what was shown in full.
    mutating func checkBrokenGlass(
        _ broken: ActionEvent.BrokenGlass, _ entry: StoryEntry, _ story: StoryBeginning
    ) throws {
        let place = entry.place
        let directory = try directory(entry, story)
        noteBrokenGlass(broken.person)
        require(
            broken.assurance >= .console && !broken.channel.isChat, place,
            "the glass was broken with assurance `\(broken.assurance.rawValue)`")
        require(
            entry.header.unsealed || broken.method != .link, place,
            "the glass was broken after a sign-in by link")
        require(
            broken.due == entry.at.adding(seconds: Limits.debtSeconds), place,
            "the debt is due at another time")
        if let shown = story.rendering {
            require(
                broken.rendering == shown.hash && shown.isComplete, place,
                "the glass was broken for something that was not shown")
        }
        require(
            entry.body.map { $0["reason"]?.stringValue?.isEmpty == false } ?? true, place,
            "the glass was broken without a reason")
        guard let action = story.action else { return }
        require(
            !action.operation.isGovernance, place,
            "the glass was broken for a change of the server's own rules")
        let judged = try story.law.judge(
            action, at: entry.index, now: entry.at, unsealed: entry.header.unsealed)
        let machine = machine(entry)
        require(
            judged.contains { verdict, _ in
                verdict.requirement.map {
                    machine.mayBreakGlass(broken.person, $0, directory)
                } ?? false
            }, place, "policy did not let `\(broken.person)` break the glass")
    }

    mutating func checkDebtSettlement(
        _ person: Handle, _ entry: StoryEntry, _ story: StoryBeginning
    ) throws {
        let directory = try directory(entry, story)
        let machine = machine(entry)
        require(
            directory.persons.contains(person) && entry.before.debt?.person != person
                && !machine.chain(directory).contains(person)
                && (machine.isAsked(person, directory) || directory.isAdministrator(person)),
            entry.place, "`\(person)` may not settle a break-glass here")
    }

    /// A signed decision verifies against the passkey of then; after the seal, what others have seen
    /// decides nothing.
    mutating func checkCredential(
        _ decision: ReviewDecision, _ rendering: Hash256, _ directory: Directory,
        _ entry: StoryEntry, _ story: StoryBeginning
    ) {
        let place = entry.place
        let machine = machine(entry)
        if let why = machine.problem(inSignatureOf: decision, rendering, directory) {
            problem(place, why)
        }
        guard !entry.header.unsealed else { return }
        require(
            decision.method.map { $0 != .link } ?? false, place,
            "decided after a sign-in by a link that somebody else has seen")
        guard let action = story.action, action.operation.isGovernance else { return }
        require(
            decision.method == .openID || decision.method == .passkey, place,
            "a change of the server's own rules was decided with a token")
        guard let before = story.directory, let requirement = entry.before.requirement else {
            return
        }
        require(
            !requirement.groups(
                of: decision.person, in: before, after: requirement.expires.seconds
            ).isEmpty, place,
            "`\(decision.person)` could not decide when this change was asked for")
    }
}
