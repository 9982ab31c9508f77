// SPDX-License-Identifier: Apache-2.0

import Crypto

/// An Ed25519 key that signs notes (c2sp.org/signed-note, type 0x01).
///
/// Its descriptions never show the secret. The stored form is that of Go's
/// `golang.org/x/mod/sumdb/note`: `PRIVATE+KEY+name+hex(key ID)+base64(0x01 ‖ seed)`.
public struct SigningKey: Sendable {
    /// The public half.
    public let verifierKey: VerifierKey

    private let key: Curve25519.Signing.PrivateKey

    /// The key's name.
    public var name: String { verifierKey.name }

    /// Creates a key from a name and a 32-byte seed (RFC 8032 §5.1.5), which must be random.
    public init(name: String, seed: [UInt8]) throws(KeyError) {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
            throw .wrongKeyLength(seed.count)
        }
        self.key = key
        self.verifierKey = try VerifierKey(
            name: name, publicKey: Array(key.publicKey.rawRepresentation))
    }

    /// Reads the text of a key file: the `PRIVATE+KEY+…` line, with or without a line feed.
    public init(privateKeyText text: String) throws(KeyError) {
        var bytes = text.utf8[...]
        if bytes.last == 0x0A { bytes.removeLast() }
        let parts = bytes.split(
            separator: UInt8(ascii: "+"), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].elementsEqual("PRIVATE".utf8),
            parts[1].elementsEqual("KEY".utf8), parts[4].count <= 64,
            let keyID = KeyName.keyID(hex: Substring(parts[3])),
            let secret = CanonicalBase64.decode(parts[4]), let type = secret.first
        else { throw .malformedPrivateKey }
        guard type == SignatureType.ed25519.rawValue else { throw .unknownType(type) }
        try self.init(name: String(Substring(parts[2])), seed: Array(secret.dropFirst()))
        guard verifierKey.keyID == keyID else {
            throw .wrongKeyID(found: keyID, expected: verifierKey.keyID)
        }
    }

    /// The secret key as one line of text without a line break; keep it in a file of mode 0600.
    public var privateKeyText: String {
        let secret = [SignatureType.ed25519.rawValue] + Array(key.rawRepresentation)
        return
            "PRIVATE+KEY+\(name)+\(KeyName.hex(verifierKey.keyID))+\(CanonicalBase64.encode(secret))"
    }

    /// Returns the 64 bytes of an Ed25519 signature over any bytes, for example `DSSE.pae`.
    ///
    /// Callers must separate domains: never sign bytes that could be read as a note of this key.
    public func signature(for bytes: [UInt8]) -> [UInt8] {
        guard let signature = try? key.signature(for: bytes) else {
            preconditionFailure("an Ed25519 key signs every text")
        }
        return Array(signature)
    }

    /// Returns the signature line's contents for a note text.
    public func noteSignature(for text: String) -> NoteSignature {
        NoteSignature(
            name: name, keyID: verifierKey.keyID, bytes: signature(for: Array(text.utf8)))
    }

    /// Returns the signed note of a text.
    ///
    /// The text must be a valid note text (it ends in a line feed and has no other control
    /// characters), which every `Checkpoint.text` is; anything else is a bug of the caller.
    public func sign(noteText: String) -> String {
        guard let note = try? SignedNote(text: noteText, signatures: [noteSignature(for: noteText)])
        else { preconditionFailure("a note text ends in a line feed, without control characters") }
        return note.encoded
    }
}

extension SigningKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The key's name and ID, never the secret.
    public var description: String {
        "signing key \(name)+\(KeyName.hex(verifierKey.keyID)) (secret not shown)"
    }

    /// The key's name and ID, never the secret.
    public var debugDescription: String { description }

    /// Shows nothing of the secret to `dump` and debuggers' summaries.
    public var customMirror: Mirror { Mirror(self, children: ["verifierKey": verifierKey.vkey]) }
}
