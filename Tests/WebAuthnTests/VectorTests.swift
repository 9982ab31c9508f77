// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Crypto
import TestSupport
import Testing

@testable import WebAuthn

/// The test vectors of WebAuthn Level 3 §16, which stand in `Vectors`.
@Suite("Test vectors of the W3C")
struct VectorTests {
    /// What has to be said of a vector: the codes, or nil where it is accepted.
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let registration: WebAuthnError.Code?
        let assertion: WebAuthnError.Code?
        /// The same without requiring user verification.
        let unverifiedRegistration: WebAuthnError.Code?
        let unverifiedAssertion: WebAuthnError.Code?

        init(
            _ name: String, uv: (registration: Bool, assertion: Bool),
            _ other: (registration: WebAuthnError.Code?, assertion: WebAuthnError.Code?) = (
                nil, nil
            ),
            isClientDataRefused: Bool = false
        ) {
            self.name = name
            // The client data is looked at before the flags, the key after them.
            registration =
                isClientDataRefused || uv.registration ? other.registration : .userNotVerified
            assertion = isClientDataRefused || uv.assertion ? other.assertion : .userNotVerified
            unverifiedRegistration = other.registration
            unverifiedAssertion = other.assertion
        }

        var testDescription: String { name }
    }

    static let all = [
        Vector("none-es256", uv: (false, false)),
        Vector("packed-self-es256", uv: (true, false)),
        Vector(
            "none-es256-crossOrigin", uv: (true, true), (.crossOrigin, .crossOrigin),
            isClientDataRefused: true),
        Vector(
            "none-es256-topOrigin", uv: (false, true), (.crossOrigin, .crossOrigin),
            isClientDataRefused: true),
        Vector("none-es256-long-credential-id", uv: (false, true)),
        Vector("packed-es256", uv: (true, true)),
        Vector("packed-es384", uv: (false, true), (.unsupportedAlgorithm, nil)),
        Vector("packed-es512", uv: (true, false), (.unsupportedAlgorithm, nil)),
        Vector("packed-rs256", uv: (true, false)),
        Vector("packed-eddsa", uv: (false, false)),
        Vector("packed-ed448", uv: (false, true), (.unsupportedAlgorithm, nil)),
        Vector("tpm-es256", uv: (true, true)),
        Vector("android-key-es256", uv: (true, false)),
        Vector("apple-es256", uv: (false, false)),
        Vector("fido-u2f-es256", uv: (false, false)),
    ]

    private static let folder = "\(Corpora.packageRoot)/Tests/WebAuthnTests/Vectors"
    private static let party = RelyingParty(id: "example.org", origins: ["https://example.org"])

    @Test("Vectors are accepted, or refused for the reason that they have", arguments: all)
    func vectors(_ vector: Vector) throws {
        let file = try JSON(parsing: Corpora.bytes(at: "\(Self.folder)/\(vector.name).json"))
        let registration = try Values(file["registration"])
        let assertion = try Values(file["assertion"])
        let made = PasskeyRegistration(
            clientDataJSON: try registration["clientDataJSON"],
            attestationObject: try registration["attestationObject"])
        let challenge = try registration["challenge"]
        #expect(
            try code { _ = try made.verify(challenge: challenge, relyingParty: Self.party) }
                == vector.registration)
        var passkey: RegisteredPasskey?
        let found = try code {
            passkey = try made.verify(
                challenge: challenge, relyingParty: Self.party, requiresUserVerification: false)
        }
        #expect(found == vector.unverifiedRegistration)
        guard let passkey else { return }
        #expect(try passkey.credentialID == registration["credential_id"])
        #expect(try passkey.aaguid == registration["aaguid"])
        #expect(passkey.signCount == 0)

        let answer = PasskeyAssertion(
            credentialID: passkey.credentialID,
            authenticatorData: try assertion["authenticatorData"],
            clientDataJSON: try assertion["clientDataJSON"],
            signature: try assertion["signature"], userHandle: nil)
        for (isRequired, expected) in [
            (true, vector.assertion), (false, vector.unverifiedAssertion),
        ] {
            let found = try code {
                _ = try answer.verify(
                    publicKey: passkey.publicKey, isBackupEligible: passkey.isBackupEligible,
                    challenge: assertion["challenge"], relyingParty: Self.party,
                    requiresUserVerification: isRequired)
            }
            #expect(found == expected)
        }
    }

    /// Those that we refuse for their frame are right otherwise: their keys verify them.
    @Test("Vectors from frames are signed rightly", arguments: ["crossOrigin", "topOrigin"])
    func frames(_ name: String) throws {
        let file = try JSON(
            parsing: Corpora.bytes(at: "\(Self.folder)/none-es256-\(name).json"))
        let object = try Values(file["registration"])["attestationObject"]
        guard case .map(let members) = try CBORReader.item(object, isOrdered: true) else {
            Issue.record("no map")
            return
        }
        let data = try #require(members.last?.value.byteString)
        let cose = try #require(try AuthenticatorData(data).credential).cose
        let assertion = try Values(file["assertion"])
        let signed =
            try assertion["authenticatorData"] + SHA256.hash(data: assertion["clientDataJSON"])
        #expect(
            try PasskeyPublicKey(cose: cose).isValid(
                signature: assertion["signature"], of: signed))
    }

    @Test("Every vector is used")
    func completeness() throws {
        let names = try Corpora.names(in: Self.folder)
        #expect(names == Self.all.map { "\($0.name).json" }.sorted())
    }

    /// Members that hold hexadecimal digits.
    private struct Values {
        let json: JSON

        init(_ json: JSON?) throws { self.json = try #require(json) }

        subscript(key: String) -> [UInt8] {
            get throws { bytes(try #require(json[key]?.stringValue)) }
        }
    }
}
