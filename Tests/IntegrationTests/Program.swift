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

    /// Runs a subcommand to its end, killed after `seconds`.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], seconds: Double = 60
    ) throws -> ProgramResult {
        let folder = try TemporaryFolder()
        let started = try start(
            arguments, environment: environment, out: folder.path + "/out",
            err: folder.path + "/err")
        try started.wait(seconds: seconds)
        return ProgramResult(
            status: started.status, out: try folder.text("out"), err: try folder.text("err"))
    }

    /// Starts a subcommand with its output in files, so that no pipe can fill up.
    static func start(
        _ arguments: [String], environment: [String: String], out: String, err: String
    ) throws -> RunningProgram {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        var variables = ["PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no"]
        variables.merge(environment) { $1 }
        process.environment = variables
        process.standardInput = FileHandle.nullDevice
        for file in [out, err] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
        process.standardOutput = FileHandle(forWritingAtPath: out)
        process.standardError = FileHandle(forWritingAtPath: err)
        try process.run()
        return RunningProgram(process: process)
    }
}

/// A program that was started and ends with this value.
final class RunningProgram {
    private let process: Process

    init(process: Process) { self.process = process }

    deinit { if process.isRunning { kill(SIGKILL) } }

    var isRunning: Bool { process.isRunning }
    var pid: Int32 { process.processIdentifier }
    /// The exit status; 128 and more for a signal, as in a shell.
    var status: Int32 {
        process.terminationReason == .uncaughtSignal
            ? 128 + process.terminationStatus : process.terminationStatus
    }

    func kill(_ signal: Int32) { _ = Foundation.kill(process.processIdentifier, signal) }

    func wait(seconds: Double) throws {
        let deadline = Clock.now() + seconds
        while process.isRunning {
            guard Clock.now() < deadline else {
                kill(SIGKILL)
                process.waitUntilExit()
                throw HarnessError(
                    "`\(process.arguments?.joined(separator: " ") ?? "")` did not end"
                        + " within \(seconds) s")
            }
            usleep(5_000)
        }
        process.waitUntilExit()
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
