// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import GRDB
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

private let issuer = "https://token.actions.githubusercontent.com"
private let audience = "https://exequatur.example"

extension TestInstallation {
    /// A job of the repository 74, as its issuer describes it.
    fileprivate func job(
        _ changes: JSONObject = [:], token: String = "one", audience: String = audience
    ) -> WorkloadIdentity {
        var claims: JSONObject = [
            "iss": .string(issuer), "aud": .string(audience), "repository_id": "74",
            "environment": "production", "run_id": "4711", "actor": "octocat",
            "sub": "repo:octo@1/app@74:environment:production", "exp": 1,
        ]
        for (key, value) in changes { claims[key] = value }
        return WorkloadIdentity(
            issuer: issuer, audience: audience, claims: claims,
            tokenDigest: .sha256(Array(token.utf8)), forgettable: clock.now.adding(seconds: 720))
    }

    @discardableResult
    fileprivate func trust(
        _ claims: [String: String] = ["repository_id": "74", "environment": "production"],
        agent: Handle = bot, lifetime: Int64 = 900, by: Principal = admin
    ) async throws -> WorkloadTrust {
        // What was handed out in the very instant in which the agent got its own token is void.
        clock.advance(seconds: 1)
        return try await control.addTrust(
            agent: agent, issuer: try IssuerURL(issuer), audience: audience, claims: claims,
            lifetimeSeconds: lifetime, by: by)
    }

    fileprivate func exchange(_ job: WorkloadIdentity) async throws -> ExchangedToken {
        try await control.exchange(job, audit: ["address": "192.0.2.9"])
    }

    /// What an attempt is refused with, or whose token it gave.
    fileprivate func outcome(_ job: WorkloadIdentity) async throws -> String {
        do {
            return "\(try await exchange(job).agent)"
        } catch let refusal as GrantRefused {
            return refusal.description
        }
    }

    fileprivate func who(_ token: String) -> String {
        do {
            return "\(try control.authenticate(bearer: token).principal)"
        } catch {
            return error.rawValue
        }
    }
}

@Suite("Tokens of jobs in exchange for tokens of agents")
struct WorkloadTests {
    @Test("one trust matches: a token of its agent, for as long as it says, and an entry")
    func exchange() async throws {
        let installation = try await TestInstallation()
        let trust = try await installation.trust()
        let issued = try await installation.exchange(installation.job())
        #expect(issued.agent == TestInstallation.bot)
        #expect(issued.lifetimeSeconds == 900)
        #expect(issued.token.hasPrefix("exq1_a_"))
        #expect(installation.who(issued.token) == "agent:deploy-bot")
        let credential = try #require(Token(issued.token)).credential
        let entry = try #require(
            try installation.entries().last { $0.entry.kind == "agent.token-exchanged" })
        let core = try JSON(canonical: entry.core)
        #expect(core["agent"] == "deploy-bot")
        #expect(core["trust"] == .string(trust.id))
        #expect(core["credential"] == .string(credential))
        #expect(
            core["expires"]
                == .string(installation.control.now.adding(seconds: 900).description))
        let body = try JSON(canonical: try #require(entry.body))
        #expect(body["claims"]?["run_id"] == "4711")
        #expect(body["claims"]?["actor"] == "octocat")
        #expect(body["audit"]?["address"] == "192.0.2.9")
        installation.clock.advance(seconds: 899)
        #expect(installation.who(issued.token) == "agent:deploy-bot")
        installation.clock.advance(seconds: 1)
        #expect(installation.who(issued.token) == "credentials_expired")
    }

    @Test(
        "another claim than the trusted one gets nothing",
        arguments: [
            (
                "other repository_id with same name",
                ["repository_id": "75", "repository": "octo/app"]
            ),
            ("other environment", ["environment": "staging"]),
            ("missing claim", ["environment": nil]), ("no text", ["repository_id": 74]),
            ("other case", ["environment": "Production"]),
            ("longer", ["environment": "production "]),
        ] as [(String, [String: JSON?])])
    func differentClaims(_ name: String, _ changes: [String: JSON?]) async throws {
        let installation = try await TestInstallation()
        try await installation.trust()
        var claims = installation.job().claims
        for (key, value) in changes { claims[key] = value }
        let job = WorkloadIdentity(
            issuer: issuer, audience: audience, claims: claims, tokenDigest: .zero,
            forgettable: .distantFuture)
        let before = try installation.entries().count
        let outcome = try await installation.outcome(job)
        #expect(outcome.contains("differs in"), "\(name): \(outcome)")
        // Whoever can run any job at the issuer can't add entries.
        #expect(try installation.entries().count == before)
    }

    @Test("other workflow ref, other audience, no trust at all")
    func noTrust() async throws {
        let installation = try await TestInstallation()
        let workflow = "octo/app/.github/workflows/deploy.yml@refs/heads/main"
        #expect(try await installation.outcome(installation.job()).contains("none is left"))
        try await installation.trust(["repository_id": "74", "job_workflow_ref": workflow])
        let branch = workflow.replacing("main", with: "evil")
        #expect(
            try await installation.outcome(
                installation.job(["job_workflow_ref": .string(branch)])
            ).contains("differs in job_workflow_ref"))
        #expect(
            try await installation.outcome(
                installation.job(
                    ["job_workflow_ref": .string(workflow)], audience: audience + "/")
            ).contains("none is left"))
        #expect(
            try await installation.outcome(
                installation.job(["job_workflow_ref": .string(workflow)])) == "deploy-bot")
    }

    @Test("a token is exchanged once, however many try at the same time, and after a restart")
    func replay() async throws {
        let installation = try await TestInstallation()
        try await installation.trust()
        let (control, job) = (installation.control, installation.job())
        let given = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 {
                group.addTask { (try? await control.exchange(job, audit: [:])) != nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(given == 1)
        #expect(try await installation.outcome(job) == "the token was exchanged before")
        try await installation.restart()
        #expect(try await installation.outcome(job) == "the token was exchanged before")
        #expect(try await installation.outcome(installation.job(token: "two")) == "deploy-bot")
        #expect(try installation.cores(kind: "agent.token-exchanged").count == 2)
    }

    @Test("removing the trust, the agent or rotating its token ends the tokens at once")
    func revocation() async throws {
        let installation = try await TestInstallation()
        let (control, admin) = (installation.control, TestInstallation.admin)
        let trust = try await installation.trust()
        let first = try await installation.exchange(installation.job()).token
        installation.clock.advance(seconds: 1)
        _ = try await control.rotate(.agent, TestInstallation.bot, by: admin)
        #expect(installation.who(first) == "credentials_invalid")
        installation.clock.advance(seconds: 1)
        let second = try await installation.exchange(installation.job(token: "2")).token
        // Another agent's rotation is nothing to it.
        _ = try await control.rotate(.agent, TestInstallation.otherBot, by: admin)
        #expect(installation.who(second) == "agent:deploy-bot")
        try await control.apply(.trustRemoved(trust.id), by: admin)
        #expect(installation.who(second) == "credentials_invalid")
        // The same trust again is another one.
        try await installation.trust()
        #expect(installation.who(second) == "credentials_invalid")
        let third = try await installation.exchange(installation.job(token: "3")).token
        try await control.apply(.agentRemoved(TestInstallation.bot), by: admin)
        #expect(installation.who(third) == "credentials_invalid")
        #expect(try await installation.outcome(installation.job(token: "4")).contains("none"))
    }

    @Test("tokens and their end survive a restart; trusts come from the ledger")
    func restart() async throws {
        let installation = try await TestInstallation()
        let trust = try await installation.trust()
        let token = try await installation.exchange(installation.job()).token
        try await installation.restart()
        #expect(installation.control.governance.directory.trusts == [trust.id: trust])
        #expect(installation.who(token) == "agent:deploy-bot")
        installation.clock.advance(seconds: 1)
        _ = try await installation.control.rotate(
            .agent, TestInstallation.bot, by: TestInstallation.admin)
        try await installation.restart()
        #expect(installation.who(token) == "credentials_invalid")
    }

    @Test("expired tokens leave the store; each exchange leaves one entry and nothing else")
    func pruning() async throws {
        let installation = try await TestInstallation()
        try await installation.trust(lifetime: 60)
        let entries = try installation.entries().count
        for number in 0..<20 {
            _ = try await installation.exchange(installation.job(token: "\(number)"))
        }
        #expect(try installation.entries().count == entries + 20)
        let spaces = try installation.dump().filter { $0.hasPrefix("operational: ") }
        #expect(spaces.count { $0.contains("space=\"workload\"") } == 20)
        #expect(spaces.count { $0.contains("space=\"exchanged\"") } == 20)
        #expect(
            !installation.control.governance.directory.credentials.keys.contains {
                $0.hasPrefix("w")
            })
        installation.clock.advance(seconds: 721)
        try await Scheduler(installation.control).housekeeping()
        #expect(try installation.dump().count { $0.contains("space=\"workload\"") } == 0)
        #expect(try installation.dump().count { $0.contains("space=\"exchanged\"") } == 0)
        #expect(try installation.entries().count <= entries + 21)
    }

    @Test("invariant15: a credential that a database writer made or changed is refused")
    func invariant15_forgedRows() async throws {
        let installation = try await TestInstallation()
        try await installation.trust()
        let issued = try await installation.exchange(installation.job())
        let token = try #require(Token(issued.token))
        let row = try #require(
            try installation.control.backend.read {
                try $0.operational(space: "workload", key: token.credential)
            })
        let far = Timestamp.distantFuture.milliseconds
        func put(_ key: String, _ value: [UInt8], _ expires: Int64) throws {
            try installation.tamper(
                "INSERT OR REPLACE INTO operational (space, key, value, expires) VALUES (?,?,?,?)",
                ["workload", key, Data(value), expires])
        }
        // A longer life, another agent, another name.
        try put(token.credential, row.value, far)
        #expect(installation.who(issued.token) == "credentials_invalid")
        let value = String(decoding: row.value[32...], as: UTF8.self)
            .replacing("deploy-bot", with: "other-bot")
        try put(
            token.credential, Array(row.value[..<32]) + Array(value.utf8),
            row.expires.milliseconds)
        #expect(installation.who(issued.token) == "credentials_invalid")
        let other = "w" + String(repeating: "0", count: 15)
        try put(other, row.value, row.expires.milliseconds)
        let moved = Token(
            kind: .agent, key: installation.control.verifierKey, credential: other,
            secret: token.secret)
        #expect(installation.who(moved.text) == "credentials_invalid")
        try put(token.credential, row.value, row.expires.milliseconds)
        #expect(installation.who(issued.token) == "agent:deploy-bot")
    }

    @Test("tokens that differ in any part are refused")
    func forgedTokens() async throws {
        let installation = try await TestInstallation()
        try await installation.trust()
        let good = try #require(Token(try await installation.exchange(installation.job()).token))
        for kind in CredentialKind.allCases where kind != .agent {
            let token = Token(
                kind: kind, key: installation.control.verifierKey, credential: good.credential,
                secret: good.secret)
            #expect(installation.who(token.text) == "credentials_invalid", "\(kind)")
        }
        var secret = good.secret
        secret[0] ^= 1
        let token = Token(
            kind: .agent, key: installation.control.verifierKey, credential: good.credential,
            secret: secret)
        #expect(installation.who(token.text) == "credentials_invalid")
    }

    @Test("only administrators change trusts; agents and gates never do")
    func administrators() async throws {
        let installation = try await TestInstallation()
        for principal: Principal in [
            .agent(TestInstallation.bot), .gate(TestInstallation.gate),
            .person(TestInstallation.bob), .person(TestInstallation.alice),
        ] {
            await #expect(throws: CommandError.self, "\(principal)") {
                try await installation.trust(by: principal)
            }
        }
        #expect(installation.control.governance.directory.trusts.isEmpty)
        let entries = try installation.cores(kind: "directory.changed")
        #expect(!entries.contains { $0["change"]?["op"] == "trust.added" })
    }

    @Test("trusts by names alone, and issuers on loopback, are refused with the reason")
    func refusedTrusts() async throws {
        let installation = try await TestInstallation()
        await #expect(throws: CoreError.self) {
            try await installation.trust(["repository": "octo/app"])
        }
        func loopback(_ installation: TestInstallation) async throws {
            _ = try await installation.control.addTrust(
                agent: TestInstallation.bot, issuer: try IssuerURL("http://127.0.0.1:1"),
                audience: audience, claims: ["sub": "x"], lifetimeSeconds: 900,
                by: TestInstallation.admin)
        }
        await #expect(throws: CoreError.self) { try await loopback(installation) }
        let open = try await TestInstallation { $0.allowsLoopbackIssuers = true }
        try await loopback(open)
        #expect(open.control.governance.directory.trusts.count == 1)
    }

    @Test("knocking too often is slowed down, and does not slow agents down")
    func limits() async throws {
        let installation = try await TestInstallation {
            $0.exchangesPerSecond = 1
            $0.exchangeBurst = 3
        }
        try await installation.trust()
        for _ in 0..<3 { try installation.control.throttleExchange(address: "192.0.2.1") }
        #expect(throws: CommandError.rateLimited(retryAfterSeconds: 1)) {
            try installation.control.throttleExchange(address: "192.0.2.1")
        }
        try installation.control.throttleExchange(address: "192.0.2.2")
        for number in 0..<3 {
            _ = try await installation.exchange(installation.job(token: "\(number)"))
        }
        await #expect(throws: CommandError.self) {
            try await installation.exchange(installation.job(token: "x"))
        }
        _ = try await installation.submit()
    }

    @Test("an action of a job records and shows the run; one of a plain token does not")
    func actions() async throws {
        let installation = try await TestInstallation()
        try await installation.trust()
        let issued = try await installation.exchange(installation.job())
        let agent = try installation.control.authenticate(bearer: issued.token)
        let submitter = try installation.control.submitter(
            agent: agent, gate: nil, audit: ["address": "192.0.2.1"])
        let operation = try TestInstallation.operation("review")
        let result = try await installation.control.submit(
            SubmitCommand(
                operation: operation, intent: .none, nonce: nil, idempotencyKey: nil,
                requestDigest: try operation.digest()), by: submitter)
        #expect(result.body.audit["workload"]?["claims"]?["run_id"] == "4711")
        let rendering = try #require(try result.body.rendering())
        let rows = rendering.sections.flatMap(\.rows)
        #expect(rows.contains { $0.text == "GitHub Actions run 4711" })
        #expect(rows.contains { $0.text.contains("actor: \"octocat\"") })
        let plain = try await installation.submit("review", name: "b")
        #expect(plain.body.audit["workload"] == nil)
        #expect(
            try plain.body.rendering()?.sections.flatMap(\.rows).contains {
                $0.label == "Started by"
            } == false)
        try installation.expectRowsFollowFromLedger()
    }
}
