// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@Suite struct CorporaTests {
    @Test(.corpus("json-parsing.tar.xz")) func unpacksOnce() throws {
        let first = try Corpora.unpacked("json-parsing.tar.xz")
        #expect(try Corpora.unpacked("json-parsing.tar.xz") == first)
        let files = try Corpora.names(in: first + "/json-parsing/test_parsing")
        #expect(files.count == 318)
    }

    @Test func seededRandomIsSplitMix64() {
        // First outputs for seed 1234567, published with the reference implementation.
        var random = SeededRandom(seed: 1_234_567)
        #expect(
            (0..<5).map { _ in random.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973,
                9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ])
    }

    @Test func labelsGiveIndependentSequences() {
        var a = SeededRandom(seed: 1).child("a")
        var again = SeededRandom(seed: 1).child("a")
        var b = SeededRandom(seed: 1).child("b")
        let first = a.next()
        #expect(first == again.next())
        #expect(first != b.next())
    }
}
