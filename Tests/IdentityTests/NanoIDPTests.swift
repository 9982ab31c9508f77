// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import TestSupport
import Testing
import TransparencyLog

@testable import Identity

/// Signs in at nanoidp 3.4.0.
///
/// It requires PKCE and redirect addresses, ends a code at its first use, and binds tokens by nonce
/// and `at_hash`. What it does not do, the fake provider of the other tests stands in for: it
/// ignores `max_age` and `acr_values` (each of its logins is fresh, none has an `acr`), sends no
/// `iss` in the callback without TLS (RFC 9207), takes the halves of `client_secret_basic` as they
/// come instead of decoding them (RFC 6749 §2.3.1), so that only a plain secret works, and signs
/// with RS256 alone. It puts groups into an ID token only for whoever asks by `claims`.
@Suite(
    "Signing in at nanoidp",
    .enabled(
        if: NanoIDP.isHere,
        "nanoidp is not installed: run scripts/bootstrap, or name a Python with EXEQUATUR_NANOIDP"))
struct NanoIDPTests {
    /// One sign-in on its way: the browser is back with a query, nothing is exchanged yet.
    private struct Arrival {
        let callback: [String: String]
        let attempt: SignInAttempt
    }

    private let clock = TestSeconds()
    private let client: SignInClient

    init() {
        let clock = clock
        client = SignInClient(
            keys: IssuerKeys(source: .http, seconds: { clock.now }), http: .http,
            allowsLoopback: true)
    }

    private func provider(
        _ idp: NanoIDP, clientID: String = "exequatur", _ changes: JSONObject = [:]
    ) throws -> SignInProvider {
        var object: JSONObject = [
            "clientId": .string(clientID), "clientSecretFile": "/run/secret",
            "groups": ["SRE": "oncall"], "groupsClaim": "groups", "issuer": .string(idp.url),
            "name": "nano", "scopes": ["profile", "email"], "title": "nanoidp",
        ]
        for (key, value) in changes { object[key] = value.isNull ? Optional.none : value }
        return try SignInProvider(.object(object), path: "signIn[0]") { _ in NanoIDP.secret }
    }

    private func now() -> Timestamp {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }

    private func arrive(
        _ provider: SignInProvider, as user: String = "ada",
        with password: String = "difference-engine", maxAge: Int64? = 300
    ) async throws -> Arrival {
        var random = SystemRandomNumberGenerator()
        let attempt = SignInAttempt(
            provider: provider.name, redirectURI: NanoIDP.redirect,
            random: (0..<96).map { _ in UInt8.random(in: 0...255, using: &random) }, now: now(),
            maxAgeSeconds: maxAge)
        let url = attempt.authorizationURL(try await client.metadata(provider), provider)
        var browser = NanoBrowser()
        let callback = try await browser.logIn(at: url, user: user, password: password)
        return Arrival(callback: callback, attempt: attempt)
    }

    private func verdict(
        _ arrival: Arrival, _ provider: SignInProvider, after seconds: Int64 = 0,
        changing change: (String, JSON)? = nil
    ) async throws -> String {
        var attempt = arrival.attempt
        if let change {
            attempt = try SignInAttempt(json: attempt.json.setting([change.0], change.1))
        }
        do {
            _ = try await client.finish(
                callback: arrival.callback, attempt: attempt, provider: provider,
                now: now().adding(seconds: seconds))
            return "taken"
        } catch {
            return error.description.contains("invalid_grant")
                ? "invalid_grant" : error.code.rawValue
        }
    }

    @Test("a person signs in, with groups, by a client with a secret, and by one without")
    func signIn() async throws {
        try await NanoIDP.run { idp in
            for (clientID, changes): (String, JSONObject) in [
                ("exequatur", [:]), ("exequatur-public", ["clientSecretFile": nil]),
                ("exequatur-shared", ["otherAudiences": ["another-client"]]),
            ] {
                let provider = try provider(idp, clientID: clientID, changes)
                let arrival = try await arrive(provider)
                #expect(arrival.callback["state"] == arrival.attempt.state)
                let identity = try await client.finish(
                    callback: arrival.callback, attempt: arrival.attempt, provider: provider,
                    now: now())
                #expect(identity.issuer == idp.url && identity.subject == "ada")
                #expect(identity.groups == ["SRE", "MATHEMATICIANS"])
                #expect(provider.groups(of: identity) == [Handle(constant: "oncall")])
                let authenticated = try #require(identity.authenticatedAt)
                #expect(now().seconds(since: authenticated) < 60)
            }
            let provider = try provider(idp, ["requiredClaims": ["tenant": "t-1"]])
            let ada = try await arrive(provider)
            #expect(try await verdict(ada, provider) == "taken")
            let charles = try await arrive(provider, as: "charles", with: "analytical-engine")
            #expect(try await verdict(charles, provider) == "required_claim_mismatch")
            let open = try self.provider(idp)
            let none = try await arrive(open, as: "charles", with: "analytical-engine")
            let identity = try await client.finish(
                callback: none.callback, attempt: none.attempt, provider: open, now: now())
            #expect(identity.groups == [])
        }
    }

    @Test("a wrong password, scope or redirect address brings nobody back with a code")
    func notEvenThere() async throws {
        try await NanoIDP.run { idp in
            let plain = try provider(idp)
            await #expect(throws: NanoIDPFailure.self) {
                _ = try await arrive(plain, with: "wrong")
            }
            let scope = try provider(idp, ["scopes": ["everything"]])
            let arrival = try await arrive(scope)
            #expect(arrival.callback["error"] == "invalid_scope")
            #expect(try await verdict(arrival, scope) == "provider_error")
            let attempt = SignInAttempt(
                provider: plain.name, redirectURI: "http://127.0.0.1:9/elsewhere",
                random: Array(repeating: 1, count: 96), now: now(), maxAgeSeconds: nil)
            let url = attempt.authorizationURL(try await client.metadata(plain), plain)
            var browser = NanoBrowser()
            await #expect(throws: NanoIDPFailure.self) {
                _ = try await browser.logIn(at: url, user: "ada", password: "difference-engine")
            }
        }
    }

    @Test("no redirect is followed, and no more is read than was asked for")
    func caller() async throws {
        try await NanoIDP.run { idp in
            func request(_ path: String, limit: Int) -> SignInRequest {
                SignInRequest(url: idp.url + path, headers: [], form: nil, limit: limit)
            }
            let away = try await SignInHTTP.http.send(request("/ui/logout", limit: 65_536))
            #expect(away.status == 302)
            let path = "/.well-known/openid-configuration"
            let whole = try await SignInHTTP.http.send(request(path, limit: 65_536))
            let count = whole.body.count
            let exact = try await SignInHTTP.http.send(request(path, limit: count))
            #expect(exact.body == whole.body)
            await #expect(throws: IssuerFailure("it answers with more than \(count - 1) bytes")) {
                try await SignInHTTP.http.send(request(path, limit: count - 1))
            }
        }
    }

    @Test("codes: a wrong verifier, secret or client gets nothing, and none is taken twice")
    func codes() async throws {
        try await NanoIDP.run { idp in
            let provider = try provider(idp)
            let arrival = try await arrive(provider)
            let verifier = JSON.string(Base64URL.encode(Array(repeating: 7, count: 32)))
            #expect(
                try await verdict(arrival, provider, changing: ("verifier", verifier))
                    == "invalid_grant")
            let stranger = try SignInProvider(
                [
                    "clientId": "exequatur", "clientSecretFile": "x", "issuer": .string(idp.url),
                    "name": "nano", "title": "nanoidp",
                ], path: ""
            ) { _ in "wrong" }
            #expect(try await verdict(arrival, stranger) == "exchange_refused")
            let other = try self.provider(
                idp, clientID: "exequatur-public", ["clientSecretFile": nil])
            #expect(try await verdict(arrival, other) == "invalid_grant")
            #expect(try await verdict(arrival, provider) == "taken")
            #expect(try await verdict(arrival, provider) == "invalid_grant")
        }
    }

    @Test("tokens: another nonce, an expired one, a shared one and a new key")
    func tokens() async throws {
        try await NanoIDP.run { idp in
            let provider = try provider(idp)
            let nonce = JSON.string(Base64URL.encode(Array(repeating: 7, count: 32)))
            #expect(
                try await verdict(try await arrive(provider), provider, changing: ("nonce", nonce))
                    == "nonce_mismatch")
            // Five minutes, and the difference of the clocks.
            #expect(
                try await verdict(
                    try await arrive(provider, maxAge: nil), provider, after: 355) == "taken")
            #expect(
                try await verdict(
                    try await arrive(provider, maxAge: nil), provider, after: 365)
                    == "token_expired")
            #expect(
                try await verdict(try await arrive(provider, maxAge: 60), provider, after: 125)
                    == "authentication_old")
            #expect(
                try await verdict(try await arrive(provider), provider, after: 605)
                    == "attempt_expired")
            #expect(
                try await verdict(try await arrive(provider), provider, after: -65)
                    == "attempt_expired")
            let shared = try self.provider(idp, clientID: "exequatur-shared")
            #expect(try await verdict(try await arrive(shared), shared) == "audience_mismatch")
            try await idp.rotateKeys()
            #expect(try await verdict(try await arrive(provider), provider) == "key_unknown")
            clock.advance(60)
            #expect(try await verdict(try await arrive(provider), provider) == "taken")
        }
    }
}
