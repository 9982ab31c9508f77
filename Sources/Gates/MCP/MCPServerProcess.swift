// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Crypto
internal import ExequaturClient
internal import Foundation
internal import Synchronization
package import TransparencyLog

/// How the server behind a gateway is started.
package struct MCPServerCommand: Sendable {
    package let arguments: [String]
    /// What it inherits: everything but what is the gateway's own.
    package let environment: [String: String]

    /// What the program was when the gateway started: what is approved is approved of that.
    private let pinned: Hash256?
    /// The file that was read then.
    private let stamp: FileStamp?

    package init(arguments: [String], environment: [String: String]) {
        self.arguments = arguments
        self.environment = environment.filter { !$0.key.hasPrefix("EXEQUATUR_") }
        let path = Self.executable(arguments, self.environment)
        let before = path.flatMap(FileStamp.init)
        // What is changed from now on has a later time than this, because that is older than a
        // tick of the kernel's clock.
        usleep(20_000)
        pinned = Self.digest(path)
        stamp = path.flatMap(FileStamp.init) == before ? before : nil
    }

    /// The file that is executed, found as the system would find it; nil where there is none.
    private static func executable(
        _ arguments: [String], _ environment: [String: String]
    ) -> String? {
        guard let name = arguments.first, !name.isEmpty else { return nil }
        if name.contains("/") { return SystemPath.isExecutable(name) ? name : nil }
        let folders = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        return folders.map { "\($0)/\(name)" }.first(where: SystemPath.isExecutable)
    }

    /// SHA-256 of the program, links followed; nil where it can't be read.
    package var digest: Hash256? { pinned }

    private static func digest(_ path: String?) -> Hash256? {
        guard let path, let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        var hasher = SHA256()
        while let part = try? handle.read(upToCount: 1 << 20), !part.isEmpty {
            hasher.update(data: part)
        }
        return Hash256(bytes: Array(hasher.finalize()))
    }

    /// The path to execute, if the program is still what it was when the gateway started.
    /// - Throws: ``GateFailure`` otherwise.
    func checked() throws(GateFailure) -> String {
        let name = arguments.first ?? ""
        guard let path = Self.executable(arguments, environment) else {
            throw .refused("there is no program `\(name)`")
        }
        if let stamp, pinned != nil, FileStamp(path) == stamp { return path }
        guard let pinned, Self.digest(path) == pinned else {
            throw .alarm(
                "`\(path)` cannot be read, or is not the program that the gateway started with: "
                    + "restart the gateway, and have it approved")
        }
        return path
    }
}

/// A server that runs, spoken with over its standard input and output.
final class MCPServerProcess: Sendable {
    private let child: pid_t
    private let input: LineWriter
    private let output: Int32
    /// Whether it was waited for: its number may be another's afterwards.
    private let isOver = Mutex(false)

    /// Starts it.
    /// - Throws: ``GateFailure`` when there is no such program.
    init(_ command: MCPServerCommand) throws(GateFailure) {
        let path = try command.checked()
        var toServer: [Int32] = [-1, -1]
        var fromServer: [Int32] = [-1, -1]
        guard clinux_pipe(&toServer) == 0 else { throw .refused("no pipe: too many files open") }
        guard clinux_pipe(&fromServer) == 0 else {
            for end in toServer { Foundation.close(end) }
            throw .refused("no pipe: too many files open")
        }
        let environment = command.environment.map { "\($0.key)=\($0.value)" }
        let child = withCStrings(command.arguments) { arguments in
            withCStrings(environment) { environment in
                clinux_spawn(path, arguments, environment, toServer[0], fromServer[1])
            }
        }
        Foundation.close(toServer[0])
        Foundation.close(fromServer[1])
        guard child > 0 else {
            Foundation.close(toServer[1])
            Foundation.close(fromServer[0])
            throw .refused(
                "`\(command.arguments.first ?? "")` does not start: "
                    + SystemFailure(-child).description)
        }
        self.child = child
        input = LineWriter(toServer[1], isOwn: true)
        output = fromServer[0]
    }

    deinit { Foundation.close(output) }

    /// Sends a message; false once the server is gone, or does not read what it was sent.
    func send(_ line: [UInt8]) -> Bool { input.write(line) }

    /// Hands on what the server says, in a thread of its own, until it ends.
    func read(line: @escaping @Sendable ([UInt8]) -> Void, ended: @escaping @Sendable () -> Void) {
        LineReader.start(output, limit: MCPMessage.serverBytes, line: line) { _ in
            _ = self
            ended()
        }
    }

    /// Ends it as the protocol says: its input closes; a second later it is told to end, and a
    /// second after that it is ended.
    func stop(sleep: @Sendable (Duration) async throws -> Void) async {
        input.close()
        for signal in [nil, SIGTERM, SIGKILL] {
            if let signal { send(signal: signal) }
            for _ in 0..<(signal == nil ? 60 : 40) {
                if hasEnded() { return }
                try? await sleep(.milliseconds(20))
            }
        }
    }

    /// Ends it at once; it is waited for where its process ends.
    func endAtOnce() {
        input.close()
        send(signal: SIGKILL)
        _ = hasEnded()
    }

    private func send(signal: Int32) {
        isOver.withLock { isOver in
            // The group: what the server started itself goes with it.
            if !isOver { kill(-child, signal) }
        }
    }

    /// Whether the process is over; it is waited for then.
    func hasEnded() -> Bool {
        isOver.withLock { isOver in
            if isOver { return true }
            var status: Int32 = 0
            if waitpid(child, &status, WNOHANG) == child { isOver = true }
            return isOver
        }
    }
}
