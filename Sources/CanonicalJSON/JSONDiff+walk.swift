// SPDX-License-Identifier: Apache-2.0

/// One comparison of two documents, which collects the differences on its way down.
struct DifferenceWalk {
    private(set) var found: [JSONDifference] = []
    private var places: [Place] = []

    /// One step from the root, which is written out only where there is a difference.
    private enum Place {
        case member(String)
        /// An element that stands for one of the other list, if it is in both.
        case element(Element, expected: Int?, live: Int?)
    }

    private enum Element {
        case ordered
        case of(set: JSON)
        case keyed(JSON, [String])
    }

    mutating func compare(_ expected: JSON, _ live: JSON, rules: ListRules?) {
        switch (expected, live) {
        case (.object(let expected), .object(let live)):
            compare(expected, live, rules: rules)
        case (.array(let before), .array(let after)):
            switch rules?.kind ?? .atomic {
            case .atomic: compareOrdered(before, after, expected, live, rules: rules?.element)
            case .set:
                compareSets(
                    before, Array(before.indices), after, Array(after.indices),
                    rules: rules?.element)
            case .map(let keys): compareKeyed(before, after, keys: keys, rules: rules?.element)
            }
        case (.null, .null): break
        case (.bool(let before), .bool(let after)):
            if before != after { report(.replace, expected, live) }
        case (.number(let before), .number(let after)):
            if before != after { report(.replace, expected, live) }
        case (.string(let before), .string(let after)):
            if !UTF8Bytes.areEqual(before, after) { report(.replace, expected, live) }
        default: report(.retype, expected, live)
        }
    }

    private mutating func compare(
        _ expected: JSONObject, _ live: JSONObject, rules: ListRules?
    ) {
        var (left, right) = (0, 0)
        while left < expected.members.count || right < live.members.count {
            switch Self.order(expected.members, left, live.members, right) {
            case .equal:
                let name = expected.members[left].key
                at(.member(name)) {
                    $0.compare(
                        expected.members[left].value, live.members[right].value,
                        rules: rules?.member(name))
                }
                left += 1
                right += 1
            case .ascending:
                let member = expected.members[left]
                at(.member(member.key)) { $0.report(.remove, member.value, nil) }
                left += 1
            case .descending:
                let member = live.members[right]
                at(.member(member.key)) { $0.report(.add, nil, member.value) }
                right += 1
            }
        }
    }

    private static func order(
        _ left: [JSONObject.Member], _ leftIndex: Int, _ right: [JSONObject.Member],
        _ rightIndex: Int
    ) -> UTF8Bytes.Order {
        if leftIndex == left.count { return .descending }
        if rightIndex == right.count { return .ascending }
        return UTF8Bytes.order(left[leftIndex].key, right[rightIndex].key)
    }

    // MARK: Ordered lists

    private mutating func compareOrdered(
        _ before: [JSON], _ after: [JSON], _ expected: JSON, _ live: JSON, rules: ListRules?
    ) {
        switch ListAlignment(before, after, rules: rules) {
        case .reordered: report(.reorder, expected, live)
        case .unrelated: report(.replace, expected, live)
        case .matches(let matches):
            var (left, right) = (0, 0)
            for match in matches + [(before.count, after.count)] {
                compareGap(before, left..<match.left, after, right..<match.right, rules: rules)
                (left, right) = (match.left + 1, match.right + 1)
            }
        }
    }

    /// As many elements where there were as many: each has replaced one.
    ///
    /// Otherwise nothing says which belong together, and they are removed and added.
    private mutating func compareGap(
        _ before: [JSON], _ left: Range<Int>, _ after: [JSON], _ right: Range<Int>,
        rules: ListRules?
    ) {
        if left.count == right.count {
            for (left, right) in zip(left, right) {
                at(.element(.ordered, expected: left, live: right)) {
                    $0.compare(before[left], after[right], rules: rules)
                }
            }
            return
        }
        for index in left {
            at(.element(.ordered, expected: index, live: nil)) {
                $0.report(.remove, before[index], nil)
            }
        }
        for index in right {
            at(.element(.ordered, expected: nil, live: index)) {
                $0.report(.add, nil, after[index])
            }
        }
    }

    // MARK: Sets and keyed lists

    private mutating func compareSets(
        _ before: [JSON], _ left: [Int], _ after: [JSON], _ right: [Int], rules: ListRules?
    ) {
        let difference = SetDifference(before, left, after, right, rules: rules)
        for index in difference.removed {
            at(.element(.of(set: before[index]), expected: index, live: nil)) {
                $0.report(.remove, before[index], nil)
            }
        }
        for index in difference.added {
            at(.element(.of(set: after[index]), expected: nil, live: index)) {
                $0.report(.add, nil, after[index])
            }
        }
    }

    /// Compares elements whose keys occur at most once in each list with their like.
    ///
    /// Those without all keys, and those whose keys occur twice in either list, are a set.
    private mutating func compareKeyed(
        _ before: [JSON], _ after: [JSON], keys: [String], rules: ListRules?
    ) {
        let lists = KeyedLists(before, after, keys: keys, rules: rules)
        for (left, right) in lists.pairs {
            if let left, let right {
                at(.element(.keyed(before[left], keys), expected: left, live: right)) {
                    $0.compare(before[left], after[right], rules: rules)
                }
            } else if let left {
                at(.element(.keyed(before[left], keys), expected: left, live: nil)) {
                    $0.report(.remove, before[left], nil)
                }
            } else if let right {
                at(.element(.keyed(after[right], keys), expected: nil, live: right)) {
                    $0.report(.add, nil, after[right])
                }
            }
        }
        compareSets(before, lists.leftUnkeyed, after, lists.rightUnkeyed, rules: rules)
    }

    // MARK: Where we are

    private mutating func at(_ place: Place, _ body: (inout DifferenceWalk) -> Void) {
        places.append(place)
        body(&self)
        places.removeLast()
    }

    private mutating func report(
        _ operation: JSONDifference.Operation, _ before: JSON?, _ after: JSON?
    ) {
        let tokens = places.map { place in
            switch place {
            case .member(let name): name
            // The same element can have another index in each document.
            case .element(_, let expected, let live):
                ((operation == .remove ? expected : live) ?? expected).map { String($0) } ?? "-"
            }
        }
        found.append(
            JSONDifference(
                operation: operation, path: KeyPath(places.map(Self.step)),
                pointer: JSONPointer(tokens: tokens), before: before, after: after))
    }

    private static func step(_ place: Place) -> KeyPath.Step {
        switch place {
        case .member(let name): return .member(name)
        case .element(.of(set: let value), _, _): return .element(value)
        case .element(.keyed(let element, let keys), _, _):
            return .keyed(
                keys.compactMap { name in
                    element[name].map { KeyPath.Field(name: name, value: $0) }
                })
        case .element(.ordered, let expected?, _): return .index(expected)
        case .element(.ordered, nil, let live): return .inserted(live ?? 0)
        }
    }
}
