// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// The two salted commitments of an entry; the label keeps one from standing for the other.
package enum Commitment {
    package static func core(salt: Hash256, bytes: [UInt8]) -> Hash256 {
        hash(label: coreLabel, salt: salt, bytes: bytes)
    }

    package static func body(salt: Hash256, bytes: [UInt8]) -> Hash256 {
        hash(label: bodyLabel, salt: salt, bytes: bytes)
    }

    private static let coreLabel = Array("exequatur/v1/core\n".utf8)
    private static let bodyLabel = Array("exequatur/v1/body\n".utf8)

    private static func hash(label: [UInt8], salt: Hash256, bytes: [UInt8]) -> Hash256 {
        var input: [UInt8] = []
        input.reserveCapacity(label.count + 32 + bytes.count)
        input += label
        input += salt.bytes
        input += bytes
        return .sha256(input)
    }
}

/// One leaf of the log: who it concerns, where it stands in that chain, and what it commits to.
///
/// The bytes are canonical JSON (DESIGN §6): `at, body, core, kind, prev, ref, seq, v`.
package struct LedgerEntry: Sendable, Hashable {
    package let kind: String
    package let at: Timestamp
    /// What the entry is about: an action id, `directory`, `policies` or `installation`.
    package let ref: String
    /// Position in the chain of `ref`, from 0 without gaps.
    package let seq: UInt64
    /// Merkle leaf hash of the chain's previous entry; all zero for the first.
    package let previous: Hash256
    package let core: Hash256
    package let body: Hash256
    package let leaf: [UInt8]
    package let leafHash: Hash256

    package init(
        kind: String, at: Timestamp, ref: String, seq: UInt64, previous: Hash256,
        core: Hash256, body: Hash256
    ) {
        self.kind = kind
        self.at = at
        self.ref = ref
        self.seq = seq
        self.previous = previous
        self.core = core
        self.body = body
        // Written by hand because each entry of every action passes here: the members are in
        // canonical order and none of the texts needs an escape (checked for `kind` and `ref`).
        precondition(Self.isPlain(kind) && Self.isPlain(ref), "kind and ref are plain ASCII")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(416 + ref.utf8.count)
        bytes += "{\"at\":\"".utf8
        at.append(to: &bytes)
        bytes += "\",\"body\":\"sha256:".utf8
        body.appendHex(to: &bytes)
        bytes += "\",\"core\":\"sha256:".utf8
        core.appendHex(to: &bytes)
        bytes += "\",\"kind\":\"".utf8
        bytes += kind.utf8
        bytes += "\",\"prev\":\"sha256:".utf8
        previous.appendHex(to: &bytes)
        bytes += "\",\"ref\":\"".utf8
        bytes += ref.utf8
        bytes += "\",\"seq\":".utf8
        bytes += String(seq).utf8
        bytes += ",\"v\":1}".utf8
        leaf = bytes
        leafHash = MerkleHash.leaf(leaf)
    }

    /// Reads leaf bytes; anything but the exact form written above is refused.
    package init(leaf: [UInt8]) throws {
        guard leaf.count <= Limits.leafBytes else {
            throw CoreError("the entry has \(leaf.count) bytes; the limit is \(Limits.leafBytes)")
        }
        var reader = try JSONReader(try JSON(canonical: leaf), path: "entry")
        guard try reader.int("v") == 1 else { throw CoreError("`entry.v`: unknown version") }
        let kind = try reader.string("kind")
        let ref = try reader.string("ref")
        let seq = try reader.int("seq")
        guard Self.isPlain(kind), Self.isPlain(ref), seq >= 0 else {
            throw CoreError("`entry`: kind, ref or seq is out of range")
        }
        self.init(
            kind: kind, at: try reader.timestamp("at"), ref: ref, seq: UInt64(seq),
            previous: try Self.commitment(&reader, "prev"),
            core: try Self.commitment(&reader, "core"),
            body: try Self.commitment(&reader, "body"))
        try reader.finish()
        guard self.leaf == leaf else { throw CoreError("`entry`: not in its one written form") }
    }

    private static func commitment(
        _ reader: inout JSONReader, _ key: String
    ) throws -> Hash256 {
        let text = try reader.string(key)
        guard text.hasPrefix("sha256:"), let hash = Hash256(hex: String(text.dropFirst(7))) else {
            throw CoreError("`entry.\(key)`: expected `sha256:` and 64 lower-case hex digits")
        }
        return hash
    }

    private static func isPlain(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 128
            && text.utf8.allSatisfy { byte in
                (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
                    || byte == 0x2E || byte == 0x5F || byte == 0x2D
            }
    }
}

extension Hash256 {
    /// `prev` of the first entry of a chain.
    package static let zero = Hash256(trusted: Array(repeating: 0, count: 32))

    /// For 32 bytes that are known to be 32 bytes.
    package init(trusted bytes: [UInt8]) {
        guard let hash = Hash256(bytes: bytes) else { preconditionFailure("not 32 bytes") }
        self = hash
    }
}

/// An entry with what it commits to, as stored and as carried in receipts.
package struct RecordedEntry: Sendable {
    package let index: UInt64
    package let entry: LedgerEntry
    package let coreSalt: Hash256
    package let core: [UInt8]
    package let bodySalt: Hash256?
    /// Nil where a reviewed erasure removed it.
    package let body: [UInt8]?

    package init(
        index: UInt64, entry: LedgerEntry, coreSalt: Hash256, core: [UInt8],
        bodySalt: Hash256?, body: [UInt8]?
    ) {
        self.index = index
        self.entry = entry
        self.coreSalt = coreSalt
        self.core = core
        self.bodySalt = bodySalt
        self.body = body
    }

    /// The same entry for where its body is not needed.
    package var withoutBody: RecordedEntry {
        RecordedEntry(
            index: index, entry: entry, coreSalt: coreSalt, core: core, bodySalt: nil, body: nil)
    }

    /// True if core and body are those the leaf commits to.
    package var matchesCommitments: Bool {
        Commitment.core(salt: coreSalt, bytes: core) == entry.core && bodyMatches
    }

    /// True if the body is the one the leaf commits to, or if there is none.
    package var bodyMatches: Bool {
        guard let body, let bodySalt else { return body == nil && bodySalt == nil }
        return Commitment.body(salt: bodySalt, bytes: body) == entry.body
    }
}

/// A new entry before the writer gives it its place and its instant.
package struct EntryDraft: Sendable {
    package let kind: String
    package let ref: String
    package let core: [UInt8]
    package let coreSalt: Hash256
    package let coreCommitment: Hash256
    package let body: [UInt8]
    package let bodySalt: Hash256
    package let bodyCommitment: Hash256

    /// Serialises and commits.
    package init(
        kind: String, ref: String, core: JSON, body: JSON, salts: (core: Hash256, body: Hash256)
    ) throws {
        try self.init(
            kind: kind, ref: ref, core: try core.canonicalBytes(),
            body: try body.canonicalBytes(), salts: salts)
    }

    /// Commits to canonical bytes; done before the writer's turn, because hashing needs no lock.
    package init(
        kind: String, ref: String, core: [UInt8], body: [UInt8],
        salts: (core: Hash256, body: Hash256)
    ) throws {
        self.kind = kind
        self.ref = ref
        self.core = core
        self.body = body
        guard self.core.count <= Limits.coreBytes, self.body.count <= Limits.bodyBytes
        else { throw CoreError("the entry `\(kind)` is larger than its limit") }
        coreSalt = salts.core
        bodySalt = salts.body
        coreCommitment = Commitment.core(salt: salts.core, bytes: self.core)
        bodyCommitment = Commitment.body(salt: salts.body, bytes: self.body)
    }
}
