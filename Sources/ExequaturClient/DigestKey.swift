// SPDX-License-Identifier: Apache-2.0

/// The key under which values that must not be shown are digested.
///
/// It stays on the gate's machine, so that nobody who reads a digest can try out passwords, and
/// stays the same, so that the same command always has the same operation digest.
public struct DigestKey: Sendable {
    /// 32 bytes.
    public let bytes: [UInt8]

    /// Takes a key; nil unless it has 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }
}
