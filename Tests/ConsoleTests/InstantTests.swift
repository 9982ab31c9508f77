// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Console

@Suite struct InstantTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z", "1 Jan 1970, 00:00:00 UTC"),
        (-1, "1969-12-31T23:59:59.999Z", "31 Dec 1969, 23:59:59 UTC"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z", "29 Feb 2000, 00:00:00 UTC"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z", "1 Mar 2100, 00:00:00 UTC"),
        (1_795_227_245_007, "2026-11-21T02:14:05.007Z", "21 Nov 2026, 02:14:05 UTC"),
        (Int64.max, "9999-12-31T23:59:59.999Z", "31 Dec 9999, 23:59:59 UTC"),
        (Int64.min, "0001-01-01T00:00:00.000Z", "1 Jan 0001, 00:00:00 UTC"),
    ])
    func formats(_ milliseconds: Int64, _ stamp: String, _ text: String) {
        let instant = ConsoleInstant(milliseconds: milliseconds)
        #expect(instant.rfc3339 == stamp)
        #expect(instant.text == text)
    }

    @Test func agreesWithTheCalendarOfFoundation() {
        let seed: UInt64 = 0x5EED_0002
        var random = SplitMix(state: seed)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
        for round in 0..<2_000 {
            // 1700 to 2400: Foundation changes calendars in 1582.
            let seconds = Int64(random.next() % 22_000_000_000) - 8_500_000_000
            let ours = ConsoleInstant(milliseconds: seconds * 1_000).rfc3339
            let theirs = Date(timeIntervalSince1970: Double(seconds)).formatted(style)
            #expect(ours == theirs.dropLast() + ".000Z", "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: [
        (0, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"),
        (3_660, "1 h 1 min"), (86_399, "23 h 59 min"), (86_400, "1 d"), (190_000, "2 d 4 h"),
    ])
    func distances(_ seconds: Int64, _ text: String) {
        #expect(Samples.after(seconds).distance(from: Samples.now) == text)
        #expect(Samples.before(seconds).distance(from: Samples.now) == text)
    }

    @Test func countdownsRunOutAndStayOut() {
        #expect(words(Samples.after(61)) == "1 min")
        #expect(words(Samples.now) == "time is up")
        #expect(words(Samples.before(5)) == "time is up")
    }

    private func words(_ instant: ConsoleInstant) -> String? {
        instant.countdownValues(now: Samples.now)["relative"] as? String
    }
}
