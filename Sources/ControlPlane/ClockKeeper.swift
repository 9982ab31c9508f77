// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Synchronization

/// Watches the wall clock against the monotonic one, and tells the time that is recorded and
/// compared with (DESIGN §6).
///
/// A clock that jumped must not expire reviews or stretch grants: until it agrees again, or an
/// administrator confirms it, nothing is cleared, claimed or expired. Nor must the jump get into
/// the ledger, because recorded time never goes back: one entry from the year 2040 and no
/// deadline would come before then. So while the clock isn't trusted, time is the last good time
/// and what the monotonic clock added to it.
package struct ClockMachine: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        case trusted
        /// Found while running; heals when the clocks agree again.
        case drifted(String)
        /// Found at start; heals when the clock becomes plausible.
        case implausible(String)
    }

    package private(set) var state: State
    /// The last good look at both clocks.
    private var wall: Timestamp
    private var monotonic: Double
    /// The last recorded instant at start, and the monotonic clock then.
    ///
    /// Time goes on from there even if the wall clock is behind it, so that deadlines still come.
    private let floor: Timestamp?
    private let floorMonotonic: Double
    /// How far the two may drift apart.
    package static let toleranceSeconds = 5.0
    /// A start this long after the last entry is suspicious.
    package static let longestGapSeconds: Int64 = 86_400
    /// The reference moves no more often, so that many small steps count together.
    package static let referenceSeconds = 3600.0

    package init(wall: Timestamp, monotonic: Double, lastRecorded: Timestamp?) {
        self.wall = wall
        self.monotonic = monotonic
        floor = lastRecorded
        floorMonotonic = monotonic
        state = .trusted
        if let reason = implausibility(wall, monotonic) {
            state = .implausible(reason)
            self.wall = lastRecorded ?? wall
        }
    }

    /// Why a wall clock can't be believed after a start, or nil.
    private func implausibility(_ wall: Timestamp, _ monotonic: Double) -> String? {
        guard let floor else { return nil }
        let elapsed = Int64(monotonic - floorMonotonic)
        if wall < floor.adding(seconds: elapsed) {
            return "the clock says \(wall), the last entry is of \(floor)"
        }
        if wall.seconds(since: floor) > Self.longestGapSeconds + elapsed {
            return "the last entry is of \(floor), more than a day before \(wall)"
        }
        return nil
    }

    /// Where the wall clock should be, going by the monotonic one.
    private func expected(_ monotonic: Double) -> Timestamp {
        Self.add(monotonic - self.monotonic, to: wall)
    }

    private func drift(_ wall: Timestamp, _ monotonic: Double) -> Double {
        Double(wall.milliseconds - expected(monotonic).milliseconds) / 1000
    }

    /// The time to record and to compare with.
    package func now(wall: Timestamp, monotonic: Double) -> Timestamp {
        let agrees =
            state == .trusted && abs(drift(wall, monotonic)) <= Self.toleranceSeconds
        let time = agrees ? wall : expected(monotonic)
        guard let floor else { return time }
        return max(time, Self.add(monotonic - floorMonotonic, to: floor))
    }

    private static func add(_ seconds: Double, to instant: Timestamp) -> Timestamp {
        Timestamp(milliseconds: instant.milliseconds + Int64((seconds * 1000).rounded()))
    }

    /// Looks at both clocks.
    ///
    /// Returns true if this look found a new step.
    package mutating func observe(wall: Timestamp, monotonic: Double) -> Bool {
        if case .implausible = state {
            if implausibility(wall, monotonic) == nil {
                confirm(wall: wall, monotonic: monotonic)
            }
            return false
        }
        let drift = drift(wall, monotonic)
        if abs(drift) > Self.toleranceSeconds {
            // The reference stays where it was: if the clock comes back, it agrees again.
            guard case .trusted = state else { return false }
            state = .drifted(
                "the clock moved by \(Int64(drift.rounded())) s against the monotonic clock")
            return true
        }
        state = .trusted
        if monotonic - self.monotonic >= Self.referenceSeconds {
            self.wall = wall
            self.monotonic = monotonic
        }
        return false
    }

    /// An administrator says that the clock is right now.
    package mutating func confirm(wall: Timestamp, monotonic: Double) {
        self.wall = wall
        self.monotonic = monotonic
        state = .trusted
    }
}

/// The clock machine behind a lock, with the clocks that it watches.
package final class ClockKeeper: Sendable {
    private let machine: Mutex<ClockMachine>
    private let effects: Effects

    init(_ effects: Effects, lastRecorded: Timestamp?) {
        self.effects = effects
        machine = Mutex(
            ClockMachine(
                wall: effects.wallClock(), monotonic: effects.monotonicSeconds(),
                lastRecorded: lastRecorded))
    }

    /// The time to record and to compare with.
    package var now: Timestamp {
        let (wall, monotonic) = (effects.wallClock(), effects.monotonicSeconds())
        return machine.withLock { $0.now(wall: wall, monotonic: monotonic) }
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

    /// Looks at both clocks.
    ///
    /// Returns true if this look found a new step.
    func observe() -> Bool {
        let (wall, monotonic) = (effects.wallClock(), effects.monotonicSeconds())
        return machine.withLock { $0.observe(wall: wall, monotonic: monotonic) }
    }

    func confirm() {
        let (wall, monotonic) = (effects.wallClock(), effects.monotonicSeconds())
        machine.withLock { $0.confirm(wall: wall, monotonic: monotonic) }
    }
}

/// When each claimed action was last heard of; silence beyond the limit is an unknown outcome.
///
/// Kept in memory: a restart gives every gate a full period again.
final class Heartbeats: Sendable {
    private let last: Mutex<[ActionID: Timestamp]>

    init(open: [ActionID], now: Timestamp) {
        last = Mutex(Dictionary(open.map { ($0, now) }, uniquingKeysWith: { first, _ in first }))
    }

    func note(_ changes: [(ActionID, ActionStatus)], at instant: Timestamp) {
        last.withLock { last in
            for (id, status) in changes {
                // An attempt that was refused is a change too, but no sign of life.
                last[id] = status == .claimed ? last[id] ?? instant : nil
            }
        }
    }

    func beat(_ id: ActionID, at instant: Timestamp) {
        last.withLock { last in
            if last[id] != nil { last[id] = instant }
        }
    }

    /// In order of id, so that the same run makes the same ledger.
    func silent(now: Timestamp) -> [ActionID] {
        last.withLock { last in
            last.filter { now.seconds(since: $0.value) >= Limits.heartbeatSeconds }.map(\.key)
        }.sorted { $0.text < $1.text }
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
