// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Foundation

/// The machine's clocks; everything else is given the time as an argument.
enum SystemClock {
    /// Reference of the monotonic clock: the start of this process.
    private static let start = ContinuousClock.now

    static func wall() -> Timestamp {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }

    static func sinceStart() -> Duration { start.duration(to: .now) }

    /// Seconds on a clock that goes on while the machine sleeps, so that a laptop which wakes has
    /// not "jumped".
    static func monotonicSeconds() -> Double {
        let elapsed = sinceStart()
        return Double(elapsed.components.seconds)
            + Double(elapsed.components.attoseconds) / 1e18
    }
}
