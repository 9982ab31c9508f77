// SPDX-License-Identifier: Apache-2.0

/// A span of time of Cedar (RFC 80), in milliseconds.
public struct DurationValue: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The length, negative when it goes back in time.
    public let milliseconds: Int64

    /// Makes a span of a number of milliseconds.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// The units in the order in which they must come.
    private static let units: [(name: [UInt8], milliseconds: Int64)] = [
        (Array("d".utf8), 86_400_000), (Array("h".utf8), 3_600_000), (Array("m".utf8), 60_000),
        (Array("s".utf8), 1_000), (Array("ms".utf8), 1),
    ]

    /// Reads `1d2h3m4s5ms`: any of the units, in this order, after an optional `-`.
    ///
    /// - Throws: ``ExtensionParseError`` when the text has another form or the milliseconds do
    ///   not fit into 64 bits.
    public init(parsing text: String) throws(ExtensionParseError) {
        let shown = text.cedarEscaped
        var bytes = Array(text.utf8)[...]
        let negative = bytes.first == UInt8(ascii: "-")
        if negative { bytes = bytes.dropFirst() }
        guard !bytes.isEmpty else {
            throw ExtensionParseError("`\(shown)` is not a duration: write it like `1h30m`")
        }
        var amounts: [(number: ArraySlice<UInt8>, unit: Int64)] = []
        var next = 0
        while !bytes.isEmpty {
            let number = bytes.prefix(while: TypeName.isDigit)
            let name = Array(bytes.dropFirst(number.count).prefix { !TypeName.isDigit($0) })
            guard !number.isEmpty,
                let unit = Self.units[next...].firstIndex(where: { $0.name == name })
            else {
                throw ExtensionParseError("`\(shown)` is not a duration: write it like `1h30m`")
            }
            amounts.append((number, Self.units[unit].milliseconds))
            next = unit + 1
            bytes = bytes.dropFirst(number.count + name.count)
        }
        // Upstream adds the smallest unit first; the order decides what overflows.
        var total: Int64 = 0
        for amount in amounts.reversed() {
            guard let sum = Self.adding(amount.number, amount.unit, to: total, negative: negative)
            else {
                throw ExtensionParseError(
                    "`\(shown)` is out of range: the milliseconds must fit into 64 bits")
            }
            total = sum
        }
        milliseconds = total
    }

    private static func adding(
        _ digits: ArraySlice<UInt8>, _ unit: Int64, to total: Int64, negative: Bool
    ) -> Int64? {
        guard let magnitude = Digits.value(digits, as: UInt64.self) else { return nil }
        if unit == 1, negative, magnitude == Int64.min.magnitude { return Int64.min }
        guard let number = Int64(exactly: magnitude) else { return nil }
        let (amount, tooLarge) = number.multipliedReportingOverflow(by: unit)
        let (sum, overflow) =
            negative
            ? total.subtractingReportingOverflow(amount) : total.addingReportingOverflow(amount)
        return tooLarge || overflow ? nil : sum
    }

    /// Whether the left span is smaller.
    public static func < (left: DurationValue, right: DurationValue) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// The length in milliseconds, as in `1500ms`.
    public var description: String { "\(milliseconds)ms" }
}
