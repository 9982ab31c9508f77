// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing
import TransparencyLog

@testable import ApprovalCore

private let github = "https://token.actions.githubusercontent.com"

private func trust(
    _ claims: [String: String], issuer: String = github, audience: String = "https://exq.example",
    agent: Handle = .bot, id: String = "t00000000000000a", lifetime: Int64 = 900
) throws -> WorkloadTrust {
    try WorkloadTrust(
        id: id, agent: agent, issuer: try IssuerURL(issuer), audience: audience, claims: claims,
        lifetimeSeconds: lifetime)
}

private func identity(
    _ claims: JSONObject, issuer: String = github, audience: String = "https://exq.example"
) -> WorkloadIdentity {
    WorkloadIdentity(
        issuer: issuer, audience: audience, claims: claims, tokenDigest: .zero, forgettable: .start)
}

@Suite("Trusts in workloads")
struct WorkloadTrustTests {
    @Test("issuers are https addresses in one spelling, or on loopback")
    func issuers() throws {
        for good in [
            github, "https://auth.example/", "https://gitlab.example:8443/a/b",
            "http://127.0.0.1:9000", "http://localhost", "http://[::1]:80/x",
        ] { #expect(throws: Never.self, "\(good)") { try IssuerURL(good) } }
        for bad in [
            "", "https://", "http://token.example", "ftp://a.example", "HTTPS://a.example",
            "https://A.example", "https://a.example?x=1", "https://a.example#x",
            "https://u@a.example", "https://a.example/../b", "https://a.example/./b",
            "https://a.example:", "https://a.example:0", "https://a.example:65536",
            "https://a.example:+1", "https://a.example/%2e", "https://a.example/a b",
            "https://a.example/\u{10}", "https://a.example/\u{7f}", "https://\u{11}.example",
            "https://ex\u{e4}mple", "http://127.0.0.1.example", "http://128.0.0.1",
            "https://[::2]", "https://a.example/" + String(repeating: "a", count: 512),
        ] { #expect(throws: CoreError.self, "\(bad)") { try IssuerURL(bad) } }
        #expect(
            try IssuerURL("https://a.example/").discovery
                == "https://a.example/.well-known/openid-configuration")
        #expect(
            try IssuerURL("https://a.example/b").discovery
                == "https://a.example/b/.well-known/openid-configuration")
    }

    @Test("GitHub is known by each of its issuers")
    func gitHub() throws {
        for issuer in [
            github, github + "/acme", "https://token.actions.acme.ghe.com",
            "https://git.acme.example/_services/token",
        ] { #expect(try IssuerURL(issuer).isGitHub, "\(issuer)") }
        for issuer in ["https://gitlab.com", "https://token.actions.githubusercontent.com.example"]
        {
            #expect(try !IssuerURL(issuer).isGitHub, "\(issuer)")
        }
    }

    @Test(
        "a repository is named by its number, because its name can pass to somebody else",
        arguments: [
            ["repository": "octo/app"], ["sub": "repo:octo/app:environment:production"],
            ["repository_owner_id": "1", "environment": "production"],
            ["job_workflow_ref": "octo/app/.github/workflows/deploy.yml@refs/heads/main"],
            ["repository_id": "octo/app"], ["repository_id": "0123"], [:],
            ["sub": "repo:octo@1/app:ref:x"], ["sub": "repo:octo@1/app@b:ref:x"],
            ["sub": "repo:octo@1/app@2@3:ref:x"], ["sub": "repo:octo@1/app@2"],
            ["sub": "repo:octo@1/app@2:"],
        ])
    func nameOnly(_ claims: [String: String]) throws {
        let problem = try #require(try trust(claims).bindingProblem)
        #expect(problem.contains("--claim"))
    }

    @Test("numbers bind, in a claim of their own or in the subject of 2026")
    func numbers() throws {
        let bound: [[String: String]] = [
            ["repository_id": "74"], ["repository_id": "74", "environment": "production"],
            ["sub": "repo:octocat@123456/my-repo@456789:ref:refs/heads/main"],
            ["sub": "repo:octocat@123456/my-repo@456789:environment:production"],
        ]
        for claims in bound { #expect(try trust(claims).bindingProblem == nil, "\(claims)") }
    }

    @Test("other issuers: whatever names a repository or project needs its number there too")
    func otherIssuers() throws {
        func problem(_ claims: [String: String]) throws -> String? {
            try trust(claims, issuer: "https://ci.example").bindingProblem
        }
        #expect(try problem(["sub": "system:serviceaccount:prod:deployer"]) == nil)
        #expect(try problem(["repository": "a/b"]) != nil)
        #expect(try problem(["sub": "repo:a/b:ref:refs/heads/main"]) != nil)
        #expect(try problem(["sub": "project_path:a/b:ref_type:branch:ref:main"]) != nil)
        #expect(try problem(["project_path": "a/b", "project_id": "7"]) == nil)
        #expect(try problem([:]) != nil)
    }

    @Test("values that look like patterns, cannot be seen or are too long are refused")
    func values() {
        for value in [
            "", "octo/*", "a?", "a\u{200b}b", "a\nb", String(repeating: "a", count: 1025),
        ] {
            #expect(throws: CoreError.self, "\(value)") {
                try trust(["repository_id": "1", "environment": value])
            }
            #expect(throws: CoreError.self, "\(value)") {
                try trust(["repository_id": "1"], audience: value)
            }
        }
        for name in ["", "iss", "aud", "exp", "nbf", "iat", "jti", "a b", "\u{e9}", "a*"] {
            #expect(throws: CoreError.self, "\(name)") { try trust([name: "x"]) }
        }
        let many = Dictionary(uniqueKeysWithValues: (0..<17).map { ("c\($0)", "x") })
        #expect(throws: CoreError.self) { try trust(many) }
        for seconds: Int64 in [-1, 0, 59, 3601] {
            #expect(throws: CoreError.self) { try trust(["repository_id": "1"], lifetime: seconds) }
        }
    }

    @Test("every claim must be there, as a text, with the same bytes")
    func matching() throws {
        let trust = try trust(["repository_id": "74", "environment": "pr\u{e9}"])
        let good: JSONObject = ["repository_id": "74", "environment": "pr\u{e9}", "actor": "x"]
        #expect(trust.differences(from: identity(good)) == [])
        #expect(trust.differences(from: identity([:])) == ["environment", "repository_id"])
        var other = good
        other["environment"] = "pre\u{301}"  // looks the same, and is the same to `==`
        #expect(trust.differences(from: identity(other)) == ["environment"])
        other = good
        other["repository_id"] = 74
        #expect(trust.differences(from: identity(other)) == ["repository_id"])
        other["repository_id"] = ["74"]
        #expect(trust.differences(from: identity(other)) == ["repository_id"])
        #expect(trust.differences(from: identity(good, issuer: github + "/")) == nil)
        #expect(trust.differences(from: identity(good, audience: "https://exq.example/")) == nil)
    }

    @Test("two trusts that one token could match are not both taken")
    func overlap() throws {
        var directory = try Fixtures.directory()
        let first = try trust(["repository_id": "1", "environment": "production"])
        try directory.apply(.trustAdded(first))
        func add(_ claims: [String: String], _ audience: String = "https://exq.example") throws {
            try directory.apply(
                .trustAdded(try trust(claims, audience: audience, id: "t00000000000000b")))
        }
        for claims in [
            ["repository_id": "1", "environment": "production"], ["repository_id": "1"],
            ["repository_id": "1", "job_workflow_ref": "w"],
        ] {
            #expect(throws: DirectoryError.overlaps(first.id), "\(claims)") { try add(claims) }
        }
        #expect(throws: DirectoryError.exists("trust", first.id)) {
            try directory.apply(.trustAdded(first))
        }
        try add(["repository_id": "1", "environment": "staging"])
        try directory.apply(.trustRemoved("t00000000000000b"))
        try add(["repository_id": "1"], "https://other.example")
    }

    @Test("are changes like others: unknown agents, unknown trusts, agents that go")
    func changes() throws {
        var directory = try Fixtures.directory()
        let stranger = Handle(constant: "eve")
        #expect(throws: DirectoryError.unknown("agent", "eve")) {
            try directory.apply(.trustAdded(try trust(["repository_id": "1"], agent: stranger)))
        }
        #expect(throws: DirectoryError.unknown("trust", "t0")) {
            try directory.apply(.trustRemoved("t0"))
        }
        try directory.apply(.trustAdded(try trust(["repository_id": "1"])))
        try directory.apply(.agentRemoved(.bot))
        #expect(directory.trusts.isEmpty)
    }

    @Test("a directory without trusts keeps its digest, one with them is read back")
    func extract() throws {
        var directory = try Fixtures.directory()
        let before = try directory.digest()
        #expect(directory.json["trusts"] == nil)
        let added = try trust(["repository_id": "1"])
        try directory.apply(.trustAdded(added))
        #expect(try directory.digest() != before)
        let read = try Directory(extract: directory.json)
        #expect(read.trusts == [added.id: added])
        #expect(try read.digest() == directory.digest())
        try directory.apply(.trustRemoved(added.id))
        #expect(try directory.digest() == before)
        var json = try #require(read.json.objectValue)
        json["trusts"] = [added.json, added.json]
        #expect(throws: (any Error).self) { try Directory(extract: .object(json)) }
    }

    @Test("changes are read back as written; anything else is refused")
    func roundTrip() throws {
        let added = try trust(["repository_id": "1", "environment": "production"])
        for change: DirectoryChange in [.trustAdded(added), .trustRemoved(added.id)] {
            #expect(try DirectoryChange(change.json) == change)
        }
        for (key, value): (String, JSON) in [
            ("issuer", "http://a.example"), ("claims", ["repository_id": 1]), ("claims", []),
            ("lifetime", 1), ("agent", "Bot"), ("id", "t1"), ("audience", ""), ("extra", 1),
        ] {
            var json = try #require(added.json.objectValue)
            json[key] = value
            #expect(throws: (any Error).self, "\(key)") {
                try DirectoryChange(["op": "trust.added", "trust": .object(json)])
            }
        }
    }

    @Test("the directory takes a limited number")
    func limit() throws {
        var directory = try Fixtures.directory()
        for number in 1...Limits.trusts {
            let id = "t" + String(Hash256.of("\(number)").hex.prefix(15))
            try directory.apply(.trustAdded(try trust(["repository_id": "\(number)"], id: id)))
        }
        #expect(throws: DirectoryError.full("trusts", Limits.trusts)) {
            try directory.apply(.trustAdded(try trust(["repository_id": "999999"])))
        }
    }
}

@Suite("Runs of workloads")
struct WorkloadRunTests {
    private func run(_ claims: JSONObject, issuer: String = github) throws -> WorkloadRun {
        WorkloadRun(
            identity(claims, issuer: issuer),
            trust: try trust(["repository_id": "74"], issuer: issuer))
    }

    @Test("the reviewer sees the run as its issuer's claims")
    func rendering() throws {
        let run = try run([
            "run_id": "4711", "run_attempt": "2", "repository_id": "74", "actor": "mallory\u{202e}",
            "sha": "abc", "other": "not shown", "runner_environment": ["x"],
        ])
        let action = try Fixtures.action()
        let verdict = try Fixtures.environment().evaluate(action, at: .start)
        let rendering = Renderer.render(
            action: action, verdict: verdict, deadline: .start, run: run, name: { _ in nil })
        #expect(rendering.text(.who, "Started by") == "GitHub Actions run 4711 attempt 2")
        #expect(
            rendering.text(.who, "Claims of \(github)")
                == "repository_id: \"74\"\nsha: \"abc\"\nactor: \"mallory\\u{202e}\"\n"
                + "run_id: \"4711\"\nrun_attempt: \"2\"")
        #expect(!rendering.everything.contains("not shown"))
        #expect(rendering.isComplete)
        #expect(try Fixtures.rendering(action).text(.who, "Started by") == nil)
    }

    @Test("only GitHub's runs are called so; what the trust asks for is shown")
    func titles() throws {
        let issuer = "https://ci.example"
        #expect(try run(["run_id": "1"], issuer: issuer).title == "run 1")
        let pod = try run(["sub": "system:serviceaccount:a:b"], issuer: issuer)
        #expect(pod.title == "a workload")
        #expect(pod.shown.map(\.name) == ["sub"])
        let long = try run(["actor": .string(String(repeating: "a", count: 1025))])
        #expect(long.claims.isEmpty)
    }

    @Test("is found in the audit part of a body, and nothing else is")
    func audit() throws {
        let run = try run(["run_id": "1"])
        #expect(WorkloadRun(audit: ["address": "x", "workload": run.json]) == run)
        #expect(WorkloadRun(audit: ["address": "x"]) == nil)
        #expect(WorkloadRun(audit: ["workload": ["issuer": "x"]]) == nil)
        #expect(WorkloadRun(audit: .null) == nil)
    }
}
