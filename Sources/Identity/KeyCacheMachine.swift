// SPDX-License-Identifier: Apache-2.0

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

    private var entries: [String: Entry] = [:]

    package init() {}

    /// What to do for a token of this issuer that names this key.
    package mutating func ask(_ issuer: String, key: String, now: Double) -> Answer {
        let entry = entries[issuer] ?? Entry()
        let age = now - entry.fetchedAt
        if let keys = entry.keys, age < IdentityLimits.keySeconds {
            if let key = keys[key] { return .key(key) }
            if age < IdentityLimits.unknownKeySeconds { return .unknownKey }
        }
        if entry.isFetching { return .wait }
        if let failure = entry.failure, now - entry.failedAt < IdentityLimits.failureSeconds {
            return .unavailable(failure)
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
