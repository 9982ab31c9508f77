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
    /// The bot's token is asked for again so long before it ends.
    static let tokenMarginSeconds: Int64 = 300
    /// And by the check of every five minutes before that, so that nobody who pressed waits for it.
    static let tokenAheadSeconds: Int64 = 600
    static let tokenSeconds: Int64 = 10
    static let requestSeconds: Int64 = 15
    /// A person who pressed or wrote waits, and Teams waits for about five seconds.
    static let interactiveSeconds: Int64 = 3
    /// A wait where the vendor names none.
    static let pauseSeconds = 10.0
    /// Messages in a row, and in a second, of one conversation.
    ///
    /// The vendor allows 7 in a second, 8 in two, 60 in thirty and 1800 in an hour: of messages at
    /// this pace no window of those holds more.
    static let burst = 6.0
    static let perSecond = 0.49
    /// The vendor's ids of conversations have up to about 200 bytes.
    static let conversationBytes = 512
    /// Actions that are listed to somebody who asks.
    static let queue = 10
}
