// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// Where each chain that could still grow ended, at one size of the tree.
///
/// With it a start reads what came after, instead of the whole ledger. It is kept in the database
/// under a MAC whose key is not there, because it says what would otherwise have to be counted:
/// that no entry is missing at the end of a chain. Everything else about it is proven again when
/// it is used. Without a snapshot, or with one that does not fit, a start reads everything.
package struct LedgerSnapshot: Sendable {
    let size: UInt64
    let root: Hash256
    /// The latest recorded instant then.
    let at: Timestamp
    let tips: [String: ChainTip]

    /// The stored form, in canonical JSON; chains in order of `ref`, which are ASCII.
    func bytes() -> [UInt8] {
        var writer = CanonicalWriter(capacity: 256 + tips.count * 128)
        writer.beginObject()
        writer.key("at")
        writer.instant(at)
        writer.key("chains")
        writer.beginArray()
        for (ref, tip) in tips.sorted(by: { $0.key < $1.key }) {
            writer.beginArray()
            writer.string(ref)
            writer.int(Int64(tip.next))
            writer.hash(tip.last)
            writer.string(tip.status?.rawValue)
            if tip.owes { writer.bool(true) }
            writer.endArray()
        }
        writer.endArray()
        writer.key("root")
        writer.hash(root)
        writer.key("size")
        writer.int(Int64(size))
        writer.key("v")
        writer.int(1)
        writer.endObject()
        return writer.bytes
    }

    init(size: UInt64, root: Hash256, at: Timestamp, tips: [String: ChainTip]) {
        self.size = size
        self.root = root
        self.at = at
        self.tips = tips
    }

    /// Reads the stored form; throws for any other.
    init(_ bytes: [UInt8]) throws {
        var reader = try JSONReader(
            try JSON(canonical: bytes, limits: Limits.storedJSON), path: "snapshot")
        guard try reader.int("v") == 1 else { throw CoreError("`snapshot.v`: unknown version") }
        size = UInt64(clamping: try reader.int("size"))
        root = try reader.hash("root")
        at = try reader.timestamp("at")
        var tips: [String: ChainTip] = [:]
        for chain in try reader.array("chains") {
            guard let ref = chain[0]?.stringValue, let next = chain[1]?.intValue, next > 0,
                let last = chain[2]?.stringValue.flatMap({ Hash256(hex: $0) })
            else { throw CoreError("`snapshot.chains`: malformed") }
            tips[ref] = ChainTip(
                next: UInt64(next), last: last,
                status: chain[3]?.stringValue.flatMap(ActionStatus.init),
                owes: chain[4]?.boolValue ?? false)
        }
        try reader.finish()
        self.tips = tips
    }
}

/// Seals snapshots with a key that is not in the database.
package struct SnapshotSeal: Sendable {
    let seal: @Sendable (_ space: String, _ key: String, _ value: [UInt8]) -> OperationalRow
    let open: @Sendable (OperationalRow) -> [UInt8]?

    /// Takes the two halves of a MAC over an operational row.
    package init(
        seal:
            @escaping @Sendable (_ space: String, _ key: String, _ value: [UInt8])
            -> OperationalRow,
        open: @escaping @Sendable (OperationalRow) -> [UInt8]?
    ) {
        self.seal = seal
        self.open = open
    }

    private static let space = "snapshot"
    private static let key = "ledger"

    func row(_ snapshot: LedgerSnapshot) -> OperationalRow {
        seal(Self.space, Self.key, snapshot.bytes())
    }

    /// The snapshot that the store has; nil if there is none or it isn't ours.
    func snapshot(_ reader: any LedgerReading) throws -> LedgerSnapshot? {
        guard let row = try reader.operational(space: Self.space, key: Self.key),
            let bytes = open(row)
        else { return nil }
        return try? LedgerSnapshot(bytes)
    }
}
