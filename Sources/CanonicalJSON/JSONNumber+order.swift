// SPDX-License-Identifier: Apache-2.0

extension JSONNumber: Comparable {
    /// Whether the exact decimal value of `left` is below that of `right`.
    public static func < (left: JSONNumber, right: JSONNumber) -> Bool {
        DecimalValue(left.text) < DecimalValue(right.text)
    }
}

extension DecimalValue: Comparable {
    static func < (left: DecimalValue, right: DecimalValue) -> Bool {
        if left.sign != right.sign { return left.sign < right.sign }
        return left.isNegative ? right.isSmaller(than: left) : left.isSmaller(than: right)
    }

    private var sign: Int { digits.isEmpty ? 0 : isNegative ? -1 : 1 }

    /// Compares magnitudes: the place of the first digit, then the digits.
    private func isSmaller(than other: DecimalValue) -> Bool {
        let (place, otherPlace) = (digits.count + exponent, other.digits.count + other.exponent)
        if place != otherPlace { return place < otherPlace }
        return digits.lexicographicallyPrecedes(other.digits)
    }
}
