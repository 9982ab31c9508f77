// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// What one observation came to: for the shell to record, store and send.
package struct DriftReport: Sendable {
    package let observed: Observation.Status
    /// Episodes that began with it, told or pending, and those that came back.
    package internal(set) var opened: [Episode] = []
    /// Episodes whose value, verdict, severity or state is another than before.
    package internal(set) var changed: [Episode] = []
    package internal(set) var closed: [Episode] = []
    /// What approved actions and controllers explain.
    package internal(set) var explained: [ExplainedDeviation] = []
    /// Approved effects that should be there by now and are not; each is here once.
    package internal(set) var missing: [Episode] = []
    /// What rules hide.
    package internal(set) var ignored: [IgnoredDeviation] = []
    package internal(set) var gapsOpened: [OpenGap] = []
    package internal(set) var gapsClosed: [OpenGap] = []
    package internal(set) var alerts: [DriftAlert] = []
    /// The effects that this observation showed in place.
    package internal(set) var seen: [EffectKey] = []
    /// The baseline with what was verified, and nothing else, put in; nil if nothing was.
    package internal(set) var newBaseline: BaselineChange?
    /// A baseline for a person to approve; nil if none is asked for by this observation.
    package internal(set) var proposed: BaselineChange?
    /// Deviations beyond ``DriftLimits/deviations``.
    package internal(set) var beyondLimit: Int = 0

    /// Takes up what was not recorded yet: the gaps and alerts of an earlier report, and what was
    /// found put back before the observation was compared.
    package mutating func follow(_ earlier: DriftReport?, closed over: [Episode] = []) {
        closed = over + closed
        guard let earlier else { return }
        gapsOpened = earlier.gapsOpened + gapsOpened
        alerts = earlier.alerts + alerts
    }
}

/// A deviation with what explains it.
package struct ExplainedDeviation: Sendable, Hashable {
    package let deviation: Deviation
    package let attribution: Attribution
}
