// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation

/// A server, an agent and a command runner as three users: the server as this one, the other two
/// as the numbers of `examples/command-runner/two-users.sh`, which this drives.
final class RunnerStage {
    static let agentUser = 65_001
    static let runnerUser = 65_002
    static let callers = 65_003
    static let secret = "correct horse battery staple"

    let server: RunningServer
    let cast: Cast
    let folder: TemporaryFolder
    let program: String
    private(set) var runner: RunningProgram?
    private var count = 0

    /// Only root can be several users.
    static var isPossible: Bool {
        geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")
            && Program.hasPython
    }

    init() throws {
        server = try RunningServer()
        cast = try Cast(server)
        folder = try TemporaryFolder()
        if Self.isReachable(Program.path) {
            program = Program.path
        } else {
            program = folder.path + "/exequatur"
            // Never written by this process: a child of another test could inherit the descriptor,
            // and what is open for writing can't be executed.
            if link(Program.path, program) != 0 {
                let copied = try Program.run([Program.path, program], executable: "/bin/cp")
                guard copied.status == 0 else { throw HarnessError(copied.err) }
            }
        }
        let prepared = try script(["prepare", folder.path])
        guard prepared.status == 0 else { throw HarnessError(prepared.err) }
        let gate = try server.json(["gate", "add", "web-runner"], token: cast.admin)
        try keep(gate["token"]?.stringValue ?? "", as: "gate.token")
        try keep(cast.agent, as: "agent.token")
    }

    deinit { runner?.kill(SIGKILL) }

    /// Whether other users get at a program where it was built.
    private static func isReachable(_ path: String) -> Bool {
        var current = path
        while current != "/" {
            let mode = try? FileManager.default.attributesOfItem(atPath: current)[.posixPermissions]
            guard let bits = mode as? Int, bits & 0o001 != 0 else { return false }
            current = (current as NSString).deletingLastPathComponent
        }
        return true
    }

    private func keep(_ token: String, as name: String) throws {
        chmod(try folder.write(name, token), 0o600)
    }

    var socket: String { folder.path + "/run/runner.sock" }
    var agentFolder: String { folder.path + "/agent" }
    var runnerFolder: String { folder.path + "/runner" }

    private var environment: [String: String] {
        ["EXEQUATUR": program, "EXEQUATUR_URL": server.url]
    }

    private static let script =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path + "/examples/command-runner/two-users.sh"

    private func script(_ arguments: [String]) throws -> ProgramResult {
        try Program.run(arguments, environment: environment, executable: Self.script)
    }

    // MARK: the runner

    /// Starts the runner and waits until it listens.
    func start(_ options: [String] = [], variables: [String: String] = [:]) throws {
        let started = try Program.start(
            ["runner", folder.path] + options, environment: environment.merging(variables) { $1 },
            out: folder.path + "/runner.out", err: folder.path + "/runner.err",
            executable: Self.script)
        runner = started
        try until("the runner listens") { try self.log.contains("listening on") }
    }

    /// Starts a runner of another kind, with the whole command line given.
    func start(root options: [String]) throws {
        let token = try folder.text("gate.token")
        let started = try Program.start(
            ["gateway", "command"] + options,
            environment: [
                "EXEQUATUR_URL": server.url, "EXEQUATUR_GATE_TOKEN": token, "HOME": "/root",
                "EXEQUATUR_STATE_DIR": folder.path + "/root-state",
            ], out: folder.path + "/runner.out", err: folder.path + "/runner.err",
            executable: program)
        runner = started
        try until("the runner listens") { try self.log.contains("listening on") }
    }

    var log: String { get throws { try folder.text("runner.err") } }

    // MARK: the agent

    /// An agent's question that waits or runs.
    final class Question {
        let program: RunningProgram
        private let folder: TemporaryFolder
        private let name: String

        init(_ program: RunningProgram, _ folder: TemporaryFolder, _ name: String) {
            self.program = program
            self.folder = folder
            self.name = name
        }

        var out: String { get throws { try folder.text(name + ".out") } }
        var err: String { get throws { try folder.text(name + ".err") } }

        /// Waits for its end and returns the exit code.
        func end(seconds: Double = 60) throws -> Int32 {
            try program.wait(seconds: seconds)
            return program.status
        }
    }

    /// Asks for a command as the agent's user.
    func ask(
        _ command: [String], options: [String] = [], variables: [String: String] = [:]
    ) throws -> Question {
        count += 1
        let name = "question-\(count)"
        let program = try Program.start(
            ["agent", folder.path, "--no-stdin"] + options + ["--"] + command,
            environment: environment.merging(variables) { $1 },
            out: "\(folder.path)/\(name).out", err: "\(folder.path)/\(name).err",
            executable: Self.script)
        return Question(program, folder, name)
    }

    /// Runs something as any user, to its end.
    func run(
        as user: Int, groups: [Int] = [], _ command: [String], variables: [String: String] = [:]
    ) throws -> ProgramResult {
        let list =
            groups.isEmpty
            ? ["--clear-groups"] : ["--groups", groups.map(String.init).joined(separator: ",")]
        return try Program.run(
            ["--reuid", "\(user)", "--regid", "\(user)"] + list + command,
            environment: variables, executable: "/usr/bin/setpriv")
    }

    /// Writes a file that belongs to the agent.
    func write(_ name: String, _ text: String, mode: mode_t = 0o755) throws {
        let path = agentFolder + "/" + name
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        chmod(path, mode)
        chown(path, uid_t(Self.agentUser), gid_t(Self.agentUser))
    }

    // MARK: the reviewer

    /// The one action that waits.
    func pending() throws -> JSON {
        var found: JSON?
        try until("an action waits") {
            let list = try self.server.json(["list", "--state", "pending"], token: self.cast.admin)
            found = list[0]
            return found != nil
        }
        guard let id = found?["id"]?.stringValue else { throw HarnessError("no id") }
        return try server.json(["show", id], token: cast.admin)
    }

    /// Approves the one action that waits, and returns its id.
    @discardableResult
    func approve() throws -> String {
        let action = try pending()
        let id = action["id"]?.stringValue ?? ""
        let digest = action["digest"]?.stringValue ?? ""
        let result = try server.cli(
            ["approve", id, "--expect", String(digest.prefix(16))], token: cast.bob)
        guard result.status == 0 else { throw HarnessError(result.err) }
        return id
    }

    func state(_ id: String) throws -> String? {
        try server.json(["show", id], token: cast.admin)["state"]?.stringValue
    }

    func until(
        _ what: String, seconds: Double = 60, _ isSo: () throws -> Bool
    ) throws {
        let deadline = Clock.now() + seconds
        while try !isSo() {
            guard Clock.now() < deadline else {
                throw HarnessError("not within \(seconds) s: \(what)\n\(try log)")
            }
            usleep(20_000)
        }
    }
}
