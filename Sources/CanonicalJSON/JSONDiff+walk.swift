// SPDX-License-Identifier: Apache-2.0

/// One comparison of two documents, which collects the differences on its way down.
struct DifferenceWalk {
    private(set) var found: [JSONDifference] = []
    private var steps: [KeyPath.Step] = []
    // Apart, because the same element can have another index in each document.
    private var expectedTokens: [String] = []
    private var liveTokens: [String] = []

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
                step(.member(name), name, name) {
                    $0.compare(
                        expected.members[left].value, live.members[right].value,
                        rules: rules?.member(name))
                }
                left += 1
                right += 1
            case .ascending:
                let member = expected.members[left]
                step(.member(member.key), member.key, "") {
                    $0.report(.remove, member.value, nil)
                }
                left += 1
            case .descending:
                let member = live.members[right]
                step(.member(member.key), "", member.key) {
                    $0.report(.add, nil, member.value)
                }
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

    /// As many elements where there were as many: each has replaced one. Otherwise nothing says
    /// which belong together, and they are removed and added.
    private mutating func compareGap(
        _ before: [JSON], _ left: Range<Int>, _ after: [JSON], _ right: Range<Int>,
        rules: ListRules?
    ) {
        if left.count == right.count {
            for (left, right) in zip(left, right) {
                step(.index(left), String(left), String(right)) {
                    $0.compare(before[left], after[right], rules: rules)
                }
            }
            return
        }
        for index in left {
            step(.index(index), String(index), "") { $0.report(.remove, before[index], nil) }
        }
        for index in right {
            step(.inserted(index), "", String(index)) { $0.report(.add, nil, after[index]) }
        }
    }

    // MARK: Sets and keyed lists

    /// Compares the elements at some indices of two lists regardless of their order.
    private mutating func compareSets(
        _ before: [JSON], _ left: [Int], _ after: [JSON], _ right: [Int], rules: ListRules?
    ) {
        // Equal ones that stand opposite cancel out, which spares hashing what did not move.
        let shorter = min(left.count, right.count)
        let moved = (0..<shorter).filter {
            !ListRules.areEqual(before[left[$0]], after[right[$0]], rules: rules)
        }
        let leftRest = moved.map { left[$0] } + left[shorter...]
        let rightRest = moved.map { right[$0] } + right[shorter...]
        if leftRest.isEmpty, rightRest.isEmpty { return }
        var classes = ElementClasses(rules: rules)
        let live = rightRest.map { (index: $0, number: classes.class(of: after[$0])) }
        var additions = ClassCounts()
        for element in live { additions.add(element.number) }
        var removed: [Int] = []
        for index in leftRest where !additions.take(classes.class(of: before[index])) {
            removed.append(index)
        }
        for index in removed {
            step(.element(before[index]), String(index), "") {
                $0.report(.remove, before[index], nil)
            }
        }
        for element in live where additions.take(element.number) {
            step(.element(after[element.index]), "", String(element.index)) {
                $0.report(.add, nil, after[element.index])
            }
        }
    }

    /// Elements whose keys occur at most once in each list are compared with their like. Those
    /// without all keys, and those whose keys occur twice in either list, are compared as a set.
    private mutating func compareKeyed(
        _ before: [JSON], _ after: [JSON], keys: [String], rules: ListRules?
    ) {
        let lists = KeyedLists(before, after, keys: keys, rules: rules)
        for pair in lists.pairs {
            switch pair {
            case (let left?, let right?):
                step(.keyed(lists.fields(before[left])), String(left), String(right)) {
                    $0.compare(before[left], after[right], rules: rules)
                }
            case (let left?, nil):
                step(.keyed(lists.fields(before[left])), String(left), "") {
                    $0.report(.remove, before[left], nil)
                }
            case (nil, let right?):
                step(.keyed(lists.fields(after[right])), "", String(right)) {
                    $0.report(.add, nil, after[right])
                }
            case (nil, nil): break
            }
        }
        compareSets(before, lists.leftUnkeyed, after, lists.rightUnkeyed, rules: rules)
    }

    // MARK: Where we are

    private mutating func step(
        _ step: KeyPath.Step, _ expectedToken: String, _ liveToken: String,
        _ body: (inout DifferenceWalk) -> Void
    ) {
        steps.append(step)
        expectedTokens.append(expectedToken)
        liveTokens.append(liveToken)
        body(&self)
        steps.removeLast()
        expectedTokens.removeLast()
        liveTokens.removeLast()
    }

    private mutating func report(
        _ operation: JSONDifference.Operation, _ before: JSON?, _ after: JSON?
    ) {
        found.append(
            JSONDifference(
                operation: operation, path: KeyPath(steps),
                pointer: JSONPointer(
                    tokens: operation == .remove ? expectedTokens : liveTokens),
                before: before, after: after))
    }
}
