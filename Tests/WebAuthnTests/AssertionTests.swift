// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Crypto
import Testing

@testable import WebAuthn

@Suite("Assertions")
struct AssertionTests {
    @Test("A right one is accepted", arguments: SoftKey.all)
    func accepted(_ key: SoftKey) throws {
        var assertion = SoftAssertion(key)
        #expect(
            try assertion.verify() == PasskeyAssertion.Result(signCount: 7, isBackedUp: false))
        assertion.isBackupEligible = true
        assertion.data.flags |= SoftData.be
        #expect(try !assertion.verify().isBackedUp)
        assertion.data.flags |= SoftData.bs
        assertion.data.signCount = .max
        #expect(
            try assertion.verify() == PasskeyAssertion.Result(signCount: .max, isBackedUp: true))
    }

    /// §6.1 and §5.8.1: what comes may be more than what is known.
    @Test("What the specification tolerates is accepted")
    func tolerated() throws {
        for flags: UInt8 in [0x02, 0x20, 0x22] {
            var assertion = SoftAssertion()
            assertion.data.flags |= flags
            #expect(throws: Never.self) { try assertion.verify() }
        }
        for rest in [
            "", #","tokenBinding":{"status":"supported"}"#,
            #","crossOrigin":false,"other":[{"a":null}]"#,
        ] {
            var assertion = SoftAssertion()
            assertion.client.rest = rest
            #expect(throws: Never.self) { try assertion.verify() }
        }
        var assertion = SoftAssertion()
        assertion.data.flags |= SoftData.ed
        assertion.data.rest = Encoded.map([
            (Encoded.text("a"), [0xF5]), (Encoded.text("b"), [0xF6]),
        ]
        )
        assertion.client.origin = "https://login.example.org:8443"
        assertion.userHandle = [0]
        #expect(throws: Never.self) { try assertion.verify() }
    }

    @Test("Each defect is refused with its code", arguments: Defect<SoftAssertion>.ofAssertions)
    func refused(_ defect: Defect<SoftAssertion>) throws {
        var assertion = SoftAssertion()
        defect.change(&assertion)
        #expect(try code { _ = try assertion.verify() } == defect.code)
    }

    @Test("A challenge that is no challenge is refused", arguments: [0, 15, 1_025])
    func challenge(_ count: Int) throws {
        var assertion = SoftAssertion()
        assertion.client.challenge = [UInt8](repeating: 1, count: count)
        let made = try assertion.made()
        let found = try code {
            _ = try made.verify(
                publicKey: PasskeyPublicKey(cose: SoftKey.es256.cose), isBackupEligible: false,
                challenge: assertion.client.challenge, relyingParty: Soft.party)
        }
        #expect(found == .invalidChallenge)
    }

    @Test("A relying party without origins accepts nothing")
    func noOrigins() throws {
        let assertion = try SoftAssertion().made()
        let found = try code {
            _ = try assertion.verify(
                publicKey: PasskeyPublicKey(cose: SoftKey.es256.cose), isBackupEligible: false,
                challenge: Soft.challenge,
                relyingParty: RelyingParty(id: "example.org", origins: []))
        }
        #expect(found == .wrongOrigin)
    }

    @Test("Other keys do not verify it", arguments: SoftKey.all)
    func otherKeys(_ key: SoftKey) throws {
        for other in SoftKey.all {
            var assertion = SoftAssertion(key)
            assertion.registered = other
            let isSame = other.cose == key.cose
            #expect(try code { _ = try assertion.verify() } == (isSame ? nil : .invalidSignature))
        }
        var assertion = SoftAssertion()
        assertion.registered = .es256(P256.Signing.PrivateKey())
        #expect(try code { _ = try assertion.verify() } == .invalidSignature)
        assertion = SoftAssertion(.ed25519)
        assertion.registered = .ed25519(Curve25519.Signing.PrivateKey())
        #expect(try code { _ = try assertion.verify() } == .invalidSignature)
    }
}

extension Defect<SoftAssertion> {
    static let ofAssertions: [Defect] = common + ofData + ofSignatures + ofNames

    private static let ofData: [Defect] = [
        Defect("that of a registration", .wrongType) { $0.client.type = "webauthn.create" },
        Defect("eligible for backup by now", .backupEligibilityChanged, .accepted("keeps none")) {
            $0.data.flags |= SoftData.be
        },
        Defect("no longer eligible", .backupEligibilityChanged, .accepted("keeps none")) {
            $0.isBackupEligible = true
        },
        Defect("with a credential", .attestedDataUnexpected, .accepted("ignores it")) {
            $0.data.flags |= SoftData.at
            $0.data.rest = SoftData.credential(
                aaguid: Soft.aaguid, id: Soft.credentialID, cose: $0.key.cose)
        },
        Defect("with a credential that is not there", .authenticatorDataTruncated) {
            $0.data.flags |= SoftData.at
        },
        Defect("trailing byte", .trailingBytes) { $0.data.rest = [0] },
        Defect("extensions without the flag", .trailingBytes) { $0.data.rest = [0xA0] },
        Defect("extensions that are not there", .authenticatorDataTruncated) {
            $0.data.flags |= SoftData.ed
        },
        Defect("byte after the extensions", .trailingBytes) {
            $0.data.flags |= SoftData.ed
            $0.data.rest = [0xA0, 0]
        },
        Defect("extensions in an array", .malformedExtensions, .accepted("takes any CBOR")) {
            $0.data.flags |= SoftData.ed
            $0.data.rest = [0x80]
        },
        Defect("extensions cut off", .cborTruncated) {
            $0.data.flags |= SoftData.ed
            $0.data.rest = [0xA1, 0x61, 0x61]
        },
        Defect("too much of it", .authenticatorDataTooLarge, .accepted("has no limit")) {
            $0.data.flags |= SoftData.ed
            $0.data.rest = Encoded.map([
                (Encoded.text("a"), Encoded.bytes([UInt8](repeating: 0, count: 8_192)))
            ])
        },
    ]

    private static let ofSignatures: [Defect] = [
        Defect("no signature", .invalidSignature) {
            $0.tamper = { $0.with(signature: []) }
        },
        Defect("signature of something else", .invalidSignature) {
            $0.tamper = {
                $0.with(signature: try SoftKey.es256.sign($0.authenticatorData))
            }
        },
        Defect("byte after the signature", .invalidSignature) {
            $0.tamper = { $0.with(signature: $0.signature + [0]) }
        },
        Defect("raw signature instead of DER", .invalidSignature) {
            $0.tamper = {
                let signature = try P256.Signing.ECDSASignature(derRepresentation: $0.signature)
                return $0.with(signature: Array(signature.rawRepresentation))
            }
        },
        Defect("long signature", .invalidSignature) {
            $0.tamper = { $0.with(signature: $0.signature + [UInt8](repeating: 0, count: 512)) }
        },
        Defect("other sign count", .invalidSignature) {
            $0.tamper = {
                var data = $0.authenticatorData
                data[36] ^= 1
                return $0.with(data: data)
            }
        },
        Defect("reserved bit set afterwards", .invalidSignature) {
            $0.tamper = {
                var data = $0.authenticatorData
                data[32] ^= 0x02
                return $0.with(data: data)
            }
        },
        Defect("white space in the client data", .invalidSignature) {
            $0.tamper = { $0.with(client: $0.clientDataJSON + [0x20]) }
        },
    ]

    private static let ofNames: [Defect] = [
        Defect("short credential ID", .invalidCredentialID, .accepted("has no limit")) {
            $0.credentialID = [UInt8](repeating: 1, count: 15)
        },
        Defect("long credential ID", .invalidCredentialID, .accepted("has no limit")) {
            $0.credentialID = [UInt8](repeating: 1, count: 1_024)
        },
        Defect("empty user handle", .invalidUserHandle, .accepted("ignores it")) {
            $0.userHandle = []
        },
        Defect("long user handle", .invalidUserHandle, .accepted("ignores it")) {
            $0.userHandle = [UInt8](repeating: 1, count: 65)
        },
    ]
}
