// SPDX-License-Identifier: Apache-2.0

extension IRegexp {
    /// Whether the expression matches `text`, as a whole or, for a search, some part of it.
    ///
    /// - Parameters:
    ///   - text: what is matched, by code points.
    ///   - isSearch: whether a part is enough.
    ///   - charge: is told what each character costs, a step for four states, and may give up.
    /// - Returns: whether it matches.
    /// - Throws: what `charge` throws.
    func matches<Failure: Error>(
        _ text: String, isSearch: Bool, charge: (Int) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        var rest = text.unicodeScalars[...]
        var current = StateSet(states)
        var next = StateSet(states)
        current.add(0, isStart: true, isEnd: rest.isEmpty)
        while let scalar = rest.popFirst() {
            if isSearch, current.hasEnd { return true }
            try charge(1 + current.work / 4)
            for state in current.reading {
                guard case .character(let characters) = states[state] else { continue }
                if characters.contains(scalar) {
                    next.add(state + 1, isStart: false, isEnd: rest.isEmpty)
                }
            }
            if isSearch { next.add(0, isStart: false, isEnd: rest.isEmpty) }
            if next.work == 0 { return false }
            swap(&current, &next)
            next.clear()
        }
        try charge(1 + current.work / 4)
        return current.hasEnd
    }

    /// The states in which the matcher can be before the next character.
    private struct StateSet {
        private let states: [State]
        /// Those that read a character.
        private(set) var reading: [Int] = []
        private(set) var hasEnd = false
        /// How many states were visited since it was cleared.
        private(set) var work = 0
        private var round = 1
        private var visited: [Int]
        private var open: [Int] = []

        init(_ states: [State]) {
            self.states = states
            visited = Array(repeating: 0, count: states.count)
        }

        mutating func clear() {
            reading.removeAll(keepingCapacity: true)
            hasEnd = false
            work = 0
            round += 1
        }

        /// Adds a state and those that are reached from it without reading.
        mutating func add(_ state: Int, isStart: Bool, isEnd: Bool) {
            open.append(state)
            while let state = open.popLast() {
                if visited[state] == round { continue }
                visited[state] = round
                work += 1
                switch states[state] {
                case .character: reading.append(state)
                case .split(let one, let other):
                    open.append(other)
                    open.append(one)
                case .jump(let other): open.append(other)
                case .start: if isStart { open.append(state + 1) }
                case .finish: if isEnd { open.append(state + 1) }
                case .end: hasEnd = true
                }
            }
        }
    }
}
