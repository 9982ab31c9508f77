// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A public key that verifies note signatures (c2sp.org/signed-note).
///
/// Written as `name+hex(key ID)+base64(type ‖ public key)`. Two keys are equal when those lines
/// are equal byte for byte.
public struct VerifierKey: Sendable {
    /// The key's name; for a log also the origin of its checkpoints.
    public let name: String
    /// The short identifier that stands in signature lines.
    ///
    /// Not a secure hash of the key.
    public let keyID: UInt32
    /// What the key signs.
    public let type: SignatureType
    /// The 32 bytes of the Ed25519 public key (RFC 8032).
    public let publicKey: [UInt8]

    private let key: Curve25519.Signing.PublicKey

    /// Creates a key from its parts; the key ID is computed.
    public init(
        name: String, publicKey: [UInt8], type: SignatureType = .ed25519
    ) throws(KeyError) {
        try KeyName.check(name)
        guard publicKey.count == 32 else { throw .wrongKeyLength(publicKey.count) }
        guard !WeakKey.matches(publicKey),
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)
        else { throw .weakPublicKey }
        self.name = name
        self.publicKey = publicKey
        self.type = type
        self.keyID = KeyName.keyID(name: name, type: type, publicKey: publicKey)
        self.key = key
    }

    /// Reads a verifier key line, without a line break.
    ///
    /// Only the canonical spelling is read (lower-case key ID, canonical base64), and the key ID
    /// must belong to the key.
    public init(vkey: String) throws(KeyError) {
        // Base64 may contain pluses, names may not: only the first two separate.
        let parts = vkey.utf8.split(
            separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].count <= 64,
            let keyID = KeyName.keyID(hex: Substring(parts[1])),
            let bytes = CanonicalBase64.decode(parts[2]), let typeByte = bytes.first
        else { throw .malformedVerifierKey }
        guard let type = SignatureType(rawValue: typeByte) else { throw .unknownType(typeByte) }
        try self.init(
            name: String(Substring(parts[0])), publicKey: Array(bytes.dropFirst()), type: type)
        guard self.keyID == keyID else {
            throw .wrongKeyID(found: keyID, expected: self.keyID)
        }
    }

    /// The key as one line of text.
    public var vkey: String {
        let encoded = CanonicalBase64.encode([type.rawValue] + publicKey)
        return "\(name)+\(KeyName.hex(keyID))+\(encoded)"
    }

    /// The SHA-256 of the `vkey` line, by which tokens and configuration name the log key.
    public var fingerprint: Hash256 {
        .sha256(Array(vkey.utf8))
    }

    /// Tells whether a signature (without its key ID) was made by this key over a note text.
    ///
    /// A cosignature key verifies only texts that are checkpoints.
    public func verify(signature: [UInt8], text: [UInt8]) -> Bool {
        switch type {
        case .ed25519:
            signature.count == 64 && key.isValidSignature(signature, for: text)
        case .cosignatureV1:
            cosignatureTime(signature: signature, text: text) != nil
        }
    }

    /// Returns when a valid cosignature says it was made, in POSIX seconds, or nil.
    ///
    /// The signature bytes are a big-endian 64-bit time and an Ed25519 signature over
    /// `cosignature/v1`, `time <seconds>` and the checkpoint text (c2sp.org/tlog-cosignature
    /// v1.0.1). The time is the witness's claim; compare it with a clock where that matters.
    public func cosignatureTime(signature: [UInt8], text: [UInt8]) -> UInt64? {
        guard type == .cosignatureV1, signature.count == 72,
            let checkpointText = String(validating: text, as: UTF8.self),
            (try? Checkpoint(parsing: checkpointText)) != nil
        else { return nil }
        let time = signature[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard time <= Decimal.maximum else { return nil }
        let message = Array("cosignature/v1\ntime \(time)\n".utf8) + text
        return key.isValidSignature(Array(signature[8...]), for: message) ? time : nil
    }
}

extension VerifierKey: Hashable {
    /// Compares name, type and key byte for byte.
    public static func == (left: VerifierKey, right: VerifierKey) -> Bool {
        sameBytes(left.name, right.name) && left.type == right.type
            && left.publicKey == right.publicKey
    }

    /// Feeds the key's identity to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(keyID)
        hasher.combine(publicKey)
    }
}

extension VerifierKey: CustomStringConvertible {
    /// The key as one line of text.
    public var description: String { vkey }
}
