// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Identity providers: accounts and groups")
struct ProviderTests {
    typealias Installation = TestInstallation

    private static func account(_ subject: String) throws -> ExternalAccount {
        try #require(ExternalAccount(issuer: "https://idp.example", subject: subject))
    }

    private func signIn(
        _ installation: Installation, _ subject: String, _ groups: [Handle: Bool] = [:],
        at: Timestamp? = FakeClock.start
    ) async throws -> Session {
        let cookie = try await installation.control.signIn(
            ExternalSignIn(
                account: try Self.account(subject), authenticatedAt: at, memberships: groups,
                evidence: [:]), audit: [:])
        return try #require(try installation.control.session(cookie: cookie))
    }

    private func link(_ installation: Installation, _ person: Handle) async throws {
        try await installation.control.apply(
            .externalLinked(
                try Self.account(person.text),
                ExternalLink(person: person, since: installation.clock.now)),
            by: Installation.admin)
    }

    @Test("only a linked account signs in, fresh only if the provider says when")
    func accounts() async throws {
        let installation = try await Installation()
        #expect(
            await failure { try await signIn(installation, "bob") } == "account_unknown")
        #expect(try installation.cores(kind: "sign-in.failed").count == 1)
        try await link(installation, Installation.bob)
        let session = try await signIn(installation, "bob")
        #expect(session.person == Installation.bob && session.method == .openID)
        #expect(installation.control.assurance(of: session) == .console)
        let unknown = try await signIn(installation, "bob", at: nil)
        #expect(installation.control.assurance(of: unknown) == .token)
        installation.clock.advance(seconds: 601)
        #expect(installation.control.assurance(of: session) == .token)
    }

    @Test("removing the person ends his sessions and account at once")
    func deprovisioned() async throws {
        let installation = try await Installation()
        try await link(installation, Installation.dave)
        let cookie = try await installation.control.signIn(
            ExternalSignIn(
                account: try Self.account("dave"), authenticatedAt: nil, memberships: [:],
                evidence: [:]), audit: [:])
        #expect(try installation.control.session(cookie: cookie) != nil)
        try await installation.control.apply(
            .personRemoved(Installation.dave), by: Installation.admin)
        #expect(try installation.control.session(cookie: cookie) == nil)
        #expect(await failure { try await signIn(installation, "dave") } == "account_unknown")
    }

    @Test("groups follow the claims while unsealed; afterwards only removals do at once")
    func groups() async throws {
        let installation = try await Installation(policies: Installation.governedPolicies)
        try await link(installation, Installation.dave)
        let reviewers = Handle.reviewers
        _ = try await signIn(installation, "dave", [reviewers: true])
        var directory: Directory { installation.control.governance.directory }
        #expect(directory.isPerson(Installation.dave, in: reviewers))
        _ = try await signIn(installation, "dave", [reviewers: false])
        #expect(!directory.isPerson(Installation.dave, in: reviewers))
        let devices = try await installation.seal()
        _ = try await signIn(installation, "dave", [reviewers: true])
        #expect(!directory.isPerson(Installation.dave, in: reviewers))
        let pending = try installation.control.list(ActionQuery()).filter {
            $0.state.status == .pending
        }
        let request = try #require(pending.first)
        #expect(request.state.submission.requester.owner == Installation.dave)
        let carol = try await installation.signIn(with: try #require(devices[Installation.carol]))
        _ = try await installation.decide(request.state.id, in: carol)
        #expect(directory.isPerson(Installation.dave, in: reviewers))
        _ = try await signIn(installation, "dave", [reviewers: false])
        #expect(!directory.isPerson(Installation.dave, in: reviewers))
    }
}
