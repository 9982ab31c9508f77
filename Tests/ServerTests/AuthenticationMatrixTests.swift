// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import HTTPTypes
import ServiceTestSupport
import Storage
import Testing

@testable import Server

/// One route and what each kind of party gets from it.
struct Route: Sendable, CustomTestStringConvertible {
    let method: HTTPRequest.Method
    let path: String
    let body: JSON?
    /// Status for: nobody, agent, gate, person, person who administers, `admin.token`.
    let expected: [Int]
    /// Which state the action in the path is in; nil where there is none.
    var needs: String?

    init(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil, _ expected: [Int],
        needs: String? = nil
    ) {
        self.method = method
        self.path = path
        self.body = body
        self.expected = expected
        self.needs = needs
    }

    var testDescription: String { "\(method) \(path)" }
}

@Suite("Who may do what")
struct AuthenticationMatrixTests {
    static let parties: [String?] = [nil, "deploy-bot", "run", "bob", "root", "admin"]

    // In the order of `parties`.
    private static let open = [200, 200, 200, 200, 200, 200]
    private static let anybody = [401, 200, 200, 200, 200, 200]
    private static let persons = [401, 403, 403, 200, 200, 200]
    private static let administrators = [401, 403, 403, 403, 200, 200]
    private static let additions = [401, 403, 403, 403, 201, 201]
    private static let agents = [401, 200, 403, 403, 403, 403]
    private static let readers = [401, 200, 404, 200, 200, 200]
    private static let deciders = [401, 403, 403, 200, 200, 403]

    static let actions: [Route] = [
        Route(
            .post, "/v1/actions", ["operation": API.operation("never", "{n}")],
            [401, 201, 403, 403, 403, 403]),
        Route(.get, "/v1/actions", nil, [401, 200, 403, 200, 200, 200]),
        Route(.get, "/v1/actions/{id}", nil, readers, needs: "pending"),
        Route(.get, "/v1/actions/{id}/receipt", nil, readers, needs: "pending"),
        Route(
            .post, "/v1/actions/{id}/decisions", ["decision": "approve", "expect": "{digest}"],
            deciders, needs: "pending"),
        Route(
            .post, "/v1/actions/{id}/claim", ["nonce": .string(nonce1)], agents, needs: "cleared"),
        Route(
            .post, "/v1/actions/{id}/heartbeat", nil, [401, 204, 403, 403, 403, 403],
            needs: "claimed"),
        Route(
            .post, "/v1/actions/{id}/outcome", ["nonce": .string(nonce1), "status": "succeeded"],
            agents, needs: "claimed"),
        Route(.post, "/v1/actions/{id}/cancel", nil, agents, needs: "pending"),
        Route(.post, "/v1/actions/{id}/revoke", ["reason": "x"], deciders, needs: "reviewed"),
        Route(
            .post, "/v1/actions/{id}/settle", ["reason": "x", "status": "failed"], deciders,
            needs: "unknown"),
        Route(.get, "/v1/status", nil, anybody),
        Route(.get, "/v1/whoami", nil, anybody),
    ]

    static let administration: [Route] = [
        Route(.get, "/v1/persons", nil, persons),
        Route(.post, "/v1/persons", ["id": "p{n}"], additions),
        Route(.get, "/v1/persons/alice", nil, persons),
        Route(.post, "/v1/persons/dave/rotate", nil, additions),
        Route(.post, "/v1/persons/dave/link", nil, additions),
        Route(.get, "/v1/agents", nil, persons),
        Route(.post, "/v1/agents", ["id": "a{n}", "owner": "alice"], additions),
        Route(.get, "/v1/agents/other-bot", nil, persons),
        Route(.post, "/v1/agents/other-bot/rotate", nil, additions),
        Route(.get, "/v1/gates", nil, persons),
        Route(.post, "/v1/gates", ["id": "g{n}"], additions),
        Route(.get, "/v1/gates/run", nil, persons),
        Route(.post, "/v1/gates/spare/rotate", nil, additions),
        Route(
            .post, "/v1/gates/self/configuration", gateDocument(),
            [401, 403, 200, 403, 403, 403]),
        Route(.get, "/v1/gates/self/actions", nil, [401, 200, 200, 403, 403, 403]),
        Route(.get, "/v1/gates/run/configuration", nil, persons),
        Route(
            .post, "/v1/gates/run/configuration/approve", ["expect": .string(nonce1)],
            [401, 403, 403, 403, 409, 409]),
        Route(.get, "/v1/groups", nil, persons),
        Route(.post, "/v1/groups", ["id": "t{n}"], additions),
        Route(.get, "/v1/groups/reviewers", nil, persons),
        Route(.put, "/v1/groups/spare-{who}/members/dave", nil, administrators),
        Route(.delete, "/v1/groups/full-{who}/members/dave", nil, administrators),
        Route(.delete, "/v1/groups/spare-{who}", nil, administrators),
        Route(.delete, "/v1/persons/spare-person-{who}", nil, administrators),
        Route(.delete, "/v1/agents/spare-agent-{who}", nil, administrators),
        Route(.delete, "/v1/gates/spare-gate-{who}", nil, administrators),
        Route(.get, "/v1/sessions", nil, persons),
        Route(
            .delete, "/v1/sessions/0123456789abcdef", nil, [401, 403, 403, 409, 409, 409]),
        Route(
            .post, "/v1/persons/dave/accounts",
            ["issuer": "https://idp.example", "subject": "{n}-{who}"], additions),
        Route(
            .delete, "/v1/persons/dave/accounts?issuer=https://idp.example&subject=x", nil,
            [401, 403, 403, 403, 404, 404]),
        Route(.get, "/v1/trusts", nil, persons),
        Route(.post, "/v1/trusts", trust, additions),
        Route(.delete, "/v1/trusts/{trust}", nil, administrators),
        Route(.get, "/v1/policies", nil, persons),
        Route(.post, "/v1/policies", policies, additions),
        Route(.post, "/v1/policies/check", policies, persons),
        Route(.get, "/v1/audit", nil, persons),
        Route(.post, "/v1/clock/confirm", nil, administrators),
    ]

    static let drift: [Route] = [
        Route(.get, "/v1/drift/sources", nil, persons),
        Route(.post, "/v1/drift/sources", source("s{n}"), additions),
        Route(.get, "/v1/drift/sources/watched", nil, [401, 403, 200, 200, 200, 200]),
        Route(
            .post, "/v1/drift/sources/watched/observations", observation,
            [401, 403, 409, 403, 403, 403]),
        Route(.get, "/v1/drift/sources/watched/baseline", nil, persons),
        Route(
            .post, "/v1/drift/sources/watched/baseline/approve", ["expect": .string(nonce1)],
            [401, 403, 403, 403, 409, 409]),
        Route(
            .post, "/v1/drift/sources/watched/baseline/repropose", nil,
            [401, 403, 403, 403, 409, 409]),
        Route(
            .post, "/v1/drift/sources/watched/accept",
            ["expect": .string(nonce1), "ids": [.string(nonce1)]],
            [401, 403, 403, 403, 409, 409]),
        Route(
            .post, "/v1/drift/sources/watched/acknowledge", ["ids": [.string(nonce1)]],
            [401, 403, 403, 403, 409, 409]),
        Route(
            .post, "/v1/drift/sources/watched/plan", ["ids": [.string(nonce1)]],
            [401, 403, 409, 409, 409, 409]),
        Route(.get, "/v1/drift/deviations", nil, persons),
        Route(
            .get, "/v1/drift/deviations?source=watched", nil, [401, 403, 200, 200, 200, 200]),
        Route(
            .get, "/v1/drift/deviations/\(nonce1)", nil, [401, 403, 403, 404, 404, 404]),
        Route(.get, "/v1/drift/ignore-rules", nil, persons),
        Route(.post, "/v1/drift/ignore-rules", ignoreRule("r{n}"), additions),
        Route(.delete, "/v1/drift/ignore-rules/spare-{who}", nil, administrators),
        Route(.delete, "/v1/drift/sources/spare-{who}", nil, administrators),
    ]

    private static func source(_ id: String, observer: JSON = .null) -> JSON {
        [
            "class": "low", "every": 60, "id": .string(id), "kind": "files",
            "observer": observer, "scope": "web1", "settings": ["paths": ["/etc"]],
        ]
    }

    private static func ignoreRule(_ id: String) -> JSON {
        [
            "expires": "2026-12-01T00:00:00.000Z", "id": .string(id), "pointer": "/mode",
            "reason": "a test", "subject": "file:/tmp/*",
        ]
    }

    private static let observation: JSON = [
        "endedAgo": 0, "leaves": [], "specification": .string(nonce1), "startedAgo": 0,
    ]

    static let publicRoutes: [Route] = [
        Route(.get, "/log/checkpoint", nil, open), Route(.get, "/log/vkey", nil, open),
        Route(.get, "/log/tile/0/000.p/1", nil, open),
        Route(.get, "/log/tile/entries/000.p/1", nil, open), Route(.get, "/healthz", nil, open),
        Route(.get, "/readyz", nil, open), Route(.get, "/metrics", nil, open),
        Route(.get, "/openapi.json", nil, open),
        // Takes forms only, and nobody's token.
        Route(.post, "/v1/token", [:], [415, 415, 415, 415, 415, 415]),
        Route(.post, "/v1/device/authorize", [:], [415, 415, 415, 415, 415, 415]),
        Route(.post, "/v1/device/token", [:], [415, 415, 415, 415, 415, 415]),
    ]

    private static let trust: JSON = [
        "agent": "other-bot", "issuer": "https://token.actions.githubusercontent.com",
        "audience": "https://exequatur.example/{who}", "claims": ["repository_id": "{n}"],
    ]

    /// One that the party's own row removes.
    private static func spareTrust(_ who: String) -> JSON {
        [
            "agent": "other-bot", "issuer": "https://spare.example", "audience": .string(who),
            "claims": ["sub": "x"],
        ]
    }

    private static let policies: JSON = [
        "files": [
            ["name": "10-test.cedar", "text": .string(TestInstallation.policies[0].text)]
        ]
    ]

    @Test("Each route lets in whom it should, and nobody else", arguments: parties.indices)
    func matrix(_ column: Int) async throws {
        try await withServer { api in
            try await Self.prepare(api)
            let who = Self.parties[column]
            let routes =
                Self.actions + Self.administration + Self.drift + Self.publicRoutes
            for (number, route) in routes.enumerated() {
                try await Self.check(route, number, who, column, api)
            }
            // Whatever was tried, nothing was left that the ledger doesn't have.
            #expect(api.control.writer.stopped == nil)
        }
    }

    /// Things of each kind, one set for each party, that the routes may use up.
    private static func prepare(_ api: API) async throws {
        let names = parties.map { $0 ?? "nobody" }
        let bodies: [(String, JSON)] =
            [
                ("/v1/gates", ["id": "spare"]),
                ("/v1/drift/sources", source("watched", observer: "run")),
            ]
            + names.flatMap { who -> [(String, JSON)] in
                [
                    ("/v1/groups", ["id": .string("spare-\(who)")]),
                    ("/v1/groups", ["id": .string("full-\(who)")]),
                    ("/v1/persons", ["id": .string("spare-person-\(who)")]),
                    ("/v1/agents", ["id": .string("spare-agent-\(who)"), "owner": "alice"]),
                    ("/v1/gates", ["id": .string("spare-gate-\(who)")]),
                    ("/v1/trusts", spareTrust(who)),
                    ("/v1/drift/sources", source("spare-\(who)")),
                    ("/v1/drift/ignore-rules", ignoreRule("spare-\(who)")),
                ]
            }
        for (path, body) in bodies {
            let answer = try await api.post(path, body, as: "admin")
            try #require(answer.status == 201, "\(answer.text)")
        }
        for who in names {
            let answer = try await api.request(
                .put, "/v1/groups/full-\(who)/members/dave", as: "admin")
            try #require(answer.status == 200)
        }
    }

    private static func check(
        _ route: Route, _ number: Int, _ who: String?, _ column: Int, _ api: API
    ) async throws {
        let action = try await make(route.needs, number, api)
        let trust = api.control.governance.directory.trusts.values.first { trust in
            trust.audience == who ?? "nobody"
        }
        func fill(_ text: String) -> String {
            text.replacing("{n}", with: "\(number)").replacing("{who}", with: who ?? "nobody")
                .replacing("{id}", with: action?.id ?? "?")
                .replacing("{trust}", with: trust?.id ?? "?")
                .replacing("{digest}", with: action?.text("digest") ?? "?")
        }
        let body = try route.body.map { fill(try $0.canonicalString()) }
        let answer = try await api.request(
            route.method, fill(route.path), as: who, gate: who == "deploy-bot",
            bytes: body.map { Array($0.utf8) })
        #expect(
            answer.status == route.expected[column],
            "\(route.testDescription) as \(who ?? "nobody"): \(answer.text)")
        if answer.status >= 400 {
            #expect(try openAPICodes().contains(answer.code), "\(answer.code)")
        }
        if answer.status == 401 {
            #expect(answer.code == "credentials_missing")
            #expect(answer.headers[.wwwAuthenticate] == "Bearer realm=\"exequatur\"")
        }
        try expectDocumented(route, answer)
    }

    /// An action of `deploy-bot` in the state that a route needs.
    private static func make(_ needs: String?, _ number: Int, _ api: API) async throws -> JSON? {
        let name = "made \(number)"
        switch needs {
        case nil: return nil
        case "pending": return try await api.submit("review", name: name)
        case "reviewed":
            let action = try await api.submit("review", name: name)
            return try await api.approve(action).json()
        case "cleared": return try await api.submit("allow", name: name)
        default:
            let action = try await api.submit("allow", name: name, nonce: nonce1)
            if needs == "claimed" { return action }
            return try await api.post(
                "/v1/actions/\(action.id)/outcome",
                ["nonce": .string(nonce1), "status": "unknown"], as: "deploy-bot", gate: true
            ).json()
        }
    }

    @Test(
        "A token that is no token is refused everywhere",
        arguments: ["", "exq1_p_0_c_x", "Basic x", "\u{7f}"])
    func badTokens(_ token: String) async throws {
        try await withServer { api in
            for route in Self.actions + Self.administration + Self.drift {
                let path = route.path.replacing("{id}", with: "act_00000000000000000000000000")
                let answer = try await api.request(
                    route.method, path, headers: [("Authorization", "Bearer \(token)")])
                #expect(answer.code == "credentials_invalid", "\(route.testDescription)")
            }
        }
    }

    @Test("A gate's header that holds no gate's token is refused")
    func badGate() async throws {
        try await withServer { api in
            func submit(_ gate: String) async throws -> Answer {
                try await api.post(
                    "/v1/actions", ["operation": API.operation("allow")], as: "deploy-bot",
                    headers: [("Exequatur-Gate-Token", gate)])
            }
            #expect(try await submit("nonsense").code == "credentials_invalid")
            let person = try #require(api.tokens["bob"])
            #expect(try await submit(person).code == "not_a_gate")
        }
    }

    @Test("An expired token says so")
    func expired() async throws {
        try await withServer { api in
            api.clock.advance(seconds: 12 * 3600)
            let answer = try await api.get("/v1/status")
            #expect(answer.code == "credentials_expired")
        }
    }

    @Test("A session reads over the API and changes nothing there")
    func session() async throws {
        try await withServer { api in
            let link = try await api.post("/v1/persons/bob/link", as: "admin").json()
            let secret = try #require(link.text("signInLink").split(separator: "=").last)
            let cookie = try #require(
                try await api.control.redeem(link: String(secret), audit: [:]))
            let header = [("Cookie", "exequatur_session=\(cookie)")]
            let who = try await api.request(.get, "/v1/whoami", headers: header)
            #expect(try who.json().text("id") == "bob")
            #expect(try who.json().text("assurance") == "console")
            let action = try await api.submit("review")
            let body = try JSON.object([
                "decision": "approve", "expect": .string(action.text("digest")),
            ]).canonicalBytes()
            let decided = try await api.request(
                .post, "/v1/actions/\(action.id)/decisions", bytes: body, headers: header)
            #expect(decided.code == "credentials_missing")
        }
    }
}
