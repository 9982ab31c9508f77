// SPDX-License-Identifier: Apache-2.0

/// Every limit of Microsoft Teams that a card of ours could reach, in one place.
package enum TeamsLimits {
    /// Bytes of a card in JSON.
    ///
    /// The vendor names 28 KB for a whole message, and the activity around the card takes some.
    package static let cardBytes = 24 * 1024
    /// Lines of a card, as in Slack.
    package static let lines = SlackLimits.lines
    /// A reason, as in Slack.
    package static let inputLength = SlackLimits.inputLength
    /// An address; beyond it browsers give up too.
    package static let url = 2048
}
