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

/// Signs with a shared secret, as an attacker would with the public key.
private struct SharedSecret: JWTAlgorithm {
    let name = "HS256"
    let secret: [UInt8]

    func sign(_ plaintext: some DataProtocol) throws -> [UInt8] {
        Array(
            HMAC<Crypto.SHA256>.authenticationCode(
                for: Array(plaintext), using: SymmetricKey(data: secret)))
    }

    func verify(_ signature: some DataProtocol, signs plaintext: some DataProtocol) throws -> Bool {
        try sign(plaintext) == Array(signature)
    }
}

@Suite("Forged tokens are refused")
struct ForgedTokenTests {
    private func expect(
        _ reason: String, _ surroundings: Surroundings, _ token: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        #expect(
            try await surroundings.verdict(token).contains(reason), sourceLocation: sourceLocation)
        // The very issuer still works: it was the token.
        let good = try surroundings.issuer.token()
        #expect(try await surroundings.verdict(good) == "taken", sourceLocation: sourceLocation)
    }

    @Test("good ones are taken, by RS256 and ES256, with one audience as text or list")
    func good() async throws {
        let all = try await Surroundings()
        let identity = try await all.verify(try all.issuer.token())
        #expect(identity.issuer == Issuer.url)
        #expect(identity.audience == Issuer.audience)
        #expect(identity.claims["run_id"] == "4711")
        let ecdsa = try all.issuer.token(
            header: ["alg": "ES256", "kid": "ec-1"], by: all.issuer.ecdsa)
        #expect(try await all.verdict(ecdsa) == "taken")
        let list = try all.issuer.token(["aud": [.string(Issuer.audience)]])
        #expect(try await all.verdict(list) == "taken")
        let bare = try all.issuer.token(removing: ["jti", "nbf"])
        #expect(try await all.verdict(bare) == "taken")
    }

    @Test("wrong issuer")
    func wrongIssuer() async throws {
        let all = try await Surroundings()
        for issuer in ["https://evil.example", Issuer.url + "/", "HTTPS" + Issuer.url.dropFirst(5)]
        {
            try await expect(
                "no trust has the issuer", all, try all.issuer.token(["iss": .string(issuer)]))
        }
        #expect(Set(all.issuer.fetched).allSatisfy { $0.hasPrefix(Issuer.url) })
    }

    @Test("audience list")
    func audienceList() async throws {
        let all = try await Surroundings()
        let ours: JSON = .string(Issuer.audience)
        try await expect(
            "several audiences", all, try all.issuer.token(["aud": [ours, "https://b.example"]]))
        try await expect("several audiences", all, try all.issuer.token(["aud": [ours, ours]]))
        try await expect("several audiences", all, try all.issuer.token(["aud": []]))
        try await expect("no audience", all, try all.issuer.token(["aud": [7]]))
    }

    @Test("token for another service")
    func anotherService() async throws {
        let all = try await Surroundings()
        try await expect(
            "no trust has the audience", all,
            try all.issuer.token(["aud": "https://github.com/octo"]))
        try await expect("no audience", all, try all.issuer.token(removing: ["aud"]))
    }

    @Test("alg none", arguments: ["none", "None", "NONE", ""])
    func none(_ name: String) async throws {
        let all = try await Surroundings()
        let token = try all.issuer.token(header: ["alg": .string(name), "kid": "rsa-1"])
        let unsigned = token.split(separator: ".").prefix(2).joined(separator: ".") + "."
        try await expect("the algorithm is", all, token)
        try await expect("the algorithm is", all, unsigned)
        try await expect("not three parts", all, String(unsigned.dropLast()))
    }

    @Test("no signature")
    func noSignature() async throws {
        let all = try await Surroundings()
        let token = try all.issuer.token()
        let unsigned = token.split(separator: ".").prefix(2).joined(separator: ".") + "."
        try await expect("the signature is not", all, unsigned)
    }

    @Test("HS256 with the public key")
    func sharedSecret() async throws {
        let all = try await Surroundings()
        let public_ = all.issuer.keys[0]
        for secret in [
            public_.description, public_["n"]?.stringValue ?? "", "rsa-1",
        ] {
            let token = try all.issuer.token(
                header: ["alg": "HS256", "kid": "rsa-1"],
                by: SharedSecret(secret: Array(secret.utf8)))
            try await expect("the algorithm is `HS256`", all, token)
            // The same bytes, called RS256.
            let other = try all.issuer.token(by: SharedSecret(secret: Array(secret.utf8)))
            try await expect("the signature is not", all, other)
        }
    }

    @Test("other key")
    func otherKey() async throws {
        let all = try await Surroundings()
        let stranger = try await Issuer()
        let token = try all.issuer.token(
            header: ["alg": "ES256", "kid": "ec-1"], by: stranger.ecdsa)
        try await expect("the signature is not", all, token)
        let mixed = try all.issuer.token(
            header: ["alg": "ES256", "kid": "rsa-1"], by: all.issuer.ecdsa)
        try await expect("the key is not for ES256", all, mixed)
        let swapped = try all.issuer.token(header: ["alg": "RS256", "kid": "ec-1"])
        try await expect("the key is not for RS256", all, swapped)
    }

    @Test("changed after it was signed")
    func changed() async throws {
        let all = try await Surroundings()
        let good = try all.issuer.token()
        let other = try all.issuer.token(["repository_id": "75"])
        var parts = good.split(separator: ".").map(String.init)
        parts[1] = String(other.split(separator: ".")[1])
        try await expect("the signature is not", all, parts.joined(separator: "."))
    }

    @Test("kid unknown, missing or no text")
    func unknownKey() async throws {
        let all = try await Surroundings()
        try await expect(
            "has no key `rsa-2`", all,
            try all.issuer.token(header: ["alg": "RS256", "kid": "rsa-2"]))
        for header in [
            ["alg": "RS256"], ["alg": "RS256", "kid": ""], ["alg": "RS256", "kid": 1],
            ["alg": "RS256", "kid": "a b"],
        ] as [JSONObject] {
            try await expect("names no key", all, try all.issuer.token(header: header))
        }
    }

    @Test(
        "a header that brings its own key, or changes how it is read",
        arguments: ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"])
    func ownKey(_ name: String) async throws {
        let all = try await Surroundings()
        var header = Issuer.header
        header[name] = name == "jwk" ? all.issuer.keys[1] : "https://evil.example/keys"
        try await expect("the header has `\(name)`", all, try all.issuer.token(header: header))
        #expect(!all.issuer.fetched.contains { $0.contains("evil") })
    }

    @Test("a token of another type")
    func type() async throws {
        let all = try await Surroundings()
        for type: JSON in ["at+jwt", "secevent+jwt", "jwt", 1] {
            var header = Issuer.header
            header["typ"] = type
            try await expect("`typ`", all, try all.issuer.token(header: header))
        }
    }

    @Test("duplicate claims")
    func duplicates() async throws {
        let all = try await Surroundings()
        let claims = JSON.object(Issuer.claims).description
        let header = JSON.object(Issuer.header).description
        let twice = claims.dropLast() + #","repository_id":"75"}"#
        try await expect(
            "can't be read", all, try all.issuer.token(header: header, claims: String(twice)))
        let escaped = claims.dropLast() + #","repository\u005fid":"75"}"#
        try await expect(
            "can't be read", all, try all.issuer.token(header: header, claims: String(escaped)))
        let algorithms = header.dropLast() + #","alg":"none"}"#
        try await expect(
            "can't be read", all, try all.issuer.token(header: String(algorithms), claims: claims))
    }

    @Test("oversized")
    func oversized() async throws {
        let all = try await Surroundings()
        let long = String(repeating: "a", count: IdentityLimits.tokenBytes)
        try await expect("has more than", all, try all.issuer.token(["x": .string(long)]))
        try await expect("has more than", all, String(repeating: ".", count: 2_000_000))
        try await expect(
            "`jti` has more", all,
            try all.issuer.token(["jti": .string(String(repeating: "a", count: 1025))]))
    }

    @Test("not a token, or one in another spelling")
    func malformed() async throws {
        let all = try await Surroundings()
        let good = try all.issuer.token()
        for text in [
            "", ".", "a.b.c.d", "a..", "..a", good + "=", good + ".", good + "\n", " " + good,
            good.replacing("-", with: "+").replacing("_", with: "/") + "+",
        ] { try await expect("not three parts", all, text) }
        for text in ["..", good + "A", good + "AA", "e30.e30."] {
            #expect(try await all.verdict(text) != "taken", "\(text)")
        }
        let header = JSON.object(Issuer.header).description
        for claims in ["", "[]", "7", "{", "{\"iss\":NaN}", "\u{feff}{}"] {
            let token = try all.issuer.token(header: header, claims: claims)
            #expect(try await all.verdict(token) != "taken")
        }
        for changes in [
            ["iss": 7], ["iat": "1"], ["exp": try JSON(parsing: "1.5")], ["exp": -1],
            ["exp": 253_402_300_800],
            ["nbf": "x"], ["jti": 7], ["aud": [:]],
        ] as [JSONObject] {
            #expect(try await all.verdict(try all.issuer.token(changes)) != "taken", "\(changes)")
        }
        for name in ["iss", "iat", "exp"] {
            let token = try all.issuer.token(removing: [name])
            #expect(try await all.verdict(token).contains(name), "\(name)")
        }
    }

    @Test("expired, not yet valid, too old: to the second")
    func times() async throws {
        let all = try await Surroundings()
        let start = Issuer.now.milliseconds / 1000
        func verdict(_ changes: JSONObject) async throws -> String {
            try await all.verdict(try all.issuer.token(changes))
        }
        #expect(try await verdict(["exp": .int(start - 59), "iat": .int(start - 300)]) == "taken")
        #expect(
            try await verdict(["exp": .int(start - 60), "iat": .int(start - 300)])
                == "the token expired")
        #expect(try await verdict(["iat": .int(start + 60)]) == "taken")
        #expect(try await verdict(["iat": .int(start + 61)]) == "`iat` is in the future")
        #expect(try await verdict(["nbf": .int(start + 60)]) == "taken")
        #expect(try await verdict(["nbf": .int(start + 61)]) == "`nbf` is in the future")
        #expect(try await verdict(["iat": .int(start - 600)]) == "taken")
        #expect(try await verdict(["iat": .int(start - 601)]).contains("ten minutes"))
        #expect(
            try await verdict(["iat": .int(start + 50), "exp": .int(start + 50)])
                == "`exp` is not after `iat`")
        // A token that its issuer lets live for ever is forgotten when it is too old for us.
        let long = try await all.verify(try all.issuer.token(["exp": .int(start + 1_000_000)]))
        #expect(long.forgettable == Issuer.now.adding(seconds: 600 - 5 + 120))
    }

    @Test("a token is one token, however often it is signed")
    func digests() async throws {
        let all = try await Surroundings()
        let header: JSONObject = ["alg": "ES256", "kid": "ec-1"]
        func digest(_ changes: JSONObject, _ removing: [String] = []) async throws -> Hash256 {
            try await all.verify(
                try all.issuer.token(
                    changes, header: header, removing: removing, by: all.issuer.ecdsa)
            ).tokenDigest
        }
        #expect(try await digest([:]) == digest(["run_id": "2"]))
        #expect(try await digest([:]) != digest(["jti": "other"]))
        #expect(try await digest([:], ["jti"]) == digest([:], ["jti"]))
        #expect(try await digest([:], ["jti"]) != digest(["run_id": "2"], ["jti"]))
    }

    @Test("no changed byte of a good token leaves it good")
    func mutations() async throws {
        var random = SeededRandom.forTest()
        let all = try await Surroundings()
        for signer in ["rsa-1", "ec-1"] {
            let token =
                signer == "rsa-1"
                ? try all.issuer.token()
                : try all.issuer.token(
                    header: ["alg": "ES256", "kid": "ec-1"], by: all.issuer.ecdsa)
            for _ in 0..<400 {
                var bytes = Array(token.utf8)
                let position = Int.random(in: bytes.indices, using: &random)
                let other = UInt8.random(in: 0x20..<0x7F, using: &random)
                guard bytes[position] != other else { continue }
                bytes[position] = other
                let changed = String(decoding: bytes, as: UTF8.self)
                #expect(try await all.verdict(changed) != "taken", "\(position): \(other)")
            }
        }
        #expect(Set(all.issuer.fetched).allSatisfy { $0.hasPrefix(Issuer.url) })
    }

    @Test("an issuer without TLS is taken only where the server was told so")
    func loopback() async throws {
        let issuer = try await Issuer()
        let keys = IssuerKeys(source: issuer.source, seconds: { 0 })
        let trust = try WorkloadTrust(
            id: "t00000000000000a", agent: Handle(constant: "deploy-bot"),
            issuer: try IssuerURL("http://127.0.0.1:9"), audience: Issuer.audience,
            claims: ["repository_id": "74"], lifetimeSeconds: 900)
        let token = try issuer.token(["iss": "http://127.0.0.1:9"])
        await #expect(throws: GrantRefused.self) {
            try await WorkloadVerifier(keys: keys, allowsLoopback: false).verify(
                token, trusts: [trust], now: Issuer.now)
        }
        #expect(issuer.fetched.isEmpty)
        await #expect(throws: IssuerFailure.self) {
            try await WorkloadVerifier(keys: keys, allowsLoopback: true).verify(
                token, trusts: [trust], now: Issuer.now)
        }
        #expect(issuer.fetched == ["http://127.0.0.1:9/.well-known/openid-configuration"])
    }
}
