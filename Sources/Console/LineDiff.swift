// SPDX-License-Identifier: Apache-2.0

/// What lines of a text are gone and new, as a page shows it.
struct LineDiff {
    /// What became of a line.
    enum Mark { case same, removed, added, skipped }

    struct Line: Equatable {
        var mark: Mark
        var text: String
    }

    /// A page has room for so many lines of one file; the whole text stands in the document below.
    static let limit = 2_000
    /// Unchanged lines around a change that are shown.
    private static let context = 3
    /// The most pairs of lines that are compared; beyond that all of it counts as replaced.
    private static let pairs = 4_000_000

    private(set) var lines: [Line] = []
    /// True if there are more lines than are shown.
    private(set) var isCut = false

    init(before: String, after: String) {
        let (old, new) = (Self.split(before), Self.split(after))
        var all = Self.compare(old, new)
        all = Self.folded(all)
        isCut = all.count > Self.limit
        lines = Array(all.prefix(Self.limit))
    }

    private static func split(_ text: String) -> [String] { text.isEmpty ? [] : textLines(text) }

    /// Lines are the same if their bytes are.
    private static func compare(_ old: [String], _ new: [String]) -> [Line] {
        var numbers: [[UInt8]: Int] = [:]
        func number(_ line: String) -> Int {
            let key = Array(line.utf8)
            let number = numbers[key] ?? numbers.count
            numbers[key] = number
            return number
        }
        let (a, b) = (old.map(number), new.map(number))
        var head = 0
        while head < min(a.count, b.count), a[head] == b[head] { head += 1 }
        var tail = 0
        while tail < min(a.count, b.count) - head, a[a.count - 1 - tail] == b[b.count - 1 - tail] {
            tail += 1
        }
        let middle = steps(a[head..<(a.count - tail)], b[head..<(b.count - tail)])
        var result = old[..<head].map { Line(mark: .same, text: $0) }
        var (i, j) = (head, head)
        for step in middle {
            switch step {
            case .removed:
                result.append(Line(mark: .removed, text: old[i]))
                i += 1
            case .added:
                result.append(Line(mark: .added, text: new[j]))
                j += 1
            case .same, .skipped:
                result.append(Line(mark: .same, text: old[i]))
                (i, j) = (i + 1, j + 1)
            }
        }
        return result + old[(old.count - tail)...].map { Line(mark: .same, text: $0) }
    }

    /// The shortest way from one to the other, by their longest common subsequence.
    private static func steps(_ a: ArraySlice<Int>, _ b: ArraySlice<Int>) -> [Mark] {
        let (a, b) = (Array(a), Array(b))
        guard !a.isEmpty, !b.isEmpty, a.count <= pairs / b.count
        else { return a.map { _ in .removed } + b.map { _ in .added } }
        let width = b.count + 1
        // At most the shorter of both, which is at most the root of `pairs`.
        var longest = [UInt16](repeating: 0, count: (a.count + 1) * width)
        for i in a.indices.reversed() {
            for j in b.indices.reversed() {
                longest[i * width + j] =
                    a[i] == b[j]
                    ? longest[(i + 1) * width + j + 1] + 1
                    : max(longest[(i + 1) * width + j], longest[i * width + j + 1])
            }
        }
        var result: [Mark] = []
        var (i, j) = (0, 0)
        while i < a.count || j < b.count {
            if i < a.count, j < b.count, a[i] == b[j] {
                result.append(.same)
                (i, j) = (i + 1, j + 1)
            } else if j == b.count
                || (i < a.count && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
            {
                result.append(.removed)
                i += 1
            } else {
                result.append(.added)
                j += 1
            }
        }
        return result
    }

    /// Leaves out what is far from any change, and says how much that is.
    private static func folded(_ lines: [Line]) -> [Line] {
        var isNear = [Bool](repeating: false, count: lines.count)
        for (index, line) in lines.enumerated() where line.mark != .same {
            let near = max(0, index - context)...min(lines.count - 1, index + context)
            for place in near { isNear[place] = true }
        }
        var result: [Line] = []
        var skipped = 0
        func flush() {
            guard skipped > 0 else { return }
            let words = skipped == 1 ? "1 line as before" : "\(skipped) lines as before"
            result.append(Line(mark: .skipped, text: words))
            skipped = 0
        }
        for (index, line) in lines.enumerated() {
            if isNear[index] {
                flush()
                result.append(line)
            } else {
                skipped += 1
            }
        }
        flush()
        return result
    }
}
