// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import ExequaturClient
internal import Facts
internal import Foundation

/// How a command ended.
public enum CommandOutcome: Sendable, Hashable {
    /// It ended by itself with this code.
    case exited(Int32)
    /// This signal ended it.
    case signalled(Int32)

    /// The code by which a shell tells it: the exit code, or 128 and the signal.
    public var exitCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 &+ signal
        }
    }
}

/// Why a checked command did not start; no byte of it ran.
public struct CommandStartError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One line, lowercase.
    public let description: String
}

/// Executes a checked command from the descriptors that were hashed.
///
/// What the child sees of itself, and why:
///
/// - **A binary** is executed through its open descriptor (`execveat` with `AT_EMPTY_PATH`), after
///   one more look at inode, size and times in the child itself. `argv[0]` is the word that was
///   frozen, since programs of many names go by it. `/proc/self/exe` is the real file, so that
///   `$ORIGIN` and programs that look for their own directory work; therefore it is not a copy in
///   memory. Somebody who may write to that very file could still write between the last look and
///   the call; for an enforcing gate that is nobody but its own account. Only the short process
///   name (`comm`) is that of a descriptor.
/// - **A script** is executed from a sealed copy in memory, which its interpreter, executed as
///   above, opens through a symbolic link in a private directory. `$0` is that link: its last part
///   is the script's own name, because scripts of many names (shims) go by it; its directory is
///   not the script's own. A script that wants files beside itself does not find them, which is
///   as it should be: they were not bound. `BASH_SOURCE` equals `$0`, as scripts expect that ask
///   whether they are the main one. `argv[0]` of the interpreter is what the kernel would pass,
///   the path in the first line, or for `sh script` the word that was frozen.
/// - **A script of the system**, in a directory that only root can write to, like `/usr/bin`, is
///   named by its real path: whoever could exchange it could exchange the C library too.
///
/// The environment is the frozen one, `EXEQUATUR_ACTION_ID` and, unless it is frozen,
/// `PGAPPNAME`, never a token. Standard input has
/// the frozen bytes, standard output and error are inherited, everything else is closed. Signals
/// sent to the gate go on to the child; not so where a gate runs many, each in a session of its
/// own. The working directory is the one that was opened for the
/// check, whatever its name leads to now.
public struct CommandExecutor: Sendable {
    private let privateDirectory: String
    /// The account that commands run as; nil: that of this process.
    let account: SwitchedAccount?
    /// Where commands are counted that run in sessions of their own; nil: they run in this one's.
    private let running: RunningCommands?
    /// Number of the first descriptor with a script; high enough not to be in a script's way.
    private static let firstScript: Int32 = 90

    /// Makes an executor whose links to scripts lie below a directory of mode 0700.
    public init(privateDirectory: String) {
        self.init(privateDirectory: privateDirectory, account: nil, running: nil)
    }

    /// Makes an executor for commands of others.
    ///
    /// - Parameters:
    ///   - privateDirectory: where links to scripts lie; the account must be able to enter it.
    ///   - account: the account that commands run as; nil: that of this process.
    ///   - running: where commands are counted that run in sessions of their own.
    package init(
        privateDirectory: String, account: SwitchedAccount?, running: RunningCommands?
    ) {
        self.privateDirectory = privateDirectory
        self.account = account
        self.running = running
    }

    /// Executes the command and waits for its end, blocking this thread.
    ///
    /// - Parameters:
    ///   - command: the checked command.
    ///   - actionID: what the child finds in `EXEQUATUR_ACTION_ID`.
    ///   - started: called once the program runs; not at all when this throws.
    /// - Returns: how it ended.
    /// - Throws: ``CommandStartError`` when nothing of the command ran.
    public func execute(
        _ command: PreparedCommand, actionID: String, started: () -> Void = {}
    ) throws(CommandStartError) -> CommandOutcome {
        try execute(command, actionID: actionID, output: nil, started: started)
    }

    /// The same for somebody who takes what the command writes; nil: it goes where this process's
    /// own goes.
    package func execute(
        _ command: PreparedCommand, actionID: String, output: CommandOutput?,
        started: () -> Void = {}
    ) throws(CommandStartError) -> CommandOutcome {
        let launch = command.snapshot.launch
        let input = try openInput(command.input)
        let scripts = try ScriptPlaces(
            launch.scripts, below: privateDirectory, first: Self.firstScript,
            isForOthers: account != nil)
        defer { scripts.remove() }
        let arguments = Self.arguments(launch, scripts)
        let environment = Self.environment(command.snapshot, actionID)
        var pipes = try output.map { _ throws(CommandStartError) in try OutputPipes() }
        let streams = pipes?.numbers ?? (output: -1, error: -1)
        let child = try start(
            launch, arguments: arguments, environment: environment,
            directory: command.snapshot.directory, input: input, streams: streams,
            scripts: scripts.descriptors)
        running?.add(child)
        started()
        pipes?.closeWriting()
        if let output { pipes?.relay(to: output, of: child) }
        var code: Int32 = -1
        var signal: Int32 = -1
        let waited =
            running?.wait(child, code: &code, signal: &signal)
            ?? clinux_wait(child, &code, &signal)
        guard waited == 0 else {
            // It ran; what became of it nobody can tell.
            return .signalled(0)
        }
        return signal > 0 ? .signalled(signal) : .exited(code)
    }

    /// The frozen variables, and the action's id in every carrier that a child's work may leave
    /// behind: `PGAPPNAME` is what PostgreSQL's programs call themselves at a server.
    private static func environment(
        _ snapshot: CommandSnapshot, _ actionID: String
    ) -> [String] {
        let frozen = snapshot.environment.variables
        var lines = frozen.map { "\($0.name)=\($0.value)" }
        if !frozen.contains(where: { $0.name.utf8.elementsEqual("PGAPPNAME".utf8) }) {
            lines.append("PGAPPNAME=exequatur \(actionID)")
        }
        return lines + ["EXEQUATUR_ACTION_ID=\(actionID)"]
    }

    private static func arguments(
        _ launch: CommandLaunch, _ scripts: borrowing ScriptPlaces
    ) -> [String] {
        let paths = scripts.paths
        var words = launch.words.map { word in
            switch word {
            case .text(let text): text
            case .script(let index): paths[index]
            }
        }
        // Node resolves the link to a name that nothing has; this makes it keep the link.
        let isNode = ["node", "nodejs"].contains(SystemPath.lastPart(launch.binary.path))
        if isNode, launch.mainScript != nil { words.insert("--preserve-symlinks-main", at: 1) }
        return words
    }

    private func openInput(_ input: CommandInput) throws(CommandStartError) -> Descriptor {
        switch input {
        case .null:
            do throws(SystemFailure) {
                return try Descriptor.open("/dev/null", flags: O_RDONLY)
            } catch {
                throw CommandStartError(description: "`/dev/null` does not open: \(error)")
            }
        case .bytes(let bytes):
            return try SealedCopy.make(bytes, name: "exequatur-input")
        }
    }

    private func start(
        _ launch: CommandLaunch, arguments: [String], environment: [String],
        directory: Descriptor, input: Descriptor, streams: (output: Int32, error: Int32),
        scripts: [Descriptor]
    ) throws(CommandStartError) -> pid_t {
        let kept = scripts.map(\.number)
        var stage: Int32 = 0
        func start(_ account: UnsafePointer<clinux_account>?) -> pid_t {
            withCStrings(arguments) { arguments in
                withCStrings(environment) { environment in
                    kept.withUnsafeBufferPointer { kept in
                        var program = clinux_program(
                            executable: launch.binary.descriptor.number,
                            expected: launch.binary.identity, directory: directory.number,
                            input: input.number, output: streams.output, error: streams.error,
                            account: account, is_detached: running == nil ? 0 : 1,
                            kept: kept.baseAddress, kept_count: Int32(kept.count),
                            kept_from: Self.firstScript, arguments: arguments,
                            environment: environment)
                        return clinux_start(&program, &stage)
                    }
                }
            }
        }
        let result = account?.withSystemForm { start($0) } ?? start(nil)
        guard result < 0 else { return result }
        let cause = SystemFailure(-result).description
        switch UInt32(stage) {
        case CLINUX_STAGE_IDENTITY.rawValue:
            throw CommandStartError(
                description: "`\(launch.binary.path)` was changed after it was hashed")
        case CLINUX_STAGE_EXEC.rawValue:
            throw CommandStartError(description: "`\(launch.binary.path)`: \(cause)")
        default:
            throw CommandStartError(description: "the command did not start: \(cause)")
        }
    }
}

/// Copies in memory that nobody can change.
enum SealedCopy {
    static func make(_ bytes: [UInt8], name: String) throws(CommandStartError) -> Descriptor {
        let number = clinux_sealed_copy(name, bytes, bytes.count)
        guard number >= 0 else {
            throw CommandStartError(
                description: "no sealed copy in memory: \(SystemFailure(-number).description)")
        }
        return Descriptor(number)
    }
}

/// From where the interpreters read the scripts of one command.
struct ScriptPlaces: ~Copyable {
    /// For each script the path that its interpreter is given.
    let paths: [String]
    /// Sealed copies, in the order of their descriptor numbers in the child.
    let descriptors: [Descriptor]
    private let directories: [String]

    init(
        _ scripts: [CommandLaunch.Script], below directory: String, first: Int32,
        isForOthers: Bool
    ) throws(CommandStartError) {
        var paths: [String] = []
        var descriptors: [Descriptor] = []
        var directories: [String] = []
        for script in scripts {
            if SystemScript.isOutOfReach(script) {
                paths.append(script.calledAs)
                continue
            }
            guard let bytes = script.file.bytes else {
                throw CommandStartError(
                    description: "`\(script.file.path)` is too long to be copied into memory")
            }
            descriptors.append(try SealedCopy.make(bytes, name: "exequatur-script"))
            let made: String
            do throws(SystemFailure) {
                made = try SystemPath.makeFolder("\(directory)/run-")
            } catch {
                throw CommandStartError(description: "no directory in `\(directory)`: \(error)")
            }
            directories.append(made)
            // Another account may pass through, and change nothing.
            guard !isForOthers || chmod(made, 0o711) == 0 else {
                throw CommandStartError(description: "`\(made)`: \(SystemFailure(errno))")
            }
            let link = made + "/" + SystemPath.lastPart(script.calledAs)
            guard symlink("/dev/fd/\(Int(first) + descriptors.count - 1)", link) == 0 else {
                throw CommandStartError(
                    description: "no link in `\(made)`: \(SystemFailure(errno))")
            }
            paths.append(link)
        }
        self.paths = paths
        self.descriptors = descriptors
        self.directories = directories
    }

    /// Removes the links; the child has read its script by then.
    func remove() {
        for path in paths where directories.contains(where: { path.hasPrefix($0 + "/") }) {
            unlink(path)
        }
        for directory in directories { rmdir(directory) }
    }
}

/// Scripts that come with the system.
enum SystemScript {
    /// Tells whether nobody but root can exchange the script or any directory on its way.
    static func isOutOfReach(_ script: CommandLaunch.Script) -> Bool {
        [script.file.path, script.calledAs].allSatisfy { path in
            ExecutablePlace.isSystem(path) && isOutOfReach(path)
        }
    }

    static func isOutOfReach(_ path: String) -> Bool {
        var current = path
        while true {
            var found = clinux_identity()
            guard clinux_look(current, 0, &found) == 0, found.owner == 0 else { return false }
            let isLink = found.mode & S_IFMT == S_IFLNK
            if !isLink, found.mode & (S_IWGRP | S_IWOTH) != 0 { return false }
            guard current != "/", let cut = current.utf8.lastIndex(of: UInt8(ascii: "/")) else {
                return true
            }
            current = cut == current.startIndex ? "/" : String(current[..<cut])
        }
    }
}

/// Calls `body` with a null-terminated array of C strings.
func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
        capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { list[index] = strdup(string) }
    list[strings.count] = nil
    defer {
        for index in strings.indices { free(list[index]) }
        list.deallocate()
    }
    return body(UnsafePointer(list))
}
