// SPDX-License-Identifier: Apache-2.0

/// A table for people: a header, rows, two spaces between columns, nothing after the last one.
struct TextTable: Sendable {
    var header: [String]
    var rows: [[String]]

    /// The lines of the table; cells are escaped here and nowhere else.
    var lines: [String] {
        let cells = ([header] + rows).map { $0.map(TerminalText.escaped) }
        var widths = [Int](repeating: 0, count: header.count)
        for row in cells {
            for (column, cell) in row.enumerated() where column < widths.count {
                widths[column] = max(widths[column], TerminalText.width(cell))
            }
        }
        return cells.map { row in
            let padded = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : TerminalText.padded(cell, to: widths[column])
            }
            return TerminalText.withoutTrailingSpaces(padded.joined(separator: "  "))
        }
    }
}

/// Labels and values, one per line, values aligned; further lines of a value are indented.
struct KeyValueBlock: Sendable {
    private var pairs: [(label: String, value: String)] = []

    init() {}

    mutating func add(_ label: String, _ value: String?) {
        guard let value else { return }
        pairs.append((label, value))
    }

    func lines(indent: Int = 0) -> [String] {
        let labels = pairs.map { TerminalText.escaped($0.label) }
        let column = (labels.map(TerminalText.width).max() ?? 0) + 2
        let margin = String(repeating: " ", count: indent)
        let hanging = String(repeating: " ", count: indent + column)
        var result: [String] = []
        for (label, pair) in zip(labels, pairs) {
            let value = TerminalText.lines(pair.value)
            result.append(margin + TerminalText.padded(label, to: column) + (value.first ?? ""))
            result += value.dropFirst().map { hanging + $0 }
        }
        return result.map(TerminalText.withoutTrailingSpaces)
    }
}
