// SPDX-License-Identifier: Apache-2.0

/// An expression as a tree.
indirect enum IRegexpNode: Sendable {
    case character(CharacterClass)
    case start
    case finish
    case sequence([IRegexpNode])
    case alternatives([IRegexpNode])
    /// Without a maximum any number of times.
    case repetition(IRegexpNode, minimum: Int, maximum: Int?)
}

/// Reads I-Regexp by the grammar of RFC 9485, §3.1.
struct IRegexpParser {
    private let scalars: [Unicode.Scalar]
    private var at = 0
    private var nesting = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func parseWhole() throws(IRegexpError) -> IRegexpNode {
        let node = try parseAlternatives()
        guard at == scalars.count else { throw failure("`)` closes nothing, write `\\)`") }
        return node
    }

    private mutating func parseAlternatives() throws(IRegexpError) -> IRegexpNode {
        var branches = [try parseBranch()]
        while take("|") { branches.append(try parseBranch()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func parseBranch() throws(IRegexpError) -> IRegexpNode {
        var pieces: [IRegexpNode] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            pieces.append(try parseQuantifier(try parseAtom()))
        }
        return .sequence(pieces)
    }

    private mutating func parseQuantifier(
        _ atom: IRegexpNode
    ) throws(IRegexpError) -> IRegexpNode {
        if take("*") { return .repetition(atom, minimum: 0, maximum: nil) }
        if take("+") { return .repetition(atom, minimum: 1, maximum: nil) }
        if take("?") { return .repetition(atom, minimum: 0, maximum: 1) }
        guard take("{") else { return atom }
        let minimum = try parseCount()
        var maximum: Int? = minimum
        if take(",") { maximum = peek == "}" ? nil : try parseCount() }
        guard take("}") else { throw failure("expected `}`") }
        if let maximum, maximum < minimum { throw failure("the range of `{…}` is empty") }
        return .repetition(atom, minimum: minimum, maximum: maximum)
    }

    private mutating func parseCount() throws(IRegexpError) -> Int {
        let start = at
        var count = 0
        while let scalar = peek, ("0"..."9").contains(scalar) {
            count = min(count * 10 + Int(scalar.value - 0x30), IRegexp.maximumRepetition + 1)
            at += 1
        }
        guard at > start else { throw failure("expected a number") }
        guard count <= IRegexp.maximumRepetition else {
            throw failure("use at most \(IRegexp.maximumRepetition) in `{…}`")
        }
        return count
    }

    private mutating func parseAtom() throws(IRegexpError) -> IRegexpNode {
        guard let scalar = peek else { throw failure("expected a character") }
        at += 1
        switch scalar {
        case ".": return .character(.any)
        case "^": return .start
        case "$": return .finish
        case "(":
            guard nesting < IRegexp.maximumNesting else {
                throw failure("use at most \(IRegexp.maximumNesting) parentheses inside each other")
            }
            nesting += 1
            let inner = try parseAlternatives()
            nesting -= 1
            guard take(")") else { throw failure("expected `)`") }
            return inner
        case "[": return .character(try parseClass())
        case "\\": return .character(try parseEscape())
        case "*", "+", "?", "{", "}", "]":
            at -= 1
            throw failure("write `\\` before this character to mean itself")
        default: return .character(CharacterClass(ranges: [scalar.value...scalar.value]))
        }
    }

    /// What follows `\`: one character, or a property.
    private mutating func parseEscape() throws(IRegexpError) -> CharacterClass {
        guard let scalar = peek else { throw failure("`\\` at the end, write `\\\\`") }
        at += 1
        switch scalar {
        case "n": return CharacterClass(ranges: [0x0A...0x0A])
        case "r": return CharacterClass(ranges: [0x0D...0x0D])
        case "t": return CharacterClass(ranges: [0x09...0x09])
        case "(", ")", "*", "+", "-", ".", "?", "[", "\\", "]", "^", "{", "|", "}":
            return CharacterClass(ranges: [scalar.value...scalar.value])
        case "p", "P":
            guard take("{") else { throw failure("expected `{` and a Unicode category") }
            let start = at
            while let scalar = peek, scalar != "}" { at += 1 }
            var name = String.UnicodeScalarView()
            name.append(contentsOf: scalars[start..<at].prefix(3))
            guard take("}"), let categories = CharacterClass.categories(String(name)) else {
                at = start
                throw failure("expected a Unicode category such as `L` or `Lu`")
            }
            return CharacterClass(
                categories: scalar == "p"
                    ? categories : CharacterClass.allCategories & ~categories)
        default:
            at -= 1
            throw failure("I-Regexp has no such escape")
        }
    }

    /// What follows `[`.
    private mutating func parseClass() throws(IRegexpError) -> CharacterClass {
        var result = CharacterClass(isNegated: take("^"))
        let start = at
        if take("-") { result.ranges.append(0x2D...0x2D) }
        while let scalar = peek, scalar != "]" {
            if scalar == "-" {
                at += 1
                guard peek == "]" else {
                    at -= 1
                    throw failure("write `\\-` for the character itself")
                }
                result.ranges.append(0x2D...0x2D)
                break
            }
            let first = try parseMember()
            // A range, unless `-` is the last character of the class.
            let isRange = peek == "-" && at + 1 < scalars.count && scalars[at + 1] != "]"
            guard let low = first.single, isRange else {
                result.ranges += first.ranges
                result.categories |= first.categories
                continue
            }
            at += 1
            guard let high = try parseMember().single, low <= high else {
                throw failure("the range ends before it begins")
            }
            result.ranges.append(low...high)
        }
        guard at > start, take("]") else { throw failure("expected a character, or `]`") }
        return result
    }

    private mutating func parseMember() throws(IRegexpError) -> CharacterClass {
        guard let scalar = peek else { throw failure("expected `]`") }
        at += 1
        switch scalar {
        case "\\": return try parseEscape()
        case "[", "-":
            at -= 1
            throw failure("write `\\` before this character to mean itself")
        default: return CharacterClass(ranges: [scalar.value...scalar.value])
        }
    }

    private var peek: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        at += 1
        return true
    }

    private func failure(_ message: String) -> IRegexpError {
        IRegexpError(description: "not an I-Regexp, character \(at + 1) of the pattern: \(message)")
    }
}

extension CharacterClass {
    /// The character, if it is only one.
    fileprivate var single: UInt32? {
        guard categories == 0, !isNegated, ranges.count == 1, ranges[0].count == 1 else {
            return nil
        }
        return ranges[0].lowerBound
    }
}

/// Writes a tree as states.
struct IRegexpCompiler {
    private(set) var states: [IRegexp.State] = []
    /// Repetitions of nothing add no state, but take time too.
    private var work = 0

    mutating func emit(_ state: IRegexp.State) throws(IRegexpError) {
        states.append(state)
        try count()
    }

    private mutating func count() throws(IRegexpError) {
        work += 1
        guard work <= IRegexp.maximumStates else {
            throw IRegexpError(
                description: "the pattern has more than \(IRegexp.maximumStates) states when its "
                    + "repetitions are written out")
        }
    }

    mutating func append(_ node: IRegexpNode) throws(IRegexpError) {
        try count()
        switch node {
        case .character(let characters): try emit(.character(characters))
        case .start: try emit(.start)
        case .finish: try emit(.finish)
        case .sequence(let nodes): for node in nodes { try append(node) }
        case .alternatives(let nodes):
            var ends: [Int] = []
            for (index, node) in nodes.enumerated() {
                if index == nodes.count - 1 {
                    try append(node)
                } else {
                    let split = states.count
                    try emit(.jump(0))
                    try append(node)
                    ends.append(states.count)
                    try emit(.jump(0))
                    states[split] = .split(split + 1, states.count)
                }
            }
            for end in ends { states[end] = .jump(states.count) }
        case .repetition(let node, let minimum, let maximum):
            for _ in 0..<minimum { try append(node) }
            let start = states.count
            guard let maximum else {
                try emit(.jump(0))
                try append(node)
                try emit(.jump(start))
                states[start] = .split(start + 1, states.count)
                return
            }
            var splits: [Int] = []
            for _ in minimum..<maximum {
                splits.append(states.count)
                try emit(.jump(0))
                try append(node)
            }
            for split in splits { states[split] = .split(split + 1, states.count) }
        }
    }
}
