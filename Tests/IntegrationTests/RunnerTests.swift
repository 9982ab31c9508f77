// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// The command runner with two real users; they need root, and are skipped without it.
@Suite(
    "Command runner",
    .enabled(
        if: RunnerStage.isPossible,
        "an agent and a runner as two users take root, setpriv (util-linux) and python3"))
struct RunnerTests {
    @Test("An approved command runs as the runner, with its access; the agent has none")
    func approved() throws {
        let stage = try RunnerStage()
        try stage.start()
        let access = stage.runnerFolder + "/access"
        let direct = try stage.run(as: RunnerStage.agentUser, ["/bin/cat", access])
        #expect(direct.status == 1)
        #expect(!direct.out.contains(RunnerStage.secret))

        let question = try stage.ask(
            ["sh", "-c", "id -u; cat access; echo to-err >&2; env; exit 7"],
            options: ["--reason", "the release"])
        let id = try stage.approve()
        #expect(try question.end() == 7)
        let lines = try question.out.split(separator: "\n").map(String.init)
        #expect(lines.first == "\(RunnerStage.runnerUser)")
        #expect(lines.contains(RunnerStage.secret))
        #expect(try question.err.contains("to-err"))
        // Of our own variables the child has the action's id and nothing else.
        #expect(
            lines.filter { $0.contains("EXEQUATUR") || $0.contains("exq1_") } == [
                "EXEQUATUR_ACTION_ID=\(id)"
            ])

        let action = try stage.server.json(["show", id], token: stage.cast.admin)
        #expect(action["state"] == "failed")
        #expect(action["outcome"]?["exitCode"] == 7)
        #expect(action["gate"]?["enforcing"] == true)
        #expect(action["gate"]?["id"] == "web-runner")
        #expect(action["advisory"] == false)
        let receipt = stage.folder.path + "/receipt"
        let text = try stage.server.cli(["receipt", id], token: stage.cast.admin)
        try text.out.write(toFile: receipt, atomically: true, encoding: .utf8)
        let verified = try Program.run([
            "verify", receipt, "--key", stage.server.data + "/log.vkey", "--json",
        ])
        #expect(verified.status == 0, "\(verified.out)\(verified.err)")
        #expect(text.out.contains(#""enforcing":true"#))
        #expect(try stage.log.contains("uid \(RunnerStage.agentUser)"))
    }

    @Test("A denied command does not run")
    func denied() throws {
        let stage = try RunnerStage()
        try stage.start()
        let question = try stage.ask(["touch", "made"])
        let id = try #require(try stage.pending()["id"]?.stringValue)
        let denied = try stage.server.cli(
            ["deny", id, "--reason", "not today"], token: stage.cast.bob)
        #expect(denied.status == 0, "\(denied.err)")
        #expect(try question.end() == 77)
        #expect(try question.err.contains("not today"))
        #expect(!FileManager.default.fileExists(atPath: stage.runnerFolder + "/made"))
    }

    @Test("The agent's user reads neither the runner's token nor its environment nor its memory")
    func outOfReach() throws {
        let stage = try RunnerStage()
        try stage.start()
        let pid = try #require(stage.runner?.pid)
        let probe = try stage.folder.write("probe.py", Self.probe)
        chmod(probe, 0o644)
        for user in [RunnerStage.agentUser, RunnerStage.runnerUser] {
            // Not even the runner's own user: a command that runs as it must not find the token.
            let result = try stage.run(
                as: user, groups: [RunnerStage.callers],
                [Program.python, probe, "\(pid)", stage.folder.path + "/gate.token"])
            #expect(result.status == 0, "\(user): \(result.err)")
            let answers = result.out.split(separator: "\n").map(String.init)
            #expect(
                answers == [
                    "token PermissionError", "environ PermissionError", "mem PermissionError",
                    "fd PermissionError", "ptrace refused",
                ], "as \(user)")
        }
    }

    /// Tries to get at a process, and says what came of each try.
    private static let probe = """
        import ctypes, os, sys
        pid, token = sys.argv[1], sys.argv[2]
        def attempt(name, body):
            try:
                body()
                print(name, "REACHED")
            except OSError as error:
                print(name, type(error).__name__)
        attempt("token", lambda: open(token).read())
        attempt("environ", lambda: open(f"/proc/{pid}/environ", "rb").read())
        attempt("mem", lambda: open(f"/proc/{pid}/mem", "rb"))
        attempt("fd", lambda: os.listdir(f"/proc/{pid}/fd"))
        libc = ctypes.CDLL(None, use_errno=True)
        print("ptrace", "refused" if libc.ptrace(16, int(pid), 0, 0) == -1 else "REACHED")
        """

    @Test("Other accounts cannot connect, root included, nor can one outside the group")
    func strangers() throws {
        let stage = try RunnerStage()
        try stage.start()
        let ask = [
            stage.program, "run", "--no-stdin", "--runner", stage.socket, "--", "touch", "made",
        ]
        let variables = ["EXEQUATUR_TOKEN": stage.cast.agent, "PATH": "/usr/bin:/bin"]
        for user in [65_004, 0] {
            let result = try stage.run(
                as: user, groups: [RunnerStage.callers], ask, variables: variables)
            #expect(result.status == 77)
            #expect(result.err.contains("may not use this runner"), "\(result.err)")
        }
        // The socket's mode keeps out who is not in its group, the agent's own user too.
        let outside = try stage.run(as: RunnerStage.agentUser, ask, variables: variables)
        #expect(outside.status == 69, "\(outside.err)")
        let list = try stage.server.json(["list"], token: stage.cast.admin)
        #expect(list.arrayValue?.isEmpty == true, "\(list)")
    }

    @Test("What is no agent's token of this server asks for nothing")
    func tokens() throws {
        let stage = try RunnerStage()
        try stage.start()
        let gate = try stage.folder.text("gate.token")
        let unknown = stage.cast.agent.dropLast(4) + "0000"
        for token in [stage.cast.bob, gate, String(unknown)] {
            let result = try stage.run(
                as: RunnerStage.agentUser, groups: [RunnerStage.callers],
                [stage.program, "run", "--no-stdin", "--runner", stage.socket, "--", "true"],
                variables: ["EXEQUATUR_TOKEN": token])
            #expect(result.status == 77, "\(result.err)")
        }
        #expect(
            try stage.server.json(["list"], token: stage.cast.admin).arrayValue?.isEmpty == true)
    }
}
