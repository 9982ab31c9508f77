// SPDX-License-Identifier: Apache-2.0

/// What surrounds a command and bears on what it does.
struct CommandContext: Sendable {
    var cwd = "/"
    var environment: [(name: String, value: String?)] = []
    var accountHome: String?
    /// Text on standard input, where it was frozen as text; nil where there is none.
    var input: String?
    /// Input was frozen, but not as text.
    var hasOpaqueInput = false
    /// Text of a bound script.
    var script: String?
    /// The repository configuration that a command in this directory obeys, if it was bound.
    var repository: RepositoryConfiguration = .unbound
    /// Files that operands lead to, links resolved.
    var files: [String] = []

    func value(of name: String) -> String? {
        environment.first { $0.name.isBytes(name) }?.value
    }
}

/// Reads one command line against the table and the analysers for programs whose arguments are
/// a language of their own.
struct CommandAnalyser: Sendable {
    let context: CommandContext
    let table: ProgramTable

    /// How deep commands inside commands are followed.
    private static let deepest = 4

    /// What `program arguments…` does.
    func findings(
        program: String, arguments: [String], depth: Int = 0
    ) -> (findings: Findings, reading: CommandReading?) {
        let rows = table.rows(of: program)
        guard !rows.isEmpty else {
            var findings = Findings()
            findings.doubt("`\(program)` is not in the table of programs")
            return (findings, nil)
        }
        let prepared = prepare(program, arguments)
        let reading = CommandReading(program: program, arguments: prepared, rows: rows)
        var findings = reading.findings
        if let row = reading.row {
            check(row, reading: reading, &findings)
            if row.flags.contains(.wrap) {
                follow(reading.operands, depth: depth, &findings)
            }
            if row.flags.contains(.sql) { checkSQL(reading, &findings) }
        }
        checkSpecial(program, prepared, reading, depth: depth, &findings)
        if isVersionQuestion(reading, arguments) { findings = Self.onlyRead }
        checkPaths(program, arguments, &findings)
        return (findings, reading)
    }

    private static let onlyRead: Findings = {
        var findings = Findings()
        findings.add(.read)
        return findings
    }()

    // MARK: rows

    private func check(
        _ row: ProgramRow, reading: CommandReading, _ findings: inout Findings
    ) {
        let program = reading.program
        if row.flags.contains(.config) {
            if let home = context.accountHome, let set = context.value(of: "HOME"),
                !home.isBytes(set)
            {
                findings.doubt("`HOME` leads `\(program)` to settings that are not its account's")
            }
            for (name, _) in context.environment where !EnvironmentRules.isHarmless(name) {
                findings.doubt("`\(name)` may change what `\(program)` does")
            }
        }
        if row.flags.contains(.pager) {
            let asks = reading.options.contains { $0.isBytes("--no-pager") || $0.isBytes("-P") }
            let quiet = ["PAGER", "GIT_PAGER", "SYSTEMD_PAGER"].allSatisfy {
                context.value(of: $0)?.isBytes("cat") ?? false
            }
            if !asks, !quiet {
                findings.doubt("`\(program)` may start a pager, from which anything can be run")
            }
        }
        if row.flags.contains(.path) {
            let entries = (context.value(of: "PATH") ?? "").parts(separatedBy: UInt8(ascii: ":"))
            if let odd = entries.first(where: { !ExecutablePlace.isSystem($0 + "/x") }) {
                findings.doubt("`\(program)` starts helpers, and `PATH` has `\(odd)`")
            }
        }
        if row.flags.contains(.repository), let doubt = context.repository.doubt {
            findings.doubt(doubt)
        }
    }

    private func isVersionQuestion(_ reading: CommandReading, _ arguments: [String]) -> Bool {
        guard let row = reading.row, arguments.count == 1, arguments[0].isBytes("--version") else {
            return false
        }
        return row.flags.isDisjoint(with: [.opaque, .wrap, .raw])
            && ![.role, .infrastructure].contains(row.effect)
    }

    /// Credentials and places of power that the words name.
    private func checkPaths(
        _ program: String, _ arguments: [String], _ findings: inout Findings
    ) {
        if SensitivePaths.metadataPrograms.contains(program), findings.worst == .read { return }
        let worst = findings.worst
        let named = SensitivePaths.effect(of: arguments, cwd: context.cwd, program: worst)
        let resolved = SensitivePaths.effect(of: context.files, cwd: context.cwd, program: worst)
        for found in [named, resolved].compactMap({ $0 }) {
            findings.add(found.effect, "`\(found.path)` is a place of \(found.effect.placeName)")
        }
    }

    // MARK: commands inside commands

    /// Follows the command that a launcher starts; it is found by name at run time, so it is
    /// never bound, and only ever makes things worse.
    private func follow(_ words: [String], depth: Int, _ findings: inout Findings) {
        guard depth < Self.deepest,
            let start = words.firstIndex(where: { !table.rows(of: $0.lastPathPart).isEmpty })
        else { return }
        let inner = self.findings(
            program: words[start].lastPathPart,
            arguments: Array(words[(start + 1)...]), depth: depth + 1)
        findings.merge(inner.findings)
    }

    /// Looks at text that a shell or interpreter will obey.
    private func follow(text: String, depth: Int, _ findings: inout Findings) {
        guard depth < Self.deepest else { return }
        for command in ShellScan.commands(in: text) {
            let program = command[0].lastPathPart
            guard !table.rows(of: program).isEmpty else { continue }
            let inner = self.findings(
                program: program, arguments: Array(command.dropFirst()), depth: depth + 1)
            for effect in inner.findings.effects where effect > .unknown {
                findings.add(effect, "its text seems to run `\(program)`")
            }
        }
    }

    // MARK: programs with a language of their own

    private func prepare(_ program: String, _ arguments: [String]) -> [String] {
        guard ["tar", "gtar", "bsdtar"].contains(program), let first = arguments.first,
            !first.hasBytePrefix("-")
        else { return arguments }
        return TarBundle.expand(first, rest: arguments.dropFirst())
    }

    private func checkSpecial(
        _ program: String, _ arguments: [String], _ reading: CommandReading, depth: Int,
        _ findings: inout Findings
    ) {
        switch program {
        case "find", "gfind":
            let expression = FindExpression(arguments)
            findings = expression.findings
            for command in expression.commands { follow(command, depth: depth, &findings) }
        case "sed", "gsed":
            if SedScript.isRead(reading) {
                findings.effects.remove(.unknown)
                findings.add(.read)
            } else if !SedScript.isPlain(reading) {
                findings.doubt("a script of `sed` can run programs and write files")
            }
        case "tar", "gtar", "bsdtar":
            let isRemote = reading.values.contains { option, value in
                (option.isBytes("-f") || option.isBytes("--file"))
                    && value.utf8.contains(UInt8(ascii: ":"))
            }
            if isRemote {
                findings.doubt("an archive named `HOST:FILE` makes `tar` start a remote shell")
            }
        case "chmod":
            if FileMode.grantsIdentity(reading.operands.first ?? "") { findings.add(.role) }
        case _ where launchesText(program):
            for text in arguments + [context.script, context.input].compactMap({ $0 }) {
                follow(text: text, depth: depth, &findings)
            }
        case "ssh", "sudo", "su", "doas", "pkexec", "runuser", "kubectl", "oc", "docker", "podman":
            if reading.row?.flags.contains(.opaque) ?? false {
                follow(reading.operands, depth: depth, &findings)
                for text in reading.operands where text.utf8.contains(UInt8(ascii: " ")) {
                    follow(text: text, depth: depth, &findings)
                }
            }
        default: break
        }
    }

    private func launchesText(_ program: String) -> Bool {
        ["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish", "busybox", "script", "watch"]
            .contains(program)
    }

    private func checkSQL(_ reading: CommandReading, _ findings: inout Findings) {
        var texts = reading.values.filter { value in
            ["-c", "-e", "-cmd", "--command", "--execute"].contains { $0.isBytes(value.option) }
        }.map(\.value)
        let isSQLite = ["sqlite3", "litecli"].contains(reading.program)
        if isSQLite { texts += reading.operands.dropFirst() }
        let hasStatements = !texts.isEmpty
        if let input = context.input { texts.append(input) }
        if context.hasOpaqueInput {
            findings.doubt("what `\(reading.program)` reads on its input is not shown as text")
        }
        for text in texts {
            findings.merge(SQLScan.findings(text, client: reading.program))
        }
        let lists = reading.options.contains { $0.isBytes("-l") || $0.isBytes("--list") }
        if !hasStatements, context.input == nil, !lists, !isSQLite {
            findings.note("no statements were given")
        }
    }
}

extension Effect {
    fileprivate var placeName: String {
        switch self {
        case .key: "credentials"
        case .role: "privileges"
        case .infrastructure: "the system"
        default: "devices"
        }
    }
}

extension String {
    /// What follows the last slash.
    var lastPathPart: String {
        parts(separatedBy: UInt8(ascii: "/")).last ?? self
    }
}
