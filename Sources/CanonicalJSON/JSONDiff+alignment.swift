// SPDX-License-Identifier: Apache-2.0

/// Which elements of two ordered lists stand for each other.
enum ListAlignment {
    /// Nothing but the order differs.
    case reordered
    /// The elements that are the same in both, ascending; between them are the gaps.
    case matches([(left: Int, right: Int)])
    /// Too much moved.
    case unrelated

    /// Finds the elements that are in both lists in the same order, as many as there can be.
    init(_ left: [JSON], _ right: [JSON], rules: ListRules?) {
        self = Self.byPlace(left, right, rules: rules) ?? Self.byContent(left, right, rules: rules)
    }

    /// The elements that are in both lists in the same order, also where only the order differs;
    /// `nil` where too much moved.
    static func matches(
        _ left: [JSON], _ right: [JSON], rules: ListRules?
    ) -> [(left: Int, right: Int)]? {
        var alignment = ListAlignment(left, right, rules: rules)
        if case .reordered = alignment { alignment = byContent(left, right, rules: rules) }
        guard case .matches(let matches) = alignment else { return nil }
        return matches
    }

    /// Pairs equal elements at the same index, if there is no better way.
    ///
    /// There is none if no element that differs from its opposite occurs among the others that
    /// do: then for no value more copies could be matched. So a list in which fields changed in
    /// place is not hashed.
    private static func byPlace(
        _ left: [JSON], _ right: [JSON], rules: ListRules?
    ) -> ListAlignment? {
        guard left.count == right.count else { return nil }
        var matches: [(left: Int, right: Int)] = []
        matches.reserveCapacity(left.count)
        var different: [Int] = []
        for index in left.indices {
            if ListRules.areEqual(left[index], right[index], rules: rules) {
                matches.append((index, index))
            } else {
                different.append(index)
            }
        }
        if different.isEmpty { return .matches(matches) }
        var classes = ElementClasses(rules: rules)
        var counts = ClassCounts()
        for index in different { counts.add(classes.class(of: left[index])) }
        let found = different.count { counts.take(classes.class(of: right[$0])) }
        if found == 0 { return .matches(matches) }
        return found == different.count ? .reordered : nil
    }

    private static func byContent(
        _ left: [JSON], _ right: [JSON], rules: ListRules?
    ) -> ListAlignment {
        let shorter = min(left.count, right.count)
        var start = 0
        while start < shorter, ListRules.areEqual(left[start], right[start], rules: rules) {
            start += 1
        }
        var end = 0
        while end < shorter - start,
            ListRules.areEqual(
                left[left.count - 1 - end], right[right.count - 1 - end], rules: rules)
        {
            end += 1
        }
        var classes = ElementClasses(rules: rules)
        let leftClasses = left[start..<left.count - end].map { classes.class(of: $0) }
        let rightClasses = right[start..<right.count - end].map { classes.class(of: $0) }
        guard let inner = longestCommon(leftClasses, rightClasses) else { return .unrelated }
        var matches = (0..<start).map { (left: $0, right: $0) }
        matches += inner.map { ($0.left + start, $0.right + start) }
        matches += (0..<end).map { (left.count - end + $0, right.count - end + $0) }
        return .matches(matches)
    }

    /// The longest common subsequence, or `nil` where more than ``JSONDiff/maximumMoves`` elements
    /// that are in both lists would be left out.
    private static func longestCommon(
        _ left: [Int], _ right: [Int]
    ) -> [(left: Int, right: Int)]? {
        // What is in one list only cannot be common, and would cost edits.
        var leftCounts = ClassCounts()
        var rightCounts = ClassCounts()
        for number in left { leftCounts.add(number) }
        for number in right { rightCounts.add(number) }
        let leftIndices = left.indices.filter { rightCounts.contains(left[$0]) }
        let rightIndices = right.indices.filter { leftCounts.contains(right[$0]) }
        return shortestEdit(
            leftIndices.map { left[$0] }, rightIndices.map { right[$0] },
            maximum: JSONDiff.maximumMoves
        )?
        .map { (leftIndices[$0.left], rightIndices[$0.right]) }
    }

    /// The greedy search, which keeps the furthest points of every number of edits.
    ///
    /// Source: E. W. Myers, *An O(ND) difference algorithm and its variations* (1986), §3.
    private static func shortestEdit(
        _ left: [Int], _ right: [Int], maximum: Int
    ) -> [(left: Int, right: Int)]? {
        let limit = min(maximum, left.count + right.count)
        // On diagonal `k`, which is `x - y`, at `k + limit + 1`: the furthest `x`.
        var furthest = [Int](repeating: 0, count: 2 * limit + 3)
        var history: [[Int]] = []
        for edits in 0...limit {
            history.append(Array(furthest[limit + 1 - edits...limit + 1 + edits]))
            for diagonal in stride(from: -edits, through: edits, by: 2) {
                let at = diagonal + limit + 1
                let isDown =
                    diagonal == -edits
                    || (diagonal != edits && furthest[at - 1] < furthest[at + 1])
                var x = isDown ? furthest[at + 1] : furthest[at - 1] + 1
                var y = x - diagonal
                while x < left.count, y < right.count, left[x] == right[y] {
                    x += 1
                    y += 1
                }
                furthest[at] = x
                if x >= left.count, y >= right.count {
                    return wayBack(left.count, right.count, history)
                }
            }
        }
        return nil
    }

    private static func wayBack(
        _ leftCount: Int, _ rightCount: Int, _ history: [[Int]]
    ) -> [(left: Int, right: Int)] {
        var matches: [(left: Int, right: Int)] = []
        var (x, y) = (leftCount, rightCount)
        for edits in stride(from: history.count - 1, through: 1, by: -1) {
            // The furthest points before these edits: diagonal `k` is at `k + edits`.
            let furthest = history[edits]
            let diagonal = x - y
            let isDown =
                diagonal == -edits
                || (diagonal != edits
                    && furthest[diagonal - 1 + edits] < furthest[diagonal + 1 + edits])
            let from = isDown ? diagonal + 1 : diagonal - 1
            let fromX = furthest[from + edits]
            let fromY = fromX - from
            let start = isDown ? fromX : fromX + 1
            while x > start {
                x -= 1
                y -= 1
                matches.append((x, y))
            }
            (x, y) = (fromX, fromY)
        }
        while x > 0, y > 0 {
            x -= 1
            y -= 1
            matches.append((x, y))
        }
        return matches.reversed()
    }
}
