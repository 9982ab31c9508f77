// SPDX-License-Identifier: Apache-2.0

/// Values of one template by name: strings, numbers, Booleans, lists and further values.
///
/// What is absent is `false`, never missing: a name that is missing would be looked up in the
/// surrounding values, and show something that belongs elsewhere.
typealias TemplateValues = [String: Any]

/// The templates that are pages.
enum PageTemplate: String, CaseIterable {
    case signIn = "sign-in"
    case inbox, action, batch, history, drift, deviation
    case driftSource = "drift-source"
    case ledger, policies, directory, channels, account, device, sealing, error

    /// True for pages on which somebody may use a passkey.
    var asksForPasskeys: Bool { self == .signIn || self == .account || self == .action }

    /// The place in the navigation that it is a part of.
    var place: PageTemplate {
        switch self {
        case .deviation, .driftSource: .drift
        case .batch: .inbox
        default: self
        }
    }
}

/// A view model with its page.
protocol TemplatePage {
    var shell: ConsoleShell { get }
    var template: PageTemplate { get }
    var title: String { get }
    var values: TemplateValues { get }
}

/// The value, or `false`, which templates take for absent.
func orAbsent(_ value: Any?) -> Any { value ?? false }

/// The first digits of a hex text in groups of four, for the eye.
///
/// The groups are spaced by style, so that what is copied is the bare hex.
func hexGroups(_ hex: String, count: Int = 16) -> [String] {
    let digits = Array(hex.utf8.prefix(count))
    return stride(from: 0, to: digits.count, by: 4).map { start in
        String(decoding: digits[start..<min(start + 4, digits.count)], as: UTF8.self)
    }
}

/// The lines of a text; a line break at its very end ends the last line and begins none.
func textLines(_ text: String) -> [String] {
    // Scalars, because a line feed after a carriage return is one character with it.
    var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        .map { String($0) }
    if lines.count > 1, lines.last?.isEmpty == true { lines.removeLast() }
    return lines
}

extension ConsoleInstant {
    /// Values for the templates `time`, `ago` and `countdown`.
    func values(now: ConsoleInstant) -> TemplateValues {
        let distance = distance(from: now)
        let isPast = self < now
        return [
            "iso": rfc3339, "text": text, "short": text(shortOn: now),
            "relative": isPast ? "\(distance) ago" : distance,
        ]
    }

    /// Values for a clock that runs out.
    func countdownValues(now: ConsoleInstant) -> TemplateValues {
        var values = values(now: now)
        if self <= now { values["relative"] = "time is up" }
        return values
    }
}

extension ConsoleSeverity {
    /// Values for the template `gauge`: four bars of growing height, lit up to the rank.
    var values: TemplateValues {
        let bars: [TemplateValues] = (0..<4).map { bar in
            [
                "x": bar * 6, "y": 9 - bar * 3, "height": 3 + bar * 3,
                "class": bar < rank ? "bar is-lit" : "bar",
            ]
        }
        return ["name": rawValue, "word": word, "bars": bars]
    }
}

extension ConsoleRequester {
    /// Values for the template `requester`.
    var values: TemplateValues {
        ["agent": agent, "owner": owner.name, "onBehalfOf": orAbsent(onBehalfOf?.name)]
    }
}

extension ConsoleSlot {
    /// Values for the template `slots`.
    ///
    /// Never more than 12 marks are drawn; the numbers beside them are always exact.
    var values: TemplateValues {
        let people = filled.prefix(quorum)
        let marks: [TemplateValues] = (0..<min(max(quorum, 0), 12)).map { place in
            let person = place < people.count ? people[place] : nil
            return ["isFilled": person != nil, "initials": person?.initials ?? ""]
        }
        let names = people.map(\.name).joined(separator: ", ")
        return [
            "group": group, "quorum": quorum, "filledCount": people.count, "marks": marks,
            "names": names.isEmpty ? false : names,
        ]
    }
}

extension ConsolePersonName {
    /// First letters of the first and last word of the name.
    var initials: String {
        let words = name.split(separator: " ")
        let first = words.first?.prefix(1) ?? ""
        let last = words.count > 1 ? words.last?.prefix(1) ?? "" : ""
        return (first + last).uppercased()
    }
}

extension ConsoleShell {
    /// Values for the templates `top` and `bottom`.
    func values(current: PageTemplate) -> TemplateValues {
        [
            "installation": installation, "serverVersion": version, "csrfToken": csrfToken,
            "nowMilliseconds": now.milliseconds,
            "isUnsealed": isUnsealed, "isSingleOperator": isSingleOperator,
            "isAlarmed": isUnsealed || isSingleOperator || !shownDebts.isEmpty,
            "debts": shownDebts.prefix(Self.listedDebts).map { $0.values(now: now) },
            "moreDebts": orAbsent(moreDebts),
            "viewer": orAbsent(viewer?.values(now: now)),
            "notice": orAbsent(notice?.values),
            "navigation": navigation(current: current),
            "inboxURL": ConsolePath.inbox, "historyURL": ConsolePath.history,
            "driftURL": ConsolePath.drift, "ledgerURL": ConsolePath.ledger,
            "policiesURL": ConsolePath.policies, "sealURL": ConsolePath.seal,
            "deviceURL": ConsolePath.device,
            "signOutURL": ConsolePath.signOutForm, "accountURL": ConsolePath.account,
        ]
    }

    /// Banners of one page; beyond that they are counted.
    private static let listedDebts = 3

    /// Strangers are told nothing of who did what; the overdue ones come first.
    private var shownDebts: [ConsoleOpenDebt] {
        guard viewer != nil else { return [] }
        return debts.filter(\.isOverdue) + debts.filter { !$0.isOverdue }
    }

    private var moreDebts: String? {
        let more = shownDebts.count - Self.listedDebts
        return more < 1 ? nil : "\(more) more \(more == 1 ? "waits" : "wait") to be looked at."
    }

    private func navigation(current: PageTemplate) -> [TemplateValues] {
        let places: [(PageTemplate, String, String)] = [
            (.inbox, "Inbox", ConsolePath.inbox), (.history, "History", ConsolePath.history),
            (.drift, "Drift", ConsolePath.drift), (.ledger, "Ledger", ConsolePath.ledger),
            (.policies, "Policies", ConsolePath.policies),
            (.directory, "Directory", ConsolePath.directory),
            (.channels, "Channels", ConsolePath.channels),
        ]
        return places.map { place, label, url in
            let count =
                switch place {
                case .inbox: pendingCount
                case .drift: openDeviations
                default: 0
                }
            return [
                "label": label, "url": url, "isCurrent": place == current.place,
                "count": count > 0 ? count : false,
                "countWord": place == .drift ? "open" : "pending",
            ]
        }
    }
}

extension ConsoleOpenDebt {
    /// Values for the banner in the template `top`.
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "debtor": person.name, "debtURL": ConsolePath.action(action),
            "due": due.values(now: now), "isOverdue": isOverdue,
        ]
    }
}

extension ConsoleViewer {
    /// Values for the viewer in the templates `top` and `bottom`.
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "name": name, "id": id, "isAdministrator": isAdministrator, "assurance": assurance,
            "freshUntil": orAbsent(freshUntil?.values(now: now)),
        ]
    }
}

extension ConsoleNotice {
    /// Values for the notice in the template `top`; errors interrupt a screen reader.
    var values: TemplateValues {
        ["kind": kind.rawValue, "text": text, "role": kind == .success ? "status" : "alert"]
    }
}
