// SPDX-License-Identifier: Apache-2.0

/// An instant of Cedar (RFC 80): milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
public struct DateTimeValue: Sendable, Hashable, Comparable, CustomStringConvertible {
    private static let dayLength: Int64 = 86_400_000

    /// Milliseconds since 1970-01-01T00:00:00Z.
    public let epoch: Int64

    /// Makes an instant of its milliseconds since 1970-01-01T00:00:00Z.
    public init(epoch: Int64) {
        self.epoch = epoch
    }

    /// Reads `2024-10-15`, `2024-10-15T11:35:00Z`, `….000Z`, `…+0100` or `….000+0100`.
    ///
    /// - Throws: ``ExtensionParseError`` when the text has another form, names no real day or
    ///   time, or has an offset of a day or more.
    public init(parsing text: String) throws(ExtensionParseError) {
        let shown = text.cedarEscaped
        var fields = Fields(bytes: Array(text.utf8)[...])
        guard let year = fields.number(4), fields.skip("-"), let month = fields.number(2),
            fields.skip("-"), let day = fields.number(2)
        else {
            throw ExtensionParseError(
                "`\(shown)` is not a datetime: it must start like `2024-10-15`")
        }
        guard let days = Self.days(year: year, month: month, day: day) else {
            throw ExtensionParseError("`\(shown)` is not a datetime: there is no such day")
        }
        if fields.bytes.isEmpty {
            epoch = days * Self.dayLength
            return
        }
        guard fields.skip("T"), let hour = fields.number(2), fields.skip(":"),
            let minute = fields.number(2), fields.skip(":"), let second = fields.number(2)
        else {
            throw ExtensionParseError(
                "`\(shown)` is not a datetime: the time must look like `T11:35:00`")
        }
        var milliseconds: Int64 = 0
        if fields.skip(".") {
            guard let fraction = fields.number(3) else {
                throw ExtensionParseError(
                    "`\(shown)` is not a datetime: write milliseconds with three digits")
            }
            milliseconds = fraction
        }
        guard let offset = fields.offset(), fields.bytes.isEmpty else {
            throw ExtensionParseError(
                "`\(shown)` is not a datetime: it must end with `Z` or an offset like `+0100`")
        }
        guard hour < 24, minute < 60, second < 60 else {
            throw ExtensionParseError("`\(shown)` is not a datetime: there is no such time")
        }
        let seconds = hour * 3_600 + minute * 60 + second - offset
        epoch = days * Self.dayLength + seconds * 1_000 + milliseconds
    }

    /// Days since 1970-01-01 in the Gregorian calendar, extended backwards.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64? {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...12).contains(month), day >= 1, day <= lengths[Int(month) - 1] else { return nil }
        // Years that start in March put the leap day last; eras of 400 years repeat.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// This instant moved by a span; `nil` when that does not fit into 64 bits.
    public func offset(by duration: DurationValue) -> DateTimeValue? {
        let (sum, overflow) = epoch.addingReportingOverflow(duration.milliseconds)
        return overflow ? nil : DateTimeValue(epoch: sum)
    }

    /// The span from the other instant to this one; `nil` when it does not fit into 64 bits.
    public func durationSince(_ other: DateTimeValue) -> DurationValue? {
        let (difference, overflow) = epoch.subtractingReportingOverflow(other.epoch)
        return overflow ? nil : DurationValue(milliseconds: difference)
    }

    /// The start of the day in UTC; `nil` when that does not fit into 64 bits.
    public var date: DateTimeValue? {
        let (start, overflow) = epoch.subtractingReportingOverflow(time.milliseconds)
        return overflow ? nil : DateTimeValue(epoch: start)
    }

    /// The time since the start of the day in UTC, never negative.
    public var time: DurationValue {
        let remainder = epoch % Self.dayLength
        return DurationValue(milliseconds: remainder < 0 ? remainder + Self.dayLength : remainder)
    }

    /// Whether the left instant is earlier.
    public static func < (left: DateTimeValue, right: DateTimeValue) -> Bool {
        left.epoch < right.epoch
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    public var description: String { "\(epoch)" }
}

/// Reads the fixed fields of a datetime from the left.
private struct Fields {
    var bytes: ArraySlice<UInt8>

    mutating func number(_ digits: Int) -> Int64? {
        let field = bytes.prefix(digits)
        guard field.count == digits, let value = Digits.value(field, as: Int64.self) else {
            return nil
        }
        bytes = bytes.dropFirst(digits)
        return value
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard bytes.first == UInt8(ascii: character) else { return false }
        bytes = bytes.dropFirst()
        return true
    }

    /// Seconds east of UTC.
    mutating func offset() -> Int64? {
        if skip("Z") { return 0 }
        let west = bytes.first == UInt8(ascii: "-")
        guard west || bytes.first == UInt8(ascii: "+") else { return nil }
        bytes = bytes.dropFirst()
        guard let hours = number(2), let minutes = number(2), hours < 24, minutes < 60 else {
            return nil
        }
        let seconds = hours * 3_600 + minutes * 60
        return west ? -seconds : seconds
    }
}
