// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// What all messages say of a card in words of our own.
enum CardWords {
    /// How the action stands, in trusted words only.
    static func state(_ card: ReviewCard) -> String {
        switch card.status {
        case .pending: "Approval needed"
        case .cleared where card.glass != nil: "Cleared"
        case .cleared: card.decisions.contains(where: \.isApproval) ? "Approved" : "Allowed"
        case .claimed: "Executing"
        case .unknown: "Outcome unknown"
        case .denied: "Denied"
        case .expired: "Expired"
        case .cancelled: "Cancelled"
        case .invalidated: "Invalidated"
        case .revoked: "Revoked"
        case .lapsed: "Lapsed"
        case .succeeded: "Executed"
        case .failed: "Failed"
        case .notStarted: "Not started"
        }
    }

    /// The state and how bad it would be to be wrong: all that may stand where text is markup.
    static func trusted(_ card: ReviewCard) -> String {
        let glass =
            switch card.glass {
            case nil: ""
            case .owed: "Glass broken \u{B7} "
            case .overdue: "Glass broken, nobody has looked at it in time \u{B7} "
            case .settled: "Glass broken and looked at \u{B7} "
            }
        return glass + state(card) + (card.severity.map { " \u{B7} \($0.rawValue)" } ?? "")
    }

    /// The state with the names of those who decided; names are untrusted.
    static func headline(_ card: ReviewCard) -> String {
        let persons: [String]
        switch card.status {
        // Approvals that came before were not what cleared it.
        case _ where card.glass != nil: persons = []
        case .cleared: persons = card.decisions.filter(\.isApproval).map(\.person)
        case .denied: persons = card.decisions.filter { !$0.isApproval }.map(\.person)
        default: persons = []
        }
        guard let first = persons.first else { return trusted(card) }
        let others = persons.count == 1 ? "" : " and \(persons.count - 1) more"
        let severity = card.severity.map { " \u{B7} \($0.rawValue)" } ?? ""
        return "\(state(card)) by \(line(first, to: Shortening.leastLimit))\(others)\(severity)"
    }

    /// What is to be done, and to what.
    static func subject(_ card: ReviewCard) -> String {
        "\(line(card.action, to: 160)) on \(line(card.resource, to: 240))"
    }

    /// What a reader must know of the circumstances.
    static func labels(_ card: ReviewCard) -> [String] {
        var labels: [String] = []
        if card.isAdvisory {
            labels.append(
                "Advisory: the agent could run without this gate, and what the gate reports is "
                    + "only a claim.")
        }
        if card.isUnsealed {
            labels.append(
                "Unsealed: one administrator can still change people, policies and gates alone.")
        }
        return labels
    }

    /// Who is asked, who fills which slot, and who decided how.
    static func review(_ card: ReviewCard, _ shortening: Shortening) -> [String] {
        var rows = card.slots.map { slot in
            let names = slot.filled.prefix(Int(Limits.quorum))
                .map { line($0, to: Shortening.leastLimit) }.joined(separator: ", ")
            return Rendering.Row(
                label: line(slot.group, to: Shortening.leastLimit),
                text: "\(slot.filled.count) of \(slot.quorum)"
                    + (names.isEmpty
                        ? "" : ": \(Shortening.cut(names, to: shortening.decisionText))"))
        }
        let earlier = card.decisions.count - shortening.decisions
        if earlier > 0 {
            rows.append(
                Rendering.Row(label: "\u{2026}", text: "\(earlier) earlier decisions left out"))
        }
        rows += card.decisions.suffix(shortening.decisions).map { decision in
            Rendering.Row(
                label: decision.isApproval ? "Approved" : "Denied",
                text: Shortening.cut(said(decision), to: shortening.decisionText))
        }
        return CardText.lines(rows, Shortening.steps[0])
    }

    /// Who decided, where, when and why, on one line.
    static func said(_ decision: ReviewCard.Decision) -> String {
        var text = line(decision.person, to: 160)
        if decision.isSelfApproved { text += ", self-approved" }
        text += ", \(line(decision.channel, to: Shortening.leastLimit)), \(time(decision.at))"
        if let reason = decision.reason, !reason.isEmpty {
            text += ": \(line(reason, to: 4096))"
        }
        return text
    }

    /// What to compare with other surfaces, and until when.
    static func marks(_ card: ReviewCard) -> [String] {
        var marks = ["Digest \(card.shortDigest)", "Action \(card.id)"]
        if let deadline = card.deadline, card.status == .pending {
            marks.append("Until \(time(deadline))")
        }
        return marks
    }

    /// Why a message offers no decision though one is wanted; nil where it may offer it.
    static func obstacle(_ card: ReviewCard, buttons: Bool, isWhole: Bool) -> String? {
        switch card.offer {
        case .nothing: return nil
        case .page(let reason): return "Decide on the page: \(line(reason, to: 480))"
        case .buttons: break
        }
        if !card.rendering.isComplete {
            return "Not all of it can be shown in full, so nobody can approve it. The page says "
                + "what is missing."
        }
        if !isWhole { return "Too long for a message. The page shows all of it; decide there." }
        return buttons ? nil : "Decide on the page."
    }

    /// True if buttons that decide may stand below a message that shows all of the rendering.
    static func offersApproval(_ card: ReviewCard, buttons: Bool, isWhole: Bool) -> Bool {
        buttons && isWhole && card.rendering.isComplete && card.offer == .buttons
            && card.status == .pending
    }

    /// To the second, in UTC, as people read it.
    static func time(_ instant: Timestamp) -> String {
        let text = instant.description
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) UTC"
    }

    /// A text of somebody's on one line.
    ///
    /// Cards promise safe texts; should one break that promise, it is shown escaped.
    static func line(_ text: String, to limit: Int) -> String {
        let isSafe = !text.utf8.contains { $0 < 0x20 } && !VisibleText.isDeceptive(text)
        return Shortening.cut(isSafe ? text : VisibleText.escape(text), to: limit)
    }
}
