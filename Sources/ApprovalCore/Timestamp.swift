// SPDX-License-Identifier: Apache-2.0

/// An absolute UTC instant with millisecond resolution.
///
/// Everything that is compared with a clock is one of these: deadlines, grant expiry, `at` of a
/// ledger entry. The text form is RFC 3339 with exactly three fractional digits and `Z`, so that
/// two equal instants have equal bytes. Range: years 0001 to 9999.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    package let milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = min(max(milliseconds, Self.earliest), Self.latest)
    }

    private static let earliest: Int64 = -62_135_596_800_000
    private static let latest: Int64 = 253_402_300_799_999

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

    /// The instant `seconds` later; saturates at the ends of the range.
    package func adding(seconds: Int64) -> Timestamp {
        let (delta, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return Timestamp(milliseconds: seconds < 0 ? .min : .max) }
        return adding(milliseconds: delta)
    }

    /// The instant so many milliseconds later; saturates at the ends of the range.
    package func adding(milliseconds delta: Int64) -> Timestamp {
        let (sum, overflow) = milliseconds.addingReportingOverflow(delta)
        return Timestamp(milliseconds: overflow ? (delta < 0 ? .min : .max) : sum)
    }

    /// Whole seconds since 1970, rounded down.
    package var secondsSinceEpoch: Int64 {
        Self.floorDivide(milliseconds, 1000).quotient
    }

    /// Whole seconds from `other` to this instant, rounded down.
    package func seconds(since other: Timestamp) -> Int64 {
        let difference = milliseconds - other.milliseconds
        return difference >= 0 ? difference / 1000 : (difference - 999) / 1000
    }

    /// The day of the week in UTC, 1 for Monday to 7 for Sunday (ISO 8601).
    package var weekday: Int64 {
        // 1970-01-01 was a Thursday.
        let day = Self.floorDivide(milliseconds, 86_400_000).quotient
        return Self.floorDivide(day + 3, 7).remainder + 1
    }

    /// The hour of the day in UTC, 0 to 23.
    package var hour: Int64 {
        Self.floorDivide(milliseconds, 86_400_000).remainder / 3_600_000
    }

    package var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the 24 bytes of the text form.
    package func append(to bytes: inout [UInt8]) {
        let (days, millisecondOfDay) = Self.floorDivide(milliseconds, 86_400_000)
        let date = Self.civil(fromDays: days)
        let second = millisecondOfDay / 1000
        Self.append(date.year, digits: 4, to: &bytes)
        bytes.append(0x2D)
        Self.append(date.month, digits: 2, to: &bytes)
        bytes.append(0x2D)
        Self.append(date.day, digits: 2, to: &bytes)
        bytes.append(0x54)
        Self.append(second / 3600, digits: 2, to: &bytes)
        bytes.append(0x3A)
        Self.append(second / 60 % 60, digits: 2, to: &bytes)
        bytes.append(0x3A)
        Self.append(second % 60, digits: 2, to: &bytes)
        bytes.append(0x2E)
        Self.append(millisecondOfDay % 1000, digits: 3, to: &bytes)
        bytes.append(0x5A)
    }

    /// Reads the canonical form only: `YYYY-MM-DDThh:mm:ss.mmmZ`; anything else is nil.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 24 else { return nil }
        let separators: [(Int, UInt8)] = [
            (4, 0x2D), (7, 0x2D), (10, 0x54), (13, 0x3A), (16, 0x3A), (19, 0x2E), (23, 0x5A),
        ]
        for (position, byte) in separators where bytes[position] != byte { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[range] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16),
            let second = number(17..<19), let millisecond = number(20..<23),
            year >= 1, (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second < 60
        else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        let dayMilliseconds = ((hour * 60 + minute) * 60 + second) * 1000 + millisecond
        self.init(milliseconds: days * 86_400_000 + dayMilliseconds)
        // Refuses 30 February and its like: they would not print as they were written.
        guard Array(description.utf8) == bytes else { return nil }
    }

    private static func floorDivide(
        _ a: Int64, _ b: Int64
    ) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
        return remainder < 0 ? (quotient - 1, remainder + b) : (quotient, remainder)
    }

    private static func append(_ value: Int64, digits: Int, to bytes: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            bytes.append(0x30 + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    /// Days since 1970-01-01 of a proleptic Gregorian date (Hinnant, "chrono-compatible
    /// low-level date algorithms").
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = floorDivide(y, 400).quotient
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func civil(
        fromDays days: Int64
    ) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097).quotient
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

/// How long something may take, in whole seconds, as policies write it: `90s`, `10m`, `1h`, `2d`.
package struct Span: Sendable, Hashable, Comparable {
    /// The length in seconds; always positive.
    package let seconds: Int64

    package init?(seconds: Int64) {
        guard seconds > 0, seconds <= Limits.longestSpanSeconds else { return nil }
        self.seconds = seconds
    }

    /// For lengths that are written in the source.
    init(constant seconds: Int64) {
        precondition(seconds > 0 && seconds <= Limits.longestSpanSeconds, "a constant length")
        self.seconds = seconds
    }

    /// Reads digits followed by one of `s`, `m`, `h`, `d`; zero and more than 30 days are nil.
    package init?(_ text: String) {
        var bytes = Array(text.utf8)
        guard let unit = bytes.popLast(), !bytes.isEmpty, bytes.count <= 9,
            bytes.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let count = Int64(String(decoding: bytes, as: UTF8.self))
        else { return nil }
        switch unit {
        case UInt8(ascii: "s"): self.init(seconds: count)
        case UInt8(ascii: "m"): self.init(seconds: count * 60)
        case UInt8(ascii: "h"): self.init(seconds: count * 3600)
        case UInt8(ascii: "d"): self.init(seconds: count * 86_400)
        default: return nil
        }
    }

    package static func < (a: Span, b: Span) -> Bool { a.seconds < b.seconds }
}
