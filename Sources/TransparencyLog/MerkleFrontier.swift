// SPDX-License-Identifier: Apache-2.0

/// The growing edge of an RFC 6962 Merkle tree.
///
/// A value type: assigning it is a snapshot, cheap because rows of hashes are shared until one of
/// the copies appends (a batch then copies a few tens of KiB). A writer appends to a copy, commits,
/// and only then keeps the copy, so a failed commit leaves nothing to undo.
///
/// Every complete node at the right edge is in memory at binary granularity, so `append` costs one
/// node hash on average and proofs for recent entries need no reading. Older nodes are recomputed
/// from full tiles (c2sp.org/tlog-tiles). What is kept: everything in tiles that were not yet full
/// and handed out at the *last but one* `takeCompletedTiles()`, and beyond that at most 1,024 leaf
/// hashes per tile level. So each entry appended since the previous take can be proven without a
/// reader, whatever the size of the batch. A caller that never takes tiles keeps the whole tree.
///
/// Sizes are limited to 2^63 − 1, as in every signed 64-bit implementation of the formats.
public struct MerkleFrontier: Sendable {
    /// Leaf hashes (or, at tile level L, nodes of height 8L) kept at most behind the last take.
    static let windowLimit: UInt64 = 1_024

    /// Nodes that stay when a window is trimmed.
    ///
    /// Less than the limit, so that trimming, which moves what stays, happens once in hundreds of
    /// appends rather than at each.
    private static let windowKept: UInt64 = 512

    /// What is known about the tiles of one tile level, which spans eight binary levels.
    struct Band: Sendable {
        /// Tiles before this one have left memory; the level's rows begin at this tile.
        var firstTile: UInt64
        /// Tiles before this one were handed out by `takeCompletedTiles()`.
        var takenTiles: UInt64
    }

    /// The number of entries.
    public internal(set) var size: UInt64 = 0

    /// `rows[h]` holds the complete nodes of height h from `firstNode(h)` to `size >> h`.
    var rows: [[Hash256]] = []
    /// `bands[L]` describes rows 8L to 8L + 7.
    var bands: [Band] = []

    /// Creates the edge of an empty tree.
    public init() {}

    /// Appends the hash of an entry (`MerkleHash.leaf`); its index is the size before the call.
    public mutating func append(_ leafHash: Hash256) {
        precondition(size < UInt64(Int64.max), "a tree has at most 2^63 - 1 entries")
        var node = leafHash
        var height = 0
        while true {
            if height == rows.count { addRow() }
            rows[height].append(node)
            // An odd number of nodes: the new one waits for its right sibling.
            if (size >> UInt64(height)) & 1 == 0 { break }
            let count = rows[height].count
            node = MerkleHash.node(rows[height][count - 2], node)
            height += 1
        }
        size += 1
    }

    /// Returns the root hash of the present tree (RFC 6962 §2.1).
    public func root() -> Hash256 {
        guard size > 0 else { return MerkleHash.emptyRoot }
        return rightEdge(below: UInt64.bitWidth)
    }

    /// Returns the tiles that became full since the last call, lowest level first.
    ///
    /// Store them before dropping the frontier of the previous batch; tiles handed out by the
    /// *previous* call may leave memory now and are then read back through a `TileReader`.
    public mutating func takeCompletedTiles()
        -> [(level: Int, index: UInt64, hashes: [Hash256])]
    {
        var completed: [(level: Int, index: UInt64, hashes: [Hash256])] = []
        for level in bands.indices {
            let full = nodeCount(height: 8 * level) / UInt64(Tile.fullWidth)
            let taken = bands[level].takenTiles
            for index in taken..<full {
                completed.append((level, index, Array(windowTile(level, index, Tile.fullWidth))))
            }
            trim(level: level)
            bands[level].takenTiles = full
        }
        return completed
    }

    // MARK: rows

    /// The number of complete nodes of a height.
    func nodeCount(height: Int) -> UInt64 {
        shiftRight(size, height)
    }

    /// The index of the first node of a height that is in memory.
    func firstNode(height: Int) -> UInt64 {
        // A tile spans 256 nodes of its lowest height, half as many of each height above.
        bands[height / 8].firstTile << UInt64(8 - height % 8)
    }

    mutating func addRow() {
        if rows.count % 8 == 0 { bands.append(Band(firstTile: 0, takenTiles: 0)) }
        rows.append([])
    }

    /// Returns a complete node that is in memory, or nil.
    func windowNode(height: Int, index: UInt64) -> Hash256? {
        guard height < rows.count else { return nil }
        let first = firstNode(height: height)
        guard index >= first, index - first < UInt64(rows[height].count) else { return nil }
        return rows[height][Int(index - first)]
    }

    /// Returns the first hashes of a tile that is in memory.
    func windowTile(_ level: Int, _ index: UInt64, _ width: Int) -> ArraySlice<Hash256> {
        let row = rows[8 * level]
        let start = Int((index - bands[level].firstTile) * UInt64(Tile.fullWidth))
        return row[start..<start + width]
    }

    /// Returns the root over the complete nodes of the right edge that are lower than a height:
    /// the hash of the last `size mod 2^height` entries, which must not be zero.
    func rightEdge(below height: Int) -> Hash256 {
        var hash: Hash256?
        for level in 0..<min(height, rows.count) where shiftRight(size, level) & 1 == 1 {
            // The last node of a height with an odd number of nodes is never trimmed: it lies in
            // a tile that is not full.
            guard let last = rows[level].last else { break }
            hash = hash.map { MerkleHash.node(last, $0) } ?? last
        }
        guard let hash else {
            preconditionFailure("the right edge of \(size) entries below \(height) is empty")
        }
        return hash
    }

    /// Drops old nodes of a tile level, but none of a tile that was not handed out before.
    private mutating func trim(level: Int) {
        let band = bands[level]
        let count = nodeCount(height: 8 * level)
        let width = UInt64(Tile.fullWidth)
        guard count - band.firstTile * width > Self.windowLimit else { return }
        let first = max(band.firstTile, min(band.takenTiles, (count - Self.windowKept) / width))
        let tiles = first - band.firstTile
        guard tiles > 0 else { return }
        for height in 8 * level..<min(8 * level + 8, rows.count) {
            let nodes = Int(tiles << UInt64(8 - height % 8))
            // A new array rather than removeFirst: a snapshot may still share the old one, and the
            // capacity grown by a large batch goes back too.
            rows[height] = Array(rows[height][nodes...])
        }
        bands[level].firstTile = first
    }
}
