// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore

/// An effect that an action declared and a gate claimed: the only thing that explains a change.
///
/// What an action declares is ``ApprovalCore/DeclaredEffect``, a part of its frozen operation.
package struct ApprovedEffect: Sendable, Hashable {
    /// What became of the action.
    package enum Standing: String, Sendable, Hashable, CaseIterable {
        /// Claimed, and no outcome yet.
        case running
        case succeeded
        /// It was reported to have failed; parts of it may have happened.
        case failed
        /// The gate went silent, or said that it does not know.
        case unknown
        /// Revoked or invalidated before it was claimed: nothing of it may happen.
        case revoked
    }

    package let action: ActionID
    /// Which of the action's effects, from 0.
    package let number: Int
    package let effect: DeclaredEffect
    package let standing: Standing
    /// The index of its claim in the ledger, or of the entry that revoked it: their order.
    package let index: UInt64
    /// When it was claimed, or revoked.
    package let began: Timestamp
    /// When its outcome was reported; nil while it runs.
    package let ended: Timestamp?
    /// True where the effect was not declared but observed while the action ran.
    package let isObserved: Bool
    /// What the gate found there before the action ran; nil where it did not look.
    package let seenBefore: DeclaredEffect.Post?

    package init(
        action: ActionID, number: Int, effect: DeclaredEffect, standing: Standing, index: UInt64,
        began: Timestamp, ended: Timestamp?, isObserved: Bool,
        seenBefore: DeclaredEffect.Post? = nil
    ) {
        self.action = action
        self.number = number
        self.effect = effect
        self.standing = standing
        self.index = index
        self.began = began
        self.ended = ended
        self.isObserved = isObserved
        self.seenBefore = seenBefore
    }
}

/// What explains a deviation, most specific first.
///
/// Only the first three explain it.
package enum DriftVerdict: String, Sendable, Hashable, CaseIterable {
    /// The value is the approved one, the path is covered, the time fits, and the effect had not
    /// explained anything before.
    case explained
    /// A declared side effect of an approved action.
    case derived
    /// A controller that is allowed to set this field, identity-checked, did.
    case system
    /// On an approved path, with another value than the approved one.
    case partial
    /// What an action declared, outside its time.
    case outOfWindow = "out_of_window"
    /// What an action declared, a second time.
    case replayed
    /// What an action declared that was revoked before it ran.
    case revoked
    /// An approved effect that is not there.
    case missingEffect = "missing_effect"
    /// Nothing covers it.
    case unauthorised
    /// Something was not seen, so that nothing can be said. Alerts, never passes.
    case undetermined

    package var explains: Bool { self == .explained || self == .derived || self == .system }
}

/// Why a verdict is what it is.
package struct Attribution: Sendable, Hashable {
    package let verdict: DriftVerdict
    /// The action and the effect of it that explain, or nearly explain, the deviation.
    package let action: ActionID?
    package let effect: Int?
    /// One line for people.
    package let reason: String
    /// Observed while the action ran rather than declared: weaker, and labelled.
    package let isObserved: Bool

    package init(
        _ verdict: DriftVerdict, action: ActionID? = nil, effect: Int? = nil, reason: String,
        isObserved: Bool = false
    ) {
        self.verdict = verdict
        self.action = action
        self.effect = effect
        self.reason = reason
        self.isObserved = isObserved
    }
}
