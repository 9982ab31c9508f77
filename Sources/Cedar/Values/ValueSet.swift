// SPDX-License-Identifier: Apache-2.0

/// A set of values: no order, no duplicates.
public struct ValueSet: Sendable, Hashable, Sequence, ExpressibleByArrayLiteral {
    /// Up to this many elements a plain scan beats hashing.
    private static let scanLimit = 8

    private let elements: [Value]
    private let index: Set<Value>?

    /// The empty set.
    public init() {
        elements = []
        index = nil
    }

    /// Makes a set of the given values; duplicates count once.
    public init(_ values: some Sequence<Value>) {
        let all = Array(values)
        if all.count <= Self.scanLimit {
            var distinct: [Value] = []
            distinct.reserveCapacity(all.count)
            for value in all where !distinct.contains(value) { distinct.append(value) }
            elements = distinct
            index = nil
        } else {
            var seen: Set<Value> = []
            seen.reserveCapacity(all.count)
            elements = all.filter { seen.insert($0).inserted }
            index = seen.count > Self.scanLimit ? seen : nil
        }
    }

    /// Makes a set of the given values; duplicates count once.
    public init(arrayLiteral values: Value...) {
        self.init(values)
    }

    /// The number of distinct elements.
    public var count: Int { elements.count }

    /// Whether there are no elements.
    public var isEmpty: Bool { elements.isEmpty }

    /// Whether the value is an element.
    public func contains(_ value: Value) -> Bool {
        index?.contains(value) ?? elements.contains(value)
    }

    /// Whether every element is an element of the other set too.
    public func isSubset(of other: ValueSet) -> Bool {
        count <= other.count && elements.allSatisfy(other.contains)
    }

    /// Whether no element is an element of the other set.
    public func isDisjoint(with other: ValueSet) -> Bool {
        let (few, many) = count <= other.count ? (self, other) : (other, self)
        return !few.elements.contains(where: many.contains)
    }

    /// Goes through the elements in the order in which they first came.
    public func makeIterator() -> IndexingIterator<[Value]> {
        elements.makeIterator()
    }

    /// Whether both hold the same elements, in whatever order.
    public static func == (left: ValueSet, right: ValueSet) -> Bool {
        left.count == right.count && left.isSubset(of: right)
    }

    /// Hashes the elements, whatever their order.
    public func hash(into hasher: inout Hasher) {
        var mixed = 0
        for element in elements { mixed ^= element.hashValue }
        hasher.combine(elements.count)
        hasher.combine(mixed)
    }
}
