// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Foundation
internal import Gates

/// `exequatur hook HOST selftest`: runs the very command of the host's settings with a call that
/// nobody cleared, and judges its answer as the host would.
struct HookSelfTest {
    private let command: Hook

    init(_ command: Hook) { self.command = command }

    private struct Check {
        let name: String
        /// Why it failed; nil where it did not.
        let fault: String?
    }

    /// Ends with 0 when armed, 1 when not.
    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let path = try command.settingsPath(environment: environment)
        guard let bytes = try HookInstaller.contents(of: path) else {
            return try report([Check(name: "settings `\(path)`", fault: "there is no such file")])
        }
        let arming: HookArming
        do throws(HookSettingsError) {
            arming = try HookSettings(host: command.host, bytes: bytes).arming()
        } catch {
            return try report([Check(name: "settings `\(path)`", fault: error.description)])
        }
        var checks = arming.faults.map { Check(name: "settings `\(path)`", fault: $0) }
        if checks.isEmpty { checks = [Check(name: "settings `\(path)`", fault: nil)] }
        if let line = arming.command {
            if line.contains(" --defer") {
                Output.note("with `--defer` only headless runs are judged: others may run deferred")
            }
            checks += try [
                uncleared(line, arming, environment),
                blocked(
                    "a call while the service is away", line, arming, environment,
                    mode: "unreachable", input: call),
                blocked(
                    "a call that is not understood", line, arming, environment, mode: "waits",
                    input: Array("{".utf8)),
            ]
        }
        try report(checks)
    }

    private func report(_ checks: [Check]) throws {
        let isArmed = checks.allSatisfy { $0.fault == nil }
        let json: JSON = [
            "armed": .bool(isArmed),
            "checks": .array(
                checks.map { check in
                    [
                        "fault": check.fault.map { .string($0) } ?? .null,
                        "name": .string(check.name), "passed": .bool(check.fault == nil),
                    ]
                }), "host": .string(command.host.rawValue),
        ]
        var lines = checks.map { check in
            check.fault.map { "FAULT  \(check.name): \($0)" } ?? "ok     \(check.name)"
        }
        lines.append(
            isArmed
                ? "Armed: what nobody cleared is blocked. \(command.host.title) itself was not"
                    + " run; the gate is advisory."
                : "Not armed.")
        try command.output.print(json, or: lines.map(TerminalText.escaped))
        if !isArmed { throw ExitCode(ExitStatus.failure.rawValue) }
    }

    // MARK: calls

    /// A call that must not be cleared: what it does cannot be told from its text.
    private var call: [UInt8] {
        let text = ": exequatur self-test; touch \"$NOTHING_MAY_RUN_THIS\""
        let folder = FileManager.default.currentDirectoryPath
        var json: JSONObject = [
            "cwd": .string(folder), "hook_event_name": .string(command.host.beforeEvent),
            "session_id": "exequatur-selftest", "tool_input": ["command": .string(text)],
            "tool_use_id": "exequatur-selftest", "transcript_path": "/dev/null",
        ]
        switch command.host {
        case .claudeCode:
            json["permission_mode"] = "default"
            json["tool_name"] = "Bash"
        case .codex:
            json["model"] = "selftest"
            json["permission_mode"] = "default"
            json["tool_name"] = "Bash"
            json["turn_id"] = "exequatur-selftest"
        case .cursor:
            json["conversation_id"] = "exequatur-selftest"
            json["generation_id"] = "exequatur-selftest"
            json["tool_name"] = "Shell"
            json["workspace_roots"] = [.string(folder)]
        case .gemini:
            json["timestamp"] = "2026-01-01T00:00:00Z"
            json["tool_name"] = "run_shell_command"
        }
        return (try? JSON.object(json).canonicalBytes()) ?? []
    }

    private func uncleared(
        _ line: String, _ arming: HookArming, _ environment: [String: String]
    ) throws -> Check {
        let name = "a call that nobody cleared"
        let ended = try Self.execute(line, environment, mode: "waits", input: call)
        guard blocks(ended, arming) else {
            return Check(name: name, fault: "it would run: \(ended.summary)")
        }
        // A block for want of a token or a service proves nothing about what is not cleared.
        let text = String(decoding: ended.out + ended.err, as: UTF8.self)
        let isAsked = ["Waiting for approval: act_", "Denied: act_"].contains { text.contains($0) }
        return Check(
            name: name,
            fault: isAsked ? nil : "it is blocked, but was not asked for: \(ended.summary)")
    }

    private func blocked(
        _ name: String, _ line: String, _ arming: HookArming, _ environment: [String: String],
        mode: String, input: [UInt8]
    ) throws -> Check {
        let ended = try Self.execute(line, environment, mode: mode, input: input)
        return Check(
            name: name, fault: blocks(ended, arming) ? nil : "it would run: \(ended.summary)")
    }

    private func blocks(_ ended: Ended, _ arming: HookArming) -> Bool {
        command.host.blocks(
            exitCode: ended.exitCode, out: ended.out, err: ended.err,
            isFailClosed: arming.isFailClosed,
            isHeadless: arming.command?.contains(" --defer") ?? false)
    }

    // MARK: running

    private struct Ended {
        /// Nil where it had to be ended.
        var exitCode: Int32?
        var out: [UInt8]
        var err: [UInt8]

        var summary: String {
            let text = String(decoding: err.isEmpty ? out : err, as: UTF8.self)
            let status = exitCode.map { "exit code \($0)" } ?? "no end within 20 s"
            return "\(status), \(text.prefix(300))"
        }
    }

    /// Runs a line as hosts do, by a shell.
    private static func execute(
        _ line: String, _ environment: [String: String], mode: String, input: [UInt8]
    ) throws -> Ended {
        let folder = try LocalFile.freshFolder("exequatur-selftest")
        let manager = FileManager.default
        defer { try? manager.removeItem(atPath: folder) }
        let files = ["in", "out", "err"].map { folder + "/" + $0 }
        for (file, bytes) in zip(files, [input, [], []]) {
            guard manager.createFile(atPath: file, contents: Data(bytes)) else {
                throw CLIError("cannot write `\(file)`")
            }
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", line]
        process.environment = environment.merging([HookProcess.selfTestVariable: mode]) { $1 }
        process.standardInput = FileHandle(forReadingAtPath: files[0])
        process.standardOutput = FileHandle(forWritingAtPath: files[1])
        process.standardError = FileHandle(forWritingAtPath: files[2])
        do {
            try process.run()
        } catch {
            throw CLIError("cannot start /bin/sh: \(error.localizedDescription)")
        }
        for _ in 0..<2_000 where process.isRunning { Thread.sleep(forTimeInterval: 0.01) }
        let hasEnded = !process.isRunning
        if !hasEnded { process.terminate() }
        let status =
            process.isRunning || process.terminationReason == .exit
            ? (hasEnded ? process.terminationStatus : nil) : 128 + process.terminationStatus
        return Ended(
            exitCode: hasEnded ? status : nil, out: try LocalFile.read(files[1], limit: 1_048_576),
            err: try LocalFile.read(files[2], limit: 1_048_576))
    }
}
