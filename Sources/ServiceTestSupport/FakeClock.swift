// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Synchronization

/// The two clocks that a server lives by, moved by hand.
///
/// Both advance together; `step` moves the wall clock alone, as an operator or a broken time
/// server does.
package final class FakeClock: Sendable {
    private struct State {
        var wall: Timestamp
        var monotonicMilliseconds: Int64 = 0
    }

    private let state: Mutex<State>

    /// Monday, 5 January 2026, 09:00 UTC.
    package static let start = Timestamp(milliseconds: 1_767_603_600_000)

    /// Starts both clocks; the monotonic one at zero.
    package init(_ wall: Timestamp = FakeClock.start) {
        state = Mutex(State(wall: wall))
    }

    /// What the wall clock shows.
    package var now: Timestamp { state.withLock { $0.wall } }

    /// What the monotonic clock shows, in seconds.
    package var monotonicSeconds: Double {
        state.withLock { Double($0.monotonicMilliseconds) / 1000 }
    }

    /// Lets time pass on both clocks.
    package func advance(milliseconds: Int64) {
        state.withLock { state in
            state.wall = Timestamp(milliseconds: state.wall.milliseconds + milliseconds)
            state.monotonicMilliseconds += milliseconds
        }
    }

    /// Lets time pass on both clocks.
    package func advance(seconds: Int64) { advance(milliseconds: seconds * 1000) }

    /// Moves the wall clock alone, forward or back.
    package func step(seconds: Int64) {
        state.withLock { $0.wall = $0.wall.adding(seconds: seconds) }
    }
}
