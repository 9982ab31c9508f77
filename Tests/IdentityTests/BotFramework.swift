// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Crypto
import CryptoExtras
import Foundation
import JWTKit
import Synchronization
import TransparencyLog

@testable import Identity

/// The Bot Framework in memory: three keys with different endorsements, and a stranger's.
final class BotFramework: Sendable {
    static let metadata = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    private static let jwks = "https://login.botframework.com/v1/.well-known/keys"
    static let appID = "0f3c0f0e-0000-4000-8000-00000000a001"
    static let tenant = "0f3c0f0e-0000-4000-8000-000000000001"
    static let otherTenant = "0f3c0f0e-0000-4000-8000-000000000002"
    static let service = "https://smba.trafficmanager.net/emea/"
    static let now = Timestamp(milliseconds: 1_796_040_000_000)

    /// Key ids, and the chats that each may vouch for.
    static let endorsements: [(String, [JSON])] = [
        ("key-teams", ["msteams", "msteamsv2"]), ("key-web", ["webchat"]), ("key-none", []),
        ("key-bare", [7]),
    ]

    /// Made once: an RSA key takes its time.
    private static let pairs = Result {
        try (0..<5).map { _ in try _RSA.Signing.PrivateKey(keySize: .bits2048) }
    }

    let keys: [String: _RSA.Signing.PrivateKey]
    let stranger: _RSA.Signing.PrivateKey
    private let documents: Mutex<[String: JSON]>
    private let read = Mutex<[String]>([])

    init() throws {
        let pairs = try Self.pairs.get()
        stranger = pairs[4]
        keys = Dictionary(
            uniqueKeysWithValues: zip(Self.endorsements.map(\.0), pairs))
        documents = Mutex([:])
        documents.withLock { documents in
            documents[Self.metadata] = [
                "id_token_signing_alg_values_supported": ["RS256"],
                "issuer": .string(BotToken.issuer), "jwks_uri": .string(Self.jwks),
            ]
        }
        try publish(Self.endorsements.map(\.0))
    }

    static func modulus(_ key: _RSA.Signing.PrivateKey) throws -> [UInt8] {
        Array(try key.publicKey.getKeyPrimitives().modulus)
    }

    /// Publishes the keys of these names.
    func publish(_ names: [String]) throws {
        let list = try Self.endorsements.filter { names.contains($0.0) }.map { name, chats in
            [
                "e": "AQAB", "endorsements": .array(chats), "kid": .string(name), "kty": "RSA",
                "n": .string(
                    Base64URL.encode(try Self.modulus(try Self.key(keys, name)))),
                "use": "sig", "x5t": .string(name),
            ] as JSON
        }
        documents.withLock { $0[Self.jwks] = ["keys": .array(list)] }
    }

    static func key(
        _ keys: [String: _RSA.Signing.PrivateKey], _ name: String
    ) throws -> _RSA.Signing.PrivateKey {
        guard let key = keys[name] else { throw BotTokenRefused("no key \(name)") }
        return key
    }

    func put(_ url: String, _ json: JSON?) { documents.withLock { $0[url] = json } }
    func putKeys(_ json: JSON?) { put(Self.jwks, json) }

    /// What was fetched so far.
    var fetched: [String] { read.withLock { $0 } }

    var source: DocumentSource {
        DocumentSource { url, _ in
            self.read.withLock { $0.append(url) }
            guard let json = self.documents.withLock({ $0[url] }) else {
                throw IssuerFailure("it answers with status 404")
            }
            return Array(json.description.utf8)
        }
    }

    func verifier(
        serviceURLs: [String] = ["https://smba.trafficmanager.net/"],
        seconds: @escaping @Sendable () -> Double = { 0 }
    ) throws -> BotTokenVerifier {
        BotTokenVerifier(
            trust: BotTrust(
                appID: Self.appID, tenant: Self.tenant, serviceURLs: serviceURLs),
            metadata: try IssuerURL(Self.metadata), source: source, seconds: seconds)
    }

    // MARK: what it sends

    static let claims: JSONObject = [
        "aud": .string(appID), "exp": .int(now.milliseconds / 1000 + 3600),
        "iss": .string(BotToken.issuer), "nbf": .int(now.milliseconds / 1000 - 5),
        "serviceurl": .string(service),
    ]
    static let header: JSONObject = [
        "alg": "RS256", "kid": "key-teams", "typ": "JWT", "x5t": "key-teams",
    ]
    static let activity: JSON = [
        "channelData": ["tenant": ["id": .string(tenant)]], "channelId": "msteams",
        "conversation": ["id": "a:1", "tenantId": .string(tenant)],
        "serviceUrl": .string(service), "type": "message",
    ]

    /// A token of these parts; the key of the header's name signs unless told otherwise.
    func token(
        _ changes: JSONObject = [:], header changed: JSONObject = [:], removing: [String] = [],
        by signer: _RSA.Signing.PrivateKey? = nil
    ) throws -> String {
        var claims = Self.claims
        for (key, value) in changes { claims[key] = value }
        var header = Self.header
        for (key, value) in changed { header[key] = value }
        for key in removing {
            claims[key] = nil
            header[key] = nil
        }
        let signed = Self.signed(.object(header), .object(claims))
        let name = header["kid"]?.stringValue ?? "key-teams"
        let key = try signer ?? Self.key(keys, name)
        let signature = try key.signature(
            for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
        return "\(signed).\(Base64URL.encode(Array(signature.rawRepresentation)))"
    }

    static func signed(_ header: JSON, _ claims: JSON) -> String {
        Base64URL.encode(Array(header.description.utf8)) + "."
            + Base64URL.encode(Array(claims.description.utf8))
    }

    /// What becomes of an activity with a header: `taken`, or why it is refused.
    func verdict(
        _ authorization: String?, _ activity: JSON = activity,
        serviceURLs: [String] = ["https://smba.trafficmanager.net/"]
    ) async throws -> String {
        do {
            let token = try await verifier(serviceURLs: serviceURLs)
                .verify(authorization: authorization, now: Self.now)
            let taken = try token.activity(Array(activity.description.utf8), limits: .default)
            return taken.json == activity ? "taken" : "changed"
        } catch let refusal as BotTokenRefused {
            return refusal.description
        }
    }
}

extension JSON {
    /// The same with another value at a path; nil removes it.
    func setting(_ path: [String], _ value: JSON?) -> JSON {
        guard var object = objectValue, let first = path.first else { return self }
        object[first] =
            path.count == 1 ? value : object[first]?.setting(Array(path.dropFirst()), value)
        return .object(object)
    }
}
