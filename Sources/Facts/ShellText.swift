// SPDX-License-Identifier: Apache-2.0

/// A shell's text, read strictly: simple commands of literal words, or nothing at all.
///
/// Where `ShellScan` guesses in order to raise the effect, this reader must be right in order to
/// leave it low. It knows words, both kinds of quotes, `;`, `&&`, `||`, `|`, line ends, and plain
/// redirections of output. Whatever else a POSIX shell, `bash` or `zsh` would act on (expansions,
/// patterns, substitutions, groups, keywords, assignments, comments, here-documents, jobs) makes
/// the whole text doubtful.
struct ShellText: Sendable {
    /// One simple command.
    struct Command: Sendable, Hashable {
        /// The program and its arguments, as it would get them.
        var words: [String] = []
        /// Files that its output goes to, without `/dev/null`.
        var written: [String] = []
        /// Whether its input comes from the command before.
        var isPiped = false
        /// The operator in front of it; empty for the first.
        var joint = ""
    }

    /// The commands in order; empty where there is a doubt.
    private(set) var commands: [Command] = []
    /// Why the text cannot be read; nil when it was read whole.
    private(set) var doubt: String?

    /// Reads a text of at most 65,536 bytes and 256 commands.
    init(_ text: String) {
        var reader = ShellReader(Array(text.utf8))
        do {
            commands = try reader.read()
        } catch {
            doubt = error.why
        }
    }
}

/// Why a shell's text was given up.
private struct ShellDoubt: Error {
    let why: String
}

private struct ShellReader {
    private let bytes: [UInt8]
    private var index = 0
    private var command = ShellText.Command()
    private var commands: [ShellText.Command] = []

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private static let mostBytes = 65_536
    private static let mostCommands = 256

    mutating func read() throws(ShellDoubt) -> [ShellText.Command] {
        guard bytes.count <= Self.mostBytes else { throw ShellDoubt(why: "the text is too long") }
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"): index += 1
            case UInt8(ascii: "\n"), UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"):
                try joint()
            case UInt8(ascii: ">"): try redirection()
            case UInt8(ascii: "\\") where follows(UInt8(ascii: "\n")): index += 2
            default: try takeWord()
            }
        }
        try finish(before: "")
        guard let last = commands.last, !last.words.isEmpty else {
            throw ShellDoubt(why: "the text has no command at its end")
        }
        return commands
    }

    private func follows(_ byte: UInt8) -> Bool {
        index + 1 < bytes.count && bytes[index + 1] == byte
    }

    // MARK: commands

    private mutating func joint() throws(ShellDoubt) {
        let byte = bytes[index]
        switch byte {
        case UInt8(ascii: "&") where follows(byte):
            index += 2
            try finish(before: "&&")
        case UInt8(ascii: "|") where follows(byte):
            index += 2
            try finish(before: "||")
        case UInt8(ascii: "|"):
            guard !follows(UInt8(ascii: "&")) else { throw ShellDoubt(why: "the text has `|&`") }
            index += 1
            try finish(before: "|")
        case UInt8(ascii: "&"): throw ShellDoubt(why: "the text has `&` alone")
        default:
            index += 1
            // An empty line and a closing semicolon are nothing.
            if command.words.isEmpty, command.written.isEmpty { return }
            try finish(before: ";")
        }
    }

    /// Ends the command that was read and begins the next.
    private mutating func finish(before joint: String) throws(ShellDoubt) {
        if command.words.isEmpty {
            let isEnd = joint.isEmpty && command.written.isEmpty
            guard isEnd, command.joint.isBytes(";") || commands.isEmpty else {
                throw ShellDoubt(why: "the text has an operator without a command")
            }
            return
        }
        if let first = command.words.first, Self.isSpecial(first) {
            throw ShellDoubt(why: "`\(first.shortened)` is a word that the shell itself obeys")
        }
        commands.append(command)
        guard commands.count <= Self.mostCommands else {
            throw ShellDoubt(why: "the text has too many commands")
        }
        command = ShellText.Command()
        command.joint = joint
        command.isPiped = joint.isBytes("|")
    }

    private mutating func redirection() throws(ShellDoubt) {
        index += 1
        if index < bytes.count, bytes[index] == UInt8(ascii: "&") {
            index += 1
            guard index < bytes.count, (0x30...0x32).contains(bytes[index]),
                index + 1 == bytes.count || Self.ends(bytes[index + 1])
            else { throw ShellDoubt(why: "the text redirects in a way that is not understood") }
            index += 1
            return
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: ">") { index += 1 }
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        let path = try word()
        guard !path.isEmpty else { throw ShellDoubt(why: "the text redirects to nothing") }
        if !path.isBytes("/dev/null") { command.written.append(path) }
    }

    // MARK: words

    private mutating func takeWord() throws(ShellDoubt) {
        // `2>…`: a digit alone directly in front of the redirection.
        if (0x30...0x39).contains(bytes[index]), follows(UInt8(ascii: ">")) {
            guard (0x31...0x32).contains(bytes[index]) else {
                throw ShellDoubt(why: "the text redirects in a way that is not understood")
            }
            index += 1
            return try redirection()
        }
        let start = index
        let word = try word()
        guard index > start else {
            let character = String(UnicodeScalar(bytes[index]))
            throw ShellDoubt(why: "the shell acts on `\(character)` in the text")
        }
        command.words.append(word)
    }

    /// Reads one word; stops in front of a blank, an operator or a redirection.
    private mutating func word() throws(ShellDoubt) -> String {
        var word: [UInt8] = []
        let start = index
        while index < bytes.count {
            let byte = bytes[index]
            if Self.ends(byte) { break }
            switch byte {
            case UInt8(ascii: "'"): try single(into: &word)
            case UInt8(ascii: "\""): try double(into: &word)
            case UInt8(ascii: "\\"): try escaped(into: &word)
            case _ where Self.acting.contains(byte):
                let character = String(UnicodeScalar(byte))
                throw ShellDoubt(why: "the shell acts on `\(character)` in the text")
            case UInt8(ascii: "~"), UInt8(ascii: "#"), UInt8(ascii: "="), UInt8(ascii: "^"),
                UInt8(ascii: "%"):
                // Spelt out, or obeyed, at the beginning of a word only; `~` after `=` and `:` too.
                let before = index == start ? nil : bytes[index - 1]
                let isTilde = byte == UInt8(ascii: "~")
                if before == nil || (isTilde && before.map(Self.beforeTilde.contains) ?? false) {
                    let character = String(UnicodeScalar(byte))
                    throw ShellDoubt(why: "the shell acts on `\(character)` in the text")
                }
                word.append(byte)
                index += 1
            case 0..<0x20, 0x7F: throw ShellDoubt(why: "the text has control characters")
            default:
                word.append(byte)
                index += 1
            }
        }
        return String(decoding: word, as: UTF8.self)
    }

    private mutating func single(into word: inout [UInt8]) throws(ShellDoubt) {
        index += 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "'") {
            let isEscape = bytes[index] == UInt8(ascii: "\\")
            if isEscape, follows(UInt8(ascii: "'")) || follows(UInt8(ascii: "\\")) {
                // `fish` takes these for one character, other shells for two.
                throw ShellDoubt(why: "a quote has `\\` in front of what it may escape")
            }
            word.append(bytes[index])
            index += 1
        }
        try close()
    }

    private mutating func double(into word: inout [UInt8]) throws(ShellDoubt) {
        index += 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            var byte = bytes[index]
            if Self.substituting.contains(byte) {
                throw ShellDoubt(why: "the text has a substitution in quotes")
            }
            if byte == UInt8(ascii: "\\"), index + 1 < bytes.count {
                let next = bytes[index + 1]
                if next == UInt8(ascii: "\n") {
                    index += 2
                    continue
                }
                if Self.escapable.contains(next) {
                    index += 1
                    byte = next
                }
            }
            word.append(byte)
            index += 1
        }
        try close()
    }

    private mutating func close() throws(ShellDoubt) {
        guard index < bytes.count else { throw ShellDoubt(why: "a quote is not closed") }
        index += 1
    }

    private mutating func escaped(into word: inout [UInt8]) throws(ShellDoubt) {
        guard index + 1 < bytes.count else { throw ShellDoubt(why: "the text ends in `\\`") }
        let lower = bytes[index + 1] | 0x20
        if (0x61...0x7A).contains(lower) || (0x30...0x39).contains(bytes[index + 1]) {
            // A character by its number, in `fish`.
            throw ShellDoubt(why: "the text has `\\` in front of a letter or digit")
        }
        if bytes[index + 1] != UInt8(ascii: "\n") { word.append(bytes[index + 1]) }
        index += 2
    }

    // MARK: tables

    private static func ends(_ byte: UInt8) -> Bool { separators.contains(byte) }

    private static let separators = Set(" \t\n;&|>".utf8)
    /// `!` in double quotes is history in an interactive `bash`.
    private static let substituting = Set("$`!".utf8)
    private static let escapable = Set("\"\\$`".utf8)
    private static let beforeTilde = Set("=:".utf8)
    private static let acting = Set("$`(){}<*?[]!\0".utf8)

    /// Keywords, assignments, and builtins that run something or change how the rest is read.
    private static func isSpecial(_ word: String) -> Bool {
        if special.contains(where: { word.isBytes($0) }) { return true }
        guard let cut = word.utf8.firstIndex(of: UInt8(ascii: "=")) else { return false }
        return word[..<cut].utf8.allSatisfy { byte in
            byte == UInt8(ascii: "_") || byte == UInt8(ascii: "+")
                || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte)
        }
    }

    private static let special = [
        "!", "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case",
        "esac", "in", "select", "function", "time", "coproc", "repeat", "foreach", "end",
        "nocorrect", "noglob", "exec", "command", "builtin", "eval", ".", "source", "export",
        "local", "readonly", "declare", "typeset", "set", "unset", "shopt", "setopt", "unsetopt",
        "emulate", "alias", "unalias", "trap", "enable", "disable", "hash", "bind", "bindkey",
        "autoload", "zmodload", "let", "read", "mapfile", "readarray", "getopts", "pushd", "popd",
        "dirs", "exit", "return", "break", "continue", "shift", "ulimit", "umask", "fc", "history",
        "",
    ]
}

extension String {
    /// At most 40 characters, for a reason.
    var shortened: String { String(prefix(40)) }
}
