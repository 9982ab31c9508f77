// SPDX-License-Identifier: Apache-2.0

/// Standard base64 (RFC 4648 §4) with one accepted spelling per byte string.
///
/// Signed texts must have a single form: a decoder that tolerates line breaks, missing padding,
/// the URL-safe alphabet or non-zero pad bits lets anybody re-spell a proof without breaking it.
public enum CanonicalBase64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each character, or 0xFF for a byte outside the alphabet.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in alphabet.enumerated() {
            table[Int(character)] = UInt8(value)
        }
        return table
    }()

    /// Returns the padded base64 text of some bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { encode($0) }
    }

    static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        let length = (bytes.count + 2) / 3 * 4
        let alphabet = Self.alphabet
        return String(unsafeUninitializedCapacity: length) { output in
            var write = 0
            var read = 0
            while read < bytes.count {
                let left = bytes.count - read
                let group =
                    UInt32(bytes[read]) << 16
                    | (left > 1 ? UInt32(bytes[read + 1]) << 8 : 0)
                    | (left > 2 ? UInt32(bytes[read + 2]) : 0)
                output[write] = alphabet[Int(group >> 18)]
                output[write + 1] = alphabet[Int(group >> 12 & 63)]
                output[write + 2] = left > 1 ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "=")
                output[write + 3] = left > 2 ? alphabet[Int(group & 63)] : UInt8(ascii: "=")
                write += 4
                read += 3
            }
            return length
        }
    }

    /// Returns the bytes of a canonical base64 text, or nil for any other text.
    public static func decode(_ text: String) -> [UInt8]? {
        decode(text.utf8)
    }

    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        let count = text.count
        guard count % 4 == 0 else { return nil }
        let values = Self.values
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count / 4 * 3)
        var group: UInt32 = 0
        var digits = 0
        var padding = 0
        for character in text {
            if character == UInt8(ascii: "=") {
                padding += 1
                group <<= 6
            } else {
                let value = values[Int(character)]
                // Nothing but padding may follow padding.
                guard value != 0xFF, padding == 0 else { return nil }
                group = group << 6 | UInt32(value)
            }
            digits += 1
            if digits == 4 {
                guard padding <= 2, group & (1 << (8 * UInt32(padding)) - 1) == 0 else {
                    return nil
                }
                bytes.append(UInt8(truncatingIfNeeded: group >> 16))
                if padding < 2 { bytes.append(UInt8(truncatingIfNeeded: group >> 8)) }
                if padding < 1 { bytes.append(UInt8(truncatingIfNeeded: group)) }
                group = 0
                digits = 0
            }
        }
        return bytes
    }
}

/// Lower-case hexadecimal, the only form this project reads or writes.
package enum Hex {
    /// Two digits for each byte.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        Array(bytes).withUnsafeBytes { encode($0) }
    }

    static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { output in
            for (index, byte) in bytes.enumerated() {
                output[2 * index] = digit(byte >> 4)
                output[2 * index + 1] = digit(byte & 15)
            }
            return bytes.count * 2
        }
    }

    static func append(_ input: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        for byte in input {
            bytes.append(digit(byte >> 4))
            bytes.append(digit(byte & 15))
        }
    }

    static func decode(_ text: String) -> [UInt8]? {
        guard text.utf8.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        var high: UInt8?
        for character in text.utf8 {
            guard let value = value(of: character) else { return nil }
            if let upper = high {
                bytes.append(upper << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

/// Decimal numbers of the log formats: ASCII digits without sign or leading zeroes.
enum Decimal {
    /// Tree sizes and indexes stay within what signed 64-bit implementations can read.
    static let maximum = UInt64(Int64.max)

    static func decode(_ text: some Collection<UInt8>) -> UInt64? {
        guard let first = text.first, text.count <= 19 else { return nil }
        if first == UInt8(ascii: "0") { return text.count == 1 ? 0 : nil }
        var value: UInt64 = 0
        for character in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else { return nil }
            // Nineteen digits fit sixty-four bits, so this cannot overflow.
            value = value * 10 + UInt64(character - UInt8(ascii: "0"))
        }
        return value <= maximum ? value : nil
    }
}

/// Input as it is shown in an error message: in backticks, short, without control characters.
func quoted(_ text: String) -> String {
    var shown = "`"
    var count = 0
    for scalar in text.unicodeScalars {
        guard count < 80 else {
            shown += "…"
            break
        }
        let isPlain = scalar.value >= 0x20 && scalar.value < 0x7F && scalar != "`"
        shown += isPlain ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        count += 1
    }
    return shown + "`"
}

/// Compares two strings as bytes; `==` on String would equate different Unicode spellings.
func sameBytes(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
}
