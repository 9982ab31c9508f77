// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ControlPlane
import HTTPTypes
import ServiceTestSupport
import Storage
import Testing

@testable import Server

/// A browser with its cookie.
struct Browser {
    let api: API
    let cookie: String

    /// Signs in as somebody with a link of the administrator.
    static func signIn(_ api: API, as person: String) async throws -> Browser {
        let link = try await api.post("/v1/persons/\(person)/link", as: "admin").json()
        let secret = String(try #require(link.text("signInLink").split(separator: "=").last))
        let answer = try await api.request(
            .post, "/console/sign-in", bytes: Array("token=\(secret)".utf8),
            headers: [("Content-Type", "application/x-www-form-urlencoded")])
        #expect(answer.status == 303)
        let set = try #require(answer.headers[.setCookie])
        #expect(set.contains("; HttpOnly") && set.contains("; SameSite=Lax"))
        return Browser(api: api, cookie: String(try #require(set.split(separator: ";").first)))
    }

    func get(_ path: String) async throws -> Answer {
        try await api.request(.get, path, headers: [("Cookie", cookie)])
    }

    func post(
        _ path: String, _ form: [(String, String)], origin: String? = nil
    ) async throws -> Answer {
        var headers = [
            ("Cookie", cookie), ("Content-Type", "application/x-www-form-urlencoded"),
        ]
        if let origin { headers.append(("Origin", origin)) }
        let body = form.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        return try await api.request(.post, path, bytes: Array(body.utf8), headers: headers)
    }

    /// The value of a hidden field of a page.
    func field(_ name: String, of path: String) async throws -> String {
        let html = try await get(path).text
        let match = try #require(
            try Regex("name=\"\(name)\" value=\"([^\"]*)\"").firstMatch(in: html),
            "`\(path)` has no field `\(name)`")
        return String(match.output[1].substring ?? "")
    }
}

@Suite("Console")
struct ConsoleRouteTests {
    static let pagePaths = [
        "/", "/history", "/ledger", "/policies", "/directory", "/actions/{id}", "/account",
        "/device", "/seal",
    ]

    @Test("The inbox says which gates present what nobody has approved")
    func quarantine() async throws {
        try await withServer { api in
            let browser = try await Browser.signIn(api, as: "bob")
            let line = "gate run presents an unapproved configuration"
            #expect(!(try await browser.get("/").text.contains(line)))
            let presented = try await api.post(
                "/v1/gates/self/configuration", gateDocument(), as: "run"
            ).json()
            #expect(try await browser.get("/").text.contains(line))
            _ = try await api.post(
                "/v1/gates/run/configuration/approve",
                ["expect": .string(presented.text("digest"))], as: "admin")
            #expect(!(try await browser.get("/").text.contains(line)))
        }
    }

    @Test("Pages need a session and change nothing", arguments: pagePaths)
    func pages(_ page: String) async throws {
        try await withServer { api in
            let action = try await api.submit("review")
            let path = page.replacing("{id}", with: action.id)
            let stranger = try await api.get(path, as: nil)
            #expect(stranger.status == 303)
            #expect(stranger.headers[.location]?.hasPrefix("/sign-in?return=/") == true)
            #expect(!stranger.text.contains(action.id))
            let browser = try await Browser.signIn(api, as: "bob")
            let size = api.control.writer.head.size
            let answer = try await browser.get(path)
            #expect(answer.status == 200)
            #expect(answer.headers[.contentType] == "text/html; charset=utf-8")
            #expect(answer.headers[.contentSecurityPolicy]?.contains("default-src") == true)
            #expect(api.control.writer.head.size == size)
        }
    }

    @Test("A reviewer approves in the console, with assurance `console`")
    func approve() async throws {
        try await withServer { api in
            let action = try await api.submit("high")
            #expect(try await api.approve(action).code == "assurance_too_low")
            let browser = try await Browser.signIn(api, as: "bob")
            let page = "/actions/\(action.id)"
            let answer = try await browser.post(
                "/console/actions/\(action.id)/decide",
                [
                    ("csrf", try await browser.field("csrf", of: page)), ("decision", "approve"),
                    ("expect", action.text("digest")),
                    ("rendering", try await browser.field("rendering", of: page)),
                ], origin: "http://localhost:8420")
            #expect(answer.status == 303)
            #expect(answer.headers[.location] == "\(page)?done=approve")
            let state = try await api.get("/v1/actions/\(action.id)").json()
            #expect(state.text("state") == "cleared")
            #expect(state["decisions"]?[0]?["assurance"] == "console")
        }
    }

    @Test("A form without its token, of another site, or of another action decides nothing")
    func forgedForms() async throws {
        try await withServer { api in
            let action = try await api.submit("review")
            let other = try await api.submit("review", name: "b")
            let browser = try await Browser.signIn(api, as: "bob")
            let thief = try await Browser.signIn(api, as: "carol")
            let page = "/actions/\(action.id)"
            let path = "/console/actions/\(action.id)/decide"
            let csrf = try await browser.field("csrf", of: page)
            let rendering = try await browser.field("rendering", of: page)
            let good = [
                ("decision", "approve"), ("expect", action.text("digest")),
                ("rendering", rendering),
            ]
            let foreign = try await thief.field("csrf", of: page)
            let tries: [(form: [(String, String)], origin: String?, status: Int)] = [
                (good, nil, 403), (good + [("csrf", "")], nil, 403),
                (good + [("csrf", foreign)], nil, 403),
                (good + [("csrf", csrf)], "https://evil.example", 403),
                (good + [("csrf", csrf)], "null", 403),
                (
                    [
                        ("csrf", csrf), ("decision", "approve"), ("rendering", rendering),
                        ("expect", other.text("digest")),
                    ], nil, 409
                ),
                (
                    [
                        ("csrf", csrf), ("decision", "approve"), ("rendering", "0"),
                        ("expect", action.text("digest")),
                    ], nil, 409
                ),
                ([("csrf", csrf), ("decision", "approve"), ("rendering", rendering)], nil, 409),
            ]
            for (number, attempt) in tries.enumerated() {
                let answer = try await browser.post(path, attempt.form, origin: attempt.origin)
                #expect(
                    answer.status == attempt.status, "try \(number): \(answer.text.prefix(200))")
            }
            let cookieless = try await api.request(
                .post, path, bytes: Array("csrf=\(csrf)&decision=approve".utf8))
            #expect(cookieless.code == "credentials_missing")
            #expect(try await api.get("/v1/actions/\(action.id)").json().text("state") == "pending")
        }
    }

    @Test("The owner is told that he can't decide, and his try is recorded")
    func ownAction() async throws {
        try await withServer { api in
            let action = try await api.submit("review")
            let browser = try await Browser.signIn(api, as: "alice")
            let page = "/actions/\(action.id)"
            let answer = try await browser.post(
                "/console\(page)/decide",
                [
                    ("csrf", try await browser.field("csrf", of: page)), ("decision", "approve"),
                    ("expect", action.text("digest")),
                    ("rendering", action["rendering"]?.text("digest") ?? ""),
                ])
            #expect(answer.status == 403 || answer.status == 409)
            #expect(try await api.get("/v1/actions/\(action.id)").json().text("state") == "pending")
        }
    }

    @Test("A link is shown without being used, works once, and goes to a place of ours")
    func signIn() async throws {
        try await withServer { api in
            let link = try await api.post("/v1/persons/bob/link", as: "admin").json()
            let secret = String(try #require(link.text("signInLink").split(separator: "=").last))
            for _ in 0..<3 {
                let page = try await api.get("/sign-in?token=\(secret)", as: nil)
                #expect(page.status == 200)
                #expect(page.text.contains("bob"))
            }
            func redeem(_ back: String) async throws -> Answer {
                try await api.request(
                    .post, "/console/sign-in",
                    bytes: Array("token=\(secret)&return=\(back)".utf8))
            }
            let used = try await redeem("%2F%2Fevil.example")
            #expect(used.headers[.location] == "/")
            let again = try await redeem("%2Fhistory")
            #expect(again.headers[.setCookie] == nil)
            let stale = try await api.get("/sign-in?token=\(secret)", as: nil)
            #expect(!stale.text.contains("bob"))
        }
    }

    @Test("Signing out ends the session")
    func signOut() async throws {
        try await withServer { api in
            let browser = try await Browser.signIn(api, as: "bob")
            let csrf = try await browser.field("csrf", of: "/history")
            #expect(try await browser.post("/console/sign-out", []).status == 403)
            #expect(try await browser.get("/").status == 200)
            #expect(try await browser.post("/console/sign-out", [("csrf", csrf)]).status == 303)
            #expect(try await browser.get("/").status == 303)
        }
    }
}
