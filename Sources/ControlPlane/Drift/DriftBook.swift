// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import DriftCore
internal import Synchronization
internal import TransparencyLog

/// What is known of one source.
package struct SourceStanding: Sendable {
    package let machine: DriftMachine
    /// The last complete or partial observation's snapshot; nil after a start until the next one.
    package let live: Snapshot?
    /// The last entry about it; nil before the first.
    package let entry: UInt64?
    package let recordedAt: Timestamp?
    /// When it was last looked at, also where nothing had changed.
    package let observedAt: Timestamp?
}

/// The state of all sources in memory; durable as one sealed row for each.
///
/// A row names the entry that commits to it. Crash order: entry and row are one transaction, so a
/// start finds both or neither; a row that is not what its entry commits to is not believed, and
/// the source then begins anew with a gap that says so.
final class DriftBook: Sendable {
    struct Holder: Sendable {
        var machine: DriftMachine
        /// Counts changes of this value, so that a command notices one that came between.
        var version = 0
        var live: Snapshot?
        var observedAt: Timestamp?
        var entry: UInt64?
        var recordedAt: Timestamp?
        /// Snapshots by root: the baseline's and the proposed one's.
        var snapshots: [Hash256: Snapshot] = [:]
        /// What is to be recorded and told with the next entry, because a start could not trust its
        /// row.
        var untold: DriftReport?

        /// Of all snapshots that may be stored for it.
        var roots: Set<Hash256> {
            Set(snapshots.keys).union(machine.snapshotRoots)
        }
    }

    private let holders = Mutex<[Handle: Holder]>([:])
    /// Digests of plans that this server made lately.
    private let plans = Mutex<[Hash256: Timestamp]>([:])

    func holder(_ id: Handle) -> Holder? { holders.withLock { $0[id] } }

    /// Puts a holder that was made from the one of `version`; false if another came between.
    @discardableResult
    func put(_ holder: Holder, _ id: Handle, after version: Int?) -> Bool {
        holders.withLock { holders in
            guard holders[id]?.version == version else { return false }
            var next = holder
            next.version = (version ?? 0) + 1
            holders[id] = next
            return true
        }
    }

    /// Puts a holder that the ledger has: what was only observed meanwhile is observed again.
    func set(_ holder: Holder, _ id: Handle) {
        holders.withLock { holders in
            var next = holder
            next.version = (holders[id]?.version ?? 0) + 1
            holders[id] = next
        }
    }

    func remove(_ id: Handle) { holders.withLock { $0[id] = nil } }

    /// The root of each source's baseline.
    var baselines: [Handle: Hash256] {
        holders.withLock { $0.compactMapValues { $0.machine.baseline?.root } }
    }

    // MARK: plans

    private static let planSeconds: Int64 = 30 * 86_400

    func issue(_ plan: Hash256, now: Timestamp) {
        plans.withLock { plans in
            plans = plans.filter { now.seconds(since: $0.value) < Self.planSeconds }
            plans[plan] = now
        }
    }

    func issued(_ plan: Hash256) -> Bool { plans.withLock { $0[plan] != nil } }
}
