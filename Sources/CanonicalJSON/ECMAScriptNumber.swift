// SPDX-License-Identifier: Apache-2.0

/// Doubles as ECMAScript writes them, which is what RFC 8785 §3.2.2.3 prescribes.
///
/// Swift and ECMAScript choose the same digits: the shortest that read back as the same double,
/// and the closest of those. They differ in how they place the point and when they use an
/// exponent (ECMA-262, Number::toString).
enum ECMAScriptNumber {
    /// Appends the text of `value`, which must be finite.
    static func append(_ value: Double, to bytes: inout [UInt8]) {
        precondition(value.isFinite, "JSON has no number for infinity and not-a-number")
        // Negative zero has no sign in ECMAScript.
        guard value != 0 else { return bytes.append(UInt8(ascii: "0")) }
        if value < 0 { bytes.append(UInt8(ascii: "-")) }

        let (digits, point) = shortestDigits(value)
        let count = digits.count
        if point > 21 || point < -5 {
            appendScientific(digits, exponent: point - 1, to: &bytes)
        } else if point >= count {
            bytes += digits
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: point - count))
        } else if point > 0 {
            bytes += digits[..<point]
            bytes.append(UInt8(ascii: "."))
            bytes += digits[point...]
        } else {
            bytes += "0.".utf8
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -point))
            bytes += digits
        }
    }

    private static func appendScientific(
        _ digits: [UInt8], exponent: Int, to bytes: inout [UInt8]
    ) {
        bytes.append(digits[0])
        if digits.count > 1 {
            bytes.append(UInt8(ascii: "."))
            bytes += digits[1...]
        }
        bytes.append(UInt8(ascii: "e"))
        bytes.append(exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        bytes += String(exponent.magnitude).utf8
    }

    /// The shortest digits of `value`, without zeros at either end, and the place of the decimal
    /// point counted from before the first one: 12.5 gives `125` and 2, 0.01 gives `1` and -1.
    private static func shortestDigits(_ value: Double) -> (digits: [UInt8], point: Int) {
        var digits: [UInt8] = []
        digits.reserveCapacity(24)
        var point: Int?
        var exponent: Int?
        var isSmall = false
        for byte in value.magnitude.description.utf8 {
            switch byte {
            case UInt8(ascii: "."): point = digits.count
            case UInt8(ascii: "e"): exponent = 0
            case UInt8(ascii: "-"): isSmall = true
            case UInt8(ascii: "+"): break
            default:
                if let written = exponent {
                    exponent = written * 10 + Int(byte & 0x0F)
                } else {
                    digits.append(byte)
                }
            }
        }
        let leadingZeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        let place = (point ?? digits.count) - leadingZeros
        digits.removeFirst(leadingZeros)
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return (digits, place + (isSmall ? -1 : 1) * (exponent ?? 0))
    }
}
