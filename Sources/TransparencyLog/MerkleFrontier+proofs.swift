// SPDX-License-Identifier: Apache-2.0

extension MerkleFrontier {
    /// Returns the inclusion proof of an entry in the present tree (RFC 6962 §2.1.1).
    ///
    /// Throws when there is no such entry, or what the reader throws. The hashes read from tiles
    /// are not checked here: verify the proof against the root where the reader is not trusted.
    public func inclusionProof(
        index: UInt64, tiles: some TileReader = NoTiles()
    ) throws -> [Hash256] {
        guard index < size else { throw TileError.noSuchEntry(index: index, size: size) }
        var memo = TileMemo(tiles)
        return try path(fromHeight: 0, index: index, &memo)
    }

    /// Returns the proof that the present tree begins with its first `old` entries (§2.1.2).
    ///
    /// From size 0 and from the present size the proof is empty, as c2sp.org/tlog-witness demands.
    /// Throws when the tree is smaller than `old`, or what the reader throws.
    public func consistencyProof(
        from old: UInt64, tiles: some TileReader = NoTiles()
    ) throws -> [Hash256] {
        guard old <= size else { throw TileError.noSuchSize(old, size: size) }
        if old == 0 || old == size { return [] }
        var memo = TileMemo(tiles)
        // The last complete subtree of the old tree is the seed; its root is left out where it is
        // the whole old tree, whose root the verifier has.
        let height = old.trailingZeroBitCount
        let index = (old - 1) >> UInt64(height)
        var proof: [Hash256] = []
        if index > 0 { proof.append(try node(height: height, index: index, &memo)) }
        return try proof + path(fromHeight: height, index: index, &memo)
    }

    /// Returns the leaf hash of an entry.
    public func leafHash(
        at index: UInt64, tiles: some TileReader = NoTiles()
    ) throws -> Hash256 {
        guard index < size else { throw TileError.noSuchEntry(index: index, size: size) }
        var memo = TileMemo(tiles)
        return try node(height: 0, index: index, &memo)
    }

    /// Returns the hashes of a tile, full or partial, as c2sp.org/tlog-tiles serves them.
    ///
    /// `width` is that of the path asked for; nil means as wide as the tile is now. A tile of an
    /// earlier size is the beginning of the present one, so partial tiles stay servable. Throws
    /// `TileError.beyondTree` for an empty tile and for one wider than the tree.
    public func tileHashes(
        level: Int, index: UInt64, width: Int? = nil, tiles: some TileReader = NoTiles()
    ) throws -> [Hash256] {
        let available = tileWidth(level: level, index: index)
        let wanted = width ?? available
        guard wanted > 0, wanted <= available else {
            throw TileError.beyondTree(level: level, index: index, width: wanted, size: size)
        }
        if index >= bands[level].firstTile {
            return Array(windowTile(level, index, wanted))
        }
        var memo = TileMemo(tiles)
        let hashes = try memo.full(level: level, index: index)
        return wanted == Tile.fullWidth ? hashes : Array(hashes.prefix(wanted))
    }

    /// Returns how many hashes a tile of the present tree has: 0 to 256.
    public func tileWidth(level: Int, index: UInt64) -> Int {
        guard level >= 0, level < bands.count else { return 0 }
        let count = nodeCount(height: 8 * level)
        let width = UInt64(Tile.fullWidth)
        let full = count / width
        if index < full { return Tile.fullWidth }
        return index == full ? Int(count % width) : 0
    }

    /// The siblings on the way from a complete node up to the root.
    private func path(
        fromHeight height: Int, index: UInt64, _ memo: inout TileMemo<some TileReader>
    ) throws -> [Hash256] {
        let (inner, border) = MerkleProof.inclusionShape(
            index: index, size: ((size - 1) >> UInt64(height)) + 1)
        var proof: [Hash256] = []
        proof.reserveCapacity(inner + border)
        for step in 0..<inner {
            let level = height + step
            let sibling = (index >> UInt64(step)) ^ 1
            if sibling < nodeCount(height: level) {
                proof.append(try node(height: level, index: sibling, &memo))
            } else {
                // Only the topmost inner sibling contains the last entry and can be incomplete.
                proof.append(rightEdge(below: level))
            }
        }
        var above = shiftRight(index, inner)
        var level = height + inner
        while above > 0 {
            if above & 1 == 1 {
                proof.append(try node(height: level, index: above - 1, &memo))
            }
            above >>= 1
            level += 1
        }
        return proof
    }

    /// Returns a complete node, from memory or recomputed from the full tile it lies in.
    func node(
        height: Int, index: UInt64, _ memo: inout TileMemo<some TileReader>
    ) throws -> Hash256 {
        if let hash = windowNode(height: height, index: index) { return hash }
        let level = height / 8
        let shift = UInt64(height % 8)
        let first = index << shift
        let hashes = try memo.full(level: level, index: first / UInt64(Tile.fullWidth))
        let offset = Int(first % UInt64(Tile.fullWidth))
        return MerkleHash.complete(hashes[offset..<offset + 1 << shift])
    }
}
