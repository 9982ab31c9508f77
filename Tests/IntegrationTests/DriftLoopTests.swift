// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// A server, an observer with its own credential, and a real folder that it watches.
private final class DriftStage {
    let server: RunningServer
    let cast: Cast
    let gate: String
    let folder: String
    let file: String
    let source = "app-config"
    private var observer: RunningProgram?

    init(every: Int = 1, fields: Bool = true) throws {
        server = try RunningServer()
        cast = try Cast(server)
        gate =
            try server.json(["gate", "add", "config-host"], token: cast.admin)["token"]?
            .stringValue ?? ""
        // As the collector names it; patterns of paths are compared with just that.
        folder =
            URL(fileURLWithPath: server.folder.path).standardizedFileURL.path + "/etc-app"
        file = folder + "/app.json"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755])
        try write(port: 8080)
        var settings: JSONObject = ["paths": [.string(folder)]]
        if fields { settings["fields"] = ["json": [.string(folder + "/*.json")]] }
        let specification: JSON = [
            "class": "high", "every": .int(Int64(every)), "id": .string(source),
            "kind": "files", "observer": "config-host", "scope": .string(Self.host),
            "settings": .object(settings),
        ]
        let path = server.folder.path + "/source.json"
        try Data(specification.description.utf8).write(to: URL(fileURLWithPath: path))
        _ = try server.json(["drift", "source", "set", path], token: cast.admin)
    }

    deinit { observer?.kill(SIGKILL) }

    static var host: String {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        return String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func write(port: Int) throws {
        // In place, as an editor of ours does: the same file with other bytes.
        try Data("{\"port\": \(port), \"name\": \"shop\"}\n".utf8).write(
            to: URL(fileURLWithPath: file))
    }

    var environment: [String: String] {
        [
            "EXEQUATUR_URL": server.url, "EXEQUATUR_GATE_TOKEN": gate,
            "EXEQUATUR_STATE_DIR": server.folder.path + "/gate-state",
            "HOME": server.folder.path,
        ]
    }

    @discardableResult
    func observeOnce() throws -> JSON {
        let result = try Program.run(
            ["drift", "observe", source, "--once", "--json"], environment: environment)
        guard result.status == 0 else { throw HarnessError(result.err) }
        return try JSON(parsing: result.out.trimmingCharacters(in: .newlines))[0] ?? .null
    }

    func watch() throws {
        observer = try Program.start(
            ["drift", "observe", source], environment: environment,
            out: server.folder.path + "/observe.out", err: server.folder.path + "/observe.err")
    }

    func stopWatching() throws {
        observer?.kill(SIGTERM)
        try observer?.wait(seconds: 10)
        observer = nil
    }

    func approveBaseline() throws {
        let shown = try server.json(["drift", "show", source], token: cast.admin)
        let root = shown["baseline"]?["proposed"]?["root"]?.stringValue ?? ""
        _ = try server.json(
            ["drift", "accept", source, "--expect", root], token: cast.admin)
    }

    func deviations(_ state: String = "open") throws -> [JSON] {
        try server.json(
            ["drift", "list", "--source", source, "--state", state], token: cast.admin
        ).arrayValue ?? []
    }

    func status() throws -> Int32 {
        try server.cli(["drift", "status"], token: cast.admin).status
    }

    /// Starts a command of the agent at the gate; it waits for a decision.
    func start(_ arguments: [String]) throws -> RunningProgram {
        var environment = self.environment
        environment["EXEQUATUR_TOKEN"] = cast.agent
        return try Program.start(
            arguments, environment: environment, out: server.folder.path + "/agent.out",
            err: server.folder.path + "/agent.err")
    }

    /// Approves the one action that is pending, as bob.
    func approvePending() throws -> JSON {
        let deadline = Clock.now() + 90
        while Clock.now() < deadline {
            let pending = try server.json(["list", "--state", "pending"], token: cast.bob)
            if let action = pending[0], let id = action["id"]?.stringValue,
                let digest = action["digest"]?.stringValue
            {
                return try server.json(
                    ["approve", id, "--expect", String(digest.prefix(16))], token: cast.bob)
            }
            usleep(50_000)
        }
        throw HarnessError("nothing came to be pending: \(try server.folder.text("agent.err"))")
    }

    /// Waits until a condition holds.
    func until(_ what: String, seconds: Double = 90, _ condition: () throws -> Bool) throws {
        let deadline = Clock.now() + seconds
        while Clock.now() < deadline {
            if try condition() { return }
            usleep(50_000)
        }
        throw HarnessError("not within \(seconds) s: \(what)")
    }
}

@Suite("The loop of drift, on real files", .timeLimit(.minutes(10)))
struct DriftLoopTests {
    @Test(
        "an approved change is explained and enters the baseline; the same behind our back is not")
    func explainedAndUnauthorised() throws {
        let stage = try DriftStage()
        try stage.observeOnce()
        try stage.approveBaseline()
        #expect(try stage.status() == 0)

        // The agent's command changes the file; what it changes is only known afterwards.
        let script = "s/8080/9090/"
        let run = try stage.start([
            "run", "--affects", "file:" + stage.file, "--", "/bin/sed", "-i", script, stage.file,
        ])
        let action = try stage.approvePending()
        try run.wait(seconds: 90)
        #expect(run.status == 0)
        #expect(try String(contentsOfFile: stage.file, encoding: .utf8).contains("9090"))
        let report = try stage.observeOnce()
        #expect((report["explained"]?.intValue ?? 0) > 0)
        #expect(try stage.deviations().isEmpty)
        let all = try stage.server.json(["audit", "tail", "-n", "5"], token: stage.cast.admin)
        #expect(all.description.contains(action["id"]?.stringValue ?? "none"))

        // The same file, changed by somebody who asked nobody.
        try stage.write(port: 1)
        try stage.observeOnce()
        let open = try stage.deviations()
        #expect(!open.isEmpty)
        for one in open {
            #expect(one["attribution"]?["verdict"]?.stringValue == "unauthorised")
        }
        #expect(open.contains { $0["path"]?.stringValue == "/content/port" })
        #expect(try stage.status() == 2)
    }

    @Test("a watcher whose next sweep is an hour away sees a change, and its end, by their events")
    func watched() throws {
        let stage = try DriftStage(every: 3600)
        try stage.observeOnce()
        try stage.approveBaseline()
        try stage.watch()
        // The first look of the watcher itself.
        try stage.until("the watcher looks") {
            try stage.server.folder.text("observe.err").contains("app-config: ok")
        }
        try stage.write(port: 2)
        try stage.until("the event") { try !stage.deviations().isEmpty }
        try stage.write(port: 8080)
        try stage.until("its end") { try stage.deviations().isEmpty }
    }

    @Test("the fix waits for approval, restores, and is verified by a fresh look")
    func fixed() throws {
        let stage = try DriftStage()
        try stage.observeOnce()
        try stage.approveBaseline()
        chmod(stage.file, 0o666)
        try stage.write(port: 6666)
        try stage.observeOnce()
        let ids = try stage.deviations().compactMap { $0["id"]?.stringValue }
        #expect(ids.count >= 3)

        let fix = try stage.start(["drift", "fix"] + ids + ["--source", stage.source])
        let action = try stage.approvePending()
        #expect(action["action"]?.stringValue == "drift.remediate")
        try fix.wait(seconds: 90)
        let said = try stage.server.folder.text("agent.err")
        #expect(fix.status == 0, "\(said)")
        #expect(try String(contentsOfFile: stage.file, encoding: .utf8).contains("8080"))
        var found = stat()
        stat(stage.file, &found)
        #expect(found.st_mode & 0o777 == 0o644)
        #expect(try stage.deviations().isEmpty)
        let closed = try stage.deviations("closed")
        #expect(closed.allSatisfy { $0["ending"]?.stringValue == "reverted" }, "\(closed)")
    }

    @Test("what changed meanwhile is not fixed by an old approval")
    func staleFix() throws {
        let stage = try DriftStage()
        try stage.observeOnce()
        try stage.approveBaseline()
        try stage.write(port: 6666)
        try stage.observeOnce()
        let ids = try stage.deviations().compactMap { $0["id"]?.stringValue }
        let fix = try stage.start(["drift", "fix"] + ids + ["--source", stage.source])
        try stage.until("pending") {
            try
                !(stage.server.json(["list", "--state", "pending"], token: stage.cast.bob)
                .arrayValue ?? []).isEmpty
        }
        try stage.write(port: 7777)
        _ = try stage.approvePending()
        try fix.wait(seconds: 90)
        #expect(fix.status != 0)
        #expect(try String(contentsOfFile: stage.file, encoding: .utf8).contains("7777"))
    }

    @Test("a denied fix changes nothing")
    func deniedFix() throws {
        let stage = try DriftStage()
        try stage.observeOnce()
        try stage.approveBaseline()
        try stage.write(port: 6666)
        try stage.observeOnce()
        let ids = try stage.deviations().compactMap { $0["id"]?.stringValue }
        let fix = try stage.start(["drift", "fix"] + ids + ["--source", stage.source])
        var id: String?
        try stage.until("pending") {
            id = try stage.server.json(["list", "--state", "pending"], token: stage.cast.bob)[0]?[
                "id"]?.stringValue
            return id != nil
        }
        _ = try stage.server.json(
            ["deny", try #require(id), "--reason", "leave it"], token: stage.cast.bob)
        try fix.wait(seconds: 90)
        #expect(fix.status == 77)
        #expect(try String(contentsOfFile: stage.file, encoding: .utf8).contains("6666"))
    }

    @Test("fsck finds the ledger sound after all that, and a restart forgets nothing")
    func durable() throws {
        let stage = try DriftStage()
        try stage.observeOnce()
        try stage.approveBaseline()
        try stage.write(port: 5)
        try stage.observeOnce()
        let before = try stage.deviations()
        try stage.server.stop()
        let fsck = try Program.run(["fsck", "--data", stage.server.data], environment: [:])
        #expect(fsck.status == 0, "\(fsck.out)\(fsck.err)")
        try stage.server.restart()
        #expect(try stage.deviations() == before)
    }
}
