// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TransparencyLog

@Suite struct MerkleProofTests {
    private let zero = Hash256.sha256([0])

    @Test func anEmptyInclusionProofNeedsATreeOfOneEntry() throws {
        try MerkleProof.verifyInclusion(leaf: zero, index: 0, size: 1, proof: [], root: zero)
        // A forged checkpoint that repeats a leaf hash as the root of a larger tree.
        for size: UInt64 in [2, 3, 4, 1 << 40, .max] {
            for index in [0, 1, size - 1] {
                #expect(throws: ProofError.self) {
                    try MerkleProof.verifyInclusion(
                        leaf: zero, index: index, size: size, proof: [], root: zero)
                }
            }
        }
        #expect(throws: ProofError.indexOutOfRange(index: 0, size: 0)) {
            try MerkleProof.verifyInclusion(leaf: zero, index: 0, size: 0, proof: [], root: zero)
        }
        #expect(throws: ProofError.indexOutOfRange(index: 1, size: 1)) {
            try MerkleProof.verifyInclusion(leaf: zero, index: 1, size: 1, proof: [], root: zero)
        }
    }

    @Test func theEmptyTreeIsConsistentOnlyWhereAskedFor() throws {
        let empty = MerkleHash.emptyRoot
        func verify(
            _ oldRoot: Hash256, _ size: UInt64, _ root: Hash256, _ proof: [Hash256],
            _ rule: EmptyTreeRule
        ) throws {
            try MerkleProof.verifyConsistency(
                oldSize: 0, oldRoot: oldRoot, newSize: size, newRoot: root, proof: proof,
                emptyTree: rule)
        }
        #expect(throws: ProofError.emptyOldTree) { try verify(empty, 5, zero, [], .refused) }
        #expect(throws: ProofError.emptyOldTree) { try verify(empty, 0, empty, [], .refused) }
        try verify(empty, 5, zero, [], .consistentWithEverything)
        try verify(empty, 0, empty, [], .consistentWithEverything)
        #expect(throws: ProofError.wrongLength(found: 1, expected: 0)) {
            try verify(empty, 5, zero, [zero], .consistentWithEverything)
        }
        #expect(throws: ProofError.self) {
            try verify(zero, 5, zero, [], .consistentWithEverything)
        }
        #expect(throws: ProofError.self) {
            try verify(empty, 0, zero, [], .consistentWithEverything)
        }
    }

    @Test func aRolledBackTreeIsNamedAsSuch() {
        #expect(throws: ProofError.sizesReversed(old: 6, new: 5)) {
            try MerkleProof.verifyConsistency(
                oldSize: 6, oldRoot: zero, newSize: 5, newRoot: zero, proof: [])
        }
        // The same size with another root is a fork.
        #expect(throws: ProofError.self) {
            try MerkleProof.verifyConsistency(
                oldSize: 5, oldRoot: zero, newSize: 5, newRoot: MerkleHash.emptyRoot, proof: [])
        }
    }

    /// Every change of an honest proof's arguments is refused, for all trees up to 20 entries.
    @Test func changedProofsAreRefused() throws {
        var log = SampleLog()
        for size in 1...UInt64(20) {
            log.append(sampleEntries(Int(size)).suffix(1))
            let root = log.frontier.root()
            for index in 0..<size {
                let proof = try log.frontier.inclusionProof(index: index)
                let leaf = log.leafHashes[Int(index)]
                try MerkleProof.verifyInclusion(
                    leaf: leaf, index: index, size: size, proof: proof, root: root)
                var wrong = [(leaf, index, proof + [leaf]), (zero, index, proof)]
                wrong.append((leaf, index, [leaf] + proof))
                if !proof.isEmpty {
                    wrong.append((leaf, index, Array(proof.dropLast())))
                    wrong.append((leaf, index, Array(proof.dropFirst())))
                }
                for position in proof.indices {
                    var changed = proof
                    changed[position] = zero
                    wrong.append((leaf, index, changed))
                }
                for other in 0..<size + 2 where other != index {
                    wrong.append((leaf, other, proof))
                }
                for (leaf, index, proof) in wrong {
                    #expect(throws: ProofError.self) {
                        try MerkleProof.verifyInclusion(
                            leaf: leaf, index: index, size: size, proof: proof, root: root)
                    }
                }
            }
        }
    }

    @Test func changedConsistencyProofsAreRefused() throws {
        var log = SampleLog()
        var roots = [MerkleHash.emptyRoot]
        for entry in sampleEntries(40) {
            log.append([entry])
            roots.append(log.frontier.root())
        }
        for old in 1..<UInt64(40) {
            let proof = try log.frontier.consistencyProof(from: old)
            func verify(_ old: UInt64, _ new: UInt64, _ proof: [Hash256]) throws {
                try MerkleProof.verifyConsistency(
                    oldSize: old, oldRoot: roots[Int(old)], newSize: new,
                    newRoot: roots[Int(new)], proof: proof)
            }
            try verify(old, 40, proof)
            #expect(throws: ProofError.self) { try verify(old, 40, proof + [zero]) }
            #expect(throws: ProofError.self) { try verify(old, 40, Array(proof.dropLast())) }
            for position in proof.indices {
                var changed = proof
                changed[position] = zero
                #expect(throws: ProofError.self) { try verify(old, 40, changed) }
            }
            for other in 1..<UInt64(40) where other != old {
                #expect(throws: ProofError.self) { try verify(other, 40, proof) }
            }
            #expect(throws: ProofError.self) { try verify(old, 39, proof) }
        }
    }

    @Test func refusalsSayWhatToDo() {
        let errors: [any Error] = [
            ProofError.emptyOldTree, ProofError.invalidSubtree(start: 1, end: 3),
            ProofError.indexOutOfRange(index: 9, size: 3), TileError.bundleEntryCount(0),
            NoteError.noKnownSignature, CheckpointError.malformed, KeyError.weakPublicKey,
            TLogProofError.invalidCheckpoint(.noSignatures),
            CheckpointError.invalidOrigin("two\nlines `here`"),
        ]
        for error in errors {
            let text = "\(error)"
            #expect(!text.contains("\n"))
            #expect(text.first?.isUppercase == false)
        }
        #expect("\(errors[8])".contains("`two\\u{a}lines \\u{60}here\\u{60}`"))
    }
}
