// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

extension TOMLReader {
    /// Reads a value; `depth` counts the lists and tables around it.
    mutating func readValue(depth: Int) throws(DriftError) -> JSON {
        try count()
        guard depth < StructuredFiles.limits.maximumDepth else {
            throw DriftError("deeper than \(StructuredFiles.limits.maximumDepth) levels")
        }
        switch peek {
        case UInt8(ascii: "\""): return .string(try readBasicString(canSpanLines: true))
        case UInt8(ascii: "'"): return .string(try readLiteralString(canSpanLines: true))
        case UInt8(ascii: "["):
            at += 1
            return try readArray(depth: depth)
        case UInt8(ascii: "{"):
            at += 1
            return try readInlineTable(depth: depth)
        default: return try readWord()
        }
    }

    private mutating func readArray(depth: Int) throws(DriftError) -> JSON {
        var elements: [JSON] = []
        while true {
            try skipLines()
            if take("]") { return .array(elements) }
            elements.append(try readValue(depth: depth + 1))
            try skipLines()
            if take("]") { return .array(elements) }
            guard take(",") else { throw DriftError("expected `,` or `]`") }
        }
    }

    private mutating func skipLines() throws(DriftError) {
        repeat {
            skipSpaces()
            try skipComment()
        } while takeLineEnd()
    }

    // MARK: words

    /// Reads what is neither quoted nor in brackets: numbers, dates, truth.
    private mutating func readWord() throws(DriftError) -> JSON {
        var word = readLetters()
        // A date may have a space before its time.
        if TOMLTime.isDate(word), peek == UInt8(ascii: " "), at + 1 < bytes.count,
            Digits.value(bytes[at + 1], radix: 10) != nil
        {
            at += 1
            word += "T" + readLetters()
        }
        switch word {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "inf", "+inf": return StructuredMark.number("inf")
        case "-inf": return StructuredMark.number("-inf")
        case "nan", "+nan", "-nan": return StructuredMark.number("nan")
        case "": throw DriftError("expected a value")
        default: break
        }
        if let time = TOMLTime.normalized(word) { return StructuredMark.date(time) }
        guard let number = Self.number(word) else {
            throw DriftError("`\(ShownText.line(word, limit: 40))` is no value of TOML")
        }
        return StructuredMark.exact(number)
    }

    private mutating func readLetters() -> String {
        let start = at
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: ":"):
                at += 1
            default: return String(decoding: bytes[start..<at], as: UTF8.self)
            }
        }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    /// A number as JSON writes it; nil for what is none.
    static func number(_ word: String) -> String? {
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where word.hasPrefix(prefix) {
            return digits(word.utf8.dropFirst(2), radix: radix).flatMap {
                Digits.decimal($0, radix: radix)
            }
        }
        var rest = word.utf8[...]
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") {
            rest = rest.dropFirst()
        }
        let whole = rest.prefix { Digits.value($0, radix: 10) != nil || $0 == UInt8(ascii: "_") }
        guard let wholeDigits = digits(whole, radix: 10),
            wholeDigits.first != UInt8(ascii: "0") || wholeDigits.count == 1
        else { return nil }
        rest = rest.dropFirst(whole.count)
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            let part = rest.prefix {
                Digits.value($0, radix: 10) != nil || $0 == UInt8(ascii: "_")
            }
            guard digits(part, radix: 10) != nil else { return nil }
            rest = rest.dropFirst(part.count)
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") {
                rest = rest.dropFirst()
            }
            guard digits(rest, radix: 10) != nil else { return nil }
            rest = rest.dropFirst(rest.count)
        }
        guard rest.isEmpty else { return nil }
        return Digits.json(word.filter { $0 != "_" })
    }

    /// Digits without the underscores between them; nil where there is another underscore.
    private static func digits(_ text: Substring.UTF8View, radix: Int) -> [UInt8]? {
        var found: [UInt8] = []
        var wasDigit = false
        for byte in text {
            if byte == UInt8(ascii: "_") {
                guard wasDigit else { return nil }
                wasDigit = false
            } else {
                guard Digits.value(byte, radix: radix) != nil else { return nil }
                found.append(byte)
                wasDigit = true
            }
        }
        return wasDigit ? found : nil
    }

    // MARK: strings

    /// Reads `"…"` or `"""…"""`.
    mutating func readBasicString(canSpanLines: Bool) throws(DriftError) -> String {
        let isLong = canSpanLines && take("\"\"\"")
        if isLong { _ = takeLineEnd() } else { at += 1 }
        var text: [UInt8] = []
        while let byte = peek {
            if byte == UInt8(ascii: "\"") {
                if !isLong {
                    at += 1
                    return String(decoding: text, as: UTF8.self)
                }
                if closes(byte, &text) { return String(decoding: text, as: UTF8.self) }
            } else if byte == UInt8(ascii: "\\") {
                at += 1
                try readEscape(isLong: isLong, &text)
            } else {
                try readPlain(byte, isLong: isLong, &text)
            }
        }
        throw DriftError("a string without its end")
    }

    /// Reads `'…'` or `'''…'''`.
    mutating func readLiteralString(canSpanLines: Bool) throws(DriftError) -> String {
        let isLong = canSpanLines && take("'''")
        if isLong { _ = takeLineEnd() } else { at += 1 }
        var text: [UInt8] = []
        while let byte = peek {
            if byte == UInt8(ascii: "'") {
                if !isLong {
                    at += 1
                    return String(decoding: text, as: UTF8.self)
                }
                if closes(byte, &text) { return String(decoding: text, as: UTF8.self) }
            } else {
                try readPlain(byte, isLong: isLong, &text)
            }
        }
        throw DriftError("a string without its end")
    }

    /// Takes quotes in a long string: up to two belong to it, three end it, and up to two may stand
    /// right before those.
    private mutating func closes(_ quote: UInt8, _ text: inout [UInt8]) -> Bool {
        let quotes = bytes[at...].prefix(5).prefix { $0 == quote }.count
        at += quotes
        text += repeatElement(quote, count: quotes < 3 ? quotes : quotes - 3)
        return quotes >= 3
    }

    private mutating func readPlain(
        _ byte: UInt8, isLong: Bool, _ text: inout [UInt8]
    ) throws(DriftError) {
        if isLong, takeLineEnd() {
            text.append(UInt8(ascii: "\n"))
            return
        }
        guard byte == UInt8(ascii: "\t") || byte >= 0x20, byte != 0x7F else {
            throw DriftError("a line end or control character in a string")
        }
        text.append(byte)
        at += 1
    }

    private mutating func readEscape(
        isLong: Bool, _ text: inout [UInt8]
    ) throws(DriftError) {
        guard let byte = peek else { throw DriftError("a string without its end") }
        at += 1
        switch byte {
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(byte)
        case UInt8(ascii: "u"): try readCodePoint(digits: 4, &text)
        case UInt8(ascii: "U"): try readCodePoint(digits: 8, &text)
        default:
            at -= 1
            guard isLong else { throw DriftError("an escape that TOML does not have") }
            skipSpaces()
            guard takeLineEnd() else { throw DriftError("an escape that TOML does not have") }
            repeat { skipSpaces() } while takeLineEnd()
        }
    }

    private mutating func readCodePoint(
        digits: Int, _ text: inout [UInt8]
    ) throws(DriftError) {
        let hex = bytes[at...].prefix(digits)
        guard hex.count == digits, hex.allSatisfy({ Digits.value($0, radix: 16) != nil }),
            let value = UInt32(String(decoding: hex, as: UTF8.self), radix: 16),
            let scalar = Unicode.Scalar(value)
        else { throw DriftError("an escape that is no character") }
        at += digits
        text += String(Character(scalar)).utf8
    }
}

/// Dates and times of TOML: RFC 3339, and parts of it.
enum TOMLTime {
    static func isDate(_ word: String) -> Bool {
        word.utf8.count == 10 && normalized(word) != nil
    }

    /// The text with `T` and `Z` in capitals; nil for what is neither a date nor a time.
    static func normalized(_ word: String) -> String? {
        let upper = word.uppercased()
        let parts = upper.utf8.split(
            separator: UInt8(ascii: "T"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first else { return nil }
        if parts.count == 2 {
            guard isDay(first), isTime(parts[1], canHaveOffset: true) else { return nil }
        } else {
            guard isDay(first) || isTime(first, canHaveOffset: false) else { return nil }
        }
        return upper
    }

    private static func isDay(_ text: Substring.UTF8View) -> Bool {
        let fields = Array(text)
        guard fields.count == 10, fields[4] == UInt8(ascii: "-"), fields[7] == UInt8(ascii: "-"),
            let year = number(fields[0..<4]), let month = number(fields[5..<7]),
            let day = number(fields[8..<10]), (1...12).contains(month)
        else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...days[month - 1]).contains(day)
    }

    private static func isTime(_ text: Substring.UTF8View, canHaveOffset: Bool) -> Bool {
        let fields = Array(text)
        guard fields.count >= 8, fields[2] == UInt8(ascii: ":"), fields[5] == UInt8(ascii: ":"),
            isClock(fields[0..<2], fields[3..<5]), let second = number(fields[6..<8]), second <= 60
        else { return false }
        var rest = fields[8...]
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { Digits.value($0, radix: 10) != nil }
            guard !digits.isEmpty else { return false }
            rest = rest.dropFirst(1 + digits.count)
        }
        if rest.isEmpty { return true }
        guard canHaveOffset else { return false }
        if rest.elementsEqual([UInt8(ascii: "Z")]) { return true }
        let offset = Array(rest)
        return offset.count == 6
            && (offset[0] == UInt8(ascii: "+") || offset[0] == UInt8(ascii: "-"))
            && offset[3] == UInt8(ascii: ":") && isClock(offset[1..<3], offset[4..<6])
    }

    private static func isClock(_ hour: ArraySlice<UInt8>, _ minute: ArraySlice<UInt8>) -> Bool {
        guard let hour = number(hour), let minute = number(minute) else { return false }
        return hour <= 23 && minute <= 59
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy({ Digits.value($0, radix: 10) != nil }) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
