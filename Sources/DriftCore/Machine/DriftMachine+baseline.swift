// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import TransparencyLog

extension DriftMachine {
    /// Proposes leaves that a person gave, such as those of a baseline file.
    package mutating func propose(_ snapshot: Snapshot, now: Timestamp) -> BaselineChange {
        preconditionFailure("body follows")
    }

    /// Drops what is proposed; the next whole observation is proposed instead.
    ///
    /// With a baseline it is the way to a whole new one.
    package mutating func repropose() {}

    /// Makes the proposed baseline the one that counts.
    ///
    /// - Parameters:
    ///   - root: what the person was shown.
    ///   - person: who approves it.
    ///   - now: the time.
    /// - Returns: the version, now approved. Its leaves are those that were proposed.
    /// - Throws: ``DriftError`` where nothing, or something else, is proposed.
    package mutating func approveBaseline(
        root: Hash256, by person: Handle, now: Timestamp
    ) throws(DriftError) -> BaselineVersion {
        preconditionFailure("body follows")
    }

    /// Puts the found values of some episodes, and nothing else, into the baseline.
    ///
    /// - Parameters:
    ///   - fingerprints: what the person agreed to; a missing effect is given up.
    ///   - expected: the leaves of ``baseline``.
    ///   - live: the leaves of the last observation.
    ///   - person: who accepts them.
    ///   - actions: those by which the acceptance was approved.
    ///   - now: the time.
    /// - Returns: the new baseline for the shell to store, and the episodes that ended.
    /// - Throws: ``DriftError`` where one of them is not open, or the place has another value than
    ///   the person saw.
    package mutating func accept(
        _ fingerprints: Set<Hash256>, expected: Snapshot, live: Snapshot, by person: Handle,
        actions: [ActionID] = [], now: Timestamp
    ) throws -> AcceptedDrift {
        preconditionFailure("body follows")
    }

    /// Notes that a person has seen episodes: no reminders for a week, but every change is told.
    ///
    /// - Throws: ``DriftError`` where one of them is not open.
    package mutating func acknowledge(
        _ fingerprints: Set<Hash256>, by person: Handle, now: Timestamp
    ) throws(DriftError) {
    }

    /// Watches the source by other settings from now on; the baseline stays, so that what the
    /// settings no longer show is told as removed rather than forgotten.
    ///
    /// - Throws: ``DriftError`` where it is another source.
    package mutating func configure(_ source: DriftSource) throws(DriftError) {}
}
