// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ControlPlane
internal import Foundation

/// Parts of a week as people write them: `Fri 14:00 - Mon 08:00`.
enum WeekTime {
    private static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

    /// Reads a part; nil for anything else.
    static func range(_ text: String) -> FreezeWindow.Range? {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 5, words[2] == "-",
            let from = minute(words[0], words[1]), let to = minute(words[3], words[4])
        else { return nil }
        return FreezeWindow.Range(from: from, to: to)
    }

    private static func minute(_ day: String, _ time: String) -> Int64? {
        let parts = time.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard let index = days.firstIndex(where: { $0.utf8.elementsEqual(day.utf8) }),
            parts.count == 2, parts.allSatisfy({ $0.count == 2 }),
            let hour = Int64(String(Substring(parts[0]))), (0...23).contains(hour),
            let minute = Int64(String(Substring(parts[1]))), (0...59).contains(minute)
        else { return nil }
        return Int64(index) * 1440 + hour * 60 + minute
    }

    static func text(_ range: FreezeWindow.Range) -> String {
        "\(text(range.from)) - \(text(range.to))"
    }

    private static func text(_ minute: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(days[Int(minute / 1440)]) \(two(minute % 1440 / 60)):\(two(minute % 60))"
    }
}

/// What the clocks of a time zone show, from the machine's copy of the IANA database.
enum ZoneOffsets {
    /// How far ahead it is looked up: rules change, and somebody should look before they run out.
    private static let years: Double = 10

    /// IANA's names of the zone that the system's library calls `GMT`, whatever it is asked for.
    private static let utc = ["UTC", "Etc/UTC", "Etc/GMT"]

    /// The zone of exactly this name; the library takes others too, such as `gmt+2`.
    private static func found(_ zone: String) -> TimeZone? {
        guard zone.utf8.count <= 64 else { return nil }
        if utc.contains(where: { $0.utf8.elementsEqual(zone.utf8) }) {
            return TimeZone(secondsFromGMT: 0)
        }
        // Which it takes under that very name as well.
        guard !zone.utf8.starts(with: "GMT+".utf8), !zone.utf8.starts(with: "GMT-".utf8),
            let found = TimeZone(identifier: zone),
            found.identifier.utf8.elementsEqual(zone.utf8)
        else { return nil }
        return found
    }

    /// The offset at an instant and each change of it in the years to come.
    ///
    /// Throws where the database has no such zone.
    static func offsets(of zone: String, from now: Timestamp) throws -> [FreezeWindow.Offset] {
        guard let found = found(zone) else {
            throw CommandError.badRequest(
                code: "value_invalid",
                "`zone`: `\(VisibleText.escape(zone))` is not a time zone such as `Europe/Berlin`")
        }
        let start = Date(timeIntervalSince1970: Double(now.secondsSinceEpoch))
        let end = start.addingTimeInterval(years * 366 * 86_400)
        var offsets = [
            FreezeWindow.Offset(
                from: Timestamp(milliseconds: now.secondsSinceEpoch * 1000),
                seconds: Int64(found.secondsFromGMT(for: start)))
        ]
        var date = start
        while let next = found.nextDaylightSavingTimeTransition(after: date), next < end,
            next > date, offsets.count < 64
        {
            offsets.append(
                FreezeWindow.Offset(
                    from: Timestamp(milliseconds: Int64(next.timeIntervalSince1970) * 1000),
                    seconds: Int64(found.secondsFromGMT(for: next))))
            date = next
        }
        return offsets
    }
}
