// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Channels
import ControlPlane
import Hummingbird
import HummingbirdTesting
import Logging
import ServiceTestSupport
import Storage
import Synchronization
import Testing
import TransparencyLog

@testable import Server

private let hookSecret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

/// One Slack channel over HTTP, one webhook, one integration.
private func settings() throws -> [ChannelSettings] {
    let json = try JSON(
        parsing: Array(
            #"""
            [{"id":"slack","kind":"slack","workspace":"T0001","botTokenFile":"b",
              "signingSecretFile":"s","posts":[{"channel":"C1"}]},
             {"id":"hook","kind":"webhook","url":"https://hook.example/h","secretFiles":["h"]},
             {"id":"matrix","kind":"integration","secretFiles":["h"],"workspace":"m.example"}]
            """#.utf8))
    return try ChannelSettings.read(json) { $0 == "h" ? hookSecret.text : "x" }
}

private let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// The vendors: keeps what it is sent, and is down when the test says so.
private final class Vendors: Sendable {
    struct State {
        var isDown = false
        var calls: [(url: String, body: JSON)] = []
    }
    let state = Mutex(State())

    var caller: HTTPCaller {
        HTTPCaller { [self] request throws(ChannelSilence) in
            let isDown = state.withLock { state in
                if !state.isDown {
                    state.calls.append((request.url, (try? JSON(parsing: request.body)) ?? .null))
                }
                return state.isDown
            }
            if isDown { throw ChannelSilence("down") }
            let answer: JSON = ["channel": "C1", "ok": true, "ts": "1.1"]
            return ChannelResponse(
                status: 200, retryAfter: nil, body: Array(answer.description.utf8))
        }
    }

    func bodies(_ suffix: String) -> [JSON] {
        state.withLock { $0.calls.filter { $0.url.hasSuffix(suffix) }.map(\.body) }
    }
}

/// Waits for what comes about in other tasks; its time is generous because machines are busy.
private func until(_ what: String, _ condition: () throws -> Bool) async throws {
    for _ in 0..<1000 {
        if try condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("never: \(what)")
}

/// Runs the channels of an installation while `body` runs.
private func withChannels(
    _ at: TestInstallation, _ vendors: Vendors, _ body: (ChannelHub) async throws -> Void
) async throws {
    let hub = ChannelHub(at.control, try settings(), logger: quiet, caller: vendors.caller)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await hub.run() }
        try await body(hub)
        group.cancelAll()
    }
}

@Suite("channels of a server")
struct ChannelDeliveryTests {
    @Test func aReviewIsShownAndItsEndTakesTheButtonsAway() async throws {
        let at = try await TestInstallation()
        let vendors = Vendors()
        try await withChannels(at, vendors) { hub in
            let result = try await at.submit("review")
            try await until("posted") { vendors.bodies("chat.postMessage").count == 1 }
            let first = try #require(vendors.bodies("chat.postMessage").first)
            #expect(first.description.contains("exequatur.approve"))
            _ = try await at.decide(result, by: TestInstallation.bob)
            try await until("updated") { !vendors.bodies("chat.update").isEmpty }
            let last = try #require(vendors.bodies("chat.update").last)
            #expect(!last.description.contains("exequatur.approve"))
            try await until("noted") {
                try hub.deliveries(of: result.state.id).allSatisfy { !$0.1.isWaiting }
            }
            #expect(try at.control.marks(after: nil, limit: 10) == [])
        }
    }

    @Test func whatHappensWhileAVendorIsDownAndTheServerRestartsIsShownInTheEnd() async throws {
        let at = try await TestInstallation()
        let vendors = Vendors()
        vendors.state.withLock { $0.isDown = true }
        var results: [ActionResult] = []
        try await withChannels(at, vendors) { hub in
            for name in ["a", "b"] { results.append(try await at.submit("review", name: name)) }
            try await until("tried") {
                try results.allSatisfy { !(try hub.deliveries(of: $0.state.id).isEmpty) }
            }
        }
        // A channel that is down holds nothing up and approves nothing.
        _ = try await at.decide(results[0], by: TestInstallation.bob)
        try await at.restart()
        vendors.state.withLock { $0.isDown = false }
        try await withChannels(at, vendors) { _ in
            try await until("posted") { !vendors.bodies("chat.postMessage").isEmpty }
            try await until("quiet") { try at.control.marks(after: nil, limit: 10).isEmpty }
        }
        let posts = vendors.bodies("chat.postMessage").filter {
            $0.description.contains("exequatur.approve")
        }
        #expect(posts.count == 1, "only what is still open is offered")
        #expect(posts.first?.description.contains(results[1].state.id.text) == true)
    }

    @Test func aReceiverHearsEveryEntryInOrderAndGoesOnAfterARestart() async throws {
        let at = try await TestInstallation()
        let vendors = Vendors()
        let first = at.control.writer.head.size
        try await withChannels(at, vendors) { hub in
            // A new receiver hears what happens from now on.
            try await until("ready") {
                hub.webhooks.values.allSatisfy { $0.standing.next == first }
            }
            _ = try await at.submit("allow", name: "a")
            try await until("heard") { vendors.bodies("/h").count >= 2 }
        }
        try await at.restart()
        try await withChannels(at, vendors) { _ in
            _ = try await at.submit("allow", name: "b")
            let size = at.control.writer.head.size
            try await until("heard all") {
                vendors.bodies("/h").last?["data"]?["index"]?.intValue == Int64(size - 1)
            }
        }
        let heard = vendors.bodies("/h").compactMap { $0["data"]?["index"]?.intValue }
        #expect(heard == Array(Int64(first)...Int64(at.control.writer.head.size - 1)))
    }
}

@Suite("routes of channels")
struct ChannelRouteTests {
    private func withRoutes(
        _ body: @escaping @Sendable (API, TestInstallation) async throws -> Void
    ) async throws {
        let at = try await TestInstallation()
        let hub = ChannelHub(at.control, try settings(), logger: quiet, caller: Vendors().caller)
        try await ServerTests.withRoutes(of: at, hub, body)
    }

    private func signed(
        _ body: JSON, at now: Timestamp, id: String = "msg_1"
    ) -> (bytes: [UInt8], headers: [(String, String)]) {
        let bytes = Array(body.description.utf8)
        let signature = WebhookSignature.header(
            id: id, at: now, body: bytes, secrets: [hookSecret])
        return (
            bytes,
            [
                ("webhook-id", id), ("webhook-timestamp", String(now.milliseconds / 1000)),
                ("webhook-signature", signature),
            ]
        )
    }

    @Test func whatIsNotSignedIsRefusedBeforeItIsRead() async throws {
        try await withRoutes { api, _ in
            for path in ["interactivity", "events"] {
                let answer = try await api.request(
                    .post, "/channels/slack/\(path)", bytes: Array("{not json".utf8))
                #expect(answer.status == 401 && answer.code == "signature_invalid")
            }
            for path in ["decisions", "links"] {
                let answer = try await api.request(
                    .post, "/channels/matrix/\(path)", bytes: Array("{not json".utf8))
                #expect(answer.status == 401 && answer.code == "signature_invalid")
            }
        }
    }

    @Test func aChannelThatIsNotThereOrOfAnotherKindIsNotFound() async throws {
        try await withRoutes { api, _ in
            for path in [
                "nobody/interactivity", "matrix/events", "slack/decisions", "hook/links",
                "Ä/events",
            ] {
                let answer = try await api.request(.post, "/channels/\(path)", bytes: [0x7B, 0x7D])
                #expect(answer.status == 404, "\(path)")
            }
        }
    }

    @Test func anIntegrationLinksAndDecides() async throws {
        try await withRoutes { api, at in
            let session = try await at.signIn(TestInstallation.bob)
            let code = try await at.control.linkCode(for: session).code
            let account: JSON = ["user": "@bob:m.example", "workspace": "m.example"]
            let linking = signed(
                ["account": account, "code": .string(code)], at: at.control.now)
            let linked = try await api.request(
                .post, "/channels/matrix/links", bytes: linking.bytes, headers: linking.headers)
            #expect(linked.status == 201, "\(linked.text)")
            let result = try await at.submit("review")
            let decision: JSON = [
                "account": account, "action": .string(result.state.id.text),
                "decision": "approve",
                "rendering": .string(try #require(result.body.renderingDigest).hex),
            ]
            let deciding = signed(decision, at: at.control.now)
            let answer = try await api.request(
                .post, "/channels/matrix/decisions", bytes: deciding.bytes,
                headers: deciding.headers)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try at.status(result) == .cleared)
            // The same message once more changes nothing and is no error.
            let again = try await api.request(
                .post, "/channels/matrix/decisions", bytes: deciding.bytes,
                headers: deciding.headers)
            #expect(again.status == 200)
            #expect(try at.control.detail(result.state.id)?.state.decisions.count == 1)
        }
    }

    @Test func onlyPersonsSeeHowChannelsStand() async throws {
        try await withRoutes { api, _ in
            let answer = try await api.get("/v1/channels", as: "bob")
            #expect(answer.status == 200)
            #expect(
                try answer.json().arrayValue?.compactMap { $0["id"]?.stringValue }
                    == ["slack", "hook", "matrix"])
            #expect(try await api.get("/v1/channels", as: "deploy-bot").status == 403)
            #expect(try await api.get("/v1/channels", as: nil).status == 401)
            #expect(!answer.text.contains("whsec_"))
        }
    }
}
