// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Testing

@testable import Channels

@Suite("Teams: the bot's token")
struct TeamsTokenTests {
    private func reached(_ scene: TeamsScene) async -> Bool {
        await scene.channel.api.token.get(now: scene.host.now).isSuccess
    }

    @Test("is asked for as the login service wants it, once, until five minutes before its end")
    func cached() async throws {
        let scene = try TeamsScene()
        for _ in 0..<5 { #expect(await reached(scene)) }
        let asked = scene.vendor.asked("POST", "/oauth2/v2.0/token")
        #expect(asked.count == 1)
        #expect(
            asked[0].url
                == "https://login.microsoftonline.com/\(TeamsScene.tenant)/oauth2/v2.0/token")
        #expect(
            String(decoding: asked[0].body, as: UTF8.self)
                == "grant_type=client_credentials&client_id=\(TeamsScene.appID)"
                + "&client_secret=the-client-secret~1"
                + "&scope=https%3A%2F%2Fapi.botframework.com%2F.default")
        scene.host.change { $0.now = $0.now.adding(seconds: 3299) }
        #expect(await reached(scene))
        #expect(scene.vendor.tokens == 1)
        scene.host.change { $0.now = $0.now.adding(seconds: 1) }
        #expect(await reached(scene))
        #expect(scene.vendor.tokens == 2)
    }

    @Test("is asked for ten minutes ahead by the check, so that nobody who pressed waits")
    func ahead() async throws {
        let scene = try TeamsScene()
        await scene.channel.check(now: scene.host.now)
        #expect(scene.channel.health.state.reachedAt == scene.host.now)
        scene.host.change { $0.now = $0.now.adding(seconds: 2701) }
        await scene.channel.check(now: scene.host.now)
        #expect(scene.vendor.tokens == 2)
    }

    @Test("is asked for once by many at a time")
    func together() async throws {
        let scene = try TeamsScene()
        let good = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { await reached(scene) } }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(good == 50)
        #expect(scene.vendor.tokens == 1)
    }

    @Test("that is refused is replaced once")
    func refused() async throws {
        let scene = try TeamsScene()
        let notice = scene.review(try CardFixtures.card())
        scene.vendor.change { $0.answers = [(401, [:], nil)] }
        guard case .shown = await scene.deliver(notice) else {
            Issue.record("not shown")
            return
        }
        #expect(
            scene.vendor.asked("POST", "/activities").map(\.authorization)
                == ["Bearer token-1", "Bearer token-2"])
        scene.vendor.change { $0.answers = [(401, [:], nil), (401, [:], nil)] }
        guard case .unavailable(let why) = await scene.deliver(notice) else {
            Issue.record("not unavailable")
            return
        }
        #expect(why.contains("check `appID`"))
    }

    @Test("that is not given is told by codes, without the secret")
    func failure() async throws {
        let scene = try TeamsScene()
        scene.vendor.change {
            $0.refusals = [
                (
                    401,
                    [
                        "error": "invalid_client",
                        "error_description": .string("AADSTS7000215: \(TeamsScene.secret)"),
                    ]
                ), (200, ["access_token": "a b", "expires_in": 3600]), (200, ["expires_in": 1]),
                (503, .null),
            ]
        }
        await scene.channel.check(now: scene.host.now)
        #expect(
            scene.channel.health.state.failure
                == "the login service answers 401 (invalid_client, AADSTS7000215): check "
                + "`tenant`, `appID` and the client secret, which may have expired")
        for status in [200, 200, 503] {
            await scene.channel.check(now: scene.host.now)
            #expect(
                scene.channel.health.state.failure == "the login service answers \(status)")
        }
        await scene.channel.check(now: scene.host.now)
        #expect(scene.channel.health.state.failure == nil)
    }
}

extension Result {
    fileprivate var isSuccess: Bool { (try? get()) != nil }
}

@Suite("Teams: cards")
struct TeamsDeliveryTests {
    private func remote(_ result: DeliveryResult) throws -> JSON {
        switch result {
        case .shown(let remote): return remote
        case .nothing(let remote?): return remote
        default: throw ChannelSilence("\(result)")
        }
    }

    @Test("go to configured conversations and to linked persons who may decide")
    func targets() throws {
        let scene = try TeamsScene()
        let notice = scene.review(try CardFixtures.card())
        #expect(scene.channel.targets(notice, scene.host) == [TeamsScene.place, "@bob"])
        let silent = try TeamsScene(["directMessages": false])
        #expect(silent.channel.targets(notice, silent.host) == [TeamsScene.place])
    }

    @Test("are posted where the vendor knows all conversations until an activity told better")
    func services() async throws {
        let scene = try TeamsScene()
        let notice = scene.review(try CardFixtures.card())
        _ = try remote(await scene.deliver(notice))
        await scene.receive(TeamsScene.activity("conversationUpdate"))
        _ = try remote(await scene.deliver(notice))
        let path = "v3/conversations/19%3Areviews%40thread.tacv2/activities"
        #expect(
            scene.vendor.asked("POST", "/activities").map(\.url) == [
                "https://smba.trafficmanager.net/teams/\(path)", "\(TeamsScene.service)\(path)",
            ])
        let body = scene.vendor.asked("POST", "/activities")[0].json
        #expect(body["type"] == "message")
        #expect(body["attachments"]?[0]?["content"]?["type"] == "AdaptiveCard")
        #expect(body["summary"]?.stringValue?.contains("Approval needed") == true)
    }

    @Test("go to the chat in which somebody wrote, or to one that is made for him")
    func personal() async throws {
        let scene = try TeamsScene()
        let notice = scene.review(try CardFixtures.card())
        for _ in 0..<2 { _ = try remote(await scene.deliver(notice, to: "@bob")) }
        let made = scene.vendor.asked("POST", "/v3/conversations").filter {
            $0.url.hasSuffix("/v3/conversations")
        }
        #expect(made.count == 1)
        #expect(made[0].json["members"] == [["id": "bob-object"]])
        #expect(made[0].json["tenantId"] == .string(TeamsScene.tenant))
        await scene.receive(TeamsScene.activity("message", ["text": "hello"]))
        let shown = try remote(await scene.deliver(notice, to: "@bob"))
        #expect(shown["conversation"] == "a:1bob")
        #expect(await scene.deliver(notice, to: "@nobody") == .nothing(nil))
    }

    @Test("are changed in place, and only where they would look different")
    func changed() async throws {
        let scene = try TeamsScene()
        let notice = scene.review(try CardFixtures.card())
        let first = try remote(await scene.deliver(notice))
        #expect(try remote(await scene.deliver(notice, remote: first)) == first)
        #expect(scene.vendor.asked("PUT").isEmpty)
        let over = scene.review(
            try CardFixtures.card(
                status: .denied, decisions: [CardFixtures.decision(approves: false)],
                ending: "denied by Bob Example (bob)", offer: .nothing))
        let second = try remote(await scene.deliver(over, remote: first))
        let put = try #require(scene.vendor.asked("PUT").first)
        let id = try #require(first["activity"]?.stringValue)
        #expect(put.url.hasSuffix("/activities/\(PercentEncoding.segment(id))"))
        #expect(put.json["id"]?.stringValue == id)
        #expect(!put.json.description.contains("Action.Execute"))
        #expect(second["hash"] != first["hash"])
        #expect(second["activity"] == first["activity"])
    }

    @Test("that somebody deleted are left alone")
    func deleted() async throws {
        let scene = try TeamsScene()
        let first = try remote(await scene.deliver(scene.review(try CardFixtures.card())))
        let over = scene.review(try CardFixtures.card(status: .expired, offer: .nothing))
        scene.vendor.change {
            $0.answers = [
                (404, ["error": ["code": "ConversationNotFound"]], nil),
                (404, ["error": ["code": "ActivityNotFoundInConversation"]], nil),
            ]
        }
        guard case .refused(let why) = await scene.deliver(over, remote: first) else {
            Issue.record("not refused")
            return
        }
        #expect(why.contains("install the app"))
        let gone = try remote(await scene.deliver(over, remote: first))
        #expect(gone["gone"] == true)
        #expect(try remote(await scene.deliver(over, remote: gone)) == gone)
        #expect(scene.vendor.asked("PUT").count == 2)
    }

    @Test("are not changed at a service that is no longer allowed")
    func foreign() async throws {
        let scene = try TeamsScene()
        let notice = scene.review(try CardFixtures.card())
        let remote: JSON = [
            "activity": "1:1", "conversation": "a:1bob", "service": "https://evil.example/",
        ]
        guard case .refused = await scene.deliver(notice, remote: remote) else {
            Issue.record("not refused")
            return
        }
        #expect(scene.vendor.asked().isEmpty)
    }

    @Test(
        "are tried again as the vendor says",
        arguments: [
            (429, 7.0 as Double?, DeliveryResult.limited(seconds: 7, method: "activities")),
            (429, nil, .limited(seconds: 10, method: "activities")),
            (412, nil, .later("Teams answers 412 (Code)")),
            (502, nil, .later("Teams answers 502 (Code)")),
            (504, nil, .later("Teams answers 504 (Code)")),
            (500, nil, .unavailable("Teams answers 500 (Code)")),
            (503, nil, .unavailable("Teams answers 503 (Code)")),
            (400, nil, .refused("Teams answers 400 (Code)")),
            (413, nil, .refused("Teams answers 413 (Code)")),
            (
                403, nil,
                .refused(
                    "Teams answers 403 (Code): install the app for this person or team, and let "
                        + "it post there")
            ),
        ])
    func answers(_ status: Int, _ wait: Double?, _ result: DeliveryResult) async throws {
        let scene = try TeamsScene()
        let notice = scene.review(try CardFixtures.card())
        scene.vendor.change { $0.answers = [(status, ["error": ["code": "Code"]], wait)] }
        #expect(await scene.deliver(notice) == result)
        scene.vendor.change { $0.isSilent = true }
        #expect(await scene.deliver(notice) == .unavailable("no answer"))
    }

    @Test("keep a pace at which no window of the vendor's is ever full")
    func pace() throws {
        let scene = try TeamsScene()
        let delivery = Delivery(wanted: 1, since: CardFixtures.start)
        var shown = delivery
        shown.remote = [:]
        let (lane, pace) = scene.channel.lane(TeamsScene.place, delivery)
        #expect(scene.channel.lane(TeamsScene.place, shown).0 == lane)
        #expect(scene.channel.lane("@bob", delivery).0 != lane)
        for (limit, seconds) in [(7.0, 1.0), (8, 2), (60, 30), (1800, 3600)] {
            #expect(pace.burst + pace.perSecond * seconds <= limit)
        }
    }

    @Test("and the checkpoint goes where it is wanted")
    func checkpoint() async throws {
        let scene = try TeamsScene()
        let result = await scene.channel.deliver(checkpoint: CardFixtures.note, scene.host)
        #expect(result == .shown(.null))
        let asked = try #require(scene.vendor.asked("POST", "/activities").first)
        #expect(asked.url.contains("19%3Achecks%40thread.tacv2"))
        #expect(asked.json.description.contains("qINuzBIU0a0KR5ZQJJ2iSlQEAHO2Si6WnCw3wQpBZ3k="))
    }
}
