// SPDX-License-Identifier: Apache-2.0

extension DriftPage: TemplatePage {
    var template: PageTemplate { .drift }

    var title: String { openCount > 0 ? "(\(openCount)) Drift" : "Drift" }

    var values: TemplateValues {
        let now = shell.now
        return [
            "headline": headline, "standfirst": standfirst, "isEmpty": sources.isEmpty,
            "sources": sources.map { $0.values(now: now) }, "sourceCount": sources.count,
            "hasDeviations": openCount > 0, "openCount": openCount,
            "cut": openCount > deviations.count
                ? "The worst \(deviations.count) of \(openCount) are shown." : false,
            "deviations": deviations.map { $0.values(now: now) },
            "gaps": gaps.map { $0.values(now: now) }, "gapCount": gapCount,
            "gapCut": gapCount > gaps.count ? "The first \(gaps.count) are shown." : false,
            "rules": rules.map { $0.values(now: now) }, "ruleCount": rules.count,
        ]
    }

    private var headline: String {
        switch openCount {
        case 1: return "One deviation"
        case 2...: return "\(openCount) deviations"
        default: break
        }
        if sources.isEmpty { return "Nothing is watched yet" }
        if !gaps.isEmpty { return "Not everything was seen" }
        let standings = Set(sources.map(\.status))
        if standings.contains(.proposed) { return "A baseline awaits approval" }
        return standings == [.clean] ? "Nothing deviates" : "Not everything was seen"
    }

    private var standfirst: String {
        let rule =
            "What is there is compared with the baseline that a person approved. What no approved "
            + "action explains is listed here."
        if gaps.isEmpty { return rule }
        return rule + " Of what was not seen, nothing is known."
    }
}

extension DriftSourceRow {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "id": id, "url": ConsolePath.driftSource(id), "kind": kind, "scope": scope,
            "statusWord": status.word, "tone": status.tone, "open": open,
            "isAnyOpen": open > 0, "noneOpen": status.noneOpen, "flood": orAbsent(floodText),
            "severity": orAbsent(worst?.values), "version": orAbsent(version),
            "isReproposed": isProposed && version != nil,
            "observedAt": orAbsent(observedAt?.values(now: now)),
        ]
    }

    /// Beyond the limit they are only counted, which must not look like fewer.
    var floodText: String? {
        flood > 0 ? "and \(flood) more than are told apart" : nil
    }
}

extension ConsoleDriftStatus {
    /// What no open deviation means: only where all was compared are there none.
    fileprivate var noneOpen: String {
        switch self {
        case .clean, .drift: "none"
        case .gap: "none seen"
        case .proposed, .notObserved, .unrecognised: "not known"
        }
    }
}

extension DriftValue {
    /// Values for one side of the template `deviation-change`.
    var values: TemplateValues {
        ["text": orAbsent(text), "cutNote": orAbsent(cut)]
    }
}

extension DeviationRow {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "id": id, "url": ConsolePath.deviation(id), "source": source,
            "sourceURL": ConsolePath.driftSource(source), "subject": subject,
            "place": path.isEmpty ? false : path, "severity": severity.values,
            "severityName": severity.rawValue, "verdictWord": verdict.word,
            "verdictTone": verdict.tone, "reason": reason,
            "direction": direction == .neutral ? false : direction.word,
            "isAcknowledged": state == .acknowledged, "was": was.values, "found": found.values,
            "since": since.values(now: now),
        ]
    }
}

extension DriftGapRow {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "source": source, "sourceURL": ConsolePath.driftSource(source),
            "subject": orAbsent(subject), "cause": cause, "detail": detail,
            "since": since.values(now: now), "lastSeen": orAbsent(lastSeen?.values(now: now)),
        ]
    }
}

extension IgnoreRuleRow {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "id": id, "source": orAbsent(source), "subject": subject, "place": place,
            "condition": orAbsent(condition), "reason": reason, "owner": owner, "hits": hits,
            "lastHit": orAbsent(lastHit?.values(now: now)), "expires": expires.values(now: now),
            "mark": orAbsent(mark?.word), "markTone": mark == .expired ? "alarm" : "void",
        ]
    }
}

extension IgnoreRuleRow.Mark {
    /// The word on the page.
    var word: String {
        switch self {
        case .expired: "expired"
        case .expiring: "ends soon"
        case .orphan: "hides nothing"
        }
    }
}

extension BaselineCard {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "version": version, "root": root, "shortRoot": hexGroups(root),
            "parent": parent.map { hexGroups($0) } ?? [], "origin": origin,
            "approvedBy": orAbsent(approvedBy), "at": at.values(now: now),
            "capturedAt": capturedAt.values(now: now),
            "actions": actions.map {
                ["id": $0, "url": ConsolePath.action($0)] as TemplateValues
            },
        ]
    }
}

extension [DocumentLine] {
    /// Whether none are left out: only then do the numbers of lines mean anything.
    var areWhole: Bool { !contains { $0.kind == .omission } }
}

extension DocumentLine {
    /// Values for one line of a block of lines.
    var values: TemplateValues {
        ["text": text, "isChanged": kind == .changed, "isOmission": kind == .omission]
    }
}
