// SPDX-License-Identifier: Apache-2.0

/// The expression language of `find`.
///
/// Only tests and actions that are listed leave it a reader; `-exec` and its kin, `-delete`,
/// `-fprint` and whatever is not listed do not.
struct FindExpression: Sendable {
    private(set) var findings = Findings()
    /// The commands of `-exec` and its kin.
    private(set) var commands: [[String]] = []

    init(_ arguments: [String]) {
        findings.add(.read)
        var index = 0
        while index < arguments.count {
            let word = arguments[index]
            index += 1
            guard word.hasBytePrefix("-"), !word.isBytes("-") else { continue }
            if Self.running.contains(word) {
                let rest = arguments[index...]
                let end = rest.firstIndex { $0.isBytes(";") || $0.isBytes("+") } ?? rest.endIndex
                commands.append(Array(rest[..<end]))
                index = min(end + 1, arguments.count)
                findings.doubt("`\(word)` runs a command for each file")
            } else if word.isBytes("-delete") {
                findings.add(.write)
            } else if let values = Self.writing[word] {
                findings.add(.write)
                index += values
            } else if Self.flags.contains(word) || Self.isLevel(word) {
                continue
            } else if Self.tests.contains(word) {
                index += 1
            } else {
                findings.doubt("`\(word)` of `find` is not in the table")
            }
        }
    }

    private static func isLevel(_ word: String) -> Bool {
        word.utf8.count == 3 && word.hasBytePrefix("-O")
    }

    private static let running: Set<String> = ["-exec", "-execdir", "-ok", "-okdir"]
    private static let writing = ["-fprint": 1, "-fprint0": 1, "-fls": 1, "-fprintf": 2]
    private static let flags: Set<String> = [
        "-H", "-L", "-P", "-empty", "-executable", "-readable", "-writable", "-true", "-false",
        "-depth", "-d", "-mount", "-xdev", "-follow", "-daystart", "-noleaf", "-nouser",
        "-nogroup", "-ignore_readdir_race", "-noignore_readdir_race", "-warn", "-nowarn",
        "-print", "-print0", "-ls", "-prune", "-quit", "-not", "-and", "-or", "-a", "-o",
    ]
    private static let tests: Set<String> = [
        "-name", "-iname", "-path", "-ipath", "-wholename", "-iwholename", "-regex", "-iregex",
        "-regextype", "-type", "-xtype", "-size", "-mtime", "-mmin", "-atime", "-amin", "-ctime",
        "-cmin", "-newer", "-anewer", "-cnewer", "-newermt", "-newerct", "-user", "-group",
        "-uid", "-gid", "-perm", "-maxdepth", "-mindepth", "-links", "-inum", "-samefile",
        "-fstype", "-lname", "-ilname", "-used", "-printf",
    ]
}

/// Scripts of `sed` that do nothing but edit the lines they are given.
///
/// Each script is `ADDRESS[,ADDRESS]` with line numbers and `p`, `=`, `q` or `d`, or one
/// `s/…/…/` with harmless flags. The commands `w`, `r`, `e` and the flags `w` and `e` are never
/// guessed at: whatever else a script is, it is not plain. `--sandbox` forbids them all.
enum SedScript {
    /// Tells whether the command only prints.
    static func isRead(_ reading: CommandReading) -> Bool {
        isPlain(reading) && reading.findings.effects.allSatisfy { $0 == .unknown }
    }

    /// Tells whether the scripts touch nothing but the lines.
    static func isPlain(_ reading: CommandReading) -> Bool {
        guard reading.findings.isInspectable else { return false }
        if reading.options.contains(where: { $0.isBytes("--sandbox") }) { return true }
        var scripts = reading.values.filter {
            $0.option.isBytes("-e") || $0.option.isBytes("--expression")
        }.map(\.value)
        if scripts.isEmpty { scripts = Array(reading.operands.prefix(1)) }
        return !scripts.isEmpty
            && scripts.allSatisfy { printsLines($0) || isSubstitution($0) }
    }

    private static func printsLines(_ script: String) -> Bool {
        guard let command = script.utf8.last, "p=qd".utf8.contains(command) else { return false }
        return script.utf8.dropLast().allSatisfy { byte in
            (0x30...0x39).contains(byte) || byte == UInt8(ascii: ",")
                || byte == UInt8(ascii: "$") || byte == UInt8(ascii: "~")
        }
    }

    private static func isSubstitution(_ script: String) -> Bool {
        let bytes = Array(script.utf8)
        guard bytes.count >= 4, bytes[0] == UInt8(ascii: "s"), "/|#,@!".utf8.contains(bytes[1]),
            !bytes.contains(UInt8(ascii: "\n"))
        else { return false }
        var delimiters = 1
        var index = 2
        while index < bytes.count, delimiters < 3 {
            if bytes[index] == UInt8(ascii: "\\") {
                index += 1
            } else if bytes[index] == UInt8(ascii: "[") {
                // Inside brackets a delimiter may or may not end the part: not guessed at.
                return false
            } else if bytes[index] == bytes[1] {
                delimiters += 1
            }
            index += 1
        }
        guard delimiters == 3, index <= bytes.count else { return false }
        return bytes[index...].allSatisfy { flag in
            "gpiI".utf8.contains(flag) || (0x30...0x39).contains(flag)
        }
    }
}

/// `tar`'s options without a dash: letters first, then their values in the same order.
enum TarBundle {
    private static let valued = Set("fCTXbIFgKLNV".utf8)

    static func expand(_ letters: String, rest: ArraySlice<String>) -> [String] {
        var rest = rest
        var words: [String] = []
        for letter in letters.utf8 {
            words.append("-" + String(UnicodeScalar(letter)))
            if valued.contains(letter), let value = rest.popFirst() { words.append(value) }
        }
        return words + rest
    }
}

/// File modes.
enum FileMode {
    /// Tells whether a mode sets the set-user-id or set-group-id bit.
    static func grantsIdentity(_ mode: String) -> Bool {
        if let octal = Int(mode, radix: 8) { return octal & 0o6000 != 0 }
        guard mode.utf8.contains(UInt8(ascii: "s")) else { return false }
        return mode.utf8.allSatisfy { "ugoa+-=rwxXst,".utf8.contains($0) }
    }
}

/// Where programs lie that only the machine's administrator can change.
public enum ExecutablePlace {
    /// Tells whether a canonical path lies in a directory of the system.
    public static func isSystem(_ path: String) -> Bool {
        let places = [
            "/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/nix/store/", "/snap/",
        ]
        return places.contains { path.hasBytePrefix($0) }
            && !path.hasBytePrefix("/usr/local/share/")
    }
}

/// The repository configuration that `git` obeys in a directory.
public enum RepositoryConfiguration: Sendable, Hashable {
    /// It was not bound: what it says is not known.
    case unbound
    /// It was bound; this is every text of it.
    case bound([String])

    /// Why it may make `git` run something; nil when every setting is one that cannot.
    var doubt: String? {
        guard case .bound(let texts) = self else {
            return "the repository's configuration is not bound, and can make `git` run programs"
        }
        for text in texts {
            for line in text.split(whereSeparator: \.isNewline) {
                let words = line.drop { $0 == " " || $0 == "\t" }
                guard let first = words.first, first != "#", first != ";", first != "[" else {
                    if words.first == "[", !Self.isPlainSection(String(words)) {
                        return "the repository's configuration has `\(words.prefix(40))`"
                    }
                    continue
                }
                let name = words.prefix { $0.isLetter || $0.isNumber || $0 == "-" }
                if !Self.settings.contains(name.lowercased()) {
                    return "the repository's configuration sets `\(name.prefix(40))`"
                }
            }
        }
        return nil
    }

    /// A section header alone on its line, of a section whose listed settings are harmless.
    private static func isPlainSection(_ line: String) -> Bool {
        let text = line.asciiLowercased
        guard let end = text.utf8.lastIndex(of: UInt8(ascii: "]")),
            text[text.utf8.index(after: end)...].allSatisfy(\.isWhitespace)
        else { return false }
        let name = text.dropFirst().prefix { $0.isLetter }
        return sections.contains(String(name))
    }

    private static let sections: Set<String> = [
        "core", "remote", "branch", "user", "init", "push", "pull", "color", "advice",
        "extensions", "submodule", "gc", "safe", "fetch", "rerere", "column", "feature",
    ]

    /// Settings that cannot make `git` run anything in any of the sections.
    private static let settings: Set<String> = [
        "repositoryformatversion", "filemode", "bare", "logallrefupdates", "ignorecase",
        "precomposeunicode", "symlinks", "autocrlf", "eol", "safecrlf", "url", "pushurl", "fetch",
        "push", "remote", "merge", "rebase", "name", "email", "defaultbranch", "default",
        "autosetupremote", "ff", "ui", "detachedhead", "objectformat", "worktreeconfig",
        "prune", "auto", "directory", "quotepath", "abbrev", "active", "tagopt", "untrackedcache",
        "preloadindex", "compression", "status", "diff", "branch", "statushints", "enabled",
    ]
}
