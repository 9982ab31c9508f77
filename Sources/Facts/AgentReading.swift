// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Reads the frozen input of one tool call of a coding agent.
struct AgentReading: Sendable {
    var findings = Findings()
    private(set) var programs: [String] = []
    private(set) var arguments: [String] = []
    private(set) var paths: [String] = []
    private(set) var host: String?
    let cwd: String

    private let input: JSON

    init(_ input: JSON) {
        self.input = input
        let directory = input["cwd"]?.stringValue ?? "/"
        cwd = directory.hasBytePrefix("/") ? directory : "/"
    }

    /// Words kept as a fact; a longer list is a doubt.
    private static let mostWords = 1_000

    /// What every action of agents has.
    mutating func checkShape(of action: String) {
        for member in ["client", "tool", "cwd"] where input[member]?.stringValue == nil {
            findings.doubt("the input has no `\(member)`")
        }
        if let directory = input["cwd"]?.stringValue, !directory.hasBytePrefix("/") {
            findings.doubt("the working directory is not an absolute path")
        }
    }

    // MARK: shells

    mutating func shell() {
        guard let text = input["command"]?.stringValue else {
            findings.doubt("the input has no command")
            return
        }
        if input["options"]?["dangerouslyDisableSandbox"]?.boolValue ?? false {
            findings.doubt("it asks to run outside of the host's sandbox")
        }
        note(ShellScan.commands(in: text))
        let isPOSIX = ["Bash", "Shell", "run_shell_command", "Monitor"].contains {
            input["tool"]?.stringValue?.isBytes($0) ?? false
        }
        guard isPOSIX else {
            findings.doubt("the text is for a shell that is not known here")
            return raise(text)
        }
        let read = ShellText(text)
        if let doubt = read.doubt {
            findings.doubt(doubt)
            return raise(text)
        }
        check(read.commands)
    }

    /// Keeps the words, for policies that look for one.
    private mutating func note(_ commands: [[String]]) {
        for command in commands {
            programs.append(command[0].lastPathPart)
            arguments += command
        }
        guard arguments.count > Self.mostWords else { return }
        arguments = Array(arguments.prefix(Self.mostWords))
        findings.doubt("the text has more words than are listed")
    }

    /// Looks for what is worse than unknown in a text that could not be read.
    private mutating func raise(_ text: String) {
        let analyser = CommandAnalyser(context: CommandContext(cwd: cwd), table: .shipped)
        findings.merge(analyser.findings(program: "sh", arguments: ["-c", text]).findings)
    }

    private mutating func check(_ commands: [ShellText.Command]) {
        var directory = cwd
        var hasMoved = false
        for command in commands {
            // After `cd a && b; c` it is open where `c` runs.
            if hasMoved, !["&&", "|"].contains(where: { command.joint.isBytes($0) }) {
                findings.doubt("it is open in which folder a command after `cd` runs")
            }
            if command.words[0].isBytes("cd") {
                directory = move(command, from: directory)
                hasMoved = true
                continue
            }
            check(command, in: directory)
        }
    }

    /// The folder after a `cd`.
    private mutating func move(_ command: ShellText.Command, from directory: String) -> String {
        findings.add(.read)
        let words = command.words
        guard words.count == 2, !command.isPiped, command.written.isEmpty,
            !words[1].hasBytePrefix("-"), !words[1].hasBytePrefix("+"), !words[1].isEmpty
        else {
            findings.doubt("it is open where `cd` leads")
            return directory
        }
        return SensitivePaths.absolute(words[1], cwd: directory)
    }

    private mutating func check(_ command: ShellText.Command, in directory: String) {
        let name = command.words[0]
        let program = name.lastPathPart
        if name.utf8.contains(UInt8(ascii: "/")) {
            let path = SensitivePaths.absolute(name, cwd: directory)
            if !ExecutablePlace.isSystem(path) {
                findings.doubt("`\(path.shortened)` is not in a directory of the system")
            }
        }
        let rest = Array(command.words.dropFirst())
        let isBuiltin = ["test", "[", "printf", "echo"].contains { program.isBytes($0) }
        if isBuiltin, rest.contains(where: { $0.utf8.contains(where: "$`".utf8.contains) }) {
            // Some of these evaluate arithmetic in their words, and that substitutes commands.
            findings.doubt("`\(program)` may run what stands in its words")
        }
        var context = CommandContext(cwd: directory)
        context.hasOpaqueInput = command.isPiped
        let analyser = CommandAnalyser(context: context, table: .shipped)
        findings.merge(analyser.findings(program: program, arguments: rest).findings)
        for path in command.written {
            let full = SensitivePaths.absolute(path, cwd: directory)
            paths.append(full)
            findings.add(.write, "its output goes to `\(full.shortened)`")
            if let found = SensitivePaths.effect(of: [path], cwd: directory, program: .write) {
                findings.add(found.effect, "`\(found.path)` is not an ordinary file")
            }
        }
    }

    // MARK: files

    mutating func files(writing: Bool) {
        guard let list = input["paths"]?.arrayValue,
            case let named = list.compactMap(\.stringValue), named.count == list.count
        else {
            findings.doubt("the input does not say which files")
            return
        }
        findings.add(writing ? .write : .read)
        if writing, named.isEmpty { findings.doubt("the input does not name a file") }
        if !writing, let doubt = searchDoubt(named) { findings.doubt(doubt) }
        for path in named {
            if path.isEmpty || path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
                findings.doubt("a path has control characters, or is empty")
            }
            if path.hasBytePrefix("~") || path.utf8.contains(where: "*?[$".utf8.contains) {
                findings.doubt("a path may be spelt out to others")
            }
            let full = SensitivePaths.absolute(path, cwd: cwd)
            paths.append(full)
            let effect = SensitivePaths.effect(of: full, program: writing ? .write : .read)
            if let effect { findings.add(effect, "`\(full.shortened)` is not an ordinary file") }
        }
    }

    /// Searching below a folder reads files that nobody named.
    private func searchDoubt(_ named: [String]) -> String? {
        let tool = input["tool"]?.stringValue ?? ""
        let isSearch = AgentTools.searching.contains { tool.isBytes($0) }
        if isSearch { return "`\(tool)` reads files that are not named" }
        let isListing = AgentTools.listing.contains { tool.isBytes($0) }
        return named.isEmpty && !isListing ? "the input does not name a file" : nil
    }

    // MARK: the rest

    mutating func fetch() {
        findings.add(.unknown, "what is asked of another machine may carry data there")
        guard let url = input["url"]?.stringValue else {
            if input["url"] != nil || input["query"] == nil {
                findings.doubt("the input names no address")
            }
            return
        }
        host = WebAddress.host(of: url)
        if host == nil { findings.doubt("the address is not understood") }
    }

    mutating func tool() {
        let client = input["client"]?.stringValue ?? ""
        let name = input["tool"]?.stringValue ?? ""
        if AgentTools.isHarmless(name, of: client) {
            findings.add(.read, "`\(name)` touches nothing outside of `\(client)`")
        } else {
            findings.doubt("what the tool `\(name.shortened)` does is not known here")
        }
    }
}

/// Tools of the hosts themselves, by the names that their hooks are told.
enum AgentTools {
    /// Tools that keep lists, ask the user or start subagents, whose calls come to the hook too.
    static func isHarmless(_ tool: String, of client: String) -> Bool {
        guard let names = harmless.first(where: { client.isBytes($0.client) })?.names else {
            return false
        }
        return names.contains { tool.isBytes($0) }
    }

    /// Tools that look into files which their input does not name.
    static let searching = ["Grep", "grep_search", "search_file_content", "read_many_files"]

    /// Tools that list names, by default those of the working directory.
    static let listing = ["Glob", "LS", "glob", "list_directory"]

    private static let harmless: [(client: String, names: [String])] = [
        (
            "claude-code",
            [
                "Agent", "AskUserQuestion", "BashOutput", "EnterPlanMode", "ExitPlanMode", "Task",
                "TaskCreate", "TaskGet", "TaskList", "TaskOutput", "TaskUpdate", "TodoRead",
                "TodoWrite", "ToolSearch",
            ]
        ),
        ("codex", ["update_plan"]),
        ("cursor", ["Task", "TodoWrite"]),
        (
            "gemini",
            ["ask_user", "complete_task", "enter_plan_mode", "exit_plan_mode", "write_todos"]
        ),
    ]
}

/// Addresses of the web.
enum WebAddress {
    /// The host of an `http` or `https` address without a user, in lower case; nil where in doubt.
    static func host(of url: String) -> String? {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let lower = url.asciiLowercased
        guard let scheme = ["https://", "http://"].first(where: { lower.hasBytePrefix($0) }),
            let rest = lower.dropping(bytes: scheme.utf8.count)
        else { return nil }
        let authority = String(rest.prefix { !"/?#\\".contains($0) })
        let host = authority.parts(separatedBy: UInt8(ascii: ":"))
        guard (1...2).contains(host.count), !host[0].isEmpty, host[0].utf8.count <= 253,
            host[0].utf8.allSatisfy({ byte in
                byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
                    || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
            }), host.count == 1 || UInt16(host[1]) != nil
        else { return nil }
        return host[0]
    }
}
