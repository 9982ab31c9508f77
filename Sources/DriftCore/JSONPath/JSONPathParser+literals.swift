// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

extension JSONPathParser {
    /// A number as in JSON (§2.3.5.1), save that `-0` is one too.
    mutating func parseNumber() throws(Failure) -> JSONNumber {
        let start = at
        while let byte = peek,
            Self.isDigit(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
        {
            at += 1
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        guard let number = JSONNumber(text: text) else {
            at = start
            throw failure("expected a number as JSON writes it, within the range of doubles")
        }
        return number
    }

    /// A string in single or double quotes (§2.3.1.1).
    mutating func parseString() throws(Failure) -> String {
        let quote = bytes[at]
        at += 1
        var content: [UInt8] = []
        while let byte = peek {
            if byte < 0x20 { throw failure("write control characters as `\\u00…`") }
            at += 1
            if byte == quote { return String(decoding: content, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") {
                content += String(try parseEscape(quote)).utf8
            } else {
                content.append(byte)
            }
        }
        throw failure("the string does not end")
    }

    private mutating func parseEscape(_ quote: UInt8) throws(Failure) -> Unicode.Scalar {
        guard let byte = peek else { throw failure("the string does not end") }
        at += 1
        switch byte {
        case quote, UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var value = try parseHex()
            if value >> 10 == 0xD800 >> 10, take("\\u") {
                let low = try parseHex()
                guard low >> 10 == 0xDC00 >> 10 else { break }
                value = 0x10000 + ((value & 0x3FF) << 10) + (low & 0x3FF)
            }
            guard let scalar = Unicode.Scalar(value) else { break }
            return scalar
        default: break
        }
        throw failure("not an escape of JSON, or half of a surrogate pair")
    }

    private mutating func parseHex() throws(Failure) -> UInt32 {
        let digits = bytes[at...].prefix(4)
        guard digits.count == 4,
            digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw failure("expected four hexadecimal digits") }
        at += 4
        return value
    }
}
