// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Synchronization
import Testing

@testable import Channels

/// What each kind of channel sends for an alert of drift, and what it makes of the answer.
@Suite("alerts of drift, channel by channel")
struct DriftDeliveryTests {
    private let vendor = FakeVendor()
    private let host = FakeHost()
    private let alert = CardFixtures.alert()

    private func settings(_ json: JSON, _ secret: String = "x") throws -> ChannelSettings {
        try ChannelSettings.read([json]) { _ in secret }[0]
    }

    private func slack(drift: String?) throws -> SlackChannel {
        var members: JSONObject = [
            "appTokenFile": "a", "botTokenFile": "b", "id": "slack", "kind": "slack",
            "workspace": "T0001",
        ]
        members["drift"] = drift.map(JSON.string)
        guard case .slack(let settings) = try settings(.object(members)) else {
            throw ChannelSettingsError("kind")
        }
        return SlackChannel(settings, caller: vendor.caller)
    }

    @Test func slackPostsOneMessageInThePlaceForAlerts() async throws {
        let channel = try slack(drift: "C0DRIFT")
        #expect(await channel.deliver(alert: alert, host) == .shown(.null))
        let bodies = vendor.bodies("chat.postMessage")
        #expect(bodies.count == 1 && vendor.calls.count == 1)
        #expect(bodies.first?["channel"] == "C0DRIFT")
        #expect(bodies.first?["blocks"] == SlackCard.alert(alert).blocks)
        #expect(bodies.first?["unfurl_links"] == false)
        #expect(bodies.first?["thread_ts"] == .none)
    }

    @Test func slackSaysWhatToDoAndWhenToComeBack() async throws {
        let channel = try slack(drift: "C0DRIFT")
        vendor.answer("chat.postMessage", ["error": "not_in_channel", "ok": false])
        guard case .refused(let why) = await channel.deliver(alert: alert, host) else {
            throw ChannelSettingsError("not refused")
        }
        #expect(why.contains("invite the app"))
        vendor.answer("chat.postMessage", [:], status: 429, retryAfter: 7)
        #expect(
            await channel.deliver(alert: alert, host)
                == .limited(seconds: 7, method: "chat.postMessage"))
    }

    @Test func whoeverIsNotToBeToldIsNot() async throws {
        let slack = try slack(drift: nil)
        #expect(slack.alerts == nil)
        #expect(await slack.deliver(alert: alert, host) == .nothing(nil))
        let teams = try TeamsScene()
        #expect(teams.channel.alerts == nil)
        #expect(await teams.channel.deliver(alert: alert, teams.host) == .nothing(nil))
        #expect(teams.vendor.asked().isEmpty && vendor.calls.isEmpty)
    }

    @Test func teamsPostsOneCardInTheConversationForAlerts() async throws {
        let scene = try TeamsScene(["drift": "19:drift@thread.tacv2"])
        #expect(await scene.channel.deliver(alert: alert, scene.host) == .shown(.null))
        let sent = scene.vendor.asked("POST", "/activities")
        #expect(sent.count == 1)
        #expect(sent.first?.url.contains("19%3Adrift%40thread.tacv2") == true)
        #expect(sent.first?.json["attachments"]?[0]?["content"] == TeamsCard.alert(alert).card)
        scene.vendor.change { $0.answers = [(429, [:], 9)] }
        #expect(
            await scene.channel.deliver(alert: alert, scene.host)
                == .limited(seconds: 9, method: "activities"))
    }

    @Test func teamsLearnsWhereTheConversationForAlertsIs() async throws {
        let place = "19:drift@thread.tacv2"
        let scene = try TeamsScene(["drift": .string(place)])
        var changes = TeamsScene.inChannel
        changes["conversation"] = [
            "conversationType": "channel", "id": .string("\(place);messageid=7"), "isGroup": true,
            "tenantId": .string(TeamsScene.tenant),
        ]
        await scene.receive(TeamsScene.activity("message", changes))
        #expect(
            scene.channel.places.conversation(place, scene.host)
                == TeamsPlace(service: TeamsScene.service, conversation: place))
        #expect(scene.host.state.withLock { $0.notes["teams/teams/place/\(place)"] } != nil)
    }

    @Test func aWorkflowGetsOneCard() async throws {
        let json: JSON = ["drift": true, "id": "flow", "kind": "teams-workflow", "urlFile": "u"]
        guard case .workflow(let settings) = try settings(json, "https://flow.example/x?sig=y")
        else { throw ChannelSettingsError("kind") }
        let channel = WorkflowChannel(settings, caller: vendor.caller)
        #expect(await channel.deliver(alert: alert, host) == .shown(.null))
        #expect(vendor.calls.map(\.body) == [TeamsCard.workflowAlert(alert)])
        vendor.answer("sig=y", [:], status: 404)
        guard case .refused = await channel.deliver(alert: alert, host) else {
            throw ChannelSettingsError("not refused")
        }
    }

    @Test func troubleWithAlertsDoesNotHideBehindCardsThatArrive() {
        let health = ChannelHealth()
        health.note(.refused("not_in_channel"), .alerting, now: host.now)
        health.note(.shown(.null), now: host.now)
        #expect(health.state.failure == "alerts of drift: not_in_channel")
        health.note(.shown(.null), .alerting, now: host.now)
        #expect(health.state.failure == nil)
    }
}
