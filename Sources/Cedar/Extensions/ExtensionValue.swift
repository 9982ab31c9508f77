// SPDX-License-Identifier: Apache-2.0

/// A value of one of the extension types.
///
/// Values are equal when they stand for the same thing, however they were written:
/// `decimal("1.0")` equals `decimal("1.00")`.
public enum ExtensionValue: Sendable, Hashable, CustomStringConvertible {
    /// A decimal with four fractional digits.
    case decimal(DecimalValue)
    /// An IP address or range.
    indirect case ip(IPAddressValue)
    /// An instant, in milliseconds.
    case datetime(DateTimeValue)
    /// A span of time, in milliseconds.
    case duration(DurationValue)

    /// The type, as error messages name it.
    public var type: ValueType {
        switch self {
        case .decimal: .decimal
        case .ip: .ipaddr
        case .datetime: .datetime
        case .duration: .duration
        }
    }

    /// The value as a call of the function that makes it.
    public var description: String {
        switch self {
        case .decimal(let value): "decimal(\"\(value)\")"
        case .ip(let value): "ip(\"\(value)\")"
        case .datetime(let value): "datetime(\"1970-01-01\").offset(duration(\"\(value.epoch)ms\"))"
        case .duration(let value): "duration(\"\(value)\")"
        }
    }
}

/// Why text is not a value of an extension type.
public struct ExtensionParseError: Error, Sendable, Hashable {
    /// One lowercase line, with the input in backticks.
    public let message: String

    init(_ message: String) {
        self.message = message
    }
}

/// Digits read without leaving the given width.
enum Digits {
    /// The number that ASCII digits stand for; `nil` if there are none, others, or too many.
    static func value<Number: FixedWidthInteger>(
        _ bytes: some Collection<UInt8>, as type: Number.Type = Number.self
    ) -> Number? {
        guard !bytes.isEmpty, bytes.allSatisfy(TypeName.isDigit) else { return nil }
        var number: Number = 0
        for byte in bytes {
            let (scaled, overflow) = number.multipliedReportingOverflow(by: 10)
            let (next, carry) = scaled.addingReportingOverflow(Number(byte & 0x0F))
            if overflow || carry { return nil }
            number = next
        }
        return number
    }
}
