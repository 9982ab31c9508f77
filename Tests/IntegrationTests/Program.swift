// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a finished program left behind.
struct ProgramResult {
    var status: Int32
    var out: String
    var err: String
}

struct HarnessError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// The built `exequatur`, which these tests drive from outside.
enum Program {
    /// `EXEQUATUR_BINARY`, otherwise the one that was built beside this test runner.
    static let path: String = {
        if let path = ProcessInfo.processInfo.environment["EXEQUATUR_BINARY"] { return path }
        let runner = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = (runner ?? CommandLine.arguments[0]) as NSString
        return folder.deletingLastPathComponent + "/exequatur"
    }()

    static let python = "/usr/bin/python3"
    static var hasPython: Bool { FileManager.default.isExecutableFile(atPath: python) }

    /// Runs a subcommand, or another program, to its end; killed after `seconds`.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], seconds: Double = 60,
        executable: String = path
    ) throws -> ProgramResult {
        let folder = try TemporaryFolder()
        let started = try start(
            arguments, environment: environment, out: folder.path + "/out",
            err: folder.path + "/err", executable: executable)
        try started.wait(seconds: seconds)
        return ProgramResult(
            status: started.status, out: try folder.text("out"), err: try folder.text("err"))
    }

    /// Starts a subcommand with its output in files, so that no pipe can fill up.
    ///
    /// Not Foundation's `Process`: that one fails with a bad descriptor when several threads start
    /// programs. Sockets of this harness are closed on exec, so no program inherits one.
    static func start(
        _ arguments: [String], environment: [String: String], out: String, err: String,
        executable: String = path
    ) throws -> RunningProgram {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let create = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, out, create, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, err, create, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var variables = ["PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no"]
        variables.merge(environment) { $1 }
        var argv = ([executable] + arguments).map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, executable, &actions, &attributes, &argv, &envp)
        guard result == 0 else {
            throw HarnessError("cannot start `\(executable)`: errno \(result)")
        }
        return RunningProgram(pid: pid, name: arguments.joined(separator: " "))
    }
}

/// A program that was started and ends with this value.
final class RunningProgram {
    let pid: pid_t
    private let name: String
    private var ended: Int32?

    init(pid: pid_t, name: String) {
        self.pid = pid
        self.name = name
    }

    deinit {
        guard isRunning else { return }
        kill(SIGKILL)
        waitpid(pid, nil, 0)
    }

    var isRunning: Bool {
        if ended != nil { return false }
        var result: Int32 = 0
        guard waitpid(pid, &result, WNOHANG) == pid else { return true }
        // As a shell says it: 128 and more for a signal.
        ended = result & 0x7F == 0 ? (result >> 8) & 0xFF : 128 + (result & 0x7F)
        return false
    }

    /// The exit status, once it does not run any more.
    var status: Int32 { ended ?? -1 }

    /// Does nothing to a program that has ended, because its number may be somebody else's by now.
    func kill(_ signal: Int32) {
        guard isRunning else { return }
        _ = Foundation.kill(pid, signal)
    }

    func wait(seconds: Double) throws {
        let deadline = Clock.now() + seconds
        while isRunning {
            guard Clock.now() < deadline else {
                kill(SIGKILL)
                waitpid(pid, nil, 0)
                ended = 128 + SIGKILL
                throw HarnessError("`\(name)` did not end within \(seconds) s")
            }
            usleep(5_000)
        }
    }
}

enum Socket {
    /// An IPv4 stream socket that started programs do not inherit.
    static func make() throws -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, type, 0)
        guard descriptor >= 0 else { throw HarnessError("no socket: errno \(errno)") }
        return descriptor
    }

    /// A port of 127.0.0.1; 0 lets the kernel choose.
    static func address(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return address
    }

    /// Binds to a free port and tells which.
    static func bindAnywhere(_ descriptor: Int32) throws -> Int {
        var address = address(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard bound else { throw HarnessError("no free port: errno \(errno)") }
        return Int(in_port_t(bigEndian: address.sin_port))
    }
}

/// Monotonic seconds, for the harness's own patience only.
enum Clock {
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// A folder that vanishes with this value.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array((NSTemporaryDirectory() + "/exequatur-test-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw HarnessError("cannot create a temporary folder")
        }
        path = String(cString: template.dropLast() + [0])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func text(_ name: String) throws -> String {
        // Replaces what is not UTF-8, so that such output fails a comparison and not the harness.
        let data = FileManager.default.contents(atPath: "\(path)/\(name)") ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}
