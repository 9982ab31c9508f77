// SPDX-License-Identifier: Apache-2.0

/// Why a signed note was refused.
public enum NoteError: Error, Sendable, Hashable {
    /// The note is longer than `SignedNote.maximumBytes`.
    case tooLong(byteCount: Int)
    /// The note is not UTF-8, or has a control character other than the line feed.
    case invalidText
    /// There is no blank line with signatures after it.
    case noSignatures
    /// A signature line does not have the form of one.
    case malformedSignature(line: Int)
    /// There are more than `SignedNote.maximumSignatures`.
    case tooManySignatures
    /// None of the signatures is by a known key.
    case noKnownSignature
    /// A signature by a known key is wrong.
    case invalidSignature(name: String, keyID: UInt32)
    /// Two known keys share a name and key ID.
    case ambiguousKey(name: String, keyID: UInt32)
}

extension NoteError: CustomStringConvertible {
    /// One line saying what is wrong and what to do.
    public var description: String {
        switch self {
        case .tooLong(let count):
            """
            a signed note of `\(count)` bytes is too long: the limit is \
            \(SignedNote.maximumBytes)
            """
        case .invalidText:
            "not a signed note: expected UTF-8 without control characters, fetch it again"
        case .noSignatures:
            "not a signed note: expected a blank line and signatures after the text"
        case .malformedSignature(let line):
            "signature line `\(line)` is malformed: expected `— name base64`, fetch the note again"
        case .tooManySignatures:
            "the note has more than \(SignedNote.maximumSignatures) signatures: remove some"
        case .noKnownSignature:
            "the note is not signed by a known key: check which log it comes from"
        case .invalidSignature(let name, let keyID):
            """
            the signature of \(quoted("\(name)+\(KeyName.hex(keyID))")) is wrong: do not trust \
            the note
            """
        case .ambiguousKey(let name, let keyID):
            """
            two different known keys are \(quoted("\(name)+\(KeyName.hex(keyID))")): remove the \
            one that is not the signer's
            """
        }
    }
}

/// One signature line of a note.
public struct NoteSignature: Sendable {
    /// The name of the key.
    public let name: String
    /// The key's short identifier.
    public let keyID: UInt32
    /// The signature, without the key ID; its form depends on the key's type.
    public let bytes: [UInt8]

    /// Creates a signature from its parts.
    public init(name: String, keyID: UInt32, bytes: [UInt8]) {
        self.name = name
        self.keyID = keyID
        self.bytes = bytes
    }

    var line: String {
        let identifier = withUnsafeBytes(of: keyID.bigEndian) { Array($0) }
        return "— \(name) \(CanonicalBase64.encode(identifier + bytes))\n"
    }
}

extension NoteSignature: Hashable {
    /// Compares two signatures byte for byte.
    public static func == (left: NoteSignature, right: NoteSignature) -> Bool {
        sameBytes(left.name, right.name) && left.keyID == right.keyID && left.bytes == right.bytes
    }

    /// Feeds the signature to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(keyID)
        hasher.combine(bytes)
    }
}

/// A text signed by one or more keys (c2sp.org/signed-note v1.0.0).
///
/// Nothing in the text may be believed before `verified(by:)` has returned. Only one spelling of
/// each note is read, so `encoded` gives back the very bytes that were parsed.
public struct SignedNote: Sendable, Hashable {
    /// The longest note, in bytes: room for 64 of the longest post-quantum signatures in use.
    public static let maximumBytes = 524_288
    /// The largest number of signatures; the specification demands at least 16.
    public static let maximumSignatures = 64

    /// The signed text, ending in a line feed.
    public let text: String
    /// The signatures in their order, those of unknown keys and types too.
    public let signatures: [NoteSignature]

    /// Creates a note from a text and 1 to 64 signatures, which are not verified.
    public init(text: String, signatures: [NoteSignature]) throws(NoteError) {
        guard text.utf8.last == 0x0A, Self.isValidText(text.utf8) else { throw .invalidText }
        guard !signatures.isEmpty else { throw .noSignatures }
        guard signatures.count <= Self.maximumSignatures else { throw .tooManySignatures }
        for (index, signature) in signatures.enumerated() {
            guard KeyName.isValid(signature.name), !signature.bytes.isEmpty else {
                throw .malformedSignature(line: index + 1)
            }
        }
        self.text = text
        self.signatures = signatures
        let count = encoded.utf8.count
        guard count <= Self.maximumBytes else { throw .tooLong(byteCount: count) }
    }

    /// Reads a signed note; the signatures are not verified yet.
    public init(parsing note: String) throws(NoteError) {
        let count = note.utf8.count
        guard count <= Self.maximumBytes else { throw .tooLong(byteCount: count) }
        let bytes = Array(note.utf8)
        guard Self.isValidText(bytes) else { throw .invalidText }
        // The text may have empty lines: the last one separates it from the signatures.
        guard let split = Self.lastBlankLine(bytes), bytes.last == 0x0A, split + 2 < bytes.count
        else { throw .noSignatures }

        var signatures: [NoteSignature] = []
        let lines = bytes[(split + 2)..<(bytes.count - 1)].split(
            separator: 0x0A, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            guard index < Self.maximumSignatures else { throw .tooManySignatures }
            guard let signature = Self.signature(line) else {
                throw .malformedSignature(line: index + 1)
            }
            signatures.append(signature)
        }
        self.text = String(decoding: bytes[...split], as: UTF8.self)
        self.signatures = signatures
    }

    /// Reads a signed note from bytes, which must be UTF-8.
    public init(parsing bytes: [UInt8]) throws(NoteError) {
        guard bytes.count <= Self.maximumBytes else { throw .tooLong(byteCount: bytes.count) }
        guard let note = String(validating: bytes, as: UTF8.self) else { throw .invalidText }
        try self.init(parsing: note)
    }

    /// The note as text: `text`, a blank line and the signature lines.
    public var encoded: String {
        signatures.reduce(into: text + "\n") { $0 += $1.line }
    }

    /// Returns a note with more signatures after the present ones.
    public func adding(_ more: [NoteSignature]) throws(NoteError) -> SignedNote {
        try SignedNote(text: text, signatures: signatures + more)
    }

    /// Verifies every signature by a known key and returns the keys that signed, in note order.
    ///
    /// Signatures by unknown keys are ignored, even when they share a known key's name or ID, but
    /// not both. Throws when none is by a known key and when any by a known key is wrong.
    public func verified(by keys: [VerifierKey]) throws(NoteError) -> [VerifierKey] {
        var signers: [VerifierKey] = []
        let message = Array(text.utf8)
        for signature in signatures {
            let matching = keys.filter {
                $0.keyID == signature.keyID && sameBytes($0.name, signature.name)
            }
            guard let key = matching.first else { continue }
            guard matching.allSatisfy({ $0 == key }) else {
                throw .ambiguousKey(name: key.name, keyID: key.keyID)
            }
            guard key.verify(signature: signature.bytes, text: message) else {
                throw .invalidSignature(name: key.name, keyID: key.keyID)
            }
            if !signers.contains(key) { signers.append(key) }
        }
        guard !signers.isEmpty else { throw .noKnownSignature }
        return signers
    }

    /// Compares two notes byte for byte.
    public static func == (left: SignedNote, right: SignedNote) -> Bool {
        sameBytes(left.text, right.text) && left.signatures == right.signatures
    }

    /// Feeds the note to a hasher.
    public func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
        hasher.combine(signatures)
    }

    /// No ASCII control characters but the line feed; a String is always UTF-8.
    static func isValidText(_ bytes: some Sequence<UInt8>) -> Bool {
        bytes.allSatisfy { $0 >= 0x20 || $0 == 0x0A }
    }

    /// Where the last two line feeds in a row begin.
    private static func lastBlankLine(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 2 else { return nil }
        return (0..<bytes.count - 1).reversed().first { bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A }
    }

    private static func signature(_ line: ArraySlice<UInt8>) -> NoteSignature? {
        let prefix = Array("— ".utf8)
        guard line.starts(with: prefix) else { return nil }
        let parts = line.dropFirst(prefix.count).split(
            separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let raw = CanonicalBase64.decode(parts[1]), raw.count >= 5 else {
            return nil
        }
        let name = String(decoding: parts[0], as: UTF8.self)
        guard KeyName.isValid(name) else { return nil }
        return NoteSignature(
            name: name, keyID: raw[..<4].reduce(0) { $0 << 8 | UInt32($1) },
            bytes: Array(raw[4...]))
    }
}
