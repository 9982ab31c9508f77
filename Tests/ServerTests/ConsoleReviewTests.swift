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
    /// The policies of the tests, and some whose reviews have more than a group and a number.
    static let reviewPolicies = [
        PolicyFile(
            name: "10-test.cedar",
            text: TestInstallation.policies[0].text + """

                @id("glass") @review("reviewers") @breakglass("reviewers")
                forbid (principal, action in Action::"command", resource)
                when { context.input.argv.contains("--mode=glass") };

                @id("late") @review("reviewers") @quorum("2") @escalate("10m:leads")
                forbid (principal, action in Action::"command", resource)
                when { context.input.argv.contains("--mode=late") };

                @id("signed") @review("reviewers") @assurance("passkey")
                forbid (principal, action in Action::"command", resource)
                when { context.input.argv.contains("--mode=signed") };

                @id("exequatur")
                permit (principal, action in Action::"exequatur", resource)
                unless { principal is Agent };

                @id("exequatur.review") @review("reviewers") @severity("high")
                forbid (principal, action in Action::"exequatur", resource);

                """)
    ]

    func publishReviewPolicies() async throws {
        _ = try await control.administer(
            .policies(Self.reviewPolicies),
            by: try control.authenticate(bearer: tokens["admin"] ?? ""))
    }

    /// A browser of somebody who signed in at an identity provider just now.
    func browser(_ person: Handle, _ method: SignInMethod = .openID) async throws -> Browser {
        let cookie = try await control.signIn(
            SignIn(
                person: person, method: method, authenticatedAt: control.now,
                credentialSince: control.now.adding(seconds: -60)), audit: [:])
        return Browser(api: self, cookie: "exequatur_session=\(cookie)")
    }

    /// The members of a form on the page of an action.
    func form(
        _ browser: Browser, _ action: JSON, _ more: [(String, String)] = []
    ) async throws -> [(String, String)] {
        let csrf = try await browser.field("csrf", of: "/history")
        return [("csrf", csrf), ("expect", action.text("digest"))] + more
    }
}

@Suite("Reviews in the console")
struct ConsoleReviewTests {
    /// Every form that this suite is about.
    static let forms = [
        "/console/account/passkeys/options", "/console/account/passkeys",
        "/console/account/passkeys/remove", "/console/account/sessions/revoke",
        "/console/actions/{id}/passkey-options", "/console/actions/{id}/decide-passkey",
        "/console/actions/{id}/withdraw", "/console/actions/{id}/look",
        "/console/actions/{id}/comment", "/console/actions/{id}/break-glass",
        "/console/actions/{id}/settle-debt", "/console/device", "/console/device/answer",
        "/console/seal",
    ]

    @Test("A form needs its session and its token, and is never a GET", arguments: forms)
    func forgedForms(_ form: String) async throws {
        try await withServer { api in
            let action = try await api.submit("review")
            let path = form.replacing("{id}", with: action.id)
            let browser = try await Browser.signIn(api, as: "bob")
            let thief = try await Browser.signIn(api, as: "carol")
            let csrf = try await browser.field("csrf", of: "/history")
            let foreign = try await thief.field("csrf", of: "/history")
            let rest = [
                ("expect", action.text("digest")), ("decision", "approve"), ("kind", "comment"),
                ("text", "words"), ("reason", "words"), ("judgement", "accept"),
            ]
            let size = api.control.writer.head.size
            for token in [[], [("csrf", "")], [("csrf", foreign)]] {
                #expect(try await browser.post(path, rest + token).code == "csrf")
            }
            let elsewhere = try await browser.post(
                path, rest + [("csrf", csrf)], origin: "https://evil.example")
            #expect(elsewhere.code == "origin")
            let stranger = try await api.request(
                .post, path, bytes: Array("csrf=\(csrf)&expect=\(action.text("digest"))".utf8),
                headers: [("Content-Type", "application/x-www-form-urlencoded")])
            #expect(stranger.code == "credentials_missing")
            #expect([404, 405].contains(try await browser.get(path).status))
            #expect(api.control.writer.head.size == size)
        }
    }

    @Test("Looking, asking, answering and commenting are shown, and change no decision")
    func talk() async throws {
        try await withServer { api in
            let action = try await api.submit("two")
            let page = "/actions/\(action.id)"
            let bob = try await Browser.signIn(api, as: "bob")
            let alice = try await Browser.signIn(api, as: "alice")
            let looked = try await bob.post("/console\(page)/look", try await api.form(bob, action))
            #expect(looked.headers[.location] == "\(page)?done=look")
            #expect(try await alice.get(page).text.contains("<bdi>bob</bdi> is looking."))
            for (browser, kind, status) in [
                (bob, "question", 303), (alice, "answer", 303), (bob, "answer", 403),
                (bob, "nonsense", 400),
            ] {
                let answer = try await browser.post(
                    "/console\(page)/comment",
                    try await api.form(browser, action, [("kind", kind), ("text", "why-\(kind)")]))
                #expect(answer.status == status, "\(kind)")
            }
            let html = try await bob.get(page).text
            #expect(html.contains("why-question") && html.contains("why-answer"))
            #expect(!html.contains("value=\"answer\"") && html.contains("value=\"question\""))
            #expect(try await alice.get(page).text.contains("value=\"answer\""))
            #expect(try await api.get("/v1\(page)").json().text("state") == "pending")
        }
    }

    @Test("One's own approval can be taken back, until it is cleared")
    func withdraw() async throws {
        try await withServer { api in
            let action = try await api.submit("two")
            let page = "/actions/\(action.id)"
            let bob = try await Browser.signIn(api, as: "bob")
            #expect(!(try await bob.get(page).text.contains("\(page)/withdraw")))
            _ = try await api.approve(action)
            #expect(try await bob.get(page).text.contains("\(page)/withdraw"))
            let carol = try await Browser.signIn(api, as: "carol")
            #expect(!(try await carol.get(page).text.contains("\(page)/withdraw")))
            let answer = try await bob.post(
                "/console\(page)/withdraw", try await api.form(bob, action))
            #expect(answer.headers[.location] == "\(page)?done=withdraw")
            let html = try await bob.get(page).text
            #expect(html.contains("taken back") && html.contains("0 of 2"))
            #expect(html.contains("Approve this action"))
        }
    }

    @Test("The page says what is asked now, and that it has changed")
    func revision() async throws {
        try await withServer { api in
            let action = try await api.submit("review")
            let page = "/actions/\(action.id)"
            let bob = try await Browser.signIn(api, as: "bob")
            let before = try await bob.field("rendering", of: page)
            #expect(!(try await bob.get(page).text.contains("What is asked has changed")))
            var text = TestInstallation.policies[0].text
            text = text.replacing(
                #"@id("one") @review("reviewers")"#,
                with: #"@id("one") @quorum("2") @review("reviewers") @escalate("10m:leads")"#)
            _ = try await api.control.administer(
                .policies([PolicyFile(name: "10-test.cedar", text: text)]),
                by: try api.control.authenticate(bearer: api.tokens["admin"] ?? ""))
            // The scheduler asks policy again, or whoever decides.
            #expect(try await api.approve(action).code == "stale_digest")
            let html = try await bob.get(page).text
            #expect(html.contains("What is asked has changed"))
            #expect(html.contains("0 of 2"))
            #expect(html.contains("<code>leads</code> may decide too"))
            let after = try await bob.field("rendering", of: page)
            #expect(after != before)
            // What was shown before is not what is decided now.
            let stale = try await bob.post(
                "/console\(page)/decide",
                try await api.form(bob, action, [("decision", "approve"), ("rendering", before)]))
            #expect(stale.status == 409)
            let fresh = try await bob.post(
                "/console\(page)/decide",
                try await api.form(bob, action, [("decision", "approve"), ("rendering", after)]))
            #expect(fresh.headers[.location] == "\(page)?done=approve")
        }
    }

    @Test("Breaking the glass needs a reason and a fresh sign-in, and somebody else looks at it")
    func breakGlass() async throws {
        try await withServer { api in
            try await api.publishReviewPolicies()
            let action = try await api.submit("glass")
            let page = "/actions/\(action.id)"
            let bob = try await Browser.signIn(api, as: "bob")
            let dave = try await Browser.signIn(api, as: "dave")
            #expect(try await bob.get(page).text.contains("\(page)/break-glass"))
            #expect(!(try await dave.get(page).text.contains("break-glass")))
            let rendering = try await bob.field("rendering", of: page)
            let form = [("rendering", rendering), ("reason", "nobody+is+awake")]
            let silent = try await bob.post(
                "/console\(page)/break-glass",
                try await api.form(bob, action, [("rendering", rendering)]))
            #expect(silent.status == 400 && silent.text.contains("needs a reason"))
            let foreign = try await dave.post(
                "/console\(page)/break-glass", try await api.form(dave, action, form))
            #expect(foreign.status == 403)
            api.clock.advance(seconds: 601)
            let html = try await bob.get(page).text
            #expect(!html.contains("\(page)/break-glass"))
            #expect(html.contains("You may break the glass here, but not now"))
            let late = try await Browser.signIn(api, as: "bob")
            let done = try await late.post(
                "/console\(page)/break-glass", try await api.form(late, action, form))
            #expect(done.headers[.location] == "\(page)?done=break-glass")
            // From then on every page says so, and another person settles it.
            #expect(try await dave.get("/history").text.contains("The glass was broken"))
            let carol = try await Browser.signIn(api, as: "carol")
            #expect(!(try await late.get(page).text.contains("\(page)/settle-debt")))
            let shown = try await carol.get(page).text
            #expect(shown.contains("\(page)/settle-debt") && shown.contains("nobody is awake"))
            let rejected = try await carol.post(
                "/console\(page)/settle-debt",
                try await api.form(carol, action, [("judgement", "reject")]))
            #expect(rejected.status == 400)
            let settled = try await carol.post(
                "/console\(page)/settle-debt",
                try await api.form(carol, action, [("judgement", "reject"), ("reason", "no")]))
            #expect(settled.headers[.location] == "\(page)?done=debt")
            #expect(!(try await dave.get("/history").text.contains("The glass was broken")))
            #expect(try await dave.get(page).text.contains("Rejected"))
        }
    }

    @Test("What needs a passkey is not offered without one, nor taken without its signature")
    func needsPasskey() async throws {
        try await withServer { api in
            try await api.publishReviewPolicies()
            let action = try await api.submit("signed")
            let page = "/actions/\(action.id)"
            let bob = try await Browser.signIn(api, as: "bob")
            let html = try await bob.get(page).text
            #expect(!html.contains("Approve this action") && !html.contains("data-passkey=\"get\""))
            #expect(html.contains("you have no passkey yet"))
            #expect(!html.contains("Sign in again"))
            let options = try await bob.post(
                "/console\(page)/passkey-options",
                try await api.form(bob, action, [("decision", "approve")]))
            #expect(options.code == "no_passkey")
            let nonce = String(repeating: "0", count: 64)
            for (answer, code) in [
                ("", 400), ("%7B", 400), ("%7B%7D", 403),
            ] {
                let refused = try await bob.post(
                    "/console\(page)/decide-passkey",
                    try await api.form(
                        bob, action,
                        [
                            ("decision", "approve"), ("nonce", nonce), ("rendering", nonce),
                            ("answer", answer),
                        ]))
                #expect(refused.status == code, "\(refused.text.prefix(300))")
            }
            #expect(try await api.get("/v1\(page)").json().text("state") == "pending")
        }
    }

    @Test("Enrolling and signing in refuse what no passkey made")
    func badAnswers() async throws {
        try await withServer { api in
            let bob = try await Browser.signIn(api, as: "bob")
            let csrf = try await bob.field("csrf", of: "/account")
            let options = try await bob.post(
                "/console/account/passkeys/options", [("csrf", csrf)]
            ).json()
            let asked = try #require(options["publicKey"])
            #expect(asked["rp"]?.text("id") == "localhost")
            #expect(asked["user"]?.text("name") == "bob")
            for answer in ["", "%7B%7D", "%5B%5D", "nonsense"] {
                let refused = try await bob.post(
                    "/console/account/passkeys", [("csrf", csrf), ("answer", answer)])
                #expect(refused.status == 400 && refused.text.contains("role=\"alert\""))
                let stranger = try await api.request(
                    .post, "/console/sign-in/passkey", bytes: Array("answer=\(answer)".utf8))
                #expect([400, 403].contains(stranger.status))
                #expect(stranger.headers[.setCookie] == nil)
                #expect(stranger.text.contains("role=\"alert\""))
            }
            api.clock.advance(seconds: 601)
            let late = try await bob.post(
                "/console/account/passkeys/options", [("csrf", csrf)])
            #expect(late.code == "sign_in_again")
            #expect(try await bob.get("/account").text.contains("Sign in again to add one"))
        }
    }

    @Test("A person sees his own sessions and ends one, and no other person's")
    func sessions() async throws {
        try await withServer { api in
            let bob = try await Browser.signIn(api, as: "bob")
            let other = try await api.browser(TestInstallation.bob, .passkey)
            let carol = try await Browser.signIn(api, as: "carol")
            let all = try api.control.sessions(of: TestInstallation.bob)
            #expect(all.count == 2)
            let page = try await bob.get("/account").text
            for session in all { #expect(page.contains(session.id)) }
            let target = try #require(all.first { $0.method == .passkey }).id
            let foreign = try await carol.post(
                "/console/account/sessions/revoke",
                [
                    ("csrf", try await carol.field("csrf", of: "/account")), ("session", target),
                ])
            #expect(foreign.status == 409)
            #expect(try await other.get("/").status == 200)
            let own = try await bob.post(
                "/console/account/sessions/revoke",
                [("csrf", try await bob.field("csrf", of: "/account")), ("session", target)])
            #expect(own.headers[.location] == "/account?done=session")
            #expect(try await other.get("/").status == 303)
            #expect(try await bob.get("/").status == 200)
        }
    }

    @Test("A command line's code shows where it came from before anybody confirms it")
    func device() async throws {
        try await withServer { api in
            let begun = try await api.control.beginDevice(
                address: "192.0.2.99", client: "exequatur/9 <b>")
            let bob = try await Browser.signIn(api, as: "bob")
            let csrf = try await bob.field("csrf", of: "/device")
            // No address enters a code for somebody.
            #expect(
                !(try await bob.get("/device?code=\(begun.userCode)").text)
                    .contains(begun.userCode))
            let wrong = try await bob.post(
                "/console/device", [("csrf", csrf), ("code", "AAAA-AAAA-AAAA")])
            #expect(wrong.status == 400 && wrong.text.contains("wrong, used or too old"))
            let shown = try await bob.post(
                "/console/device", [("csrf", csrf), ("code", begun.userCode)])
            #expect(shown.text.contains("192.0.2.99") && shown.text.contains("9 &lt;b&gt;"))
            #expect(shown.text.contains("Nobody has a reason to send you a code."))
            let done = try await bob.post(
                "/console/device/answer",
                [("csrf", csrf), ("code", begun.userCode), ("decision", "confirm")])
            #expect(done.headers[.location] == "/device?done=confirm")
            guard
                case .token(_, let person, _) = try await api.control.pollDevice(
                    begun.deviceCode, audit: [:])
            else {
                Issue.record("no token")
                return
            }
            #expect(person == TestInstallation.bob)
            let again = try await bob.post(
                "/console/device/answer",
                [("csrf", csrf), ("code", begun.userCode), ("decision", "confirm")])
            #expect(again.status == 403)
        }
    }
}
