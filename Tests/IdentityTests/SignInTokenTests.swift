// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Crypto
import Foundation
import JWTKit
import TestSupport
import Testing
import TransparencyLog

@testable import Identity

/// One defect of an ID token, and the code by which it is refused.
struct SignInRow: Sendable, CustomTestStringConvertible {
    let name: String
    let verdict: String
    var changes: JSONObject = [:]
    var removing: [String] = []
    var settings: JSONObject = [:]
    var maxAge: Int64?

    var testDescription: String { name }

    init(
        _ name: String, _ verdict: String, _ changes: JSONObject = [:], removing: [String] = [],
        settings: JSONObject = [:], maxAge: Int64? = nil
    ) {
        self.name = name
        self.verdict = verdict
        self.changes = changes
        self.removing = removing
        self.settings = settings
        self.maxAge = maxAge
    }
}

@Suite("ID tokens of people")
struct SignInTokenTests {
    private static let seconds = FakeProvider.seconds
    private static let us: JSON = .string(FakeProvider.clientID)

    static let protocolRows: [SignInRow] = [
        SignInRow("good", "taken"),
        SignInRow("issuer with a slash", "issuer_mismatch", ["iss": .string(Issuer.url + "/")]),
        SignInRow("no issuer", "issuer_mismatch", removing: ["iss"]),
        SignInRow("another audience", "audience_mismatch", ["aud": "exequatur:2"]),
        SignInRow("no audience", "audience_mismatch", removing: ["aud"]),
        SignInRow("an empty list of audiences", "audience_mismatch", ["aud": []]),
        SignInRow("an audience that is no text", "audience_mismatch", ["aud": [us, 7]]),
        SignInRow("one audience in a list", "taken", ["aud": [us]]),
        SignInRow(
            "an audience that nobody configured", "audience_mismatch",
            ["aud": [us, "api"], "azp": us]),
        SignInRow(
            "an audience that is configured", "taken", ["aud": [us, "api"], "azp": us],
            settings: ["otherAudiences": ["api"]]),
        SignInRow(
            "several audiences without azp", "authorized_party_mismatch", ["aud": [us, "api"]],
            settings: ["otherAudiences": ["api"]]),
        SignInRow(
            "several audiences, made for another", "authorized_party_mismatch",
            ["aud": [us, "api"], "azp": "api"], settings: ["otherAudiences": ["api"]]),
        SignInRow(
            "only the other audience", "audience_mismatch", ["aud": ["api"], "azp": us],
            settings: ["otherAudiences": ["api"]]),
        SignInRow("one audience, made for another", "authorized_party_mismatch", ["azp": "api"]),
        SignInRow("one audience, made for us", "taken", ["azp": us]),
        SignInRow(
            "expired 59 s ago", "taken", ["exp": .int(seconds - 59), "iat": .int(seconds - 99)]),
        SignInRow(
            "expired a minute ago", "token_expired",
            ["exp": .int(seconds - 60), "iat": .int(seconds - 99)]),
        SignInRow("expires before it is issued", "token_expired", ["exp": .int(seconds - 5)]),
        SignInRow("no expiry", "token_unreadable", removing: ["exp"]),
        SignInRow("issued ten minutes ago", "taken", ["iat": .int(seconds - 600)]),
        SignInRow("issued longer ago", "token_old", ["iat": .int(seconds - 601)]),
        SignInRow("issued in a minute", "taken", ["iat": .int(seconds + 60)]),
        SignInRow("issued in more", "token_in_future", ["iat": .int(seconds + 61)]),
        SignInRow("no iat", "token_unreadable", removing: ["iat"]),
        SignInRow("an iat that is a text", "token_unreadable", ["iat": "now"]),
        SignInRow("valid in a minute", "taken", ["nbf": .int(seconds + 60)]),
        SignInRow("valid in more", "token_in_future", ["nbf": .int(seconds + 61)]),
        SignInRow("another nonce", "nonce_mismatch", ["nonce": .string(FakeProvider.code)]),
        SignInRow("no nonce", "nonce_mismatch", removing: ["nonce"]),
        SignInRow("no auth_time, not asked for", "taken", removing: ["auth_time"]),
        SignInRow(
            "no auth_time, asked for", "authentication_time_missing", removing: ["auth_time"],
            maxAge: 300),
        SignInRow("fresh enough", "taken", ["auth_time": .int(seconds - 360)], maxAge: 300),
        SignInRow(
            "not fresh enough", "authentication_old", ["auth_time": .int(seconds - 361)],
            maxAge: 300),
        SignInRow("anew", "taken", maxAge: 0),
        SignInRow("not anew", "authentication_old", ["auth_time": .int(seconds - 61)], maxAge: 0),
        SignInRow("old, not asked for", "taken", ["auth_time": .int(seconds - 99_999)]),
        SignInRow(
            "authenticated in the future", "token_in_future", ["auth_time": .int(seconds + 61)]),
        SignInRow("an auth_time that is a text", "claim_invalid", ["auth_time": "now"]),
        SignInRow(
            "at_hash of this access token", "taken",
            ["at_hash": .string(hash(FakeProvider.accessToken))]),
        SignInRow(
            "at_hash of another", "access_token_mismatch", ["at_hash": .string(hash("other"))]),
        SignInRow("at_hash that is no text", "access_token_mismatch", ["at_hash": 1]),
    ]

    static let personRows: [SignInRow] = [
        SignInRow("no subject", "subject_invalid", removing: ["sub"]),
        SignInRow("an empty subject", "subject_invalid", ["sub": ""]),
        SignInRow("a subject that is a number", "subject_invalid", ["sub": 248_289]),
        SignInRow("a subject with a control", "subject_invalid", ["sub": "a\u{7}"]),
        SignInRow("a subject beyond ASCII", "subject_invalid", ["sub": "ä"]),
        SignInRow(
            "the longest subject", "taken", ["sub": .string(String(repeating: "s", count: 255))]),
        SignInRow(
            "a longer subject", "subject_invalid",
            ["sub": .string(String(repeating: "s", count: 256))]),
        SignInRow("another tenant", "required_claim_mismatch", ["tid": "t-2"]),
        SignInRow("no tenant", "required_claim_mismatch", removing: ["tid"]),
        SignInRow("a list of tenants", "required_claim_mismatch", ["tid": ["t-1"]]),
        SignInRow(
            "a tenant that only looks the same", "required_claim_mismatch",
            ["tid": "e\u{301}"], settings: ["requiredClaims": ["tid": "\u{E9}"]]),
        SignInRow("a class that is asked for", "taken", settings: ["acrValues": ["mfa", "high"]]),
        SignInRow(
            "a class that is not", "context_class_mismatch", settings: ["acrValues": ["mfa"]]),
        SignInRow(
            "no class", "context_class_mismatch", removing: ["acr"],
            settings: ["acrValues": ["mfa"]]),
        SignInRow("a class that is no text", "claim_invalid", ["acr": 1]),
        SignInRow("methods that are a text", "claim_invalid", ["amr": "pwd"]),
        SignInRow(
            "too many methods", "claim_invalid",
            ["amr": .array(Array(repeating: "pwd", count: 17))]),
        SignInRow("no groups", "taken", removing: ["groups"]),
        SignInRow("one group as a text", "taken", ["groups": "SRE"]),
        SignInRow("groups that are numbers", "groups_invalid", ["groups": ["SRE", 1]]),
        SignInRow("groups that are an object", "groups_invalid", ["groups": ["SRE": true]]),
        SignInRow(
            "a thousand groups as Entra names them", "taken",
            [
                "groups": .array(
                    Array(repeating: "0f3c0f0e-0000-4000-8000-00000000a001", count: 1000))
            ]),
        SignInRow(
            "more groups", "groups_invalid",
            ["groups": .array(Array(repeating: "g", count: 1001))]),
        SignInRow(
            "a long group", "groups_invalid",
            ["groups": .string(String(repeating: "g", count: 257))]),
        SignInRow(
            "groups elsewhere", "groups_overage",
            [
                "_claim_names": ["groups": "src1"],
                "_claim_sources": ["src1": ["endpoint": "https://graph.example/"]],
            ], removing: ["groups"]),
        SignInRow("elsewhere in no known way", "groups_overage", ["_claim_names": "src1"]),
        SignInRow("groups that are too many", "groups_overage", ["hasgroups": true]),
        SignInRow("other claims elsewhere", "taken", ["_claim_names": ["address": "src1"]]),
        SignInRow(
            "groups elsewhere, not asked for", "taken", ["_claim_names": ["groups": "src1"]],
            settings: ["groupsClaim": nil, "groups": nil]),
    ]

    private static func hash(_ token: String) -> String {
        Base64URL.encode(Array(Hash256.sha256(Array(token.utf8)).bytes.prefix(16)))
    }

    @Test("each defect has its own refusal", arguments: protocolRows + personRows)
    func row(_ row: SignInRow) async throws {
        let fake = try await FakeProvider()
        let token = try fake.token(row.changes, removing: row.removing)
        let verdict = try await fake.verdict(
            token, attempt: FakeProvider.attempt(maxAge: row.maxAge), settings: row.settings)
        #expect(verdict == row.verdict)
    }

    @Test("a good one says who it is, and the record holds no more than that")
    func identity() async throws {
        let fake = try await FakeProvider()
        let identity = try await fake.signIn(try fake.token())
        #expect(identity.issuer == Issuer.url)
        #expect(identity.subject == "248289761001")
        #expect(identity.name == "Ada Lovelace")
        #expect(identity.authenticatedAt == Issuer.now.adding(seconds: -10))
        #expect(identity.methods == ["pwd", "otp"])
        #expect(identity.contextClass == "high")
        #expect(identity.groups == ["SRE", "Other"])
        #expect(identity.claims.keys == ["acr", "amr", "aud", "auth_time", "iat", "iss", "sub"])
        let provider = try FakeProvider.provider()
        #expect(provider.groups(of: identity) == [Handle(constant: "oncall")])
        let bare = try await fake.signIn(
            try fake.token(removing: ["acr", "amr", "auth_time", "groups", "name"]))
        #expect(bare.methods == [] && bare.contextClass == nil && bare.authenticatedAt == nil)
        #expect(bare.name == nil)
        #expect(bare.groups == [] && provider.groups(of: bare) == [])
        let none = try await fake.signIn(
            try fake.token(), settings: ["groupsClaim": nil, "groups": nil])
        #expect(none.groups == nil)
        #expect(
            try FakeProvider.provider(["groupsClaim": nil, "groups": nil]).groups(of: none) == nil)
    }

    @Test("a group that only looks the same is another")
    func groupsByBytes() async throws {
        let fake = try await FakeProvider()
        let settings: JSONObject = ["groups": ["\u{E9}": "oncall"]]
        let provider = try FakeProvider.provider(settings)
        let same = try await fake.signIn(
            try fake.token(["groups": "\u{E9}"]), settings: settings)
        #expect(provider.groups(of: same) == [Handle(constant: "oncall")])
        let other = try await fake.signIn(
            try fake.token(["groups": "e\u{301}"]), settings: settings)
        #expect(provider.groups(of: other) == [])
    }

    @Test("algorithms: RS256 and ES256, those that the provider lists, and never a shared secret")
    func algorithms() async throws {
        let fake = try await FakeProvider()
        let ecdsa: JSONObject = ["alg": "ES256", "kid": "ec-1"]
        let good = try fake.token(header: ecdsa, by: fake.issuer.ecdsa)
        #expect(try await fake.verdict(good) == "taken")
        for alg: JSON in ["none", "HS256", "RS384", "PS256", "EdDSA", "nOnE", 1] {
            let header: JSONObject = ["alg": alg, "kid": "rsa-1"]
            #expect(
                try await fake.verdict(try fake.token(header: header)) == "token_unreadable",
                "\(alg)")
        }
        #expect(
            try await fake.verdict(try fake.token(header: ["alg": "ES256", "kid": "rsa-1"]))
                == "signature_invalid")
        let unsigned =
            try fake.token(header: ["alg": "none", "kid": "rsa-1"])
            .split(separator: ".").prefix(2).joined(separator: ".") + "."
        #expect(try await fake.verdict(unsigned) == "token_unreadable")
        for extra: JSONObject in [
            ["jku": "https://evil.example/"], ["crit": ["b64"], "b64": false],
        ] {
            var header = Issuer.header
            for (key, value) in extra { header[key] = value }
            #expect(
                try await fake.verdict(try fake.token(header: header)) == "token_unreadable")
        }
        let only = try await FakeProvider()
        only.change {
            $0.description = FakeProvider.description.setting(
                ["id_token_signing_alg_values_supported"], ["RS256"])
        }
        #expect(
            try await only.verdict(try only.token(header: ecdsa, by: only.issuer.ecdsa))
                == "algorithm_refused")
    }

    @Test("any other byte in any place is refused")
    func anyByte() async throws {
        let fake = try await FakeProvider()
        var random = SeededRandom.forTest()
        let good = Array(try fake.token().utf8)
        #expect(try await fake.verdict(String(decoding: good, as: UTF8.self)) == "taken")
        let digits = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=".utf8)
        for place in good.indices {
            for other in [
                digits[Int.random(in: digits.indices, using: &random)],
                UInt8.random(in: 0x01...0x7F, using: &random), good[place] ^ 1,
            ]
            where other != good[place] {
                var bytes = good
                bytes[place] = other
                let verdict = try await fake.verdict(String(decoding: bytes, as: UTF8.self))
                #expect(verdict != "taken", "\(place): \(other)")
            }
        }
        for place in good.indices where place % 7 == 0 {
            var bytes = good
            bytes.remove(at: place)
            #expect(try await fake.verdict(String(decoding: bytes, as: UTF8.self)) != "taken")
        }
        // Each digit at the end: the last has bits that are in no byte.
        for digit in digits where digit != good.last {
            let bytes = good.dropLast() + [digit]
            #expect(try await fake.verdict(String(decoding: bytes, as: UTF8.self)) != "taken")
        }
    }

    @Test("keys: rotation is followed with patience, and a lone key needs no name")
    func keys() async throws {
        let fake = try await FakeProvider()
        #expect(try await fake.verdict(try fake.token()) == "taken")
        let unknown = try fake.token(header: ["alg": "RS256", "kid": "rsa-2"])
        #expect(try await fake.verdict(unknown) == "key_unknown")
        let rotated = try #require(fake.issuer.keys[0].objectValue)
        fake.issuer.publish([JSON.object(rotated).setting(["kid"], "rsa-2")])
        #expect(try await fake.verdict(unknown) == "key_unknown")
        fake.clock.advance(60)
        #expect(try await fake.verdict(unknown) == "taken")
        let nameless = try fake.token(header: ["alg": "RS256"])
        #expect(try await fake.verdict(nameless) == "taken")
        // The key of a set of one need not have a name either.
        fake.issuer.publish([JSON.object(rotated).setting(["kid"], nil)])
        fake.clock.advance(600)
        #expect(try await fake.verdict(nameless) == "taken")
        #expect(try await fake.verdict(unknown) == "key_unknown")
        fake.issuer.publish(fake.issuer.keys)
        fake.clock.advance(600)
        #expect(try await fake.verdict(nameless) == "key_unknown")
        let blank = try fake.token(header: ["alg": "RS256", "kid": ""])
        #expect(try await fake.verdict(blank) == "token_unreadable")
        fake.issuer.put("/jwks", nil)
        fake.clock.advance(600)
        #expect(try await fake.verdict(try fake.token()) == "keys_unavailable")
    }

    @Test("nobody is asked for keys for a token that no key could make good")
    func noKeyInVain() async throws {
        let fake = try await FakeProvider()
        #expect(try await fake.verdict(try fake.token(["aud": "x"])) == "audience_mismatch")
        #expect(try await fake.verdict(try fake.token(["iss": "x"])) == "issuer_mismatch")
        #expect(fake.issuer.fetched == [])
    }
}
