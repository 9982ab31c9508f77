// SPDX-License-Identifier: Apache-2.0

/// The channels of this installation: whether they answer, and what did not arrive.
public struct ChannelsPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// The configured channels, in order of id.
    public var channels: [ChannelRow]
    /// Messages that nobody tries to deliver any more, the newest first.
    public var undelivered: [UndeliveredRow]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, channels: [ChannelRow], undelivered: [UndeliveredRow]
    ) {
        self.shell = shell
        self.channels = channels
        self.undelivered = undelivered
    }
}

/// One channel.
public struct ChannelRow: Sendable, Hashable {
    /// Its id in the configuration.
    public var id: String
    /// What kind of channel it is, in words.
    public var kind: String
    /// When it last answered.
    public var reachedAt: ConsoleInstant?
    /// When a message last arrived.
    public var deliveredAt: ConsoleInstant?
    /// Messages that wait.
    public var waiting: Int
    /// What is wrong with it, and what to do.
    public var trouble: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        id: String, kind: String, reachedAt: ConsoleInstant?, deliveredAt: ConsoleInstant?,
        waiting: Int, trouble: String?
    ) {
        self.id = id
        self.kind = kind
        self.reachedAt = reachedAt
        self.deliveredAt = deliveredAt
        self.waiting = waiting
        self.trouble = trouble
    }
}

/// One message that was given up.
public struct UndeliveredRow: Sendable, Hashable {
    /// The action that it was about.
    public var action: String
    /// The channel.
    public var channel: String
    /// The place or person.
    public var target: String
    /// Why it was refused.
    public var failure: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(action: String, channel: String, target: String, failure: String) {
        self.action = action
        self.channel = channel
        self.target = target
        self.failure = failure
    }
}

/// How one place stands with an action.
public struct ConsoleDelivery: Sendable, Hashable {
    /// The channel.
    public var channel: String
    /// The place or person.
    public var target: String
    /// How it stands.
    public var state: State
    /// When a message last arrived there.
    public var deliveredAt: ConsoleInstant?
    /// Why it has not, in words.
    public var failure: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        channel: String, target: String, state: State, deliveredAt: ConsoleInstant?,
        failure: String?
    ) {
        self.channel = channel
        self.target = target
        self.state = state
        self.deliveredAt = deliveredAt
        self.failure = failure
    }

    /// How a place stands.
    public enum State: String, Sendable, Hashable, CaseIterable {
        case shown, waiting, refused

        var word: String {
            switch self {
            case .shown: "up to date"
            case .waiting: "on its way"
            case .refused: "not delivered"
            }
        }

        var tone: String {
            switch self {
            case .shown: "good"
            case .waiting: "open"
            case .refused: "bad"
            }
        }
    }
}
