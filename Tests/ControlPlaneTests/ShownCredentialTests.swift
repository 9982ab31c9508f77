// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Credentials that others have seen")
struct ShownCredentialTests {
    typealias Installation = TestInstallation

    /// A session that one person opened with a link that another made.
    private static func borrowed(
        _ person: Handle, by maker: Handle, _ control: ControlPlane
    ) async throws -> Session {
        let link = try await control.signInLink(for: person, by: .person(maker))
        let secret = try #require(link.split(separator: "=").last.map(String.init))
        let cookie = try #require(try await control.redeem(link: secret, audit: [:]))
        return try #require(try control.session(cookie: cookie))
    }

    @Test("invariant13: after the seal nobody acts in the name of whose link or token he has seen")
    func invariant13_shownCredentialsAct() async throws {
        let installation = try await Installation(policies: Installation.governedPolicies)
        let action = try await installation.submit("two")
        _ = try await installation.decide(action, by: Installation.bob)
        let unknown = try await installation.submit(name: "b", nonce: Installation.nonce(1))
        _ = try await installation.report(unknown, .unknown)
        let link = try await installation.signIn(Installation.bob)
        let devices = try await installation.seal()
        let control = installation.control
        let (id, other) = (action.state.id, unknown.state.id)
        let token = try control.authenticate(bearer: installation.tokens["bob"] ?? "")
        for party in [control.party(of: link), token] {
            let codes = [
                await failure {
                    try await control.withdraw(id, by: party, reason: nil, audit: [:])
                },
                await failure {
                    try await control.comment(id, .comment, text: "x", by: party, audit: [:])
                },
                await failure { try await control.cancel(id, by: party, audit: [:]) },
                await failure { try await control.revoke(id, by: party, reason: nil, audit: [:]) },
                await failure {
                    try await control.settle(other, .failed, by: party, reason: "x", audit: [:])
                },
                await failure {
                    try await control.settleDebt(
                        other, accepted: true, by: party, reason: "x", audit: [:])
                },
                await failure { try await control.look(id, by: party) },
                await failure {
                    try await control.addBatch([id, other], title: nil, by: party, audit: [:])
                },
            ]
            #expect(codes == Array(repeating: "credential_shown", count: 8))
        }
        // Each that names an action is an entry of it.
        #expect(try installation.refusals(action).count == 8)
        #expect(try installation.refusals(unknown).count == 4)
        #expect(try installation.status(unknown) == .unknown)
        #expect(try control.detail(id)?.state.approvers == [Installation.bob])
        // A credential of his own does it.
        let carol = try await installation.signIn(with: try #require(devices[Installation.carol]))
        let settled = try await control.settle(
            other, .failed, by: control.party(of: carol), reason: "seen", audit: [:])
        #expect(settled.state.status == .failed)
    }

    @Test("invariant13: after the seal a link removes no passkey, asks for nothing, makes no link")
    func invariant13_shownCredentialsAdminister() async throws {
        let installation = try await Installation(policies: Installation.governedPolicies)
        let devices = try await installation.seal()
        let control = installation.control
        let erin = Installation.erin
        let link = try await Self.borrowed(erin, by: Installation.alice, control)
        let passkey = try #require(control.governance.directory.passkeys(of: erin).first?.id)
        let removal = GovernanceChange.directory([NamedDirectoryChange(.passkeyRemoved(passkey))])
        func remove(in session: Session) async -> String {
            await failure {
                try await control.administerOwn(removal, by: session, isRemoval: true, audit: [:])
            }
        }
        #expect(await remove(in: link) == "credential_shown")
        // Erin administers; who made a link for her could approve what was asked by another link.
        let party = control.party(of: link)
        #expect(
            await failure { try await control.administer(removal, by: party) }
                == "credential_shown")
        #expect(
            await failure {
                try await control.signInLink(for: Installation.dave, askedBy: party)
            } == "credential_shown")
        #expect(control.governance.directory.passkeys(of: erin).count == 1)
        let own = try await installation.signIn(with: try #require(devices[erin]))
        #expect(await remove(in: own) == "none")
        #expect(control.governance.directory.passkeys(of: erin).isEmpty)
    }
}
