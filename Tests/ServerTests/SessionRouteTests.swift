// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import HTTPTypes
import ServiceTestSupport
import TestSupport
import Testing
import TransparencyLog

@testable import Server

private let deviceGrant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"

extension API {
    fileprivate func form(_ path: String, _ text: String) async throws -> Answer {
        try await request(
            .post, path, bytes: Array(text.utf8),
            headers: [("Content-Type", "application/x-www-form-urlencoded")])
    }

    fileprivate func beginDevice() async throws -> JSON {
        let answer = try await form("/v1/device/authorize", "client_id=a+test")
        try #require(answer.status == 200, "\(answer.text)")
        try expectDocumented(Route(.post, "/v1/device/authorize", nil, []), answer)
        return try answer.json()
    }

    /// The error of a poll, or `none`.
    fileprivate func poll(_ begun: JSON, wait: Int64 = 2) async throws -> (String, JSON) {
        clock.advance(seconds: wait)
        let code = begun.text("device_code")
        let answer = try await form(
            "/v1/device/token", "grant_type=\(deviceGrant)&device_code=\(code)")
        try expectDocumented(Route(.post, "/v1/device/token", nil, []), answer)
        let json = try answer.json()
        return (json["error"]?.stringValue ?? "none", json)
    }

    fileprivate func session(_ person: String) async throws -> (Browser, Session) {
        let browser = try await Browser.signIn(self, as: person)
        let cookie = String(browser.cookie.dropFirst("exequatur_session=".count))
        return (browser, try #require(try control.session(cookie: cookie)))
    }

    /// A command line of a person's that he has just signed in.
    fileprivate func device(_ person: String) async throws -> String {
        let begun = try await beginDevice()
        let (_, session) = try await session(person)
        try await control.answerDevice(
            code: begun.text("user_code"), confirm: true, by: session)
        return try await poll(begun).1.text("access_token")
    }

    fileprivate func account(_ person: Handle, _ subject: String) async throws {
        let answer = try await post(
            "/v1/persons/\(person)/accounts",
            ["issuer": "https://idp.example", "subject": .string(subject)], as: "admin")
        try #require(answer.status == 201, "\(answer.text)")
    }
}

@Suite("Sessions and command lines")
struct SessionRouteTests {
    // MARK: device flow

    @Test("a command line is signed in by a code that a person confirms, once")
    func device() async throws {
        try await withServer { api in
            let begun = try await api.beginDevice()
            #expect(begun["verification_uri"] == "http://localhost:8420/device")
            #expect(begun["expires_in"] == 600 && begun["interval"] == 2)
            #expect(try await api.poll(begun).0 == "authorization_pending")
            let (_, session) = try await api.session("bob")
            let shown = try #require(
                try api.control.deviceRequest(
                    code: begun.text("user_code"), for: session.person))
            #expect(shown.client == "a test")
            try await api.control.answerDevice(
                code: begun.text("user_code"), confirm: true, by: session)
            let (error, answer) = try await api.poll(begun)
            #expect(error == "none" && answer["token_type"] == "Bearer")
            #expect(answer["person"] == "bob" && answer["expires_in"] == .integer(12 * 3600))
            let token = answer.text("access_token")
            let who = try await api.get("/v1/whoami", as: token).json()
            #expect(who["id"] == "bob" && who["assurance"] == "token")
            // Handed out once.
            #expect(try await api.poll(begun).0 == "expired_token")
        }
    }

    @Test("refused, too old, unknown and hasty: the errors of RFC 8628")
    func deviceErrors() async throws {
        try await withServer { api in
            let refused = try await api.beginDevice()
            let (_, session) = try await api.session("bob")
            try await api.control.answerDevice(
                code: refused.text("user_code"), confirm: false, by: session)
            #expect(try await api.poll(refused).0 == "access_denied")
            let old = try await api.beginDevice()
            #expect(try await api.poll(old, wait: 601).0 == "expired_token")
            #expect(try await api.poll(["device_code": "x"]).0 == "expired_token")
            let hasty = try await api.beginDevice()
            var errors: Set<String> = []
            for _ in 0..<4 { errors.insert(try await api.poll(hasty, wait: 0).0) }
            #expect(errors == ["authorization_pending", "slow_down"])
            #expect(try await api.poll(hasty, wait: 5).0 == "authorization_pending")
            for (form, error) in [
                ("device_code=x", "invalid_request"),
                ("grant_type=password&device_code=x", "unsupported_grant_type"),
                ("grant_type=\(deviceGrant)", "invalid_request"),
                ("grant_type=\(deviceGrant)&device_code=x&device_code=y", "invalid_request"),
            ] {
                let answer = try await api.form("/v1/device/token", form)
                #expect(answer.status == 400)
                #expect(try answer.json()["error"] == .string(error), "\(form)")
            }
            for (form, error) in [
                ("", "invalid_request"), ("client_id=a%E2%80%AEb", "invalid_request"),
                ("client_id=\(String(repeating: "a", count: 201))", "invalid_request"),
                ("client_id=a&scope=all", "invalid_scope"),
            ] {
                let answer = try await api.form("/v1/device/authorize", form)
                #expect(try answer.json()["error"] == .string(error), "\(form)")
            }
        }
    }

    @Test("whoever begins too often from one address waits")
    func deviceLimit() async throws {
        try await withServer { api in
            for _ in 0..<10 { _ = try await api.beginDevice() }
            let answer = try await api.form("/v1/device/authorize", "client_id=a")
            #expect(answer.code == "rate_limited" && answer.headers[.retryAfter] != nil)
        }
    }

    // MARK: sessions

    @Test("one sees and ends one's own, an administrator all; what is ended is refused at once")
    func sessions() async throws {
        try await withServer { api in
            let (browser, own) = try await api.session("bob")
            let (_, carols) = try await api.session("carol")
            let token = try await api.device("bob")
            let list = try await api.get("/v1/sessions", as: token)
            try expectDocumented(Route(.get, "/v1/sessions", nil, []), list)
            let mine = try list.json().arrayValue ?? []
            #expect(mine.count == 3 && mine.allSatisfy { $0["person"] == "bob" })
            #expect(mine.filter { $0["current"] == true }.map { $0["kind"] } == ["command-line"])
            #expect(
                try await api.get("/v1/sessions?person=carol", as: "bob").code
                    == "administrators_only")
            #expect(try await api.get("/v1/sessions", as: "admin").json().arrayValue?.count == 4)
            let one = try await api.get("/v1/sessions?person=carol", as: "admin").json()
            #expect(one.arrayValue?.map(\.id) == [carols.id])
            // Not somebody else's.
            let path = "/v1/sessions/\(carols.id)"
            #expect(try await api.request(.delete, path, as: "bob").code == "no_such_session")
            #expect(try await api.request(.delete, path, as: "admin").status == 200)
            #expect(try await browser.get("/").status == 200)
            #expect(
                try await api.request(.delete, "/v1/sessions/\(own.id)", as: token).status == 200)
            #expect(try await browser.get("/").status == 303)
            let device = try #require(mine.first { $0["kind"] == "command-line" })
            #expect(
                try await api.request(.delete, "/v1/sessions/\(device.id)", as: token).status == 200
            )
            #expect(try await api.get("/v1/whoami", as: token).code == "credentials_invalid")
            for id in [own.id, device.id, "x", String(repeating: "0", count: 16)] {
                #expect(
                    try await api.request(.delete, "/v1/sessions/\(id)", as: "bob").code
                        == "no_such_session", "\(id)")
            }
        }
    }

    @Test("removing a person ends sessions, command lines, links, accounts and passkeys at once")
    func removal() async throws {
        try await withServer { api in
            let control = api.control
            let (browser, _) = try await api.session("carol")
            let token = try await api.device("carol")
            let link = try await api.post("/v1/persons/carol/link", as: "admin").json()
            try await api.account(TestInstallation.carol, "carol")
            let authenticator = try Self.passkey(TestInstallation.carol, control)
            try await control.apply(.passkeyAdded(authenticator), by: TestInstallation.admin)
            let shown = try await api.get("/v1/persons/carol", as: "bob")
            try expectDocumented(Route(.get, "/v1/persons/carol", nil, []), shown)
            #expect(try shown.json()["passkeys"]?[0]?["id"] == .string(authenticator.id))
            #expect(try shown.json()["accounts"]?[0]?["subject"] == "carol")
            #expect(try await browser.get("/").status == 200)
            #expect(try await api.get("/v1/whoami", as: token).status == 200)

            #expect(
                try await api.request(.delete, "/v1/persons/carol", as: "admin").status == 200)
            #expect(try await browser.get("/").status == 303)
            #expect(try await api.get("/v1/whoami", as: token).code == "credentials_invalid")
            let secret = try #require(link.text("signInLink").split(separator: "=").last)
            #expect(try control.peek(link: String(secret)) == nil)
            let directory = control.governance.directory
            #expect(directory.externals.isEmpty && directory.passkeys.isEmpty)
            #expect(try control.sessions(of: nil).isEmpty && control.devices(of: nil).isEmpty)
            let account = try #require(
                ExternalAccount(issuer: "https://idp.example", subject: "carol"))
            await #expect(throws: CommandError.self) {
                try await control.signIn(
                    ExternalSignIn(
                        account: account, authenticatedAt: control.now, memberships: [:],
                        evidence: .null), audit: [:])
            }
        }
    }

    /// A passkey as the directory has it: a point of P-256 that anybody may know.
    private static func passkey(_ person: Handle, _ control: ControlPlane) throws -> Passkey {
        let x = "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
        let y = "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"
        let cose = try #require(
            Self.bytes("a5010203262001215820\(x)225820\(y)"))
        return try Passkey(
            [
                "backupEligible": false,
                "id": .string(Base64URL.encode(Array(repeating: 1, count: 16))),
                "origin": "http://localhost:8420", "person": .string(person.text),
                "publicKey": .string(Base64URL.encode(cose)), "relyingParty": "localhost",
                "since": .string(control.now.description),
            ], path: "passkey")
    }

    private static func bytes(_ hex: String) -> [UInt8]? {
        let digits = Array(hex)
        return stride(from: 0, to: digits.count, by: 2).map { index in
            UInt8(String(digits[index...index + 1]), radix: 16) ?? 0
        }
    }

    // MARK: accounts

    @Test("an account is one person's, named by issuer and subject; what is wrong is said")
    func accounts() async throws {
        try await withServer { api in
            try await api.account(TestInstallation.dave, "x")
            func link(_ person: String, _ issuer: JSON, _ subject: JSON) async throws -> String {
                try await api.post(
                    "/v1/persons/\(person)/accounts", ["issuer": issuer, "subject": subject],
                    as: "admin"
                ).code
            }
            let issuer: JSON = "https://idp.example"
            #expect(try await link("bob", issuer, "x") == "directory_conflict")
            #expect(try await link("nobody", issuer, "y") == "not_found")
            #expect(try await link("bob", "idp.example", "y") == "value_invalid")
            #expect(try await link("bob", issuer, "a b") == "value_invalid")
            #expect(try await link("bob", issuer, "") == "value_invalid")
            let path = "/v1/persons/dave/accounts?issuer=https%3A%2F%2Fidp.example&subject=x"
            let other = path.replacing("dave", with: "bob")
            #expect(try await api.request(.delete, other, as: "admin").code == "not_found")
            #expect(try await api.request(.delete, path, as: "admin").status == 200)
            #expect(try await api.request(.delete, path, as: "admin").code == "not_found")
        }
    }

    @Test("once sealed, linking an account answers with the action that waits, and its reason")
    func sealed() async throws {
        let folder = "\(Corpora.packageRoot)/policies/starter"
        let files = try Corpora.names(in: folder).filter { $0.hasSuffix(".cedar") }.map {
            PolicyFile(name: $0, text: try Corpora.text(at: "\(folder)/\($0)"))
        }
        try await withServer(policies: files) { api in
            try await Sealing.seal(api.control)
            let route = Route(.post, "/v1/persons/dave/accounts", nil, [])
            let answer = try await api.post(
                route.path, ["issuer": "https://idp.example", "subject": "dave"], as: "root",
                headers: [("Exequatur-Reason", "he is new")])
            #expect(answer.status == 202, "\(answer.text)")
            try expectDocumented(route, answer)
            let action = try #require(try answer.json()["pendingAction"])
            #expect(action["state"] == "pending")
            let eligible = action["review"]?["eligible"]?.arrayValue ?? []
            #expect(eligible.contains { $0["id"] == "bob" })
            let id = try #require(ActionID(action.id))
            let detail = try #require(try api.control.detail(id))
            #expect(detail.body.action.intent.justification == "he is new")
        }
    }
}
