// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation

/// A server of its own for one test: a free port, a new data folder, stopped with this value.
final class RunningServer {
    let folder: TemporaryFolder
    let data: String
    let port: Int
    private let options: [String]
    private(set) var program: RunningProgram

    /// Starts one, with further options of `serve` where a test needs them.
    init(options: [String] = []) throws {
        self.options = options
        folder = try TemporaryFolder()
        data = folder.path + "/data"
        port = try Self.freePort()
        program = try Self.start(data: data, port: port, folder: folder, options)
        try waitUntilReady()
    }

    deinit { program.kill(SIGKILL) }

    var url: String { "http://127.0.0.1:\(port)" }

    var adminToken: String {
        get throws {
            try String(contentsOfFile: "\(data)/admin.token", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    /// What the server printed so far.
    var log: String {
        get throws { try folder.text("serve.out") + folder.text("serve.err") }
    }

    /// Ends the server, politely or not, and waits for its end.
    func stop(signal: Int32 = SIGTERM) throws {
        program.kill(signal)
        try program.wait(seconds: 30)
    }

    func restart() throws {
        program = try Self.start(data: data, port: port, folder: folder, options)
        try waitUntilReady()
    }

    /// Runs the command line against this server.
    func cli(_ arguments: [String], token: String?) throws -> ProgramResult {
        var environment = ["EXEQUATUR_URL": url]
        environment["EXEQUATUR_TOKEN"] = token
        return try Program.run(arguments, environment: environment)
    }

    /// Runs the command line and reads its one JSON value; a failure names the command.
    func json(_ arguments: [String], token: String?) throws -> JSON {
        let result = try cli(arguments + ["--json"], token: token)
        guard result.status == 0 else {
            throw HarnessError(
                "`\(arguments.joined(separator: " "))` ended with \(result.status): \(result.err)")
        }
        return try JSON(parsing: result.out.trimmingCharacters(in: .newlines))
    }

    func connection() throws -> HTTPConnection { try HTTPConnection(port: port) }

    private static func start(
        data: String, port: Int, folder: TemporaryFolder, _ options: [String]
    ) throws -> RunningProgram {
        try Program.start(
            ["serve", "--data", data, "--listen", "127.0.0.1:\(port)"] + options,
            environment: ["HOME": folder.path], out: folder.path + "/serve.out",
            err: folder.path + "/serve.err")
    }

    private func waitUntilReady() throws {
        let deadline = Clock.now() + 30
        while Clock.now() < deadline {
            guard program.isRunning else {
                throw HarnessError("the server ended with \(program.status): \(try log)")
            }
            if let answer = try? connection().request("GET", "/readyz"), answer.status == 200 {
                return
            }
            usleep(20_000)
        }
        throw HarnessError("the server was not ready within 30 s: \(try log)")
    }

    /// A port nobody listened on a moment ago.
    private static func freePort() throws -> Int {
        let descriptor = try Socket.make()
        defer { close(descriptor) }
        return try Socket.bindAnywhere(descriptor)
    }
}

/// The people and agents that most tests need, set up through the command line.
struct Cast {
    let admin: String
    /// Two reviewers.
    let bob: String
    let carol: String
    /// Owns the agent, so never reviews it.
    let alice: String
    let agent: String

    init(_ server: RunningServer) throws {
        let admin = try server.adminToken
        func person(_ id: String, _ groups: [String]) throws -> String {
            let options = groups.flatMap { ["--group", $0] } + ["--token"]
            return try Self.token(server.json(["person", "add", id] + options, token: admin))
        }
        self.admin = admin
        bob = try person("bob", ["reviewers"])
        carol = try person("carol", ["reviewers"])
        alice = try person("alice", ["reviewers"])
        agent = try Self.token(
            server.json(["agent", "add", "deploy-bot", "--owner", "alice"], token: admin))
    }

    private static func token(_ json: JSON) throws -> String {
        guard let token = json["token"]?.stringValue else {
            throw HarnessError("no token in \(json)")
        }
        return token
    }
}

extension Cast {
    /// A submission of a command that the starter policies hold for review.
    static func submission(_ name: String) -> JSON {
        [
            "operation": operation(["touch", "/srv/\(name)"]),
            "intent": ["justification": "integration test"],
        ]
    }

    /// A command as a gate freezes it.
    static func operation(_ argv: [String]) -> JSON {
        [
            "action": "command.run", "resource": ["type": "Host", "id": "web1"],
            "input": [
                "argv": .array(argv.map(JSON.string)), "cwd": "/", "environment": [:],
                "executable": [
                    "kind": "elf", "path": .string("/usr/bin/\(argv.first ?? "")"),
                    "digest": .string("sha256:" + String(repeating: "e", count: 64)),
                ], "stdin": ["kind": "null"],
            ],
        ]
    }

    /// Submits a command for review and answers with the pending action.
    func submit(_ name: String, _ server: RunningServer) throws -> JSON {
        let answer = try server.connection().request(
            "POST", "/v1/actions", token: agent, json: Self.submission(name))
        guard answer.status == 201, let action = answer.json,
            action["state"]?.stringValue == "pending"
        else { throw HarnessError("submitting `\(name)`: \(answer.status) \(answer.text)") }
        return action
    }
}
