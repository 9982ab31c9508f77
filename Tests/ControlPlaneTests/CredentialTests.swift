// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import GRDB
import ServiceTestSupport
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Tokens, links and sessions")
struct CredentialTests {
    @Test("A token is let in until it expires, is rotated or its holder goes")
    func tokens() async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        func code(_ token: String?) -> String {
            do {
                return "\(try control.authenticate(bearer: token ?? "").principal)"
            } catch {
                return error.rawValue
            }
        }
        let tokens = installation.tokens
        #expect(code(tokens["deploy-bot"]) == "agent:deploy-bot")
        #expect(code(tokens["run"]) == "gate:run")
        #expect(code(tokens["admin"]) == "administrator:admin")
        #expect(code(tokens["bob"]) == "person:bob")
        // Twelve hours for a person; the clock going back does not give them back.
        installation.clock.advance(seconds: 12 * 3600 - 1)
        #expect(code(tokens["bob"]) == "person:bob")
        installation.clock.advance(seconds: 1)
        #expect(code(tokens["bob"]) == "credentials_expired")
        _ = try await installation.submit()
        installation.clock.step(seconds: -7200)
        #expect(code(tokens["bob"]) == "credentials_expired")
        installation.clock.step(seconds: 7200)
        #expect(code(tokens["deploy-bot"]) == "agent:deploy-bot")

        let rotated = try await control.rotate(
            .agent, TestInstallation.bot, by: TestInstallation.admin)
        #expect(code(tokens["deploy-bot"]) == "credentials_invalid")
        #expect(code(rotated.token) == "agent:deploy-bot")
        try await control.apply(
            .agentRemoved(TestInstallation.bot), by: TestInstallation.admin)
        #expect(code(rotated.token) == "credentials_invalid")
        try await control.apply(.gateRemoved(TestInstallation.gate), by: TestInstallation.admin)
        #expect(code(tokens["run"]) == "credentials_invalid")
    }

    @Test("Tokens that differ in any part are refused")
    func forgedTokens() async throws {
        let installation = try await TestInstallation()
        let good = try #require(installation.tokens["bob"])
        let control = installation.control
        #expect(throws: Never.self) { try control.authenticate(bearer: good) }
        var parts = good.split(separator: "_", maxSplits: 4).map(String.init)
        let other = try #require(installation.tokens["carol"]).split(
            separator: "_", maxSplits: 4
        ).map(String.init)
        var bad = ["", "exq1", good + "A", String(good.dropLast()), good + "=", " " + good]
        bad.append(good.replacing("exq1_p", with: "exq1_m"))
        bad.append(good.replacing("exq1_p", with: "exq2_p"))
        parts[3] = other[3]
        bad.append(parts.joined(separator: "_"))
        parts[4] = other[4]
        parts[2] = String(repeating: "0", count: 32)
        bad.append(parts.joined(separator: "_"))
        bad.append(String(repeating: "a", count: 1_000_000))
        for token in bad {
            #expect(throws: AuthenticationError.invalid, "\(token.prefix(80))") {
                try control.authenticate(bearer: token)
            }
        }
    }

    @Test("A token of another log is refused, though everything else is the same")
    func anotherLog() async throws {
        // Same seed: same ids, same secrets, even the same log key. Then the key is replaced.
        let first = try await TestInstallation(random: SeededRandom(seed: 5))
        let second = try await TestInstallation(random: SeededRandom(seed: 6))
        let token = try #require(first.tokens["bob"])
        #expect(throws: AuthenticationError.invalid) {
            try second.control.authenticate(bearer: token)
        }
        let parsed = try #require(Token(token))
        let moved = Token(
            kind: parsed.kind, key: second.control.verifierKey, credential: parsed.credential,
            secret: parsed.secret)
        #expect(throws: AuthenticationError.invalid) {
            try second.control.authenticate(bearer: moved.text)
        }
    }

    @Test("Only hashes of secrets are stored")
    func hashedSecrets() async throws {
        let installation = try await TestInstallation()
        let dump = try installation.dump().joined()
        for (_, token) in installation.tokens {
            let secret = try #require(Token(token)).secret
            let encoded = Base64URL.encode(secret)
            #expect(!dump.contains(encoded))
            #expect(!dump.contains(secret.map { String($0, radix: 16) }.joined()))
        }
    }

    // MARK: links and sessions

    private func secret(_ link: String) throws -> String {
        String(try #require(link.split(separator: "=").last))
    }

    @Test("A sign-in link works once, within the hour, and both are entries")
    func links() async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        let link = try await control.signInLink(
            for: TestInstallation.bob, by: TestInstallation.admin)
        #expect(link.hasPrefix("http://localhost:8420/sign-in?token="))
        let used = try secret(link)
        let codes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 {
                group.addTask { (try? await control.redeem(link: used, audit: [:])) != nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(codes == 1)
        #expect(try await control.redeem(link: used, audit: [:]) == nil)
        #expect(try await control.redeem(link: "nonsense", audit: [:]) == nil)
        #expect(try installation.cores(kind: "person.signed-in").count == 1)
        let issued = try installation.cores(kind: "person.link-issued")
        #expect(issued.last?["person"]?.stringValue == "bob")

        let late = try secret(
            try await control.signInLink(for: TestInstallation.carol, by: TestInstallation.admin))
        installation.clock.advance(seconds: 3600)
        #expect(try await control.redeem(link: late, audit: [:]) == nil)
        let ofTheGone = try secret(
            try await control.signInLink(for: TestInstallation.dave, by: TestInstallation.admin))
        try await control.apply(
            .personRemoved(TestInstallation.dave), by: TestInstallation.admin)
        #expect(try await control.redeem(link: ofTheGone, audit: [:]) == nil)
    }

    private func signIn(_ installation: TestInstallation, _ person: Handle) async throws -> String {
        let link = try await installation.control.signInLink(
            for: person, by: TestInstallation.admin)
        let cookie = try await installation.control.redeem(link: try secret(link), audit: [:])
        return try #require(cookie)
    }

    @Test("A session lives twelve hours, counts as console for ten minutes, and ends at once")
    func sessions() async throws {
        let installation = try await TestInstallation()
        let cookie = try await signIn(installation, TestInstallation.bob)
        let session = try #require(try installation.control.session(cookie: cookie))
        #expect(session.person == TestInstallation.bob)
        #expect(installation.control.assurance(of: session) == .console)
        installation.clock.advance(seconds: 599)
        #expect(installation.control.assurance(of: session) == .console)
        installation.clock.advance(seconds: 1)
        #expect(installation.control.assurance(of: session) == .token)
        // It survives a restart and ends by signing out.
        try await installation.restart()
        #expect(try installation.control.session(cookie: cookie) == session)
        try await installation.control.signOut(cookie: cookie)
        #expect(try installation.control.session(cookie: cookie) == nil)

        let second = try await signIn(installation, TestInstallation.bob)
        installation.clock.advance(seconds: 12 * 3600)
        #expect(try installation.control.session(cookie: second) == nil)
        let third = try await signIn(installation, TestInstallation.carol)
        try await installation.control.apply(
            .personRemoved(TestInstallation.carol), by: TestInstallation.admin)
        #expect(try installation.control.session(cookie: third) == nil)
    }

    @Test("invariant15: a session or link that a database writer made or changed is refused")
    func invariant15_forgedSessions() async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        let cookie = try await signIn(installation, TestInstallation.dave)
        let key = Hash256.sha256(Array(cookie.utf8)).hex
        let row = try #require(
            try control.backend.read { try $0.operational(space: "session", key: key) })
        let forgedCookie = "forged"
        let forgedKey = Hash256.sha256(Array(forgedCookie.utf8)).hex
        let far = Timestamp.distantFuture.milliseconds
        func put(_ space: String, _ key: String, _ value: [UInt8], _ expires: Int64) throws {
            try installation.tamper(
                "INSERT OR REPLACE INTO operational (space, key, value, expires) VALUES (?,?,?,?)",
                [space, key, Data(value), expires])
        }
        // Copied under another cookie, written by hand, and with another person in it.
        try put("session", forgedKey, row.value, far)
        #expect(try control.session(cookie: forgedCookie) == nil)
        let written = try JSON.object([
            "csrf": "x", "person": "bob", "signedInAt": .string("\(installation.clock.now)"),
        ]).canonicalBytes()
        try put("session", forgedKey, Array(repeating: 0, count: 32) + written, far)
        #expect(try control.session(cookie: forgedCookie) == nil)
        try put("session", key, Array(row.value.prefix(32)) + written, far)
        #expect(try control.session(cookie: cookie) == nil)
        // A session row is no link and a link row no session.
        try put("link", forgedKey, row.value, far)
        #expect(try await control.redeem(link: forgedCookie, audit: [:]) == nil)

        // A link that has expired is not given a longer life.
        let link = try secret(
            try await control.signInLink(
                for: TestInstallation.bob, by: TestInstallation.admin))
        try installation.tamper(
            "UPDATE operational SET expires = ? WHERE space = 'link' AND key = ?",
            [far, Hash256.sha256(Array(link.utf8)).hex])
        installation.clock.advance(seconds: 3600)
        #expect(try await control.redeem(link: link, audit: [:]) == nil)
    }

    @Test("admin.token administers, and is replaced if its file is lost in a crash")
    func adminToken() async throws {
        let installation = try await TestInstallation()
        #expect(installation.control.mayAdminister(TestInstallation.admin))
        let old = try #require(installation.tokens["admin"])
        installation.stop()
        try removeFile(installation.data.adminToken)
        try installation.start()
        _ = try await installation.control.begin(starterPolicies: TestInstallation.policies)
        #expect(throws: AuthenticationError.invalid) {
            try installation.control.authenticate(bearer: old)
        }
        let text = try Corpora.text(at: installation.data.adminToken)
        let token = String(text.dropLast())
        #expect(
            try installation.control.authenticate(bearer: token).principal
                == TestInstallation.admin)
    }

    @Test("Replacing a person's tokens ends his sessions and links, across restarts; others stay")
    func rotationEndsSessions() async throws {
        let installation = try await TestInstallation()
        var control = installation.control
        func link(_ person: Handle) async throws -> String {
            let link = try await control.signInLink(for: person, by: TestInstallation.admin)
            return try #require(link.split(separator: "=").last.map(String.init))
        }
        let bobs = try #require(
            try await control.redeem(link: try await link(TestInstallation.bob), audit: [:]))
        let carols = try #require(
            try await control.redeem(link: try await link(TestInstallation.carol), audit: [:]))
        let unused = try await link(TestInstallation.bob)
        #expect(try control.session(cookie: bobs) != nil)
        installation.clock.advance(seconds: 1)
        _ = try await control.rotate(
            .person, TestInstallation.bob, by: TestInstallation.admin)
        for _ in 0..<2 {
            #expect(try control.session(cookie: bobs) == nil)
            #expect(try control.peek(link: unused) == nil)
            #expect(try await control.redeem(link: unused, audit: [:]) == nil)
            #expect(try control.session(cookie: carols) != nil)
            try await installation.restart()
            control = installation.control
        }
        let fresh = try await control.redeem(
            link: try await link(TestInstallation.bob), audit: [:])
        #expect(try control.session(cookie: try #require(fresh)) != nil)
    }
}
