// SPDX-License-Identifier: Apache-2.0

/// One field that differs between an expected document and the live one.
public struct JSONDifference: Sendable, Hashable {
    /// What happened to the field; the raw values are stable.
    public enum Operation: String, Sendable, Hashable, CaseIterable {
        /// It is only in the live document.
        case add
        /// It is only in the expected document.
        case remove
        /// Its value is another of the same type.
        case replace
        /// Its value is of another JSON type.
        case retype
        /// It is an ordered list with the same elements in another order.
        case reorder
    }

    /// What happened.
    public let operation: Operation
    /// Where, by what list elements are as far as their lists have keys or are sets.
    public let path: KeyPath
    /// Where in the live document; for ``Operation/remove`` in the expected one.
    public let pointer: JSONPointer
    /// The expected value; `nil` for ``Operation/add``.
    public let before: JSON?
    /// The live value; `nil` for ``Operation/remove``.
    public let after: JSON?

    /// Creates a difference.
    public init(
        operation: Operation, path: KeyPath, pointer: JSONPointer, before: JSON?, after: JSON?
    ) {
        self.operation = operation
        self.path = path
        self.pointer = pointer
        self.before = before
        self.after = after
    }
}

/// Comparison of JSON documents, field by field.
///
/// Strings and names are compared by bytes, numbers by their exact value. Time is linear in the
/// size of both documents, whatever they hold: lists whose elements moved too far are replaced as
/// a whole rather than searched for the shortest script.
public enum JSONDiff {
    /// The most elements of one ordered list that may be out of place before the difference is
    /// the list itself: added and removed ones together, without those that have no counterpart.
    ///
    /// The search for the shortest script takes the square of it at most. More than so many moves
    /// are not read by anybody one by one.
    public static let maximumMoves = 256

    /// What has to be explained if `live` was expected to be `expected`.
    ///
    /// There is none if and only if ``areEqual(_:_:lists:)``. No two have the same path, save for
    /// equal copies of one element of a set.
    /// - Parameters:
    ///   - expected: what should be.
    ///   - live: what is.
    ///   - lists: which lists are sets or have keys; the others are ordered.
    /// - Returns: the differences in the order of the documents: members in canonical order; in a
    ///   set or keyed list first those of expected elements, then the added ones.
    public static func differences(
        from expected: JSON, to live: JSON, lists: ListSemantics = ListSemantics()
    ) -> [JSONDifference] {
        var walk = DifferenceWalk()
        walk.compare(expected, live, rules: ListRules(lists))
        return walk.found
    }

    /// Whether both documents are the same, apart from the order of elements in lists that are
    /// sets or have keys.
    public static func areEqual(
        _ left: JSON, _ right: JSON, lists: ListSemantics = ListSemantics()
    ) -> Bool {
        ListRules.areEqual(left, right, rules: ListRules(lists))
    }
}
