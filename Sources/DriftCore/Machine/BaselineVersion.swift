// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import TransparencyLog

/// One version of what a source should look like; the leaves are kept elsewhere, under ``root``.
package struct BaselineVersion: Sendable, Hashable {
    package enum Origin: String, Sendable, Hashable, CaseIterable {
        /// What was found the first time, approved by a person.
        case captured
        /// A file that a person gave.
        case declared
        /// Deviations that a person accepted.
        case promoted
        /// Effects of approved actions that were seen in place.
        case effectApplied = "effect_applied"
    }

    /// From 1; each is one more than its ``parent``'s.
    package let version: Int64
    /// The root of the version before; nil for the first.
    package let parent: Hash256?
    package let root: Hash256
    package let origin: Origin
    /// The actions whose effects are new in it.
    package let derivedFrom: [ActionID]
    /// The person who approved it; nil while it is proposed, and where actions did.
    package let approvedBy: Handle?
    package let at: Timestamp
    /// Since when all of it is so: the start of the observation that it was captured at.
    ///
    /// Of a declared one it is when it was proposed. What ended before belongs to it.
    package let capturedAt: Timestamp
}

/// A baseline and its leaves, for the shell to store.
package struct BaselineChange: Sendable, Hashable {
    package let version: BaselineVersion
    package let snapshot: Snapshot
}
