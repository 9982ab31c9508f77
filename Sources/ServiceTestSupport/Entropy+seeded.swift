// SPDX-License-Identifier: Apache-2.0

package import ControlPlane
internal import Synchronization
package import TestSupport

extension Entropy {
    /// Randomness that a seed decides: the same calls in the same order give the same bytes.
    package static func seeded(_ random: SeededRandom) -> Entropy {
        let generator = SharedGenerator(random)
        return Entropy { generator.bytes($0) }
    }
}

/// A generator behind a lock, because entropy is asked for by several threads.
private final class SharedGenerator: Sendable {
    private let random: Mutex<SeededRandom>

    init(_ random: SeededRandom) { self.random = Mutex(random) }

    func bytes(_ count: Int) -> [UInt8] {
        random.withLock { random in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(count + 8)
            while bytes.count < count {
                let word = random.next()
                for shift in stride(from: UInt64(0), to: 64, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: word >> shift))
                }
            }
            return Array(bytes.prefix(count))
        }
    }
}
