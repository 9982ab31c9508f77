// SPDX-License-Identifier: Apache-2.0

/// How long keys are used, and how often their issuer is asked, in seconds.
package struct KeyPatience: Sendable {
    /// Keys are asked for again after so long.
    let freshSeconds: Double
    /// Where the issuer does not answer they are used so long.
    let keptSeconds: Double
    /// Anybody can name a key that is unknown; the issuer is asked no more often than this.
    let unknownSeconds: Double
    /// An issuer that did not answer is left alone so long.
    let failureSeconds: Double

    /// For workloads, whose issuers many share: a key that was withdrawn works no longer.
    package static let workloads = KeyPatience(
        freshSeconds: IdentityLimits.keySeconds, keptSeconds: IdentityLimits.keySeconds,
        unknownSeconds: IdentityLimits.unknownKeySeconds,
        failureSeconds: IdentityLimits.failureSeconds)
    /// For the Bot Framework, which wants its keys to be read anew every 24 hours.
    package static let bots = KeyPatience(
        freshSeconds: IdentityLimits.botKeySeconds, keptSeconds: IdentityLimits.botKeptKeySeconds,
        unknownSeconds: IdentityLimits.botUnknownKeySeconds,
        failureSeconds: IdentityLimits.failureSeconds)
}

/// When to ask an issuer for its keys, and what to do meanwhile.
///
/// `now` is in seconds of a clock that never jumps.
package struct KeyCacheMachine: Sendable {
    package enum Answer: Sendable {
        case key(VerificationKey)
        /// The issuer's keys are fresh enough to say that this is none of them.
        case unknownKey
        /// Fetch the keys, then say ``fetched`` , ``failed`` or ``interrupted``.
        case fetch
        /// Somebody else is fetching them.
        case wait
        case unavailable(IssuerFailure)
    }

    private struct Entry: Sendable {
        var keys: KeySet?
        var fetchedAt = -Double.infinity
        var failure: IssuerFailure?
        var failedAt = -Double.infinity
        var isFetching = false
    }

    private let patience: KeyPatience
    private var entries: [String: Entry] = [:]

    package init(_ patience: KeyPatience = .workloads) { self.patience = patience }

    /// What to do for a token of this issuer that names this key, or none.
    package mutating func ask(_ issuer: String, key: String?, now: Double) -> Answer {
        let entry = entries[issuer] ?? Entry()
        let age = now - entry.fetchedAt
        if let keys = entry.keys, age < patience.freshSeconds {
            if let key = keys[key] { return .key(key) }
            if age < patience.unknownSeconds { return .unknownKey }
        }
        // Nobody waits, and nothing fails, for keys that are due and still good.
        let old = age < patience.keptSeconds ? entry.keys?[key] : nil
        if entry.isFetching { return old.map(Answer.key) ?? .wait }
        if let failure = entry.failure, now - entry.failedAt < patience.failureSeconds {
            return old.map(Answer.key) ?? .unavailable(failure)
        }
        entries[issuer, default: Entry()].isFetching = true
        return .fetch
    }

    package func isFetching(_ issuer: String) -> Bool { entries[issuer]?.isFetching ?? false }

    package mutating func fetched(_ issuer: String, _ keys: KeySet, now: Double) {
        entries[issuer] = Entry(keys: keys, fetchedAt: now)
    }

    package mutating func failed(_ issuer: String, _ failure: IssuerFailure, now: Double) {
        entries[issuer, default: Entry()].isFetching = false
        entries[issuer]?.failure = failure
        entries[issuer]?.failedAt = now
    }

    /// Whoever fetched went away; says nothing about the issuer.
    package mutating func interrupted(_ issuer: String) {
        entries[issuer]?.isFetching = false
    }

    /// Drops issuers that nobody trusts any more.
    package mutating func keep(_ issuers: Set<String>) {
        entries = entries.filter { issuers.contains($0.key) || $0.value.isFetching }
    }
}
