// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore

/// Names one effect of one action.
package struct EffectKey: Sendable, Hashable, Comparable {
    package let action: ActionID
    package let number: Int

    package init(action: ActionID, number: Int) {
        self.action = action
        self.number = number
    }

    package static func < (a: EffectKey, b: EffectKey) -> Bool {
        if a.action == b.action { return a.number < b.number }
        return a.action.text.utf8.lexicographicallyPrecedes(b.action.text.utf8)
    }
}

extension ApprovedEffect {
    package var key: EffectKey { EffectKey(action: action, number: number) }

    /// Whether a gate claimed it; what was revoked before may not happen at all.
    package var isClaimed: Bool { standing != .revoked }

    /// The last instant at which it may first be seen; for an action that runs it moves on.
    package func windowEnd(now: Timestamp) -> Timestamp {
        (ended ?? now).adding(seconds: effect.within ?? DriftLimits.settleSeconds)
    }
}

/// What became of an effect; from then on it explains nothing more.
package struct EffectSettlement: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// It was seen in place.
        case seen
        /// A later effect on the same place was seen first.
        case superseded
        /// A person said that it need not come, or a baseline was approved after it.
        case dismissed
    }

    package let kind: Kind
    /// The end of the observation that showed it.
    package let at: Timestamp

    package init(kind: Kind, at: Timestamp) {
        self.kind = kind
        self.at = at
    }
}

/// When a change may have happened: after the last time the old value was seen, and before it was
/// first seen.
package struct ChangeInterval: Sendable, Hashable {
    package let from: Timestamp
    package let to: Timestamp

    package init(from: Timestamp, to: Timestamp) {
        self.from = from
        self.to = to
    }

    package func overlaps(_ start: Timestamp, _ end: Timestamp) -> Bool {
        from <= end && start <= to
    }

    package func isInside(_ start: Timestamp, _ end: Timestamp) -> Bool {
        start <= from && to <= end
    }
}
