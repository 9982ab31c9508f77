// SPDX-License-Identifier: Apache-2.0

import Crypto

/// Merkle tree hashing as RFC 6962 §2.1 (and RFC 9162 §2.1.1) defines it, over SHA-256.
///
/// Leaves and nodes are hashed under different first bytes, so that no entry can pass for a node.
public enum MerkleHash {
    /// The root of the tree without entries: the SHA-256 of nothing.
    public static let emptyRoot = Hash256.sha256([])

    /// Returns the hash of an entry: SHA-256(0x00 ‖ entry).
    public static func leaf(_ entry: [UInt8]) -> Hash256 {
        entry.withUnsafeBytes { leaf($0) }
    }

    /// Returns the hash of an entry that is part of a larger buffer, without copying it.
    public static func leaf(_ entry: ArraySlice<UInt8>) -> Hash256 {
        entry.withUnsafeBytes { leaf($0) }
    }

    private static func leaf(_ entry: UnsafeRawBufferPointer) -> Hash256 {
        var hasher = SHA256()
        withUnsafeBytes(of: UInt8(0x00)) { hasher.update(bufferPointer: $0) }
        hasher.update(bufferPointer: entry)
        return Hash256(hasher.finalize())
    }

    /// Returns the hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
    public static func node(_ left: Hash256, _ right: Hash256) -> Hash256 {
        // One update over 65 bytes on the stack is about a third faster than three updates.
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { buffer in
            buffer[0] = 0x01
            left.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[1..<33]).copyMemory(from: bytes)
            }
            right.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[33..<65]).copyMemory(from: bytes)
            }
            var hasher = SHA256()
            hasher.update(bufferPointer: UnsafeRawBufferPointer(buffer))
            return Hash256(hasher.finalize())
        }
    }

    /// Returns the root of the complete subtree over a power of two of neighbouring nodes.
    static func complete(_ hashes: ArraySlice<Hash256>) -> Hash256 {
        precondition(
            hashes.count.nonzeroBitCount == 1, "a complete subtree has a power of two of leaves")
        var row = Array(hashes)
        var width = row.count
        while width > 1 {
            width /= 2
            for index in 0..<width {
                row[index] = node(row[2 * index], row[2 * index + 1])
            }
        }
        return row[0]
    }
}
