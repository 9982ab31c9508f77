// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import TransparencyLog

/// What is known of one source: baseline, open episodes, effects that were seen, gaps.
///
/// A value without clock or I/O. A shell observes, hands what it saw to ``observe(_:expected:
/// effects:rules:system:directions:ledgerIsSound:now:)``, records and stores what comes back, and
/// commits to ``digest`` in the ledger. Snapshots are kept by the shell, under their roots.
package struct DriftMachine: Sendable, Hashable {
    /// How the source is watched.
    package internal(set) var source: DriftSource
    package let createdAt: Timestamp
    /// The approved baseline; nil before a person has approved the first.
    package internal(set) var baseline: BaselineVersion?
    /// Whether the next observation is to be proposed though there is a baseline.
    var wantsProposal = false
    /// What awaits a person's approval.
    package internal(set) var proposed: BaselineVersion?
    /// The last observation, whatever it came to.
    package internal(set) var last: ObservationRecord?
    /// The start of the last one that saw anything; the lower end of what happened since.
    package internal(set) var lastSeen: Timestamp?
    /// All that are not closed, by fingerprint.
    package internal(set) var episodes: [Hash256: Episode] = [:]
    /// The last closed ones, so that it is known when one comes back.
    package internal(set) var closed: [Hash256: Episode] = [:]
    package internal(set) var settlements: [EffectKey: EffectSettlement] = [:]
    var derivedSeen: Set<DerivedKey> = []
    /// The root that the last comparison was with, or left behind.
    var comparedRoot: Hash256?
    package internal(set) var gaps: [OpenGap] = []
    package internal(set) var tallies: [IgnoreTally] = []
    /// Deviations of the last observation beyond the limit, and since when there are any.
    package internal(set) var flood: FloodMarker?
    /// Plans that are being carried out, by their digest.
    package internal(set) var remediations: [Hash256: RunningRemediation] = [:]

    /// The roots of the snapshots that the shell has to keep.
    package var snapshotRoots: Set<Hash256> {
        Set([baseline?.root, proposed?.root].compactMap(\.self))
    }

    /// A source of which nothing is known yet.
    package init(source: DriftSource, now: Timestamp) {
        self.source = source
        createdAt = now
    }
}

/// What is kept of an observation.
package struct ObservationRecord: Sendable, Hashable {
    package let started: Timestamp
    package let ended: Timestamp
    package let status: Observation.Status
    /// Nil where it failed.
    package let root: Hash256?
}

/// More deviations than are told apart.
package struct FloodMarker: Sendable, Hashable {
    package let since: Timestamp
    package internal(set) var count: Int64
    /// The worst of those that are only counted.
    package internal(set) var severity: DriftSeverity
    package internal(set) var told: Timestamp
    package internal(set) var toldSeverity: DriftSeverity
}

/// A plan that was approved and is being carried out.
package struct RunningRemediation: Sendable, Hashable {
    package let action: ActionID
    package let since: Timestamp
    package let subjects: [String]
    package let fingerprints: [Hash256]
}

/// What accepting deviations came to.
package struct AcceptedDrift: Sendable {
    /// The new baseline; nil where only missing effects were given up.
    package let baseline: BaselineChange?
    package let closed: [Episode]
}
