// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

extension CardWords {
    /// How the action ended, or who decided last, in one line.
    static func news(_ card: ReviewCard) -> String {
        if let ending = card.ending { return "\(state(card)): \(line(ending, to: 480))" }
        guard let decision = card.decisions.last else { return trusted(card) }
        return "\(decision.isApproval ? "Approved" : "Denied") by "
            + Shortening.cut(said(decision), to: 480)
    }

    /// What a checkpoint says, one thing to a line.
    static func checkpoint(origin: String, size: UInt64, root: String) -> [String] {
        [
            "Origin: \(line(origin, to: 480))", "Entries: \(size)", "Root: \(line(root, to: 160))",
        ]
    }

    /// A signed note with its line feeds; the longest has some dozens of cosignatures.
    static func note(_ note: String) -> String {
        let isSafe =
            !note.utf8.contains { $0 < 0x20 && $0 != 0x0A } && !VisibleText.isDeceptive(note)
        return Shortening.cut(isSafe ? note : VisibleText.escapeLines(note), to: 2800)
    }
}
