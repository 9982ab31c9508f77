// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import Foundation

/// The public key of a passkey, as a COSE key (RFC 9052 §7; WebAuthn Level 3 §6.5.1).
///
/// ES256 with P-256, EdDSA with Ed25519, and RS256 with 2,048 to 4,096 bits.
package struct PasskeyPublicKey: Sendable, Hashable {
    /// The key as it was given; no other bytes stand for the same key.
    package let cose: [UInt8]
    private let material: Material

    private enum Material: Sendable, Hashable {
        /// The uncompressed point, 65 bytes from 0x04.
        case es256(point: [UInt8])
        /// 32 bytes.
        case ed25519([UInt8])
        case rs256(modulus: [UInt8], exponent: [UInt8])
    }

    /// Reads a COSE key.
    ///
    /// It has to be in the canonical form of CTAP2, with exactly the members that its algorithm
    /// needs (RFC 9053 §7, RFC 8230 §4; WebAuthn Level 3 §5.8.5), and at most
    /// ``WebAuthnLimits/publicKeyBytes`` long. Refused are points that are not on P-256, Ed25519
    /// keys of small order or not in reduced form, and RSA keys of other sizes or with an exponent
    /// below 65,537. Whether the bytes of an Ed25519 key are a point shows with the first
    /// signature: there is none that would be valid.
    /// - Throws: ``WebAuthnError`` with a code of CBOR or of keys.
    package init(cose: [UInt8]) throws(WebAuthnError) {
        guard cose.count <= WebAuthnLimits.publicKeyBytes else {
            throw WebAuthnError(
                .cborTooLarge,
                "a key of \(cose.count) bytes: at most \(WebAuthnLimits.publicKeyBytes) are read")
        }
        let members = try COSEMembers(CBORReader.item(cose, isOrdered: true))
        material = try Self.material(members)
        self.cose = cose
    }

    /// The number of the algorithm in the registry of COSE: −7, −8 or −257.
    package var algorithm: Int {
        switch material {
        case .es256: COSE.es256
        case .ed25519: COSE.edDSA
        case .rs256: COSE.rs256
        }
    }

    /// Tells whether a signature is this key's over some bytes (WebAuthn Level 3 §6.5.5).
    ///
    /// ES256 signatures are in DER, with low or high S: one assertion may have two valid
    /// signatures, so that nothing can be recognised by its signature. EdDSA signatures are 64 raw
    /// bytes, RS256 is RSASSA-PKCS1-v1_5 with SHA-256 and as long as the modulus. Anything else is
    /// not valid.
    package func isValid(signature: [UInt8], of data: [UInt8]) -> Bool {
        guard signature.count <= WebAuthnLimits.signatureBytes else { return false }
        switch material {
        case .es256(let point):
            guard let key = try? P256.Signing.PublicKey(x963Representation: point),
                let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature)
            else { return false }
            return key.isValidSignature(signature, for: SHA256.hash(data: data))
        case .ed25519(let bytes):
            guard signature.count == 64,
                let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
            else { return false }
            return key.isValidSignature(signature, for: data)
        case .rs256(let modulus, let exponent):
            guard signature.count == modulus.count,
                let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
            else { return false }
            return key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature),
                for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
        }
    }

    private static func material(_ members: COSEMembers) throws(WebAuthnError) -> Material {
        guard let type = members[COSE.keyType]?.integer,
            let algorithm = members[COSE.algorithm]?.integer
        else { throw malformed }
        switch (algorithm, type) {
        case (COSE.es256, COSE.typeEC2): return try es256(members)
        case (COSE.edDSA, COSE.typeOKP): return try ed25519(members)
        case (COSE.rs256, COSE.typeRSA): return try rs256(members)
        case (COSE.es256, _), (COSE.edDSA, _), (COSE.rs256, _): throw malformed
        default:
            throw WebAuthnError(
                .unsupportedAlgorithm,
                "a key of the algorithm `\(algorithm)`: use ES256 (-7), EdDSA (-8) or RS256 (-257)")
        }
    }

    private static func es256(_ members: COSEMembers) throws(WebAuthnError) -> Material {
        try check(members, curve: COSE.p256, count: 5)
        guard let x = members[COSE.x]?.byteString, let y = members[COSE.y]?.byteString,
            x.count == 32, y.count == 32
        else { throw malformed }
        let point = [0x04] + x + y
        guard (try? P256.Signing.PublicKey(x963Representation: point)) != nil else {
            throw WebAuthnError(
                .pointNotOnCurve, "the key is no point of P-256: enrol another authenticator")
        }
        return .es256(point: point)
    }

    private static func ed25519(_ members: COSEMembers) throws(WebAuthnError) -> Material {
        try check(members, curve: COSE.ed25519, count: 4)
        guard let x = members[COSE.x]?.byteString, x.count == 32 else { throw malformed }
        guard !WeakPoint.matches(x) else {
            throw weak("it is of small order or not reduced, and would verify forged signatures")
        }
        guard (try? Curve25519.Signing.PublicKey(rawRepresentation: x)) != nil else {
            throw malformed
        }
        return .ed25519(x)
    }

    private static func rs256(_ members: COSEMembers) throws(WebAuthnError) -> Material {
        guard members.count == 4, let modulus = members[COSE.modulus]?.byteString,
            let exponent = members[COSE.exponent]?.byteString
        else { throw malformed }
        // RFC 8230 §4: as few octets as possible.
        guard let first = modulus.first, first != 0, let head = exponent.first, head != 0 else {
            throw malformed
        }
        let bits = modulus.count * 8 - first.leadingZeroBitCount
        guard WebAuthnLimits.rsaBits.contains(bits) else {
            throw weak(
                """
                RSA with \(bits) bits, where \(WebAuthnLimits.rsaBits.lowerBound) to \
                \(WebAuthnLimits.rsaBits.upperBound) are accepted
                """)
        }
        // FIPS 186-5 §A.1.1; more than four bytes are not known from any authenticator.
        let value = exponent.prefix(5).reduce(0) { $0 << 8 | UInt64($1) }
        guard exponent.count <= 4, value >= 65_537, value % 2 == 1 else {
            throw weak("its exponent is not an odd number from 65537 up to 32 bits")
        }
        guard (try? _RSA.Signing.PublicKey(n: modulus, e: exponent)) != nil else {
            throw weak("its modulus is not that of an RSA key")
        }
        return .rs256(modulus: modulus, exponent: exponent)
    }

    private static func check(
        _ members: COSEMembers, curve expected: Int, count: Int
    ) throws(WebAuthnError) {
        guard let curve = members[COSE.curve]?.integer else { throw malformed }
        guard curve == expected else {
            throw WebAuthnError(
                .wrongCurve,
                "a key of the curve `\(curve)`, where its algorithm has `\(expected)`: enrol again")
        }
        guard members.count == count else { throw malformed }
    }

    private static var malformed: WebAuthnError {
        WebAuthnError(
            .malformedKey,
            "not a COSE key with exactly the members of its algorithm: enrol another authenticator")
    }

    private static func weak(_ why: String) -> WebAuthnError {
        WebAuthnError(.weakKey, "a weak key: \(why), enrol another authenticator")
    }
}

/// The numbers that stand in COSE keys (RFC 9053, RFC 8230, RFC 8812).
private enum COSE {
    static let keyType = 1
    static let algorithm = 3
    static let curve = -1
    static let x = -2
    static let y = -3
    static let modulus = -1
    static let exponent = -2
    static let typeOKP = 1
    static let typeEC2 = 2
    static let typeRSA = 3
    static let es256 = -7
    static let edDSA = -8
    static let rs256 = -257
    static let p256 = 1
    static let ed25519 = 6
}

/// The members of a COSE key by their numbers.
private struct COSEMembers {
    private var members: [Int: CBOR] = [:]
    /// All of them, those with other keys too.
    let count: Int

    init(_ item: CBOR) throws(WebAuthnError) {
        guard case .map(let list) = item else {
            throw WebAuthnError(.malformedKey, "not a COSE key: expected a map of CBOR")
        }
        count = list.count
        for member in list {
            guard let key = member.key.integer else { continue }
            members[key] = member.value
        }
    }

    subscript(key: Int) -> CBOR? { members[key] }
}

/// Ed25519 public keys that verify signatures their owner never made.
private enum WeakPoint {
    /// The y coordinates of the points of small order, without the sign of x: 0, 1, those of order
    /// eight, and −1.
    private static let smallOrder: [[UInt8]] = [
        [UInt8](repeating: 0, count: 32),
        [1] + [UInt8](repeating: 0, count: 31),
        [
            0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF,
            0x98, 0xF0, 0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88,
            0x6D, 0x53, 0xFC, 0x05,
        ],
        [
            0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10,
            0x67, 0x0F, 0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77,
            0x92, 0xAC, 0x03, 0x7A,
        ],
        [0xEC] + [UInt8](repeating: 0xFF, count: 30) + [0x7F],
    ]

    /// Tells whether a 32-byte key is of small order or its y is not below 2^255 − 19.
    static func matches(_ key: [UInt8]) -> Bool {
        var y = key
        y[31] &= 0x7F
        let isReduced = y[31] != 0x7F || y[0] < 0xED || y[1...30].contains { $0 != 0xFF }
        return !isReduced || smallOrder.contains(y)
    }
}
