// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Foundation
internal import JWTKit
internal import TransparencyLog

/// The algorithms that are taken: the ones that issuers of workload tokens use, with public keys.
///
/// Neither `none` nor an algorithm with a shared secret is here, so a public key can't be passed
/// off as one.
package enum SigningAlgorithm: String, Sendable, Hashable {
    case rs256 = "RS256"
    case es256 = "ES256"
}

/// A public key of an issuer; its kind says with which algorithm alone it is used.
package struct VerificationKey: Sendable {
    package let algorithm: SigningAlgorithm
    /// What the key may vouch for, where the issuer says so: the Bot Framework names the chats.
    let endorsements: [String]
    private let verifier: any JWTAlgorithm

    init(
        _ algorithm: SigningAlgorithm, _ verifier: any JWTAlgorithm, endorsements: [String]
    ) {
        self.algorithm = algorithm
        self.verifier = verifier
        self.endorsements = endorsements
    }

    /// True if this key's owner signed these bytes.
    func isValid(_ signature: [UInt8], of signed: [UInt8]) -> Bool {
        // An error means that it is no signature at all.
        (try? verifier.verify(signature, signs: signed)) ?? false
    }
}

/// The keys that an issuer publishes (RFC 7517), those of them that can be used here.
package struct KeySet: Sendable {
    private let keys: [String: VerificationKey]
    /// The key of a set of one, which need not have a name.
    private let lone: VerificationKey?

    /// The key of this name; without a name the only key of a set of one
    /// (OpenID Connect Core 1.0 §10.1).
    package subscript(_ id: String?) -> VerificationKey? {
        guard let id else { return lone }
        return keys[id]
    }

    /// Reads a document; keys of other kinds are left out, and so are two that share a name.
    package init(_ bytes: [UInt8]) async throws(IssuerFailure) {
        guard let json = try? JSON(parsing: bytes), let elements = json["keys"]?.arrayValue else {
            throw IssuerFailure("its keys can't be read")
        }
        guard elements.count <= IdentityLimits.keys else {
            throw IssuerFailure("it publishes more than \(IdentityLimits.keys) keys")
        }
        var keys: [String: VerificationKey] = [:]
        var ambiguous: Set<String> = []
        lone = elements.count == 1 ? await Self.key(elements[0], "lone") : nil
        for element in elements {
            guard let id = element["kid"]?.stringValue, Self.isKeyID(id) else { continue }
            guard let key = await Self.key(element, id) else { continue }
            if keys.updateValue(key, forKey: id) != nil { ambiguous.insert(id) }
        }
        self.keys = keys.filter { !ambiguous.contains($0.key) }
        guard !self.keys.isEmpty || lone != nil else {
            throw IssuerFailure("it publishes no key for RS256 or ES256")
        }
    }

    /// Visible ASCII, so that comparing with `==` compares bytes.
    static func isKeyID(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= IdentityLimits.identifierBytes
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    private static func key(_ json: JSON, _ id: String) async -> VerificationKey? {
        if let use = json["use"], use != "sig" { return nil }
        if let operations = json["key_ops"] {
            guard operations.arrayValue?.contains("verify") == true else { return nil }
        }
        func fits(_ algorithm: SigningAlgorithm) -> Bool {
            json["alg"].map { $0 == .string(algorithm.rawValue) } ?? true
        }
        // A collection of one key: which key is used is never up to the token.
        let one = JWTKeyCollection()
        let endorsements = (json["endorsements"]?.arrayValue ?? []).compactMap(\.stringValue)
        let name = JWKIdentifier(string: id)
        if json["kty"] == "RSA", fits(.rs256), let key = rsa(json) {
            await one.add(rsa: key, digestAlgorithm: .sha256, kid: name)
            return await verifier(.rs256, one, name, endorsements)
        }
        if json["kty"] == "EC", json["crv"] == "P-256", fits(.es256), let key = ecdsa(json) {
            await one.add(ecdsa: key, kid: name)
            return await verifier(.es256, one, name, endorsements)
        }
        return nil
    }

    private static func verifier(
        _ algorithm: SigningAlgorithm, _ one: JWTKeyCollection, _ name: JWKIdentifier,
        _ endorsements: [String]
    ) async -> VerificationKey? {
        guard let verifier = try? await one.getKey(for: name),
            verifier.name == algorithm.rawValue
        else { return nil }
        return VerificationKey(algorithm, verifier, endorsements: endorsements)
    }

    private static func rsa(_ json: JSON) -> Insecure.RSA.PublicKey? {
        // The one exponent in use; others are mistakes or attacks.
        guard let modulus = json["n"]?.stringValue, json["e"] == "AQAB",
            let bytes = Base64URL.decode(modulus),
            IdentityLimits.modulusBytes.contains(bytes.count)
        else { return nil }
        return try? Insecure.RSA.PublicKey(modulus: modulus, exponent: "AQAB")
    }

    private static func ecdsa(_ json: JSON) -> ES256PublicKey? {
        guard let x = json["x"]?.stringValue, let y = json["y"]?.stringValue,
            Base64URL.decode(x)?.count == 32, Base64URL.decode(y)?.count == 32
        else { return nil }
        return try? ES256PublicKey(parameters: (x: x, y: y))
    }
}

/// An issuer that can't be asked, or answers with something else than its keys.
package struct IssuerFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
