// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@Suite("Hooks in settings")
struct HookInstallTests {
    private static let files = [
        "claude-code": ".claude/settings.json", "codex": ".codex/hooks.json",
        "cursor": ".cursor/hooks.json", "gemini": ".gemini/settings.json",
    ]

    @Test("What is installed proves itself armed, and what is broken does not")
    func selfTest() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        for host in HookHarness.hosts {
            let hook = try HookHarness(host, url: server.url, token: cast.agent)
            let none = try hook.run("", ["selftest"])
            #expect(none.status == 1)
            let installed = try hook.run("", ["install", "--json"])
            #expect(installed.status == 0, "\(installed.err)")
            let armed = try hook.run("", ["selftest"])
            #expect(armed.status == 0, "\(host): \(armed.out) \(armed.err)")
            #expect(armed.out.contains("Armed"))
            // Nothing is left for anybody to decide.
            let pending = try server.json(["list", "--state", "pending"], token: cast.bob)
            #expect(pending == [])
            if host == "codex" || host == "gemini" { continue }
            let json = try JSON(parsing: hook.run("", ["selftest", "--json"]).out)
            #expect(json["armed"] == true)
            #expect(json["checks"]?.arrayValue?.count == 4)
            let away = try hook.run(
                "", ["selftest"], adding: ["EXEQUATUR_URL": "http://127.0.0.1:9"])
            #expect(away.status == 1)
            #expect(away.out.contains("was not asked for"))

            let file = try #require(Self.files[host])
            let text = try hook.folder.text(file)
            for (piece, other) in [
                (" hook \(host) --deadline", " hook \(host) --help --deadline"),
                ("\\\"$0\\\" \\\"$@\\\"", "true"),
            ] {
                #expect(text.contains(piece))
                _ = try hook.folder.write(file, text.replacingOccurrences(of: piece, with: other))
                let broken = try hook.run("", ["selftest"])
                #expect(broken.status == 1, "\(host), \(piece): \(broken.out)")
            }
        }
    }

    @Test("Installing keeps what is there, makes a backup, and refuses what it cannot read")
    func install() throws {
        for host in HookHarness.hosts {
            let hook = try HookHarness(host, url: nil, token: nil)
            let file = try #require(Self.files[host])
            let path = hook.folder.path + "/" + file
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true)
            let old = "{\"version\":1,  \"mine\": [1,\n 2]\n}\n"
            _ = try hook.folder.write(file, old)
            chmod(path, 0o640)
            let first = try hook.run("", ["install", "--json"])
            #expect(first.status == 0, "\(first.err)")
            let report = try JSON(parsing: first.out)
            #expect(report["changed"] == true)
            let backup = try #require(report["backup"]?.stringValue)
            #expect(try String(contentsOfFile: backup, encoding: .utf8) == old)
            let text = try hook.folder.text(file)
            #expect(text.hasPrefix("{\"version\":1,  \"mine\": [1,\n 2]"))
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
            #expect(mode as? Int == 0o640)
            let second = try hook.run("", ["install", "--json"])
            #expect(try JSON(parsing: second.out)["changed"] == false)
            #expect(try hook.folder.text(file) == text)

            _ = try hook.folder.write(file, "{ // mine\n}")
            let refused = try hook.run("", ["install"])
            #expect(refused.status == 1)
            #expect(refused.err.contains("strict JSON"))
            #expect(try hook.folder.text(file) == "{ // mine\n}")
        }
    }

    @Test("Options reach the settings, a token never does, and a link stays one")
    func options() throws {
        let hook = try HookHarness("codex", url: nil, token: nil)
        let secret = "exq1_a_" + String(repeating: "0", count: 32) + "_x_secret"
        let token = try hook.folder.write("my token", secret)
        let target = try hook.folder.write("target.json", "{}")
        let link = hook.folder.path + "/link.json"
        #expect(symlink(target, link) == 0)
        let result = try hook.run(
            "",
            [
                "install", "--path", link, "--url", "https://exq.example.org/", "--token-file",
                token, "--deadline", "20s", "--without-outcomes",
            ])
        #expect(result.status == 0, "\(result.err)")
        let text = try hook.folder.text("target.json")
        #expect(text.contains("--deadline 20s --url https://exq.example.org --token-file"))
        #expect(text.contains("'\(token)'"))
        #expect(text.contains("\"timeout\": 90"))
        #expect(!text.contains("PostToolUse"))
        #expect(!text.contains("secret"))
        let kind = try FileManager.default.attributesOfItem(atPath: link)[.type]
        #expect(kind as? FileAttributeType == .typeSymbolicLink)
    }

    @Test("Usage is checked")
    func usage() throws {
        for (words, status) in [
            (["hook"], 64), (["hook", "vim", "install"], 64), (["hook", "codex", "remove"], 2),
            (["hook", "codex", "install", "--defer"], 64),
            (["hook", "codex", "install", "--deadline", "2h"], 64), (["hook", "--help"], 0),
        ] as [([String], Int32)] {
            let result = try Program.run(words)
            #expect(result.status == status, "\(words): \(result.status) \(result.err)")
        }
    }
}
