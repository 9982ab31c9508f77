// SPDX-License-Identifier: Apache-2.0

extension ConsoleRendering.Section {
    var values: TemplateValues {
        // In *Why* every word is the agent's, so the fence is around the section; elsewhere each
        // claim carries its own note.
        let isWhy = kind == .why
        return [
            "kind": kind.rawValue, "sectionTitle": title, "isClaim": isWhy,
            "rows": rows.map { row in
                row.values(isWithinFence: isWhy)
            },
        ]
    }
}

extension ConsoleRendering.Row {
    /// Verbatim text goes out line by line, so that a line that the screen wraps never looks like
    /// two: wrapped parts hang, and more than one line is numbered.
    func values(isWithinFence: Bool) -> TemplateValues {
        let lines = textLines(text)
        return [
            "label": label, "text": text, "style": style.rawValue,
            "isFenced": style == .claim && !isWithinFence,
            "isVerbatim": style == .code || style == .claim,
            "isNumbered": style == .code && lines.count > 1, "lines": lines,
        ]
    }
}

extension ConsoleState {
    /// Values for the template `seal`: `L.S.` (*locus sigilli*, the place of the seal) while open.
    var sealValues: TemplateValues {
        let word =
            switch self {
            case .pending, .submitted: "L.S."
            case .notStarted: "NOT STARTED"
            case .unknown, .unrecognised: "?"
            default: rawValue.uppercased()
            }
        return Console.sealValues(word, isStruck: tone == "bad" || tone == "void")
    }
}

/// Values for the template `seal`: the longer the word, the smaller.
func sealValues(_ word: String, isStruck: Bool) -> TemplateValues {
    let size =
        switch word.utf8.count {
        case ...1: 30
        case ...4: 19
        case ...7: 13
        case ...9: 10
        default: 8
        }
    return [
        "sealWord": word, "sealSize": size, "sealY": size / 3 + 1, "isStruck": isStruck,
    ]
}

extension ConsoleReason {
    var values: TemplateValues {
        let word = isReview ? "asks for review" : effect == "permit" ? "permits" : "forbids"
        return [
            "policy": policy, "effect": word,
            "effectClass": isReview ? "review" : effect == "permit" ? "permit" : "forbid",
            "severity": orAbsent(severity?.values), "reason": orAbsent(reason),
            "advice": orAbsent(advice),
        ]
    }
}

extension ConsoleDecision {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "name": person.name, "person": person.id, "word": isApproval ? "approved" : "denied",
            "channel": channel, "assurance": assurance, "reason": orAbsent(reason),
            "at": at.values(now: now), "isSelfApproved": isSelfApproved, "isLapsed": isLapsed,
            "isWithdrawn": isWithdrawn, "isSigned": isSigned,
        ]
    }
}

extension ConsoleClaim {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "gate": gate, "nonce": nonce, "at": at.values(now: now),
            "startBy": startBy.values(now: now), "index": index,
            "entryURL": ConsolePath.entry(index),
        ]
    }
}

extension ConsoleOutcome {
    func values(now: ConsoleInstant) -> TemplateValues {
        let state = ConsoleState(wire: status)
        return [
            "word": state.word, "tone": state.tone, "isClaim": isClaim,
            "exitCode": orAbsent(exitCode.map { "\($0)" }), "detail": orAbsent(detail),
            "resultDigest": orAbsent(resultDigest), "reportedBy": reportedBy,
            "at": at.values(now: now),
        ]
    }
}

extension ConsoleTimelineEntry {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "index": index, "kind": kind, "summary": orAbsent(summary), "at": at.values(now: now),
            "entryURL": ConsolePath.entry(index),
        ]
    }
}
