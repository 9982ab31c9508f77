// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// A time of the week, in a time zone, in which policies may hold things back.
///
/// What a zone's clocks show is looked up once, when the window is set, and kept with it as offsets
/// from UTC: whoever judges an action again, years later and on another machine, must come to the
/// same answer without that machine's time zone data.
package struct FreezeWindow: Sendable, Hashable {
    /// A part of each week; it may run over the end of the week.
    package struct Range: Sendable, Hashable {
        /// Minutes since Monday 00:00, from 0 to 10,079; the first is part of the range, the last
        /// is not.
        package let from: Int64
        package let to: Int64

        /// Makes one; nil for an empty one or minutes outside of a week.
        package init?(from: Int64, to: Int64) {
            let minutes = 0..<FreezeWindow.weekMinutes
            guard minutes.contains(from), minutes.contains(to), from != to else { return nil }
            self.from = from
            self.to = to
        }

        func contains(_ minute: Int64) -> Bool {
            from < to ? (from..<to).contains(minute) : minute >= from || minute < to
        }
    }

    /// The clocks of the zone are so many seconds ahead of UTC from an instant on.
    package struct Offset: Sendable, Hashable {
        package let from: Timestamp
        package let seconds: Int64

        package init(from: Timestamp, seconds: Int64) {
            self.from = from
            self.seconds = seconds
        }
    }

    static let weekMinutes: Int64 = 10_080
    package let id: Handle
    /// Its name in the IANA database, such as `Europe/Berlin`; for people, the offsets count.
    package let zone: String
    package let ranges: [Range]
    /// In order of time, at least one.
    package let offsets: [Offset]

    /// Throws `CoreError` without ranges or offsets, or with more than 14 or 128 of them.
    package init(id: Handle, zone: String, ranges: [Range], offsets: [Offset]) throws {
        guard (1...64).contains(zone.utf8.count),
            zone.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw CoreError("`zone`: not a time zone such as `Europe/Berlin`") }
        guard (1...14).contains(ranges.count) else {
            throw CoreError("`ranges`: 1 to 14 parts of a week")
        }
        guard (1...128).contains(offsets.count),
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0.from < $1.from }),
            offsets.allSatisfy({ abs($0.seconds) <= 86_400 })
        else { throw CoreError("`offsets`: 1 to 128, in order of time, of a day at most") }
        self.id = id
        self.zone = zone
        self.ranges = ranges
        self.offsets = offsets
    }

    init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        let id = try reader.handle("id")
        let zone = try reader.string("zone")
        let ranges = try reader.objects("ranges").map { element in
            var element = element
            let range = Range(from: try element.int("from"), to: try element.int("to"))
            try element.finish()
            guard let range else { throw CoreError("`\(path).ranges`: not minutes of a week") }
            return range
        }
        let offsets = try reader.objects("offsets").map { element in
            var element = element
            let offset = Offset(
                from: try element.timestamp("from"), seconds: try element.int("seconds"))
            try element.finish()
            return offset
        }
        try reader.finish()
        try self.init(id: id, zone: zone, ranges: ranges, offsets: offsets)
    }

    package var json: JSON {
        [
            "id": .string(id.text),
            "offsets": .array(
                offsets.map {
                    ["from": .string($0.from.description), "seconds": .integer($0.seconds)]
                }),
            "ranges": .array(
                ranges.map { ["from": .integer($0.from), "to": .integer($0.to)] }),
            "zone": .string(zone),
        ]
    }

    /// Whether the window is open at an instant.
    package func isOpen(at now: Timestamp) -> Bool {
        let minute = weekMinute(at: now)
        return ranges.contains { $0.contains(minute) }
    }

    /// An instant after `now` before which nothing changes: the next beginning or end of a range, or
    /// the next time the clocks are put.
    package func unchangedUntil(_ now: Timestamp) -> Timestamp {
        let minute = weekMinute(at: now)
        let steps = ranges.flatMap { [$0.from, $0.to] }.map { edge in
            let ahead = (edge - minute + Self.weekMinutes) % Self.weekMinutes
            return ahead == 0 ? Self.weekMinutes : ahead
        }
        let wait = (steps.min() ?? Self.weekMinutes) * 60
        // From the beginning of this minute, or the edge would be passed by up to a minute.
        let whole = Timestamp(milliseconds: now.secondsSinceEpoch * 1000)
        let next = whole.adding(seconds: wait - secondOfMinute(at: now))
        let clocks = offsets.first { $0.from > now }?.from
        return min(next, clocks ?? next)
    }

    private func local(_ now: Timestamp) -> Int64 {
        let ahead = (offsets.last { $0.from <= now } ?? offsets[0]).seconds
        return now.secondsSinceEpoch + ahead
    }

    private func secondOfMinute(at now: Timestamp) -> Int64 {
        let second = local(now) % 60
        return second < 0 ? second + 60 : second
    }

    /// The first day of 1970 was a Thursday.
    private func weekMinute(at now: Timestamp) -> Int64 {
        let seconds = local(now) + 3 * 86_400
        let minute = (seconds < 0 ? seconds - 59 : seconds) / 60 % Self.weekMinutes
        return minute < 0 ? minute + Self.weekMinutes : minute
    }
}

extension Directory {
    /// The windows that are open at an instant, in order.
    package func openFreezes(at now: Timestamp) -> [Handle] {
        freezes.values.filter { $0.isOpen(at: now) }.map(\.id).sorted()
    }

    /// An instant after `now` before which no window opens or closes; nil where there is none.
    package func freezesUnchangedUntil(_ now: Timestamp) -> Timestamp? {
        freezes.values.map { $0.unchangedUntil(now) }.min()
    }
}
