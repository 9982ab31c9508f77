// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import ServiceTestSupport
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import Server

/// A browser at the console, and the provider to which it is sent.
private struct Visit {
    let api: API
    let idp: NanoProvider
    var cookies: [String: String] = [:]

    /// Sends the form of the sign-in page, and gives the address to which the browser goes on.
    mutating func begin(
        _ path: String = "/console/sign-in/openid/nano", _ form: String = ""
    ) async throws -> (answer: Answer, address: String) {
        let answer = try await send(.post, path, form: form)
        let refresh = HTTPField.Name("Refresh").flatMap { answer.headers[$0] } ?? ""
        return (answer, String(refresh.dropFirst("0; url=".utf8.count)))
    }

    mutating func send(
        _ method: HTTPRequest.Method, _ path: String, form: String? = nil
    ) async throws -> Answer {
        var headers = [
            ("Cookie", cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; "))
        ]
        if form != nil { headers.append(("Content-Type", "application/x-www-form-urlencoded")) }
        let answer = try await api.request(
            method, path, bytes: form.map { Array($0.utf8) }, headers: headers)
        for line in answer.headers[values: .setCookie] {
            let pair = line.prefix { $0 != ";" }.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            cookies[String(pair[0])] = pair[1].isEmpty ? nil : String(pair[1])
        }
        return answer
    }

    /// Begins, logs in at the provider, and gives the address of the callback.
    mutating func arrive(
        _ user: String = "ada", _ password: String = "difference-engine", form: String = "",
        path: String = "/console/sign-in/openid/nano"
    ) async throws -> String {
        let (answer, address) = try await begin(path, form)
        try #require(answer.status == 200, "\(answer.text)")
        var visitor = NanoVisitor()
        let query = try await visitor.logIn(at: address, user: user, password: password)
        // The provider lives in real time, of which a busy machine takes much.
        api.clock.catchUp()
        return "/sign-in/openid/nano/callback?\(query)"
    }

    mutating func signIn(form: String = "") async throws -> Answer {
        try await send(.get, try await arrive(form: form))
    }

    var session: Session? {
        cookies["exequatur_session"].flatMap { try? api.control.session(cookie: $0) }
    }
}

private func settings(_ idp: NanoProvider) throws -> SignInSettings {
    try SignInSettings.read(
        [
            [
                "clientId": "exequatur", "clientSecretFile": "secret",
                "groups": ["SRE": "leads", "WHALERS": "reviewers"], "groupsClaim": "groups",
                "issuer": .string(idp.url), "name": "nano", "title": "nanoidp",
            ]
        ], secrets: { _ in NanoProvider.secret })
}

extension FakeClock {
    /// Goes on to the time of the machine.
    fileprivate func catchUp() {
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        advance(milliseconds: max(0, now - self.now.milliseconds))
    }
}

/// A server, a provider that knows its callback, and the time of both.
private func withProvider(
    policies: [PolicyFile] = TestInstallation.policies,
    _ body: @escaping @Sendable (API, NanoProvider) async throws -> Void
) async throws {
    let at = try await TestInstallation(policies: policies) { $0.allowsLoopbackIssuers = true }
    at.clock.catchUp()
    try await NanoProvider.run(
        callback: "http://localhost:8420/sign-in/openid/nano/callback"
    ) { idp in
        let application = Application(
            router: try ExequaturServer.router(
                at.control, openAPI: Array("{}".utf8), signIn: try settings(idp)),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let (control, clock, storage, tokens) = (at.control, at.clock, at.storage, at.tokens)
        try await application.test(.router) { client in
            try await body(
                API(
                    client: client, control: control, clock: clock, storage: storage,
                    tokens: tokens), idp)
        }
    }
    withExtendedLifetime(at) {}
}

/// Signs in at nanoidp, which puts the time of each login into its tokens, and ignores `max_age`.
@Suite(
    "Signing in by a provider",
    .enabled(
        if: NanoProvider.isHere,
        "nanoidp is not installed: run scripts/bootstrap, or name a Python with EXEQUATUR_NANOIDP"))
struct SignInRouteTests {
    private static func link(
        _ person: Handle, _ subject: String, _ idp: NanoProvider, _ control: ControlPlane
    ) async throws {
        let account = try #require(ExternalAccount(issuer: idp.url, subject: subject))
        try await control.apply(
            .externalLinked(account, ExternalLink(person: person, since: control.now)),
            by: TestInstallation.admin)
    }

    private static func failures(_ control: ControlPlane) throws -> Int {
        try control.backend.read { try $0.entries(from: 0, limit: .max, bodies: false) }
            .count { $0.entry.kind == "sign-in.failed" }
    }

    @Test("a person signs in; groups follow the provider's word while unsealed")
    func signIn() async throws {
        try await withProvider { api, idp in
            let control = api.control
            try await Self.link(TestInstallation.carol, "ada", idp, control)
            var visit = Visit(api: api, idp: idp)
            let answer = try await visit.signIn(form: "return=%2Fhistory")
            #expect(answer.status == 303, "\(answer.text)")
            #expect(answer.headers[.location] == "/history")
            let session = try #require(visit.session)
            #expect(session.person == TestInstallation.carol && session.method == .openID)
            #expect(control.assurance(of: session) == .console)
            #expect(visit.cookies["exequatur_sign_in"] == nil)
            // Carol was a reviewer and no lead; her provider says the contrary.
            let directory = control.governance.directory
            #expect(directory.isPerson(TestInstallation.carol, in: TestInstallation.leads))
            #expect(!directory.isPerson(TestInstallation.carol, in: .reviewers))
            #expect(!directory.isPerson(TestInstallation.bob, in: TestInstallation.leads))
            let own = try await visit.send(.get, "/v1/sessions")
            #expect(try own.json().arrayValue?.count == 1)
            #expect(try own.json()[0]?["current"] == true)
        }
    }

    @Test("unknown accounts, another browser, other and used states, and double parameters")
    func refused() async throws {
        try await withProvider { api, idp in
            let control = api.control
            try await Self.link(TestInstallation.carol, "ada", idp, control)
            func expect(_ answer: Answer, _ words: String) {
                #expect(answer.status == 403 && answer.text.contains(words), "\(answer.text)")
            }
            var charles = Visit(api: api, idp: idp)
            let unknown = try await charles.send(
                .get, try await charles.arrive("charles", "analytical-engine"))
            expect(unknown, "nobody here has this account")
            #expect(charles.session == nil)

            var victim = Visit(api: api, idp: idp)
            let stolen = try await victim.arrive()
            var other = Visit(api: api, idp: idp)
            expect(try await other.send(.get, stolen), "another browser")
            // That was the end of it for the right browser too.
            expect(try await victim.send(.get, stolen), "unknown, was used or is too old")

            let good = try await victim.arrive()
            for change in ["&state=x", "&code=x", "&iss=x&iss=y"] {
                expect(try await victim.send(.get, good + change), "can&#39;t be read")
            }
            let state = try #require(good.firstMatch(of: /state=([^&]*)/)).output.1
            expect(
                try await victim.send(
                    .get, good.replacing(state, with: String(state.reversed()))), "unknown")
            #expect(victim.session == nil)
            #expect(try await victim.send(.get, good).status == 303)
            let before = victim.session
            expect(try await victim.send(.get, good), "unknown, was used")
            #expect(before != nil && victim.session == before)
            #expect(try Self.failures(control) == 8)
            var lost = Visit(api: api, idp: idp)
            let (answer, _) = try await lost.begin("/console/sign-in/openid/none")
            #expect(answer.status == 404)
        }
    }

    @Test("an attempt is over after ten minutes; a wrong password and a cancelled one bring nobody")
    func late() async throws {
        try await withProvider { api, idp in
            try await Self.link(TestInstallation.carol, "ada", idp, api.control)
            var visit = Visit(api: api, idp: idp)
            let callback = try await visit.arrive()
            api.clock.advance(seconds: 601)
            let answer = try await visit.send(.get, callback)
            #expect(answer.status == 403 && answer.text.contains("too old"), "\(answer.text)")
            let (_, address) = try await visit.begin()
            let state = try #require(address.firstMatch(of: /[?&]state=([^&]*)/)).output.1
            let refused = try await visit.send(
                .get, "/sign-in/openid/nano/callback?error=access_denied&state=\(state)")
            #expect(refused.status == 403 && refused.text.contains("access_denied"))
            #expect(visit.session == nil)
        }
    }

    @Test("where somebody has to show anew who he is the provider is asked for it")
    func fresh() async throws {
        try await withProvider { api, idp in
            try await Self.link(TestInstallation.carol, "ada", idp, api.control)
            var visit = Visit(api: api, idp: idp)
            let plain = try await visit.begin()
            #expect(!plain.address.contains("max_age"))
            #expect(plain.answer.text.contains("Go on to nanoidp"))
            let cookie = plain.answer.headers[values: .setCookie].joined()
            #expect(cookie.contains("; HttpOnly; SameSite=Lax; Max-Age=600"))
            for (path, form) in [("", "fresh=1"), ("?fresh=1", "")] {
                let fresh = try await visit.begin("/console/sign-in/openid/nano" + path, form)
                #expect(fresh.address.contains("&max_age=60&"), "\(fresh.address)")
            }
            #expect(try await visit.signIn(form: "fresh=1").status == 303)
            let session = try #require(visit.session)
            #expect(api.control.assurance(of: session) == .console)
            api.clock.advance(seconds: 660)
            #expect(api.control.assurance(of: session) == .token)
        }
    }

    @Test("a person links and unlinks his own account, in the session in which he began")
    func link() async throws {
        try await withProvider { api, idp in
            let control = api.control
            let account = try #require(ExternalAccount(issuer: idp.url, subject: "ada"))
            var visit = Visit(api: api, idp: idp)
            let browser = try await Browser.signIn(api, as: "bob")
            visit.cookies["exequatur_session"] = String(
                browser.cookie.dropFirst("exequatur_session=".count))
            let path = "/console/account/openid/nano/link"
            #expect(try await visit.begin(path, "csrf=x").answer.code == "csrf")
            let csrf = "csrf=\(try #require(visit.session).csrf)"
            let callback = try await visit.arrive(form: csrf, path: path)
            // Somebody else has signed in with this browser meanwhile.
            var changed = visit
            let other = try await Browser.signIn(api, as: "dave")
            changed.cookies["exequatur_session"] = String(
                other.cookie.dropFirst("exequatur_session=".count))
            #expect(try await changed.send(.get, callback).text.contains("no longer signed in"))
            #expect(control.governance.directory.externals.isEmpty)
            let done = try await visit.send(.get, try await visit.arrive(form: csrf, path: path))
            #expect(done.headers[.location] == "/account?done=linked", "\(done.text)")
            #expect(
                control.governance.directory.externals[account]?.person == TestInstallation.bob)
            let json = try await api.get("/v1/persons/bob", as: "admin").json()
            #expect(json["accounts"]?[0]?["subject"] == "ada")
            let unlink =
                "\(csrf)&issuer=\(idp.url.replacing(":", with: "%3A"))&subject=ada"
            let gone = try await visit.send(
                .post, "/console/account/openid/unlink", form: unlink)
            #expect(gone.status == 303, "\(gone.text)")
            #expect(control.governance.directory.externals.isEmpty)
            api.clock.advance(seconds: 601)
            #expect(
                try await visit.begin(path, csrf).answer.text.contains("sign in again"))
        }
    }

    @Test("once sealed, linking is an action that waits for somebody else")
    func sealedLink() async throws {
        let folder = "\(Corpora.packageRoot)/policies/starter"
        let files = try Corpora.names(in: folder).filter { $0.hasSuffix(".cedar") }.map {
            PolicyFile(name: $0, text: try Corpora.text(at: "\(folder)/\($0)"))
        }
        try await withProvider(policies: files) { api, idp in
            let control = api.control
            try await Sealing.seal(control)
            var visit = Visit(api: api, idp: idp)
            let cookie = try await Sealing.signIn(TestInstallation.bob, control)
            visit.cookies["exequatur_session"] = cookie
            let csrf = "csrf=\(try #require(visit.session).csrf)"
            let answer = try await visit.send(
                .get, try await visit.arrive(form: csrf, path: "/console/account/openid/nano/link"))
            #expect(answer.status == 303, "\(answer.text)")
            let location = try #require(answer.headers[.location])
            let id = try #require(ActionID(String(location.dropFirst("/actions/".count))))
            let detail = try #require(try control.detail(id))
            #expect(detail.state.status == .pending)
            #expect(detail.body.action.operation.action == "exequatur.key.change")
            #expect(detail.state.submission.requester.owner == TestInstallation.bob)
            let account = try #require(ExternalAccount(issuer: idp.url, subject: "ada"))
            #expect(control.governance.directory.externals[account] == nil)
            #expect(try await visit.send(.get, location).status == 200)
        }
    }
}

/// Ends the set-up phase: two administrators who can each show by himself who he is.
enum Sealing {
    static let issuer = "https://idp.example"

    static func seal(_ control: ControlPlane) async throws {
        let admin = ControlPlane.firstAdministrator
        try await control.apply(
            .memberAdded(group: .administrators, member: TestInstallation.bob),
            by: TestInstallation.admin)
        for person in [admin, TestInstallation.bob, TestInstallation.carol] {
            let account = try #require(ExternalAccount(issuer: issuer, subject: person.text))
            try await control.apply(
                .externalLinked(account, ExternalLink(person: person, since: control.now)),
                by: TestInstallation.admin)
        }
        let key = try SigningKey(name: "recovery", seed: Array(repeating: 7, count: 32))
        let first = try #require(try control.session(cookie: try await signIn(admin, control)))
        let question = try await control.proposeSeal(
            recoveryKey: key.verifierKey, by: control.party(of: first), audit: [:])
        for person in [admin, TestInstallation.bob] {
            let session = try #require(
                try control.session(cookie: try await signIn(person, control)))
            _ = try await control.confirmSeal(
                expect: question.digest, by: session, audit: [:])
        }
        try #require(!control.unsealed)
    }

    /// Signs a person in by the provider of these tests, and gives the session's cookie.
    static func signIn(_ person: Handle, _ control: ControlPlane) async throws -> String {
        let account = try #require(ExternalAccount(issuer: issuer, subject: person.text))
        return try await control.signIn(
            ExternalSignIn(
                account: account, authenticatedAt: control.now, memberships: [:],
                evidence: .null), audit: [:])
    }
}
