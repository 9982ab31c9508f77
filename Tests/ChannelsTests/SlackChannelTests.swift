// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@testable import Channels

/// Slack's channel before a vendor that answers what the test says; against emulators that Slack's
/// own SDK is proven with it runs in `Tests/Referees/channels`.
@Suite("Slack channel")
struct SlackChannelTests {
    private static let id = Handle(constant: "slack")
    private static let bob = Handle(constant: "bob")

    private let vendor = FakeVendor()
    private let host = FakeHost()
    private let channel: SlackChannel
    private let bob: ChatAccount
    private let card: ReviewCard

    init() throws {
        let json = try JSON(
            parsing: Array(
                #"""
                [{"id":"slack","kind":"slack","workspace":"T0001","botTokenFile":"b",
                  "signingSecretFile":"s","posts":[{"channel":"C1"},{"channel":"C2","buttons":false}]}]
                """#.utf8))
        guard case .slack(let settings) = try ChannelSettings.read(json, secret: { _ in "x" })[0]
        else { throw ChannelSettingsError("kind") }
        channel = SlackChannel(settings, caller: vendor.caller)
        bob = try #require(ChatAccount(channel: Self.id, workspace: "T0001", user: "U0BOB"))
        card = try CardFixtures.card()
        host.state.withLock { [bob, card] state in
            state.accounts[bob] = Self.bob
            state.notices[card.id] = Self.notice(card)
        }
        vendor.answer("chat.postMessage", ["channel": "C1", "ok": true, "ts": "1.1"])
        vendor.answer(
            "users.info",
            ["ok": true, "user": Self.member])
    }

    private static let member: JSON = [
        "deleted": false, "id": "U0BOB", "is_bot": false, "is_restricted": false,
        "is_ultra_restricted": false, "team_id": "T0001",
    ]

    private static func member(but changes: JSONObject) -> JSON {
        var members = member.objectValue ?? [:]
        for (name, value) in changes { members[name] = value }
        return .object(members)
    }

    private static func notice(_ card: ReviewCard) -> ReviewNotice {
        ReviewNotice(
            card: card, groups: [Handle(constant: "reviewers")], eligible: [bob],
            requesters: [Handle(constant: "alice")], deciders: [])
    }

    private func press(_ action: String, team: String = "T0001", user: String = "U0BOB") -> JSON {
        [
            "actions": [
                [
                    "action_id": .string(action),
                    "value": .string("\(card.id) \(card.rendering.digest)"),
                ]
            ],
            "container": ["channel_id": "C1", "message_ts": "1.1"], "team": ["id": .string(team)],
            "trigger_id": "t.1", "type": "block_actions",
            "user": ["id": .string(user), "team_id": .string(team)],
        ]
    }

    private func submit(_ kind: String, reason: JSON = "seen", team: String = "T0001") -> JSON {
        let metadata: JSON = [
            "action": .string(card.id.text), "kind": .string(kind),
            "rendering": .string(card.rendering.digest),
        ]
        return [
            "team": ["id": .string(team)], "type": "view_submission",
            "user": ["id": "U0BOB", "team_id": .string(team)],
            "view": [
                "callback_id": "exequatur.decide",
                "private_metadata": .string(metadata.description),
                "state": ["values": ["reason": ["reason": ["value": reason]]]],
            ],
        ]
    }

    // MARK: delivering

    @Test func aCardIsPostedOnceAndThenUpdatedInPlace() async throws {
        let notice = Self.notice(card)
        var delivery = Delivery(wanted: 1, since: host.now)
        guard case .shown(let remote) = await channel.deliver(notice, to: "C1", delivery, host)
        else { throw ChannelSilence("not shown") }
        delivery.remote = remote
        #expect(await channel.deliver(notice, to: "C1", delivery, host) == .nothing(remote))
        #expect(vendor.calls.count == 1, "what looks the same is not sent again")
        let over = Self.notice(
            try CardFixtures.card(status: .expired, ending: "nobody decided", offer: .nothing))
        guard case .shown = await channel.deliver(over, to: "C1", delivery, host) else {
            throw ChannelSilence("not shown")
        }
        let update = try #require(vendor.bodies("chat.update").first)
        #expect(update["ts"]?.stringValue == "1.1")
        #expect(!update.description.contains("exequatur.approve"))
    }

    @Test func aPostWithoutButtonsHasNone() async throws {
        let delivery = Delivery(wanted: 1, since: host.now)
        _ = await channel.deliver(Self.notice(card), to: "C1", delivery, host)
        _ = await channel.deliver(Self.notice(card), to: "C2", delivery, host)
        let bodies = vendor.bodies("chat.postMessage").map(\.description)
        #expect(bodies.map { $0.contains("exequatur.approve") } == [true, false])
    }

    @Test func whatSlackAnswersDecidesWhatIsTriedAgain() async throws {
        let delivery = Delivery(wanted: 1, since: host.now)
        let notice = Self.notice(card)
        vendor.answer("chat.postMessage", [:], status: 429, retryAfter: 17)
        #expect(
            await channel.deliver(notice, to: "C1", delivery, host)
                == .limited(seconds: 17, method: "chat.postMessage"))
        vendor.answer("chat.postMessage", [:], status: 503)
        guard case .unavailable = await channel.deliver(notice, to: "C1", delivery, host) else {
            throw ChannelSilence("503 is no trouble of the message")
        }
        vendor.answer("chat.postMessage", ["error": "not_in_channel", "ok": false])
        guard case .refused(let why) = await channel.deliver(notice, to: "C1", delivery, host)
        else { throw ChannelSilence("not_in_channel does not pass by itself") }
        #expect(why.contains("invite the app"))
    }

    @Test func aPersonWithoutAnAccountIsNobody() async throws {
        let delivery = Delivery(wanted: 1, since: host.now)
        #expect(
            await channel.deliver(Self.notice(card), to: "@carol", delivery, host)
                == .nothing(nil))
        #expect(vendor.calls.isEmpty)
    }

    @Test func aCardIsTakenAwayFromAnAccountThatIsNoLongerHis() async throws {
        vendor.answer("conversations.open", ["channel": ["id": "D1"], "ok": true])
        var delivery = Delivery(wanted: 1, since: host.now)
        guard
            case .shown(let remote) = await channel.deliver(
                Self.notice(card), to: "@bob", delivery, host)
        else { throw ChannelSilence("not shown") }
        delivery.remote = remote
        let other = try #require(
            ChatAccount(channel: Self.id, workspace: "T0001", user: "U0NEW"))
        host.state.withLock { $0.accounts = [other: Self.bob] }
        _ = await channel.deliver(Self.notice(card), to: "@bob", delivery, host)
        let taken = try #require(vendor.bodies("chat.update").first)
        #expect(!taken.description.contains(card.id.text))
        #expect(vendor.bodies("conversations.open").last?["users"]?.stringValue == "U0NEW")
        #expect(vendor.bodies("chat.postMessage").count == 2)
    }

    // MARK: pressing

    @Test func aButtonOnlyOpensADialog() async throws {
        #expect(
            await channel.receive(interaction: press("exequatur.approve"), audit: [:], host) == nil)
        let opened = try #require(vendor.bodies("views.open").first)
        #expect(opened["trigger_id"]?.stringValue == "t.1")
        #expect(opened["view"]?["callback_id"]?.stringValue == "exequatur.decide")
        #expect(host.state.withLock(\.decisions).isEmpty)
    }

    @Test func aPressThatCannotCountIsToldOnlyToItsPresser() async throws {
        host.state.withLock { $0.obstacle = "you asked for it yourself" }
        _ = await channel.receive(interaction: press("exequatur.approve"), audit: [:], host)
        #expect(vendor.bodies("views.open").isEmpty)
        let told = try #require(vendor.bodies("chat.postEphemeral").first)
        #expect(told["user"]?.stringValue == "U0BOB" && told["channel"]?.stringValue == "C1")
    }

    @Test func aPressFromAnotherWorkspaceOpensNothing() async throws {
        _ = await channel.receive(
            interaction: press("exequatur.approve", team: "T0002"), audit: [:], host)
        #expect(vendor.bodies("views.open").isEmpty)
        let answer = await channel.receive(
            interaction: submit("approve", team: "T0002"), audit: [:], host)
        #expect(answer?["response_action"]?.stringValue == "errors")
        #expect(host.state.withLock(\.decisions).isEmpty)
    }

    @Test func whatTheDialogSendsIsTheDecision() async throws {
        #expect(await channel.receive(interaction: submit("approve"), audit: [:], host) == nil)
        let decision = try #require(host.state.withLock(\.decisions).first)
        #expect(decision.kind == .approve && decision.account == bob)
        #expect(decision.rendering == card.rendering.hash && decision.surfaceShowsAll)
        #expect(decision.reason == "seen")
    }

    @Test func whatDoesNotCountIsSaidInTheDialog() async throws {
        host.state.withLock { $0.obstacle = "too late" }
        let answer = await channel.receive(interaction: submit("deny"), audit: [:], host)
        #expect(answer?["errors"]?["reason"]?.stringValue?.contains("too late") == true)
    }

    @Test(
        "guests, strangers, bots and those who left take no part",
        arguments: [
            "deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger",
        ])
    func guests(flag: String) async throws {
        vendor.answer(
            "users.info",
            ["ok": true, "user": Self.member(but: [flag: true])])
        let answer = await channel.receive(interaction: submit("approve"), audit: [:], host)
        #expect(answer?["response_action"]?.stringValue == "errors")
        #expect(host.state.withLock(\.decisions).isEmpty)
    }

    @Test func whereSlackDoesNotSayWhoItIsNothingCounts() async throws {
        for silence: JSON in [
            ["error": "user_not_found", "ok": false], ["ok": true],
            ["ok": true, "user": ["id": "U0BOB", "team_id": "T0001"]],
        ] {
            vendor.answer("users.info", silence)
            let answer = await channel.receive(interaction: submit("approve"), audit: [:], host)
            #expect(answer?["response_action"]?.stringValue == "errors")
        }
        #expect(host.state.withLock(\.decisions).isEmpty)
    }

    @Test func forgedOrBrokenMetadataDecidesNothing() async throws {
        for metadata in ["", "{}", "[1]", #"{"action":"act_x","kind":"approve","rendering":"0"}"#] {
            var payload = submit("approve").objectValue ?? [:]
            var view = payload["view"]?.objectValue ?? [:]
            view["private_metadata"] = .string(metadata)
            payload["view"] = .object(view)
            _ = await channel.receive(interaction: .object(payload), audit: [:], host)
        }
        #expect(host.state.withLock(\.decisions).isEmpty)
    }

    // MARK: recorded payloads

    private static let samples = "slack/json-logs/samples/app-backend"

    @Test("recorded payloads of Slack are read, and none of them is a decision", .corpus(samples))
    func recorded() async throws {
        var read = 0
        for folder in ["interactive-components", "views", "dialogs", "slash-commands"] {
            let path = Corpora.path("\(Self.samples)/\(folder)")
            for name in try Corpora.names(in: path) {
                let payload = try JSON(
                    parsing: Corpora.bytes(at: "\(path)/\(name)"), limits: .files)
                _ = await channel.receive(interaction: payload, audit: [:], host)
                await channel.receive(event: payload, host)
                read += 1
            }
        }
        #expect(read >= 8, "the samples are not there")
        #expect(host.state.withLock(\.decisions).isEmpty)
    }

    @Test func appHomeShowsTheQueueOrHowToLink() async throws {
        let event: JSON = ["event": ["type": "app_home_opened", "user": "U0BOB"]]
        await channel.receive(event: event, host)
        host.state.withLock { $0.accounts = [:] }
        await channel.receive(event: event, host)
        let views = vendor.bodies("views.publish").map { $0["view"]?.description ?? "" }
        #expect(views.map { $0.contains("exequatur.link") } == [false, true])
    }

    // MARK: manifest

    @Test(
        "the manifest follows Slack's schema",
        .enabled(if: cardsReferee.isHere, "no `jsonschema` for Python: run scripts/bootstrap"),
        .corpus("slack/schemas/manifest.schema.2.0.0.json"))
    func manifest() throws {
        let schema = try JSON(
            parsing: Corpora.bytes(
                at: Corpora.path("slack/schemas/manifest.schema.2.0.0.json")), limits: .files)
        let manifests = [nil, "https://exequatur.example/channels/slack"].map {
            SlackManifest.json(name: "Exequatur", callback: $0)
        }
        var broken = manifests[0].objectValue ?? [:]
        broken["surplus"] = 1
        let questions = (manifests + [.object(broken)]).map { manifest -> JSON in
            ["card": manifest, "schema": schema]
        }
        let answers = try cardsReferee.ask(["manifests": .array(questions)])["manifests"]
        let problems = (answers?.arrayValue ?? []).map { $0.arrayValue ?? [] }
        #expect(problems.prefix(2) == [[], []])
        #expect(problems.last?.isEmpty == false, "the judge sees no mistake")
    }
}
