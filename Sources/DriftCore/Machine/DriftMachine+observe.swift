// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

extension DriftMachine {
    /// Takes an observation, and says what follows from it.
    ///
    /// - Parameters:
    ///   - observation: what was found; later than the last one.
    ///   - expected: the leaves of ``baseline``; nil if and only if there is none.
    ///   - effects: those of every action claimed or revoked in this scope whose subjects this
    ///     source watches, in any order. One that is left out explains nothing; one whose subject
    ///     it doesn't watch would be missed.
    ///   - rules: approved ignore rules; those of other sources don't matter.
    ///   - system: allow-listed controllers and the evidence of what they did.
    ///   - directions: the comparators of all kinds.
    ///   - ledgerIsSound: whether the chain of the ledger verified; if not, all is undetermined.
    ///   - now: the time; not before the observation ended.
    /// - Returns: what to record, store and send.
    /// - Throws: ``DriftError`` where `expected` is not the baseline, or the observation is older
    ///   than the last one or from the future; the machine is then as it was.
    package mutating func observe(
        _ observation: Observation, expected: Snapshot?, effects: [ApprovedEffect],
        rules: [IgnoreRule], system: SystemChanges = .none, directions: DirectionRules,
        ledgerIsSound: Bool, now: Timestamp
    ) throws -> DriftReport {
        DriftReport(observed: observation.status)
    }

    /// Opens a gap where nobody has reported for more than three cadences and a minute.
    ///
    /// To be called from time to time; what it opens, the next observation that sees something
    /// closes.
    package mutating func silent(now: Timestamp) -> DriftReport { DriftReport(observed: .failed) }
}
