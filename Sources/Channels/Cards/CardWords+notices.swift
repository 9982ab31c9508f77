// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

extension CardWords {
    /// Who decided last, and what came of it; later, how the action ended.
    static func news(_ card: ReviewCard) -> String {
        let ending = card.ending.map { line($0, to: 480) }
        guard let decision = card.decisions.last, isDecided(card.status), card.glass == nil else {
            return ending.map { "\(card.glass == nil ? state(card) : trusted(card)): \($0)" }
                ?? trusted(card)
        }
        let said =
            "\(decision.isApproval ? "Approved" : "Denied") by "
            + Shortening.cut(said(decision), to: 480)
        guard let ending else { return said }
        return said.hasSuffix(".") ? "\(said) \(ending)" : "\(said). \(ending)"
    }

    /// Whether the last decision is the news.
    private static func isDecided(_ status: ActionStatus) -> Bool {
        switch status {
        case .pending, .cleared, .denied: true
        default: false
        }
    }

    /// What a checkpoint says, one thing to a line.
    static func checkpoint(origin: String, size: UInt64, root: String) -> [String] {
        [
            "Origin: \(line(origin, to: 480))", "Entries: \(size)", "Root: \(line(root, to: 160))",
        ]
    }

    /// That something deviates, and how bad it is: what may stand where text is markup.
    static func trusted(_ alert: DriftAlertText) -> String {
        "Drift \u{B7} \(alert.severity.rawValue)"
    }

    /// Of what, and since when; sources are named by administrators, in letters that are no markup.
    static func subject(_ alert: DriftAlertText) -> String {
        "Source \(alert.source), \(time(alert.at))"
    }

    /// What stands in for an alert where there is no card.
    static func summary(_ alert: DriftAlertText) -> String {
        "\(trusted(alert)): source \(alert.source)"
    }

    /// What was found: one line, or more where so much was cut out of it.
    static func found(_ alert: DriftAlertText) -> [String] {
        CardText.split(line(alert.text, to: 1200))
    }

    /// A signed note with its line feeds; the longest has some dozens of cosignatures.
    static func note(_ note: String) -> String {
        let isSafe =
            !note.utf8.contains { $0 < 0x20 && $0 != 0x0A } && !VisibleText.isDeceptive(note)
        return Shortening.cut(isSafe ? note : VisibleText.escapeLines(note), to: 2800)
    }
}
