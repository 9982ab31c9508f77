// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// One row of the program table: what a program, or one of its subcommands, does.
///
/// A row is written `path | effect flags | options | operands`:
/// - path: program names separated by commas, then one word per subcommand level, each a
///   comma list of globs: `kubectl get *secret*`.
/// - effect: the effect when all options and operands are listed; then flags, see ``Flag``.
/// - options: `-abc` flags, `-o=` with a value, `-o=?` with an attached optional value,
///   `--arg=2` with two values, `-#` for `-5`, each with `:effect` when it is worse, or
///   `:!` when it makes the program run or load something. Empty, in a row that is not
///   `read`: any option is taken as it is.
/// - operands: `none`, `max=N:effect`, `only=glob,glob:effect`, `~glob:effect`.
struct ProgramRow: Sendable {
    /// What else there is to know of a program.
    enum Flag: String, Sendable {
        /// Runs whatever its arguments, files or input say: never inspectable.
        case opaque = "!"
        /// Takes no options: every word is an operand.
        case raw
        /// Options are `-name`, as in Go and Java programs; no clusters.
        case single
        /// Options end at the first operand.
        case stop
        /// What is left after options is another command.
        case wrap
        /// Takes SQL.
        case sql
        /// Reads settings from the account's home directory that can make it run something.
        case config
        /// Shows its output in `$PAGER` on a terminal.
        case pager
        /// Starts helpers that it looks up in `PATH`.
        case path
        /// Reads without effect when it has no arguments at all.
        case bare
        /// Reads a repository's configuration, which can make it run something.
        case repository
    }

    /// How many values an option takes.
    enum Arity: Sendable, Hashable { case none, one, two, attached }

    struct Option: Sendable {
        var arity: Arity
        var effect: Effect?
        var isOpaque: Bool
    }

    struct OperandRule: Sendable {
        enum Kind: Sendable {
            case maximum(Int)
            case only([String])
            case matching(String)
        }
        var kind: Kind
        var effect: Effect
    }

    let programs: [String]
    let subcommands: [[String]]
    let effect: Effect
    let flags: Set<Flag>
    let options: [String: Option]
    let takesAnyOption: Bool
    let operands: [OperandRule]

    /// How exactly the subcommand is written out; the exacter row wins.
    var literals: Int {
        subcommands.count { words in words.allSatisfy { !$0.utf8.contains(UInt8(ascii: "*")) } }
    }

    /// Tells whether this row's subcommand at `level` matches `word`.
    func matches(_ word: String, at level: Int) -> Bool {
        level < subcommands.count && subcommands[level].contains { Glob.matches($0, word) }
    }
}

// MARK: - Reading rows

extension ProgramRow {
    /// Reads one line of the table.
    ///
    /// Returns nil for a line that breaks the format; a test reads every shipped line.
    init?(line: String) {
        let cells = line.parts(separatedBy: UInt8(ascii: "|")).map(Self.words)
        guard (2...4).contains(cells.count), let names = cells[0].first,
            let effect = cells[1].first.flatMap(Effect.init(rawValue:))
        else { return nil }
        let comma = UInt8(ascii: ",")
        var flags: Set<Flag> = []
        for word in cells[1].dropFirst() {
            guard let flag = Flag(rawValue: word) else { return nil }
            flags.insert(flag)
        }
        var options: [String: Option] = [:]
        let optionWords = cells.count > 2 ? cells[2] : []
        for word in optionWords where !word.isBytes("*") {
            guard let read = Self.option(word, isSingle: flags.contains(.single)) else {
                return nil
            }
            for (name, option) in read { options[name] = option }
        }
        var operands: [OperandRule] = []
        for word in cells.count > 3 ? cells[3] : [] {
            guard let rule = Self.operandRule(word) else { return nil }
            operands.append(rule)
        }
        self.programs = names.parts(separatedBy: comma)
        self.subcommands = cells[0].dropFirst().map { $0.parts(separatedBy: comma) }
        self.effect = effect
        self.flags = flags
        self.options = options
        self.takesAnyOption =
            optionWords.contains { $0.isBytes("*") }
            || (optionWords.isEmpty && effect != .read)
        self.operands = operands
    }

    private static func words(_ cell: String) -> [String] {
        cell.utf8.split(separator: UInt8(ascii: " ")).compactMap { String($0) }
    }

    private static func option(_ word: String, isSingle: Bool) -> [(String, Option)]? {
        let halves = word.parts(separatedBy: UInt8(ascii: ":"))
        guard halves.count <= 2, word.hasBytePrefix("-") else { return nil }
        var option = Option(arity: .none, effect: nil, isOpaque: false)
        if halves.count == 2 {
            if halves[1].isBytes("!") {
                option.isOpaque = true
            } else {
                guard let effect = Effect(rawValue: halves[1]) else { return nil }
                option.effect = effect
            }
        }
        var name = halves[0]
        for (suffix, arity) in [("=?", Arity.attached), ("=2", .two), ("=", .one)]
        where name.hasByteSuffix(suffix) {
            option.arity = arity
            name = String(name.utf8.dropLast(suffix.utf8.count)) ?? ""
            break
        }
        guard name.utf8.count >= 2 else { return nil }
        if isSingle || name.hasBytePrefix("--") || option.arity != .none {
            return [(name, option)]
        }
        return name.utf8.dropFirst().map { ("-" + String(UnicodeScalar($0)), option) }
    }

    private static func operandRule(_ word: String) -> OperandRule? {
        if word.isBytes("none") { return OperandRule(kind: .maximum(0), effect: .unknown) }
        let halves = word.parts(separatedBy: UInt8(ascii: ":"))
        guard halves.count == 2, let effect = Effect(rawValue: halves[1]) else { return nil }
        let rule = halves[0]
        if rule.hasBytePrefix("max="), let most = rule.dropping(bytes: 4).flatMap({ Int($0) }) {
            return OperandRule(kind: .maximum(most), effect: effect)
        }
        if rule.hasBytePrefix("only="), let list = rule.dropping(bytes: 5) {
            return OperandRule(
                kind: .only(list.parts(separatedBy: UInt8(ascii: ","))), effect: effect)
        }
        if rule.hasBytePrefix("~"), let glob = rule.dropping(bytes: 1) {
            return OperandRule(kind: .matching(glob), effect: effect)
        }
        return nil
    }
}
