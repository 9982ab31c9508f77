// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import HTTPTypes
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import Server

extension API {
    /// Gives admin, bob and carol an account at an identity provider each, makes bob a second
    /// administrator, and asks for the seal.
    func askForSeal() async throws -> SealQuestion {
        try await publishReviewPolicies()
        let admin = try control.authenticate(bearer: tokens["admin"] ?? "")
        var changes = [
            NamedDirectoryChange(
                .memberAdded(group: .administrators, member: TestInstallation.bob))
        ]
        let persons = [
            ControlPlane.firstAdministrator, TestInstallation.bob, TestInstallation.carol,
        ]
        for person in persons {
            let account = try #require(
                ExternalAccount(issuer: "https://id.example", subject: "s-\(person)"))
            changes.append(
                NamedDirectoryChange(
                    .externalLinked(
                        account,
                        ExternalLink(person: person, since: control.now.adding(seconds: -3600)))))
        }
        _ = try await control.administer(.directory(changes), by: admin)
        let key = try SigningKey(name: "recovery", seed: Array(repeating: 7, count: 32))
        return try await control.proposeSeal(recoveryKey: key.verifierKey, by: admin, audit: [:])
    }

    func seal() async throws {
        let question = try await askForSeal()
        for person in [ControlPlane.firstAdministrator, TestInstallation.bob] {
            let browser = try await browser(person)
            _ = try await browser.post(
                "/console/seal",
                [
                    ("csrf", try await browser.field("csrf", of: "/seal")),
                    ("expect", question.digest.hex),
                ])
        }
        try #require(!control.unsealed)
    }
}

@Suite("The seal in the console")
struct ConsoleSealTests {
    @Test("The page says what is missing, and offers nothing")
    func obstacles() async throws {
        try await withServer { api in
            let browser = try await Browser.signIn(api, as: "admin")
            let html = try await browser.get("/seal").text
            #expect(html.contains("Two administrators need a passkey"))
            #expect(!html.contains("/console/seal"))
            let csrf = try await browser.field("csrf", of: "/history")
            let early = try await browser.post(
                "/console/seal", [("csrf", csrf), ("expect", String(repeating: "0", count: 64))])
            #expect(early.status == 403)
        }
    }

    @Test("Two administrators look at the manifest and confirm it, each by a sign-in of his own")
    func sealing() async throws {
        try await withServer { api in
            let question = try await api.askForSeal()
            let link = try await Browser.signIn(api, as: "bob")
            let html = try await link.get("/seal").text
            for text in [
                question.digest.hex, "s-bob at https://id.example", "deploy-bot",
                question.manifest.policySet.hex, question.manifest.recoveryKey.vkey,
            ] {
                #expect(html.contains(text), "\(text)")
            }
            // A link was seen by whoever made it, and Dave is no administrator.
            #expect(!html.contains("/console/seal") && html.contains("Sign in with a passkey"))
            let dave = try await api.browser(TestInstallation.dave)
            #expect(!(try await dave.get("/seal").text.contains("/console/seal")))
            let refused = try await dave.post(
                "/console/seal",
                [
                    ("csrf", try await dave.field("csrf", of: "/history")),
                    ("expect", question.digest.hex),
                ])
            #expect(refused.status == 403)
            let admin = try await api.browser(ControlPlane.firstAdministrator)
            let bob = try await api.browser(TestInstallation.bob)
            for (browser, done) in [(admin, "confirm"), (bob, "sealed")] {
                #expect(try await browser.field("expect", of: "/seal") == question.digest.hex)
                #expect(try await browser.get("/").text.contains("This installation is unsealed"))
                let answer = try await browser.post(
                    "/console/seal",
                    [
                        ("csrf", try await browser.field("csrf", of: "/seal")),
                        ("expect", question.digest.hex),
                    ])
                #expect(answer.headers[.location] == "/seal?done=\(done)")
            }
            let after = try await bob.get("/seal").text
            #expect(after.contains("Sealed") && after.contains(question.digest.hex))
            #expect(!after.contains("/console/seal") && !after.contains("is unsealed"))
            #expect(!(try await bob.get("/").text.contains("This installation is unsealed")))
        }
    }

    @Test("A manifest that is not current any more is not confirmed")
    func stale() async throws {
        try await withServer { api in
            let question = try await api.askForSeal()
            let admin = try await api.browser(ControlPlane.firstAdministrator)
            let csrf = try await admin.field("csrf", of: "/seal")
            _ = try await api.control.administer(
                .directory([NamedDirectoryChange(.groupAdded(Handle(constant: "late")))]),
                by: try api.control.authenticate(bearer: api.tokens["admin"] ?? ""))
            let html = try await admin.get("/seal").text
            #expect(html.contains("Something has changed") && !html.contains("/console/seal"))
            let refused = try await admin.post(
                "/console/seal", [("csrf", csrf), ("expect", question.digest.hex)])
            #expect(refused.status == 409 && api.control.unsealed)
        }
    }

    @Test("Once sealed, changes wait in the inbox in words, and what is signed has all of them")
    func changes() async throws {
        try await withServer { api in
            try await api.seal()
            let admin = try await api.browser(ControlPlane.firstAdministrator)
            let session = try #require(
                try api.control.session(cookie: String(admin.cookie.dropFirst(18))))
            let party = api.control.party(of: session)
            let zoe = Handle(constant: "zoe")
            let asked = try await api.control.administer(
                .directory([
                    NamedDirectoryChange(.personAdded(zoe), name: "Zoe <i>"),
                    NamedDirectoryChange(.memberAdded(group: .reviewers, member: zoe)),
                ]), by: party)
            let id = try #require(asked.request).state.id.text
            let carol = try await api.browser(TestInstallation.carol)
            #expect(
                try await carol.get("/").text.contains("Zoe &lt;i&gt; (zoe) is added as a person."))
            let html = try await carol.get("/actions/\(id)").text
            #expect(html.contains("joins group reviewers."))
            #expect(html.contains("Approve this action"))
            let files = [
                PolicyFile(
                    name: "10-test.cedar",
                    text: API.reviewPolicies[0].text.replacing("one reviewer", with: "anybody"))
            ]
            let published = try await api.control.administer(.policies(files), by: party)
            let policies = try #require(published.request).state.id
            let page = try await carol.get("/actions/\(policies)").text
            #expect(page.contains("diff-removed") && page.contains("diff-added"))
            let text = try #require(
                try api.control.detail(policies)?.rendering()?.json.canonicalText)
            #expect(text.contains("anybody") && text.contains("never"))
            #expect(try await carol.get("/directory").text.contains("account s-bob at"))
        }
    }

    @Test("A passkey that is added after the seal waits for somebody else")
    func removalIsImmediate() async throws {
        try await withServer { api in
            try await api.seal()
            let bob = try await api.browser(TestInstallation.bob)
            #expect(
                try await bob.get("/account").text
                    .contains("adding one becomes an action that somebody else approves"))
            let csrf = try await bob.field("csrf", of: "/account")
            let foreign = try await bob.post(
                "/console/account/passkeys/remove", [("csrf", csrf), ("passkey", "nobodys")])
            #expect(foreign.status == 403)
        }
    }
}

extension JSON {
    fileprivate var canonicalText: String? {
        (try? canonicalBytes()).map { String(decoding: $0, as: UTF8.self) }
    }
}
