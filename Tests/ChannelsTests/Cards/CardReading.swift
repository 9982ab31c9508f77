// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON

/// What a reader sees of a message: titled parts of text, taken from its JSON alone.
struct CardReading {
    var parts: [(title: String, text: String)] = []

    /// Preformatted rich text; a block without a title goes on with the part before it.
    static func slack(_ blocks: JSON) -> CardReading {
        var reading = CardReading()
        for block in blocks.arrayValue ?? [] where block["type"]?.stringValue == "rich_text" {
            for element in block["elements"]?.arrayValue ?? [] {
                let texts = (element["elements"]?.arrayValue ?? []).compactMap {
                    $0["text"]?.stringValue
                }
                if element["type"]?.stringValue == "rich_text_section" {
                    reading.parts.append((texts.joined(), ""))
                } else if !reading.parts.isEmpty {
                    reading.parts[reading.parts.count - 1].text += texts.joined()
                }
            }
        }
        return reading
    }

    /// Lines of fixed width below a bold heading, no-break spaces as the blanks they stand for.
    static func teams(_ card: JSON) -> CardReading {
        var reading = CardReading()
        for block in card["body"]?.arrayValue ?? []
        where block["type"]?.stringValue == "RichTextBlock" {
            let runs = block["inlines"]?.arrayValue ?? []
            let text = runs.compactMap { $0["text"]?.stringValue }.joined()
            let scalars = text.unicodeScalars.map { $0 == "\u{A0}" ? " " : $0 }
            let shown = String(String.UnicodeScalarView(scalars))
            if runs.first?["fontType"]?.stringValue == "Monospace" {
                guard !reading.parts.isEmpty else { continue }
                reading.parts[reading.parts.count - 1].text += shown + "\n"
            } else if runs.first?["weight"]?.stringValue == "Bolder",
                runs.first?["size"] == .none
            {
                reading.parts.append((shown, ""))
            }
        }
        return reading
    }

    var everything: String { parts.map { "\($0.title)\n\($0.text)" }.joined(separator: "\n") }

    /// Why this is not all of `rendering`, byte for byte but for blanks at the beginning of lines
    /// and behind labels; nil where it is.
    func difference(from rendering: Rendering) -> String? {
        var parts = parts.filter { $0.title != "Review" }
        if !rendering.warnings.isEmpty {
            guard let part = parts.first, part.title == "Warnings" else { return "no warnings" }
            parts.removeFirst()
            let pieces = rendering.warnings.flatMap { Self.lines("! " + $0) }
            if let missing = Self.missing(pieces, in: part.text) { return missing }
        }
        guard parts.count == rendering.sections.count else { return "\(parts.count) sections" }
        for (part, section) in zip(parts, rendering.sections) {
            guard part.title.utf8.elementsEqual(section.title.utf8) else { return part.title }
            let pieces = section.rows.flatMap { row in
                Self.lines((row.style == .warning ? "! " : "") + row.label + ":")
                    + Self.lines(row.text)
            }
            if let missing = Self.missing(pieces, in: part.text) { return missing }
        }
        return nil
    }

    private static func lines(_ text: String) -> [ArraySlice<UInt8>] {
        Array(text.utf8).split(separator: 0x0A, omittingEmptySubsequences: false)
    }

    /// The first piece that does not come next in `text`, or what comes after the last.
    private static func missing(_ pieces: [ArraySlice<UInt8>], in text: String) -> String? {
        var rest = Array(text.utf8)[...]
        for piece in pieces {
            let piece = piece.drop { $0 == 0x20 }
            rest = rest.drop { $0 == 0x20 || $0 == 0x0A }
            guard rest.starts(with: piece) else {
                return "missing: \(String(decoding: piece.prefix(200), as: UTF8.self))"
            }
            rest = rest.dropFirst(piece.count)
        }
        rest = rest.drop { $0 == 0x20 || $0 == 0x0A }
        return rest.isEmpty ? nil : "too much: \(String(decoding: rest.prefix(200), as: UTF8.self))"
    }
}
