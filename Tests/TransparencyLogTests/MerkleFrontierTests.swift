// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import TransparencyLog

@Suite struct MerkleFrontierTests {
    /// A reader that must not be asked.
    private struct Untouchable: TileReader {
        func tile(level: Int, index: UInt64) throws -> [Hash256] {
            Issue.record("tile \(level)/\(index) was read")
            throw TileError.missing(level: level, index: index)
        }
    }

    @Test func equalsTheNaiveTreeForEverySizeUpTo1200() throws {
        let entries = sampleEntries(1_200)
        let naive = NaiveTree(entries: entries)
        var log = SampleLog()
        var random = SeededRandom.forTest()
        #expect(log.frontier.root().bytes == naive.root(size: 0))
        for size in 1...entries.count {
            log.append([entries[size - 1]])
            // Sometimes every append hands tiles out, sometimes hundreds pass before one does.
            if random.next() % 50 == 0 || (600..<700).contains(size) { log.storeTiles() }
            if size % 97 == 0 { log.storeTiles() }
            let frontier = size % 97 == 0 ? try log.rebuilt() : log.frontier
            #expect(frontier.size == UInt64(size))
            #expect(frontier.root().bytes == naive.root(size: size))
            let picks = [0, size - 1, size / 2] + (0..<2).map { _ in Int(random.next() % 4_096) }
            for index in picks.map({ $0 % size }) {
                let proof = try frontier.inclusionProof(index: UInt64(index), tiles: log.tiles)
                #expect(bytes(proof) == naive.inclusion(index, size: size))
                let consistency = try frontier.consistencyProof(
                    from: UInt64(index + 1), tiles: log.tiles)
                #expect(bytes(consistency) == naive.consistency(index + 1, size: size))
                #expect(
                    try frontier.leafHash(at: UInt64(index), tiles: log.tiles)
                        == log.leafHashes[index])
            }
            #expect(try frontier.consistencyProof(from: 0, tiles: log.tiles).isEmpty)
        }
    }

    @Test func everyProofOfSmallTreesEqualsTheNaiveOne() throws {
        let entries = sampleEntries(70)
        let naive = NaiveTree(entries: entries)
        var log = SampleLog()
        for size in 1...entries.count {
            log.append([entries[size - 1]])
            for index in 0..<size {
                #expect(
                    bytes(try log.frontier.inclusionProof(index: UInt64(index)))
                        == naive.inclusion(index, size: size))
            }
            for old in 1...size {
                #expect(
                    bytes(try log.frontier.consistencyProof(from: UInt64(old)))
                        == naive.consistency(old, size: size))
            }
        }
    }

    @Test func equalsTheNaiveTreeAtRandomSizesAfterRebuilding() throws {
        var random = SeededRandom.forTest()
        let entries = sampleEntries(6_000)
        let naive = NaiveTree(entries: entries)
        for _ in 0..<12 {
            let size = Int(random.next() % 5_000) + 1
            var log = SampleLog()
            log.append(entries[..<size])
            log.storeTiles()
            log.frontier = try log.rebuilt()
            #expect(log.frontier.root().bytes == naive.root(size: size))
            // And it goes on growing as if it had never been away.
            let grown = size + Int(random.next() % 1_000)
            log.append(entries[size..<grown])
            log.storeTiles()
            #expect(log.frontier.root().bytes == naive.root(size: grown))
            for _ in 0..<8 {
                let index = Int(random.next() % UInt64(grown))
                #expect(
                    bytes(try log.frontier.inclusionProof(index: UInt64(index), tiles: log.tiles))
                        == naive.inclusion(index, size: grown))
                #expect(
                    bytes(
                        try log.frontier.consistencyProof(
                            from: UInt64(index + 1), tiles: log.tiles))
                        == naive.consistency(index + 1, size: grown))
            }
        }
    }

    @Test func aTreeOf70000HasTheTilesOfTheSpecification() throws {
        let entries = sampleEntries(70_000)
        var log = SampleLog()
        var start = 0
        var random = SeededRandom.forTest()
        while start < entries.count {
            let end = min(entries.count, start + 1 + Int(random.next() % 3_000))
            log.append(entries[start..<end])
            log.storeTiles()
            start = end
        }
        let full = [273, 1, 0]
        let partial = [112, 17, 1]
        #expect(log.tiles.count == 274)
        #expect(TilePath.levels(size: 70_000).map(\.full) == full.map(UInt64.init))
        #expect(TilePath.levels(size: 70_000).map(\.partialWidth) == partial)
        let frontier = try log.rebuilt()
        #expect(frontier.root() == log.frontier.root())
        let naive = NaiveTree(entries: entries)
        #expect(frontier.root().bytes == naive.root(size: 70_000))
        for level in 0..<3 {
            let last = UInt64(full[level])
            #expect(frontier.tileWidth(level: level, index: last) == partial[level])
            #expect(frontier.tileWidth(level: level, index: last + 1) == 0)
            if last > 0 { #expect(frontier.tileWidth(level: level, index: last - 1) == 256) }
            let hashes = try frontier.tileHashes(level: level, index: last, tiles: Untouchable())
            let span = 1 << (8 * level)
            for (offset, hash) in hashes.enumerated() {
                let first = (Int(last) * 256 + offset) * span
                #expect(hash.bytes == naive.mth(first, first + span))
            }
        }
        for _ in 0..<40 {
            let index = random.next() % 70_000
            let proof = try frontier.inclusionProof(index: index, tiles: log.tiles)
            #expect(bytes(proof) == naive.inclusion(Int(index), size: 70_000))
        }
    }

    @Test func aTreeOf256HasAFullTileAndAPartialOneAbove() throws {
        var log = SampleLog()
        log.append(sampleEntries(256))
        let tiles = log.frontier.takeCompletedTiles()
        #expect(tiles.map(\.level) == [0])
        #expect(tiles.map(\.hashes) == [log.leafHashes])
        #expect(log.frontier.tileWidth(level: 0, index: 0) == 256)
        #expect(log.frontier.tileWidth(level: 0, index: 1) == 0)
        #expect(log.frontier.tileWidth(level: 1, index: 0) == 1)
        #expect(log.frontier.tileWidth(level: 2, index: 0) == 0)
        #expect(try log.frontier.tileHashes(level: 1, index: 0) == [log.frontier.root()])
        #expect(log.frontier.takeCompletedTiles().isEmpty)
    }

    @Test func partialTilesOfEarlierSizesStayServable() throws {
        var log = SampleLog()
        log.append(sampleEntries(3_000))
        log.storeTiles()
        log.append(sampleEntries(100))
        log.storeTiles()
        let tile = try log.frontier.tileHashes(level: 0, index: 1, width: 5, tiles: log.tiles)
        #expect(tile == Array(log.leafHashes[256..<261]))
        #expect(
            try log.frontier.tileHashes(level: 0, index: 12, width: 7, tiles: Untouchable())
                == Array(log.leafHashes[3_072..<3_079]))
        for (level, index, width) in [(0, 12, 200), (0, 13, 1), (1, 0, 13), (9, 0, 1), (-1, 0, 1)] {
            #expect(throws: TileError.self) {
                try log.frontier.tileHashes(
                    level: level, index: UInt64(index), width: width, tiles: log.tiles)
            }
        }
        #expect(throws: TileError.self) {
            try log.frontier.tileHashes(level: 0, index: 0, width: 0, tiles: log.tiles)
        }
    }

    /// Whatever its size, a batch can be answered from memory, before its tiles are stored.
    @Test(arguments: [1, 255, 256, 257, 1_000, 4_096, 10_000])
    func everyEntryOfABatchIsProvenWithoutReading(batch: Int) throws {
        var log = SampleLog()
        log.append(sampleEntries(3_333))
        log.storeTiles()
        log.frontier = try log.rebuilt()
        for _ in 0..<3 {
            let first = log.frontier.size
            log.append(sampleEntries(batch))
            _ = log.frontier.takeCompletedTiles()
            let root = log.frontier.root()
            for index in stride(from: first, to: log.frontier.size, by: max(1, batch / 50)) {
                try MerkleProof.verifyInclusion(
                    leaf: log.leafHashes[Int(index)], index: index, size: log.frontier.size,
                    proof: log.frontier.inclusionProof(index: index, tiles: Untouchable()),
                    root: root)
            }
        }
    }

    @Test func memoryStaysBoundedWhenTilesAreTaken() {
        var frontier = MerkleFrontier()
        var largest = 0
        for number in 0..<150_000 {
            frontier.append(Hash256.sha256(withUnsafeBytes(of: number) { Array($0) }))
            if number % 100 == 99 { _ = frontier.takeCompletedTiles() }
            if number % 1_000 == 999 {
                largest = max(largest, frontier.rows.map(\.count).max() ?? 0)
            }
        }
        #expect(largest <= Int(MerkleFrontier.windowLimit) + 100)
        #expect(frontier.rows.reduce(0) { $0 + $1.count } < 6 * 1_024)
    }

    @Test func aCopyIsASnapshot() throws {
        var log = SampleLog()
        log.append(sampleEntries(777))
        let snapshot = log.frontier
        let root = snapshot.root()
        log.append(sampleEntries(1_500))
        _ = log.frontier.takeCompletedTiles()
        _ = log.frontier.takeCompletedTiles()
        #expect(snapshot.size == 777)
        #expect(snapshot.root() == root)
        // A writer whose commit failed appends something else to the copy it kept.
        var retried = snapshot
        retried.append(MerkleHash.leaf([1]))
        #expect(retried.size == 778)
        #expect(retried.takeCompletedTiles().count == 3)
        #expect(try retried.consistencyProof(from: 777).count > 0)
    }

    @Test func questionsBeyondTheTreeAreRefused() throws {
        var log = SampleLog()
        #expect(throws: TileError.noSuchEntry(index: 0, size: 0)) {
            try log.frontier.inclusionProof(index: 0)
        }
        log.append(sampleEntries(5))
        #expect(throws: TileError.noSuchEntry(index: 5, size: 5)) {
            try log.frontier.inclusionProof(index: 5)
        }
        #expect(throws: TileError.noSuchEntry(index: 5, size: 5)) {
            try log.frontier.leafHash(at: 5)
        }
        #expect(throws: TileError.noSuchSize(6, size: 5)) {
            try log.frontier.consistencyProof(from: 6)
        }
        #expect(try log.frontier.consistencyProof(from: 5).isEmpty)
    }

    @Test func damagedTilesNeverGiveAValidProof() throws {
        var log = SampleLog()
        log.append(sampleEntries(5_000))
        log.storeTiles()
        log.append(sampleEntries(1))
        log.storeTiles()
        let root = log.frontier.root()
        let tile = try log.tiles.tile(level: 0, index: 3)
        var edited = log.tiles
        edited.insert(
            level: 0, index: 3, hashes: tile.map { $0 == tile[9] ? MerkleHash.emptyRoot : $0 })
        let index: UInt64 = 3 * 256 + 8
        let proof = try log.frontier.inclusionProof(index: index, tiles: edited)
        #expect(throws: ProofError.self) {
            try MerkleProof.verifyInclusion(
                leaf: log.leafHashes[Int(index)], index: index, size: log.frontier.size,
                proof: proof, root: root)
        }
        edited.insert(level: 0, index: 3, hashes: Array(tile.dropLast()))
        #expect(throws: TileError.notFull(level: 0, index: 3, count: 255)) {
            try log.frontier.inclusionProof(index: index, tiles: edited)
        }
        #expect(throws: TileError.missing(level: 0, index: 3)) {
            try log.frontier.inclusionProof(index: index, tiles: NoTiles())
        }
        // A rebuild from edited tiles is seen by comparing the root with the signed one.
        let rebuilt = try MerkleFrontier(
            size: log.frontier.size, fullTiles: log.tiles.replacing(0, 3, tile.reversed())
        ) { log.leafHashes[Int($0)] }
        #expect(rebuilt.root() != root)
        #expect(throws: TileError.sizeTooLarge(1 << 63)) {
            try MerkleFrontier(size: 1 << 63, fullTiles: log.tiles) { _ in root }
        }
    }
}

extension TileDictionary {
    fileprivate func replacing(
        _ level: Int, _ index: UInt64, _ hashes: [Hash256]
    ) -> TileDictionary {
        var copy = self
        copy.insert(level: level, index: index, hashes: hashes)
        return copy
    }
}
