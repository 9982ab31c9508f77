// SPDX-License-Identifier: Apache-2.0

/// A JSON number, exactly as it was written (RFC 8259 §6).
///
/// Nothing is rounded when a number is read: `text` keeps every digit. Numbers are equal when
/// their decimal values are, so `1`, `1.0` and `10e-1` are one number, and so are `0` and `-0`.
public struct JSONNumber: Sendable {
    /// The number as it was written.
    public let text: String

    /// Creates an integer.
    public init(_ value: Int64) { text = String(value) }

    /// Creates an integer.
    public init(_ value: Int) { text = String(value) }

    /// Creates a number from a double, in its ECMAScript form; `nil` unless it is finite.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        var bytes: [UInt8] = []
        ECMAScriptNumber.append(value, to: &bytes)
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// Creates a number from its JSON text, or `nil` if that is not a number within the range of
    /// doubles, or longer than 1,024 characters.
    public init?(text: String) {
        let length = Array(text.utf8).withUnsafeBufferPointer { bytes in
            var parser = Parser(bytes, limits: .default, isCanonical: false)
            let number = try? parser.parseNumber()
            return number == nil ? nil : parser.at
        }
        guard length == text.utf8.count else { return nil }
        self.text = text
    }

    /// For text that the parser has checked.
    init(checked text: String) { self.text = text }

    /// The value, if it is an integer within 64 bits, however written: `1e2` is 100.
    public var int64: Int64? {
        var magnitude: UInt64 = 0
        var isNegative = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "-"):
                isNegative = true
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
                let (sum, carry) = product.addingReportingOverflow(UInt64(byte & 0x0F))
                guard !overflow, !carry else { return DecimalValue(text).int64 }
                magnitude = sum
            default:
                return DecimalValue(text).int64
            }
        }
        return Int64(isNegative: isNegative, magnitude: magnitude)
    }

    /// The nearest double, which is always finite but may have another value than the text.
    public var double: Double {
        guard let value = Double(text) else {
            preconditionFailure("number text was checked when it was read")
        }
        return value
    }

    /// Whether `text` is its own canonical form for certain: an integer of at most 15 digits.
    var isShortInteger: Bool {
        let utf8 = text.utf8
        guard let first = utf8.first else { return false }
        let isNegative = first == UInt8(ascii: "-")
        let digits = isNegative ? utf8.dropFirst() : utf8[...]
        if digits.first == UInt8(ascii: "0") { return utf8.count == 1 }
        guard digits.count <= 15 else { return false }
        return digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }
}

extension JSONNumber: Hashable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// Creates an integer.
    public init(integerLiteral value: Int64) { self.init(value) }

    /// The number as it was written.
    public var description: String { text }

    /// Whether both numbers have the same exact decimal value.
    public static func == (left: JSONNumber, right: JSONNumber) -> Bool {
        if UTF8Bytes.areEqual(left.text, right.text) { return true }
        if left.isShortInteger, right.isShortInteger { return false }
        return DecimalValue(left.text) == DecimalValue(right.text)
    }

    /// Feeds the exact decimal value to `hasher`.
    public func hash(into hasher: inout Hasher) { DecimalValue(text).hash(into: &hasher) }
}

/// The exact value of a decimal number: digits × 10^exponent, in the one form without zeros at
/// either end of the digits.
struct DecimalValue: Hashable {
    var isNegative = false
    /// Digits from 0 to 9, most significant first; empty for zero.
    var digits: [UInt8] = []
    var exponent = 0

    /// Reads `text`, which must be a JSON number, in linear time.
    init(_ text: String) {
        var fractionDigits = 0
        var isFraction = false
        var written: Int?
        var isSmall = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let digit = byte & 0x0F
                if let exponent = written {
                    // Saturates: only zero may have an exponent that does not fit.
                    written = min(exponent * 10 + Int(digit), 1_000_000)
                    continue
                }
                if isFraction { fractionDigits += 1 }
                if digit != 0 || !digits.isEmpty { digits.append(digit) }
            case UInt8(ascii: "."): isFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"): written = 0
            case UInt8(ascii: "-"):
                if written == nil { isNegative = true } else { isSmall = true }
            default: break
            }
        }
        exponent = (isSmall ? -1 : 1) * (written ?? 0) - fractionDigits
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
        if digits.isEmpty {
            isNegative = false
            exponent = 0
        }
    }

    /// The value, if it is an integer within 64 bits.
    var int64: Int64? {
        guard exponent >= 0, digits.count + exponent <= 19 else { return nil }
        var magnitude: UInt64 = 0
        // 19 digits always fit into 64 unsigned bits.
        for digit in digits { magnitude = magnitude * 10 + UInt64(digit) }
        for _ in 0..<exponent { magnitude *= 10 }
        return Int64(isNegative: isNegative, magnitude: magnitude)
    }
}

extension Int64 {
    fileprivate init?(isNegative: Bool, magnitude: UInt64) {
        if isNegative {
            guard magnitude <= Int64.min.magnitude else { return nil }
            self = Int64(truncatingIfNeeded: 0 &- magnitude)
        } else {
            guard let value = Int64(exactly: magnitude) else { return nil }
            self = value
        }
    }
}
