// SPDX-License-Identifier: Apache-2.0

/// A place full tiles can be read from: a table, a directory, another log.
public protocol TileReader {
    /// Returns the 256 hashes of a full tile (c2sp.org/tlog-tiles).
    ///
    /// Only tiles that `MerkleFrontier.takeCompletedTiles()` handed out, or that the frontier was
    /// rebuilt from, are asked for. Throws when the tile is not there; the answer is an input like
    /// any other, so a reader need not verify it.
    func tile(level: Int, index: UInt64) throws -> [Hash256]
}

/// Why a tile or an entry bundle was refused.
public enum TileError: Error, Sendable, Hashable {
    /// The reader has no such tile.
    case missing(level: Int, index: UInt64)
    /// The reader gave a tile with another number of hashes than 256.
    case notFull(level: Int, index: UInt64, count: Int)
    /// The bytes of a tile are not a whole number of hashes between 1 and 256.
    case malformedTile(byteCount: Int)
    /// The tree does not have so many hashes at this level.
    case beyondTree(level: Int, index: UInt64, width: Int, size: UInt64)
    /// A bundle must have 1 to 256 entries.
    case bundleEntryCount(Int)
    /// An entry is longer than 65,535 bytes.
    case entryTooLong(byteCount: Int)
    /// A bundle ends in the middle of an entry.
    case truncatedBundle(offset: Int)
    /// The index is not an entry of the tree.
    case noSuchEntry(index: UInt64, size: UInt64)
    /// A proof was asked from a tree larger than the present one.
    case noSuchSize(UInt64, size: UInt64)
    /// A tree has at most 2^63 − 1 entries.
    case sizeTooLarge(UInt64)
}

extension TileError: CustomStringConvertible {
    /// One line saying what is wrong and what to do.
    public var description: String {
        switch self {
        case .missing(let level, let index):
            "tile `\(level)/\(index)` is missing: rebuild the tiles from the entries"
        case .notFull(let level, let index, let count):
            "tile `\(level)/\(index)` has `\(count)` hashes instead of 256: rebuild the tiles"
        case .malformedTile(let count):
            "a tile of `\(count)` bytes is malformed: expected 32 bytes for each of 1 to 256 hashes"
        case .beyondTree(let level, let index, let width, let size):
            """
            tile `\(level)/\(index)` of width `\(width)` is beyond the tree of size `\(size)`: \
            fetch the checkpoint first
            """
        case .bundleEntryCount(let count):
            "a bundle of `\(count)` entries is malformed: expected 1 to 256"
        case .entryTooLong(let count):
            "an entry of `\(count)` bytes is too long: the limit is 65535, keep the body elsewhere"
        case .truncatedBundle(let offset):
            "the bundle ends inside the entry at byte `\(offset)`: fetch it again"
        case .noSuchEntry(let index, let size):
            "there is no entry `\(index)` in the tree of size `\(size)`: use a smaller index"
        case .noSuchSize(let old, let size):
            "the tree of size `\(size)` has never had size `\(old)`: check the older checkpoint"
        case .sizeTooLarge(let size):
            "a tree of size `\(size)` is too large: check the stored checkpoint"
        }
    }
}

/// The bytes of a Merkle tree tile as c2sp.org/tlog-tiles serves them.
public enum Tile {
    /// The number of hashes in a full tile.
    public static let fullWidth = 256

    /// Returns the bytes of a tile: its hashes one after another, 8,192 bytes when full.
    public static func encode(_ hashes: some Collection<Hash256>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hashes.count * Hash256.byteCount)
        for hash in hashes { hash.withUnsafeBytes { bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// Returns the hashes of a full or partial tile, 1 to 256 of them.
    public static func decode(_ bytes: [UInt8]) throws(TileError) -> [Hash256] {
        let count = bytes.count / Hash256.byteCount
        guard bytes.count % Hash256.byteCount == 0, (1...fullWidth).contains(count) else {
            throw .malformedTile(byteCount: bytes.count)
        }
        return bytes.withUnsafeBytes { raw in
            (0..<count).map { index in
                let start = index * Hash256.byteCount
                return Hash256(
                    raw: UnsafeRawBufferPointer(rebasing: raw[start..<start + Hash256.byteCount]))
            }
        }
    }
}

/// A reader without any tile, for a tree that still has all its hashes in memory.
public struct NoTiles: TileReader, Sendable {
    /// Creates the reader.
    public init() {}

    /// Always throws `TileError.missing`.
    public func tile(level: Int, index: UInt64) throws -> [Hash256] {
        throw TileError.missing(level: level, index: index)
    }
}

/// Full tiles kept in memory, for small logs and verifiers that fetched what they need.
public struct TileDictionary: TileReader, Sendable {
    private struct Key: Hashable {
        let level: Int
        let index: UInt64
    }

    private var tiles: [Key: [Hash256]] = [:]

    /// Creates a dictionary without tiles.
    public init() {}

    /// The number of tiles kept.
    public var count: Int { tiles.count }

    /// Keeps a tile, replacing one at the same place.
    public mutating func insert(level: Int, index: UInt64, hashes: [Hash256]) {
        tiles[Key(level: level, index: index)] = hashes
    }

    /// Returns a kept tile or throws `TileError.missing`.
    public func tile(level: Int, index: UInt64) throws -> [Hash256] {
        guard let hashes = tiles[Key(level: level, index: index)] else {
            throw TileError.missing(level: level, index: index)
        }
        return hashes
    }
}

/// Reads tiles through another reader, keeping the latest tile of each level.
///
/// A proof visits each tile for up to eight neighbouring nodes; without this it would fetch and
/// check the same 8 KiB eight times. Lives for one call only, so it never goes stale.
struct TileMemo<Reader: TileReader> {
    private let reader: Reader
    private var latest: [Int: (index: UInt64, hashes: [Hash256])] = [:]

    init(_ reader: Reader) { self.reader = reader }

    mutating func full(level: Int, index: UInt64) throws -> [Hash256] {
        if let memo = latest[level], memo.index == index { return memo.hashes }
        let hashes = try reader.tile(level: level, index: index)
        guard hashes.count == Tile.fullWidth else {
            throw TileError.notFull(level: level, index: index, count: hashes.count)
        }
        latest[level] = (index, hashes)
        return hashes
    }
}
