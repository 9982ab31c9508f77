// SPDX-License-Identifier: Apache-2.0

/// Why a Merkle proof was refused.
public enum ProofError: Error, Sendable, Hashable {
    /// The index is not below the tree size (or outside the subtree).
    case indexOutOfRange(index: UInt64, size: UInt64)
    /// The proof has more or fewer hashes than this index and size need.
    case wrongLength(found: Int, expected: Int)
    /// The hashes lead to another root than the one given.
    case rootMismatch(computed: Hash256, expected: Hash256)
    /// The old tree is larger than the new one.
    case sizesReversed(old: UInt64, new: UInt64)
    /// The old tree is empty: everything is consistent with it, so a proof would say nothing.
    case emptyOldTree
    /// The range is not a subtree of any tree.
    case invalidSubtree(start: UInt64, end: UInt64)
}

extension ProofError: CustomStringConvertible {
    /// One line saying what is wrong and what to do.
    public var description: String {
        switch self {
        case .indexOutOfRange(let index, let size):
            "index `\(index)` is outside the tree of size `\(size)`: ask for a newer checkpoint"
        case .wrongLength(let found, let expected):
            "the proof has `\(found)` hashes where `\(expected)` are needed: fetch it again"
        case .rootMismatch(let computed, let expected):
            "the proof leads to root `\(computed)`, not to `\(expected)`: do not trust the entry"
        case .sizesReversed(let old, let new):
            "the old size `\(old)` is above the new size `\(new)`: the log may have been rolled back"
        case .emptyOldTree:
            "the old tree is empty, which proves nothing: pin a checkpoint with entries first"
        case .invalidSubtree(let start, let end):
            "`[\(start), \(end))` is not a subtree: its start must be a multiple of its width"
        }
    }
}

/// What a consistency proof from the empty tree means.
public enum EmptyTreeRule: Sendable, Hashable {
    /// It is refused, as transparency-dev/merkle does: it would prove nothing.
    case refused
    /// It is valid when the proof is empty and the old root is the empty root, which is what
    /// c2sp.org/tlog-witness demands of a witness that sees a log for the first time.
    case consistentWithEverything
}

/// Verification of inclusion and consistency proofs (RFC 6962 §2.1.1, §2.1.2).
///
/// Every proof must have exactly the number of hashes that its index and size determine. An empty
/// inclusion proof is therefore valid only for the single entry of a tree of size 1; anything
/// laxer would let a forged checkpoint pass off its leaf hash as its root.
public enum MerkleProof {
    /// Verifies that a leaf hash is at an index of the tree with a size and root.
    public static func verifyInclusion(
        leaf: Hash256, index: UInt64, size: UInt64, proof: [Hash256], root: Hash256
    ) throws(ProofError) {
        let computed = try rootOfInclusion(leaf: leaf, index: index, size: size, proof: proof)
        try match(computed, root)
    }

    /// Returns the root that an inclusion proof leads to.
    ///
    /// The caller must compare it with a root it has a signature for.
    public static func rootOfInclusion(
        leaf: Hash256, index: UInt64, size: UInt64, proof: [Hash256]
    ) throws(ProofError) -> Hash256 {
        guard index < size else { throw .indexOutOfRange(index: index, size: size) }
        let (inner, border) = inclusionShape(index: index, size: size)
        guard proof.count == inner + border else {
            throw .wrongLength(found: proof.count, expected: inner + border)
        }
        let hash = chainInner(leaf, proof[..<inner], index)
        return chainBorder(hash, proof[inner...])
    }

    /// Verifies that the tree of the new size begins with the whole tree of the old size.
    ///
    /// Equal sizes need equal roots and an empty proof. `emptyTree` says what an old size of 0
    /// means; by default it is refused.
    public static func verifyConsistency(
        oldSize: UInt64, oldRoot: Hash256, newSize: UInt64, newRoot: Hash256, proof: [Hash256],
        emptyTree: EmptyTreeRule = .refused
    ) throws(ProofError) {
        guard oldSize <= newSize else { throw .sizesReversed(old: oldSize, new: newSize) }
        if oldSize == 0 {
            guard emptyTree == .consistentWithEverything else { throw .emptyOldTree }
            guard proof.isEmpty else { throw .wrongLength(found: proof.count, expected: 0) }
            try match(oldRoot, MerkleHash.emptyRoot)
            // A new tree of size 0 has exactly one possible root too.
            if newSize == 0 { try match(newRoot, MerkleHash.emptyRoot) }
            return
        }
        try verifySubtreeConsistency(
            start: 0, end: oldSize, size: newSize, proof: proof, subtreeRoot: oldRoot,
            root: newRoot)
    }

    /// Verifies that a leaf hash is at an index of the subtree `[start, end)`.
    ///
    /// Subtrees are those of draft-ietf-plants-merkle-tree-certs: the start is a multiple of the
    /// smallest power of two that is not below the width.
    public static func verifySubtreeInclusion(
        leaf: Hash256, index: UInt64, start: UInt64, end: UInt64, proof: [Hash256],
        subtreeRoot: Hash256
    ) throws(ProofError) {
        guard isSubtree(start: start, end: end) else {
            throw .invalidSubtree(start: start, end: end)
        }
        guard index >= start, index < end else { throw .indexOutOfRange(index: index, size: end) }
        try verifyInclusion(
            leaf: leaf, index: index - start, size: end - start, proof: proof, root: subtreeRoot)
    }

    /// Verifies that the subtree `[start, end)` with a root belongs to the tree of a size and root.
    ///
    /// An empty subtree belongs to every tree and says nothing about `root`.
    public static func verifySubtreeConsistency(
        start: UInt64, end: UInt64, size: UInt64, proof: [Hash256], subtreeRoot: Hash256,
        root: Hash256
    ) throws(ProofError) {
        guard isSubtree(start: start, end: end) else {
            throw .invalidSubtree(start: start, end: end)
        }
        guard end <= size else { throw .sizesReversed(old: end, new: size) }
        if start == end {
            guard proof.isEmpty else { throw .wrongLength(found: proof.count, expected: 0) }
            return try match(subtreeRoot, MerkleHash.emptyRoot)
        }
        if end == size {
            // Both right ends are the same: only the left siblings above the subtree are missing.
            let level = bitWidth(of: (end - 1) ^ start)
            let border = shiftRight(start, level).nonzeroBitCount
            guard proof.count == border else {
                throw .wrongLength(found: proof.count, expected: border)
            }
            return try match(chainBorder(subtreeRoot, proof[...]), root)
        }
        try verifyGrownSubtree(
            start: start, end: end, size: size, proof: proof, subtreeRoot: subtreeRoot, root: root)
    }

    /// The case `end < size`: the proof must rebuild the old root and the new one from one seed.
    private static func verifyGrownSubtree(
        start: UInt64, end: UInt64, size: UInt64, proof: [Hash256], subtreeRoot: Hash256,
        root: Hash256
    ) throws(ProofError) {
        let (fork, border) = inclusionShape(index: end - 1, size: size)
        // Height of the rightmost complete subtree within [start, end): the proof starts there.
        let shift = (end - start).trailingZeroBitCount
        let inner = fork - shift
        let isComplete = (end - start).nonzeroBitCount == 1
        // The root of a complete subtree is its own seed and is not repeated in the proof.
        let expected = (isComplete ? 0 : 1) + inner + border
        guard proof.count == expected, let seed = isComplete ? subtreeRoot : proof.first else {
            throw .wrongLength(found: proof.count, expected: expected)
        }
        let path = proof[(isComplete ? 0 : 1)...]
        let mask = shiftRight(end - 1, shift)
        let split = path.startIndex + inner

        if !isComplete {
            let height = bitWidth(of: (end - 1) ^ start)
            let subInner = min(height, fork) - shift
            let subBorder = max(0, border - shiftRight(end - 1, height).nonzeroBitCount)
            let partial = chainInnerRight(
                seed, path[path.startIndex..<path.startIndex + subInner], mask)
            try match(chainBorder(partial, path[split..<split + subBorder]), subtreeRoot)
        }
        let grown = chainInner(seed, path[..<split], mask)
        try match(chainBorder(grown, path[split...]), root)
    }

    /// The two parts of an inclusion proof, split where the paths of the leaf and of the last leaf
    /// meet: below, a sibling on either side per level; above, only left siblings.
    static func inclusionShape(index: UInt64, size: UInt64) -> (inner: Int, border: Int) {
        let inner = bitWidth(of: index ^ (size - 1))
        return (inner, shiftRight(index, inner).nonzeroBitCount)
    }

    private static func isSubtree(start: UInt64, end: UInt64) -> Bool {
        guard start <= end else { return false }
        if start == 0 || start == end { return true }
        let width = end - start
        guard width <= 1 << 63 else { return false }
        let ceiling: UInt64 = width == 1 ? 1 : 1 << UInt64(bitWidth(of: width - 1))
        return start & (ceiling - 1) == 0
    }

    private static func chainInner(
        _ seed: Hash256, _ proof: ArraySlice<Hash256>, _ index: UInt64
    ) -> Hash256 {
        var hash = seed
        for (level, sibling) in proof.enumerated() {
            hash =
                shiftRight(index, level) & 1 == 0
                ? MerkleHash.node(hash, sibling) : MerkleHash.node(sibling, hash)
        }
        return hash
    }

    /// Like `chainInner`, but taking left siblings only: the same subtree at its earlier size.
    private static func chainInnerRight(
        _ seed: Hash256, _ proof: ArraySlice<Hash256>, _ index: UInt64
    ) -> Hash256 {
        var hash = seed
        for (level, sibling) in proof.enumerated() where shiftRight(index, level) & 1 == 1 {
            hash = MerkleHash.node(sibling, hash)
        }
        return hash
    }

    private static func chainBorder(_ seed: Hash256, _ proof: ArraySlice<Hash256>) -> Hash256 {
        var hash = seed
        for sibling in proof { hash = MerkleHash.node(sibling, hash) }
        return hash
    }

    private static func match(_ computed: Hash256, _ expected: Hash256) throws(ProofError) {
        guard computed == expected else {
            throw .rootMismatch(computed: computed, expected: expected)
        }
    }
}

/// The number of bits needed to write a number: 0 for 0, 64 for the largest.
func bitWidth(of value: UInt64) -> Int {
    UInt64.bitWidth - value.leadingZeroBitCount
}

/// Shifts right by any amount; 64 or more gives 0.
func shiftRight(_ value: UInt64, _ amount: Int) -> UInt64 {
    amount >= UInt64.bitWidth ? 0 : value >> UInt64(amount)
}
