// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A SHA-256 digest, held inline.
///
/// Thirty-two bytes in four machine words, so that arrays of hashes (tiles, proofs, the tree's
/// right edge) are flat memory without a heap object per hash. The words hold the bytes in the
/// order they were given; equality is equality of bytes.
public struct Hash256: Sendable, Hashable {
    /// The number of bytes in a hash.
    public static let byteCount = 32

    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// Creates a hash from exactly 32 bytes, or nil for any other number.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        words = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    }

    /// Creates a hash from exactly 64 lower-case hexadecimal digits, or nil for anything else.
    public init?(hex: String) {
        guard let bytes = Hex.decode(hex), let hash = Hash256(bytes: bytes) else { return nil }
        self = hash
    }

    /// Creates a hash from the canonical padded base64 of 32 bytes (44 characters), or nil.
    public init?(base64: String) {
        guard base64.utf8.count == 44, let bytes = CanonicalBase64.decode(base64.utf8),
            let hash = Hash256(bytes: bytes)
        else { return nil }
        self = hash
    }

    /// Creates a hash from 32 raw bytes; any other number is a bug of the caller and stops it.
    public init(raw: UnsafeRawBufferPointer) {
        precondition(raw.count == Self.byteCount, "a hash has 32 bytes")
        words = (
            raw.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
            raw.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        )
    }

    init(_ digest: SHA256Digest) {
        self = digest.withUnsafeBytes { Hash256(raw: $0) }
    }

    /// Returns the SHA-256 of some bytes (FIPS 180-4).
    public static func sha256(_ bytes: [UInt8]) -> Hash256 {
        var hasher = SHA256()
        bytes.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        return Hash256(hasher.finalize())
    }

    /// Returns the SHA-256 of what is read part by part, until there is no more.
    public static func sha256(
        reading next: () throws -> [UInt8]?
    ) rethrows -> Hash256 {
        var hasher = SHA256()
        while let part = try next(), !part.isEmpty {
            part.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        }
        return Hash256(hasher.finalize())
    }

    /// Returns the SHA-256 of several byte strings one after another, without joining them first.
    public static func sha256(concatenating parts: [[UInt8]]) -> Hash256 {
        var hasher = SHA256()
        for part in parts {
            part.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        }
        return Hash256(hasher.finalize())
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        withUnsafeBytes { Array($0) }
    }

    /// The hash as 64 lower-case hexadecimal digits.
    public var hex: String {
        withUnsafeBytes { Hex.encode($0) }
    }

    /// Appends the 64 lower-case hexadecimal digits of the hash to some bytes.
    public func appendHex(to bytes: inout [UInt8]) {
        withUnsafeBytes { Hex.append($0, to: &bytes) }
    }

    /// The hash as 44 characters of padded standard base64 (RFC 4648 §4).
    public var base64: String {
        withUnsafeBytes { CanonicalBase64.encode($0) }
    }

    /// Calls a closure with the 32 bytes in place; the pointer must not leave the closure.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Swift.withUnsafeBytes(of: words, body)
    }

    /// Compares two hashes byte for byte.
    public static func == (left: Hash256, right: Hash256) -> Bool {
        left.words == right.words
    }

    /// Feeds all 32 bytes to a hasher.
    public func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

extension Hash256: CustomStringConvertible {
    /// The hash as 64 lower-case hexadecimal digits.
    public var description: String { hex }
}
