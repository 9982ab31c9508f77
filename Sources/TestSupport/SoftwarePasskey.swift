// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
internal import Crypto
internal import TransparencyLog
package import WebAuthn

/// A passkey made of software, which does what an authenticator and a browser would do.
///
/// Its key is derived from a name, so that tests are the same in each run.
package struct SoftwarePasskey: Sendable {
    /// What it signs with.
    package enum Algorithm: Sendable {
        case es256
        /// Signs without randomness: where a whole run must be the same each time.
        case edDSA
    }

    private enum Key: Sendable {
        case p256(P256.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
    }

    package let credentialID: [UInt8]
    package let relyingParty: String
    package let origin: String
    private let key: Key

    package init(
        _ name: String, algorithm: Algorithm = .es256, relyingParty: String = "localhost",
        origin: String = "http://localhost:8420"
    ) throws {
        let seed = Hash256.sha256(Array("key of \(name)".utf8)).bytes
        key =
            switch algorithm {
            case .es256: .p256(try P256.Signing.PrivateKey(rawRepresentation: seed))
            case .edDSA: .ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: seed))
            }
        credentialID = Hash256.sha256(Array("credential of \(name)".utf8)).bytes
        self.relyingParty = relyingParty
        self.origin = origin
    }

    /// The public key as COSE has it.
    package var cose: [UInt8] {
        switch key {
        case .p256(let key):
            let point = Array(key.publicKey.x963Representation)
            return [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20] + point[1...32]
                + [0x22, 0x58, 0x20] + point[33...64]
        case .ed25519(let key):
            return [0xA4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20]
                + Array(key.publicKey.rawRepresentation)
        }
    }

    private func signature(for bytes: [UInt8]) throws -> [UInt8] {
        switch key {
        case .p256(let key): Array(try key.signature(for: bytes).derRepresentation)
        case .ed25519(let key): Array(try key.signature(for: bytes))
        }
    }

    /// UP and UV, and AT where a credential is attached.
    private func authenticatorData(attached: Bool) -> [UInt8] {
        let hash = Hash256.sha256(Array(relyingParty.utf8)).bytes
        let head = hash + [attached ? 0x45 : 0x05, 0, 0, 0, 0]
        guard attached else { return head }
        return head + [UInt8](repeating: 0, count: 16) + [0, UInt8(credentialID.count)]
            + credentialID + cose
    }

    private func clientData(_ type: String, _ challenge: [UInt8]) -> [UInt8] {
        Array(
            ("{\"type\":\"\(type)\",\"challenge\":\"\(Base64URL.encode(challenge))\","
                + "\"origin\":\"\(origin)\",\"crossOrigin\":false}").utf8)
    }

    /// What the browser answers when the passkey is made.
    package func registration(challenge: [UInt8]) -> JSON {
        let data = authenticatorData(attached: true)
        let object: [UInt8] =
            [0xA3, 0x63] + Array("fmt".utf8) + [0x64] + Array("none".utf8) + [0x67]
            + Array("attStmt".utf8) + [0xA0, 0x68] + Array("authData".utf8)
            + [0x58, UInt8(data.count)] + data
        return [
            "attestationObject": .string(Base64URL.encode(object)),
            "clientDataJSON": .string(
                Base64URL.encode(clientData("webauthn.create", challenge))),
        ]
    }

    /// What the browser answers when something is to be signed.
    package func assertion(challenge: [UInt8]) throws -> PasskeyAssertion {
        let data = authenticatorData(attached: false)
        let client = clientData("webauthn.get", challenge)
        return PasskeyAssertion(
            credentialID: credentialID, authenticatorData: data, clientDataJSON: client,
            signature: try signature(for: data + Hash256.sha256(client).bytes), userHandle: nil)
    }
}
