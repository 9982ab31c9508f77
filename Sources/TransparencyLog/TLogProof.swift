// SPDX-License-Identifier: Apache-2.0

/// Why the text of a log proof was refused.
public enum TLogProofError: Error, Sendable, Hashable {
    /// The proof is longer than `TLogProof.maximumBytes`.
    case tooLong(byteCount: Int)
    /// The first line is not `c2sp.org/tlog-proof@v1`.
    case unknownFormat
    /// The `extra` line is not followed by canonical base64.
    case invalidExtra
    /// The `index` line is missing or not a decimal number without leading zeroes.
    case invalidIndex
    /// A line of the inclusion proof is not the base64 of 32 bytes.
    case invalidHash(line: Int)
    /// There are more than 63 hashes, or no blank line after them.
    case unterminatedProof
    /// The text after the blank line is not a checkpoint signed by anybody.
    case invalidCheckpoint(NoteError)
    /// The text is another spelling of a proof than the one this module writes.
    case notCanonical
}

extension TLogProofError: CustomStringConvertible {
    /// One line saying what is wrong and what to do.
    public var description: String {
        switch self {
        case .tooLong(let count):
            "a log proof of `\(count)` bytes is too long: the limit is \(TLogProof.maximumBytes)"
        case .unknownFormat:
            "not a log proof: expected the first line `\(TLogProof.header)`"
        case .invalidExtra: "invalid `extra` line in the log proof: expected canonical base64"
        case .invalidIndex: "invalid `index` line in the log proof: expected a decimal number"
        case .invalidHash(let line):
            "line `\(line)` of the log proof is malformed: expected the base64 of a 32-byte hash"
        case .unterminatedProof:
            "the log proof has no blank line after at most 63 hashes: fetch it again"
        case .invalidCheckpoint(let error):
            "the log proof has no signed checkpoint: \(error)"
        case .notCanonical:
            "the log proof is not in canonical form: fetch it again from the log"
        }
    }
}

/// An entry's offline proof of being in a log (c2sp.org/tlog-proof@v1): its index, its inclusion
/// proof and the signed checkpoint that the proof leads to.
///
/// The text has one form only. Each byte of it but those of the `extra` line and of signatures by
/// keys the verifier does not know is covered by `verify`.
public struct TLogProof: Sendable {
    /// The first line of the text.
    public static let header = "c2sp.org/tlog-proof@v1"
    /// The longest text, in bytes.
    public static let maximumBytes = 1_048_576
    /// The largest number of hashes: trees have at most 2^63 − 1 entries.
    public static let maximumHashes = 63

    /// The index of the entry.
    public let index: UInt64
    /// The inclusion proof, from the leaf's sibling upwards.
    public let hashes: [Hash256]
    /// The signed checkpoint, verbatim.
    public let checkpoint: String
    /// Data of the application that nothing authenticates, or nil.
    public let extra: [UInt8]?

    /// Creates a proof from its parts; nothing is verified but the form of the checkpoint note.
    public init(
        index: UInt64, hashes: [Hash256], checkpoint: String, extra: [UInt8]? = nil
    ) throws(TLogProofError) {
        guard index <= Decimal.maximum else { throw .invalidIndex }
        guard hashes.count <= Self.maximumHashes else { throw .unterminatedProof }
        // Without extra data the line is left out: an empty one would be a second spelling.
        guard extra?.isEmpty != true else { throw .invalidExtra }
        do throws(NoteError) {
            _ = try SignedNote(parsing: checkpoint)
        } catch {
            throw .invalidCheckpoint(error)
        }
        self.index = index
        self.hashes = hashes
        self.checkpoint = checkpoint
        self.extra = extra
        let count = text.utf8.count
        guard count <= Self.maximumBytes else { throw .tooLong(byteCount: count) }
    }

    /// Reads a proof's text; any text that is not exactly what `text` writes is refused.
    public init(parsing text: String) throws(TLogProofError) {
        guard text.utf8.count <= Self.maximumBytes else {
            throw .tooLong(byteCount: text.utf8.count)
        }
        var rest = Array(text.utf8)[...]
        var line = 0
        func next() -> ArraySlice<UInt8>? {
            guard let end = rest.firstIndex(of: 0x0A) else { return nil }
            line += 1
            defer { rest = rest[(end + 1)...] }
            return rest[..<end]
        }

        guard let first = next(), first.elementsEqual(Self.header.utf8) else {
            throw .unknownFormat
        }
        var field = next()
        var extra: [UInt8]?
        if let value = Self.value(of: field, named: "extra ") {
            guard let bytes = CanonicalBase64.decode(value) else { throw .invalidExtra }
            extra = bytes
            field = next()
        }
        guard let value = Self.value(of: field, named: "index "), let index = Decimal.decode(value)
        else { throw .invalidIndex }

        var hashes: [Hash256] = []
        while let encoded = next() {
            if encoded.isEmpty {
                try self.init(
                    index: index, hashes: hashes, checkpoint: String(decoding: rest, as: UTF8.self),
                    extra: extra)
                guard sameBytes(self.text, text) else { throw .notCanonical }
                return
            }
            guard hashes.count < Self.maximumHashes else { throw .unterminatedProof }
            guard encoded.count == 44, let bytes = CanonicalBase64.decode(encoded),
                let hash = Hash256(bytes: bytes)
            else { throw .invalidHash(line: line) }
            hashes.append(hash)
        }
        throw .unterminatedProof
    }

    /// The proof as text, the contents of a `.tlog-proof` file.
    public var text: String {
        Self.text(index: index, hashes: hashes, checkpoint: checkpoint, extra: extra)
    }

    /// The text of a proof that a log makes itself, under a checkpoint that it has just signed.
    ///
    /// Nothing is checked, the form of the checkpoint neither; for texts from elsewhere use the
    /// initialisers.
    public static func text(
        index: UInt64, hashes: [Hash256], checkpoint: String, extra: [UInt8]? = nil
    ) -> String {
        var text = "\(header)\n"
        text.reserveCapacity(64 + 45 * hashes.count + checkpoint.utf8.count)
        if let extra { text += "extra \(CanonicalBase64.encode(extra))\n" }
        text += "index \(index)\n"
        for hash in hashes {
            text += hash.base64
            text += "\n"
        }
        text += "\n"
        text += checkpoint
        return text
    }

    /// Verifies that a leaf is in the log of a key and returns the checkpoint that proves it.
    ///
    /// Checks the log's signature, the origin and the inclusion proof. Whether the checkpoint is
    /// recent, or consistent with one seen before, is for the caller to check. Throws `NoteError`,
    /// `CheckpointError` or `ProofError`.
    public func verify(leaf: Hash256, key: VerifierKey) throws -> Checkpoint {
        let verified = try Checkpoint.verified(checkpoint, key: key)
        try MerkleProof.verifyInclusion(
            leaf: leaf, index: index, size: verified.size, proof: hashes, root: verified.root)
        return verified
    }

    private static func value(
        of line: ArraySlice<UInt8>?, named name: String
    ) -> ArraySlice<UInt8>? {
        guard let line, line.starts(with: name.utf8) else { return nil }
        return line.dropFirst(name.utf8.count)
    }
}

extension TLogProof: Hashable {
    /// Compares two proofs byte for byte.
    public static func == (left: TLogProof, right: TLogProof) -> Bool {
        sameBytes(left.text, right.text)
    }

    /// Feeds index and hashes to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(index)
        hasher.combine(hashes)
    }
}
