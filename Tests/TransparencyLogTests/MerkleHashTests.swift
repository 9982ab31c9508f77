// SPDX-License-Identifier: Apache-2.0

import Testing
import TransparencyLog

@Suite struct MerkleHashTests {
    /// The eight leaves that implementations of certificate transparency have shared since 2013.
    static let classicLeaves: [[UInt8]] = [
        [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43],
        Array(0x50...0x57), Array(0x60...0x6F),
    ]

    static let classicRoots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    @Test func classicLeavesHaveTheKnownRoots() {
        var frontier = MerkleFrontier()
        #expect(frontier.root().hex == Self.classicRoots[0])
        for (index, leaf) in Self.classicLeaves.enumerated() {
            frontier.append(MerkleHash.leaf(leaf))
            #expect(frontier.root().hex == Self.classicRoots[index + 1])
        }
        #expect(MerkleHash.emptyRoot.hex == Self.classicRoots[0])
    }

    @Test func leavesAndNodesHaveTheKnownHashes() throws {
        #expect(
            MerkleHash.leaf(Array("L123456".utf8)).hex
                == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56")
        // The RFC hashes nodes of any bytes; ours are of hashes only, so compare with the formula.
        let left = Hash256.sha256(Array("N123".utf8))
        let right = Hash256.sha256(Array("N456".utf8))
        #expect(
            MerkleHash.node(left, right).bytes
                == NaiveTree.sha256([0x01] + left.bytes + right.bytes))
        #expect(MerkleHash.node(left, right) != MerkleHash.node(right, left))
        // An entry that looks like a node is still a leaf.
        #expect(MerkleHash.leaf(left.bytes + right.bytes) != MerkleHash.node(left, right))
        let entry: [UInt8] = [9, 1, 2, 3, 9]
        #expect(MerkleHash.leaf(entry[1..<4]) == MerkleHash.leaf([1, 2, 3]))
    }

    @Test func hashesRoundTripThroughTheirTexts() throws {
        let hash = Hash256.sha256(Array("abc".utf8))
        #expect(hash.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(hash.base64 == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")
        #expect(Hash256(hex: hash.hex) == hash)
        #expect(Hash256(base64: hash.base64) == hash)
        #expect(Hash256(bytes: hash.bytes) == hash)
        #expect(hash.description == hash.hex)
        #expect(
            Hash256.sha256(concatenating: [Array("a".utf8), [], Array("bc".utf8)]) == hash)
        #expect(Set([hash, hash, MerkleHash.emptyRoot]).count == 2)
        #expect(MemoryLayout<Hash256>.size == 32)
    }

    @Test(arguments: [
        "", "ba7816bf", String(repeating: "A", count: 64), String(repeating: "g", count: 64),
        String(repeating: "a", count: 63), String(repeating: "a", count: 65),
        String(repeating: "é", count: 32),
    ])
    func badHexIsRefused(text: String) {
        #expect(Hash256(hex: text) == nil)
    }

    @Test func otherNumbersOfBytesAreRefused() {
        for count in [0, 1, 31, 33, 64] {
            #expect(Hash256(bytes: [UInt8](repeating: 0, count: count)) == nil)
        }
    }

    @Test func base64HasOneSpelling() {
        for count in 0...9 {
            let data = (0..<count).map { UInt8(250 - 7 * $0) }
            #expect(CanonicalBase64.decode(CanonicalBase64.encode(data)) == data)
        }
        #expect(CanonicalBase64.encode(Array("fooba".utf8)) == "Zm9vYmE=")
        #expect(CanonicalBase64.decode("Zm9vYg==") == Array("foob".utf8))
        // Missing padding, pad bits set, URL-safe, line break, space, inner and lone padding.
        let bad = [
            "Zm9vYg", "Zm9vYh==", "Zm9vYmF=", "__8=", "Zm9v\n", "Zm 9", "Zg==Zg==", "====", "Z===",
            "=", "Zm9=Zm9v", "Zm9vYg==\n", "Zm9vé",
        ]
        for text in bad { #expect(CanonicalBase64.decode(text) == nil, "\(text)") }
    }

    @Test func preAuthenticationEncodingIsTheSpecifications() {
        // The example of DSSE's protocol.md.
        #expect(
            DSSE.pae(type: "http://example.com/HelloWorld", payload: Array("hello world".utf8))
                == Array("DSSEv1 29 http://example.com/HelloWorld 11 hello world".utf8))
        #expect(DSSE.pae(type: "", payload: []) == Array("DSSEv1 0  0 ".utf8))
        // Lengths count bytes, not characters.
        #expect(DSSE.pae(type: "é", payload: [0xFF]) == Array("DSSEv1 2 é 1 ".utf8) + [0xFF])
    }
}
