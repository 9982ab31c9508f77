// SPDX-License-Identifier: Apache-2.0

import Crypto

/// The assigned signature types of c2sp.org/signed-note that this module verifies.
public enum SignatureType: UInt8, Sendable, Hashable {
    /// Ed25519 over the note text.
    case ed25519 = 0x01
    /// A witness's timestamped Ed25519 cosignature of a checkpoint (c2sp.org/tlog-cosignature).
    case cosignatureV1 = 0x04
}

/// Why a key was refused.
///
/// No case carries key material, so that errors can be logged.
public enum KeyError: Error, Sendable, Hashable {
    /// The text has not the three parts of a verifier key.
    case malformedVerifierKey
    /// The text has not the form of a private key.
    case malformedPrivateKey
    /// The name is empty, too long, or has spaces, control characters or a plus.
    case invalidName(String)
    /// The signature type is not one this module knows.
    case unknownType(UInt8)
    /// The key ID does not belong to the name and key.
    case wrongKeyID(found: UInt32, expected: UInt32)
    /// The key is not 32 bytes long.
    case wrongKeyLength(Int)
    /// The public key is of small order or not in canonical form: it would verify any text.
    case weakPublicKey
}

extension KeyError: CustomStringConvertible {
    /// One line saying what is wrong and what to do.
    public var description: String {
        switch self {
        case .malformedVerifierKey:
            "malformed verifier key: expected `name+8 hex digits+base64`, copy the whole line"
        case .malformedPrivateKey:
            """
            malformed private key: expected `PRIVATE+KEY+name+8 hex digits+base64` on one line, \
            restore the key file
            """
        case .invalidName(let name):
            """
            invalid key name \(quoted(name)): use 1 to \(KeyName.maximumBytes) bytes without \
            spaces, control characters and `+`
            """
        case .unknownType(let type):
            "unknown signature type `\(type)`: use an Ed25519 key (1) or cosignature key (4)"
        case .wrongKeyID(let found, let expected):
            """
            key ID `\(KeyName.hex(found))` does not belong to this key, expected \
            `\(KeyName.hex(expected))`: copy the whole line again
            """
        case .wrongKeyLength(let count):
            "an Ed25519 key of `\(count)` bytes: expected 32"
        case .weakPublicKey:
            "the public key verifies forged texts: it is of small order, generate another key"
        }
    }
}

/// The rules of c2sp.org/signed-note for key names and key IDs.
public enum KeyName {
    /// The longest name of a key of ours, in bytes; c2sp.org/tlog-cosignature has room for 255.
    public static let maximumBytes = 255

    /// Tells whether a name is non-empty and free of Unicode spaces, control characters and pluses.
    static func isValid(_ name: some StringProtocol) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy { scalar in
                scalar.value >= 0x20 && scalar != "+" && !scalar.properties.isWhitespace
            }
    }

    static func check(_ name: String) throws(KeyError) {
        guard isValid(name), name.utf8.count <= maximumBytes else { throw .invalidName(name) }
    }

    /// The first four bytes of SHA-256(name ‖ LF ‖ type ‖ public key), big-endian.
    static func keyID(name: String, type: SignatureType, publicKey: [UInt8]) -> UInt32 {
        let hash = Hash256.sha256(concatenating: [
            Array(name.utf8), [0x0A, type.rawValue], publicKey,
        ])
        return hash.withUnsafeBytes {
            UInt32(bigEndian: $0.loadUnaligned(as: UInt32.self))
        }
    }

    static func hex(_ keyID: UInt32) -> String {
        withUnsafeBytes(of: keyID.bigEndian) { Hex.encode($0) }
    }

    static func keyID(hex: some StringProtocol) -> UInt32? {
        guard hex.utf8.count == 8, let bytes = Hex.decode(String(hex)) else { return nil }
        return bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// Ed25519 public keys that verify signatures their owner never made.
enum WeakKey {
    /// The y coordinates of the points of small order, without the sign of x.
    private static let smallOrder = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]

    /// Tells whether a 32-byte key is of small order or its y is not below 2^255 − 19.
    ///
    /// RFC 8032 implementations differ on both, so a log with such a key would be valid for some
    /// verifiers only; with small order, one signature is valid for every text.
    static func matches(_ publicKey: [UInt8]) -> Bool {
        var y = publicKey
        y[31] &= 0x7F
        let isReduced = y[31] != 0x7F || y[0] < 0xED || y[1...30].contains { $0 != 0xFF }
        return !isReduced || smallOrder.contains { Hex.decode($0) == y }
    }
}
