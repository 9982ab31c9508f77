// SPDX-License-Identifier: Apache-2.0

extension Parser {
    /// Reads a string whose opening quote has been read.
    mutating func parseString() throws(Fault) -> String {
        let start = at
        hadEscapes = false
        try skipPlainText()
        guard peek() == UInt8(ascii: "\"") else { return try parseStringWithEscapes(from: start) }
        let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<at]), as: UTF8.self)
        at += 1
        return text
    }

    /// Goes on to the next quote, backslash or end; refuses control characters and bytes that are
    /// not UTF-8.
    private mutating func skipPlainText() throws(Fault) {
        while true {
            // Eight bytes at a time, as long as none of them is special.
            while at + 8 <= bytes.count, Self.isPlain(word(at: at)) { at += 8 }
            guard at < bytes.count else { return }
            let byte = bytes[at]
            if byte >= 0x80 {
                at += try lengthOfSequence()
            } else if byte < 0x20 {
                throw fault(
                    .controlCharacter, at: at,
                    "control character (\(found(at))) in a string: escape it")
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                return
            } else {
                at += 1
            }
        }
    }

    private func word(at offset: Int) -> UInt64 {
        UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    /// Whether each of eight bytes is ASCII, printable, and neither a quote nor a backslash.
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        // Subtracting borrows into the top bit of a byte exactly if the byte was below; bytes that
        // have the top bit already are caught by `word` itself.
        let control = word &- ones &* 0x20
        let quote = (word ^ ones &* 0x22) &- ones
        let backslash = (word ^ ones &* 0x5C) &- ones
        return (word | control | quote | backslash) & tops == 0
    }

    /// The length of the UTF-8 sequence that starts at `at` (RFC 3629 §4).
    private func lengthOfSequence() throws(Fault) -> Int {
        let lead = bytes[at]
        let second = at + 1 < bytes.count ? bytes[at + 1] : 0
        let length: Int
        let allowed: ClosedRange<UInt8>
        switch lead {
        case 0xC2...0xDF: (length, allowed) = (2, 0x80...0xBF)
        case 0xE0: (length, allowed) = (3, 0xA0...0xBF)  // no overlong forms
        case 0xED: (length, allowed) = (3, 0x80...0x9F)  // no surrogates
        case 0xE1...0xEF: (length, allowed) = (3, 0x80...0xBF)
        case 0xF0: (length, allowed) = (4, 0x90...0xBF)  // no overlong forms
        case 0xF1...0xF3: (length, allowed) = (4, 0x80...0xBF)
        case 0xF4: (length, allowed) = (4, 0x80...0x8F)  // nothing above U+10FFFF
        default: throw invalidUTF8()
        }
        guard allowed.contains(second), at + length <= bytes.count else { throw invalidUTF8() }
        for offset in 2..<max(length, 2) where bytes[at + offset] & 0xC0 != 0x80 {
            throw invalidUTF8()
        }
        return length
    }

    private func invalidUTF8() -> Fault {
        fault(.invalidUTF8, at: at, "\(found(at)) is not UTF-8: send the text as UTF-8")
    }

    /// Reads on a string that is not finished by a quote; `at` is behind its plain beginning.
    private mutating func parseStringWithEscapes(from start: Int) throws(Fault) -> String {
        var text: [UInt8] = []
        var plainStart = start
        while true {
            text += bytes[plainStart..<at]
            switch peek() {
            case UInt8(ascii: "\""):
                at += 1
                hadEscapes = true
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                try parseEscape(into: &text)
                plainStart = at
                try skipPlainText()
            default:
                throw unexpected("`\"` at the end of a string")
            }
        }
    }

    private mutating func parseEscape(into text: inout [UInt8]) throws(Fault) {
        let start = at
        at += 1
        let character: UInt8
        switch peek() {
        case UInt8(ascii: "\""): character = 0x22
        case UInt8(ascii: "\\"): character = 0x5C
        case UInt8(ascii: "/"): character = 0x2F
        case UInt8(ascii: "b"): character = 0x08
        case UInt8(ascii: "f"): character = 0x0C
        case UInt8(ascii: "n"): character = 0x0A
        case UInt8(ascii: "r"): character = 0x0D
        case UInt8(ascii: "t"): character = 0x09
        case UInt8(ascii: "u"):
            at += 1
            return try parseUnicodeEscape(from: start, into: &text)
        default:
            guard at < bytes.count else { throw unexpected("a character after `\\`") }
            throw fault(
                .invalidEscape, at: start,
                "unknown escape (`\\` and \(found(at))): write `\\\\` for a backslash")
        }
        if isCanonical, character == 0x2F { throw needlessEscape(at: start) }
        at += 1
        text.append(character)
    }

    /// Reads what follows `\u`, and the second half of a surrogate pair.
    private mutating func parseUnicodeEscape(
        from start: Int, into text: inout [UInt8]
    ) throws(Fault) {
        let unit = try parseHexDigits(from: start)
        var code = UInt32(unit)
        if unit & 0xF800 == 0xD800 {
            guard unit < 0xDC00, peek() == UInt8(ascii: "\\"), at + 1 < bytes.count,
                bytes[at + 1] == UInt8(ascii: "u")
            else { throw loneSurrogate(at: start) }
            let second = at
            at += 2
            let low = try parseHexDigits(from: second)
            guard low & 0xFC00 == 0xDC00 else { throw loneSurrogate(at: start) }
            code = 0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF))
        }
        if isCanonical { try checkCanonicalEscape(code, at: start) }
        guard let scalar = Unicode.Scalar(code) else { throw loneSurrogate(at: start) }
        text += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
    }

    private mutating func parseHexDigits(from start: Int) throws(Fault) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch peek() {
            case let byte where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"):
                digit = byte - UInt8(ascii: "0")
            case let byte
            where byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "f"):
                digit = (byte | 0x20) - UInt8(ascii: "a") + 10
            default:
                guard at < bytes.count else { throw unexpected("four hexadecimal digits") }
                throw fault(
                    .invalidEscape, at: start,
                    "incomplete escape: write `\\u` and four hexadecimal digits")
            }
            value = value << 4 | UInt16(digit)
            at += 1
        }
        return value
    }

    private func loneSurrogate(at start: Int) -> Fault {
        fault(
            .loneSurrogate, at: start,
            "half of a surrogate pair: write both halves, or the character itself")
    }

    private func needlessEscape(at start: Int) -> Fault {
        fault(.notCanonical, at: start, "needless escape: write the character itself")
    }

    /// Refuses a `\u` escape that RFC 8785 §3.2.2.2 writes otherwise.
    private func checkCanonicalEscape(_ code: UInt32, at start: Int) throws(Fault) {
        switch code {
        case 0x08, 0x09, 0x0A, 0x0C, 0x0D, 0x22, 0x5C:
            throw fault(.notCanonical, at: start, "long escape: use the short form, such as `\\n`")
        case 0..<0x20:
            for byte in bytes[start..<at]
            where byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "F") {
                throw fault(.notCanonical, at: start, "escape in upper case: use lower case")
            }
        default: throw needlessEscape(at: start)
        }
    }
}
