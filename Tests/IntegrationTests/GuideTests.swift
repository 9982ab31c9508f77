// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// The guides are followed line by line; a command that they show and that does not work is a
/// failure here.
@Suite("Guides")
struct GuideTests {
    @Test("add a reviewer: every command of the guide, by hand of administrator and reviewer")
    func addAReviewer() throws {
        let guide = try Guide("docs/how-to/add-a-reviewer.md")
        #expect(guide.commands.count == 7)
        let server = try RunningServer()
        let desk = try Desk(server)
        let admin = try server.adminToken
        var bob: String?
        var actions: [JSON] = []
        for command in guide.commands {
            var line = command
            if line.contains("act_…") {
                // `show` and `approve` are about one action, `deny` about another.
                let action = try #require(line.contains(" deny ") ? actions.last : actions.first)
                let id = try #require(action["id"]?.stringValue)
                let digest = try #require(action["digest"]?.stringValue)
                line = line.replacing("act_…", with: id)
                    .replacing("5f1c0a…", with: String(digest.prefix(16)))
            }
            let result = try desk.run(line, token: line.contains("--token-file") ? nil : bob)
            #expect(result.status == 0, "\(line): \(result.err)")
            guard line.contains("person add") else { continue }
            #expect((result.out + result.err).contains("/sign-in?token="))
            bob = Desk.token(
                try desk.run("exequatur person rotate bob --json", token: admin))
            _ = try desk.run("exequatur person add alice", token: admin)
            let agent = try #require(
                Desk.token(
                    try desk.run("exequatur agent add bot --owner alice --json", token: admin)))
            for name in ["one", "two"] {
                let answer = try server.connection().request(
                    "POST", "/v1/actions", token: agent, json: Cast.submission(name))
                actions.append(try #require(answer.json))
            }
        }
        func states() throws -> [JSON?] {
            try actions.map {
                try server.json(["show", $0["id"]?.stringValue ?? ""], token: admin)["state"]
            }
        }
        // The last commands take him away, and with him what he approved and nobody has used yet.
        for _ in 0..<100 where try states() != ["invalidated", "denied"] {
            usleep(100_000)
        }
        #expect(try states() == ["invalidated", "denied"])
    }

    @Test("seal the installation: its commands, up to what takes two people at a browser")
    func sealTheInstallation() throws {
        let guide = try Guide("docs/how-to/seal-the-installation.md")
        let server = try RunningServer()
        let desk = try Desk(server)
        let admin = try server.adminToken
        for person in ["alice", "carol"] {
            _ = try desk.run("exequatur person add \(person)", token: admin)
        }
        for command in guide.commands {
            let result = try desk.run(
                command.replacing("DIR", with: server.data), token: admin)
            switch true {
            case command.contains("--recovery-key-file recovery.key --person"):
                #expect(result.status != 0, "the server runs, and there is no key")
            case command.contains("--recovery-key-file"), command.contains("--manifest"):
                #expect(result.status != 0, "nobody has a credential of his own yet")
            default:
                #expect(result.status == 0, "\(command): \(result.err)")
            }
        }
        let status = try desk.run("exequatur seal --status", token: admin)
        #expect(status.out.contains("two administrators need a passkey"))
        let frozen = try desk.run("exequatur freeze list --json", token: admin)
        #expect(frozen.out.contains("Fri 14:00 - Mon 08:00"))
        _ = try desk.run("mkdir p", token: nil)
        _ = try desk.folder?.write(
            "p/a.cedar", "permit (principal, action, resource);\n" + guide.policies)
        let checked = try desk.run("exequatur policy check p", token: admin)
        #expect(checked.status == 0, "\(checked.out)\(checked.err)")
    }

    @Test("gate a command: the command waits, is approved and runs; the policies are good ones")
    func gateACommand() throws {
        let guide = try Guide("docs/how-to/gate-a-command.md")
        #expect(guide.commands.count == 5)
        let server = try RunningServer()
        let desk = try Desk(server)
        let admin = try server.adminToken
        let bob = try #require(
            Desk.token(
                try desk.run(
                    "exequatur person add bob --group reviewers --token --json", token: admin)))
        _ = try desk.folder?.write("app.conf", "limit = 100\n")
        var agent: String?
        for line in guide.commands {
            if line.contains(" run ") {
                let running = try desk.start(line, token: agent)
                try approveFirst(server, as: bob)
                try running.wait(seconds: 60)
                let said = try desk.folder?.text("started.err") ?? ""
                #expect(running.status == 0, "\(said)")
                continue
            }
            if line.contains("policy check") { try writePolicies(guide, desk) }
            let result = try desk.run(line, token: line.contains("--token-file") ? nil : admin)
            #expect(result.status == 0, "\(line): \(result.err)\(result.out)")
            if line.contains("agent add") { agent = Desk.token(result) }
        }
        #expect(try desk.folder?.text("app.conf") == "limit = 200\n")
        let policies = try server.json(["policy", "show"], token: admin)
        #expect(policies.description.contains("production-needs-an-enforcing-gate"))
    }

    /// The starter policies, a production host that agents may reach, and what the guide adds.
    private func writePolicies(_ guide: Guide, _ desk: Desk) throws {
        let copied = try desk.run(
            "cp -r '\(Self.root)/policies/starter' my-policies", token: nil)
        #expect(copied.status == 0, "\(copied.err)")
        #expect(guide.policies.contains("off-hours"))
        _ = try desk.folder?.write("my-policies/90-guide.cedar", guide.policies)
    }

    private func approveFirst(_ server: RunningServer, as reviewer: String) throws {
        let deadline = Clock.now() + 30
        while Clock.now() < deadline {
            let pending = try server.json(["list", "--state", "pending"], token: reviewer)
            if let action = pending[0], let id = action["id"]?.stringValue,
                let digest = action["digest"]?.stringValue
            {
                let approved = try server.cli(
                    ["approve", id, "--expect", String(digest.prefix(16))], token: reviewer)
                #expect(approved.status == 0, "\(approved.err)")
                return
            }
            usleep(50_000)
        }
        Issue.record("nothing became pending")
    }

    @Test("verify a receipt, and check a copy: the commands of both guides")
    func verifyAndBackUp() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let desk = try Desk(server)
        let action = try cast.submit("receipt", server)
        let id = try #require(action["id"]?.stringValue)
        _ = try server.cli(["deny", id, "--reason", "no"], token: cast.bob)
        let guide = try Guide("docs/how-to/verify-a-receipt.md")
        #expect(guide.commands.count == 2)
        for line in guide.commands {
            let result = try desk.run(line.replacing("act_…", with: id), token: cast.bob)
            #expect(result.status == 0, "\(line): \(result.err)\(result.out)")
        }
        let backUp = try Guide("docs/how-to/back-up.md")
        #expect(backUp.commands == ["exequatur fsck --data exequatur"])
        try server.stop()
        for line in ["cp -rL exequatur-data exequatur"] + backUp.commands {
            let result = try desk.run(line, token: nil)
            #expect(result.status == 0, "\(line): \(result.err)\(result.out)")
        }
    }

    @Test("write your first policy: from an empty folder to a published, tested set")
    func writeYourFirstPolicy() throws {
        let guide = try Guide("docs/how-to/write-your-first-policy.md")
        #expect(guide.commands.count == 7)
        let server = try RunningServer()
        let cast = try Cast(server)
        _ = try cast.submit("touched", server)
        let desk = try Desk(server)
        for script in guide.scripts {
            let result = try desk.run(script, token: try server.adminToken)
            #expect(result.status == 0, "\(script): \(result.err)\(result.out)")
            if script.contains("policy test") { #expect(result.out == "2 passed, 0 failed\n") }
            if script.contains("policy explain") {
                #expect(result.out.hasPrefix("verdict: review: 1 of reviewers"), "\(result.out)")
            }
            if script.contains("policy diff") {
                // The draft permits no commands, so the action that was held would be denied.
                #expect(result.out.contains("review (1 of reviewers) → deny"), "\(result.out)")
            }
        }
        let policies = try server.json(["policy", "show"], token: try server.adminToken)
        #expect(policies.description.contains("exports.ceiling"))
    }

    @Test("policies: the commands of the reference page")
    func policiesPage() throws {
        let guide = try Guide("docs/policies.md")
        #expect(guide.commands.count == 2)
        let desk = try Desk(try RunningServer())
        for script in guide.scripts where script.contains("exequatur ") {
            let result = try desk.run(script, token: nil)
            #expect(result.status == 0, "\(script): \(result.err)\(result.out)")
            #expect(result.out == "1 policy, no problems\n")
        }
    }

    @Test("sign in: the configuration is one that the server takes, the commands work")
    func signIn() throws {
        let guide = try Guide("docs/how-to/sign-in.md")
        #expect(guide.commands.count == 4)
        let text = try String(
            contentsOfFile: Self.root + "/docs/how-to/sign-in.md", encoding: .utf8)
        let json = try #require(
            text.components(separatedBy: "```json\n").last?.components(separatedBy: "```").first)
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.path + "/secrets", withIntermediateDirectories: true)
        _ = try folder.write("secrets/corp-client", "a secret\n")
        let file = try folder.write("exequatur.json", json)
        let desk = try Desk(try RunningServer(options: ["--config", file]))
        let admin = try desk.server.adminToken
        let added = try desk.run("exequatur person add carol", token: admin)
        #expect(added.status == 0, "\(added.err)")
        for line in guide.commands {
            let result = try desk.run(line, token: admin)
            #expect(result.status == 0, "\(line): \(result.err)")
            if line.contains(" show ") { #expect(result.out.contains("subject 8f14e45f")) }
        }
    }

    @Test("the README's commands to set a server up")
    func readme() throws {
        let commands = try Guide("README.md").commands
        #expect(commands.count == 4)
        let server = try RunningServer()
        let desk = try Desk(server)
        // The first starts a server, which this test has.
        #expect(commands.first == "exequatur serve")
        for line in commands.dropFirst() {
            let result = try desk.run(line, token: try server.adminToken)
            #expect(result.status == 0, "\(line): \(result.err)")
        }
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
}
