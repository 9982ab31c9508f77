// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import ApprovalCore

@Suite("Timestamp and Span")
struct TimestampTests {
    @Test("the written form is read back, over the whole range")
    func roundTrip() throws {
        var random = SeededRandom.forTest()
        let range = Int64(-62_135_596_800_000)...Int64(253_402_300_799_999)
        let edges = [range.lowerBound, range.upperBound, 0, -1, 951_782_400_000, 4_107_542_399_999]
        let values = edges + (0..<5000).map { _ in Int64.random(in: range, using: &random) }
        for milliseconds in values {
            let instant = Timestamp(milliseconds: milliseconds)
            #expect(instant.milliseconds == milliseconds)
            #expect(instant.description.utf8.count == 24)
            #expect(Timestamp(instant.description) == instant)
        }
    }

    @Test("agrees with Foundation's calendar")
    func againstFoundation() throws {
        var random = SeededRandom.forTest()
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for _ in 0..<2000 {
            // From 1583 on: Foundation's calendar is Julian before.
            let milliseconds = Int64.random(
                in: -12_200_000_000_000...253_402_300_799_999, using: &random)
            let instant = Timestamp(milliseconds: milliseconds)
            let date = Date(
                timeIntervalSince1970: Double(milliseconds / 1000)
                    - (milliseconds % 1000 < 0 ? 1 : 0))
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second, .weekday], from: date)
            let text = String(
                format: "%04d-%02d-%02dT%02d:%02d:%02d", parts.year ?? 0, parts.month ?? 0,
                parts.day ?? 0, parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0)
            #expect(instant.description.hasPrefix(text))
            #expect(instant.hour == Int64(parts.hour ?? -1))
            // Foundation counts from Sunday = 1, ISO 8601 from Monday = 1.
            #expect(instant.weekday == Int64(((parts.weekday ?? 0) + 5) % 7 + 1))
        }
    }

    @Test("order of instants is order of texts")
    func order() {
        var random = SeededRandom.forTest()
        for _ in 0..<2000 {
            let a = Timestamp(milliseconds: Int64.random(in: 0...4_000_000_000_000, using: &random))
            let b = Timestamp(milliseconds: Int64.random(in: 0...4_000_000_000_000, using: &random))
            #expect(
                (a < b) == a.description.utf8.lexicographicallyPrecedes(b.description.utf8))
        }
    }

    @Test(
        "any other spelling is refused",
        arguments: [
            "", "2026-01-31T09:30:00Z", "2026-01-31T09:30:00.00Z", "2026-01-31t09:30:00.000z",
            "2026-01-31 09:30:00.000Z", "2026-01-31T09:30:00.000+00:00", "2026-02-30T09:30:00.000Z",
            "2025-02-29T00:00:00.000Z", "2026-13-01T00:00:00.000Z", "2026-00-01T00:00:00.000Z",
            "2026-01-00T00:00:00.000Z", "2026-01-31T24:00:00.000Z", "2026-01-31T23:60:00.000Z",
            "2026-01-31T23:59:60.000Z", "0000-01-01T00:00:00.000Z", "+026-01-31T09:30:00.000Z",
            "2026-01-31T09:30:00.000Z ", "２026-01-31T09:30:00.000Z", "-026-01-31T09:30:00.000Z",
        ])
    func refused(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test("leap days are days")
    func leapDays() {
        for text in ["2024-02-29T00:00:00.000Z", "2000-02-29T12:00:00.000Z"] {
            #expect(Timestamp(text)?.description == text)
        }
        #expect(Timestamp("1900-02-29T00:00:00.000Z") == nil)
    }

    @Test("adding saturates, the difference rounds down")
    func arithmetic() {
        let last = Timestamp(milliseconds: .max)
        #expect(last.description == "9999-12-31T23:59:59.999Z")
        #expect(last.adding(seconds: .max) == last)
        #expect(Timestamp.start.adding(seconds: .min) == Timestamp(milliseconds: .min))
        #expect(Timestamp(milliseconds: 1999).seconds(since: Timestamp(milliseconds: 0)) == 1)
        #expect(Timestamp(milliseconds: 0).seconds(since: Timestamp(milliseconds: 1)) == -1)
        #expect(Timestamp(milliseconds: 0).seconds(since: Timestamp(milliseconds: 1000)) == -1)
    }

    @Test("spans: digits and one unit, never zero, at most 30 days")
    func spans() {
        #expect(Span("90s")?.seconds == 90)
        #expect(Span("10m")?.seconds == 600)
        #expect(Span("1h")?.seconds == 3600)
        #expect(Span("30d")?.seconds == 2_592_000)
        for text in [
            "", "s", "0s", "0d", "31d", "721h", "-1h", "+1h", "1.5h", "1 h", "1H", "1w", "h1",
            "999999999d", "9999999999s", "1h30m", "１h", "1h\u{301}",
        ] {
            #expect(Span(text) == nil, "\(text)")
        }
    }
}
