// SPDX-License-Identifier: Apache-2.0

/// Comparison, order and hash of text by its UTF-8 bytes.
///
/// `String ==` treats canonically equivalent text as equal, so that `é` in one and in two code
/// points would be the same entity. Cedar compares code points, which is the same as bytes.
enum Bytes {
    static func equal(_ left: String, _ right: String) -> Bool {
        let first = left.utf8
        let second = right.utf8
        guard first.count == second.count else { return false }
        let same = first.withContiguousStorageIfAvailable { one in
            second.withContiguousStorageIfAvailable { two in equal(one, two) }
        }
        if let same, let same { return same }
        return first.elementsEqual(second)
    }

    static func equal(
        _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard left.count == right.count else { return false }
        let one = UnsafeRawBufferPointer(left)
        let two = UnsafeRawBufferPointer(right)
        var offset = 0
        while offset &+ 8 <= one.count {
            let first = one.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let second = two.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if first != second { return false }
            offset &+= 8
        }
        while offset < one.count {
            if one[offset] != two[offset] { return false }
            offset &+= 1
        }
        return true
    }

    /// Whether the left text sorts before the right one, byte by byte.
    static func precedes(_ left: String, _ right: String) -> Bool {
        compare(left, right) < 0
    }

    /// Negative, zero or positive, as the left text sorts before, equal to or after the right one.
    static func compare(_ left: String, _ right: String) -> Int {
        let order = left.utf8.withContiguousStorageIfAvailable { one in
            right.utf8.withContiguousStorageIfAvailable { two in
                let shared = min(one.count, two.count)
                for index in 0..<shared where one[index] != two[index] {
                    return one[index] < two[index] ? -1 : 1
                }
                return one.count - two.count
            }
        }
        if let order, let order { return order }
        if left.utf8.elementsEqual(right.utf8) { return 0 }
        return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
    }

    static func hash(_ text: String, into hasher: inout Hasher) {
        let done: Void? = text.utf8.withContiguousStorageIfAvailable { bytes in
            hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
        }
        if done == nil {
            for byte in text.utf8 { hasher.combine(byte) }
        }
        // A byte that UTF-8 never holds keeps ("ab", "c") apart from ("a", "bc").
        hasher.combine(0xFF as UInt8)
    }
}

/// Text as a dictionary key, compared by bytes.
struct ByteKey: Hashable, Sendable {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (left: ByteKey, right: ByteKey) -> Bool {
        Bytes.equal(left.text, right.text)
    }

    func hash(into hasher: inout Hasher) {
        Bytes.hash(text, into: &hasher)
    }
}
