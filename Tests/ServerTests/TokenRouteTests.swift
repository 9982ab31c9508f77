// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ControlPlane
import Hummingbird
import Identity
import ServiceTestSupport
import Testing

@testable import Server

private let exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
private let jwt = "urn:ietf:params:oauth:token-type:jwt"

/// Tokens that are really signed are exchanged in IntegrationTests; here is what the route itself
/// answers.
@Suite("The token route")
struct TokenRouteTests {
    private static let good = [
        ("grant_type", exchangeGrant), ("subject_token_type", jwt), ("subject_token", "a.b.c"),
    ]

    private func send(
        _ api: API, _ fields: [(String, String)], type: String = "application/x-www-form-urlencoded"
    ) async throws -> Answer {
        let text = fields.map { "\($0)=\($1.replacing(":", with: "%3A"))" }.joined(separator: "&")
        return try await api.request(
            .post, "/v1/token", bytes: Array(text.utf8), headers: [("Content-Type", type)])
    }

    private func changed(_ name: String, _ value: String?) -> [(String, String)] {
        Self.good.filter { $0.0 != name } + (value.map { [(name, $0)] } ?? [])
    }

    @Test("errors are those of OAuth and ours in one")
    func errors() async throws {
        try await withServer { api in
            let cases: [([(String, String)], String)] = [
                ([], "invalid_request"), (changed("grant_type", nil), "invalid_request"),
                (changed("grant_type", "client_credentials"), "unsupported_grant_type"),
                (changed("subject_token", nil), "invalid_request"),
                (changed("subject_token", ""), "invalid_request"),
                (changed("subject_token_type", nil), "invalid_request"),
                (changed("subject_token_type", "urn:x"), "invalid_request"),
                (Self.good + [("grant_type", exchangeGrant)], "invalid_request"),
                (Self.good + [("requested_token_type", jwt)], "invalid_request"),
                (Self.good + [("actor_token", "x")], "invalid_request"),
                (Self.good + [("scope", "all")], "invalid_scope"),
                (Self.good + [("audience", "https://other.example")], "invalid_target"),
                (Self.good + [("resource", "https://other.example")], "invalid_target"),
                (Self.good + [("audience", "exequatur.test/log")], "invalid_grant"),
                (Self.good + [("resource", "http://localhost:8420")], "invalid_grant"),
                (Self.good + [("client_id", "ignored")], "invalid_grant"),
                (Self.good, "invalid_grant"), ([("%zz", "x")], "invalid_request"),
                ([("a", "%ff")], "invalid_request"),
                (Array(repeating: ("a", "b"), count: 33), "invalid_request"),
            ]
            for (fields, code) in cases {
                let answer = try await send(api, fields)
                #expect(answer.status == 400, "\(fields)")
                #expect(answer.headers[.contentType] == "application/json")
                let json = try answer.json()
                #expect(json["error"] == .string(code), "\(fields): \(answer.text)")
                #expect(json["code"] == .string(code))
                #expect(json["error_description"] == json["detail"])
                try expectDocumented(Route(.post, "/v1/token", nil, []), answer)
                #expect(try openAPICodes().contains(code))
            }
        }
    }

    @Test("other types and larger bodies are refused before anything is read")
    func bodies() async throws {
        try await withServer { api in
            let json = try await send(api, Self.good, type: "application/json")
            #expect(json.code == "media_type")
            let long = [("subject_token", String(repeating: "a", count: 70_000))]
            #expect(try await send(api, long).code == "too_large")
            let charset = "application/x-www-form-urlencoded; charset=utf-8"
            #expect(try await send(api, Self.good, type: charset).status == 400)
        }
    }

    @Test("whoever knocks too often waits")
    func rateLimit() async throws {
        try await withServer { configuration in
            configuration.exchangesPerSecond = 1
            configuration.exchangeBurst = 2
        } _: { api in
            for _ in 0..<2 { #expect(try await send(api, Self.good).status == 400) }
            let answer = try await send(api, Self.good)
            #expect(answer.code == "rate_limited")
            #expect(answer.headers[.retryAfter] == "1")
        }
    }

    @Test("trusts: added, listed and removed; what is wrong with one is said")
    func trusts() async throws {
        try await withServer { api in
            let good: JSONObject = [
                "agent": "deploy-bot", "issuer": "https://token.actions.githubusercontent.com",
                "audience": "https://exequatur.example", "claims": ["repository_id": "74"],
            ]
            let added = try await api.post("/v1/trusts", .object(good), as: "admin")
            #expect(added.status == 201, "\(added.text)")
            #expect(try added.json()["lifetime"] == 3600)
            #expect(try await api.get("/v1/trusts").json() == [try added.json()])
            for (name, value, code, status): (String, JSON, String, Int) in [
                ("agent", "nobody", "directory_conflict", 409),
                ("claims", ["repository_id": "74"], "directory_conflict", 409),
                ("claims", ["repository": "a/b"], "value_invalid", 400),
                ("claims", ["repository_id": 74], "value_invalid", 400),
                ("claims", [], "value_invalid", 400), ("issuer", "http://x", "value_invalid", 400),
                ("issuer", "http://127.0.0.1:1", "value_invalid", 400),
                ("lifetime", 7200, "value_invalid", 400), ("audience", "*", "value_invalid", 400),
                ("extra", 1, "json_shape", 400),
            ] {
                var body = good
                if name != "claims" { body["audience"] = "https://second.example" }
                body[name] = value
                let answer = try await api.post("/v1/trusts", .object(body), as: "admin")
                #expect(answer.code == code, "\(name): \(answer.text)")
                #expect(answer.status == status)
            }
            let path = "/v1/trusts/\(try added.json().id)"
            #expect(try await api.request(.delete, path, as: "admin").status == 200)
            #expect(try await api.request(.delete, path, as: "admin").code == "directory_conflict")
            #expect(
                try await api.request(.delete, "/v1/trusts/x", as: "admin").code == "value_invalid")
            #expect(try await api.get("/v1/trusts").json() == [])
        }
    }
}
