// SPDX-License-Identifier: Apache-2.0

/// Comparison of strings by their UTF-8 bytes.
///
/// Swift's own `==`, `<` and hashing treat canonically equivalent strings as one: "é" written as
/// one code point equals "é" written as two. Identifiers and member names must not collide like
/// that, so everything that decides or is signed compares with these functions.
public enum UTF8Bytes {
    /// Whether both strings consist of the same bytes.
    public static func areEqual(_ left: String, _ right: String) -> Bool {
        withBytes(of: left, right) { left, right in
            left.count == right.count && firstDifference(left, right) == left.count
        }
    }

    /// Whether `left` sorts before `right` by bytes, which is the order of code points.
    public static func precedes(_ left: String, _ right: String) -> Bool {
        withBytes(of: left, right) { left, right in
            let index = firstDifference(left, right)
            guard index < left.count, index < right.count else { return left.count < right.count }
            return left[index] < right[index]
        }
    }

    /// Whether `left` sorts before `right` by UTF-16 code units, the order of RFC 8785 §3.2.3.
    ///
    /// It differs from the order of code points only where a code point above U+FFFF meets one
    /// from U+E000 to U+FFFF: surrogates sort below the latter.
    public static func precedesInUTF16(_ left: String, _ right: String) -> Bool {
        withBytes(of: left, right) { left, right in
            orderInUTF16(left, right) == .ascending
        }
    }

    /// Feeds the bytes of `string`, and where they end, to `hasher`.
    public static func hash(_ string: String, into hasher: inout Hasher) {
        let done: Void? = string.utf8.withContiguousStorageIfAvailable { bytes in
            hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
        }
        if done == nil {
            for byte in string.utf8 { hasher.combine(byte) }
        }
        // 0xFF occurs in no UTF-8 text, so adjacent strings cannot run into each other.
        hasher.combine(0xFF as UInt8)
    }

    enum Order { case ascending, equal, descending }

    static func orderInUTF16(
        _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
    ) -> Order {
        let index = firstDifference(left, right)
        guard index < left.count, index < right.count else {
            if left.count == right.count { return .equal }
            return left.count < right.count ? .ascending : .descending
        }
        return utf16Rank(left[index]) < utf16Rank(right[index]) ? .ascending : .descending
    }

    /// Ranks the first byte that differs.
    ///
    /// The lead bytes 0xEE and 0xEF (U+E000 to U+FFFF) go behind 0xF0 to 0xF4, whose code points
    /// are written as surrogates in UTF-16. Where both differing bytes continue a code point,
    /// neither is that high and plain byte order holds.
    private static func utf16Rank(_ byte: UInt8) -> UInt8 {
        byte == 0xEE || byte == 0xEF ? byte + 0x10 : byte
    }

    private static func firstDifference(
        _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
    ) -> Int {
        let count = min(left.count, right.count)
        var index = 0
        while index < count, left[index] == right[index] { index += 1 }
        return index
    }

    static func order(_ left: String, _ right: String) -> Order {
        withBytes(of: left, right) { left, right in orderInUTF16(left, right) }
    }

    private static func withBytes<Result>(
        of left: String, _ right: String,
        _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        let fast = left.utf8.withContiguousStorageIfAvailable { leftBytes in
            right.utf8.withContiguousStorageIfAvailable { rightBytes in
                body(leftBytes, rightBytes)
            }
        }
        if let fast, let result = fast { return result }
        // Only strings bridged from Objective-C have no contiguous bytes.
        return Array(left.utf8).withUnsafeBufferPointer { leftBytes in
            Array(right.utf8).withUnsafeBufferPointer { body(leftBytes, $0) }
        }
    }
}
