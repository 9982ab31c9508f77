// SPDX-License-Identifier: Apache-2.0

package import TransparencyLog

/// What a message in a chat says of one action: the rendering, and how the review stands.
///
/// A view of the durable record, made again whenever that changes. Texts in it are safe to look at
/// as they are (see ``Rendering``) and are never markup.
package struct ReviewCard: Sendable, Hashable {
    /// What a surface may offer to whoever reads it.
    package enum Offer: Sendable, Hashable {
        /// Buttons, if the surface has room for all of the rendering.
        case buttons
        /// Only the page, with the reason why.
        case page(String)
        /// Nothing: nobody is asked any more.
        case nothing
    }

    package struct Slot: Sendable, Hashable {
        package let group: String
        package let quorum: Int
        /// Names of those who fill it so far.
        package let filled: [String]

        package init(group: String, quorum: Int, filled: [String]) {
            self.group = group
            self.quorum = quorum
            self.filled = filled
        }
    }

    package struct Decision: Sendable, Hashable {
        /// Name and id, such as `Bob Example (bob)`.
        package let person: String
        package let isApproval: Bool
        /// Where it was made, such as `slack` or `console`.
        package let channel: String
        package let reason: String?
        package let at: Timestamp
        package let isSelfApproved: Bool

        package init(
            person: String, isApproval: Bool, channel: String, reason: String?, at: Timestamp,
            isSelfApproved: Bool
        ) {
            self.person = person
            self.isApproval = isApproval
            self.channel = channel
            self.reason = reason
            self.at = at
            self.isSelfApproved = isSelfApproved
        }
    }

    /// Whether somebody still has to look at a broken glass.
    package enum Glass: Sendable, Hashable {
        case owed
        /// Nobody has looked at it in time.
        case overdue
        case settled
    }

    package let id: ActionID
    package let digest: Hash256
    /// The number of the action's entries; a newer card has a larger one.
    package let version: UInt64
    package let status: ActionStatus
    /// Such as `command.run`.
    package let action: String
    /// Such as `Host::"build-7"`.
    package let resource: String
    package let severity: Severity?
    package let assurance: Assurance?
    package let rendering: Rendering
    package let submittedAt: Timestamp
    package let deadline: Timestamp?
    package let slots: [Slot]
    package let decisions: [Decision]
    /// How it ended, in one sentence, once it has.
    package let ending: String?
    package let isAdvisory: Bool
    package let isUnsealed: Bool
    /// The action's page in the console.
    package let page: String
    package let offer: Offer
    /// Nil unless somebody broke the glass instead of waiting for approvals.
    package let glass: Glass?

    /// The first 16 hex digits of the action digest: what `--expect` takes, on every surface.
    package var shortDigest: String { String(digest.hex.prefix(16)) }

    package init(
        id: ActionID, digest: Hash256, version: UInt64, status: ActionStatus, action: String,
        resource: String, severity: Severity?, assurance: Assurance?, rendering: Rendering,
        submittedAt: Timestamp, deadline: Timestamp?, slots: [Slot], decisions: [Decision],
        ending: String?, isAdvisory: Bool, isUnsealed: Bool, page: String, offer: Offer,
        glass: Glass? = nil
    ) {
        self.id = id
        self.digest = digest
        self.version = version
        self.status = status
        self.action = action
        self.resource = resource
        self.severity = severity
        self.assurance = assurance
        self.rendering = rendering
        self.submittedAt = submittedAt
        self.deadline = deadline
        self.slots = slots
        self.decisions = decisions
        self.ending = ending
        self.isAdvisory = isAdvisory
        self.isUnsealed = isUnsealed
        self.page = page
        self.offer = offer
        self.glass = glass
    }
}
