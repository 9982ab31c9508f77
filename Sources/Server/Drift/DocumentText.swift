// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Console
internal import TransparencyLog

/// Makes documents and their values text for pages: canonical, visible, and cut where too long.
///
/// What is cut says so and by how much, so that nobody takes a part for the whole.
enum DocumentText {
    /// A value in one line, at most `limit` bytes of its visible form.
    static func value(_ json: JSON?, limit: Int) -> DriftValue {
        guard let json else { return DriftValue(text: nil, cut: nil) }
        let bytes = WireBytes.of(json)
        let text = visible(bytes)
        guard text.utf8.count > limit else { return DriftValue(text: text, cut: nil) }
        return DriftValue(
            text: "\(prefix(text, limit))…",
            cut: "cut: \(bytes.count) bytes, SHA-256 \(Hash256.sha256(bytes).hex.prefix(16))")
    }

    /// Text of at most `limit` bytes in one line, visible, with a mark where it was cut.
    static func line(_ text: String, limit: Int) -> String {
        let text = VisibleText.escape(text)
        return text.utf8.count > limit ? "\(prefix(text, limit))…" : text
    }

    /// Whole scalars only: what is cut within one would show as damage.
    fileprivate static func prefix(_ text: String, _ limit: Int) -> String {
        var end = text.utf8.index(text.startIndex, offsetBy: limit)
        while end > text.startIndex, String.Index(end, within: text.unicodeScalars) == nil {
            end = text.utf8.index(before: end)
        }
        return String(text.unicodeScalars[..<end])
    }

    /// Canonical JSON in which whatever could deceive a reader is written as JSON's own escapes.
    ///
    /// It is still the same JSON, and unmistakable: the canonical form itself never escapes these.
    fileprivate static func visible(_ canonical: [UInt8]) -> String {
        let text = String(decoding: canonical, as: UTF8.self)
        guard canonical.contains(where: { !(0x20..<0x7F).contains($0) }) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar.isASCII && scalar != "\u{7F}" || !VisibleText.isDeceptive(String(scalar)) {
                result.append(scalar)
            } else {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    let zeros = String(repeating: "0", count: 4 - digits.utf8.count)
                    result.append(contentsOf: "\\u\(zeros)\(digits)".unicodeScalars)
                }
            }
        }
        return String(result)
    }

    // MARK: documents in lines

    /// The most lines of one document that a page shows, and the most bytes of a line.
    static let lines = 300
    static let lineBytes = 1_000
    /// Lines before the changed place that are shown where not all are.
    private static let context = 40

    /// A document in lines, the members in canonical order; those of the changed place are marked.
    static func lines(_ document: JSON, changed: JSONPointer? = nil) -> [DocumentLine] {
        var layout = Layout(changed: changed?.tokens)
        layout.write(document, before: "", after: "", depth: 0, at: [])
        return cut(layout.lines)
    }

    private static func cut(_ all: [DocumentLine]) -> [DocumentLine] {
        guard all.count > lines else { return all }
        let first = all.firstIndex { $0.kind == .changed } ?? 0
        let start = first + lines - context > all.count ? all.count - lines : first - context
        let shown = max(0, start)..<min(all.count, max(0, start) + lines)
        func omission(_ count: Int) -> [DocumentLine] {
            if count == 0 { return [] }
            let what = count == 1 ? "1 line is" : "\(count) lines are"
            return [DocumentLine(text: "… \(what) not shown", kind: .omission)]
        }
        return omission(shown.lowerBound) + all[shown] + omission(all.count - shown.upperBound)
    }

    private struct Layout {
        let changed: [String]?
        var lines: [DocumentLine] = []

        init(changed: [String]?) { self.changed = changed }

        mutating func write(
            _ json: JSON, before: String, after: String, depth: Int, at path: [String]
        ) {
            switch json {
            case .object(let object) where !object.isEmpty:
                add(before + "{", depth, path)
                for (number, member) in object.enumerated() {
                    write(
                        member.value, before: "\(Self.text(.string(member.key))): ",
                        after: number + 1 < object.count ? "," : "", depth: depth + 1,
                        at: path + [member.key])
                }
                add("}" + after, depth, path)
            case .array(let elements) where !elements.isEmpty:
                add(before + "[", depth, path)
                for (number, element) in elements.enumerated() {
                    write(
                        element, before: "", after: number + 1 < elements.count ? "," : "",
                        depth: depth + 1, at: path + ["\(number)"])
                }
                add("]" + after, depth, path)
            default: add(before + Self.text(json) + after, depth, path)
            }
        }

        private mutating func add(_ text: String, _ depth: Int, _ path: [String]) {
            let isChanged =
                changed.map { changed in
                    path.count >= changed.count
                        && zip(changed, path).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
                } ?? false
            let indent = String(repeating: "  ", count: min(depth, 24))
            let isCut = text.utf8.count > DocumentText.lineBytes
            let shown =
                isCut ? "\(DocumentText.prefix(text, DocumentText.lineBytes))… (cut)" : text
            lines.append(
                DocumentLine(text: indent + shown, kind: isChanged ? .changed : .plain))
        }

        private static func text(_ json: JSON) -> String { visible(WireBytes.of(json)) }
    }
}
