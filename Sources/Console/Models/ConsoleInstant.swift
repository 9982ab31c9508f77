// SPDX-License-Identifier: Apache-2.0

/// An instant of the server's time, in milliseconds since 1970-01-01T00:00:00Z.
///
/// The console formats it itself: pages need no calendar and no locale, only UTC.
public struct ConsoleInstant: Sendable, Hashable, Comparable {
    /// Milliseconds since the epoch.
    public var milliseconds: Int64

    /// Creates an instant from milliseconds since the epoch, clamped to the years 0001 to 9999.
    public init(milliseconds: Int64) {
        self.milliseconds = min(max(milliseconds, -62_135_596_800_000), 253_402_300_799_999)
    }

    /// Orders by time.
    public static func < (left: ConsoleInstant, right: ConsoleInstant) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// RFC 3339 in UTC with milliseconds and `Z`, for `<time datetime>`.
    var rfc3339: String {
        let (day, clock) = parts
        return "\(pad(day.year, 4))-\(pad(day.month))-\(pad(day.day))T"
            + "\(pad(clock / 3_600_000)):\(pad(clock / 60_000 % 60)):\(pad(clock / 1_000 % 60))"
            + ".\(pad(clock % 1_000, 3))Z"
    }

    /// What people read: `21 Nov 2026, 09:02:11 UTC`.
    var text: String {
        let (day, clock) = parts
        return "\(day.day) \(Self.months[day.month - 1]) \(pad(day.year, 4)), "
            + "\(pad(clock / 3_600_000)):\(pad(clock / 60_000 % 60)):\(pad(clock / 1_000 % 60)) UTC"
    }

    /// The clock alone, `09:02 UTC`, where it is the same day, and otherwise all of it.
    func text(shortOn now: ConsoleInstant) -> String {
        let (day, clock) = parts
        guard day == now.parts.day else { return text }
        return "\(pad(clock / 3_600_000)):\(pad(clock / 60_000 % 60)) UTC"
    }

    /// Distance from another instant in the two largest units: `41 min`, `3 h 12 min`, `2 d 4 h`.
    func distance(from other: ConsoleInstant) -> String {
        let seconds = abs(milliseconds - other.milliseconds) / 1_000
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3_600: return "\(seconds / 60) min"
        case ..<86_400:
            let minutes = seconds / 60 % 60
            return minutes == 0 ? "\(seconds / 3_600) h" : "\(seconds / 3_600) h \(minutes) min"
        default:
            let hours = seconds / 3_600 % 24
            return hours == 0 ? "\(seconds / 86_400) d" : "\(seconds / 86_400) d \(hours) h"
        }
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Civil date and milliseconds into the day, by the days-to-civil arithmetic of the proleptic
    /// Gregorian calendar with years that begin in March, so that leap days come last.
    private var parts: (day: (year: Int64, month: Int, day: Int64), clock: Int64) {
        let perDay: Int64 = 86_400_000
        let clock = (milliseconds % perDay + perDay) % perDay
        let shifted = (milliseconds - clock) / perDay + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return ((yearOfEra + era * 400 + (month <= 2 ? 1 : 0), Int(month), day), clock)
    }
}

/// Decimal digits with leading zeros.
private func pad(_ value: some BinaryInteger, _ width: Int = 2) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}
