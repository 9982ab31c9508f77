// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import Identity

@Suite("Signing in by a provider")
struct SignInTests {
    @Test("the browser is sent out with state, nonce, and the challenge of the verifier")
    func out() async throws {
        let fake = try await FakeProvider()
        let provider = try FakeProvider.provider(["acrValues": ["mfa", "high"]])
        let attempt = FakeProvider.attempt(maxAge: 0)
        let metadata = try await fake.client.metadata(provider)
        let url = attempt.authorizationURL(metadata, provider)
        let parts = url.split(separator: "?")
        #expect(parts[0] == "\(Issuer.url)/authorize")
        #expect(
            FakeProvider.parse(String(parts[1])) == [
                "acr_values": "mfa high", "client_id": FakeProvider.clientID,
                "code_challenge": Base64URL.encode(
                    Hash256.sha256(Array(attempt.verifier.utf8)).bytes),
                "code_challenge_method": "S256", "max_age": "0", "nonce": attempt.nonce,
                "redirect_uri": FakeProvider.redirect, "response_type": "code",
                "scope": "openid profile", "state": attempt.state,
            ])
        #expect(Set([attempt.state, attempt.nonce, attempt.verifier]).count == 3)
        #expect(!url.contains(attempt.verifier))
        let described = FakeProvider.description.setting(["claims_parameter_supported"], true)
            .setting(["authorization_endpoint"], .string(Issuer.url + "/authorize?p=1"))
        let claims = try ProviderMetadata(described, issuer: provider.issuer)
        let asking = FakeProvider.attempt().authorizationURL(claims, provider)
        #expect(asking.hasPrefix("\(Issuer.url)/authorize?p=1&response_type=code&"))
        let query = FakeProvider.parse(String(asking.split(separator: "?")[1]))
        #expect(query["claims"] == #"{"id_token":{"groups":null,"tid":null}}"#)
        #expect(query["max_age"] == nil)
    }

    @Test("an attempt is kept as JSON, and shows no secret in logs")
    func kept() throws {
        for age: Int64? in [nil, 0, 300] {
            let attempt = FakeProvider.attempt(maxAge: age)
            #expect(try SignInAttempt(json: attempt.json) == attempt)
            let changes: [(String, JSON?)] = [
                ("state", "AAAA"), ("nonce", nil), ("verifier", 1), ("issuedAt", "now"),
                ("more", 1), ("maxAgeSeconds", -1), ("provider", "?"),
                ("redirectURI", .string(String(repeating: "x", count: 2049))),
            ]
            for change in changes {
                #expect(throws: (any Error).self, "\(change)") {
                    try SignInAttempt(json: attempt.json.setting([change.0], change.1))
                }
            }
            #expect(!"\(attempt)".contains(attempt.verifier))
        }
        #expect(!"\(try FakeProvider.provider())".contains(FakeProvider.secret))
    }

    @Test("the code is exchanged with the verifier, and with the secret as RFC 6749 §2.3.1 has it")
    func exchange() async throws {
        let fake = try await FakeProvider()
        #expect(try await fake.verdict(try fake.token()) == "taken")
        let request = try #require(fake.requests.last)
        #expect(request.url == Issuer.url + "/token")
        let pair = "exequatur%3A1:s3cr%3At%20%26%25%2B%C3%A4"
        #expect(
            request.headers["authorization"]
                == "Basic \(Data(pair.utf8).base64EncodedString())")
        #expect(request.form?["client_id"] == nil)
        #expect(request.form?["client_secret"] == nil)
        #expect(request.form?["code_verifier"] == FakeProvider.attempt().verifier)
        #expect(
            try await fake.verdict(try fake.token(), settings: ["clientSecretFile": nil])
                == "taken")
        let open = try #require(fake.requests.last)
        #expect(open.headers["authorization"] == nil)
        #expect(open.form?["client_id"] == FakeProvider.clientID)
    }

    @Test("the callback must be of this attempt, this provider and these ten minutes")
    func callbacks() async throws {
        let fake = try await FakeProvider()
        let token = try fake.token()
        func verdict(
            _ query: [String: String] = [:], removing: [String] = [], after seconds: Int64 = 0
        ) async throws -> String {
            try await fake.verdict(
                token, query: query, removing: removing,
                now: Issuer.now.adding(seconds: seconds))
        }
        let state = FakeProvider.attempt().state
        #expect(try await verdict(removing: ["state"]) == "state_mismatch")
        #expect(try await verdict(["state": ""]) == "state_mismatch")
        #expect(try await verdict(["state": String(state.dropLast())]) == "state_mismatch")
        #expect(try await verdict(["state": state + "A"]) == "state_mismatch")
        #expect(try await verdict(["state": String(state.reversed())]) == "state_mismatch")
        #expect(try await verdict(removing: ["code"]) == "code_missing")
        #expect(try await verdict(["code": ""]) == "code_missing")
        #expect(
            try await verdict(["code": String(repeating: "c", count: 4097)])
                == "callback_unreadable")
        #expect(try await verdict(after: 581) == "attempt_expired")
        #expect(try await verdict(after: -81) == "attempt_expired")
        let other = try SignInAttempt(
            json: FakeProvider.attempt().json.setting(["provider"], "other"))
        #expect(try await fake.verdict(token, attempt: other) == "provider_mismatch")
        #expect(fake.requests.filter { $0.form != nil }.isEmpty)
        #expect(try await verdict(["more": "1"]) == "taken")
    }

    @Test("the issuer in the callback is exact, and demanded where the provider promises it")
    func issuer() async throws {
        let fake = try await FakeProvider()
        let token = try fake.token()
        #expect(try await fake.verdict(token, query: ["iss": Issuer.url]) == "taken")
        for other in ["", Issuer.url + "/", "https://evil.example"] {
            #expect(
                try await fake.verdict(token, query: ["iss": other]) == "callback_issuer_mismatch")
        }
        let promising = try await FakeProvider()
        promising.change {
            $0.description = FakeProvider.description.setting(
                ["authorization_response_iss_parameter_supported"], true)
        }
        let good = try promising.token()
        #expect(try await promising.verdict(good) == "callback_issuer_missing")
        #expect(
            try await promising.verdict(good, query: ["error": "access_denied"])
                == "callback_issuer_missing")
        #expect(try await promising.verdict(good, query: ["iss": Issuer.url]) == "taken")
    }

    @Test("an error of the provider is told, escaped and shortened")
    func providerErrors() async throws {
        let fake = try await FakeProvider()
        let long = "no\u{202E}\n" + String(repeating: "x", count: 400)
        do {
            _ = try await fake.signIn(
                try fake.token(), query: ["error": "access_denied", "error_description": long])
            Issue.record("taken")
        } catch let refusal as SignInRefused {
            #expect(refusal.code == .providerError)
            #expect(refusal.description.contains("`access_denied`: no\\u{202e}\\nxxx"))
            #expect(refusal.description.utf8.count < 400)
        }
    }

    @Test("what the provider gives for the code is read strictly")
    func answers() async throws {
        let fake = try await FakeProvider()
        let token = try fake.token()
        let good: JSON = [
            "access_token": .string(FakeProvider.accessToken), "id_token": .string(token),
            "token_type": "Bearer",
        ]
        for (status, body, verdict): (Int, String, String) in [
            (200, good.description, "taken"),
            (200, good.setting(["token_type"], "bearer").description, "taken"),
            (200, good.setting(["token_type"], "DPoP").description, "token_type_unsupported"),
            (200, good.setting(["token_type"], nil).description, "token_type_unsupported"),
            (200, good.setting(["id_token"], nil).description, "answer_unreadable"),
            (200, good.setting(["access_token"], nil).description, "answer_unreadable"),
            (200, good.setting(["access_token"], "").description, "answer_unreadable"),
            (200, "[\(good)]", "answer_unreadable"),
            (200, "", "answer_unreadable"),
            (200, good.description + "{}", "answer_unreadable"),
            (
                200, #"{"id_token":"a","id_token":"b","access_token":"c","token_type":"Bearer"}"#,
                "answer_unreadable"
            ),
            (
                200,
                good.setting(["x"], .string(String(repeating: "x", count: 65_536))).description,
                "answer_unreadable"
            ),
            (201, good.description, "exchange_refused"),
            (302, good.description, "exchange_refused"),
            (400, #"{"error":"invalid_grant"}"#, "exchange_refused"),
            (503, "<html>", "exchange_refused"),
        ] {
            fake.change { $0.answer = SignInAnswer(status: status, body: Array(body.utf8)) }
            #expect(try await fake.verdict(token) == verdict, "\(body.prefix(80))")
        }
        let parrot =
            #"{"error":"\#(FakeProvider.code)","error_description":"\#(FakeProvider.code)"}"#
        fake.change { $0.answer = SignInAnswer(status: 400, body: Array(parrot.utf8)) }
        #expect(try await fake.verdict(token) == "exchange_refused")
        fake.change { $0.isDown = true }
        #expect(try await fake.verdict(token) == "exchange_unavailable")
    }

    @Test("a wrong verifier is refused, and so is a token with another access token's hash")
    func bound() async throws {
        let fake = try await FakeProvider()
        let verifier = Base64URL.encode(Array(repeating: 7, count: 32))
        let other = try SignInAttempt(
            json: FakeProvider.attempt().json.setting(["verifier"], .string(verifier)))
        #expect(try await fake.verdict(try fake.token(), attempt: other) == "exchange_refused")
        let hash = Base64URL.encode(
            Array(Hash256.sha256(Array(FakeProvider.accessToken.utf8)).bytes.prefix(16)))
        let token = try fake.token(["at_hash": .string(hash)])
        #expect(try await fake.verdict(token) == "taken")
        fake.change { $0.accessToken = "another" }
        #expect(try await fake.verdict(token) == "access_token_mismatch")
    }
}
