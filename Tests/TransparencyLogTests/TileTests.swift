// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TransparencyLog

@Suite struct TileTests {
    @Test(arguments: [
        ("checkpoint", TilePath.checkpoint),
        ("tile/0/000", .tile(level: 0, index: 0, width: 256)),
        ("tile/0/000.p/255", .tile(level: 0, index: 0, width: 255)),
        ("tile/0/x001/x234/067", .tile(level: 0, index: 1_234_067, width: 256)),
        ("tile/0/x001/x234/067.p/89", .tile(level: 0, index: 1_234_067, width: 89)),
        ("tile/15/x455/667", .tile(level: 15, index: 455_667, width: 256)),
        ("tile/63/x001/000.p/1", .tile(level: 63, index: 1_000, width: 1)),
        ("tile/entries/255", .entries(index: 255, width: 256)),
        ("tile/entries/x123/x456/789.p/41", .entries(index: 123_456_789, width: 41)),
        ("tile/0/x009/x223/x372/x036/x854/x775/807", .tile(level: 0, index: .max / 2, width: 256)),
    ])
    func pathsRoundTrip(path: String, resource: TilePath) {
        #expect(TilePath.parse(path) == resource)
        #expect(resource.path == path)
        #expect(TilePath.path(resource) == path)
    }

    @Test func randomPathsRoundTrip() {
        var random = SeededRandom.forTest()
        for _ in 0..<2_000 {
            let index = random.next() >> (1 + random.next() % 62)
            let width = 1 + Int(random.next() % 256)
            let level = Int(random.next() % 64)
            let tile = TilePath.tile(level: level, index: index, width: width)
            #expect(TilePath.parse(tile.path) == tile)
            let entries = TilePath.entries(index: index, width: width)
            #expect(TilePath.parse(entries.path) == entries)
        }
    }

    @Test(arguments: [
        "", "/", "checkpoint/", "/checkpoint", "Checkpoint", "tile", "tile/0", "tile/0/",
        "tile/00/000", "tile/64/000", "tile/-1/000", "tile/x/000", "tile/0/0", "tile/0/0000",
        "tile/0/x000", "tile/0/x000/067", "tile/0/001/067", "tile/0/x001/x067", "tile/0/x001",
        "tile/0/x0a1/067", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
        "tile/0/000.p/", "tile/0/000.p", "tile/0/000.p/1/", "tile/0/000/1", "tile/0/.p/1",
        "tile/0/000.p.p/1", "tile/entries", "tile/entries/", "tile/entries/000.p/300",
        "tile/0//000", "tile/0/../checkpoint", "tile/0/000\n", "tile/0/00\u{0661}",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/001",
    ])
    func otherSpellingsAreRefused(path: String) {
        #expect(TilePath.parse(path) == nil)
    }

    @Test func levelsOfWorkedExamples() {
        func levels(_ size: UInt64) -> [String] {
            TilePath.levels(size: size).map { "\($0.full)+\($0.partialWidth)" }
        }
        #expect(levels(0) == [])
        #expect(levels(1) == ["0+1"])
        #expect(levels(255) == ["0+255"])
        #expect(levels(256) == ["1+0", "0+1"])
        #expect(levels(70_000) == ["273+112", "1+17", "0+1"])
        #expect(levels(UInt64(Int64.max)).count == 8)
    }

    @Test func tilesRoundTrip() throws {
        let hashes = (0..<256).map { Hash256.sha256([UInt8($0)]) }
        let bytes = Tile.encode(hashes)
        #expect(bytes.count == 8_192)
        #expect(try Tile.decode(bytes) == hashes)
        #expect(try Tile.decode(Array(bytes[..<64])) == Array(hashes[..<2]))
        for count in [0, 31, 33, 8_191, 8_192 + 32] {
            #expect(throws: TileError.malformedTile(byteCount: count)) {
                try Tile.decode([UInt8](repeating: 0, count: count))
            }
        }
    }

    @Test func bundlesRoundTrip() throws {
        let long = [UInt8](repeating: 0x42, count: 65_535)
        let entries: [[UInt8]] = [[], [1], long, Array("four".utf8)]
        let bytes = try EntryBundle.encode(entries)
        #expect(bytes.count == 65_540 + 8)
        #expect(Array(bytes[..<5]) == [0, 0, 0, 1, 1])
        #expect(Array(bytes[5..<7]) == [0xFF, 0xFF])
        #expect(try EntryBundle.decode(bytes) == entries)
        #expect(try EntryBundle.decode(EntryBundle.encode([[]])) == [[]])
        let full = [[UInt8]](repeating: [7], count: 256)
        #expect(try EntryBundle.decode(EntryBundle.encode(full)) == full)
    }

    @Test func badBundlesAreRefused() throws {
        #expect(throws: TileError.bundleEntryCount(0)) { try EntryBundle.encode([]) }
        #expect(throws: TileError.bundleEntryCount(257)) {
            try EntryBundle.encode([[UInt8]](repeating: [], count: 257))
        }
        #expect(throws: TileError.entryTooLong(byteCount: 65_536)) {
            try EntryBundle.encode([[UInt8](repeating: 0, count: 65_536)])
        }
        #expect(throws: TileError.bundleEntryCount(0)) { try EntryBundle.decode([]) }
        #expect(throws: TileError.bundleEntryCount(257)) {
            try EntryBundle.decode([UInt8](repeating: 0, count: 514))
        }
        let bytes = try EntryBundle.encode([[1, 2, 3], [4]])
        for count in 1..<bytes.count where count != 5 {
            #expect(throws: TileError.truncatedBundle(offset: count < 5 ? 0 : 5)) {
                try EntryBundle.decode(Array(bytes[..<count]))
            }
        }
    }
}
