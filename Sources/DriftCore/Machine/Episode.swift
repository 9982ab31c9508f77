// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import TransparencyLog

/// A deviation from the first time it is seen until it is gone.
package struct Episode: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, CaseIterable {
        /// Not told yet: too few observations agree.
        case pending
        case open
        /// A person has seen it; only a change of it is told.
        case acknowledged
        /// Explained, but nothing that moves the baseline.
        case explained
        /// Hidden from alerts by an ignore rule.
        case ignored
        case closed
    }

    /// Why an episode ended.
    package enum Ending: String, Sendable, Hashable, CaseIterable {
        /// The place is as expected again.
        case vanished
        /// An approved plan put it back.
        case reverted
        /// A person accepted it, or approved a new baseline.
        case rebaselined
        /// An approved action declared what is there; the baseline has it now.
        case explained
        /// An effect that was missed came after all, or another took its place.
        case superseded
    }

    /// Names the episode: ``Deviation/fingerprint``, or that of a missing effect.
    package let fingerprint: Hash256
    /// As last seen.
    ///
    /// Values of more than ``largestValueBytes`` are digests, see ``valueDigest``.
    package internal(set) var deviation: Deviation
    /// SHA-256 of the found value, or of nothing where there is none.
    package internal(set) var valueDigest: Hash256
    package internal(set) var attribution: Attribution
    /// What explained this very value; holds as long as the value does.
    package internal(set) var explanation: Attribution?
    package internal(set) var direction: DriftDirection
    package internal(set) var severity: DriftSeverity
    package internal(set) var state: State
    /// Nil until it is closed.
    package internal(set) var ending: Ending?
    package let firstSeen: Timestamp
    package internal(set) var lastSeen: Timestamp
    /// Observations that showed it.
    package internal(set) var hits: Int64
    /// When this value came about.
    package internal(set) var interval: ChangeInterval
    /// Consecutive observations that showed this very value.
    package internal(set) var agreeing: Int64
    /// Times that it changed, or came back, since ``flipsSince``.
    package internal(set) var flips: Int64
    package internal(set) var flipsSince: Timestamp
    /// When it was last told, with which value, and how bad it was then.
    package internal(set) var told: Timestamp?
    package internal(set) var toldValue: Hash256?
    package internal(set) var toldSeverity: DriftSeverity?
    /// The effect that is missing, where that is what it is about.
    package let missing: EffectKey?
    /// The rule that hides it.
    package internal(set) var ignoredBy: Handle?
    /// Who acknowledged it.
    package internal(set) var acknowledgedBy: Handle?
    /// Times that it was put back by a plan and came again.
    package internal(set) var fought: Int64

    /// Larger values are kept as `{"$digest":"sha256:…"}`.
    package static let largestValueBytes = 4096
}

/// Something that was not seen, from when it was last seen until it is seen again.
package struct OpenGap: Sendable, Hashable {
    package let gap: CoverageGap
    package let since: Timestamp
    /// The start of the last observation that saw it; nil if there was none.
    package let lastSeen: Timestamp?
    package internal(set) var hits: Int64
    package internal(set) var told: Timestamp
}

/// What people are to be told; each is delivered once.
package struct DriftAlert: Sendable, Hashable {
    package enum Cause: String, Sendable, Hashable, CaseIterable {
        case opened
        /// Another value than the one that was told.
        case changed
        /// More severe than it was told.
        case rose
        /// It was over, and is back.
        case reopened
        /// It changes again and again; from now on only told from time to time.
        case flapping
        /// Still there.
        case reminder
        /// An approved effect that did not come.
        case missingEffect = "missing_effect"
        /// Something is not seen any more.
        case gap
        /// There are more deviations than are told apart.
        case flood
    }

    package let cause: Cause
    package let severity: DriftSeverity
    /// The episode it is about.
    package let episode: Hash256?
    package let gap: CoverageGap?
    /// One line for people.
    package let text: String
}
