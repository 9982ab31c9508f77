// SPDX-License-Identifier: Apache-2.0

extension MerkleFrontier {
    /// Rebuilds the edge of a tree from its full tiles and its last leaf hashes.
    ///
    /// `lastLeaves` is asked, in ascending order, for the leaf hash of each entry after the last
    /// full level-0 tile (at most 255 of them). Reads at most 255 tiles per level. The tiles are
    /// believed: compare `root()` with the checkpoint signed for this size before signing more.
    ///
    /// Throws what the reader and `lastLeaves` throw, `TileError.notFull` for a short tile
    /// and `TileError.sizeTooLarge` above 2^63 − 1.
    public init(
        size: UInt64, fullTiles: some TileReader, lastLeaves: (UInt64) throws -> Hash256
    ) throws {
        self.init()
        guard size <= Decimal.maximum else { throw TileError.sizeTooLarge(size) }
        self.size = size
        var memo = TileMemo(fullTiles)
        let width = UInt64(Tile.fullWidth)
        for height in 0..<bitWidth(of: size) {
            addRow()
            let count = nodeCount(height: height)
            let level = height / 8
            if height % 8 == 0 {
                let full = count / width
                bands[level] = Band(firstTile: full, takenTiles: full)
            }
            rows[height] = try (firstNode(height: height)..<count).map { index in
                if height == 0 { return try lastLeaves(index) }
                if height % 8 == 0 {
                    let hashes = try memo.full(level: level - 1, index: index)
                    return MerkleHash.complete(hashes[...])
                }
                // Both children lie in the same tile as their parent, hence in the row below.
                let pair = Int(index - firstNode(height: height)) * 2
                return MerkleHash.node(rows[height - 1][pair], rows[height - 1][pair + 1])
            }
        }
    }
}
