// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// What an agent tries so that the runner executes what nobody cleared, or shows what is not its.
@Suite(
    "Attacks on the command runner",
    .enabled(
        if: RunnerStage.isPossible,
        "an agent and a runner as two users take root, setpriv (util-linux) and python3"))
struct RunnerAttackTests {
    private func made(_ stage: RunnerStage, _ name: String) -> Bool {
        FileManager.default.fileExists(atPath: stage.runnerFolder + "/" + name)
    }

    @Test("script swap: a script exchanged between approval and start is not run")
    func scriptSwap() throws {
        let stage = try RunnerStage()
        try stage.start()
        try stage.write("job.sh", "#!/bin/sh\necho good > ~/good\n")
        // The agent leaves while it waits, exchanges the script, and comes back for the approval.
        let path = stage.agentFolder + "/job.sh"
        let first = try stage.ask([path])
        let action = try stage.pending()
        #expect(action.description.contains("echo good"))
        try stage.write("job.sh", "#!/bin/sh\necho evil > ~/evil\n")
        try stage.approve()
        #expect(try first.end() == 77)
        #expect(try first.err.contains("ALARM"))
        let second = try stage.ask([path], options: ["--wait", "0s"])
        #expect(try second.end() == 75)
        #expect(!made(stage, "evil") && !made(stage, "good"))
    }

    @Test("argument and input swap: other words, and other input, are another action")
    func argumentSwap() throws {
        let stage = try RunnerStage()
        try stage.start()
        let asked = try stage.ask(["touch", "good"], options: ["--wait", "0s"])
        #expect(try asked.end() == 75)
        let id = try stage.approve()
        let other = try stage.ask(["touch", "evil"], options: ["--wait", "0s"])
        #expect(try other.end() == 75)
        #expect(try stage.state(id) == "cleared")
        // The same words with something on standard input.
        let line = "echo evil | exec \"$0\" run --wait 0s --runner \"$1\" -- touch good"
        let fed = try stage.run(
            as: RunnerStage.agentUser, groups: [RunnerStage.callers],
            ["/bin/sh", "-c", line, stage.program, stage.socket],
            variables: ["EXEQUATUR_TOKEN": stage.cast.agent, "PATH": "/usr/bin:/bin"])
        #expect(fed.status == 75, "\(fed.err)")
        #expect(!made(stage, "evil") && !made(stage, "good"))
        let same = try stage.ask(["touch", "good"], options: ["--wait", "0s"])
        #expect(try same.end() == 0)
        #expect(made(stage, "good"))
        #expect(try stage.state(id) == "succeeded")
    }

    @Test("replay: one approval is one execution, and no other agent's")
    func replay() throws {
        let stage = try RunnerStage()
        try stage.start()
        #expect(try stage.ask(["touch", "mine"], options: ["--wait", "0s"]).end() == 75)
        let id = try stage.approve()
        let other = try stage.server.json(
            ["agent", "add", "other-bot", "--owner", "alice"], token: stage.cast.admin)
        let token = try #require(other["token"]?.stringValue)
        let stolen = try stage.run(
            as: RunnerStage.agentUser, groups: [RunnerStage.callers],
            [
                stage.program, "run", "--no-stdin", "--wait", "0s", "--runner", stage.socket, "--",
                "touch", "mine",
            ], variables: ["EXEQUATUR_TOKEN": token])
        #expect(stolen.status == 75, "\(stolen.err)")
        #expect(!made(stage, "mine"))
        #expect(try stage.state(id) == "cleared")
        #expect(try stage.ask(["touch", "mine"], options: ["--wait", "0s"]).end() == 0)
        unlink(stage.runnerFolder + "/mine")
        #expect(try stage.ask(["touch", "mine"], options: ["--wait", "0s"]).end() == 75)
        #expect(!made(stage, "mine"))
    }

    @Test("environment: nothing of the agent's comes in unless the runner allows the name")
    func environment() throws {
        let stage = try RunnerStage()
        try stage.start(["--pass-env", "RELEASE"])
        for name in ["LD_PRELOAD", "PATH", "BASH_ENV", "HOME", "OTHER"] {
            let question = try stage.ask(
                ["touch", "made"], options: ["--env", name], variables: [name: "/tmp:/usr/bin:/bin"]
            )
            #expect(try question.end() == 77, "\(name)")
            #expect(try question.err.contains("takes no variable"), "\(name)")
        }
        let code = try stage.ask(
            ["touch", "made"], options: ["--env", "RELEASE"],
            variables: ["RELEASE": "() { :; }; touch made"])
        #expect(try code.end() == 77)
        let question = try stage.ask(
            ["sh", "-c", "echo $RELEASE, $AMBIENT, $HOME"], options: ["--env", "RELEASE"],
            variables: ["RELEASE": "4.2", "AMBIENT": "evil"])
        let shown = try stage.pending()["operation"]?["input"]?["environment"]
        #expect(shown?["RELEASE"] == "4.2")
        #expect(shown?["AMBIENT"] == nil)
        try stage.approve()
        #expect(try question.end() == 0)
        #expect(try question.out == "4.2, , \(stage.runnerFolder)\n")
        for bad in ["LD_PRELOAD", "PATH", "EXEQUATUR_TOKEN"] {
            let started = try Program.run(
                ["gateway", "command", "--listen", "127.0.0.1:0", "--pass-env", bad],
                environment: ["EXEQUATUR_GATE_TOKEN": try stage.folder.text("gate.token")])
            #expect(started.status == 64, "\(bad)")
        }
    }

    @Test("confused deputy: what the agent cannot read itself is shown to nobody")
    func deputy() throws {
        let stage = try RunnerStage()
        try stage.start(variables: ["TF_VAR_db": "hunter2hunter2"])
        let access = stage.runnerFolder + "/access"
        let bound = try stage.ask(["true"], options: ["--bind", access])
        #expect(try bound.end() == 77)
        let absent = try stage.ask(["true"], options: ["--bind", stage.runnerFolder + "/none"])
        #expect(try absent.end() == 77)
        // Neither says which of the two there is.
        #expect(try bound.err.replacing("access", with: "none") == absent.err)
        let question = try stage.ask(["sh", access], options: ["--wait", "0s"])
        #expect(try question.end() == 75)
        let action = try stage.pending()
        #expect(!action.description.contains("correct horse"))
        #expect(!action.description.contains("hunter2"))
        let script = action["operation"]?["input"]?["script"]
        #expect(script?["digest"]?.stringValue?.hasPrefix("hmac-sha256:") == true, "\(action)")
        #expect(script?["text"] == nil)
        #expect(
            action["operation"]?["input"]?["environment"]?["TF_VAR_db"]?["keyedDigest"] != nil)
    }

    @Test("folder: commands run where the runner allows it, and links do not lead out")
    func folder() throws {
        let stage = try RunnerStage()
        try stage.start()
        symlink("/tmp", stage.agentFolder + "/out")
        for place in ["/", "relative", stage.agentFolder + "/..", stage.agentFolder + "/out"] {
            let question = try stage.ask(["touch", "made"], options: ["--directory", place])
            #expect(try question.end() == 77, "\(place)")
            #expect(try question.err.contains("does not work in"), "\(place)")
        }
        mkdir(stage.agentFolder + "/in", 0o777)
        let question = try stage.ask(
            ["pwd"], options: ["--directory", stage.agentFolder + "/in", "--wait", "20s"])
        #expect(try question.end() == 0)
        let place = try #require(realpath(stage.agentFolder + "/in", nil))
        defer { free(place) }
        #expect(try question.out == String(cString: place) + "\n")
    }

    @Test("a command cannot reach the runner's token, as another user not even with its uid")
    func otherUser() throws {
        let stage = try RunnerStage()
        chown(stage.folder.path + "/run", 0, 0)
        try stage.start(root: [
            "--socket", stage.socket, "--allow-user", "\(RunnerStage.agentUser)",
            "--socket-group", "\(RunnerStage.callers)", "--as",
            "\(RunnerStage.runnerUser):\(RunnerStage.runnerUser)", "--directory",
            stage.agentFolder,
        ])
        let pid = try #require(stage.runner?.pid)
        try stage.write(
            "job.sh",
            """
            #!/bin/sh
            id -u; id -G; cat \(stage.runnerFolder)/access
            cat /proc/\(pid)/environ /proc/\(pid)/cmdline > /dev/null
            kill -9 \(pid)
            touch \(stage.folder.path)/gate.token
            """)
        let question = try stage.ask([stage.agentFolder + "/job.sh"])
        try stage.approve()
        #expect(try question.end() == 1)
        #expect(
            try question.out == """
                \(RunnerStage.runnerUser)
                \(RunnerStage.runnerUser)
                \(RunnerStage.secret)

                """)
        #expect(try question.err.contains("environ: Permission denied"))
        #expect(try question.err.contains("not permitted"))
        #expect(stage.runner?.isRunning == true)
        // Files are looked at as that user too, not as root.
        try stage.folder.write("root-only", "for root").withCString { _ = chmod($0, 0o600) }
        let hidden = try stage.ask(["sh", stage.folder.path + "/root-only"])
        #expect(try hidden.end() == 77)
        // It takes its folder for links to scripts away with it.
        stage.runner?.kill(SIGTERM)
        try stage.runner?.wait(seconds: 30)
        #expect(stage.runner?.status == 0)
    }
}
