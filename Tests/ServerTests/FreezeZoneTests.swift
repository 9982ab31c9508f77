// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import Foundation
import TestSupport
import Testing

@testable import Server

/// Freeze windows against the calendar of the system's library, across changes of the clocks.
@Suite("Freeze windows in time zones")
struct FreezeZoneTests {
    /// Summer time, summer time in the other half of the year, of half an hour, and none at all.
    static let zones = [
        "Europe/Berlin", "America/Sao_Paulo", "America/New_York", "Australia/Lord_Howe",
        "Asia/Kolkata", "Pacific/Chatham", "UTC",
    ]

    private static let start = Timestamp(milliseconds: 1_780_000_000_000)

    private static func window(_ zone: String, _ parts: [String]) throws -> FreezeWindow {
        try FreezeWindow(
            id: Handle(constant: "w"), zone: zone,
            ranges: try parts.map { try #require(WeekTime.range($0)) },
            offsets: try ZoneOffsets.offsets(of: zone, from: start))
    }

    /// Minutes since Monday 00:00 on the clocks there, as the library sees it.
    private static func minute(_ now: Timestamp, _ zone: String) throws -> Int64 {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: zone))
        let date = Foundation.Date(timeIntervalSince1970: Double(now.secondsSinceEpoch))
        let found = calendar.dateComponents([.weekday, .hour, .minute], from: date)
        let day = (try #require(found.weekday) + 5) % 7
        return Int64(day * 1440 + (found.hour ?? 0) * 60 + (found.minute ?? 0))
    }

    @Test("are open when clocks there say so, for years", arguments: zones)
    func clocks(_ zone: String) throws {
        let window = try Self.window(zone, ["Fri 14:00 - Mon 08:00", "Wed 01:30 - Wed 03:15"])
        var random = SeededRandom.forTest()
        for _ in 0..<2000 {
            // Nine years, to the second.
            let now = Self.start.adding(seconds: Int64(random.next() % (9 * 365 * 86_400)))
            let minute = try Self.minute(now, zone)
            let isOpen =
                minute >= 4 * 1440 + 14 * 60 || minute < 8 * 60
                || (2 * 1440 + 90..<2 * 1440 + 195).contains(minute)
            #expect(window.isOpen(at: now) == isOpen, "\(now) in \(zone)")
        }
    }

    @Test("say until when nothing changes, also when the clocks are put", arguments: zones)
    func unchanged(_ zone: String) throws {
        // Sunday, 02:00 to 03:00, is the hour that most zones skip or repeat.
        let window = try Self.window(zone, ["Sun 02:00 - Sun 03:00", "Fri 14:00 - Fri 18:00"])
        var random = SeededRandom.forTest()
        for _ in 0..<300 {
            let now = Self.start.adding(seconds: Int64(random.next() % (9 * 365 * 86_400)))
            let next = window.unchangedUntil(now)
            #expect(next > now && next <= now.adding(seconds: 7 * 86_400))
            let open = window.isOpen(at: now)
            var later = now
            while later < next {
                #expect(window.isOpen(at: later) == open, "\(later) in \(zone)")
                later = later.adding(seconds: 900)
            }
            #expect(window.isOpen(at: next.adding(seconds: -1)) == open, "\(next) in \(zone)")
        }
    }

    @Test("The hour that is repeated is frozen twice, the one that is skipped not at all")
    func changes() throws {
        let window = try Self.window("Europe/Berlin", ["Sun 02:00 - Sun 03:00"])
        func open(_ text: String) throws -> Bool {
            window.isOpen(at: try #require(Timestamp(text)))
        }
        // On 25 October 2026, 03:00 becomes 02:00 at 01:00 UTC.
        for (text, expected) in [
            ("2026-10-24T23:59:59.000Z", false), ("2026-10-25T00:00:00.000Z", true),
            ("2026-10-25T01:00:00.000Z", true), ("2026-10-25T01:59:59.000Z", true),
            ("2026-10-25T02:00:00.000Z", false),
        ] {
            #expect(try open(text) == expected, "\(text)")
        }
        // On 28 March 2027, 02:00 becomes 03:00 at 01:00 UTC.
        for text in ["2027-03-28T00:59:59.000Z", "2027-03-28T01:00:00.000Z"] {
            #expect(try !open(text), "\(text)")
        }
    }
}
