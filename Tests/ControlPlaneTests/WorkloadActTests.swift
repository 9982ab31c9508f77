// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

private let issuer = "https://idp.example"
private let audience = "https://exequatur.example"

extension TestInstallation {
    /// A token of `carol` that an agent got to act for her (RFC 8693 §4.1).
    fileprivate func delegated(
        _ act: JSON = ["sub": "coding-agent"], subject: String = "carol", token: String = "one"
    ) -> WorkloadIdentity {
        let claims: JSONObject = [
            "act": act, "aud": .string(audience), "iss": .string(issuer),
            "sub": .string(subject),
        ]
        return WorkloadIdentity(
            issuer: issuer, audience: audience, claims: claims,
            tokenDigest: .sha256(Array(token.utf8)), forgettable: clock.now.adding(seconds: 720))
    }

    @discardableResult
    fileprivate func trust(
        _ claims: [String: String] = ["act/sub": "coding-agent"], onBehalfOf: Bool = true
    ) async throws -> WorkloadTrust {
        // What was handed out in the very instant in which the agent got its own token is void.
        clock.advance(seconds: 1)
        return try await control.addTrust(
            agent: Self.bot, issuer: try IssuerURL(issuer), audience: audience, claims: claims,
            lifetimeSeconds: 900, onBehalfOf: onBehalfOf, by: Self.admin)
    }

    fileprivate func account(_ subject: String = "carol") throws -> ExternalAccount {
        try #require(ExternalAccount(issuer: issuer, subject: subject))
    }

    fileprivate func link(_ person: Handle = TestInstallation.carol) async throws {
        try await control.apply(
            .externalLinked(try account(), ExternalLink(person: person, since: control.now)),
            by: Self.admin)
    }

    /// Whose token it gave, or why it gave none.
    fileprivate func outcome(_ identity: WorkloadIdentity) async throws -> String {
        do {
            return "\(try await control.exchange(identity, audit: [:]).agent)"
        } catch let refusal as GrantRefused {
            return refusal.description
        }
    }

    fileprivate func party(_ identity: WorkloadIdentity) async throws -> (String, Authenticated) {
        let token = try await control.exchange(identity, audit: [:]).token
        return (token, try control.authenticate(bearer: token))
    }
}

@Suite("Agents that act on behalf of a person")
struct WorkloadActTests {
    @Test("the person whose account it is is behind everything, and in the chain")
    func onBehalfOf() async throws {
        let at = try await TestInstallation()
        try await at.trust()
        try await at.link()
        let (_, party) = try await at.party(at.delegated())
        #expect(party.principal == .agent(TestInstallation.bot))
        #expect(party.onBehalfOf == TestInstallation.carol)
        let submitter = try at.control.submitter(agent: party, gate: nil, audit: [:])
        #expect(submitter.requester.onBehalfOf == TestInstallation.carol)
        let core = try #require(try at.cores(kind: "agent.token-exchanged").last)
        #expect(core["onBehalfOf"] == "carol")
        // In the chain, so that he never approves it.
        #expect(submitter.requester.chain.contains(TestInstallation.carol))
    }

    @Test("gone with the link, with the person, and with his tokens; another's link is no help")
    func revocation() async throws {
        let at = try await TestInstallation()
        let control = at.control
        try await at.trust()
        func isDead(_ token: String) -> Bool {
            (try? control.authenticate(bearer: token)) == nil
        }
        #expect(try await at.outcome(at.delegated()).contains("nobody here has the account"))
        #expect(try await at.outcome(at.delegated(subject: "")).contains("of this token"))
        try await at.link()
        let (first, _) = try await at.party(at.delegated())
        #expect(!isDead(first))
        try await control.apply(.externalUnlinked(try at.account()), by: TestInstallation.admin)
        #expect(isDead(first))
        // Linked again it is another link; to another person it is another person's.
        at.clock.advance(seconds: 1)
        try await at.link()
        #expect(isDead(first))
        let (second, _) = try await at.party(at.delegated(token: "2"))
        try await control.apply(.externalUnlinked(try at.account()), by: TestInstallation.admin)
        try await at.link(TestInstallation.dave)
        #expect(isDead(second))
        let (third, party) = try await at.party(at.delegated(token: "3"))
        #expect(party.onBehalfOf == TestInstallation.dave)
        try await at.restart()
        #expect(try at.control.authenticate(bearer: third).onBehalfOf == TestInstallation.dave)
        try await at.control.apply(
            .personRemoved(TestInstallation.dave), by: TestInstallation.admin)
        #expect((try? at.control.authenticate(bearer: third)) == nil)
    }

    @Test("the outermost actor decides, by a path; a chain is shown, and has four at most")
    func chains() async throws {
        let at = try await TestInstallation()
        try await at.trust()
        try await at.link()
        for act: JSON in [
            ["sub": "another-agent"], ["sub": "another", "act": ["sub": "coding-agent"]], [:],
            ["sub": ["coding-agent"]],
        ] {
            let outcome = try await at.outcome(at.delegated(act, token: act.description))
            #expect(outcome.contains("differs in act/sub"), "\(outcome)")
        }
        #expect(try await at.outcome(at.delegated("coding-agent")).contains("differs in act/sub"))
        let (_, party) = try await at.party(
            at.delegated(["sub": "coding-agent", "act": ["iss": .string(issuer), "sub": "host"]]))
        let claims = try #require(party.run?.claims)
        #expect(claims["act/sub"] == "coding-agent" && claims["act/act/sub"] == "host")
        #expect(claims["act/act/iss"] == .string(issuer) && claims["sub"] == "carol")
        func nested(_ depth: Int) -> JSON {
            depth == 1
                ? ["sub": "coding-agent"] : ["act": nested(depth - 1), "sub": "coding-agent"]
        }
        #expect(try await at.outcome(at.delegated(nested(4), token: "4")) == "deploy-bot")
        #expect(try await at.outcome(at.delegated(nested(5), token: "5")).contains("4 actors"))
    }

    @Test("a trust in tokens of persons names the agent that acts; what does not is refused")
    func trusts() async throws {
        let at = try await TestInstallation()
        for claims in [
            ["tenant": "t-1"], ["act/iss": "https://idp.example"], ["act/exp": "1"],
            ["act/": "x"], ["act/sub/x": "x"], ["act": "x"], ["actor": "x"],
        ] {
            await #expect(throws: CoreError.self, "\(claims)") { try await at.trust(claims) }
        }
        for isForPersons in [true, false] {
            await #expect(throws: CoreError.self) {
                try await at.trust(
                    ["act/sub": "a", "act/act/sub": "b"], onBehalfOf: isForPersons)
            }
        }
        let trust = try await at.trust(["act/client_id": "agent", "tenant": "t-1"])
        #expect(trust.json["onBehalfOf"] == true)
        #expect(try WorkloadTrust(trust.json, path: "trust") == trust)
        let plain = try await at.trust(["tenant": "t-2"], onBehalfOf: false)
        #expect(plain.json["onBehalfOf"] == nil)
        #expect(at.control.governance.directory.trusts.count == 2)
        try await at.restart()
        #expect(at.control.governance.directory.trusts[trust.id] == trust)
    }

    @Test("a name with slashes counts as it stands; where it could be both it is neither")
    func paths() {
        func claim(_ claims: JSONObject, _ name: String) -> JSON? {
            WorkloadIdentity(
                issuer: issuer, audience: audience, claims: claims, tokenDigest: .zero,
                forgettable: .distantFuture
            ).claim(name)
        }
        #expect(claim(["a": ["b": "x"]], "a/b") == "x")
        #expect(claim(["a/b": "x"], "a/b") == "x")
        #expect(claim(["a/b": "x", "a": ["b": "x"]], "a/b") == nil)
        #expect(claim(["https://e.example/team": "x"], "https://e.example/team") == "x")
        #expect(claim(["act/sub": "x"], "act/sub") == nil)
        #expect(claim(["a": ["b": "x"]], "a/b/c") == nil && claim(["a": [1]], "a/0") == nil)
    }
}
