// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Synchronization

/// The relying party: sends people to providers, and says who comes back.
///
/// Knows no session: an attempt is the caller's to keep where only its browser can end it, and to
/// throw away before ``finish(callback:attempt:provider:now:)`` is asked, so that nobody ends it
/// twice.
package final class SignInClient: Sendable {
    private struct State {
        var machine = MetadataCacheMachine()
        var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
    }

    private let keys: IssuerKeys
    private let http: SignInHTTP
    private let allowsLoopback: Bool
    private let state = Mutex(State())

    /// A client for all providers.
    ///
    /// - Parameters:
    ///   - keys: for providers alone: the ones of workloads forget who is in no trust. Its clock
    ///     times the descriptions too.
    ///   - http: how codes are exchanged and descriptions read.
    ///   - allowsLoopback: for tests, whether providers without TLS on this machine are taken.
    package init(keys: IssuerKeys, http: SignInHTTP, allowsLoopback: Bool) {
        self.keys = keys
        self.http = http
        self.allowsLoopback = allowsLoopback
    }

    /// What a provider says about itself: one fetch at a time, no more than one in ten minutes,
    /// and none for five seconds after one that failed.
    ///
    /// - Throws: `SignInRefused` where it does not answer, or can't be used as it is configured.
    package func metadata(
        _ provider: SignInProvider
    ) async throws(SignInRefused) -> ProviderMetadata {
        let issuer = provider.issuer
        guard allowsLoopback || !issuer.isPlain else {
            throw SignInRefused(
                .loopbackRefused,
                "the provider is on loopback, which this server was not told to allow")
        }
        for _ in 0..<4 {
            switch state.withLock({ $0.machine.ask(issuer.text, now: keys.seconds()) }) {
            case .metadata(let metadata): return try Self.suitable(metadata, provider)
            case .refused(let refusal): throw refusal
            case .fetch: await fetch(issuer)
            case .wait: try await wait(issuer)
            }
        }
        throw Self.unavailable(issuer, "too many requests wait for its description")
    }

    /// Who the browser brings back, after every check.
    ///
    /// - Parameters:
    ///   - callback: the query, in which no parameter may stand twice: `code`, `state`, `iss`,
    ///     `error` and `error_description`; others are ignored.
    ///   - attempt: the one that this browser began, and that nobody ended yet.
    ///   - provider: the provider of the attempt.
    ///   - now: the wall clock.
    /// - Returns: the person, as the provider knows him.
    /// - Throws: `SignInRefused` for anything else than a person whom the provider vouches for.
    package func finish(
        callback: [String: String], attempt: SignInAttempt, provider: SignInProvider,
        now: Timestamp
    ) async throws(SignInRefused) -> ExternalIdentity {
        let callback = try SignInCallback(
            callback, attempt: attempt, provider: provider, now: now)
        let metadata = try await metadata(provider)
        let code = try callback.code(metadata)
        let tokens = try await exchange(
            TokenExchange.request(
                code: code, attempt: attempt, provider: provider, metadata: metadata))
        let token = try IDToken(tokens.idToken)
        try token.check(
            IDToken.Expectation(
                provider: provider, algorithms: metadata.signingAlgorithms, nonce: attempt.nonce,
                maxAgeSeconds: attempt.maxAgeSeconds, accessToken: tokens.accessToken), now: now)
        return try token.identity(try await key(token.keyID, provider.issuer), provider)
    }
}

// MARK: asking

extension SignInClient {
    private static func unavailable(_ issuer: IssuerURL, _ why: String) -> SignInRefused {
        SignInRefused(.providerUnavailable, "`\(issuer)`: \(why): try again in a moment")
    }

    private static func suitable(
        _ metadata: ProviderMetadata, _ provider: SignInProvider
    ) throws(SignInRefused) -> ProviderMetadata {
        guard provider.clientSecret == nil || metadata.takesBasic else {
            throw SignInRefused(
                .providerUnsuitable,
                "the description of `\(provider.issuer)` lists no `client_secret_basic` in "
                    + "`token_endpoint_auth_methods_supported`")
        }
        return metadata
    }

    private func exchange(
        _ request: SignInRequest
    ) async throws(SignInRefused) -> TokenExchange.Tokens {
        let answer: SignInAnswer
        do {
            answer = try await http.send(request)
        } catch {
            throw SignInRefused(
                .exchangeUnavailable, "the provider gives no token: \(error): sign in again")
        }
        return try TokenExchange.tokens(answer)
    }

    private func key(
        _ id: String?, _ issuer: IssuerURL
    ) async throws(SignInRefused) -> VerificationKey {
        let key: VerificationKey?
        do {
            key = try await keys.key(id, at: KeyPlace(issuer), trusted: nil)
        } catch {
            throw SignInRefused(
                .keysUnavailable, "`\(issuer)`: \(error): try again in a moment")
        }
        guard let key else {
            let name = id.map { "no key `\(CompactToken.shown($0))`" }
            throw SignInRefused(
                .keyUnknown,
                "`\(issuer)` has \(name ?? "several keys, and the ID token names none of them")")
        }
        return key
    }

    private func fetch(_ issuer: IssuerURL) async {
        let result: Result<ProviderMetadata, SignInRefused>
        do throws(SignInRefused) {
            result = .success(try await read(issuer))
        } catch {
            result = .failure(error)
        }
        let isInterrupted = Task.isCancelled
        let waiting = state.withLock { state in
            if isInterrupted {
                state.machine.interrupted(issuer.text)
            } else {
                state.machine.fetched(issuer.text, result, now: keys.seconds())
            }
            return state.waiting.removeValue(forKey: issuer.text) ?? []
        }
        for continuation in waiting { continuation.resume() }
    }

    private func read(_ issuer: IssuerURL) async throws(SignInRefused) -> ProviderMetadata {
        let answer: SignInAnswer
        do {
            answer = try await http.send(
                SignInRequest(
                    url: issuer.discovery, headers: [], form: nil,
                    limit: IdentityLimits.discoveryBytes))
        } catch {
            throw Self.unavailable(issuer, "\(error)")
        }
        guard answer.status == 200 else {
            throw Self.unavailable(issuer, "it answers with status \(answer.status)")
        }
        guard let json = try? JSON(parsing: answer.body) else {
            throw SignInRefused(
                .providerUnsuitable, "the description of `\(issuer)` can't be read")
        }
        return try ProviderMetadata(json, issuer: issuer)
    }

    private func wait(_ issuer: IssuerURL) async throws(SignInRefused) {
        let key = issuer.text
        let isFull = state.withLock {
            $0.waiting[key]?.count ?? 0 >= IdentityLimits.metadataWaiters
        }
        guard !isFull else {
            throw Self.unavailable(issuer, "too many requests wait for its description")
        }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard state.machine.isFetching(key) else { return true }
                state.waiting[key, default: []].append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}
