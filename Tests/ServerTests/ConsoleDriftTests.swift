// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Console
import ControlPlane
import DriftCore
import HTTPTypes
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import Server

/// A folder that this server watches, and what is found in it.
struct ConsoleWatch {
    let api: API
    static let id = Handle(constant: "conf")
    static let file = "file:/etc/app.conf"
    static let page = "/drift/sources/conf"

    init(_ api: API) async throws {
        self.api = api
        let source = try DriftSource(
            id: Self.id, kind: .files, scope: "web1", every: 60, assetClass: .high,
            settings: ["paths": ["/etc"]])
        try await api.control.configureDrift(.sourceSet(source), by: TestInstallation.admin)
    }

    /// Observes subjects with one field each.
    func observe(_ modes: [String: JSON]) async throws {
        api.clock.advance(seconds: 1)
        let now = api.control.now
        let leaves = try modes.map {
            try Leaf(subject: $0.key, document: ["mode": $0.value, "type": "file"])
        }
        let observation = Observation(started: now, ended: now, snapshot: try Snapshot(leaves))
        _ = try await api.control.observe(Self.id, observation, by: nil)
        api.clock.advance(seconds: 1)
    }

    func observe(_ mode: String) async throws { try await observe([Self.file: .string(mode)]) }

    var machine: DriftMachine {
        get throws { try api.control.driftStanding(Self.id).machine }
    }

    /// A baseline of one mode, and another one found.
    func drift(from expected: String, to found: String) async throws -> String {
        try await observe(expected)
        let root = try #require(try machine.proposed?.root.hex)
        _ = try await api.control.approveBaseline(Self.id, expect: root, by: TestInstallation.admin)
        try await observe(found)
        return try #require(try machine.episodes.values.first).fingerprint.hex
    }
}

@Suite("Drift in the console")
struct ConsoleDriftTests {
    private static let stale = "Something else is there by now than what you were shown"

    @Test("Pages need a session and change nothing; what is not there is not found")
    func pages() async throws {
        try await withServer { api in
            let empty = try await Browser.signIn(api, as: "bob").get("/drift")
            #expect(empty.text.contains("exequatur drift source set FILE"))
            let watch = try await ConsoleWatch(api)
            let id = try await watch.drift(from: "0644", to: "0666")
            let browser = try await Browser.signIn(api, as: "bob")
            for path in ["/drift", ConsoleWatch.page, "/drift/deviations/\(id)"] {
                #expect(try await api.get(path, as: nil).status == 303)
                let size = api.control.writer.head.size
                let answer = try await browser.get(path)
                #expect(answer.status == 200 && answer.text.contains("0666"), "\(path)")
                #expect(answer.headers[.contentSecurityPolicy]?.contains("default-src") == true)
                #expect(api.control.writer.head.size == size)
            }
            let strange = String(repeating: "0", count: 64)
            for path in [
                "/drift/sources/none", "/drift/sources/%3Cb%3E", "/drift/deviations/\(strange)",
            ] {
                #expect(try await browser.get(path).status == 404, "\(path)")
            }
            #expect(try await browser.get("/drift/deviations/00").status == 400)
        }
    }

    @Test("An administrator approves the baseline that the page shows, and no other")
    func approve() async throws {
        try await withServer { api in
            let watch = try await ConsoleWatch(api)
            try await watch.observe("0644")
            let browser = try await Browser.signIn(api, as: "admin")
            let path = "/console\(ConsoleWatch.page)/approve"
            let csrf = try await browser.field("csrf", of: ConsoleWatch.page)
            let shown = try await browser.field("expect", of: ConsoleWatch.page)
            #expect(try shown == watch.machine.proposed?.root.hex)
            let wrong = String(repeating: "0", count: 64)
            let refused = try await browser.post(path, [("csrf", csrf), ("expect", wrong)])
            #expect(refused.status == 409 && refused.text.contains(Self.stale))
            #expect(try await browser.post(path, [("csrf", csrf)]).status == 400)
            #expect(try watch.machine.baseline == nil)
            let done = try await browser.post(path, [("csrf", csrf), ("expect", shown)])
            #expect(done.status == 303)
            #expect(done.headers[.location] == "\(ConsoleWatch.page)?done=approve")
            #expect(try watch.machine.baseline?.approvedBy?.text == "admin")
        }
    }

    @Test("What is accepted is what was shown; if something else is there, nothing is")
    func accept() async throws {
        try await withServer { api in
            let watch = try await ConsoleWatch(api)
            let id = try await watch.drift(from: "0644", to: "0666")
            let browser = try await Browser.signIn(api, as: "admin")
            let page = "/drift/deviations/\(id)"
            let csrf = try await browser.field("csrf", of: page)
            let shown = try await browser.field("expect", of: page)
            #expect(
                try await browser.get(page).text.contains(
                    "<pre class=\"note will-hold\" tabindex=\"0\">&quot;0666&quot;</pre>"))
            try await watch.observe("0777")
            let form = [("csrf", csrf), ("expect", shown)]
            let refused = try await browser.post("/console\(page)/accept", form)
            #expect(refused.status == 409 && refused.text.contains(Self.stale))
            #expect(try refused.text.contains("0777") && watch.machine.baseline?.version == 1)
            let now = [("csrf", csrf), ("expect", try await browser.field("expect", of: page))]
            let done = try await browser.post("/console\(page)/accept", now)
            #expect(done.headers[.location] == "\(page)?done=accept", "\(done.status)")
            #expect(try watch.machine.baseline?.version == 2)
            let leaves = try api.control.leaves(ConsoleWatch.id, ConsoleWatch.file)
            #expect(leaves.expected?["mode"] == "0777")
            let after = try await browser.get(page).text
            #expect(after.contains("It is over: a person accepted it"))
            #expect(!after.contains("/console/drift"))
        }
    }

    @Test("Several are accepted or acknowledged together, and none without a tick")
    func several() async throws {
        try await withServer { api in
            let watch = try await ConsoleWatch(api)
            _ = try await watch.drift(from: "0644", to: "0666")
            try await watch.observe([ConsoleWatch.file: "0666", "file:/etc/new": "0600"])
            let ids = try watch.machine.episodes.keys.map(\.hex).sorted()
            #expect(ids.count == 2)
            let browser = try await Browser.signIn(api, as: "admin")
            let path = "/console\(ConsoleWatch.page)/decide"
            let form = [
                ("csrf", try await browser.field("csrf", of: ConsoleWatch.page)),
                ("expect", try await browser.field("expect", of: ConsoleWatch.page)),
            ]
            let ticks = ids.map { ("d_\($0)", "yes") }
            func send(_ more: [(String, String)]) async throws -> Int {
                try await browser.post(path, form + more).status
            }
            #expect(try await send([("decision", "accept")]) == 400)
            #expect(try await send(ticks) == 400)
            #expect(try await send([("decision", "approve")] + ticks) == 400)
            #expect(try await send([("decision", "accept"), ("d_00", "yes")] + ticks) == 400)
            #expect(try await send([("decision", "acknowledge")] + ticks) == 303)
            #expect(try watch.machine.episodes.values.allSatisfy { $0.state == .acknowledged })
            #expect(try await send([("decision", "accept")] + ticks) == 303)
            #expect(try watch.machine.episodes.isEmpty)
            #expect(try watch.machine.baseline?.version == 2)
        }
    }

    @Test("Who is no administrator finds no button, and is refused if he sends the form")
    func readers() async throws {
        try await withServer { api in
            let watch = try await ConsoleWatch(api)
            let id = try await watch.drift(from: "0644", to: "0666")
            try await api.control.reproposeBaseline(ConsoleWatch.id, by: TestInstallation.admin)
            try await watch.observe("0666")
            let browser = try await Browser.signIn(api, as: "bob")
            let page = "/drift/deviations/\(id)"
            for path in ["/drift", page, ConsoleWatch.page] {
                #expect(!(try await browser.get(path).text.contains("/console/drift")), "\(path)")
            }
            let csrf = try await browser.field("csrf", of: page)
            let live = try #require(try api.control.driftStanding(ConsoleWatch.id).live).root.hex
            let form = [
                ("csrf", csrf), ("expect", live), ("decision", "accept"), ("d_\(id)", "yes"),
            ]
            let before = try watch.machine
            for path in [
                "\(page)/accept", "\(page)/acknowledge", "\(ConsoleWatch.page)/approve",
                "\(ConsoleWatch.page)/decide",
            ] {
                let answer = try await browser.post("/console\(path)", form)
                #expect(answer.status == 403, "\(path)")
                #expect(answer.text.contains("only administrators decide"), "\(path)")
            }
            #expect(try watch.machine == before)
        }
    }

    @Test("A form without its token, or of another site, decides nothing")
    func forgery() async throws {
        try await withServer { api in
            let watch = try await ConsoleWatch(api)
            let id = try await watch.drift(from: "0644", to: "0666")
            try await api.control.reproposeBaseline(ConsoleWatch.id, by: TestInstallation.admin)
            try await watch.observe("0666")
            let browser = try await Browser.signIn(api, as: "admin")
            let thief = try await Browser.signIn(api, as: "bob")
            let page = "/drift/deviations/\(id)"
            let csrf = try await browser.field("csrf", of: page)
            let foreign = try await thief.field("csrf", of: page)
            let form = [
                ("expect", try await browser.field("expect", of: page)), ("decision", "accept"),
                ("d_\(id)", "yes"),
            ]
            let before = try watch.machine
            for path in [
                "\(page)/accept", "\(page)/acknowledge", "\(ConsoleWatch.page)/approve",
                "\(ConsoleWatch.page)/decide",
            ] {
                let tries: [([(String, String)], String?)] = [
                    (form, nil), (form + [("csrf", foreign)], nil),
                    (form + [("csrf", csrf)], "https://evil.example"),
                    (form + [("csrf", csrf)], "null"),
                ]
                for (form, origin) in tries {
                    let answer = try await browser.post("/console\(path)", form, origin: origin)
                    #expect(answer.status == 403, "\(path) \(form) \(origin ?? "")")
                }
                #expect(try await browser.get("/console\(path)").status >= 400)
            }
            #expect(try watch.machine == before)
        }
    }

    @Test("A baseline changes only with a recent sign-in; acknowledging does not need one")
    func freshness() async throws {
        try await withServer { api in
            let watch = try await ConsoleWatch(api)
            let id = try await watch.drift(from: "0644", to: "0666")
            let browser = try await Browser.signIn(api, as: "admin")
            let page = "/drift/deviations/\(id)"
            let form = [
                ("csrf", try await browser.field("csrf", of: page)),
                ("expect", try await browser.field("expect", of: page)),
            ]
            api.clock.advance(seconds: 601)
            let text = try await browser.get(page).text
            #expect(text.contains("Sign in again") && !text.contains("\(page)/accept"))
            let refused = try await browser.post("/console\(page)/accept", form)
            #expect(refused.status == 403 && refused.text.contains("sign in again"))
            #expect(try watch.machine.baseline?.version == 1)
            #expect(try await browser.post("/console\(page)/acknowledge", form).status == 303)
            #expect(try watch.machine.episodes.values.first?.acknowledgedBy?.text == "admin")
        }
    }
}
