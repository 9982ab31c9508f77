// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Synchronization
import TransparencyLog

@testable import Channels

/// The vendor in memory: what is asked of it, and what it answers.
final class TeamsVendor: Sendable {
    struct Asked: Sendable {
        let method: String
        let url: String
        let headers: [(String, String)]
        let body: [UInt8]

        var json: JSON { (try? JSON(parsing: body)) ?? .null }
        var authorization: String? { headers.first { $0.0 == "authorization" }?.1 }
    }

    struct Script: Sendable {
        var tokenSeconds: Int64 = 3600
        var tokens = 0
        /// Answers of the login service that come before good ones.
        var refusals: [(Int, JSON)] = []
        /// The same of the connector, with what its `Retry-After` says.
        var answers: [(Int, JSON, Double?)] = []
        var member: JSON = [
            "aadObjectId": "bob-object", "id": "29:bob", "tenantId": .string(TeamsScene.tenant),
            "userRole": "user",
        ]
        var memberStatus = 200
        var isSilent = false
    }

    let script = Mutex(Script())
    private let requests = Mutex<[Asked]>([])

    func change(_ body: (inout Script) -> Void) { script.withLock { body(&$0) } }

    /// Tokens that were handed out.
    var tokens: Int { script.withLock(\.tokens) }

    /// What was asked whose method and address contain these.
    func asked(_ method: String = "", _ part: String = "") -> [Asked] {
        requests.withLock { all in
            all.filter {
                (method.isEmpty || $0.method == method) && (part.isEmpty || $0.url.contains(part))
            }
        }
    }

    var caller: HTTPCaller {
        HTTPCaller { request throws(ChannelSilence) in
            let number = self.requests.withLock { all in
                all.append(
                    Asked(
                        method: request.method, url: request.url, headers: request.headers,
                        body: request.body))
                return all.count
            }
            let answer = self.script.withLock { script in
                script.isSilent ? nil : Self.answer(request, number, &script)
            }
            guard let answer else { throw ChannelSilence("no answer") }
            return answer
        }
    }

    private static func answer(
        _ request: ChannelRequest, _ number: Int, _ script: inout Script
    ) -> ChannelResponse {
        func made(_ status: Int, _ json: JSON, _ wait: Double? = nil) -> ChannelResponse {
            ChannelResponse(
                status: status, retryAfter: wait, body: Array(json.description.utf8))
        }
        if request.url.hasSuffix("/oauth2/v2.0/token") {
            if !script.refusals.isEmpty {
                let (status, json) = script.refusals.removeFirst()
                return made(status, json)
            }
            script.tokens += 1
            return made(
                200,
                [
                    "access_token": .string("token-\(script.tokens)"),
                    "expires_in": .int(script.tokenSeconds), "token_type": "Bearer",
                ])
        }
        if request.method == "GET" { return made(script.memberStatus, script.member) }
        if !script.answers.isEmpty {
            let (status, json, wait) = script.answers.removeFirst()
            return made(status, json, wait)
        }
        if request.url.hasSuffix("/v3/conversations") { return made(201, ["id": "a:made"]) }
        return made(request.method == "POST" ? 201 : 200, ["id": .string("1:\(number)")])
    }
}

/// A channel between the two, with bob and carol who review.
struct TeamsScene: Sendable {
    static let tenant = "0f3c0f0e-0000-4000-8000-000000000001"
    static let appID = "0f3c0f0e-0000-4000-8000-00000000a001"
    static let service = "https://smba.trafficmanager.net/emea/"
    static let place = "19:reviews@thread.tacv2"
    static let secret = "the-client-secret~1"
    static let bob = Handle(constant: "bob")

    let host = FakeHost()
    let vendor = TeamsVendor()
    let channel: TeamsChannel

    init(_ changes: JSONObject = [:], links: Bool = true) throws {
        var settings: JSONObject = [
            "appID": .string(Self.appID), "checkpoints": "19:checks@thread.tacv2",
            "clientSecretFile": "secret", "id": "teams", "kind": "teams",
            "posts": [["conversation": .string(Self.place), "groups": ["reviewers"]]],
            "tenant": .string(Self.tenant),
        ]
        for (key, value) in changes { settings[key] = value }
        let read = try ChannelSettings.read([.object(settings)]) { _ in Self.secret }
        guard case .teams(let teams)? = read.first else {
            throw ChannelSettingsError("not a Teams channel")
        }
        channel = TeamsChannel(teams, caller: vendor.caller)
        guard links, let account = Self.account("bob-object") else { return }
        host.change { $0.accounts[account] = Self.bob }
    }

    static func account(_ user: String) -> ChatAccount? {
        ChatAccount(channel: Handle(constant: "teams"), workspace: tenant, user: user)
    }

    /// Puts an action under review, with bob eligible.
    @discardableResult
    func review(_ card: ReviewCard, deciders: [Handle] = []) -> ReviewNotice {
        let notice = ReviewNotice(
            card: card, groups: [Handle(constant: "reviewers")], eligible: [Self.bob],
            requesters: [Handle(constant: "alice")], deciders: deciders)
        host.change { $0.notices[card.id] = notice }
        return notice
    }

    func deliver(
        _ notice: ReviewNotice, to target: String = place, remote: JSON? = nil
    ) async -> DeliveryResult {
        var delivery = Delivery(wanted: 2, since: CardFixtures.start)
        delivery.remote = remote
        return await channel.deliver(notice, to: target, delivery, host)
    }

    // MARK: what Teams sends

    /// An activity of bob's in his personal chat, with other members.
    static func activity(_ type: String, _ changes: JSONObject = [:]) -> JSON {
        var object: JSONObject = [
            "channelData": ["tenant": ["id": .string(tenant)]], "channelId": "msteams",
            "conversation": [
                "conversationType": "personal", "id": "a:1bob", "tenantId": .string(tenant),
            ],
            "from": ["aadObjectId": "bob-object", "id": "29:bob", "name": "Bob"],
            "recipient": ["id": .string("28:\(appID)"), "name": "Exequatur"],
            "serviceUrl": .string(service), "type": .string(type),
        ]
        for (key, value) in changes { object[key] = value }
        return .object(object)
    }

    /// Where an activity is in a channel of a team.
    static let inChannel: JSONObject = [
        "channelData": [
            "channel": ["id": .string(place)], "team": ["id": "19:team@thread.tacv2"],
            "tenant": ["id": .string(tenant)],
        ],
        "conversation": [
            "conversationType": "channel", "id": .string("\(place);messageid=7"),
            "isGroup": true, "tenantId": .string(tenant),
        ],
    ]

    static func press(
        _ card: ReviewCard, verb: String = "exequatur.approve", reason: String = "",
        trigger: JSON? = "manual", _ changes: JSONObject = [:]
    ) -> JSON {
        var value: JSONObject = [
            "action": [
                "data": [
                    "action": .string(card.id.text), "reason": .string(reason),
                    "rendering": .string(card.rendering.digest),
                ],
                "type": "Action.Execute", "verb": .string(verb),
            ]
        ]
        value["trigger"] = trigger
        var members = changes
        members["name"] = "adaptiveCard/action"
        members["value"] = .object(value)
        return activity("invoke", members)
    }

    @discardableResult
    func receive(_ activity: JSON) async -> JSON? {
        await channel.receive(activity, audit: [:], host)
    }

    /// Texts that the bot wrote.
    var said: [String] {
        vendor.asked("POST", "/activities").compactMap { $0.json["text"]?.stringValue }
    }

    var decisions: [ChatDecision] { host.state.withLock(\.decisions) }
}
