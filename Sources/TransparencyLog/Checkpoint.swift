// SPDX-License-Identifier: Apache-2.0

/// Why a checkpoint was refused.
public enum CheckpointError: Error, Sendable, Hashable {
    /// The text is not at least three non-empty lines, each ending in a line feed.
    case malformed
    /// The origin is empty, longer than 255 bytes or has control characters.
    case invalidOrigin(String)
    /// The second line is not a decimal number up to 2^63 − 1 without leading zeroes.
    case invalidSize(String)
    /// The third line is not the base64 of 32 bytes, or not the empty root of an empty tree.
    case invalidRoot(String)
    /// An extension line is empty or has control characters.
    case invalidExtension
    /// The origin is not the name of the key the checkpoint is verified with.
    case wrongOrigin(found: String, expected: String)
    /// The key is a witness's: a log signs its own checkpoints with an Ed25519 note key.
    case notALogKey(name: String)
}

extension CheckpointError: CustomStringConvertible {
    /// One line saying what is wrong and what to do.
    public var description: String {
        switch self {
        case .malformed:
            "not a checkpoint: expected lines with origin, size and root hash, fetch it again"
        case .invalidOrigin(let origin):
            "invalid origin \(quoted(origin)): use 1 to 255 bytes without control characters"
        case .invalidSize(let size):
            "invalid tree size \(quoted(size)): expected a decimal number without leading zeroes"
        case .invalidRoot(let root):
            "invalid root hash \(quoted(root)): expected the base64 of the tree's 32-byte root"
        case .invalidExtension:
            "invalid extension line: expected a non-empty line without control characters"
        case .wrongOrigin(let found, let expected):
            "the checkpoint is of \(quoted(found)), not of \(quoted(expected)): check the log key"
        case .notALogKey(let name):
            "\(quoted(name)) is a witness's key: verify the checkpoint with the log's own key"
        }
    }
}

/// The size and root of a log's tree, signed by the log (c2sp.org/tlog-checkpoint v1.0.0).
///
/// A log must never sign two checkpoints of which one is not an extension of the other.
public struct Checkpoint: Sendable, Hashable {
    /// The longest origin, in bytes.
    public static let maximumOriginBytes = KeyName.maximumBytes

    /// Which log this is; equal to the name of its key.
    public let origin: String
    /// The number of entries, at most 2^63 − 1.
    public let size: UInt64
    /// The root hash of the tree (RFC 6962 §2.1).
    public let root: Hash256
    /// Further lines, opaque.
    ///
    /// No auditor can check them: better none.
    public let extensions: [String]

    /// Creates a checkpoint.
    public init(
        origin: String, size: UInt64, root: Hash256, extensions: [String] = []
    ) throws(CheckpointError) {
        guard Self.isLine(origin), origin.utf8.count <= Self.maximumOriginBytes else {
            throw .invalidOrigin(origin)
        }
        guard size <= Decimal.maximum else { throw .invalidSize(String(size)) }
        guard size > 0 || root == MerkleHash.emptyRoot else { throw .invalidRoot(root.base64) }
        guard extensions.allSatisfy(Self.isLine) else { throw .invalidExtension }
        self.origin = origin
        self.size = size
        self.root = root
        self.extensions = extensions
    }

    /// Reads the text of a checkpoint, which must be in canonical form, without signatures.
    public init(parsing text: String) throws(CheckpointError) {
        guard text.utf8.last == 0x0A else { throw .malformed }
        let lines = text.utf8.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false)
        guard lines.count >= 3, lines.allSatisfy({ !$0.isEmpty }) else { throw .malformed }
        guard let size = Decimal.decode(lines[1]) else {
            throw .invalidSize(String(Substring(lines[1])))
        }
        let rootLine = String(Substring(lines[2]))
        guard let root = Hash256(base64: rootLine) else { throw .invalidRoot(rootLine) }
        try self.init(
            origin: String(Substring(lines[0])), size: size, root: root,
            extensions: lines[3...].map { String(Substring($0)) })
    }

    /// The checkpoint as the text that is signed.
    public var text: String {
        let lines = extensions.reduce(into: "") { $0 += "\($1)\n" }
        return "\(origin)\n\(size)\n\(root.base64)\n\(lines)"
    }

    /// Returns the checkpoint as a note signed by the log's key.
    public func signed(by key: SigningKey) -> String {
        key.sign(noteText: text)
    }

    /// Returns the checkpoint as a note signed by several keys, as during a rotation.
    public func signed(by keys: [SigningKey]) throws(NoteError) -> String {
        let text = text
        return try SignedNote(text: text, signatures: keys.map { $0.noteSignature(for: text) })
            .encoded
    }

    /// Returns the checkpoint of a note after verifying the log's signature.
    ///
    /// The key must be an Ed25519 log key and its name the checkpoint's origin. Signatures of
    /// other keys are ignored. Throws `NoteError` or `CheckpointError`.
    public static func verified(_ note: String, key: VerifierKey) throws -> Checkpoint {
        try verified(SignedNote(parsing: note), key: key)
    }

    /// Returns the checkpoint of a parsed note after verifying the log's signature.
    public static func verified(_ note: SignedNote, key: VerifierKey) throws -> Checkpoint {
        guard key.type == .ed25519 else { throw CheckpointError.notALogKey(name: key.name) }
        _ = try note.verified(by: [key])
        let checkpoint = try Checkpoint(parsing: note.text)
        guard sameBytes(checkpoint.origin, key.name) else {
            throw CheckpointError.wrongOrigin(found: checkpoint.origin, expected: key.name)
        }
        return checkpoint
    }

    /// Compares two checkpoints byte for byte.
    public static func == (left: Checkpoint, right: Checkpoint) -> Bool {
        left.size == right.size && left.root == right.root && sameBytes(left.text, right.text)
    }

    /// Feeds size and root to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(size)
        hasher.combine(root)
    }

    private static func isLine(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 }
    }
}
