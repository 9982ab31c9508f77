// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// Agents that go away, runners that end, and the way over the network.
@Suite(
    "Life of the command runner",
    .enabled(
        if: RunnerStage.isPossible,
        "an agent and a runner as two users take root, setpriv (util-linux) and python3"))
struct RunnerLifeTests {
    @Test("An agent that goes away while it waits leaves the action pending, and attaches again")
    func leaves() throws {
        let stage = try RunnerStage()
        try stage.start()
        let first = try stage.ask(["touch", "made"])
        let id = try #require(try stage.pending()["id"]?.stringValue)
        first.program.kill(SIGKILL)
        _ = try first.end()
        // Once the runner has seen that, an approval starts nothing by itself.
        try stage.until("the runner lets go") { try stage.log.contains("is still pending") }
        try stage.approve()
        usleep(300_000)
        #expect(try stage.state(id) == "cleared")
        #expect(!FileManager.default.fileExists(atPath: stage.runnerFolder + "/made"))
        #expect(try stage.ask(["touch", "made"]).end() == 0)
        #expect(try stage.state(id) == "succeeded")
    }

    @Test("An agent that goes away while its command runs changes nothing; the outcome is reported")
    func leavesRunning() throws {
        let stage = try RunnerStage()
        try stage.start()
        let question = try stage.ask([
            "sh", "-c", "touch started; seq 200000; while [ ! -e go ]; do sleep 0.05; done; exit 3",
        ])
        let id = try stage.approve()
        let folder = stage.runnerFolder
        try stage.until("it runs") {
            FileManager.default.fileExists(atPath: folder + "/started")
        }
        question.program.kill(SIGKILL)
        _ = try question.end()
        usleep(200_000)
        #expect(try stage.state(id) == "claimed")
        try Data().write(to: URL(fileURLWithPath: folder + "/go"))
        try stage.until("the outcome is there") { try stage.state(id) == "failed" }
        let action = try stage.server.json(["show", id], token: stage.cast.admin)
        #expect(action["outcome"]?["exitCode"] == 3)
    }

    @Test("A runner told to end waits for what runs, lets go of what waits, and takes nothing new")
    func ends() throws {
        let stage = try RunnerStage()
        try stage.start(["--grace", "20s"])
        let runner = try #require(stage.runner)
        let running = try stage.ask([
            "sh", "-c", "touch started; while [ ! -e go ]; do sleep 0.05; done; echo done",
        ])
        try stage.approve()
        let folder = stage.runnerFolder
        try stage.until("it runs") {
            FileManager.default.fileExists(atPath: folder + "/started")
        }
        let waiting = try stage.ask(["touch", "other"])
        _ = try stage.pending()
        runner.kill(SIGTERM)
        #expect(try waiting.end(seconds: 20) == 75)
        let late = try stage.ask(["touch", "late"])
        #expect(try late.end() == 69)
        #expect(runner.isRunning)
        try Data().write(to: URL(fileURLWithPath: folder + "/go"))
        #expect(try running.end() == 0)
        #expect(try running.out == "done\n")
        try runner.wait(seconds: 20)
        #expect(runner.status == 0)
        #expect(!FileManager.default.fileExists(atPath: stage.socket))
    }

    @Test("After the grace a command is told to end, with all it started; the outcome says so")
    func graceIsOver() throws {
        let stage = try RunnerStage()
        try stage.start(["--grace", "1s"])
        let question = try stage.ask(["sh", "-c", "touch started; sleep 300; true"])
        let id = try stage.approve()
        let folder = stage.runnerFolder
        try stage.until("it runs") {
            FileManager.default.fileExists(atPath: folder + "/started")
        }
        let runner = try #require(stage.runner)
        runner.kill(SIGTERM)
        #expect(try question.end(seconds: 30) == 128 + SIGTERM)
        try runner.wait(seconds: 30)
        #expect(try stage.state(id) == "failed")
    }

    @Test("A socket left behind is replaced; anything else in its place, and open folders, are not")
    func sockets() throws {
        let stage = try RunnerStage()
        try stage.start()
        let runner = try #require(stage.runner)
        runner.kill(SIGKILL)
        try runner.wait(seconds: 10)
        #expect(FileManager.default.fileExists(atPath: stage.socket))
        try stage.start()
        let again = try Program.run(
            ["gateway", "command", "--socket", stage.socket],
            environment: ["EXEQUATUR_GATE_TOKEN": try stage.folder.text("gate.token")])
        #expect(again.status == 77, "\(again.err)")

        let own = try TemporaryFolder()
        let file = try own.write("a-file", "precious")
        let gate = ["EXEQUATUR_GATE_TOKEN": try stage.folder.text("gate.token")]
        let state = ["--state", own.path + "/state"]
        let refused = try Program.run(
            ["gateway", "command", "--socket", file] + state, environment: gate)
        #expect(refused.status == 77)
        #expect(refused.err.contains("no socket of this account"), "\(refused.err)")
        #expect(try own.text("a-file") == "precious")
        chmod(own.path, 0o777)
        let open = try Program.run(
            ["gateway", "command", "--socket", own.path + "/s"] + state, environment: gate)
        #expect(open.status == 77)
        #expect(open.err.contains("nobody else may write"), "\(open.err)")
        // Nor does an agent send its token to a socket that others could have put there.
        let asked = try stage.server.cli(
            ["run", "--no-stdin", "--runner", own.path + "/s", "--", "true"],
            token: stage.cast.agent)
        #expect(asked.status == 69, "\(asked.err)")
    }

    @Test("Over HTTP: the same, for whoever has an agent's token")
    func network() throws {
        let stage = try RunnerStage()
        try stage.start(root: ["--listen", "127.0.0.1:0", "--directory", stage.agentFolder])
        let line = try #require(
            try stage.log.split(separator: "\n").first { $0.contains("listening on") })
        let url = try #require(line.split(separator: " ").last.map(String.init))
        let running = try Program.start(
            ["run", "--no-stdin", "--runner", url, "--", "sh", "-c", "seq 100000; exit 4"],
            environment: ["EXEQUATUR_TOKEN": stage.cast.agent],
            out: stage.folder.path + "/net.out", err: stage.folder.path + "/net.err")
        try stage.approve()
        try running.wait(seconds: 60)
        let said = try stage.folder.text("net.err")
        #expect(running.status == 4, "\(said)")
        let expected = (1...100_000).map { "\($0)\n" }.joined()
        #expect(try stage.folder.text("net.out") == expected)

        let port = try #require(URL(string: url)?.port)
        let connection = try HTTPConnection(port: port)
        let healthy = try connection.request("GET", "/healthz")
        #expect(healthy.status == 200)
        let nobody = try HTTPConnection(port: port).request(
            "POST", "/v1/run", json: ["argv": ["true"], "wait": 0])
        #expect(nobody.status == 401)
        let malformed = try HTTPConnection(port: port).request(
            "POST", "/v1/run", token: stage.cast.agent, json: ["argv": ["true"], "script": "x"])
        #expect(malformed.status == 400)

        let bad = try Program.run(
            ["gateway", "command", "--listen", "0.0.0.0:0"],
            environment: ["EXEQUATUR_GATE_TOKEN": try stage.folder.text("gate.token")])
        #expect(bad.status == 64)
        let without = try Program.run(["gateway", "command", "--listen", "127.0.0.1:0"])
        #expect(without.status == 77)
        #expect(without.err.contains("enforcing"))
    }
}
