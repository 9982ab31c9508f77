// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Foundation
package import TransparencyLog

/// Where randomness comes from; a seeded source takes its place in tests.
package struct Entropy: Sendable {
    private let source: @Sendable (Int) -> [UInt8]

    package init(_ source: @escaping @Sendable (Int) -> [UInt8]) { self.source = source }

    /// The kernel's generator.
    ///
    /// One call gives all that an action needs: a system call each for eight bytes would be the
    /// slowest part of an allowed action.
    package static let live = Entropy { count in
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let step = min(count - filled, 256)
            let result = bytes.withUnsafeMutableBytes { buffer in
                buffer.baseAddress.map { getentropy($0 + filled, step) } ?? -1
            }
            // Up to 256 bytes this never fails once the pool is ready; if it does there is no
            // safe way on.
            precondition(result == 0, "the kernel gives no randomness")
            filled += step
        }
        return bytes
    }

    package func bytes(_ count: Int) -> [UInt8] { source(count) }

    /// Several 32-byte values at once.
    package func hashes(_ count: Int) -> [Hash256] {
        source(count * 32).withUnsafeBytes { bytes in
            (0..<count).map { Hash256(raw: .init(rebasing: bytes[($0 * 32)..<($0 * 32 + 32)])) }
        }
    }

    /// Two random words.
    package func words() -> (UInt64, UInt64) {
        let bytes = source(16)
        func word(_ range: Range<Int>) -> UInt64 {
            bytes[range].reduce(0) { $0 << 8 | UInt64($1) }
        }
        return (word(0..<8), word(8..<16))
    }
}
