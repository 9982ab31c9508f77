// SPDX-License-Identifier: Apache-2.0

import Crypto
import TestSupport
import TransparencyLog

/// RFC 6962 §2.1 as it is written: recursive, on whole lists, sharing no code with the module.
struct NaiveTree {
    private let leaves: [[UInt8]]
    /// Roots of ranges by start and end, so that many sizes can be compared in a test's time.
    private final class Memo {
        var roots: [[Int]: [UInt8]] = [:]
    }
    private let memo = Memo()

    init(entries: [[UInt8]]) {
        leaves = entries.map { Self.sha256([0x00] + $0) }
    }

    static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(data: bytes))
    }

    /// MTH(D[n]).
    func root(size: Int) -> [UInt8] { mth(0, size) }

    /// PATH(m, D[n]).
    func inclusion(_ index: Int, size: Int) -> [[UInt8]] { path(index, 0, size) }

    /// PROOF(m, D[n]).
    func consistency(_ old: Int, size: Int) -> [[UInt8]] { subproof(old, 0, size, true) }

    func mth(_ low: Int, _ high: Int) -> [UInt8] {
        if high == low { return Self.sha256([]) }
        if high - low == 1 { return leaves[low] }
        if let root = memo.roots[[low, high]] { return root }
        let k = Self.split(high - low)
        let root = Self.sha256([0x01] + mth(low, low + k) + mth(low + k, high))
        memo.roots[[low, high]] = root
        return root
    }

    private func path(_ m: Int, _ low: Int, _ high: Int) -> [[UInt8]] {
        if high - low == 1 { return [] }
        let k = Self.split(high - low)
        return m < k
            ? path(m, low, low + k) + [mth(low + k, high)]
            : path(m - k, low + k, high) + [mth(low, low + k)]
    }

    private func subproof(_ m: Int, _ low: Int, _ high: Int, _ isWhole: Bool) -> [[UInt8]] {
        if m == high - low { return isWhole ? [] : [mth(low, high)] }
        let k = Self.split(high - low)
        return m <= k
            ? subproof(m, low, low + k, isWhole) + [mth(low + k, high)]
            : subproof(m - k, low + k, high, false) + [mth(low, low + k)]
    }

    /// The largest power of two below n.
    private static func split(_ n: Int) -> Int {
        var k = 1
        while k * 2 < n { k *= 2 }
        return k
    }
}

/// Entries of every length from 0 up, each different.
func sampleEntries(_ count: Int) -> [[UInt8]] {
    (0..<count).map { Array("entry \($0)".utf8) + [UInt8](repeating: 0xA5, count: $0 % 70) }
}

func bytes(_ hashes: [Hash256]) -> [[UInt8]] { hashes.map(\.bytes) }

func key(_ name: String = "example.com/log", seed: UInt8 = 7) throws -> SigningKey {
    try SigningKey(name: name, seed: [UInt8](repeating: seed, count: 32))
}

/// A log in memory as a server would keep it: the frontier and its full tiles.
struct SampleLog {
    var frontier = MerkleFrontier()
    var tiles = TileDictionary()
    var leafHashes: [Hash256] = []

    mutating func append(_ entries: some Sequence<[UInt8]>) {
        for entry in entries {
            leafHashes.append(MerkleHash.leaf(entry))
            frontier.append(MerkleHash.leaf(entry))
        }
    }

    mutating func storeTiles() {
        for tile in frontier.takeCompletedTiles() {
            tiles.insert(level: tile.level, index: tile.index, hashes: tile.hashes)
        }
    }

    func rebuilt() throws -> MerkleFrontier {
        try MerkleFrontier(size: frontier.size, fullTiles: tiles) { leafHashes[Int($0)] }
    }

    func proof(_ index: UInt64, key: SigningKey) throws -> TLogProof {
        let checkpoint = try Checkpoint(
            origin: key.name, size: frontier.size, root: frontier.root())
        return try TLogProof(
            index: index, hashes: frontier.inclusionProof(index: index, tiles: tiles),
            checkpoint: checkpoint.signed(by: key))
    }
}
