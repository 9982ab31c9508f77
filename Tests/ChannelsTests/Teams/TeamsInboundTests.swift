// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Synchronization
import Testing
import TransparencyLog

@testable import Channels

private let cardType: JSON = "application/vnd.microsoft.card.adaptive"
private let messageType: JSON = "application/vnd.microsoft.activity.message"
private let errorType: JSON = "application/vnd.microsoft.error"

@Suite("Teams: what people press")
struct TeamsPressTests {
    /// Expects that Teams shows a text, and that nothing was decided.
    private func expectRefused(
        _ scene: TeamsScene, _ activity: JSON, _ reason: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let answer = await scene.receive(activity)
        #expect(answer?["statusCode"] == 200, sourceLocation: sourceLocation)
        #expect(answer?["type"] == messageType, sourceLocation: sourceLocation)
        let text = answer?["value"]?.stringValue ?? ""
        #expect(text.contains(reason) && !text.isEmpty, "\(text)", sourceLocation: sourceLocation)
        #expect(scene.decisions.isEmpty, sourceLocation: sourceLocation)
    }

    @Test("decides, and is answered with the card as it stands then, without buttons")
    func approve() async throws {
        let scene = try TeamsScene()
        let card = try CardFixtures.card()
        scene.review(card)
        let answer = await scene.receive(TeamsScene.press(card, reason: "Fine."))
        let decision = try #require(scene.decisions.first)
        #expect(decision.kind == .approve && decision.channel == .teams)
        #expect(decision.account == TeamsScene.account("bob-object"))
        #expect(decision.rendering.hex == card.rendering.digest)
        #expect(decision.reason == "Fine." && decision.surfaceShowsAll)
        #expect(answer?["statusCode"] == 200 && answer?["type"] == cardType)
        #expect(answer?["value"]?["type"] == "AdaptiveCard")
        #expect(answer?.description.contains("Action.Execute") == false)
    }

    @Test("in a channel counts as well; the member is asked for in the team")
    func inChannel() async throws {
        let scene = try TeamsScene()
        let card = try CardFixtures.card()
        scene.review(card)
        await scene.receive(
            TeamsScene.press(card, verb: "exequatur.deny", reason: "No.", TeamsScene.inChannel))
        #expect(scene.decisions.map(\.kind) == [.deny])
        #expect(
            scene.vendor.asked("GET").map(\.url) == [
                "\(TeamsScene.service)v3/conversations/19%3Ateam%40thread.tacv2/members/29%3Abob"
            ])
    }

    @Test("says when a card has no room for all of it, which the service then refuses")
    func tooLong() async throws {
        let scene = try TeamsScene()
        let text = String(repeating: "x", count: 30_000)
        let row = Rendering.Row(label: "argv", text: text)
        let card = try CardFixtures.card(rendering: CardFixtures.rendering(rows: [row]))
        scene.review(card)
        await scene.receive(TeamsScene.press(card))
        #expect(scene.decisions.map(\.surfaceShowsAll) == [false])
    }

    @Test("is no decision where Teams itself sends it, or with another verb")
    func automatic() async throws {
        let scene = try TeamsScene()
        let card = try CardFixtures.card()
        scene.review(card)
        for trigger: JSON in ["automatic", "Manual", "", 1, .null] {
            await expectRefused(scene, TeamsScene.press(card, trigger: trigger), "Nothing")
        }
        for verb in ["exequatur.refresh", "approve", "", "exequatur.approve ", "EXEQUATUR.DENY"] {
            await expectRefused(scene, TeamsScene.press(card, verb: verb), "Nothing")
        }
        #expect(scene.vendor.asked().isEmpty)
    }

    @Test("without a trigger, as some clients send it, is one")
    func noTrigger() async throws {
        let scene = try TeamsScene()
        let card = try CardFixtures.card()
        scene.review(card)
        await scene.receive(TeamsScene.press(card, trigger: nil))
        #expect(scene.decisions.count == 1)
    }

    @Test("that is malformed is answered as an error, and decides nothing")
    func malformed() async throws {
        let scene = try TeamsScene()
        let card = try CardFixtures.card()
        scene.review(card)
        let approve: JSON = "exequatur.approve"
        let id: JSON = .string(card.id.text)
        for value: JSON in [
            .null, [:], [], "x", ["action": .null], ["action": ["verb": approve]],
            ["action": ["data": [], "verb": approve]], ["action": ["data": [:], "verb": 7]],
            ["action": ["data": ["action": 1, "rendering": 2], "verb": approve]],
            ["action": ["data": ["action": id], "verb": approve]],
            ["action": ["data": ["action": id, "rendering": "00"], "verb": approve]],
        ] {
            let answer = await scene.receive(
                TeamsScene.activity("invoke", ["name": "adaptiveCard/action", "value": value]))
            #expect(answer?["statusCode"] == 400 && answer?["type"] == errorType, "\(value)")
        }
        let other = await scene.receive(TeamsScene.activity("invoke", ["name": "task/fetch"]))
        #expect(other?["type"] == errorType)
        #expect(scene.decisions.isEmpty)
    }

    @Test("counts for nobody without an id in the directory of the tenant")
    func noAccount() async throws {
        let scene = try TeamsScene()
        let card = try CardFixtures.card()
        scene.review(card)
        for from: JSON in [
            ["id": "29:bob"], ["aadObjectId": "", "id": "29:bob"],
            ["aadObjectId": "a b", "id": "29:bob"], ["aadObjectId": 7, "id": "29:bob"],
            ["aadObjectId": "bob-object"], "bob-object", .null,
        ] {
            await expectRefused(scene, TeamsScene.press(card, ["from": from]), "Guests")
        }
    }

    @Test(
        "counts for nobody whom Teams does not call a member of the tenant",
        arguments: [
            ("tenantId", "0f3c0f0e-0000-4000-8000-000000000002"), ("tenantId", nil),
            ("aadObjectId", "alice-object"), ("aadObjectId", nil), ("userRole", "guest"),
            ("userRole", "anonymous"),
            ("userPrincipalName", "bob_other.example#EXT#@example.onmicrosoft.com"),
        ] as [(String, String?)])
    func guests(_ name: String, _ value: String?) async throws {
        let scene = try TeamsScene()
        let card = try CardFixtures.card()
        scene.review(card)
        scene.vendor.change { script in
            guard var member = script.member.objectValue else { return }
            member[name] = value.map(JSON.string)
            script.member = .object(member)
        }
        await expectRefused(scene, TeamsScene.press(card), "Guests")
    }

    @Test("of a member is taken by the older name of his id, and without a role")
    func olderMember() async throws {
        let scene = try TeamsScene()
        let card = try CardFixtures.card()
        scene.review(card)
        scene.vendor.change {
            $0.member = [
                "objectId": "bob-object", "tenantId": .string(TeamsScene.tenant),
                "userPrincipalName": "bob@example.org",
            ]
        }
        await scene.receive(TeamsScene.press(card))
        #expect(scene.decisions.count == 1)
    }

    @Test("counts for nobody while Teams does not say who it was")
    func silence() async throws {
        for change: @Sendable (inout TeamsVendor.Script) -> Void in [
            { $0.isSilent = true }, { $0.memberStatus = 404 }, { $0.memberStatus = 500 },
            { $0.member = [] },
        ] {
            let scene = try TeamsScene()
            let card = try CardFixtures.card()
            scene.review(card)
            scene.vendor.change(change)
            await expectRefused(scene, TeamsScene.press(card))
        }
    }

    @Test("that does not count is told why")
    func obstacles() async throws {
        let scene = try TeamsScene()
        let card = try CardFixtures.card()
        await expectRefused(scene, TeamsScene.press(card), "no such action")
        scene.review(card)
        scene.host.change { $0.obstacle = "you asked for it" }
        await expectRefused(scene, TeamsScene.press(card), "does not count: you asked for it")
        scene.host.change {
            $0.obstacle = nil
            $0.failure = "the ledger is away"
        }
        await expectRefused(scene, TeamsScene.press(card), "does not count: the ledger is away")
    }

    @Test("a second time is told that the first counts")
    func twice() async throws {
        let scene = try TeamsScene()
        let card = try CardFixtures.card()
        scene.review(card)
        let first = await scene.receive(TeamsScene.press(card))
        #expect(first?["type"] == cardType)
        let second = await scene.receive(TeamsScene.press(card))
        #expect(second?["type"] == messageType)
        #expect(second?["value"]?.stringValue?.contains("already") == true)
        #expect(scene.decisions.count == 1)
    }
}

@Suite("Teams: what people write")
struct TeamsMessageTests {
    @Test(
        "is read without mentions",
        arguments: [
            ("link ABCD-EFGH-JKMN", TeamsText.link("ABCD-EFGH-JKMN")),
            ("  LINK\u{A0}abcd \n", .link("abcd")),
            ("<at>Exequatur</at> link ABCD", .link("ABCD")),
            ("link <at>A</at><at>B</at> ABCD", .link("ABCD")), ("link", .other),
            ("", .other), ("link A B", .other), ("please link A", .other),
            ("<at>link</at> A", .other), ("<at>link A", .other), ("linkA B", .other),
        ])
    func reading(_ text: String, _ expected: TeamsText) {
        #expect(TeamsText(text) == expected)
    }

    private static func write(_ text: String, _ changes: JSONObject = [:]) -> JSON {
        var members = changes
        members["text"] = .string(text)
        return TeamsScene.activity("message", members)
    }

    @Test("links an account with a code, and from then on the chat is known")
    func link() async throws {
        let scene = try TeamsScene(links: false)
        scene.host.change { $0.codes = ["ABCD-EFGH-JKMN": TeamsScene.bob] }
        #expect(await scene.receive(Self.write("link WRONG")) == nil)
        #expect(scene.host.person(of: try #require(TeamsScene.account("bob-object"))) == nil)
        await scene.receive(Self.write("link ABCD-EFGH-JKMN"))
        #expect(scene.host.account(of: TeamsScene.bob, in: scene.channel.id)?.user == "bob-object")
        #expect(scene.said.count == 2)
        #expect(scene.said[0].contains("not linked: the code is not good"))
        #expect(scene.said[1].contains("bob (bob)"))
        let asked = scene.vendor.asked("POST", "/activities")
        #expect(asked.allSatisfy { $0.url.hasSuffix("/a%3A1bob/activities") })
        #expect(asked.allSatisfy { $0.json["textFormat"] == "plain" })
        #expect(try scene.host.notes("teams/teams/person/bob-object").count == 1)
    }

    @Test("links nobody in front of others, no guest and nobody without an id")
    func refused() async throws {
        let scene = try TeamsScene(links: false)
        scene.host.change { $0.codes = ["ABCD": TeamsScene.bob] }
        await scene.receive(Self.write("<at>Exequatur</at> link ABCD", TeamsScene.inChannel))
        await scene.receive(Self.write("link ABCD", ["from": ["id": "29:bob"]]))
        scene.vendor.change { $0.member = ["userRole": "guest"] }
        await scene.receive(Self.write("link ABCD"))
        #expect(scene.said.count == 3)
        #expect(scene.host.state.withLock(\.accounts).isEmpty)
        #expect(scene.host.state.withLock(\.codes)?.count == 1)
    }

    @Test("is answered with what waits, in words of ours, or with how to link")
    func greeting() async throws {
        let scene = try TeamsScene()
        await scene.receive(Self.write("hello"))
        let card = try CardFixtures.card(
            try CardFixtures.action(resource: "[bank](https://evil.example)"))
        scene.review(card)
        await scene.receive(Self.write("list"))
        await scene.receive(Self.write("hello", TeamsScene.inChannel))
        scene.host.change { $0.accounts = [:] }
        await scene.receive(Self.write("hello"))
        await scene.receive(TeamsScene.activity("installationUpdate", ["action": "add"]))
        #expect(scene.said.count == 4)
        #expect(scene.said[0].contains("Nothing waits"))
        #expect(scene.said[1].contains(card.page) && !scene.said[1].contains("evil"))
        #expect(scene.said[2].contains("/account") && scene.said[2] == scene.said[3])
    }

    @Test("that can't be answered is let be")
    func silence() async throws {
        let scene = try TeamsScene()
        scene.vendor.change { $0.isSilent = true }
        #expect(await scene.receive(Self.write("hello")) == nil)
        for activity: JSON in [
            .null, [], [:], TeamsScene.activity("message"), TeamsScene.activity("event"),
            TeamsScene.activity("message", ["conversation": .null]),
            TeamsScene.activity("message", ["conversation": ["id": "a b"], "text": "x"]),
        ] {
            #expect(await scene.receive(activity) == nil)
        }
    }
}

@Suite("Teams: where conversations are")
struct TeamsPlaceTests {
    private func keys(_ scene: TeamsScene) -> [String] {
        scene.host.state.withLock { $0.notes.keys.sorted() }
    }

    @Test("is noted of linked accounts and configured conversations only, and only when it is news")
    func learning() async throws {
        let scene = try TeamsScene(links: false)
        await scene.receive(TeamsScene.activity("conversationUpdate"))
        #expect(keys(scene) == ["teams/teams/service"])
        let account = try #require(TeamsScene.account("bob-object"))
        scene.host.change { $0.accounts = [account: TeamsScene.bob] }
        for _ in 0..<3 {
            await scene.receive(TeamsScene.activity("installationUpdate", ["action": "add"]))
            await scene.receive(
                TeamsScene.activity("conversationUpdate", TeamsScene.inChannel))
        }
        var other = TeamsScene.inChannel
        other["conversation"] = ["conversationType": "groupChat", "id": "19:other@thread.v2"]
        await scene.receive(TeamsScene.activity("conversationUpdate", other))
        #expect(
            keys(scene) == [
                "teams/teams/person/bob-object", "teams/teams/place/\(TeamsScene.place)",
                "teams/teams/service",
            ])
        #expect(scene.host.state.withLock(\.writes) == 3)
        let moved = TeamsScene.activity(
            "message", ["serviceUrl": "https://smba.trafficmanager.net/amer/"])
        await scene.receive(moved)
        #expect(
            scene.channel.places.personal("bob-object", scene.host)?.service
                == "https://smba.trafficmanager.net/amer/")
        #expect(scene.channel.places.anyService(scene.host) == TeamsScene.service)
    }

    @Test("is forgotten where the bot was taken out, and by its own leaving alone")
    func leaving() async throws {
        let scene = try TeamsScene()
        await scene.receive(TeamsScene.activity("conversationUpdate", TeamsScene.inChannel))
        await scene.receive(TeamsScene.activity("conversationUpdate"))
        var someone = TeamsScene.inChannel
        someone["membersRemoved"] = [["id": "29:carol"]]
        await scene.receive(TeamsScene.activity("conversationUpdate", someone))
        #expect(keys(scene).count == 3)
        someone["membersRemoved"] = [["id": .string("28:\(TeamsScene.appID)")]]
        await scene.receive(TeamsScene.activity("conversationUpdate", someone))
        await scene.receive(TeamsScene.activity("installationUpdate", ["action": "remove"]))
        #expect(keys(scene) == ["teams/teams/service"])
    }

    @Test("is not believed any more where the configuration no longer allows the service")
    func disallowed() async throws {
        let scene = try TeamsScene()
        await scene.receive(TeamsScene.activity("conversationUpdate"))
        let other = try TeamsScene(["serviceURLs": ["https://smba.example/teams/"]])
        let notes = scene.host.state.withLock(\.notes)
        other.host.change { $0.notes = notes }
        #expect(other.channel.places.personal("bob-object", other.host) == nil)
        #expect(other.channel.places.anyService(other.host) == "https://smba.example/teams/")
    }
}
