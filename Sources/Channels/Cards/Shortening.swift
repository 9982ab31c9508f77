// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// How much of a card a message shows: all of it, or visibly less where there is no room.
///
/// Messages try one step after the other and take the first that fits. A step is the same for
/// every text, so that nobody can make one text vanish by making another one long.
struct Shortening: Sendable, Hashable {
    /// UTF-16 code units of one text.
    let text: Int
    /// UTF-16 code units of one label or title.
    let label: Int
    /// Rows of one section.
    let rows: Int
    let sections: Int
    let warnings: Int
    /// The latest decisions that are listed, and the UTF-16 code units of what is said of one.
    ///
    /// Limited in every step: a reviewer's long reason must not take the room of what is reviewed.
    let decisions: Int
    let decisionText: Int

    private init(
        text: Int, label: Int, rows: Int, sections: Int, warnings: Int, decisions: Int,
        decisionText: Int
    ) {
        self.text = text
        self.label = label
        self.rows = rows
        self.sections = sections
        self.warnings = warnings
        self.decisions = decisions
        self.decisionText = decisionText
    }

    /// True if nothing of `rendering` is left out.
    func showsAll(of rendering: Rendering) -> Bool {
        rendering.warnings.count <= warnings && rendering.sections.count <= sections
            && rendering.warnings.allSatisfy { $0.utf16.count <= text }
            && rendering.sections.allSatisfy { section in
                section.rows.count <= rows && section.title.utf16.count <= label
                    && section.rows.allSatisfy {
                        $0.label.utf16.count <= label && $0.text.utf16.count <= text
                    }
            }
    }

    /// From everything to nothing but a count of what is missing, which fits everywhere.
    static let steps: [Shortening] = [
        whole(decisions: 8, decisionText: 480),
        whole(decisions: 4, decisionText: 160),
        Shortening(
            text: 2048, label: 256, rows: 96, sections: 8, warnings: 16, decisions: 4,
            decisionText: 160),
        Shortening(
            text: 768, label: 192, rows: 48, sections: 8, warnings: 8, decisions: 4,
            decisionText: 160),
        Shortening(
            text: 256, label: 128, rows: 24, sections: 4, warnings: 8, decisions: 2,
            decisionText: 160),
        Shortening(
            text: 160, label: 96, rows: 12, sections: 4, warnings: 4, decisions: 2,
            decisionText: 96),
        Shortening(
            text: 96, label: 96, rows: 8, sections: 4, warnings: 2, decisions: 1,
            decisionText: 96),
        Shortening(
            text: 96, label: 96, rows: 0, sections: 0, warnings: 0, decisions: 0,
            decisionText: 96),
    ]

    private static func whole(decisions: Int, decisionText: Int) -> Shortening {
        Shortening(
            text: .max, label: .max, rows: .max, sections: .max, warnings: .max,
            decisions: decisions, decisionText: decisionText)
    }

    /// The form with the most in it that `fits`; the last and shortest one in any case.
    static func longest<Form>(
        _ make: (Shortening) -> Form, that fits: (Form) -> Bool
    ) -> Form {
        for step in steps.dropLast() {
            let form = make(step)
            if fits(form) { return form }
        }
        return make(steps[steps.count - 1])
    }

    /// `text` within `limit` UTF-16 code units: its head and its tail, and how much is missing
    /// between them, on a line of its own where the text has several.
    ///
    /// There the tail begins with an ellipsis, because it may begin amid a line and must not pass
    /// for a new one.
    static func cut(_ text: String, to limit: Int) -> String {
        guard text.utf8.count > limit, text.utf16.count > limit else { return text }
        precondition(limit >= leastLimit, "no room to say what is missing")
        // Reserved for the words between, whose numbers are not known yet.
        let kept = limit - 64
        let scalars = text.unicodeScalars
        let head = String(scalars[..<end(of: scalars, units: kept - kept / 3)])
        let tail = String(scalars[start(of: scalars, units: kept / 3)...])
        let total = scalars.count
        let missing = total - head.unicodeScalars.count - tail.unicodeScalars.count
        let note = "\u{2026} \(missing) of \(total) characters left out \u{2026}"
        return text.utf8.contains(0x0A)
            ? "\(head)\u{2026}\n\(note)\n\u{2026}\(tail)" : "\(head) \(note) \(tail)"
    }

    /// The smallest limit of ``cut(_:to:)``.
    static let leastLimit = 96

    private static func end(
        of scalars: String.UnicodeScalarView, units: Int
    ) -> String.UnicodeScalarView.Index {
        var left = units
        return scalars.firstIndex { scalar in
            left -= UTF16.width(scalar)
            return left < 0
        } ?? scalars.endIndex
    }

    private static func start(
        of scalars: String.UnicodeScalarView, units: Int
    ) -> String.UnicodeScalarView.Index {
        var left = units
        var start = scalars.endIndex
        while start > scalars.startIndex {
            let before = scalars.index(before: start)
            left -= UTF16.width(scalars[before])
            if left < 0 { break }
            start = before
        }
        return start
    }
}
