// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Channels
import ControlPlane
import CryptoExtras
import Foundation
import Hummingbird
import HummingbirdTesting
import Identity
import Logging
import ServiceTestSupport
import Synchronization
import Testing
import TransparencyLog

@testable import Server

private let appID = "0f3c0f0e-0000-4000-8000-00000000a001"
private let tenant = "0f3c0f0e-0000-4000-8000-000000000001"
private let service = "https://smba.trafficmanager.net/emea/"
private let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// Made once: an RSA key takes its time.
private let keys = Result {
    try (0..<2).map { _ in try _RSA.Signing.PrivateKey(keySize: .bits2048) }
}

/// The Bot Framework and Teams' connector; keeps what the bot writes.
private final class Teams: Sendable {
    private let texts = Mutex<[String]>([])
    private let isDown = Mutex(false)
    private let reads = Mutex(0)

    /// What the bot wrote.
    var said: [String] { texts.withLock { $0 } }
    /// Documents that were fetched.
    var fetched: Int { reads.withLock { $0 } }
    func goDown() { isDown.withLock { $0 = true } }

    var documents: DocumentSource {
        DocumentSource { [self] url, _ in
            reads.withLock { $0 += 1 }
            if isDown.withLock({ $0 }) { throw IssuerFailure("it is down") }
            guard url.hasSuffix("/keys") else {
                let json: JSON = [
                    "issuer": "https://api.botframework.com",
                    "jwks_uri": "https://login.botframework.com/v1/.well-known/keys",
                ]
                return Array(json.description.utf8)
            }
            let primitives = try keys.get()[0].publicKey.getKeyPrimitives()
            let json: JSON = [
                "keys": [
                    [
                        "e": "AQAB", "endorsements": ["msteams"], "kid": "k", "kty": "RSA",
                        "n": .string(Base64URL.encode(Array(primitives.modulus))),
                    ]
                ]
            ]
            return Array(json.description.utf8)
        }
    }

    var caller: HTTPCaller {
        HTTPCaller { [self] request throws(ChannelSilence) in
            let body = (try? JSON(parsing: request.body)) ?? .null
            if let text = body["text"]?.stringValue { texts.withLock { $0.append(text) } }
            let answer: JSON =
                switch request.method {
                case "GET":
                    [
                        "aadObjectId": "bob-object", "tenantId": .string(tenant),
                        "userRole": "user",
                    ]
                default: ["access_token": "t", "expires_in": 3600, "id": "1:1"]
                }
            return ChannelResponse(
                status: 200, retryAfter: nil, body: Array(answer.description.utf8))
        }
    }

    static func token(_ now: Timestamp, key: Int = 0) throws -> String {
        let header: JSON = ["alg": "RS256", "kid": "k", "typ": "JWT"]
        let claims: JSON = [
            "aud": .string(appID), "exp": .int(now.milliseconds / 1000 + 3600),
            "iss": "https://api.botframework.com", "nbf": .int(now.milliseconds / 1000 - 5),
            "serviceurl": .string(service),
        ]
        let signed = [header, claims].map { Base64URL.encode(Array($0.description.utf8)) }
            .joined(separator: ".")
        let signature = try keys.get()[key].signature(
            for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
        return "\(signed).\(Base64URL.encode(Array(signature.rawRepresentation)))"
    }

    /// An activity of bob's in his personal chat.
    static func activity(_ changes: JSONObject, of tenant: String = tenant) -> JSON {
        var object: JSONObject = [
            "channelData": ["tenant": ["id": .string(tenant)]], "channelId": "msteams",
            "conversation": [
                "conversationType": "personal", "id": "a:1bob", "tenantId": .string(tenant),
            ],
            "from": ["aadObjectId": "bob-object", "id": "29:bob", "name": "Bob"],
            "recipient": ["id": .string("28:\(appID)")], "serviceUrl": .string(service),
        ]
        for (key, value) in changes { object[key] = value }
        return .object(object)
    }

    static func press(_ result: ActionResult) throws -> JSON {
        activity([
            "name": "adaptiveCard/action", "type": "invoke",
            "value": [
                "action": [
                    "data": [
                        "action": .string(result.state.id.text), "reason": "Fine.",
                        "rendering": .string(try #require(result.body.renderingDigest).hex),
                    ],
                    "verb": "exequatur.approve",
                ],
                "trigger": "manual",
            ],
        ])
    }
}

@Suite("the route of Microsoft Teams")
struct TeamsRouteTests {
    private static let path = "/channels/teams/messages"

    private func withRoutes(
        _ body: @escaping @Sendable (API, TestInstallation, Teams) async throws -> Void
    ) async throws {
        let at = try await TestInstallation()
        let teams = Teams()
        let json: JSON = [
            [
                "appID": .string(appID), "clientSecretFile": "s", "id": "teams",
                "kind": "teams", "tenant": .string(tenant),
            ]
        ]
        let hub = ChannelHub(
            at.control, try ChannelSettings.read(json) { _ in "secret" }, logger: quiet,
            caller: teams.caller)
        try await ServerTests.withRoutes(of: at, hub, documents: teams.documents) { api, at in
            try await body(api, at, teams)
        }
    }

    private func send(
        _ api: API, _ activity: JSON, token: String? = nil
    ) async throws -> Answer {
        try await api.request(
            .post, Self.path, as: try token ?? Teams.token(api.control.now),
            bytes: Array(activity.description.utf8))
    }

    private func code(_ at: TestInstallation) async throws -> String {
        let link = try await at.control.signInLink(
            for: TestInstallation.bob, by: TestInstallation.admin)
        let secret = try #require(link.split(separator: "=").last.map(String.init))
        let cookie = try #require(try await at.control.redeem(link: secret, audit: [:]))
        let session = try #require(try at.control.session(cookie: cookie))
        return try await at.control.linkCode(for: session).code
    }

    @Test func somebodyLinksHimselfAndDecidesAndItIsDurableWhenTeamsHears() async throws {
        try await withRoutes { api, at, teams in
            let result = try await at.submit("review")
            let early = try await send(api, try Teams.press(result))
            #expect(early.status == 200)
            #expect(
                try early.json()["type"] == "application/vnd.microsoft.activity.message")
            #expect(try at.status(result) == .pending)

            let written = Teams.activity([
                "text": .string("link \(try await code(at))"), "type": "message",
            ])
            let linked = try await send(api, written)
            #expect(linked.status == 200 && linked.bytes.isEmpty)
            #expect(teams.said.last?.contains("(bob) here") == true)

            let pressed = try await send(api, try Teams.press(result))
            let answer = try pressed.json()
            #expect(answer["statusCode"] == 200)
            #expect(answer["type"] == "application/vnd.microsoft.card.adaptive")
            #expect(!pressed.text.contains("Action.Execute"))
            #expect(try at.status(result) == .cleared)
            let decisions = try #require(try at.control.detail(result.state.id)).state.decisions
            #expect(decisions.map(\.channel) == [.teams])
            #expect(decisions.first?.account?.user == "bob-object")

            let again = try await send(api, try Teams.press(result))
            #expect(
                try again.json()["type"] == "application/vnd.microsoft.activity.message")
            #expect(try at.control.detail(result.state.id)?.state.decisions.count == 1)
        }
    }

    @Test func whatIsNotTheBotFrameworksIsRefusedBeforeItIsRead() async throws {
        try await withRoutes { api, at, teams in
            let now = at.control.now
            let forged = try Teams.token(now, key: 1)
            for token in [nil, "", "a.b.c", forged, try Teams.token(now.adding(seconds: -7200))] {
                let answer = try await api.request(
                    .post, Self.path, bytes: Array("{not json".utf8),
                    headers: token.map { [("Authorization", "Bearer \($0)")] } ?? [])
                #expect(answer.status == 401 && answer.code == "signature_invalid")
            }
            let other = Teams.activity(
                ["text": "hello", "type": "message"],
                of: "0f3c0f0e-0000-4000-8000-000000000002")
            let answer = try await send(api, other)
            #expect(answer.status == 401 && answer.code == "signature_invalid")
            #expect(!answer.text.contains("tenant"))
            #expect(teams.said.isEmpty)
            // A person's own token is none of the Bot Framework's.
            let person = try await send(api, other, token: api.tokens["bob"])
            #expect(person.status == 401)
            #expect(teams.fetched == 2)
        }
    }

    @Test func aBodyThatCanNotBeReadIsAnErrorOfItsOwn() async throws {
        try await withRoutes { api, at, _ in
            let token = try Teams.token(at.control.now)
            let malformed = try await api.request(
                .post, Self.path, as: token, bytes: Array("{".utf8))
            #expect(malformed.status == 400 && malformed.code == "json_malformed")
            let long = try await api.request(
                .post, Self.path, as: token, bytes: [UInt8](repeating: 0x20, count: 262_145))
            #expect(long.status == 413)
        }
    }

    @Test func nothingIsBelievedWhileTheKeysCanNotBeRead() async throws {
        try await withRoutes { api, _, teams in
            teams.goDown()
            let answer = try await send(api, Teams.activity(["type": "conversationUpdate"]))
            #expect(answer.status == 503 && answer.code == "issuer_unavailable")
            #expect(answer.headers[.retryAfter] == "5")
        }
    }

    @Test func aChannelOfAnotherKindIsNotFound() async throws {
        try await withRoutes { api, at, _ in
            let token = try Teams.token(at.control.now)
            for path in [
                "/channels/nobody/messages", "/channels/teams/interactivity",
                "/channels/teams/decisions",
            ] {
                let answer = try await api.request(
                    .post, path, as: token, bytes: Array("{}".utf8))
                #expect(answer.status == 404, "\(path)")
            }
        }
    }
}
