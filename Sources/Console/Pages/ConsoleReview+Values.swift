// SPDX-License-Identifier: Apache-2.0

extension ConsoleReview {
    /// Values for what an action's page shows besides the decision; forms only where they can work.
    func values(of page: ActionPage) -> TemplateValues {
        let now = page.shell.now
        let isPending = page.state == .pending
        let hasViewer = page.shell.viewer != nil
        func offers(_ form: Form) -> Bool { hasViewer && forms.contains(form) }
        func url(_ form: ConsolePath.ActionForm) -> String {
            ConsolePath.form(form, action: page.id)
        }
        let ofMany = Set(escalations.map(\.insteadOf)).count > 1
        let isOwed = debt.map { $0.settlement == nil } ?? false
        return [
            "isRevised": revisions > 0 && isPending,
            "revisionText": revisions == 1 ? "once" : "\(revisions) times",
            "escalations": isPending ? escalations.map { $0.values(now: now, ofMany) } : [],
            "lookers": isPending ? lookers.map { ["looker": $0.name] as TemplateValues } : [],
            "comments": comments.map { $0.values(now: now) }, "commentCount": comments.count,
            "mayWithdraw": isPending && offers(.withdraw), "mayLook": isPending && offers(.look),
            "mayComment": offers(.comment), "mayAsk": offers(.question),
            "mayAnswer": offers(.answer), "maySay": offers(.comment) || offers(.answer),
            "mayBreakGlass": isPending && offers(.breakGlass),
            "breakGlassObstacle": isPending ? orAbsent(breakGlassObstacle) : false,
            "breakGlassGroups": breakGlassGroups.joined(separator: ", "),
            "maySettleDebt": isOwed && offers(.settleDebt),
            "debt": orAbsent(debt?.values(now: now)),
            "governanceChange": orAbsent(change?.values(isPending: isPending)),
            "withdrawURL": url(.withdraw), "lookURL": url(.look), "commentURL": url(.comment),
            "breakGlassURL": url(.breakGlass), "settleDebtURL": url(.settleDebt),
            "passkeyOptionsURL": url(.passkeyOptions), "decideSignedURL": url(.decideSigned),
        ]
    }
}

extension ConsoleEscalation {
    /// Whose places they may fill is said only where that is not plain.
    func values(now: ConsoleInstant, _ isOfOneOfMany: Bool) -> TemplateValues {
        [
            "group": group, "insteadOf": insteadOf, "from": at.values(now: now),
            "isReached": at <= now, "isOfOneOfMany": isOfOneOfMany,
        ]
    }
}

extension ConsoleComment {
    func values(now: ConsoleInstant) -> TemplateValues {
        let word =
            switch kind {
            case .comment: "says"
            case .question: "asks"
            case .answer: "answers"
            }
        return [
            "author": author.name, "authorID": author.id, "isAgentsWord": isAgent, "word": word,
            "commentKind": kind.rawValue, "commentText": text, "at": at.values(now: now),
        ]
    }
}

extension ConsoleDebt {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "debtor": person.name, "debtorID": person.id, "brokenAt": at.values(now: now),
            "due": due.countdownValues(now: now), "isOverdue": isOverdue && settlement == nil,
            "reason": orAbsent(reason), "isOpen": settlement == nil,
            "settlement": orAbsent(settlement?.values(now: now)),
        ]
    }
}

extension ConsoleDebt.Settlement {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "settler": by.name, "isAccepted": isAccepted, "at": at.values(now: now),
            "reason": orAbsent(reason),
        ]
    }
}

extension ConsoleChange {
    /// Values for the template `change`; what was in force when it was decided is not known here.
    func values(isPending: Bool) -> TemplateValues {
        let files = files.map(\.values)
        return [
            "sentences": sentences, "files": isPending ? files : [],
            "hasComparison": isPending && comparedWith != nil,
            "comparedWith": hexGroups(comparedWith ?? ""),
            "isSame": isPending && comparedWith != nil && files.isEmpty,
            "isOver": !isPending && comparedWith != nil,
        ]
    }
}

extension ConsoleFileChange {
    var values: TemplateValues {
        let diff = LineDiff(before: before ?? "", after: after ?? "")
        let word = before == nil ? "new file" : after == nil ? "file removed" : "changed"
        return [
            "name": name, "word": word, "isCut": diff.isCut,
            "added": diff.lines.count { $0.mark == .added },
            "removed": diff.lines.count { $0.mark == .removed },
            "lines": diff.lines.map { line in
                ["text": line.text, "mark": line.mark.name, "sign": line.mark.sign]
                    as TemplateValues
            },
        ]
    }
}

extension LineDiff.Mark {
    var name: String {
        switch self {
        case .same: "same"
        case .removed: "removed"
        case .added: "added"
        case .skipped: "skipped"
        }
    }

    /// So that a change is told by more than colour.
    var sign: String {
        switch self {
        case .same: " "
        case .removed: "−"
        case .added: "+"
        case .skipped: "…"
        }
    }
}
