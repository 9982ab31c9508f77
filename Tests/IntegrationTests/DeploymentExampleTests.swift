// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// The example for GitHub Actions, with a stand-in for GitHub's issuer and runner.
@Suite("The deployment that waits", .enabled(if: Program.hasPython))
struct DeploymentExampleTests {
    /// The `run: |` blocks of the example's workflow, in order.
    private static func steps() throws -> [String] {
        let text = try String(
            contentsOfFile: LocalIssuer.example + "/deploy.yml", encoding: .utf8)
        var steps: [String] = []
        var indent: Int?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let spaces = line.prefix { $0 == " " }.count
            if let depth = indent, spaces >= depth, !line.isEmpty {
                steps[steps.count - 1] += line.dropFirst(depth) + "\n"
            } else if line.hasSuffix("run: |") {
                steps.append("")
                indent = spaces + 2
            } else {
                indent = nil
            }
        }
        return steps
    }

    /// Runs a step as a runner does: `bash -e`, in the checked-out repository.
    private static func start(
        _ step: String, _ desk: Desk, _ issuer: LocalIssuer, out: String
    ) throws -> RunningProgram {
        var environment = issuer.environment
        environment.merge([
            "EXEQUATUR_URL": desk.server.url, "HOME": desk.path, "RUNNER_TEMP": desk.path,
            "PATH": desk.path + "/bin:/usr/bin:/bin",
            "GITHUB_SHA": "0b7a3c1d2e4f5061728394a5b6c7d8e9f0a1b2c3",
        ]) { $1 }
        return try Program.start(
            ["-e", "-c", "cd '\(desk.path)'\n\(step)"], environment: environment,
            out: desk.path + "/\(out).out", err: desk.path + "/\(out).err",
            executable: "/bin/bash")
    }

    private static func pending(_ server: RunningServer, _ token: String) throws -> JSON {
        let deadline = Clock.now() + 30
        while Clock.now() < deadline {
            if let action = try server.json(["list", "--state", "pending"], token: token)[0] {
                return action
            }
            usleep(50_000)
        }
        throw HarnessError("nothing became pending")
    }

    @Test("the steps of deploy.yml: the token is exchanged, the deployment waits, then runs")
    func workflow() throws {
        let steps = try Self.steps()
        #expect(steps.count == 2)
        let issuer = try LocalIssuer()
        let server = try RunningServer(options: ["--allow-loopback-issuers"])
        let cast = try Cast(server)
        let desk = try Desk(server)
        // The workflow uses the server's address as audience.
        _ = try server.json(
            [
                "agent", "trust", "deploy-bot", "--issuer", issuer.url, "--audience", server.url,
                "--claim", "repository_id=74", "--claim", "environment=production",
            ], token: cast.admin)
        let script = "#!/bin/sh\nset -eu\necho \"deployed $1\" > \"$HOME/deployed\"\n"
        let path = try #require(try desk.folder?.write("deploy.sh", script))
        chmod(path, 0o755)

        let exchange = try Self.start(steps[0], desk, issuer, out: "exchange")
        try exchange.wait(seconds: 60)
        let saidAtExchange = try desk.folder?.text("exchange.err") ?? ""
        #expect(exchange.status == 0, "\(saidAtExchange)")

        let deploy = try Self.start(steps[1], desk, issuer, out: "deploy")
        let action = try Self.pending(server, cast.bob)
        #expect(try desk.folder?.text("deployed") == "")
        let id = try #require(action["id"]?.stringValue)
        let digest = try #require(action["digest"]?.stringValue)
        // The reviewer sees which run it is, in the words of the issuer.
        let shown = try server.cli(["show", id], token: cast.bob).out
        #expect(shown.contains("run 4711"), "\(shown)")
        #expect(shown.contains("actor: \"octocat\""), "\(shown)")
        // The agent's owner can't approve it, the reviewer can.
        let own = try server.cli(
            ["approve", id, "--expect", String(digest.prefix(16))], token: cast.alice)
        #expect(own.status == 77)
        let approved = try server.cli(
            ["approve", id, "--expect", String(digest.prefix(16))], token: cast.bob)
        #expect(approved.status == 0, "\(approved.err)")
        try deploy.wait(seconds: 60)
        let said = try desk.folder?.text("deploy.err") ?? ""
        #expect(deploy.status == 0, "\(said)")
        #expect(
            try desk.folder?.text("deployed")
                == "deployed 0b7a3c1d2e4f5061728394a5b6c7d8e9f0a1b2c3\n")

        let receipt = try #require(
            try desk.folder?.write(
                "receipt.json", try server.cli(["receipt", id], token: cast.bob).out))
        let verified = try server.cli(
            ["verify", receipt, "--key", desk.path + "/log.vkey"], token: nil)
        #expect(verified.status == 0, "\(verified.out)\(verified.err)")
        try server.stop()
        let check = try Program.run(["fsck", "--data", server.data])
        #expect(check.status == 0, "\(check.out)\(check.err)")
    }

    @Test("a denied deployment does not run")
    func denied() throws {
        let issuer = try LocalIssuer()
        let server = try RunningServer(options: ["--allow-loopback-issuers"])
        let cast = try Cast(server)
        _ = try server.trust(issuer, admin: cast.admin)
        let answer = try server.exchange(try issuer.mint())
        let token = try #require(answer.json?["access_token"]?.stringValue)
        let desk = try Desk(server)
        let deploy = try desk.start(
            "exequatur run --no-stdin -- /usr/bin/touch '\(desk.path)/deployed'", token: token)
        let action = try Self.pending(server, cast.bob)
        let id = try #require(action["id"]?.stringValue)
        let denied = try server.cli(["deny", id, "--reason", "not today"], token: cast.bob)
        #expect(denied.status == 0, "\(denied.err)")
        try deploy.wait(seconds: 60)
        #expect(deploy.status == 77)
        #expect(!FileManager.default.fileExists(atPath: desk.path + "/deployed"))
    }

    @Test("let a deployment wait: every command of the guide")
    func guide() throws {
        let guide = try Guide("docs/how-to/let-a-deployment-wait.md")
        #expect(guide.commands.count == 4)
        let server = try RunningServer()
        let desk = try Desk(server)
        let admin = try server.adminToken
        _ = try server.json(["person", "add", "alice"], token: admin)
        for script in guide.scripts where script.hasPrefix("exequatur ") {
            var line = script
            if line.contains("t5f1c…") {
                let trusts = try server.json(["agent", "trust", "list"], token: admin)
                line = line.replacing("t5f1c…", with: trusts[0]?["id"]?.stringValue ?? "?")
            }
            let result = try desk.run(line, token: admin)
            #expect(result.status == 0, "\(line): \(result.err)")
        }
        #expect(try server.json(["agent", "trust", "list"], token: admin) == [])
    }
}
