// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// A card as titled lines of text, the same in every message.
///
/// The order is that of DESIGN §9, with warnings before it and the review's progress below policy.
/// A row begins with its label at the margin and everything else is indented, so that no text,
/// whatever line breaks it has, can pass for another row.
struct CardText: Sendable {
    struct Part: Sendable {
        let title: String
        let lines: [String]
        let isWarning: Bool

        init(title: String, lines: [String], isWarning: Bool = false) {
            self.title = title
            self.lines = lines
            self.isWarning = isWarning
        }
    }

    let parts: [Part]
    /// True if all of the rendering's text is in it.
    let isWhole: Bool

    init(_ card: ReviewCard, _ shortening: Shortening) {
        let rendering = card.rendering
        isWhole = shortening.showsAll(of: rendering)
        var parts: [Part] = []
        let warnings = Self.some(rendering.warnings, shortening.warnings) {
            "\u{2026} \($0) of \($1) warnings left out"
        }
        if !warnings.isEmpty {
            let lines = warnings.flatMap {
                Self.indented("! " + Shortening.cut($0, to: shortening.text))
            }
            parts.append(Part(title: "Warnings", lines: lines, isWarning: true))
        }
        let review = Part(title: "Review", lines: CardWords.review(card, shortening))
        let sections = rendering.sections.prefix(shortening.sections)
        let policy = sections.lastIndex { $0.kind == .policy } ?? sections.endIndex - 1
        for (index, section) in sections.enumerated() {
            parts.append(
                Part(
                    title: CardWords.line(section.title, to: shortening.label),
                    lines: Self.lines(section.rows, shortening)))
            if index == policy, !review.lines.isEmpty { parts.append(review) }
        }
        if sections.isEmpty, !review.lines.isEmpty { parts.append(review) }
        self.parts = parts
    }

    /// The lines a reader has to go through.
    var lineCount: Int { parts.reduce(0) { $0 + 1 + $1.lines.count } }

    // MARK: rows

    /// Labels up to this width share a column with their texts.
    private static let column = 20

    static func lines(_ rows: [Rendering.Row], _ shortening: Shortening) -> [String] {
        let rows = some(
            rows.map { row in
                Rendering.Row(
                    label: Shortening.cut(row.label, to: shortening.label),
                    text: Shortening.cut(row.text, to: shortening.text), style: row.style)
            }, shortening.rows,
            { Rendering.Row(label: "\u{2026}", text: "\($0) of \($1) rows left out") })
        let width = rows.lazy.filter(isShort).map { margin($0).unicodeScalars.count }.max() ?? 0
        return rows.flatMap { lines($0, width: width) }
    }

    private static func lines(_ row: Rendering.Row, width: Int) -> [String] {
        let margin = margin(row)
        guard isShort(row) else {
            return indented(margin)
                + (row.text.isEmpty ? [] : split(row.text).map { "  " + $0 })
        }
        let blanks = String(repeating: " ", count: width - margin.unicodeScalars.count + 1)
        return [row.text.isEmpty ? margin : margin + blanks + row.text]
    }

    private static func margin(_ row: Rendering.Row) -> String {
        "\(row.style == .warning ? "! " : "")\(row.label):"
    }

    /// True if a row takes one line of its own.
    private static func isShort(_ row: Rendering.Row) -> Bool {
        row.label.utf8.count <= column && !row.text.utf8.contains(0x0A)
            && !row.label.utf8.contains(0x0A)
    }

    /// A warning or label; of those only what was shortened has several lines.
    private static func indented(_ text: String) -> [String] {
        let lines = split(text)
        return [lines[0]] + lines.dropFirst().map { "  " + $0 }
    }

    /// By bytes: to `Character` a line feed before a combining mark is no line feed at all.
    static func split(_ text: String) -> [String] {
        text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
    }

    /// The first and last of `items` if there are more than `limit`, with `missing` between them,
    /// which is told how many are left out and how many there are.
    ///
    /// Sections begin with what matters most, so more of their beginning is kept.
    private static func some<Item>(
        _ items: [Item], _ limit: Int, _ missing: (Int, Int) -> Item
    ) -> [Item] {
        guard items.count > limit else { return items }
        let head = limit - limit / 4
        return items.prefix(head) + [missing(items.count - limit, items.count)]
            + items.suffix(limit / 4)
    }
}
