// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Crypto
import CryptoExtras
import Foundation
import Testing
import TransparencyLog

@testable import Identity

/// One row of the table: a header and an activity, and what must become of them.
struct BotTokenRow: Sendable, CustomTestStringConvertible {
    let name: String
    /// A part of the reason, or `taken`.
    let verdict: String
    var activity = BotFramework.activity
    let header: @Sendable (BotFramework) throws -> String?

    var testDescription: String { name }

    init(
        _ name: String, _ verdict: String, activity: JSON = BotFramework.activity,
        _ header: @escaping @Sendable (BotFramework) throws -> String?
    ) {
        self.name = name
        self.verdict = verdict
        self.activity = activity
        self.header = header
    }

    /// A token with other claims, well signed.
    static func claims(
        _ name: String, _ verdict: String, _ changes: JSONObject, removing: [String] = []
    ) -> BotTokenRow {
        BotTokenRow(name, verdict) { "Bearer \(try $0.token(changes, removing: removing))" }
    }

    /// A token with another header, signed by the key it should name.
    static func header(_ name: String, _ verdict: String, _ changes: JSONObject) -> BotTokenRow {
        BotTokenRow(name, verdict) { teams in
            let key = try BotFramework.key(teams.keys, "key-teams")
            return "Bearer \(try teams.token(header: changes, by: key))"
        }
    }

    /// An activity that is other than the token's.
    static func activity(
        _ name: String, _ verdict: String, _ changes: [([String], JSON?)]
    ) -> BotTokenRow {
        let changed = changes.reduce(BotFramework.activity) { $0.setting($1.0, $1.1) }
        return BotTokenRow(name, verdict, activity: changed) { "Bearer \(try $0.token())" }
    }
}

/// Tokens that the vendor's own libraries refuse, and those that some of them take.
@Suite("Forged tokens of bots are refused")
struct ForgedBotTokenTests {
    private static let seconds = BotFramework.now.milliseconds / 1000

    /// The rows on which all, or the strictest, of three official validators agree.
    static let claims: [BotTokenRow] = [
        .claims("good", "taken", [:]),
        .claims("expired two minutes ago", "taken", ["exp": .int(seconds - 120)]),
        .claims("valid in two minutes", "taken", ["nbf": .int(seconds + 120)]),
        .claims("expired 299 s ago", "taken", ["exp": .int(seconds - 299)]),
        .claims("expired five minutes ago", "expired", ["exp": .int(seconds - 300)]),
        .claims("valid in five minutes", "taken", ["nbf": .int(seconds + 300)]),
        .claims("valid in 301 s", "in the future", ["nbf": .int(seconds + 301)]),
        .claims("expired ten minutes ago", "expired", ["exp": .int(seconds - 600)]),
        .claims("valid in ten minutes", "in the future", ["nbf": .int(seconds + 600)]),
        .claims("no expiry", "missing", [:], removing: ["exp"]),
        .claims("no begin", "missing", [:], removing: ["nbf"]),
        .claims("an expiry that is a text", "missing", ["exp": "tomorrow"]),
        .claims("an expiry beyond all time", "not an instant", ["exp": 999_999_999_999_999]),
        .claims("another audience", "audience", ["aud": "0f3c0f0e-0000-4000-8000-00000000ffff"]),
        .claims("no audience", "audience", [:], removing: ["aud"]),
        .claims("a list of audiences", "audience", ["aud": [.string(BotFramework.appID)]]),
        .claims(
            "our audience in other letters", "audience",
            ["aud": .string(BotFramework.appID.uppercased())]),
        .claims("another issuer", "issuer", ["iss": "https://evil.example"]),
        .claims("our issuer with a slash", "issuer", ["iss": "https://api.botframework.com/"]),
        .claims("issuer of another cloud", "issuer", ["iss": "https://api.botframework.us"]),
        .claims(
            "issuer of the login service", "issuer",
            [
                "iss": .string(
                    "https://login.microsoftonline.com/\(BotFramework.tenant)/v2.0")
            ]),
        .claims("no issuer", "issuer", [:], removing: ["iss"]),
        .claims("serviceurl of another", "serviceUrl", ["serviceurl": "https://evil.example/"]),
        .claims("no serviceurl", "serviceurl", [:], removing: ["serviceurl"]),
        .claims(
            "serviceurl without its slash", "serviceUrl",
            ["serviceurl": "https://smba.trafficmanager.net/emea"]),
        .claims(
            "serviceurl of another region", "serviceUrl",
            ["serviceurl": "https://smba.trafficmanager.net/amer/"]),
    ]

    static let headers: [BotTokenRow] = [
        .header("an unknown kid", "has no key", ["kid": "key-unknown"]),
        .header("a known key under another kid", "signature", ["kid": "key-web"]),
        .header("a kid with a blank", "names no key", ["kid": "key teams"]),
        .header("alg none with a signature", "algorithm", ["alg": "none"]),
        .header("alg None in other letters", "algorithm", ["alg": "nOnE"]),
        .header("RS384", "algorithm", ["alg": "RS384"]),
        .header("PS256", "algorithm", ["alg": "PS256"]),
        .header("ES256", "algorithm", ["alg": "ES256"]),
        .header("a key of its own in the header", "`jwk`", ["jwk": ["kty": "RSA"]]),
        .header("keys of its own at an address", "`jku`", ["jku": "https://evil.example/"]),
        .header("a certificate of its own", "`x5c`", ["x5c": ["AAAA"]]),
        .header("a critical extension", "`crit`", ["crit": ["moon"], "moon": "full"]),
        .header("another type", "`typ`", ["typ": "at+jwt"]),
        BotTokenRow("no kid", "names no key") { "Bearer \(try $0.token(removing: ["kid"]))" },
        BotTokenRow("a key of nobody with a known kid", "signature") {
            "Bearer \(try $0.token(by: $0.stranger))"
        },
        BotTokenRow("a key endorsed for another channel", "not endorsed") {
            "Bearer \(try $0.token(header: ["kid": "key-web"]))"
        },
        BotTokenRow("a key endorsed for no channel", "not endorsed") {
            "Bearer \(try $0.token(header: ["kid": "key-none"]))"
        },
        BotTokenRow("a key endorsed for what is no text", "not endorsed") {
            "Bearer \(try $0.token(header: ["kid": "key-bare"]))"
        },
    ]

    static let shapes: [BotTokenRow] = [
        BotTokenRow("signature changed", "signature") { teams in
            let token = try teams.token()
            let dot = try #require(token.lastIndex(of: "."))
            let signature = String(token[token.index(after: dot)...])
            var bytes = try #require(Base64URL.decode(signature))
            bytes[5] ^= 1
            return "Bearer \(token[...dot])\(Base64URL.encode(bytes))"
        },
        BotTokenRow("claims changed after signing", "signature") { teams in
            let other = try teams.token(["more": 1]).split(separator: ".")
            let parts = try teams.token().split(separator: ".")
            return "Bearer \(parts[0]).\(other[1]).\(parts[2])"
        },
        BotTokenRow("no signature", "signature") { teams in
            let parts = try teams.token().split(separator: ".")
            return "Bearer \(parts[0]).\(parts[1])."
        },
        BotTokenRow("alg none", "algorithm") { _ in
            let header: JSON = ["alg": "none", "kid": "key-teams", "typ": "JWT"]
            return "Bearer \(BotFramework.signed(header, .object(BotFramework.claims)))."
        },
        BotTokenRow("HS256 with the modulus as its secret", "algorithm") { teams in
            let key = try BotFramework.key(teams.keys, "key-teams")
            return try shared(try BotFramework.modulus(key))
        },
        BotTokenRow("HS256 with the public key as its secret", "algorithm") { teams in
            let key = try BotFramework.key(teams.keys, "key-teams")
            return try shared(Array(key.publicKey.pemRepresentation.utf8))
        },
        BotTokenRow("no token", "no bearer token") { _ in nil },
        BotTokenRow("an empty token", "three parts") { _ in "Bearer " },
        BotTokenRow("another scheme", "no bearer token") { _ in "Basic YTpi" },
        BotTokenRow("no scheme", "no bearer token") { try $0.token() },
        BotTokenRow("not a token", "can't be read") { _ in "Bearer YWFh.YmJi.Y2Nj" },
        BotTokenRow("five parts", "three parts") { "Bearer \(try $0.token()).e30.e30" },
        BotTokenRow("a header that is not an object", "not an object") { teams in
            let parts = try teams.token().split(separator: ".")
            return "Bearer W10.\(parts[1]).\(parts[2])"
        },
        BotTokenRow("a token as long as a book", "bytes") { teams in
            "Bearer \(try teams.token(["more": .string(String(repeating: "a", count: 16_384))]))"
        },
        BotTokenRow("a token of the bot's own", "three parts") { _ in "Bearer eyJ0eXAi.x" },
    ]

    private static func shared(_ secret: [UInt8]) throws -> String {
        let header: JSON = ["alg": "HS256", "kid": "key-teams", "typ": "JWT"]
        let signed = BotFramework.signed(header, .object(BotFramework.claims))
        let code = HMAC<Crypto.SHA256>.authenticationCode(
            for: Data(signed.utf8), using: SymmetricKey(data: secret))
        return "Bearer \(signed).\(Base64URL.encode(Array(code)))"
    }

    private static let other: JSON = .string(BotFramework.otherTenant)

    static let activities: [BotTokenRow] = [
        .activity("another channel", "not of `msteams`", [(["channelId"], "webchat")]),
        .activity("no channel", "not of `msteams`", [(["channelId"], nil)]),
        .activity(
            "serviceUrl that is not the token's", "serviceUrl",
            [(["serviceUrl"], "https://evil.example/")]),
        .activity("no serviceUrl", "serviceUrl", [(["serviceUrl"], nil)]),
        .activity(
            "another tenant", "another tenant",
            [(["conversation", "tenantId"], other), (["channelData", "tenant", "id"], other)]),
        .activity(
            "another tenant in the conversation only", "another tenant",
            [(["conversation", "tenantId"], other)]),
        .activity(
            "another tenant in the channel's data only", "another tenant",
            [(["channelData", "tenant", "id"], other)]),
        .activity(
            "no tenant", "another tenant",
            [(["conversation", "tenantId"], nil), (["channelData", "tenant"], nil)]),
        .activity(
            "no tenant in the conversation", "another tenant",
            [(["conversation", "tenantId"], nil)]),
        .activity("no data of the channel", "another tenant", [(["channelData"], nil)]),
        BotTokenRow(
            "a service that is not configured, in both places", "does not allow",
            activity: BotFramework.activity.setting(["serviceUrl"], "https://evil.example/")
        ) { "Bearer \(try $0.token(["serviceurl": "https://evil.example/"]))" },
        BotTokenRow(
            "a service whose name only begins like ours", "does not allow",
            activity: BotFramework.activity.setting(
                ["serviceUrl"], "https://smba.trafficmanager.net.evil.example/")
        ) {
            "Bearer \(try $0.token(["serviceurl": "https://smba.trafficmanager.net.evil.example/"]))"
        },
        BotTokenRow(
            "a service with a query", "does not allow",
            activity: BotFramework.activity.setting(
                ["serviceUrl"], "https://smba.trafficmanager.net/?x=")
        ) { "Bearer \(try $0.token(["serviceurl": "https://smba.trafficmanager.net/?x="]))" },
        BotTokenRow(
            "an activity of another channel with its key", "not of `msteams`",
            activity: BotFramework.activity.setting(["channelId"], "webchat")
        ) { "Bearer \(try $0.token(header: ["kid": "key-web"]))" },
    ]

    @Test("each row of the table", arguments: claims + headers + shapes + activities)
    func row(_ row: BotTokenRow) async throws {
        let teams = try BotFramework()
        let verdict = try await teams.verdict(try row.header(teams), row.activity)
        #expect(verdict.contains(row.verdict), "\(verdict)")
    }

    @Test("a body that can't be read is an error of its own, after the token was checked")
    func body() async throws {
        let teams = try BotFramework()
        let token = try await teams.verifier().verify(
            authorization: "Bearer \(try teams.token())", now: BotFramework.now)
        for body in ["", "{", "\u{0}", #"{"a":1,"a":2}"#] {
            #expect(throws: JSONParseError.self) {
                try token.activity(Array(body.utf8), limits: .default)
            }
        }
        for body in ["[]", "null", "7", #"{"type":"message"}"#] {
            #expect(throws: BotTokenRefused.self) {
                try token.activity(Array(body.utf8), limits: .default)
            }
        }
    }
}

@Suite("Keys of the Bot Framework")
struct BotKeyTests {
    private let now = BotFramework.now

    private func expectTaken(_ verifier: BotTokenVerifier, _ token: String) async throws {
        _ = try await verifier.verify(authorization: "Bearer \(token)", now: now)
    }

    @Test("are read where the metadata says, once in an hour")
    func cached() async throws {
        let (teams, clock) = (try BotFramework(), TestSeconds())
        let verifier = try teams.verifier(seconds: { clock.now })
        for _ in 0..<5 { try await expectTaken(verifier, try teams.token()) }
        #expect(teams.fetched.count == 2)
        clock.advance(3599)
        try await expectTaken(verifier, try teams.token())
        #expect(teams.fetched.count == 2)
        clock.advance(1)
        try await expectTaken(verifier, try teams.token())
        #expect(teams.fetched.count == 4)
    }

    @Test("are asked for once in five minutes for keys that nobody knows")
    func unknown() async throws {
        let (teams, clock) = (try BotFramework(), TestSeconds())
        let verifier = try teams.verifier(seconds: { clock.now })
        try teams.publish(["key-web"])
        for _ in 0..<20 {
            await #expect(throws: BotTokenRefused.self) {
                try await expectTaken(verifier, try teams.token())
            }
        }
        #expect(teams.fetched.count == 2)
        try teams.publish(["key-web", "key-teams"])
        clock.advance(299)
        await #expect(throws: BotTokenRefused.self) {
            try await expectTaken(verifier, try teams.token())
        }
        clock.advance(1)
        try await expectTaken(verifier, try teams.token())
        #expect(teams.fetched.count == 4)
    }

    @Test("are used for a day where the Bot Framework does not answer, and no longer")
    func down() async throws {
        let (teams, clock) = (try BotFramework(), TestSeconds())
        let verifier = try teams.verifier(seconds: { clock.now })
        try await expectTaken(verifier, try teams.token())
        teams.putKeys(nil)
        clock.advance(86_399)
        try await expectTaken(verifier, try teams.token())
        clock.advance(1)
        await #expect(throws: IssuerFailure.self) {
            try await expectTaken(verifier, try teams.token())
        }
        try teams.publish(["key-teams"])
        clock.advance(5)
        try await expectTaken(verifier, try teams.token())
    }

    @Test("of metadata that is not the Bot Framework's, or not behind TLS, are not used")
    func metadata() async throws {
        for (name, value) in [
            ("issuer", "https://evil.example"), ("jwks_uri", "http://127.0.0.1/keys"),
            ("jwks_uri", "ftp://login.botframework.com/keys"),
        ] {
            let teams = try BotFramework()
            let document: JSON = [
                "issuer": .string(BotToken.issuer),
                "jwks_uri": "https://login.botframework.com/v1/.well-known/keys",
            ]
            teams.put(BotFramework.metadata, document.setting([name], .string(value)))
            await #expect(throws: IssuerFailure.self) {
                try await expectTaken(try teams.verifier(), try teams.token())
            }
        }
    }
}
