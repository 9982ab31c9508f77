// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import HTTPTypes
import ServiceTestSupport
import Testing
import TransparencyLog

@testable import Server

@Suite("Batches in the console")
struct ConsoleBatchTests {
    /// A batch of actions that carol put together, and its page.
    private func batch(
        _ api: API, _ actions: [JSON], as who: String = "carol"
    ) async throws
        -> String
    {
        let answer = try await api.post(
            "/v1/batches",
            ["actions": .array(actions.map { .string($0.id) }), "title": "Quarter end"], as: who)
        try #require(answer.status == 201, "\(answer.text)")
        let url = try answer.json().text("url")
        let path = "/batches/" + (try answer.json().text("digest"))
        #expect(url.hasSuffix(path), "the answer names the page")
        return path
    }

    private func form(
        _ browser: Browser, _ page: String, _ decision: String
    ) async throws -> [(String, String)] {
        [
            ("csrf", try await browser.field("csrf", of: page)),
            ("expect", try await browser.field("expect", of: page)),
            ("shown", try await browser.field("shown", of: page)), ("decision", decision),
            ("reason", "as agreed"),
        ]
    }

    private func state(_ api: API, _ action: JSON) async throws -> String {
        try await api.get("/v1/actions/\(action.id)").json().text("state")
    }

    @Test("One decision counts for each member in which the person may decide, and for no other")
    func decides() async throws {
        try await withServer { api in
            let own = try await api.submit("review", name: "one")
            let two = try await api.submit("two", name: "two")
            let lead = try await api.submit("lead", name: "lead")
            // Bob owns the other agent.
            let his = try await api.submit("review", name: "his", as: "other-bot")
            let page = try await batch(api, [own, two, lead, his])
            let bob = try await Browser.signIn(api, as: "bob")
            let html = try await bob.get(page).text
            for text in [
                "Quarter end", "together by <bdi>carol</bdi>", "Approve 2 of 4", "--mode=lead",
            ] {
                #expect(html.contains(text), "\(text)")
            }
            let answer = try await bob.post(
                "/console\(page)/decide", try await form(bob, page, "approve"))
            #expect(answer.headers[.location] == "\(page)?done=approve")
            #expect(try await state(api, own) == "cleared")
            for action in [two, lead, his] {
                #expect(try await state(api, action) == "pending", "\(action.id)")
            }
            let after = try await bob.get("\(page)?done=approve").text
            #expect(after.contains("Your approval is recorded for each"))
            #expect(!after.contains("value=\"approve\""))
            let carol = try await Browser.signIn(api, as: "carol")
            _ = try await carol.post(
                "/console\(page)/decide", try await form(carol, page, "deny"))
            #expect(try await state(api, two) == "denied")
            #expect(try await state(api, his) == "denied")
            #expect(try await state(api, lead) == "pending")
            #expect(try await state(api, own) == "cleared")
        }
    }

    @Test("Nothing is decided on a page of before, by another batch's form, or from elsewhere")
    func stale() async throws {
        try await withServer { api in
            let actions = [
                try await api.submit("review", name: "one"),
                try await api.submit("review", name: "two"),
            ]
            let page = try await batch(api, actions)
            let other = try await batch(
                api, [actions[0], try await api.submit("review", name: "three")])
            let bob = try await Browser.signIn(api, as: "bob")
            let path = "/console\(page)/decide"
            let right = try await form(bob, page, "approve")
            func with(_ name: String, _ value: String?) -> [(String, String)] {
                right.filter { $0.0 != name } + (value.map { [(name, $0)] } ?? [])
            }
            let zero = String(repeating: "0", count: 64)
            for (fields, status) in [
                (with("csrf", nil), 403), (with("expect", nil), 409), (with("shown", nil), 409),
                (with("shown", zero), 409), (with("decision", "maybe"), 400),
                (try await form(bob, other, "approve"), 409),
            ] {
                #expect(try await bob.post(path, fields).status == status, "\(fields)")
            }
            #expect(try await bob.post(path, right, origin: "https://evil.example").status == 403)
            #expect([404, 405].contains(try await bob.get(path).status))
            let unknown = "/batches/\(zero)"
            #expect(try await bob.get(unknown).status == 409)
            #expect(try await bob.post("/console\(unknown)/decide", right).status == 409)
            for action in actions { #expect(try await state(api, action) == "pending") }
            #expect(try await api.request(.get, page, as: nil).status == 303)
        }
    }
}
