// SPDX-License-Identifier: Apache-2.0

internal import TransparencyLog

/// Turns untrusted text into lines that can't deceive, and keeps account of how much was shown.
///
/// Three things a reader must be able to rely on: where a value begins and ends (one line in
/// double quotes, or a block in which every line of the value begins with `| `), that two
/// different values never look the same, and that what is missing is said.
struct ShownText {
    /// What a single value may take; a longer one is shown by head and tail.
    private static let valueBytes = 65_536
    /// Of a value that is too long, this much of its beginning and of its end.
    private static let endBytes = 2048
    /// The same once the page is full.
    private static let leastEndBytes = 96
    /// Blank or escaped code points in a row that are still shown one by one.
    private static let longestRun = 32
    /// Empty lines in a row that are still shown one by one.
    private static let blankLines = 4
    private static let maximumWarnings = 64

    private var remaining = Limits.renderedBytes
    private(set) var isComplete = true
    private(set) var warnings: [String] = []
    private var suppressedWarnings = 0

    /// All warnings, with a last line that says how many more there are.
    var allWarnings: [String] {
        suppressedWarnings == 0
            ? warnings : warnings + ["\(suppressedWarnings) more warnings are not listed"]
    }

    mutating func warn(_ text: String) {
        guard !warnings.contains(where: { $0.utf8.elementsEqual(text.utf8) }) else { return }
        guard warnings.count < Self.maximumWarnings else {
            suppressedWarnings += 1
            return
        }
        warnings.append(text)
    }

    /// Says that something is missing; nobody can approve on this rendering any more.
    mutating func omit(_ what: String) {
        isComplete = false
        warn("not shown in full: \(what)")
    }

    // MARK: values

    /// A name, reason or other short text without quotes, on one line.
    mutating func line(_ text: String, in field: String) -> String {
        inspect(text, field)
        return fit(text, field) { Self.collapsed(VisibleText.escape($0)) }
    }

    /// A value in double quotes if it is one line, otherwise as a block of lines.
    mutating func value(_ text: String, in field: String) -> String {
        inspect(text, field)
        return fit(text, field) { part in
            let newline = part.utf8.firstIndex(of: 0x0A)
            let isBlock = newline.map { $0 != part.utf8.index(before: part.utf8.endIndex) }
            return isBlock == true ? Self.block(part, prefix: "| ") : Self.quoted(part)
        }
    }

    /// The agent's own words: every line fenced, so that no text can leave the fence.
    mutating func claim(_ text: String, in field: String) -> String {
        inspect(text, field)
        return fit(text, field) { Self.block($0, prefix: "> ") }
    }

    private mutating func fit(
        _ text: String, _ field: String, _ show: (String) -> String
    ) -> String {
        let size = text.utf8.count
        if size <= Self.valueBytes {
            let whole = show(text)
            let shown = whole.utf8.count
            if shown <= Self.valueBytes * 2, shown <= remaining {
                remaining -= shown
                return whole
            }
        }
        let end = remaining > 16 * Self.endBytes ? Self.endBytes : Self.leastEndBytes
        let head = Self.prefix(text.unicodeScalars, bytes: end)
        let tail = Self.suffix(text.unicodeScalars, bytes: end)
        // Short, but the page is full: its two ends may already be all of it.
        let missing = size - head.utf8.count - tail.utf8.count
        omit("\(field)")
        let digest = Hash256.sha256(Array(text.utf8)).hex
        let parts = [
            show(head),
            "\u{2026} \(max(0, missing)) of \(size) bytes are not shown; SHA-256 of the whole: "
                + digest,
            show(tail),
        ]
        let result = parts.joined(separator: "\n")
        remaining = max(0, remaining - result.utf8.count)
        return result
    }

    private static func prefix(_ scalars: String.UnicodeScalarView, bytes: Int) -> String {
        var size = 0
        let part = scalars.prefix { scalar in
            size += UTF8.width(scalar)
            return size <= bytes
        }
        return String(part)
    }

    private static func suffix(_ scalars: String.UnicodeScalarView, bytes: Int) -> String {
        var size = 0
        var start = scalars.endIndex
        while start > scalars.startIndex {
            let before = scalars.index(before: start)
            size += UTF8.width(scalars[before])
            if size > bytes { break }
            start = before
        }
        return String(scalars[start...])
    }

    private mutating func inspect(_ text: String, _ field: String) {
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F || $0 == 0x0A }
        if !isPlain {
            if VisibleText.isDeceptive(text) {
                warn("\(field) has invisible or deceptive characters, shown as `\\u{…}`")
            }
            if VisibleText.mixesScripts(text) || VisibleText.imitatesLatin(text) {
                warn("\(field) mixes letters of different scripts that look alike")
            }
        }
        if VisibleText.hasPunycode(text) {
            warn("\(field) has an internationalised host name (`xn--`): it may imitate another")
        }
        if Self.hasLongRun(text) {
            warn("\(field) has long runs of blanks, shown as a count")
        }
    }

    private static func hasLongRun(_ text: String) -> Bool {
        var run = 0
        for byte in text.utf8 {
            run = byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D ? run + 1 : 0
            if run > longestRun { return true }
        }
        return false
    }

    // MARK: forms

    /// One line in double quotes: backslashes and quotes escaped, line feeds written `\n`.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            default:
                if VisibleText.needsEscape(scalar, multiline: false) {
                    result += VisibleText.escaped(scalar)
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return collapsed(result + "\"")
    }

    /// Several lines, each behind `prefix`; what stands without the prefix was written here.
    static func block(_ text: String, prefix: String) -> String {
        var lines: [String] = []
        var blanks = 0
        func flush() {
            if blanks <= blankLines {
                lines += Array(repeating: prefix, count: blanks)
            } else {
                lines.append("\u{2026} \(blanks) empty lines")
            }
            blanks = 0
        }
        var rest = text.utf8[...]
        while true {
            let end = rest.firstIndex(of: 0x0A)
            let line = String(Substring(rest[..<(end ?? rest.endIndex)]))
            if line.isEmpty {
                if end != nil { blanks += 1 }
            } else {
                flush()
                lines.append(prefix + endVisible(collapsed(VisibleText.escape(line))))
            }
            guard let end else { break }
            rest = rest[rest.index(after: end)...]
        }
        flush()
        if text.utf8.last != 0x0A, prefix.utf8.first != UInt8(ascii: ">") {
            lines.append("\u{2026} no line feed at the end")
        }
        return lines.joined(separator: "\n")
    }

    /// A blank at the end of a line can't be seen; it is written as an escape.
    private static func endVisible(_ line: String) -> String {
        line.utf8.last == 0x20 ? String(line.dropLast()) + "\\u{20}" : line
    }

    /// Writes a long run of one blank or escaped code point as `\u{20×99}`.
    ///
    /// Works on text that is already escaped: no text of anybody's can produce that form, because
    /// a backslash that could begin an escape is doubled.
    static func collapsed(_ text: String) -> String {
        guard text.utf8.count > longestRun else { return text }
        var result = ""
        var previous = ""
        var count = 0
        func flush() {
            if count > longestRun, let digits = hexDigits(previous) {
                result += "\\u{\(digits)\u{D7}\(count)}"
            } else {
                for _ in 0..<count { result += previous }
            }
            count = 0
        }
        var scalars = text.unicodeScalars[...]
        while !scalars.isEmpty {
            let token = nextToken(&scalars)
            if hexDigits(token) != nil {
                if token != previous { flush() }
                previous = token
                count += 1
            } else {
                flush()
                previous = ""
                result += token
            }
        }
        flush()
        return result
    }

    /// The code point of a token that may be collapsed: a blank or an escape.
    private static func hexDigits(_ token: String) -> String? {
        switch token {
        case " ": "20"
        case "\\t": "9"
        case "\\n": "a"
        case "\\r": "d"
        default: token.hasPrefix("\\u{") ? String(token.dropFirst(3).dropLast()) : nil
        }
    }

    /// A blank, an escape as a whole, or one code point.
    private static func nextToken(_ scalars: inout Substring.UnicodeScalarView) -> String {
        var token = String.UnicodeScalarView()
        let first = scalars.removeFirst()
        token.append(first)
        guard first == "\\", let next = scalars.first else { return String(token) }
        switch next {
        case "\\", "n", "t", "r", "\"":
            token.append(scalars.removeFirst())
        case "u" where scalars.dropFirst().first == "{":
            while let scalar = scalars.popFirst() {
                token.append(scalar)
                if scalar == "}" { break }
            }
        default: break
        }
        return String(token)
    }
}
