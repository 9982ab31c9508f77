// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import JWTKit
import Synchronization
import TransparencyLog

@testable import Identity

/// A provider in memory: the issuer of the other tests, that gives a token for a code.
///
/// It checks what a good provider checks of the exchange, so that only what a test breaks is broken.
final class FakeProvider: Sendable {
    static let redirect = "https://exequatur.example/sign-in/corp/callback"
    static let clientID = "exequatur:1"
    static let secret = "s3cr:t &%+ä"
    static let code = "SplxlOBeZQQYbYS6WxSbIA"
    static let accessToken = "access-SlAV32hkKG"

    struct State: Sendable {
        var description: JSON? = FakeProvider.description
        /// Instead of a token.
        var answer: SignInAnswer?
        var isDown = false
        var accessToken = FakeProvider.accessToken
        var requests: [(url: String, headers: [String: String], form: [String: String]?)] = []
    }

    static let description: JSON = [
        "authorization_endpoint": .string(Issuer.url + "/authorize"),
        "code_challenge_methods_supported": ["plain", "S256"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256"],
        "issuer": .string(Issuer.url), "jwks_uri": .string(Issuer.url + "/jwks"),
        "response_types_supported": ["code", "code id_token"],
        "token_endpoint": .string(Issuer.url + "/token"),
    ]

    static let configuration: JSON = [
        "clientId": .string(clientID), "clientSecretFile": "/run/secret",
        "groups": ["SRE": "oncall", "Ops": "operators"], "groupsClaim": "groups",
        "issuer": .string(Issuer.url), "name": "corp", "requiredClaims": ["tid": "t-1"],
        "scopes": ["profile"], "title": "Corp",
    ]

    static let seconds = Issuer.now.milliseconds / 1000

    let issuer: Issuer
    let clock = TestSeconds()
    let client: SignInClient
    private let box = Box()

    init(allowsLoopback: Bool = false) async throws {
        let issuer = try await Issuer()
        let clock = clock
        let box = box
        self.issuer = issuer
        client = SignInClient(
            keys: IssuerKeys(source: issuer.source, seconds: { clock.now }),
            http: SignInHTTP { request throws(IssuerFailure) in try box.answer(request) },
            allowsLoopback: allowsLoopback)
    }

    func change(_ body: @Sendable (inout State) -> Void) { box.state.withLock { body(&$0) } }
    var requests: [(url: String, headers: [String: String], form: [String: String]?)] {
        box.state.withLock { $0.requests }
    }

    /// What the provider remembers of the request that the browser brought.
    func remember(challenge: String, token: String) {
        box.session.withLock { $0 = (challenge, token) }
    }

    /// The provider's side, apart so that the client's closure need not hold the client.
    private final class Box: Sendable {
        let state = Mutex(State())
        let session = Mutex<(challenge: String, token: String)>(("", ""))

        func answer(_ request: SignInRequest) throws(IssuerFailure) -> SignInAnswer {
            let form = request.form.map { FakeProvider.parse(String(decoding: $0, as: UTF8.self)) }
            let headers = Dictionary(request.headers) { $1 }
            let now = state.withLock { state in
                state.requests.append((request.url, headers, form))
                return state
            }
            if now.isDown { throw IssuerFailure("it does not answer: down") }
            guard let form else {
                guard let description = now.description else {
                    return SignInAnswer(status: 404, body: [])
                }
                return SignInAnswer(status: 200, body: Array(description.description.utf8))
            }
            if let answer = now.answer { return answer }
            let session = session.withLock { $0 }
            let verifier = form["code_verifier"] ?? ""
            let challenge = Base64URL.encode(Hash256.sha256(Array(verifier.utf8)).bytes)
            guard form["grant_type"] == "authorization_code", form["code"] == FakeProvider.code,
                form["redirect_uri"] == FakeProvider.redirect, challenge == session.challenge
            else {
                return SignInAnswer(
                    status: 400,
                    body: Array(#"{"error":"invalid_grant","error_description":"x"}"#.utf8))
            }
            let tokens: JSON = [
                "access_token": .string(now.accessToken), "expires_in": 300,
                "id_token": .string(session.token), "token_type": "bEARER",
            ]
            return SignInAnswer(status: 200, body: Array(tokens.description.utf8))
        }
    }

    // MARK: one sign-in

    static func provider(_ changes: JSONObject = [:]) throws -> SignInProvider {
        guard var object = configuration.objectValue else { throw GrantRefused("no object") }
        for (key, value) in changes { object[key] = value.isNull ? Optional.none : value }
        return try SignInProvider(.object(object), path: "signIn[0]") { _ in secret }
    }

    static func attempt(maxAge: Int64? = nil) -> SignInAttempt {
        SignInAttempt(
            provider: Handle(constant: "corp"), redirectURI: redirect,
            random: (0..<96).map { UInt8($0) }, now: Issuer.now.adding(seconds: -20),
            maxAgeSeconds: maxAge)
    }

    /// The claims of a good token.
    static let claims: JSONObject = [
        "acr": "high", "amr": ["pwd", "otp"], "aud": .string(clientID),
        "auth_time": .int(seconds - 10), "exp": .int(seconds + 300), "groups": ["SRE", "Other"],
        "iat": .int(seconds - 5), "iss": .string(Issuer.url), "name": "Ada Lovelace",
        "nonce": .string(attempt().nonce), "sub": "248289761001", "tid": "t-1",
    ]

    /// A token of these claims and no others.
    func token(
        _ changes: JSONObject = [:], header: JSONObject = Issuer.header, removing: [String] = [],
        by signer: (any JWTAlgorithm)? = nil
    ) throws -> String {
        var claims = Self.claims
        for (key, value) in changes { claims[key] = value }
        for key in removing { claims[key] = nil }
        return try issuer.token(
            header: JSON.object(header).description, claims: JSON.object(claims).description,
            by: signer)
    }

    /// Goes to the provider and comes back with this token and query.
    func signIn(
        _ token: String, query: [String: String] = [:], removing: [String] = [],
        attempt: SignInAttempt = attempt(), settings: JSONObject = [:],
        now: Timestamp = Issuer.now
    ) async throws -> ExternalIdentity {
        let provider = try Self.provider(settings)
        remember(challenge: Self.attempt().challenge, token: token)
        var callback = ["code": Self.code, "state": Self.attempt().state]
        callback.merge(query) { $1 }
        for name in removing { callback[name] = nil }
        return try await client.finish(
            callback: callback, attempt: attempt, provider: provider, now: now)
    }

    /// `taken`, or the code of the refusal.
    func verdict(
        _ token: String, query: [String: String] = [:], removing: [String] = [],
        attempt: SignInAttempt = attempt(), settings: JSONObject = [:],
        now: Timestamp = Issuer.now
    ) async throws -> String {
        do {
            _ = try await signIn(
                token, query: query, removing: removing, attempt: attempt, settings: settings,
                now: now)
            return "taken"
        } catch let refusal as SignInRefused {
            for secret in [Self.secret, Self.code, attempt.verifier, attempt.state, attempt.nonce]
            where refusal.description.contains(secret) { return "tells a secret" }
            return refusal.code.rawValue
        }
    }

    /// The parameters of a query or form.
    static func parse(_ text: String) -> [String: String] {
        let pairs = text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1).map {
                String($0).removingPercentEncoding ?? ""
            }
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
        return Dictionary(pairs) { _, second in second }
    }
}
