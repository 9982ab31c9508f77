// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore

/// When one channel is told of the next alert: pace, patience with the vendor and with an alert.
///
/// Pure; one shell does what it says. What keeps everything from going lets all alerts wait. An
/// alert that alone can't go is put aside, so that those behind it go on. A refusal may be about
/// either, so it does both.
package struct AlertPatience: Sendable {
    private struct Aside {
        var due: Timestamp
        var tries = 0
    }

    /// Cards for the same place fall under the same limit of the vendor's, and come first.
    package static let spacingMilliseconds: Int64 = 2000
    /// The longest wait for a channel that does not answer.
    static let longestPause = 60.0
    /// The longest wait for a channel that refuses one alert after the other, and for an alert
    /// that alone is to be sent later.
    static let longestRefusal = 900.0
    /// A refused alert waits so long: somebody has to mend something first.
    static let refusedSeconds: Int64 = 3600
    /// Alerts put aside at a time; with more, the others wait in the outbox.
    static let asideLimit = 1000

    /// Nothing is sent before.
    package private(set) var notBefore = Timestamp(milliseconds: .min)
    private var aside: [String: Aside] = [:]
    private var silences = 0
    private var refusals = 0

    package init() {}

    /// Whether a further alert may be taken on.
    package var takesNew: Bool { aside.count < Self.asideLimit }

    /// When to look again if nothing else happens; nil for never.
    package var nextDue: Timestamp? {
        aside.values.map(\.due).min().map { max($0, notBefore) }
    }

    /// An alert whose turn has come again, the oldest first.
    package func due(_ now: Timestamp) -> String? {
        aside.filter { $0.value.due <= now }.keys
            .min { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func isAside(_ key: String) -> Bool { aside[key] != nil }

    /// Forgets an alert that is no longer to be told.
    package mutating func drop(_ key: String) { aside[key] = nil }

    /// Takes the end of a try.
    ///
    /// - Parameters:
    ///   - key: the alert.
    ///   - result: what became of it.
    ///   - now: the time.
    ///   - jitter: 0 to 1, so that those who failed together do not come back together.
    /// - Returns: true once the channel has it.
    package mutating func note(
        _ key: String, _ result: DeliveryResult, now: Timestamp, jitter: Double
    ) -> Bool {
        switch result {
        case .shown, .nothing:
            (silences, refusals) = (0, 0)
            aside[key] = nil
            wait(Self.spacingMilliseconds, now)
            return true
        case .later:
            silences = 0
            let tries = (aside[key]?.tries ?? 0) + 1
            let pause = Self.pause(tries, Self.longestRefusal, jitter)
            aside[key] = Aside(due: now.adding(milliseconds: pause), tries: tries)
            wait(Self.spacingMilliseconds, now)
        case .limited(let seconds, _):
            wait(max(Int64(seconds * 1000), Self.spacingMilliseconds), now)
        case .unavailable:
            silences += 1
            wait(Self.pause(silences, Self.longestPause, jitter), now)
        case .refused:
            silences = 0
            refusals += 1
            aside[key] = Aside(due: now.adding(seconds: Self.refusedSeconds))
            let pause = Self.pause(refusals, Self.longestRefusal, jitter)
            wait(max(pause, Self.spacingMilliseconds), now)
        }
        return false
    }

    private mutating func wait(_ milliseconds: Int64, _ now: Timestamp) {
        notBefore = now.adding(milliseconds: milliseconds)
    }

    /// 1 s, 2 s, 4 s and so on, less up to half by chance.
    private static func pause(_ tries: Int, _ longest: Double, _ jitter: Double) -> Int64 {
        let full = min(longest, Double(1 << min(tries - 1, 10)))
        return Int64(full * (0.5 + jitter / 2) * 1000)
    }
}
