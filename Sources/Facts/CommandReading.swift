// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// What a command line was found to do, gathered while it is read.
struct Findings: Sendable {
    var effects: Set<Effect> = []
    var reasons: [String] = []
    var isInspectable = true

    mutating func add(_ effect: Effect, _ reason: String? = nil) {
        effects.insert(effect)
        if let reason { note(reason) }
    }

    /// The command may do more than can be told.
    mutating func doubt(_ reason: String) {
        isInspectable = false
        effects.insert(.unknown)  // above `read`, so that nothing in doubt is `read`
        note(reason)
    }

    mutating func note(_ reason: String) {
        guard reasons.count < Self.mostReasons else { return }
        if !reasons.contains(where: { $0.isBytes(reason) }) { reasons.append(reason) }
    }

    mutating func merge(_ other: Findings) {
        effects.formUnion(other.effects)
        isInspectable = isInspectable && other.isInspectable
        for reason in other.reasons { note(reason) }
    }

    /// The worst of the effects.
    var worst: Effect { effects.max() ?? .unknown }

    /// Reasons kept; a command of a thousand odd options needs no thousand reasons.
    private static let mostReasons = 24
}

/// One command line, split by the rows of its program.
struct CommandReading: Sendable {
    let program: String
    /// Subcommand words that were recognised.
    private(set) var path: [String] = []
    /// Option words as written, without separate values.
    private(set) var options: [String] = []
    /// Values of options, attached or separate, with the option's name.
    private(set) var values: [(option: String, value: String)] = []
    /// What is neither option, nor option value, nor subcommand.
    private(set) var operands: [String] = []
    /// Where in the arguments the first operand stands.
    private(set) var firstOperand: Int?
    /// The row that the subcommand words lead to.
    private(set) var row: ProgramRow?
    private(set) var findings = Findings()

    private let rows: [ProgramRow]
    private var pathIsOpen = true

    /// Reads `arguments`, which follow the program's name.
    init(program: String, arguments: [String], rows: [ProgramRow]) {
        self.program = program
        self.rows = rows
        settleRow()
        guard row != nil else { return }
        var index = 0
        while index < arguments.count {
            let word = arguments[index]
            let isRaw = row?.flags.contains(.raw) ?? false
            if isRaw || word.isBytes("-") || !word.hasBytePrefix("-") {
                take(operand: word, at: index)
                index += 1
                let stops = row.map { !$0.flags.isDisjoint(with: [.stop, .wrap]) } ?? false
                if stops, let first = firstOperand {
                    operands = Array(arguments[first...])
                    break
                }
            } else if word.isBytes("--") {
                if firstOperand == nil, index + 1 < arguments.count { firstOperand = index + 1 }
                operands += arguments[(index + 1)...]
                break
            } else {
                index += take(option: word, rest: arguments[(index + 1)...])
            }
        }
        judge()
    }

    // MARK: words

    private mutating func settleRow() {
        let fitting = rows.filter { candidate in
            candidate.subcommands.count <= path.count
                && (0..<candidate.subcommands.count).allSatisfy {
                    candidate.matches(path[$0], at: $0)
                }
        }
        let depth = fitting.map(\.subcommands.count).max()
        let deepest = fitting.filter { $0.subcommands.count == depth }
        let literals = deepest.map(\.literals).max()
        // Of rows that are equally exact the worst holds.
        row = deepest.filter { $0.literals == literals }.max { left, right in
            (left.effect, left.flags.contains(.opaque) ? 1 : 0)
                < (right.effect, right.flags.contains(.opaque) ? 1 : 0)
        }
    }

    private mutating func take(operand word: String, at index: Int) {
        if pathIsOpen {
            let continues =
                word.isPlainWord
                && rows.contains { candidate in
                    candidate.subcommands.count > path.count
                        && (0..<path.count).allSatisfy { candidate.matches(path[$0], at: $0) }
                        && candidate.matches(word, at: path.count)
                }
            if continues {
                path.append(word)
                settleRow()
                return
            }
            pathIsOpen = false
        }
        if firstOperand == nil { firstOperand = index }
        operands.append(word)
    }

    /// Takes one option word; returns how many words it used, its separate values included.
    private mutating func take(option word: String, rest: ArraySlice<String>) -> Int {
        options.append(word)
        let isSingle = row?.flags.contains(.single) ?? false
        if isSingle || word.hasBytePrefix("--") {
            return takeLong(word, isSingle: isSingle, rest: rest)
        }
        return takeCluster(word, rest: rest)
    }

    private mutating func takeLong(
        _ word: String, isSingle: Bool, rest: ArraySlice<String>
    ) -> Int {
        let equals = UInt8(ascii: "=")
        var name = word
        var attached: String?
        if let cut = word.utf8.firstIndex(of: equals) {
            name = String(word[..<cut])
            attached = String(word[word.utf8.index(after: cut)...])
        }
        if isSingle, name.hasBytePrefix("--"), let shorter = name.dropping(bytes: 1) {
            name = shorter
        }
        guard let option = lookUp(name) else {
            unknown(name, attached: attached)
            return 1
        }
        apply(option, named: name)
        if let attached {
            values.append((name, attached))
            return option.arity == .two ? 2 : 1
        }
        return 1 + takeValues(of: option, named: name, rest: rest)
    }

    private mutating func takeCluster(_ word: String, rest: ArraySlice<String>) -> Int {
        let letters = Array(word.utf8.dropFirst())
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        if letters.allSatisfy(digits.contains), lookUp("-#") != nil { return 1 }
        for (position, letter) in letters.enumerated() {
            let name = "-" + String(UnicodeScalar(letter))
            guard letter < 0x80, let option = lookUp(name) else {
                unknown(word, attached: nil)
                return 1
            }
            apply(option, named: name)
            let remainder = letters[(position + 1)...]
            switch option.arity {
            case .none: continue
            case .attached:
                let value = String(decoding: remainder, as: UTF8.self)
                if !value.isEmpty { values.append((name, value)) }
                return 1
            case .one, .two:
                guard remainder.isEmpty else {
                    values.append((name, String(decoding: remainder, as: UTF8.self)))
                    return option.arity == .two ? 2 : 1
                }
                return 1 + takeValues(of: option, named: name, rest: rest)
            }
        }
        return 1
    }

    private mutating func takeValues(
        of option: ProgramRow.Option, named name: String, rest: ArraySlice<String>
    ) -> Int {
        let wanted =
            switch option.arity {
            case .none, .attached: 0
            case .one: 1
            case .two: 2
            }
        let taken = rest.prefix(wanted)
        for value in taken { values.append((name, value)) }
        return taken.count
    }

    /// The option's entry in the row reached so far, or in a row on the way to it.
    private func lookUp(_ name: String) -> ProgramRow.Option? {
        guard name.isPlainWord else { return nil }
        if let option = row?.options[name] { return option }
        let onTheWay = rows.filter { candidate in
            candidate.subcommands.count < path.count
                && (0..<candidate.subcommands.count).allSatisfy {
                    candidate.matches(path[$0], at: $0)
                }
        }
        return onTheWay.lazy.compactMap { $0.options[name] }.first
    }

    private mutating func apply(_ option: ProgramRow.Option, named name: String) {
        if option.isOpaque {
            findings.doubt("option `\(name)` makes `\(program)` run, load or obey something else")
        }
        if let effect = option.effect { findings.add(effect) }
    }

    private mutating func unknown(_ word: String, attached: String?) {
        if let attached { values.append((word, attached)) }
        // Judged at the end: the row may still change with a later subcommand word.
        unlisted.append(word)
    }

    private var unlisted: [String] = []

    // MARK: judgement

    private mutating func judge() {
        guard let row else { return }
        let isBare = options.isEmpty && operands.isEmpty && row.flags.contains(.bare)
        findings.add(isBare ? .read : row.effect)
        if !row.takesAnyOption {
            for word in unlisted where !isLateFlag(word, of: row) {
                findings.doubt("option `\(word)` of `\(program)` is not in the table")
            }
        }
        if row.flags.contains(.opaque) {
            findings.doubt("`\(program)` runs or obeys more than its command line shows")
        }
        for rule in row.operands { apply(rule) }
    }

    /// An option that stood before the subcommand whose row lists it, as one without values.
    private func isLateFlag(_ word: String, of row: ProgramRow) -> Bool {
        guard word.isPlainWord, let option = row.options[word] else { return false }
        return option.arity == .none && option.effect == nil && !option.isOpaque
    }

    private mutating func apply(_ rule: ProgramRow.OperandRule) {
        switch rule.kind {
        case .maximum(let most):
            if operands.count > most { findings.add(rule.effect) }
        case .only(let globs):
            for word in operands where !globs.contains(where: { Glob.matches($0, word) }) {
                findings.add(rule.effect)
            }
        case .matching(let glob):
            let words = operands + path + values.map(\.value)
            if words.contains(where: { Glob.matches(glob, $0.asciiLowercased) }) {
                findings.add(rule.effect)
            }
        }
    }
}

extension String {
    /// The string with `A`–`Z` made small, other bytes as they are.
    var asciiLowercased: String {
        String(
            decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
