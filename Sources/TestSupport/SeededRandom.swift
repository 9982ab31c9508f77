// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A reproducible source of randomness for tests: SplitMix64.
///
/// The same seed gives the same sequence on every machine and in every version. It is good enough
/// to generate test data and far too predictable for anything else.
/// Source: G. L. Steele, D. Lea, C. H. Flood, *Fast splittable pseudorandom number generators*
/// (OOPSLA 2014).
public struct SeededRandom: RandomNumberGenerator, Sendable {
    /// The seed this generator started from.
    public let seed: UInt64

    private var state: UInt64

    /// Creates a generator from `seed`.
    public init(seed: UInt64) {
        self.seed = seed
        self.state = seed
    }

    /// Returns the next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// Returns a generator for the part called `label`, independent of this one's position.
    ///
    /// One more draw in one part of a simulation therefore does not shift the others.
    public func child(_ label: String) -> SeededRandom {
        SeededRandom(seed: Self.mix(seed ^ Self.hash(label)))
    }

    /// The generator of one test; its seed is printed on standard error.
    ///
    /// The environment variable `SEED` decides: a number (decimal, or hexadecimal after `0x`) is
    /// used as it is, `random` draws a new one, and without it the seed is fixed, so that a plain
    /// run gives the same answer every time. Tests with different labels get different sequences.
    ///
    /// - Parameter label: names the test in the printed line; the calling function by default.
    /// - Returns: the generator, at its start.
    public static func forTest(_ label: String = #function) -> SeededRandom {
        let root = rootSeed(ProcessInfo.processInfo.environment["SEED"])
        let line = "seed of \(label): \(root) (repeat with SEED=\(root))\n"
        FileHandle.standardError.write(Data(line.utf8))
        return SeededRandom(seed: root).child(label)
    }

    private static func rootSeed(_ setting: String?) -> UInt64 {
        guard let setting, !setting.isEmpty else { return 0x45_7865_7175_6174 }
        if setting == "random" {
            var system = SystemRandomNumberGenerator()
            return system.next()
        }
        let number =
            setting.hasPrefix("0x") ? UInt64(setting.dropFirst(2), radix: 16) : UInt64(setting)
        guard let number else {
            preconditionFailure("SEED is `\(setting)`: set it to a number or to `random`")
        }
        return number
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// FNV-1a, because Swift's own hashes differ from run to run.
    private static func hash(_ label: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in label.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        return hash
    }
}
