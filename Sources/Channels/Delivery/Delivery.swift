// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

/// One place that shows one action.
package struct DeliveryKey: Sendable, Hashable, Comparable {
    package let action: ActionID
    package let channel: Handle
    /// A place of the vendor's, `@` and a person, or an address.
    package let target: String

    package init(action: ActionID, channel: Handle, target: String) {
        self.action = action
        self.channel = channel
        self.target = target
    }

    /// Where it is kept; nil for what is no key.
    package init?(note: String) {
        let parts = note.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "card", let action = ActionID(String(parts[1])),
            let channel = Handle(String(parts[2]))
        else { return nil }
        self.init(action: action, channel: channel, target: String(parts[3]))
    }

    package var note: String { "card/\(action)/\(channel)/\(target)" }

    /// What begins the keys of one action.
    package static func prefix(_ action: ActionID) -> String { "card/\(action)/" }

    /// In order of action, the older first; ids are in order of time.
    package static func < (a: DeliveryKey, b: DeliveryKey) -> Bool {
        if a.action != b.action { return a.action.text < b.action.text }
        return a.note.utf8.lexicographicallyPrecedes(b.note.utf8)
    }
}

/// How far one place is behind what it should show.
package struct Delivery: Sendable, Hashable {
    /// The version of the action that is to be shown.
    package var wanted: UInt64
    /// The version that is shown; 0 for nothing yet.
    package var shown: UInt64 = 0
    /// Where the vendor keeps the message; nil before there is one.
    package var remote: JSON?
    /// Tries since the last success.
    package var attempts = 0
    /// Why the last try failed.
    package var failure: String?
    /// True once nobody tries any more, until the action changes again.
    package var isDead = false
    /// When what is not shown yet happened.
    package var since: Timestamp
    package var deliveredAt: Timestamp?

    package init(wanted: UInt64, since: Timestamp) {
        self.wanted = wanted
        self.since = since
    }

    package var isWaiting: Bool { shown < wanted && !isDead }

    /// Asks for a newer version; one that was given up gets another chance.
    mutating func want(_ version: UInt64, now: Timestamp) {
        guard version > wanted else { return }
        if shown == wanted || isDead { since = now }
        wanted = version
        isDead = false
        attempts = 0
    }

    /// What is known of a place from two sides that did not know of each other.
    ///
    /// Whoever knows more of what is shown knows where it is; what is wanted is the newest; and only
    /// whoever wants the newest can have given it up.
    package func merged(with other: Delivery) -> Delivery {
        var result = other.shown >= shown ? other : self
        result.remote = result.remote ?? remote ?? other.remote
        result.wanted = max(wanted, other.wanted)
        result.shown = max(shown, other.shown)
        result.isDead = wanted > other.wanted ? isDead : other.isDead
        return result
    }

    /// Gives what was given up another chance.
    mutating func revive(now: Timestamp) {
        guard isDead else { return }
        isDead = false
        attempts = 0
        since = now
    }

    package init?(_ bytes: [UInt8]) {
        guard let json = try? JSON(parsing: bytes), let wanted = json["wanted"]?.intValue,
            let shown = json["shown"]?.intValue,
            let since = json["since"]?.stringValue.flatMap(Timestamp.init)
        else { return nil }
        self.wanted = UInt64(clamping: wanted)
        self.shown = UInt64(clamping: shown)
        self.since = since
        remote = json["remote"].flatMap { $0.isNull ? Optional.none : $0 }
        attempts = Int(clamping: json["attempts"]?.intValue ?? 0)
        failure = json["failure"]?.stringValue
        isDead = json["dead"]?.boolValue ?? false
        deliveredAt = json["deliveredAt"]?.stringValue.flatMap(Timestamp.init)
    }

    package var json: JSON {
        [
            "attempts": .int(attempts), "dead": .bool(isDead),
            "deliveredAt": deliveredAt.map { .string($0.description) } ?? .null,
            "failure": failure.map(JSON.string) ?? .null, "remote": remote ?? .null,
            "shown": .int(Int64(clamping: shown)), "since": .string(since.description),
            "wanted": .int(Int64(clamping: wanted)),
        ]
    }

    package var bytes: [UInt8] { (try? json.canonicalBytes()) ?? [] }
}

/// What became of one try.
package enum DeliveryResult: Sendable, Hashable {
    /// It is there; where.
    case shown(JSON)
    /// Nothing had to be sent, such as to a person without an account, or because what stands there
    /// says the same; where it is, if anywhere.
    case nothing(JSON?)
    /// This message later.
    case later(String)
    /// Everything of this method later: the vendor says so (429).
    case limited(seconds: Double, method: String)
    /// Everything of this channel later: it does not answer.
    case unavailable(String)
    /// Not as long as nobody mends something.
    case refused(String)
}

/// Which limit of the vendor's a message falls under.
package struct Lane: Sendable, Hashable {
    package let channel: Handle
    package let method: String
    /// Where the vendor counts each place on its own; empty otherwise.
    package let place: String

    package init(channel: Handle, method: String, place: String = "") {
        self.channel = channel
        self.method = method
        self.place = place
    }
}

/// How fast a lane may go.
package struct Pace: Sendable, Hashable {
    package let burst: Double
    package let perSecond: Double

    package init(burst: Double, perSecond: Double) {
        self.burst = burst
        self.perSecond = perSecond
    }
}
