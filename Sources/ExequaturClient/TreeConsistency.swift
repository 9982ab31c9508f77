// SPDX-License-Identifier: Apache-2.0

internal import TransparencyLog

/// Consistency of two tree heads, proven from tiles that anybody serves.
///
/// The tiles are not trusted: they only help to build a proof, which is verified against both
/// roots.
enum TreeConsistency {
    /// What is needed next.
    enum Step {
        /// The proof, not yet verified.
        case proof([Hash256])
        /// This tile is missing; fetch it and try again.
        case needs(level: Int, index: UInt64, width: Int)
    }

    /// Goes as far as the tiles at hand allow.
    static func step(from old: UInt64, to new: UInt64, tiles: FetchedTiles) throws -> Step {
        do {
            let frontier = try MerkleFrontier(size: new, fullTiles: tiles) { index in
                try tiles.leaf(index, size: new)
            }
            return .proof(try frontier.consistencyProof(from: old, tiles: tiles))
        } catch let missing as FetchedTiles.Missing {
            return .needs(level: missing.level, index: missing.index, width: missing.width)
        }
    }

    /// Verifies that the larger of two tree heads of one log continues the smaller.
    static func verify(_ one: Checkpoint, _ other: Checkpoint, proof: [Hash256]) throws {
        let (old, new) = one.size <= other.size ? (one, other) : (other, one)
        guard old.origin.utf8.elementsEqual(new.origin.utf8) else {
            throw ClaimRefusal(.inconsistent, "the log's origin changed")
        }
        try MerkleProof.verifyConsistency(
            oldSize: old.size, oldRoot: old.root, newSize: new.size, newRoot: new.root,
            proof: proof, emptyTree: .consistentWithEverything)
    }
}

/// Tiles that were fetched from a log so far.
struct FetchedTiles: TileReader {
    /// A tile that is not among them.
    struct Missing: Error {
        let level: Int
        let index: UInt64
        let width: Int
    }

    private struct Place: Hashable {
        let level: Int
        let index: UInt64
    }

    private var tiles: [Place: [Hash256]] = [:]

    mutating func insert(level: Int, index: UInt64, hashes: [Hash256]) {
        tiles[Place(level: level, index: index)] = hashes
    }

    func tile(level: Int, index: UInt64) throws -> [Hash256] {
        guard let found = tiles[Place(level: level, index: index)],
            found.count == Tile.fullWidth
        else { throw Missing(level: level, index: index, width: Tile.fullWidth) }
        return found
    }

    /// The leaf hash of an entry, from a tile of level 0, the last of which may be partial.
    func leaf(_ index: UInt64, size: UInt64) throws -> Hash256 {
        let width = UInt64(Tile.fullWidth)
        let tile = index / width
        let available = Int(min(size - tile * width, width))
        let offset = Int(index % width)
        guard let found = tiles[Place(level: 0, index: tile)], offset < found.count else {
            throw Missing(level: 0, index: tile, width: available)
        }
        return found[offset]
    }
}
