// SPDX-License-Identifier: Apache-2.0

package import TransparencyLog

/// What a chat is told of one action, and whom it concerns.
package struct ReviewNotice: Sendable {
    package let card: ReviewCard
    /// Groups that are asked.
    package let groups: [Handle]
    /// Persons who may decide, by the directory of now.
    package let eligible: [Handle]
    /// Persons behind the request: they are told, and never asked.
    package let requesters: [Handle]
    /// Persons who have decided.
    package let deciders: [Handle]
    /// Persons who are told although nobody asks them: every member of the groups that were asked,
    /// where somebody broke the glass.
    package let witnesses: [Handle]

    package init(
        card: ReviewCard, groups: [Handle], eligible: [Handle], requesters: [Handle],
        deciders: [Handle], witnesses: [Handle] = []
    ) {
        self.card = card
        self.groups = groups
        self.eligible = eligible
        self.requesters = requesters
        self.deciders = deciders
        self.witnesses = witnesses
    }
}

/// An action whose chats have not heard of its latest change.
package struct NoticeMark: Sendable, Hashable {
    package let action: ActionID
    /// The latest version that the mark stands for.
    package let version: UInt64

    package init(action: ActionID, version: UInt64) {
        self.action = action
        self.version = version
    }
}

/// A note that the channels keep for themselves, such as where a card stands.
///
/// Sealed like a session: what stands in it says where messages go.
package struct ChannelNote: Sendable, Hashable {
    package let key: String
    package let value: [UInt8]
    package let expires: Timestamp

    /// Makes one; keys are ASCII.
    package init(
        key: String, value: [UInt8], expires: Timestamp = Timestamp(milliseconds: .max)
    ) {
        self.key = key
        self.value = value
        self.expires = expires
    }
}

/// A decision as a chat delivers it.
package struct ChatDecision: Sendable {
    package let action: ActionID
    package let kind: ReviewDecision.Kind
    package let channel: Channel
    package let account: ChatAccount
    /// Digest of the rendering that the message showed.
    package let rendering: Hash256
    /// Whether the message had room for all of it.
    package let surfaceShowsAll: Bool
    package let reason: String?
    /// At least 16 hex digits of the action digest, where the surface asks for them as well.
    package let expect: String?

    package init(
        action: ActionID, kind: ReviewDecision.Kind, channel: Channel, account: ChatAccount,
        rendering: Hash256, surfaceShowsAll: Bool, reason: String?, expect: String? = nil
    ) {
        self.expect = expect
        self.action = action
        self.kind = kind
        self.channel = channel
        self.account = account
        self.rendering = rendering
        self.surfaceShowsAll = surfaceShowsAll
        self.reason = reason
    }
}
