// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import CryptoExtras
import Foundation
import JWTKit
import Synchronization
import TransparencyLog

@testable import Identity

/// An issuer in memory: it signs whatever it is asked to, well or badly, and publishes its keys.
final class Issuer: Sendable {
    static let url = "https://token.actions.githubusercontent.com"
    static let audience = "https://exequatur.example"
    /// 2026-11-30T12:00:00Z.
    static let now = Timestamp(milliseconds: 1_796_040_000_000)

    let rsa: any JWTAlgorithm
    let ecdsa: any JWTAlgorithm
    private let rsaKey: JSON
    private let ecdsaKey: JSON
    private let documents: Mutex<[String: [UInt8]]>
    private let read = Mutex<[String]>([])

    /// Made once: an RSA key takes its time.
    private static let pair = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    private static func modulus(_ key: _RSA.Signing.PrivateKey) throws -> String {
        Base64URL.encode(Array(try key.publicKey.getKeyPrimitives().modulus))
    }

    /// What was fetched so far.
    var fetched: [String] { read.withLock { $0 } }

    init() async throws {
        let pair = try Self.pair.get()
        let rsaPrivate = try JWTKit.Insecure.RSA.PrivateKey(backing: pair)
        let ecdsaPrivate = ES256PrivateKey()
        let keys = JWTKeyCollection()
        await keys.add(rsa: rsaPrivate, digestAlgorithm: .sha256, kid: "rsa-1")
        await keys.add(ecdsa: ecdsaPrivate, kid: "ec-1")
        rsa = try await keys.getKey(for: "rsa-1")
        ecdsa = try await keys.getKey(for: "ec-1")
        rsaKey = [
            "kty": "RSA", "kid": "rsa-1", "use": "sig", "alg": "RS256",
            "n": .string(try Self.modulus(pair)), "e": "AQAB", "x5t": "ignored", "x5c": ["ignored"],
        ]
        guard let point = ecdsaPrivate.parameters else { throw GrantRefused("no point") }
        func url(_ base64: String) -> JSON {
            .string(Base64URL.encode(CanonicalBase64.decode(base64) ?? []))
        }
        ecdsaKey = [
            "kty": "EC", "crv": "P-256", "kid": "ec-1", "x": url(point.x), "y": url(point.y),
        ]
        documents = Mutex([:])
        publish([rsaKey, ecdsaKey])
    }

    var keys: [JSON] { [rsaKey, ecdsaKey] }

    func publish(_ keys: [JSON]) {
        put(
            "/.well-known/openid-configuration",
            ["issuer": .string(Self.url), "jwks_uri": .string(Self.url + "/jwks"), "more": 1])
        put("/jwks", ["keys": .array(keys)])
    }

    func put(_ path: String, _ json: JSON?) {
        documents.withLock { $0[Self.url + path] = json.map { Array($0.description.utf8) } }
    }

    var source: DocumentSource {
        DocumentSource { url, limit in
            self.read.withLock { $0.append(url) }
            guard let bytes = self.documents.withLock({ $0[url] }) else {
                throw IssuerFailure("it answers with status 404")
            }
            guard bytes.count <= limit else { throw IssuerFailure("too much") }
            return bytes
        }
    }

    // MARK: tokens

    static let claims: JSONObject = [
        "iss": .string(url), "aud": .string(audience), "iat": .int(now.milliseconds / 1000 - 5),
        "nbf": .int(now.milliseconds / 1000 - 305), "exp": .int(now.milliseconds / 1000 + 895),
        "jti": "6f4a0d9c", "sub": "repo:octo@1/app@74:environment:production",
        "repository": "octo/app", "repository_id": "74", "environment": "production",
        "run_id": "4711",
    ]
    static let header: JSONObject = ["alg": "RS256", "kid": "rsa-1", "typ": "JWT", "x5t": "abc"]

    /// A token of these parts, signed by this issuer's RSA key unless told otherwise.
    func token(
        _ changes: JSONObject = [:], header: JSONObject = header, removing: [String] = [],
        by signer: (any JWTAlgorithm)? = nil
    ) throws -> String {
        var claims = Self.claims
        for (key, value) in changes { claims[key] = value }
        for key in removing { claims[key] = nil }
        return try token(
            header: JSON.object(header).description, claims: JSON.object(claims).description,
            by: signer)
    }

    /// The same of texts, which need not be good JSON.
    func token(
        header: String, claims: String, by signer: (any JWTAlgorithm)? = nil
    ) throws -> String {
        let signed =
            Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(claims.utf8))
        let signature = try (signer ?? rsa).sign(Array(signed.utf8))
        return "\(signed).\(Base64URL.encode(signature))"
    }
}

/// The verifier's surroundings: an issuer, trusts in it, and time that a test moves.
struct Surroundings {
    let issuer: Issuer
    let verifier: WorkloadVerifier
    let trusts: [WorkloadTrust]
    let clock: TestSeconds

    init(allowsLoopback: Bool = false) async throws {
        issuer = try await Issuer()
        let clock = TestSeconds()
        self.clock = clock
        verifier = WorkloadVerifier(
            keys: IssuerKeys(source: issuer.source, seconds: { clock.now }),
            allowsLoopback: allowsLoopback)
        trusts = [
            try WorkloadTrust(
                id: "t00000000000000a", agent: Handle(constant: "deploy-bot"),
                issuer: try IssuerURL(Issuer.url), audience: Issuer.audience,
                claims: ["repository_id": "74"], lifetimeSeconds: 900)
        ]
    }

    func verify(_ token: String, now: Timestamp = Issuer.now) async throws -> WorkloadIdentity {
        try await verifier.verify(token, trusts: trusts, now: now)
    }

    /// Why a token is refused, or `taken`.
    func verdict(_ token: String, now: Timestamp = Issuer.now) async throws -> String {
        do {
            _ = try await verify(token, now: now)
            return "taken"
        } catch let error as GrantRefused {
            return error.description
        }
    }
}

/// Monotonic seconds that only the test moves.
final class TestSeconds: Sendable {
    private let seconds = Mutex(1000.0)
    var now: Double { seconds.withLock { $0 } }
    func advance(_ by: Double) { seconds.withLock { $0 += by } }
}
