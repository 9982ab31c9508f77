// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import Facts
internal import Foundation

/// How a command is started: a binary, and the words it gets.
///
/// Scripts are taken apart here as the kernel would (execve(2)): a file that begins with `#!` is
/// an argument of its interpreter, which may be a script in turn. `#!/usr/bin/env NAME` is
/// resolved to NAME, because what `env` would find is what has to be bound.
struct CommandLaunch: Sendable {
    /// One word for the program.
    enum Word: Sendable, Hashable {
        case text(String)
        /// The place from which the program can read the script of that index.
        case script(Int)
    }

    /// A script that was hashed, and from whose copy it is run.
    struct Script: Sendable {
        let file: OpenFile
        /// The path by which it was called, links and all.
        let calledAs: String
    }

    /// What `argv[0]` leads to.
    let executable: OpenFile
    /// What runs in the end; ``executable`` itself, unless that is a script.
    let binary: OpenFile
    /// Interpreters in the order in which one runs the other, ``binary`` last.
    let interpreters: [OpenFile]
    let words: [Word]
    let scripts: [Script]
    /// Index of the script that is the point of the command, in ``scripts``.
    let mainScript: Int?

    private static let deepest = 4

    /// Finds and hashes all that takes part in starting a command.
    init(
        arguments: [String], directory: String, path: String, limits: CommandLimits
    ) throws(FreezeError) {
        guard let name = arguments.first, !name.isEmpty else { throw .noCommand }
        var called = try Self.find(name, directory: directory, path: path)
        var words = arguments.map { Word.text($0) }
        var chain: [OpenFile] = []
        var scripts: [Script] = []
        while true {
            let file = try Self.open(called, limits: limits)
            chain.append(file)
            if Self.isBinary(file.head) { break }
            guard let line = Shebang(file.head), chain.count <= Self.deepest else {
                throw .notExecutable(
                    path: called, cause: "neither a binary nor a script that names its interpreter")
            }
            scripts.append(Script(file: file, calledAs: called))
            let next = try line.interpreter(directory: directory, path: path)
            words = next.words.map { .text($0) } + [.script(scripts.count - 1)] + words.dropFirst()
            called = next.called
        }
        self.mainScript = try Self.takeScriptOperand(
            arguments, directory: directory, words: &words, scripts: &scripts, limits: limits)
        self.executable = chain[0]
        self.binary = chain[chain.count - 1]
        self.interpreters = Array(chain.dropFirst())
        self.words = words
        self.scripts = scripts
    }

    /// In `sh script.sh` and `python3 x.py` the script is an operand; finds and binds it.
    ///
    /// Returns the index of the script that the command is about.
    private static func takeScriptOperand(
        _ arguments: [String], directory: String, words: inout [Word], scripts: inout [Script],
        limits: CommandLimits
    ) throws(FreezeError) -> Int? {
        let shebang = scripts.isEmpty ? nil : 0
        guard let index = ScriptOperand.index(in: arguments) else { return shebang }
        let path = SystemPath.join(directory, arguments[index])
        guard SystemPath.isRegularFile(path) else { return shebang }
        let file = try open(path, limits: limits)
        scripts.append(Script(file: file, calledAs: path))
        // Words were only ever added in front, so the operand is as far from the end as before.
        words[words.count - (arguments.count - index)] = .script(scripts.count - 1)
        return scripts.count - 1
    }

    private static func open(
        _ called: String, limits: CommandLimits
    ) throws(FreezeError) -> OpenFile {
        guard let canonical = SystemPath.canonical(called) else {
            throw .unreadable(path: called, cause: SystemFailure(errno).description)
        }
        do throws(SystemFailure) {
            return try OpenFile(
                canonical: canonical, keeping: limits.scriptBytes, limit: limits.fileBytes)
        } catch {
            throw .unreadable(path: canonical, cause: error.description)
        }
    }

    /// Looks a program up as execvp(3) does, but in absolute directories only.
    static func find(
        _ name: String, directory: String, path: String
    ) throws(FreezeError) -> String {
        if name.utf8.contains(UInt8(ascii: "/")) {
            let full = SystemPath.join(directory, name)
            guard SystemPath.exists(full) else { throw .notFound(name) }
            guard SystemPath.isExecutable(full) else {
                throw .notExecutable(path: full, cause: "not an executable file")
            }
            return full
        }
        for entry in path.utf8.split(separator: UInt8(ascii: ":")) {
            guard let place = String(entry) else { continue }
            let full = place + "/" + name
            if SystemPath.isExecutable(full) { return full }
        }
        throw .notFound(name)
    }

    static func isBinary(_ head: [UInt8]) -> Bool { head.starts(with: [0x7F, 0x45, 0x4C, 0x46]) }
}

/// The first line of a script.
struct Shebang {
    private let interpreter: String
    private let argument: String?

    /// Reads `#!interpreter [argument]` as Linux does: at most 255 bytes, one argument.
    init?(_ head: [UInt8]) {
        guard head.starts(with: Array("#!".utf8)),
            let end = head.prefix(256).firstIndex(of: UInt8(ascii: "\n")),
            let line = String(validating: head[2..<end], as: UTF8.self),
            !line.utf8.contains(0)
        else { return nil }
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var text = line.drop(while: blank)
        while let last = text.last, blank(last) { text.removeLast() }
        interpreter = String(text.prefix { !blank($0) })
        let rest = text.dropFirst(interpreter.count).drop(while: blank)
        argument = rest.isEmpty ? nil : String(rest)
        guard interpreter.utf8.first == UInt8(ascii: "/") else { return nil }
    }

    /// The path of the interpreter as called, and the words that come before the script.
    func interpreter(
        directory: String, path: String
    ) throws(FreezeError) -> (called: String, words: [String]) {
        guard SystemPath.lastPart(interpreter).utf8.elementsEqual("env".utf8) else {
            guard SystemPath.isExecutable(interpreter) else { throw .notFound(interpreter) }
            return (interpreter, [interpreter] + [argument].compactMap { $0 })
        }
        guard let argument else { throw .notFound(interpreter) }
        var words = [argument]
        if argument.hasPrefix("-S") {
            // Without its quoting and escapes: a line that uses them is refused below.
            words = argument.dropFirst(2).split(separator: " ").map(String.init)
        }
        guard let name = words.first, !name.hasPrefix("-"), !name.contains("="),
            !argument.contains(where: { "\\\"'$#".contains($0) })
        else {
            throw .notExecutable(
                path: interpreter, cause: "`env \(argument)` in its first line cannot be bound")
        }
        return (try CommandLaunch.find(name, directory: directory, path: path), words)
    }
}

/// Where interpreters take the script among their words.
enum ScriptOperand {
    private struct Form {
        let names: [String]
        /// Options with a separate value.
        let valued: [String]
        /// Options after which there is no script: code, a module, standard input.
        let ending: [String]
    }

    private static let forms = [
        Form(
            names: ["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "rbash", "fish"],
            valued: ["-o", "+o", "-O", "+O", "--rcfile", "--init-file"], ending: ["-c", "-s"]),
        Form(names: ["python", "pypy"], valued: ["-W", "-X"], ending: ["-c", "-m", "-"]),
        Form(names: ["perl"], valued: ["-I", "-M"], ending: ["-e", "-E", "-"]),
        Form(names: ["ruby", "jruby"], valued: ["-I", "-r", "-C"], ending: ["-e", "-"]),
        Form(
            names: ["node", "nodejs"],
            valued: ["-r", "--require", "--import", "--loader", "-C", "--conditions"],
            ending: ["-e", "--eval", "-p", "--print", "-", "-c", "--check"]),
        Form(names: ["php"], valued: ["-d", "-c"], ending: ["-r", "-a", "-S", "-B", "-R", "-F"]),
        Form(names: ["lua", "luajit", "tclsh", "wish", "Rscript"], valued: ["-l"], ending: ["-e"]),
    ]

    /// The index of the script operand; nil when the program is no known interpreter or has none.
    static func index(in arguments: [String]) -> Int? {
        guard let first = arguments.first else { return nil }
        let called = SystemPath.lastPart(first)
        // python3.11 is python.
        let name = called.prefix { !$0.isNumber && $0 != "." }
        guard let form = forms.first(where: { $0.names.contains(String(name)) }) else { return nil }
        var index = 1
        while index < arguments.count {
            let word = arguments[index]
            if word == "--" { return index + 1 < arguments.count ? index + 1 : nil }
            if form.valued.contains(word) {
                index += 2
                continue
            }
            guard word.hasPrefix("-") || word.hasPrefix("+") else { return index }
            if form.ending.contains(word) || isEndingCluster(word, form) { return nil }
            index += 1
        }
        return nil
    }

    /// `-ec` of a shell ends with `-c` too.
    private static func isEndingCluster(_ word: String, _ form: Form) -> Bool {
        guard !word.hasPrefix("--"), word.utf8.count > 2 else { return false }
        return form.ending.contains { ending in
            ending.utf8.count == 2 && ending != "-" && word.dropFirst().contains(ending.last ?? "-")
        }
    }
}
