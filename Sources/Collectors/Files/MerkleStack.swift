// SPDX-License-Identifier: Apache-2.0

internal import Crypto
package import TransparencyLog

/// The root of an RFC 6962 tree over lines that go by once, in memory of its height.
package struct MerkleStack: Sendable {
    package private(set) var count: UInt64 = 0
    /// Roots of complete subtrees, the largest first: one for each bit of ``count``.
    private var nodes: [Hash256] = []

    package init() {}

    package mutating func append(_ line: UnsafeRawBufferPointer) {
        var hasher = SHA256()
        withUnsafeBytes(of: UInt8(0)) { hasher.update(bufferPointer: $0) }
        hasher.update(bufferPointer: line)
        nodes.append(hasher.finalize().withUnsafeBytes { Hash256(raw: $0) })
        var rest = count
        while rest & 1 == 1 {
            let right = nodes.removeLast()
            nodes[nodes.count - 1] = MerkleHash.node(nodes[nodes.count - 1], right)
            rest >>= 1
        }
        count += 1
    }

    package var root: Hash256 {
        guard var hash = nodes.last else { return MerkleHash.emptyRoot }
        for node in nodes.dropLast().reversed() { hash = MerkleHash.node(node, hash) }
        return hash
    }
}
