// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Testing

@testable import Identity

@Suite("Providers of sign-ins")
struct SignInProviderTests {
    @Test("a configuration is read, and `openid` is always asked for, once")
    func read() throws {
        let provider = try FakeProvider.provider()
        #expect(provider.name.text == "corp" && provider.title == "Corp")
        #expect(provider.issuer.text == Issuer.url)
        #expect(provider.clientSecret == FakeProvider.secret)
        #expect(provider.scopes == ["openid", "profile"])
        #expect(try FakeProvider.provider(["scopes": nil]).scopes == ["openid"])
        #expect(
            try FakeProvider.provider(["scopes": ["email", "openid"]]).scopes
                == ["openid", "email"])
        #expect(try FakeProvider.provider(["clientSecretFile": nil]).clientSecret == nil)
    }

    @Test("what is unknown, missing or out of range is refused with its place")
    func refused() throws {
        let many = JSON.array((0..<21).map { .string("s\($0)") })
        for (key, value): (String, JSON) in [
            ("name", nil), ("name", "Corp"), ("title", ""), ("title", "a\u{202E}b"),
            ("title", "a\nb"), ("title", .string(String(repeating: "t", count: 81))),
            ("issuer", "http://idp.example"), ("issuer", "https://idp.example/?x"), ("issuer", nil),
            ("clientId", ""), ("clientId", "a b"), ("clientId", nil), ("scopes", ["a b"]),
            ("scopes", ["a\"b"]), ("scopes", many), ("scopes", ["a", "a"]), ("groupsClaim", ""),
            ("groupsClaim", "sub"), ("groupsClaim", nil), ("groups", ["SRE": "No Group"]),
            ("groups", ["": "oncall"]), ("groups", ["\u{E9}": "a", "e\u{301}": "b"]),
            ("groups", ["SRE"]), ("requiredClaims", ["aud": "x"]),
            ("requiredClaims", ["tid": 1]), ("requiredClaims", ["tid": ""]),
            ("acrValues", ["a b"]), ("otherAudiences", [7]), ("clientSecret", "x"),
            ("clientSecretFile", 7),
        ] {
            #expect(throws: (any Error).self, "\(key): \(value)") {
                try FakeProvider.provider([key: value])
            }
        }
        for secret in ["", "a\nb", String(repeating: "s", count: 4097)] {
            #expect(throws: (any Error).self) {
                try SignInProvider(FakeProvider.configuration, path: "signIn[0]") { _ in secret }
            }
        }
        let error = #expect(throws: JSONShapeError.self) {
            try FakeProvider.provider(["surprise": 1])
        }
        #expect(error?.description.contains("signIn[0].surprise") == true)
    }

    @Test("a description must be the provider's own, complete, and behind https")
    func descriptions() async throws {
        let bad: [(String, JSON?)] = [
            ("issuer", .string(Issuer.url + "/")), ("issuer", nil),
            ("authorization_endpoint", nil), ("token_endpoint", "http://127.0.0.1:1/token"),
            ("token_endpoint", "ftp://x/"), ("jwks_uri", nil), ("jwks_uri", 7),
            ("response_types_supported", ["id_token"]), ("response_types_supported", nil),
            ("response_types_supported", "code"), ("code_challenge_methods_supported", ["plain"]),
            ("code_challenge_methods_supported", []),
            ("id_token_signing_alg_values_supported", ["HS256", "RS512"]),
            ("id_token_signing_alg_values_supported", nil),
            ("authorization_response_iss_parameter_supported", "yes"),
            ("token_endpoint_auth_methods_supported", ["client_secret_post"]),
        ]
        for (key, value) in bad {
            let fake = try await FakeProvider()
            fake.change { $0.description = FakeProvider.description.setting([key], value) }
            #expect(
                try await fake.verdict(try fake.token()) == "provider_unsuitable",
                "\(key): \(String(describing: value))")
        }
        // Entra does not list what it takes; a public client shows no secret.
        let good: [(String, JSON?)] = [
            ("code_challenge_methods_supported", nil),
            ("token_endpoint_auth_methods_supported", ["client_secret_basic"]),
        ]
        for (key, value) in good {
            let fake = try await FakeProvider()
            fake.change { $0.description = FakeProvider.description.setting([key], value) }
            #expect(try await fake.verdict(try fake.token()) == "taken", "\(key)")
        }
        let fake = try await FakeProvider()
        fake.change { $0.description = nil }
        #expect(try await fake.verdict(try fake.token()) == "provider_unavailable")
    }

    @Test("a provider without TLS is taken on loopback only, and only where that is allowed")
    func loopback() async throws {
        let settings: JSONObject = ["issuer": "http://127.0.0.1:8080"]
        let provider = try FakeProvider.provider(settings)
        let strict = try await FakeProvider()
        let refusal = await #expect(throws: SignInRefused.self) {
            try await strict.client.metadata(provider)
        }
        #expect(refusal?.code == .loopbackRefused)
        #expect(strict.requests.isEmpty)
        let lax = try await FakeProvider(allowsLoopback: true)
        lax.change {
            $0.description = FakeProvider.description.setting(["issuer"], "http://127.0.0.1:8080")
                .setting(["token_endpoint"], "http://127.0.0.1:8080/token")
        }
        let metadata = try await lax.client.metadata(provider)
        #expect(metadata.tokenEndpoint == "http://127.0.0.1:8080/token")
    }

    @Test("a description is fetched once in ten minutes, and a failure is left alone for a moment")
    func cache() async throws {
        let fake = try await FakeProvider()
        let provider = try FakeProvider.provider()
        for _ in 0..<5 { _ = try await fake.client.metadata(provider) }
        #expect(fake.requests.count == 1)
        fake.clock.advance(599)
        _ = try await fake.client.metadata(provider)
        #expect(fake.requests.count == 1)
        fake.change { $0.isDown = true }
        fake.clock.advance(1)
        for _ in 0..<5 {
            await #expect(throws: SignInRefused.self) {
                try await fake.client.metadata(provider)
            }
        }
        #expect(fake.requests.count == 2)
        fake.change { $0.isDown = false }
        fake.clock.advance(5)
        _ = try await fake.client.metadata(provider)
        #expect(fake.requests.count == 3)
    }

    @Test("many who ask at once make one fetch")
    func together() async throws {
        let fake = try await FakeProvider()
        let provider = try FakeProvider.provider()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask { _ = try await fake.client.metadata(provider) }
            }
            try await group.waitForAll()
        }
        #expect(fake.requests.count == 1)
    }
}
