// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import Foundation
import TestSupport

@testable import WebAuthn

/// Writes CBOR, well-formed or as a test wants it.
enum Encoded {
    static func head(_ major: UInt8, _ value: UInt64) -> [UInt8] {
        switch value {
        case ..<24: [major << 5 | UInt8(value)]
        case ..<0x100: [major << 5 | 24, UInt8(value)]
        case ..<0x1_0000: [major << 5 | 25] + big(value, 2)
        case ..<0x1_0000_0000: [major << 5 | 26] + big(value, 4)
        default: [major << 5 | 27] + big(value, 8)
        }
    }

    static func big(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }

    static func int(_ value: Int) -> [UInt8] {
        value >= 0 ? head(0, UInt64(value)) : head(1, UInt64(-1 - value))
    }
    static func bytes(_ bytes: [UInt8]) -> [UInt8] { head(2, UInt64(bytes.count)) + bytes }
    static func text(_ text: String) -> [UInt8] {
        head(3, UInt64(text.utf8.count)) + Array(text.utf8)
    }
    static func map(_ members: [([UInt8], [UInt8])]) -> [UInt8] {
        members.reduce(into: head(5, UInt64(members.count))) { $0 += $1.0 + $1.1 }
    }
    static func key(_ members: [(Int, [UInt8])]) -> [UInt8] {
        map(members.map { (int($0.0), $0.1) })
    }
}

/// The private key of a passkey made of software.
enum SoftKey: Sendable {
    case es256(P256.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
    case rs256(_RSA.Signing.PrivateKey)

    /// One of each; those of the elliptic curves are the same in every run.
    static let es256: SoftKey = {
        var bytes = [UInt8](repeating: 0x17, count: 32)
        bytes[0] = 1
        guard let key = try? P256.Signing.PrivateKey(rawRepresentation: bytes) else {
            preconditionFailure("no key of P-256")
        }
        return .es256(key)
    }()
    static let ed25519: SoftKey = {
        let bytes = [UInt8](repeating: 0x29, count: 32)
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes) else {
            preconditionFailure("no key of Ed25519")
        }
        return .ed25519(key)
    }()
    static let rs256: SoftKey = {
        guard let key = try? _RSA.Signing.PrivateKey(keySize: .bits2048) else {
            preconditionFailure("no key of RSA")
        }
        return .rs256(key)
    }()
    static let all = [es256, ed25519, rs256]

    var cose: [UInt8] {
        switch self {
        case .es256(let key):
            let point = Array(key.publicKey.rawRepresentation)
            return Self.p256(x: Array(point[..<32]), y: Array(point[32...]))
        case .ed25519(let key): return Self.okp(Array(key.publicKey.rawRepresentation))
        case .rs256(let key):
            guard let parts = try? key.publicKey.getKeyPrimitives() else {
                preconditionFailure("an RSA key without parts")
            }
            return Self.rsa(Array(parts.modulus), Array(parts.publicExponent))
        }
    }

    static func p256(
        x: [UInt8], y: [UInt8], algorithm: Int = -7, curve: Int = 1
    ) -> [UInt8] {
        Encoded.key([
            (1, [2]), (3, Encoded.int(algorithm)), (-1, Encoded.int(curve)),
            (-2, Encoded.bytes(x)), (-3, Encoded.bytes(y)),
        ])
    }
    static func okp(_ x: [UInt8], algorithm: Int = -8, curve: Int = 6) -> [UInt8] {
        Encoded.key([
            (1, [1]), (3, Encoded.int(algorithm)), (-1, Encoded.int(curve)),
            (-2, Encoded.bytes(x)),
        ])
    }
    static func rsa(_ n: [UInt8], _ e: [UInt8]) -> [UInt8] {
        Encoded.key([
            (1, [3]), (3, Encoded.int(-257)), (-1, Encoded.bytes(n)), (-2, Encoded.bytes(e)),
        ])
    }

    func sign(_ data: [UInt8]) throws -> [UInt8] {
        switch self {
        case .es256(let key):
            Array(try key.signature(for: SHA256.hash(data: data)).derRepresentation)
        case .ed25519(let key): Array(try key.signature(for: data))
        case .rs256(let key):
            Array(
                try key.signature(for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
                    .rawRepresentation)
        }
    }
}

/// A browser that says of a page what a test wants.
struct SoftClient: Sendable {
    var type: String
    var challenge: [UInt8]
    var origin = "https://example.org"
    /// What follows the first three members.
    var rest = #","crossOrigin":false"#
    /// Instead of all of that.
    var text: [UInt8]?

    var bytes: [UInt8] {
        let start = #"{"type":"\#(type)","challenge":"\#(Base64URL.encode(challenge))""#
        return text ?? Array("\(start),\"origin\":\"\(origin)\"\(rest)}".utf8)
    }
}

/// The authenticator data that a test wants.
struct SoftData: Sendable {
    static let up: UInt8 = 1
    static let uv: UInt8 = 4
    static let be: UInt8 = 8
    static let bs: UInt8 = 16
    static let at: UInt8 = 64
    static let ed: UInt8 = 128

    var relyingPartyID = "example.org"
    var flags: UInt8
    var signCount: UInt32 = 7
    /// What follows: a credential, extensions, or anything.
    var rest: [UInt8] = []

    var bytes: [UInt8] {
        Array(SHA256.hash(data: Array(relyingPartyID.utf8))) + [flags]
            + Encoded.big(UInt64(signCount), 4) + rest
    }

    static func credential(aaguid: [UInt8], id: [UInt8], cose: [UInt8]) -> [UInt8] {
        aaguid + Encoded.big(UInt64(id.count), 2) + id + cose
    }
}

/// What both ceremonies of a test start from.
enum Soft {
    static let party = RelyingParty(
        id: "example.org", origins: ["https://login.example.org:8443", "https://example.org"])
    static let challenge = [UInt8](0..<32)
    static let credentialID = [UInt8](repeating: 0xC1, count: 20)
    static let aaguid = [UInt8](100..<116)
}

/// A registration that is right unless a test changes it.
struct SoftRegistration: Sendable {
    var client = SoftClient(type: "webauthn.create", challenge: Soft.challenge)
    var data = SoftData(flags: SoftData.up | SoftData.uv | SoftData.at)
    var credentialID = Soft.credentialID
    var cose: [UInt8]
    var extensions: [UInt8] = []
    var format = "none"
    var statement: [UInt8] = [0xA0]
    /// Instead of the whole object.
    var object: [UInt8]?
    /// Follows the authenticator data.
    var trailing: [UInt8] = []

    init(_ key: SoftKey = .es256) { cose = key.cose }

    var made: PasskeyRegistration {
        var data = data
        if data.flags & SoftData.at != 0 {
            data.rest += SoftData.credential(aaguid: Soft.aaguid, id: credentialID, cose: cose)
        }
        data.rest += extensions + trailing
        let object =
            object
            ?? Encoded.map([
                (Encoded.text("fmt"), Encoded.text(format)), (Encoded.text("attStmt"), statement),
                (Encoded.text("authData"), Encoded.bytes(data.bytes)),
            ])
        return PasskeyRegistration(clientDataJSON: client.bytes, attestationObject: object)
    }

    func verify() throws -> RegisteredPasskey {
        try made.verify(challenge: Soft.challenge, relyingParty: Soft.party)
    }
}

/// An assertion that is right unless a test changes it.
struct SoftAssertion: Sendable {
    var client = SoftClient(type: "webauthn.get", challenge: Soft.challenge)
    var data = SoftData(flags: SoftData.up | SoftData.uv)
    var credentialID = Soft.credentialID
    var key: SoftKey
    /// The key that it is verified with.
    var registered: SoftKey
    /// What the registration said.
    var isBackupEligible = false
    var userHandle: [UInt8]?
    /// Changes what was signed.
    var tamper: @Sendable (PasskeyAssertion) throws -> PasskeyAssertion = { $0 }

    init(_ key: SoftKey = .es256) {
        self.key = key
        registered = key
    }

    func made() throws -> PasskeyAssertion {
        let signed = data.bytes + SHA256.hash(data: client.bytes)
        return try tamper(
            PasskeyAssertion(
                credentialID: credentialID, authenticatorData: data.bytes,
                clientDataJSON: client.bytes, signature: try key.sign(signed),
                userHandle: userHandle))
    }

    func verify() throws -> PasskeyAssertion.Result {
        try verify(made())
    }

    func verify(_ assertion: PasskeyAssertion) throws -> PasskeyAssertion.Result {
        try assertion.verify(
            publicKey: PasskeyPublicKey(cose: registered.cose), isBackupEligible: isBackupEligible,
            challenge: Soft.challenge, relyingParty: Soft.party)
    }
}

extension PasskeyAssertion {
    /// The same with other parts.
    func with(
        data: [UInt8]? = nil, client: [UInt8]? = nil, signature: [UInt8]? = nil
    ) -> PasskeyAssertion {
        PasskeyAssertion(
            credentialID: credentialID, authenticatorData: data ?? authenticatorData,
            clientDataJSON: client ?? clientDataJSON, signature: signature ?? self.signature,
            userHandle: userHandle)
    }
}

/// The code of the error that is thrown, or nil.
func code(_ body: () throws -> Void) throws -> WebAuthnError.Code? {
    do {
        try body()
        return nil
    } catch let error as WebAuthnError {
        return error.code
    }
}
