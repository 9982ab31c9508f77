// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// The loop at the gate that enforces: what a command of a runner changed is explained.
@Suite(
    "Drift at a command runner",
    .enabled(
        if: RunnerStage.isPossible,
        "an agent and a runner as two users take root, setpriv (util-linux) and python3"))
struct DriftRunnerTests {
    private let stage: RunnerStage
    private let observer: [String: String]
    private let file: String

    init() throws {
        stage = try RunnerStage()
        try stage.start()
        file = URL(fileURLWithPath: stage.runnerFolder).standardizedFileURL.path + "/app.json"
        let made = try stage.run(
            as: RunnerStage.runnerUser, ["/bin/sh", "-c", "echo '{\"port\": 1}' > \(file)"])
        #expect(made.status == 0, "\(made.err)")
        let gate = try stage.server.json(["gate", "add", "watcher"], token: stage.cast.admin)
        observer = [
            "EXEQUATUR_URL": stage.server.url,
            "EXEQUATUR_GATE_TOKEN": gate["token"]?.stringValue ?? "",
            "EXEQUATUR_STATE_DIR": stage.folder.path + "/watcher", "HOME": "/root",
        ]
        let source: JSON = [
            "class": "high", "every": 60, "id": "app", "kind": "files", "observer": "watcher",
            "scope": .string(ProcessInfo.processInfo.hostName),
            "settings": ["fields": ["json": ["*.json"]], "paths": [.string(file)]],
        ]
        let path = try stage.folder.write("source.json", source.description)
        _ = try stage.server.json(["drift", "source", "set", path], token: stage.cast.admin)
        let root = try observe()["proposed"]?.stringValue ?? ""
        _ = try stage.server.json(
            ["drift", "accept", "app", "--expect", root], token: stage.cast.admin)
    }

    private func observe() throws -> JSON {
        let result = try Program.run(
            ["drift", "observe", "app", "--once", "--json"], environment: observer)
        guard result.status == 0 else { throw HarnessError(result.err) }
        return try JSON(parsing: result.out.trimmingCharacters(in: .newlines))[0] ?? .null
    }

    private func edit(_ from: Int, _ to: Int, _ options: [String]) throws {
        let question = try stage.ask(["sed", "-i", "s/\(from)/\(to)/", file], options: options)
        try stage.approve()
        let (code, said) = (try question.end(), try question.err)
        #expect(code == 0, "\(said)")
    }

    @Test("what a runner saw its command change, and what a command declared, is explained")
    func explained() throws {
        try edit(1, 2, ["--affects", "file:\(file)"])
        let seen = try observe()
        #expect(seen["opened"] == [] && (seen["explained"]?.intValue ?? 0) > 0, "\(seen)")

        let effects: JSON = [
            [
                "derived": [["path": "/sha256", "subject": .string("file:\(file)")]],
                "path": "/content/port", "post": 3,
                "scope": .string(ProcessInfo.processInfo.hostName),
                "subject": .string("file:\(file)"),
            ]
        ]
        try stage.write("effects.json", effects.description, mode: 0o644)
        try edit(2, 3, ["--effects", stage.agentFolder + "/effects.json"])
        let declared = try observe()
        #expect(declared["opened"] == [], "\(declared)")
        #expect((declared["explained"]?.intValue ?? 0) > 0)

        // And behind its back.
        try Data("{\"port\": 4}\n".utf8).write(to: URL(fileURLWithPath: file))
        #expect(try observe()["opened"]?.arrayValue?.isEmpty == false)
    }

    @Test("a file that the command's account may not read is not told to who asked")
    func unreadable() throws {
        let secret = stage.folder.path + "/secret"
        try Data("secret\n".utf8).write(to: URL(fileURLWithPath: secret))
        chmod(secret, 0o600)
        let question = try stage.ask(["touch", "made"], options: ["--affects", "file:\(secret)"])
        let id = try stage.approve()
        #expect(try question.end() == 0)
        let receipt = try stage.server.cli(["receipt", id], token: stage.cast.admin)
        #expect(receipt.status == 0)
        #expect(!receipt.out.contains("\"before\""))
    }
}
