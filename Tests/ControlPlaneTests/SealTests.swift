// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Seal and recover")
struct SealTests {
    typealias Installation = TestInstallation

    private static func installation() async throws -> Installation {
        try await Installation(policies: Installation.governedPolicies)
    }

    // MARK: sealing

    @Test("invariant13: two administrators with credentials of their own seal, for good")
    func invariant13_seal() async throws {
        let installation = try await Self.installation()
        #expect(installation.control.unsealed)
        #expect(!installation.control.sealObstacles.isEmpty)
        try await installation.seal()
        let control = installation.control
        #expect(!control.unsealed)
        #expect(control.governance.seal.seal?.by == [Installation.alice, Installation.carol])
        // `admin.token` is void and gone.
        #expect(
            await failure { try control.authenticate(bearer: installation.tokens["admin"] ?? "") }
                == "credentials_invalid")
        #expect(!control.configuration.data.hasAdminToken)
        try await installation.restart()
        #expect(!installation.control.unsealed)
        #expect(!installation.control.configuration.data.hasAdminToken)
        let manifest = try #require(try installation.control.sealedManifest())
        #expect(
            try manifest.digest == installation.control.governance.seal.seal?.manifest)
        #expect(manifest.directory.passkeys.count == 3)
        #expect(try SealManifest(manifest.json).digest == manifest.digest)
        // Every entry from then on says so.
        let action = try await installation.submit("review")
        let core = try #require(
            try installation.cores(kind: "action.submitted").last)
        #expect(core["unsealed"]?.boolValue == false, "\(action.state.id)")
    }

    @Test("neither a link, a token, one person twice, nor a changed manifest seals")
    func confirmations() async throws {
        let installation = try await Self.installation()
        let control = installation.control
        var devices: [Handle: SoftwarePasskey] = [:]
        for person in [Installation.alice, Installation.carol] {
            try await control.apply(
                .memberAdded(group: .administrators, member: person), by: Installation.admin)
            devices[person] = try await installation.enrol(person)
        }
        try await installation.confirmSeal(devices, by: [])
        let digest = try #require(control.sealQuestion?.digest)
        let alice = try await installation.signIn(with: try #require(devices[Installation.alice]))
        let carol = try await installation.signIn(with: try #require(devices[Installation.carol]))
        func confirm(_ session: Session, _ digest: Hash256) async -> String {
            await failure {
                try await control.confirmSeal(expect: digest, by: session, audit: [:])
            }
        }
        let link = try await installation.signIn(Installation.carol)
        #expect(await confirm(link, digest) == "sign_in_again")
        let bob = try await installation.signIn(
            with: try await installation.enrol(Installation.bob))
        #expect(await confirm(bob, digest) == "administrators_only")
        // Bob's new passkey is part of what is sealed, so the question is void.
        #expect(await confirm(alice, digest) == "seal_changed")
        try await installation.confirmSeal(devices, by: [Installation.alice])
        let next = try #require(control.sealQuestion?.digest)
        #expect(next != digest)
        #expect(await confirm(alice, next) == "seal_conflict")
        #expect(control.unsealed)
        installation.clock.advance(seconds: 601)
        #expect(await confirm(carol, next) == "sign_in_again")
        let again = try await installation.signIn(with: try #require(devices[Installation.carol]))
        #expect(await confirm(again, next) == "none")
        #expect(!control.unsealed)
        #expect(await confirm(again, next) == "seal_changed")
    }

    @Test("invariant13: a credential that somebody else has seen stops deciding at the seal")
    func invariant13_shownCredentials() async throws {
        let installation = try await Self.installation()
        let before = try await installation.submit("review")
        let link = try await installation.signIn(Installation.bob)
        try await installation.seal()
        let control = installation.control
        // Bob's token was made, and so seen, by the administrator.
        let bob = try control.authenticate(bearer: installation.tokens["bob"] ?? "")
        let command = control.command(
            by: bob, .approve, channel: .cli, expect: before.state.digest.hex, hasReason: true)
        #expect(
            await failure {
                try await control.decide(before.state.id, command, reason: nil, audit: [:])
            } == "credential_shown")
        #expect(
            await failure { try await installation.decide(before.state.id, in: link) }
                == "credential_shown")
        #expect(try installation.status(before) == .pending)
    }

    @Test("invariant5: what is asked before the seal and written after it is asked again")
    func invariant5_askedBeforeTheSeal() async throws {
        let installation = try await Self.installation()
        let control = installation.control
        var devices: [Handle: SoftwarePasskey] = [:]
        for person in [Installation.alice, Installation.carol] {
            try await control.apply(
                .memberAdded(group: .administrators, member: person), by: Installation.admin)
            devices[person] = try await installation.enrol(person)
        }
        // Authenticated while nobody looked at who has seen the token.
        let submitter = try installation.submitter()
        #expect(submitter.requester.shownTo.isEmpty)
        try await installation.confirmSeal(devices, by: [Installation.alice, Installation.carol])
        func submit(_ submitter: Submitter) async throws -> ActionResult {
            let operation = try Installation.operation("review")
            return try await control.submit(
                SubmitCommand(
                    operation: operation, intent: .none, nonce: nil, idempotencyKey: nil,
                    requestDigest: try operation.digest()), by: submitter)
        }
        #expect(await failure { try await submit(submitter) } == "seal_changed")
        let again = try await submit(try installation.submitter())
        #expect(again.state.submission.requester.shownTo == [ControlPlane.firstAdministrator])
    }

    // MARK: changing the rules

    @Test("invariant13: once sealed a change is an action that another person approves")
    func invariant13_changesAreActions() async throws {
        let installation = try await Self.installation()
        let devices = try await installation.seal()
        let control = installation.control
        let alice = try await installation.signIn(with: try #require(devices[Installation.alice]))
        let change = GovernanceChange.directory([
            NamedDirectoryChange(.memberAdded(group: .reviewers, member: Installation.dave))
        ])
        // Nobody changes anything directly any more.
        #expect(
            await failure {
                try await control.apply(
                    .memberAdded(group: .reviewers, member: Installation.dave),
                    by: .person(Installation.alice))
            } == "administrators_only")
        let asked = try await control.administer(change, by: control.party(of: alice))
        let request = try #require(asked.request)
        #expect(request.state.status == .pending)
        #expect(request.state.submission.requester.isPerson)
        #expect(
            await failure { try await installation.decide(request.state.id, in: alice) }
                == "self_approval")
        let carol = try await installation.signIn(with: try #require(devices[Installation.carol]))
        // A token is not enough, whoever's it is.
        let done = try await installation.decide(request.state.id, in: carol)
        #expect(done.state.status == .succeeded)
        #expect(
            try installation.kinds(request) == [
                "action.submitted", "action.attempt-refused", "action.decided", "action.cleared",
                "action.claimed", "action.reported",
            ])
        #expect(control.governance.directory.isPerson(Installation.dave, in: .reviewers))
        let entry = try #require(try installation.cores(kind: "directory.changed").last)
        #expect(entry["by"]?.stringValue == "action:\(request.state.id)")
        #expect(try control.receipt(request.state.id).isEmpty == false)
        try await installation.restart()
        #expect(
            installation.control.governance.directory.isPerson(
                Installation.dave, in: .reviewers))
    }

    @Test("a token that is asked for works only once it is approved")
    func tokens() async throws {
        let installation = try await Self.installation()
        let devices = try await installation.seal()
        let control = installation.control
        let alice = try await installation.signIn(with: try #require(devices[Installation.alice]))
        let new = Handle(constant: "new-bot")
        let (changes, issued) = control.addition(
            ofAgent: new, owner: Installation.alice, groups: [], name: nil, lifetime: 3600,
            by: .person(Installation.alice))
        let asked = try await control.administer(
            .directory(changes), by: control.party(of: alice))
        let token = try #require(issued.token)
        #expect(await failure { try control.authenticate(bearer: token) } == "credentials_invalid")
        let carol = try await installation.signIn(with: try #require(devices[Installation.carol]))
        _ = try await installation.decide(try #require(asked.request).state.id, in: carol)
        #expect(try control.authenticate(bearer: token).principal == .agent(new))
        installation.clock.advance(seconds: 3601)
        #expect(await failure { try control.authenticate(bearer: token) } == "credentials_expired")
    }

    @Test("what can't be done is not asked for, and what would end all reviews is refused")
    func refused() async throws {
        let installation = try await Self.installation()
        let devices = try await installation.seal()
        let control = installation.control
        let alice = control.party(
            of: try await installation.signIn(with: try #require(devices[Installation.alice])))
        func ask(_ change: GovernanceChange) async -> String {
            await failure { try await control.administer(change, by: alice) }
        }
        #expect(
            await ask(.directory([NamedDirectoryChange(.personRemoved(Handle(constant: "x")))]))
                == "directory_conflict")
        #expect(
            await ask(.policies([PolicyFile(name: "a.cedar", text: "permit (")]))
                == "policies_invalid")
        // Approved it is, and yet it is not made: nobody could ever change anything again.
        let closed = try await control.administer(
            .policies([
                PolicyFile(
                    name: "a.cedar",
                    text: #"permit (principal, action in Action::"command", resource);"#)
            ]), by: alice)
        let carol = try await installation.signIn(with: try #require(devices[Installation.carol]))
        let result = try await installation.decide(try #require(closed.request).state.id, in: carol)
        #expect(result.state.status == .failed)
        #expect(control.governance.policies?.files.count == 3)
    }

    @Test("an agent can ask for nothing, and neither can somebody who is no administrator")
    func others() async throws {
        let installation = try await Self.installation()
        try await installation.seal()
        let control = installation.control
        let change = GovernanceChange.directory([NamedDirectoryChange(.groupAdded(.reviewers))])
        for name in ["deploy-bot", "bob", "run"] {
            let party = try control.authenticate(bearer: installation.tokens[name] ?? "")
            #expect(
                await failure { try await control.administer(change, by: party) }
                    == "administrators_only")
        }
        // At an agent's own gate it is denied, whatever the policy says.
        let operation = try change.operation(origin: "exequatur.test/log")
        let action = try await installation.submit(operation)
        #expect(action.state.status == .denied)
    }

    @Test("what a stop left behind is reported for what it is")
    func stopped() async throws {
        let installation = try await Self.installation()
        let devices = try await installation.seal()
        let alice = try await installation.signIn(with: try #require(devices[Installation.alice]))
        let asked = try await installation.control.administer(
            .directory([
                NamedDirectoryChange(.memberAdded(group: .reviewers, member: Installation.dave))
            ]), by: installation.control.party(of: alice))
        let request = try #require(asked.request)
        // Cleared and claimed, and then the server stops.
        let carol = try await installation.signIn(with: try #require(devices[Installation.carol]))
        let detail = try #require(try installation.control.detail(request.state.id))
        _ = installation.control.carriedOut.withLock { $0.insert(request.state.id) }
        _ = try await installation.decide(request.state.id, in: carol)
        _ = try await installation.control.claim(
            request.state.id, nonce: .zero,
            by: Submitter(
                requester: detail.state.submission.requester,
                gate: detail.state.submission.gate, audit: [:]))
        try await installation.restart()
        try await installation.control.carryOutWhatIsLeft()
        #expect(try installation.status(request) == .notStarted)
        #expect(
            !installation.control.governance.directory.isPerson(
                Installation.dave, in: .reviewers))
    }

    // MARK: recovering

    @Test("the recovery key lets persons in, loudly, and nothing else")
    func recover() async throws {
        let installation = try await Self.installation()
        try await installation.seal()
        let wrong = try SigningKey(name: "recovery.test/key", seed: Array(repeating: 8, count: 32))
        let zoe = Handle(constant: "zoe")
        let control = installation.control
        #expect(
            await failure { try await control.recover([zoe], policies: nil, key: wrong) }
                == "wrong_key")
        let recovery = try await control.recover(
            [zoe], policies: nil, key: try Installation.recoveryKey())
        #expect(!control.unsealed)
        #expect(control.governance.seal.recoveries == 1)
        #expect(try installation.cores(kind: "installation.recovered").count == 1)
        #expect(control.governance.directory.isAdministrator(zoe))
        let secret = try #require(
            recovery.links.first?.link.split(separator: "=").last.map(String.init))
        try await installation.restart()
        let next = installation.control
        #expect(next.governance.seal.recoveries == 1)
        let cookie = try #require(try await next.redeem(link: secret, audit: [:]))
        let session = try #require(try next.session(cookie: cookie))
        // The link decides nothing; it enrols a passkey.
        #expect(next.assurance(of: session) == .token)
        let device = try SoftwarePasskey("zoe")
        let challenge = try Installation.challenge(
            try await next.enrolmentOptions(for: session))
        let passkey = try await next.enrol(
            device.registration(challenge: challenge), for: session)
        let done = try await next.administerOwn(
            .directory([NamedDirectoryChange(.passkeyAdded(passkey))]), by: session,
            isRemoval: false, audit: [:])
        #expect(!done.isPending)
        #expect(next.assurance(of: try await installation.signIn(with: device)) == .console)
    }

    @Test("after the seal a link alone enrols nothing by itself")
    func linksEnrolNothing() async throws {
        let installation = try await Self.installation()
        let devices = try await installation.seal()
        let control = installation.control
        let link = try await control.signInLink(
            for: Installation.dave, by: .person(Installation.alice))
        let secret = try #require(link.split(separator: "=").last.map(String.init))
        let cookie = try #require(try await control.redeem(link: secret, audit: [:]))
        let session = try #require(try control.session(cookie: cookie))
        let device = try SoftwarePasskey("dave")
        let challenge = try Installation.challenge(
            try await control.enrolmentOptions(for: session))
        let passkey = try await control.enrol(
            device.registration(challenge: challenge), for: session)
        let asked = try await control.administerOwn(
            .directory([NamedDirectoryChange(.passkeyAdded(passkey))]), by: session,
            isRemoval: false, audit: [:])
        let request = try #require(asked.request)
        // Alice made the link, so she could be the one who asks: she does not approve it.
        let alice = try await installation.signIn(with: try #require(devices[Installation.alice]))
        #expect(
            await failure { try await installation.decide(request.state.id, in: alice) }
                == "self_approval")
        let carol = try await installation.signIn(with: try #require(devices[Installation.carol]))
        _ = try await installation.decide(request.state.id, in: carol)
        #expect(control.governance.directory.passkeys(of: Installation.dave).count == 1)
    }
}
