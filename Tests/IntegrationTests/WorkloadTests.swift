// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// A way to forge a token: what the issuer is asked for.
struct Forgery: Sendable, CustomTestStringConvertible {
    let name: String
    let order: JSON
    var testDescription: String { name }

    init(_ name: String, _ order: JSON) {
        self.name = name
        self.order = order
    }

    static let all = [
        Forgery("wrong issuer", ["claims": ["iss": "https://token.actions.githubusercontent.com"]]),
        Forgery(
            "audience list",
            ["claims": ["aud": [.string(LocalIssuer.audience), "https://other.example"]]]),
        Forgery("token for another service", ["claims": ["aud": "https://github.com/octo-org"]]),
        Forgery("alg none", ["header": ["alg": "none"], "key": "none"]),
        Forgery("no signature", ["key": "none"]),
        Forgery(
            "HS256 with the public key",
            ["header": ["alg": "HS256"], "key": "public-key-as-secret"]),
        Forgery("other key", ["key": "other"]),
        Forgery("key of the other algorithm", ["header": ["alg": "ES256"], "key": "ec"]),
        Forgery("kid unknown", ["header": ["kid": "rsa-2"]]),
        Forgery("key brought along", ["header": ["jku": "https://evil.example/jwks"]]),
        Forgery("expired", ["times": ["iat": -400, "exp": -100]]),
        Forgery("not yet valid", ["times": ["nbf": 120]]),
        Forgery("from the future", ["times": ["iat": 120, "exp": 400]]),
        Forgery("issued too long ago", ["times": ["iat": -700, "exp": 700]]),
        Forgery("missing claim", ["claims": ["environment": nil]]),
        Forgery("other repository_id with same name", ["claims": ["repository_id": "75"]]),
        Forgery("other environment", ["claims": ["environment": "staging"]]),
        Forgery(
            "other workflow ref",
            [
                "claims": [
                    "job_workflow_ref":
                        "octo-org/app/.github/workflows/deploy.yml@refs/heads/evil"
                ]
            ]),
        Forgery("duplicate claims", ["append": #", "repository_id": "74""#]),
        Forgery(
            "oversized", ["claims": ["padding": .string(String(repeating: "a", count: 16_384))]]),
    ]
}

@Suite("Jobs with tokens of an issuer", .enabled(if: Program.hasPython))
struct WorkloadTests {
    @Test("forged tokens get one and the same answer, and leave no entry")
    func forgeries() throws {
        let issuer = try LocalIssuer()
        let server = try RunningServer(options: ["--allow-loopback-issuers"])
        let cast = try Cast(server)
        _ = try server.trust(issuer, admin: cast.admin)
        func entries() throws -> Int64? {
            try server.json(["status"], token: cast.admin)["treeSize"]?.intValue
        }
        let before = try entries()
        var answers: Set<String> = []
        for forgery in Forgery.all {
            let answer = try server.exchange(try issuer.mint(forgery.order))
            #expect(answer.status == 400, "\(forgery.name): \(answer.text)")
            #expect(answer.json?["error"] == "invalid_grant", "\(forgery.name)")
            answers.insert(answer.text)
        }
        #expect(answers.count == 1)
        #expect(try entries() == before)
        // What the caller is not told is in the log.
        #expect(try server.log.contains("differs in repository_id"))

        for order: JSON in [[:], ["header": ["alg": "ES256", "kid": "ec"], "key": "ec"]] {
            let token = try issuer.mint(order)
            let answer = try server.exchange(token)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.json?["token_type"] == "Bearer")
            #expect(answer.json?["expires_in"] == 3600)
            #expect(answer.headers["cache-control"] == "no-store")
            #expect(try server.exchange(token).text == answers.first, "replayed jti")
            let who = try server.json(
                ["whoami"], token: answer.json?["access_token"]?.stringValue)
            #expect(who["id"] == "deploy-bot")
        }
    }

    @Test("an issuer that is down, redirects or says too much is an error of its own")
    func issuerDown() throws {
        let issuer = try LocalIssuer()
        let server = try RunningServer(options: ["--allow-loopback-issuers"])
        let cast = try Cast(server)
        _ = try server.trust(issuer, admin: cast.admin)
        let token = try issuer.mint()
        issuer.stop()
        let answer = try server.exchange(token)
        #expect(answer.status == 503, "\(answer.text)")
        #expect(answer.code == "issuer_unavailable")
        #expect(answer.headers["retry-after"] == "5")

        let elsewhere = try LocalIssuer()
        for (path, pieces) in [
            (
                "redirect",
                [
                    Array(
                        ("HTTP/1.1 302 Found\r\nlocation: \(elsewhere.url)/.well-known/"
                            + "openid-configuration\r\ncontent-length: 0\r\n\r\n").utf8)
                ]
            ), ("large", FakeServer.json(String(repeating: " ", count: 70_000) + "{}")),
        ] {
            let fake = try FakeServer(["/": pieces])
            _ = try server.json(
                [
                    "agent", "trust", "deploy-bot", "--issuer", fake.url, "--audience", path,
                    "--claim", "repository_id=74",
                ], token: cast.admin)
            let made = try elsewhere.mint([
                "claims": ["iss": .string(fake.url), "aud": .string(path)]
            ])
            let answer = try server.exchange(made)
            #expect(answer.code == "issuer_unavailable", "\(path): \(answer.text)")
            #expect(fake.requests.count == 1)
        }
    }

    @Test("an issuer without TLS is taken only by a server that was told so")
    func loopback() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let result = try server.cli(
            [
                "agent", "trust", "deploy-bot", "--issuer", "http://127.0.0.1:1", "--audience", "x",
                "--claim", "repository_id=74",
            ], token: cast.admin)
        #expect(result.status == 1)
        #expect(result.err.contains("--allow-loopback-issuers"))
    }

    @Test("trusts on the command line: names alone are refused with the reason, ids are removed")
    func commandLine() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let github = "https://token.actions.githubusercontent.com"
        func trust(_ claims: String...) throws -> ProgramResult {
            try server.cli(
                [
                    "agent", "trust", "deploy-bot", "--issuer", github, "--audience",
                    "https://e.example",
                ]
                    + claims.flatMap { ["--claim", $0] }, token: cast.admin)
        }
        let named = try trust("repository=octo-org/app")
        #expect(named.status == 1)
        #expect(named.err.contains("can pass to somebody else"))
        #expect(try trust("repository_id").status == 64)
        #expect(try trust("repository_id=74", "repository_id=75").status == 64)
        let wide = try trust("repository_id=74")
        #expect(wide.status == 0, "\(wide.err)")
        #expect(wide.err.contains("every workflow of this repository"))
        let listed = try server.json(["agent", "trust", "list"], token: cast.admin)
        let id = try #require(listed[0]?["id"]?.stringValue)
        #expect(try server.json(["agent", "trust", "list", "other"], token: cast.admin) == [])
        #expect(try trust("repository_id=74", "environment=x").status == 77)
        let text = try server.cli(["agent", "trust", "list", "deploy-bot"], token: cast.admin)
        #expect(text.out.contains("repository_id: 74"))
        #expect(try server.cli(["agent", "trust", "remove", id], token: cast.agent).status == 77)
        #expect(try server.cli(["agent", "trust", "remove", id], token: cast.admin).status == 0)
        #expect(try server.json(["agent", "trust", "list"], token: cast.admin) == [])
        try server.stop()
        let check = try Program.run(["fsck", "--data", server.data])
        #expect(check.status == 0, "\(check.out)\(check.err)")
    }

    @Test("token exchange: what is missing or refused is said, and tokens go where they should")
    func exchangeCommand() throws {
        let issuer = try LocalIssuer()
        let server = try RunningServer(options: ["--allow-loopback-issuers"])
        let cast = try Cast(server)
        _ = try server.trust(issuer, admin: cast.admin)
        let folder = try TemporaryFolder()
        func exchange(
            _ arguments: [String], _ changes: [String: String] = [:]
        ) throws -> ProgramResult {
            var environment = issuer.environment
            environment["EXEQUATUR_URL"] = server.url
            environment.merge(changes) { $1 }
            return try Program.run(["token", "exchange"] + arguments, environment: environment)
        }
        let job = ["--from-github", "--audience", LocalIssuer.audience]
        #expect(try exchange([]).status == 64)
        #expect(try exchange(["--from-github"]).status == 64)
        let none = try exchange(job, ["ACTIONS_ID_TOKEN_REQUEST_URL": ""])
        #expect(none.status == 64)
        #expect(none.err.contains("id-token: write"))
        #expect(try exchange(job, ["ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"]).status == 69)
        let plain = ["ACTIONS_ID_TOKEN_REQUEST_URL": "http://runner.example/"]
        #expect(try exchange(job, plain).status == 64)
        #expect(try exchange(job, ["EXEQUATUR_URL": "http://exequatur.example"]).status == 64)
        let refused = try exchange(["--from-github", "--audience", "https://other.example"])
        #expect(refused.status == 77)
        #expect(refused.err.contains("invalid_grant"))

        let printed = try exchange(job)
        #expect(printed.status == 0, "\(printed.err)")
        #expect(printed.out.hasPrefix("exq1_a_"))
        let json = try exchange(job + ["--json"])
        #expect(try JSON(parsing: json.out)["agent"] == "deploy-bot")

        let out = folder.path + "/token"
        let written = try exchange(job + ["--out", out])
        #expect(written.status == 0, "\(written.err)")
        #expect(!(written.out + written.err).contains("exq1_a_"))
        #expect(try folder.text("token").hasPrefix("exq1_a_"))
        let mode = try FileManager.default.attributesOfItem(atPath: out)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        #expect(try exchange(job + ["--out", folder.path + "/none/token"]).status == 1)

        let variables = try folder.write("env", "A=1\n")
        #expect(try exchange(job + ["--github-env"]).status == 64)
        let masked = try exchange(job + ["--github-env"], ["GITHUB_ENV": variables])
        #expect(masked.status == 0, "\(masked.err)")
        let token = try #require(
            try folder.text("env").split(separator: "\n").last?.split(separator: "=").last)
        #expect(try folder.text("env") == "A=1\nEXEQUATUR_TOKEN=\(token)\n")
        #expect(masked.out == "::add-mask::\(token)\n")
        #expect(try server.json(["whoami"], token: String(token))["id"] == "deploy-bot")

        let subject = try folder.write("subject", try issuer.mint() + "\n")
        let fromFile = try exchange(["--subject-token-file", subject])
        #expect(fromFile.status == 0, "\(fromFile.err)")
    }
}
