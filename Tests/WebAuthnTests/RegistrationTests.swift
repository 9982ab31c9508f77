// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import WebAuthn

@Suite("Registrations")
struct RegistrationTests {
    @Test("A right one is accepted", arguments: SoftKey.all)
    func accepted(_ key: SoftKey) throws {
        var registration = SoftRegistration(key)
        registration.data.flags |= SoftData.be | SoftData.bs
        let passkey = try registration.verify()
        #expect(passkey.credentialID == Soft.credentialID)
        #expect(passkey.aaguid == Soft.aaguid)
        #expect(passkey.signCount == 7)
        #expect(passkey.isBackupEligible)
        #expect(passkey.isBackedUp)
        #expect(passkey.publicKey.cose == key.cose)
        // The key that was read verifies what the authenticator signs next.
        let assertion = try SoftAssertion(key).made()
        #expect(throws: Never.self) {
            try assertion.verify(
                publicKey: passkey.publicKey, isBackupEligible: false, challenge: Soft.challenge,
                relyingParty: Soft.party)
        }
    }

    @Test("Attestation of any format is accepted and not looked at")
    func attestation() throws {
        let statement = Encoded.map([
            (Encoded.text("alg"), Encoded.int(-7)), (Encoded.text("sig"), Encoded.bytes([1, 2])),
            (Encoded.text("x5c"), [0x81] + Encoded.bytes([3])),
        ])
        for format in ["none", "packed", "tpm", "android-key", "apple", "of.somebody"] {
            for statement in [statement, [0xA0]] {
                var registration = SoftRegistration()
                registration.format = format
                registration.statement = statement
                #expect(throws: Never.self) { try registration.verify() }
            }
        }
    }

    @Test("Extensions are read over")
    func extensions() throws {
        var registration = SoftRegistration()
        registration.data.flags |= SoftData.ed
        registration.extensions = Encoded.map([
            (Encoded.text("credProtect"), [2]), (Encoded.text("hmac-secret"), [0xF5]),
        ])
        #expect(throws: Never.self) { try registration.verify() }
    }

    @Test("The shortest and the longest credential ID", arguments: [16, 1_023])
    func credentialIDs(_ count: Int) throws {
        var registration = SoftRegistration()
        registration.credentialID = [UInt8](repeating: 5, count: count)
        #expect(try registration.verify().credentialID.count == count)
    }

    @Test(
        "Each defect is refused with its code", arguments: Defect<SoftRegistration>.ofRegistrations)
    func refused(_ defect: Defect<SoftRegistration>) throws {
        var registration = SoftRegistration()
        defect.change(&registration)
        #expect(try code { _ = try registration.verify() } == defect.code)
    }

    @Test("Cut off at any length, it is refused")
    func truncated() throws {
        var soft = SoftRegistration()
        soft.data.flags |= SoftData.ed
        soft.extensions = Encoded.map([(Encoded.text("credProtect"), [2])])
        let whole = soft.made
        #expect(throws: Never.self) { try soft.verify() }
        for count in whole.attestationObject.indices {
            let cut = PasskeyRegistration(
                clientDataJSON: whole.clientDataJSON,
                attestationObject: Array(whole.attestationObject[..<count]))
            #expect(throws: WebAuthnError.self, "\(count)") {
                try cut.verify(challenge: Soft.challenge, relyingParty: Soft.party)
            }
        }
        for count in whole.clientDataJSON.indices {
            let cut = PasskeyRegistration(
                clientDataJSON: Array(whole.clientDataJSON[..<count]),
                attestationObject: whole.attestationObject)
            #expect(throws: WebAuthnError.self, "\(count)") {
                try cut.verify(challenge: Soft.challenge, relyingParty: Soft.party)
            }
        }
        // The authenticator data by itself, in an object that is whole.
        for count in 0..<soft.authenticatorData.count {
            var cut = soft
            cut.object = SoftRegistration.object(Array(soft.authenticatorData[..<count]))
            #expect(throws: WebAuthnError.self, "\(count)") { try cut.verify() }
        }
    }
}

extension SoftRegistration {
    /// The authenticator data of the object.
    var authenticatorData: [UInt8] {
        var data = data
        data.rest =
            SoftData.credential(aaguid: Soft.aaguid, id: credentialID, cose: cose) + extensions
        return data.bytes
    }

    static func object(_ data: [UInt8]) -> [UInt8] {
        Encoded.map([
            (Encoded.text("fmt"), Encoded.text("none")), (Encoded.text("attStmt"), [0xA0]),
            (Encoded.text("authData"), Encoded.bytes(data)),
        ])
    }
}

extension Defect<SoftRegistration> {
    static let ofRegistrations: [Defect] = common + ofData + ofObjects

    private static let ofData: [Defect] = [
        Defect("that of an assertion", .wrongType) { $0.client.type = "webauthn.get" },
        Defect("no credential", .attestedDataMissing) { $0.data.flags &= ~SoftData.at },
        Defect("short credential ID", .invalidCredentialID, .accepted("has no limit")) {
            $0.credentialID.removeLast(5)
        },
        Defect("no credential ID", .invalidCredentialID) { $0.credentialID = [] },
        Defect("long credential ID", .invalidCredentialID, .accepted("has no limit")) {
            $0.credentialID = [UInt8](repeating: 1, count: 1_024)
        },
        Defect("no key", .authenticatorDataTruncated) { $0.cose = [] },
        Defect("trailing byte", .trailingBytes) { $0.trailing = [0] },
        Defect("extensions that are not there", .authenticatorDataTruncated) {
            $0.data.flags |= SoftData.ed
        },
        Defect("key of another algorithm", .unsupportedAlgorithm) {
            $0.cose = Encoded.key([
                (1, [2]), (3, Encoded.int(-35)), (-1, [2]),
                (-2, Encoded.bytes([UInt8](repeating: 1, count: 48))),
                (-3, Encoded.bytes([UInt8](repeating: 1, count: 48))),
            ])
        },
        Defect(
            "point not on the curve", .pointNotOnCurve,
            .accepted("looks at the key when it is used")
        ) {
            $0.cose[$0.cose.count - 1] ^= 1
        },
    ]

    private static let ofObjects: [Defect] = {
        let none = (Encoded.text("fmt"), Encoded.text("none"))
        let empty: ([UInt8], [UInt8]) = (Encoded.text("attStmt"), [0xA0])
        let data = (Encoded.text("authData"), Encoded.bytes(SoftRegistration().authenticatorData))
        let objects: [(String, WebAuthnError.Code, Elsewhere, [UInt8])] = [
            ("array", .malformedAttestation, .refused, [0x80]),
            ("no format", .malformedAttestation, .refused, Encoded.map([empty, data])),
            (
                "no statement", .malformedAttestation, .accepted("there is nothing to verify"),
                Encoded.map([none, data])
            ),
            ("no data", .malformedAttestation, .refused, Encoded.map([none, empty])),
            (
                "one member more", .malformedAttestation, .accepted("ignores it"),
                Encoded.map([none, empty, data, (Encoded.text("more"), [0])])
            ),
            (
                "numbered members", .malformedAttestation, .refused,
                Encoded.map([([1], none.1), ([2], data.1), ([3], empty.1)])
            ),
            (
                "long format", .malformedAttestation, .refused,
                Encoded.map([
                    (none.0, Encoded.text(String(repeating: "a", count: 33))), empty, data,
                ])
            ),
            (
                "statement in an array", .malformedAttestation,
                .accepted("there is nothing to verify"),
                Encoded.map([none, (empty.0, [0x80]), data])
            ),
            (
                "trailing byte", .cborTrailingBytes, .accepted("reads the first item only"),
                Encoded.map([none, empty, data]) + [0]
            ),
            (
                "same member twice", .cborDuplicateKey, .refused,
                Encoded.map([none, empty, data, data])
            ),
            (
                "indefinite length", .cborIndefiniteLength, .accepted("takes any CBOR"),
                [0xBF] + Encoded.map([none, empty, data]).dropFirst() + [0xFF]
            ),
            ("nothing", .cborTruncated, .refused, []),
            (
                "too large", .cborTooLarge, .notAsked("a limit of ours"),
                [UInt8](repeating: 0, count: 65_537)
            ),
        ]
        return objects.map { name, code, elsewhere, object in
            Defect("object: \(name)", code, elsewhere) { $0.object = object }
        }
    }()
}
