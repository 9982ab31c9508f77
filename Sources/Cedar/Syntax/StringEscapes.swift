// SPDX-License-Identifier: Apache-2.0

/// The escapes of string literals; they are those of Rust, plus `\*` in patterns.
enum StringEscapes {
    struct Failure: Error, Sendable {
        /// Each escape that is not valid, as it was written.
        let invalid: [String]
    }

    private enum Unit {
        case plain(Unicode.Scalar)
        case escaped(Unicode.Scalar)
        case invalid(String)
    }

    /// The text that a literal, its quotes left out, stands for.
    static func unescape(_ raw: some Collection<UInt8>) -> Result<String, Failure> {
        var text = String.UnicodeScalarView()
        var invalid: [String] = []
        for unit in units(of: raw) {
            switch unit {
            case .plain(let scalar), .escaped(let scalar): text.append(scalar)
            case .invalid(let escape): invalid.append(escape)
            }
        }
        return invalid.isEmpty ? .success(String(text)) : .failure(Failure(invalid: invalid))
    }

    /// The pattern that a literal, its quotes left out, stands for.
    ///
    /// Every `*` is a wildcard, even when written as `\u{2a}`; only `\*` is a star. That is what
    /// the reference implementation does.
    static func pattern(_ raw: some Collection<UInt8>) -> Result<Pattern, Failure> {
        var elements: [Pattern.Element] = []
        var invalid: [String] = []
        for unit in units(of: raw) {
            switch unit {
            case .plain("*"), .escaped("*"): elements.append(.wildcard)
            case .plain(let scalar), .escaped(let scalar): elements.append(.scalar(scalar))
            case .invalid("\\*"): elements.append(.scalar("*"))
            case .invalid(let escape): invalid.append(escape)
            }
        }
        return invalid.isEmpty ? .success(Pattern(elements)) : .failure(Failure(invalid: invalid))
    }

    /// Whether the bytes are the inside of one literal: no bare quote, no backslash at the end.
    static func isOneLiteral(_ raw: some Collection<UInt8>) -> Bool {
        var escaped = false
        for byte in raw {
            if escaped {
                guard byte != UInt8(ascii: "\n") else { return false }
                escaped = false
            } else if byte == UInt8(ascii: "\"") {
                return false
            } else {
                escaped = byte == UInt8(ascii: "\\")
            }
        }
        return !escaped
    }

    private static func units(of raw: some Collection<UInt8>) -> [Unit] {
        var rest = String(decoding: raw, as: UTF8.self).unicodeScalars[...]
        var units: [Unit] = []
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\\": units.append(escape(&rest))
            // Rust refuses a bare carriage return in a literal.
            case "\r": units.append(.invalid("\r"))
            default: units.append(.plain(scalar))
            }
        }
        return units
    }

    private static func escape(_ rest: inout Substring.UnicodeScalarView) -> Unit {
        guard let scalar = rest.popFirst() else { return .invalid("\\") }
        switch scalar {
        case "n": return .escaped("\n")
        case "r": return .escaped("\r")
        case "t": return .escaped("\t")
        case "0": return .escaped("\0")
        case "\\", "'", "\"": return .escaped(scalar)
        case "x": return hexadecimal(&rest)
        case "u": return unicode(&rest)
        default: return .invalid("\\\(scalar)")
        }
    }

    /// `\x41`: exactly two digits, at most `7F`.
    private static func hexadecimal(_ rest: inout Substring.UnicodeScalarView) -> Unit {
        let digits = rest.prefix(2)
        let text = String(digits)
        rest = rest.dropFirst(digits.count)
        guard text.utf8.count == 2, text.utf8.allSatisfy(isHexDigit),
            let value = UInt8(text, radix: 16), value < 0x80
        else { return .invalid("\\x\(text)") }
        return .escaped(Unicode.Scalar(value))
    }

    /// `\u{1F600}`: one to six digits, with underscores after the first.
    private static func unicode(_ rest: inout Substring.UnicodeScalarView) -> Unit {
        guard rest.first == "{", let end = rest.firstIndex(of: "}") else {
            return .invalid("\\u")
        }
        let body = rest[rest.index(after: rest.startIndex)..<end]
        rest = rest[rest.index(after: end)...]
        let shown = Unit.invalid("\\u{\(String(body.prefix(16)))}")
        let digits = String(body).utf8.filter { $0 != UInt8(ascii: "_") }
        guard body.first != "_", (1...6).contains(digits.count),
            digits.allSatisfy(isHexDigit),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
            let scalar = Unicode.Scalar(value)
        else { return shown }
        return .escaped(scalar)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
