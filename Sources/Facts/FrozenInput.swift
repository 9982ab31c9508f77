// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// The parts of a frozen `command.run` input that bear on what the command does.
struct FrozenInput: Sendable {
    let arguments: [String]
    /// `argv` is a list of strings, none of them lost.
    let isWhole: Bool
    let context: CommandContext
    private let executablePath: String?
    private let executableKind: String?
    private let hasUnshownText: Bool

    init(_ input: JSON) {
        let words = input["argv"]?.arrayValue ?? []
        self.arguments = words.compactMap(\.stringValue)
        self.isWhole = !words.isEmpty && arguments.count == words.count
        self.executablePath = input["executable"]?["path"]?.stringValue
        self.executableKind = input["executable"]?["kind"]?.stringValue
        var context = CommandContext()
        context.cwd = input["cwd"]?.stringValue ?? "/"
        context.accountHome = input["account"]?["home"]?.stringValue
        if let environment = input["environment"]?.objectValue {
            context.environment = environment.map { ($0.key, $0.value.stringValue) }
        }
        if let stdin = input["stdin"], !(stdin["kind"]?.stringValue?.isBytes("null") ?? false) {
            context.input = stdin["text"]?.stringValue
            context.hasOpaqueInput = context.input == nil
        }
        context.script = input["script"]?["text"]?.stringValue
        if let configuration = input["configuration"]?.arrayValue {
            let texts = configuration.compactMap { $0["text"]?.stringValue }
            if texts.count == configuration.count { context.repository = .bound(texts) }
        }
        for list in ["operands", "bindings"] {
            context.files += (input[list]?.arrayValue ?? []).compactMap { $0["path"]?.stringValue }
        }
        self.context = context
        let bound = (input["bindings"]?.arrayValue ?? []) + [input["script"]].compactMap { $0 }
        self.hasUnshownText = bound.contains { $0["text"]?.stringValue == nil }
    }

    /// The name to look up: that of the file that runs, unless one program goes by many names.
    func programName(_ findings: inout Findings) -> String {
        let called = (arguments.first ?? "").lastPathPart
        guard let path = executablePath else {
            findings.doubt("the executable is not bound")
            return called
        }
        if !ExecutablePlace.isSystem(path) {
            findings.doubt("`\(path)` is not in a directory of the system")
        }
        let file = path.lastPathPart
        if file.isBytes(called) || Self.isVariant(file, of: called) { return called }
        let isMultiCall = Self.multiCall.contains { entry in
            Glob.matches(entry.file, file)
                && entry.names.contains { Glob.matches($0, called) }
        }
        if isMultiCall { return called }
        findings.note("`\(called)` leads to `\(file)`")
        return Self.plainName(file)
    }

    /// The first path of the command that is one of these folders or lies in one.
    func firstPath(in folders: [String]) -> String? {
        guard !folders.isEmpty else { return nil }
        let words = arguments + context.files + [context.cwd] + [executablePath].compactMap { $0 }
        for word in words {
            for path in SensitivePaths.pieces(of: word, cwd: context.cwd)
            where folders.contains(where: {
                path.isBytes($0) || path.hasBytePrefix($0.isBytes("/") ? $0 : $0 + "/")
            }) { return path }
        }
        return nil
    }

    /// What holds for any program.
    func check(_ findings: inout Findings) {
        for (name, value) in context.environment {
            let isFixed = Self.fixed.contains { entry in
                entry.name.isBytes(name) && (value?.isBytes(entry.value) ?? false)
            }
            if EnvironmentRules.isDangerous(name), !isFixed {
                findings.doubt("`\(name)` can make programs run something else")
            }
        }
        switch executableKind {
        case "elf", "script": break
        default: findings.doubt("the executable is neither a binary nor a script")
        }
        if hasUnshownText { findings.doubt("a bound file cannot be shown as text") }
    }

    /// `python3.11` is `python3`, `vim.basic` is `vim`, `gawk-5` is not guessed at.
    private static func isVariant(_ file: String, of called: String) -> Bool {
        file.hasBytePrefix(called + ".") || plainName(file).isBytes(called)
    }

    private static func plainName(_ file: String) -> String {
        let name = file.parts(separatedBy: UInt8(ascii: ".")).first ?? file
        return name.isEmpty ? file : name
    }

    /// Files that are many programs, and the names by which they tell which one to be.
    ///
    /// Any other name may be a link that somebody made to mislead.
    private static let multiCall: [(file: String, names: [String])] = [
        ("busybox*", ["*"]), ("toybox", ["*"]), ("coreutils", ["*"]), ("pg_wrapper", ["*"]),
        ("lvm", ["pv*", "vg*", "lv*"]),
        ("kmod", ["lsmod", "modprobe", "insmod", "rmmod", "depmod"]),
        ("systemctl", ["reboot", "shutdown", "halt", "poweroff", "init", "telinit"]),
        ("xtables-*-multi", ["iptables*", "ip6tables*", "ebtables*", "arptables*"]),
    ]

    /// Variables that gates set themselves, to keep programs from starting others.
    private static let fixed: [(name: String, value: String)] = [
        ("PAGER", "cat"), ("GIT_PAGER", "cat"), ("SYSTEMD_PAGER", "cat"),
        ("MANPAGER", "cat"), ("AWS_PAGER", "cat"), ("GIT_OPTIONAL_LOCKS", "0"),
    ]
}
