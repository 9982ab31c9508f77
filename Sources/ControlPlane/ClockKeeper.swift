// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Synchronization

/// Watches the wall clock against the monotonic one (DESIGN §6).
///
/// A clock that jumped must not expire reviews or stretch grants: until it agrees again, or an
/// administrator confirms it, nothing is cleared, claimed or expired.
package struct ClockMachine: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        case trusted
        /// Found while running; heals when the clocks agree again.
        case drifted(String)
        /// Found at start; there is nothing to agree with, so a person must confirm.
        case implausible(String)
    }

    package private(set) var state: State
    private var wall: Timestamp
    private var monotonic: Double
    /// How far the two may drift apart between two looks.
    package static let toleranceSeconds = 5.0
    /// A start this long after the last entry is suspicious.
    package static let longestGapSeconds: Int64 = 86_400

    package init(wall: Timestamp, monotonic: Double, lastRecorded: Timestamp?) {
        self.wall = wall
        self.monotonic = monotonic
        state = .trusted
        guard let lastRecorded else { return }
        if wall < lastRecorded {
            state = .implausible("the clock says \(wall), the last entry is of \(lastRecorded)")
        } else if wall.seconds(since: lastRecorded) > Self.longestGapSeconds {
            state = .implausible(
                "the last entry is of \(lastRecorded), more than a day before "
                    + "\(wall)")
        }
    }

    /// Looks at both clocks.
    ///
    /// Returns true if this look found a new step.
    package mutating func observe(wall: Timestamp, monotonic: Double) -> Bool {
        let expected = self.wall.milliseconds + Int64((monotonic - self.monotonic) * 1000)
        let drift = Double(wall.milliseconds - expected) / 1000
        if abs(drift) > Self.toleranceSeconds {
            // The reference stays where it was: if the clock comes back, it agrees again.
            guard case .trusted = state else { return false }
            state = .drifted(
                "the clock moved by \(Int64(drift.rounded())) s against the "
                    + "monotonic clock")
            return true
        }
        if case .drifted = state { state = .trusted }
        self.wall = wall
        self.monotonic = monotonic
        return false
    }

    /// An administrator says that the clock is right now.
    package mutating func confirm(wall: Timestamp, monotonic: Double) {
        self.wall = wall
        self.monotonic = monotonic
        state = .trusted
    }
}

/// The clock machine behind a lock.
package final class ClockKeeper: Sendable {
    private let machine: Mutex<ClockMachine>

    init(wall: Timestamp, monotonic: Double, lastRecorded: Timestamp?) {
        machine = Mutex(
            ClockMachine(wall: wall, monotonic: monotonic, lastRecorded: lastRecorded))
    }

    package var isTrusted: Bool { machine.withLock { $0.state == .trusted } }

    package var explanation: String? {
        machine.withLock { machine in
            let reason: String
            switch machine.state {
            case .trusted: return nil
            case .drifted(let cause), .implausible(let cause): reason = cause
            }
            return "\(reason): nothing is cleared until it agrees again or an administrator runs "
                + "`exequatur clock confirm`"
        }
    }

    func observe(wall: Timestamp, monotonic: Double) -> Bool {
        machine.withLock { $0.observe(wall: wall, monotonic: monotonic) }
    }

    func confirm(wall: Timestamp, monotonic: Double) {
        machine.withLock { $0.confirm(wall: wall, monotonic: monotonic) }
    }
}

/// When each claimed action was last heard of; silence longer than the limit is an unknown outcome.
///
/// Kept in memory: a restart gives every gate a full period again.
final class Heartbeats: Sendable {
    private let last: Mutex<[ActionID: Timestamp]>

    init(open: [ActionID], now: Timestamp) {
        last = Mutex(Dictionary(open.map { ($0, now) }, uniquingKeysWith: { first, _ in first }))
    }

    func note(_ changes: [(ActionID, ActionStatus)], at instant: Timestamp) {
        last.withLock { last in
            for (id, status) in changes { last[id] = status == .claimed ? instant : nil }
        }
    }

    func beat(_ id: ActionID, at instant: Timestamp) {
        last.withLock { last in
            if last[id] != nil { last[id] = instant }
        }
    }

    func silent(now: Timestamp) -> [ActionID] {
        last.withLock { last in
            last.filter { now.seconds(since: $0.value) >= Limits.heartbeatSeconds }.map(\.key)
        }
    }
}

/// What `/metrics` counts.
package final class Counters: Sendable {
    private let values = Mutex<[String: UInt64]>([:])

    package func add(_ name: String, _ count: UInt64 = 1) {
        values.withLock { $0[name, default: 0] += count }
    }

    package var all: [(name: String, value: UInt64)] {
        values.withLock { $0.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
    }

    /// Reads and resets one counter.
    func take(_ name: String) -> UInt64 {
        values.withLock { $0.removeValue(forKey: name) ?? 0 }
    }
}
