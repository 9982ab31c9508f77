// SPDX-License-Identifier: Apache-2.0

/// A decimal of Cedar: a 64-bit number of ten-thousandths.
public struct DecimalValue: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The value times 10,000.
    public let tenThousandths: Int64

    /// Makes a decimal of a number of ten-thousandths.
    public init(tenThousandths: Int64) {
        self.tenThousandths = tenThousandths
    }

    /// Reads `12.34`: digits on both sides of the point, at most four after it, an optional `-`.
    ///
    /// - Throws: ``ExtensionParseError`` when the text has another form or the value is outside
    ///   −922337203685477.5808 … 922337203685477.5807.
    public init(parsing text: String) throws(ExtensionParseError) {
        var bytes = Array(text.utf8)[...]
        let negative = bytes.first == UInt8(ascii: "-")
        if negative { bytes = bytes.dropFirst() }
        let shown = text.cedarEscaped
        guard let point = bytes.firstIndex(of: UInt8(ascii: ".")) else {
            throw ExtensionParseError("`\(shown)` is not a decimal: write it like `12.34`")
        }
        let whole = bytes[..<point]
        let fraction = bytes[(point + 1)...]
        guard !whole.isEmpty, !fraction.isEmpty, whole.allSatisfy(TypeName.isDigit),
            fraction.allSatisfy(TypeName.isDigit)
        else { throw ExtensionParseError("`\(shown)` is not a decimal: write it like `12.34`") }
        guard fraction.count <= 4 else {
            throw ExtensionParseError(
                "`\(shown)` has too many digits after the point: at most 4 are supported")
        }
        let padded = fraction + Array(repeating: UInt8(ascii: "0"), count: 4 - fraction.count)
        let digits = Array(whole) + Array(padded)
        guard let magnitude = Digits.value(digits, as: UInt64.self),
            let value = Self.signed(magnitude, negative: negative)
        else {
            throw ExtensionParseError(
                """
                `\(shown)` is out of range: a decimal is between -922337203685477.5808 and \
                922337203685477.5807
                """)
        }
        tenThousandths = value
    }

    private static func signed(_ magnitude: UInt64, negative: Bool) -> Int64? {
        guard negative else { return Int64(exactly: magnitude) }
        if magnitude == Int64.min.magnitude { return Int64.min }
        return Int64(exactly: magnitude).map { -$0 }
    }

    /// Whether the left value is smaller.
    public static func < (left: DecimalValue, right: DecimalValue) -> Bool {
        left.tenThousandths < right.tenThousandths
    }

    /// The value with exactly four digits after the point.
    public var description: String {
        let magnitude = tenThousandths.magnitude
        let fraction = String(magnitude % 10_000)
        let zeros = String(repeating: "0", count: 4 - fraction.count)
        return "\(tenThousandths < 0 ? "-" : "")\(magnitude / 10_000).\(zeros)\(fraction)"
    }
}
