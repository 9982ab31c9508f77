// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing
import TransparencyLog

/// The proofs of transparency-dev/merkle, good and bad.
@Suite(.corpus("merkle.tar.xz")) struct MerkleCorpusTests {
    private struct Vector: Decodable {
        var leafIdx: UInt64?
        var treeSize: UInt64?
        var start: UInt64?
        var end: UInt64?
        var size: UInt64?
        var size1: UInt64?
        var size2: UInt64?
        var leafHash: Data?
        var root: Data?
        var root1: Data?
        var root2: Data?
        var proof: [Data]?
        var desc: String
        var wantErr: Bool
    }

    /// A vector with a leaf or proof hash that is not 32 bytes long cannot even be written down
    /// with our types.
    private struct NotAHash: Error {}

    private struct Tally {
        var good = 0
        var bad = 0
    }

    @Test func inclusionProofs() throws {
        let tally = try run("inclusion") { vector in
            try MerkleProof.verifyInclusion(
                leaf: hash(vector.leafHash), index: number(vector.leafIdx),
                size: number(vector.treeSize), proof: proof(vector), root: root(vector.root))
        }
        #expect(tally.good == 6)
        #expect(tally.good + tally.bad == 98)
    }

    @Test func consistencyProofs() throws {
        let tally = try run("consistency") { vector in
            try MerkleProof.verifyConsistency(
                oldSize: number(vector.size1), oldRoot: root(vector.root1),
                newSize: number(vector.size2), newRoot: root(vector.root2), proof: proof(vector))
        }
        #expect(tally.good == 6)
        #expect(tally.good + tally.bad == 98)
    }

    @Test func subtreeInclusionProofs() throws {
        let tally = try run("subtreeinclusion") { vector in
            try MerkleProof.verifySubtreeInclusion(
                leaf: hash(vector.leafHash), index: number(vector.leafIdx),
                start: number(vector.start), end: number(vector.end), proof: proof(vector),
                subtreeRoot: root(vector.root))
        }
        #expect(tally.good == 12)
        #expect(tally.good + tally.bad == 204)
    }

    @Test func subtreeConsistencyProofs() throws {
        let tally = try run("subtreeconsistency") { vector in
            try MerkleProof.verifySubtreeConsistency(
                start: number(vector.start), end: number(vector.end), size: number(vector.size),
                proof: proof(vector), subtreeRoot: root(vector.root1), root: root(vector.root2))
        }
        #expect(tally.good == 12)
        #expect(tally.good + tally.bad == 118)
    }

    private func run(_ folder: String, _ verify: (Vector) throws -> Void) throws -> Tally {
        let root = URL(fileURLWithPath: try Corpora.unpacked("merkle.tar.xz"))
            .appendingPathComponent("merkle/testdata/\(folder)")
        var tally = Tally()
        let files = try #require(
            FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
        for case let file as URL in files where file.pathExtension == "json" {
            let vector = try JSONDecoder().decode(Vector.self, from: Data(contentsOf: file))
            let name = "\(file.deletingLastPathComponent().lastPathComponent): \(vector.desc)"
            if vector.wantErr {
                tally.bad += 1
                #expect(throws: (any Error).self, "\(folder) \(name)") { try verify(vector) }
            } else {
                tally.good += 1
                #expect(throws: Never.self, "\(folder) \(name)") { try verify(vector) }
            }
        }
        return tally
    }

    private func number(_ value: UInt64?) throws -> UInt64 { try #require(value) }

    private func hash(_ data: Data?) throws -> Hash256 {
        guard let hash = Hash256(bytes: data ?? Data()) else { throw NotAHash() }
        return hash
    }

    /// Some vectors, good ones too, compare roots that are not hashes at all, such as "don't care";
    /// a hash of those bytes stands for them.
    private func root(_ data: Data?) -> Hash256 {
        Hash256(bytes: data ?? Data()) ?? Hash256.sha256(Array(data ?? Data()))
    }

    private func proof(_ vector: Vector) throws -> [Hash256] {
        try (vector.proof ?? []).map { try hash($0) }
    }
}
