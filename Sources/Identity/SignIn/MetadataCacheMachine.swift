// SPDX-License-Identifier: Apache-2.0

/// When to ask a provider for its description, and what to do meanwhile.
///
/// `now` is in seconds of a clock that never jumps.
struct MetadataCacheMachine: Sendable {
    enum Answer: Sendable {
        case metadata(ProviderMetadata)
        /// Fetch it, then say ``fetched(_:_:now:)`` or ``interrupted(_:)``.
        case fetch
        /// Somebody else is fetching it.
        case wait
        case refused(SignInRefused)
    }

    private struct Entry: Sendable {
        var result: Result<ProviderMetadata, SignInRefused>?
        var at = -Double.infinity
        var isFetching = false
    }

    private var entries: [String: Entry] = [:]

    /// What to do for this issuer.
    mutating func ask(_ issuer: String, now: Double) -> Answer {
        let entry = entries[issuer] ?? Entry()
        switch entry.result {
        case .success(let metadata) where now - entry.at < IdentityLimits.metadataSeconds:
            return .metadata(metadata)
        case .failure(let refusal) where now - entry.at < IdentityLimits.failureSeconds:
            return .refused(refusal)
        default: break
        }
        guard !entry.isFetching else { return .wait }
        entries[issuer, default: Entry()].isFetching = true
        return .fetch
    }

    func isFetching(_ issuer: String) -> Bool { entries[issuer]?.isFetching ?? false }

    mutating func fetched(
        _ issuer: String, _ result: Result<ProviderMetadata, SignInRefused>, now: Double
    ) {
        entries[issuer] = Entry(result: result, at: now)
    }

    /// Whoever fetched went away; says nothing about the provider.
    mutating func interrupted(_ issuer: String) { entries[issuer]?.isFetching = false }
}
