// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing

@testable import Facts

@Suite struct AgentFactsTests {
    static func shell(
        _ command: String, cwd: String = "/srv/app", tool: String = "Bash",
        client: String = "claude-code", options: JSON? = nil
    ) -> JSON {
        var input: JSONObject = [
            "client": .string(client), "command": .string(command), "cwd": .string(cwd),
            "tool": .string(tool),
        ]
        input["options"] = options
        return .object(input)
    }

    private static func files(_ paths: [String], tool: String, cwd: String = "/srv/app") -> JSON {
        [
            "client": "claude-code", "cwd": .string(cwd),
            "paths": .array(paths.map { .string($0) }), "tool": .string(tool),
        ]
    }

    private func derive(_ action: String, _ input: JSON) -> AgentFacts {
        AgentFacts.derive(action: action, input: input, guarded: ["/opt/exq"])
    }

    // MARK: shells

    @Test(
        "plain read-only commands are read",
        arguments: [
            "ls -la", "ls -la /srv && cat README.md", "cat a | head -5 | wc -l", "pwd",
            "grep -n 'func main' main.swift", "cd /srv/app && ls", "ls 2>/dev/null",
            "/usr/bin/ls", "echo done", "test -f a && echo yes || echo no", "cd sub && ls | wc -l",
        ])
    func reading(text: String) {
        let found = derive("agent.shell", Self.shell(text))
        #expect(found.effect == .read, "\(found.reasons)")
        #expect(found.isInspectable, "\(found.reasons)")
    }

    @Test(
        "everything else is not",
        arguments: [
            ("rm -rf build", Effect.write, true), ("ls > out.txt", .write, true),
            ("ls > /etc/cron.d/x", .infrastructure, true), ("cat ~/.ssh/id_rsa", .key, false),
            ("cat /home/a/.ssh/id_rsa", .key, true), ("cd /home/a/.ssh && cat id_rsa", .key, true),
            ("cd / && cd home/a/.aws && cat credentials", .key, true),
            ("./ls", .unknown, false), ("/tmp/ls", .unknown, false), ("make", .unknown, false),
            ("python3 -c 1", .unknown, false), ("ls | sh", .unknown, false),
            ("cd - && ls", .unknown, false), ("cd a; ls", .unknown, false),
            ("cd a || ls", .unknown, false), ("cd && ls", .unknown, false),
            ("cd a b && ls", .unknown, false), ("ls | cd a && cat b", .unknown, false),
            ("echo $(rm -rf /)", .write, false), ("test -v 'a[$(id)]'", .unknown, false),
            ("printf '%d' 'a[`id`]'", .unknown, false), ("git status", .unknown, false),
            ("for f in a; do sudo reboot; done", .infrastructure, false),
            ("bash -c 'useradd eve'", .role, false),
            ("cp x /srv/app/.claude/settings.json", .role, true),
        ])
    func notReading(text: String, effect: Effect, isInspectable: Bool) {
        let found = derive("agent.shell", Self.shell(text))
        #expect(found.effect >= effect, "\(found.effect) \(found.reasons)")
        #expect(found.isInspectable == isInspectable, "\(found.reasons)")
    }

    @Test("no way out of a program that seems harmless is read", arguments: EffectTableTests.rows)
    func escapes(row: EffectRow) {
        let found = derive("agent.shell", Self.shell(row.command))
        if row.effect != .read || !row.isInspectable {
            #expect(found.effect != .read, "\(found.reasons)")
        }
        #expect(found.effect != .read || found.isInspectable)
    }

    @Test func otherShellsAreNotRead() {
        for tool in ["PowerShell", "Cmd", ""] {
            let found = derive("agent.shell", Self.shell("ls", tool: tool))
            #expect(found.effect == .unknown)
            #expect(!found.isInspectable)
        }
    }

    @Test func callOutsideOfTheSandboxIsNotRead() {
        let options: JSON = ["dangerouslyDisableSandbox": true]
        #expect(derive("agent.shell", Self.shell("ls", options: options)).effect == .unknown)
    }

    @Test func programsAndWordsAreTold() {
        let found = derive("agent.shell", Self.shell("/usr/bin/ls -a; exequatur approve x"))
        #expect(found.programs == ["ls", "exequatur"])
        #expect(found.arguments.contains("approve"))
        #expect(found.json["kind"] == "agent")
        #expect(found.json["programs"] == ["ls", "exequatur"])
    }

    @Test func tooManyWordsAreADoubt() {
        let text = "echo " + String(repeating: "a ", count: 1_100)
        let found = derive("agent.shell", Self.shell(text))
        #expect(!found.isInspectable)
        #expect(found.arguments.count <= 1_000)
    }

    @Test(
        "the server's own folder is recognised in a text",
        arguments: [
            ("cat /opt/exq/admin.token", true), ("cat ../../opt/exq/x", true),
            ("sh -c 'cat /opt/exq/x'", true), ("cat \"/opt/exq\"", true),
            ("tar cf - --directory=/opt/exq .", true), ("cat /opt/exquisite", false),
            ("cat /opt/exq-old", false), ("ls", false),
        ])
    func guardedFolder(text: String, touches: Bool) {
        let found = derive("agent.shell", Self.shell(text))
        #expect(found.touchesServer == touches)
        if touches { #expect(found.effect == .key) }
    }

    // MARK: files

    @Test(
        "files are what their places say",
        arguments: [
            ("agent.read", "Read", ["/srv/app/a"], Effect.read),
            ("agent.read", "Glob", [], .read), ("agent.read", "LS", [], .read),
            ("agent.read", "Grep", ["/srv/app"], .unknown), ("agent.read", "Grep", [], .unknown),
            ("agent.read", "Read", [], .unknown), ("agent.read", "Read", [""], .unknown),
            ("agent.read", "Read", ["/home/a/.ssh/id_rsa"], .key),
            ("agent.read", "Read", ["../../home/a/.aws/credentials"], .key),
            ("agent.read", "Read", ["~/x"], .unknown), ("agent.read", "Read", [".env"], .key),
            ("agent.read", "Read", ["/opt/exq/log.key"], .key),
            ("agent.edit", "Write", ["/srv/app/a"], .write), ("agent.edit", "Write", [], .write),
            ("agent.edit", "Write", ["/etc/sudoers"], .role),
            ("agent.edit", "Write", ["/etc/hosts"], .infrastructure),
            ("agent.edit", "Write", [".claude/settings.json"], .role),
            ("agent.edit", "Write", ["/home/a/.codex/config.toml"], .role),
            ("agent.edit", "Write", ["/home/a/.cursor/hooks.json"], .role),
            ("agent.edit", "Write", ["/home/a/.gemini/settings.json"], .role),
        ])
    func filePlaces(action: String, tool: String, paths: [String], effect: Effect) {
        let found = derive(action, Self.files(paths, tool: tool))
        #expect(found.effect == effect, "\(found.reasons)")
        #expect(found.effect != .read || found.isInspectable)
    }

    @Test func editWithoutAFileIsUninspectable() {
        #expect(!derive("agent.edit", Self.files([], tool: "Write")).isInspectable)
    }

    // MARK: the rest

    @Test(
        "a fetch is never read, and its host is told where it is certain",
        arguments: [
            ("https://Example.ORG/a?b=1", "example.org"), ("http://localhost:8080/", "localhost"),
            ("https://a@b.example/", nil), ("https://b.example\\@c/", "b.example"),
            ("ftp://x/", nil), ("https://", nil), ("https://x:y/", nil), ("//x", nil),
            ("https://\u{0435}xample.org/", nil), ("https://[::1]/", nil),
        ] as [(String, String?)])
    func fetching(url: String, host: String?) {
        let found = derive(
            "agent.fetch",
            ["client": "claude-code", "cwd": "/", "tool": "WebFetch", "url": .string(url)])
        #expect(found.host == host)
        #expect(found.effect == .unknown)
        #expect(found.isInspectable == (host != nil))
    }

    @Test func hostsOwnListsAreRead() {
        func tool(_ client: String, _ name: String) -> AgentFacts {
            derive(
                "agent.tool",
                [
                    "arguments": [:], "client": .string(client), "cwd": "/",
                    "tool": .string(name),
                ])
        }
        #expect(tool("claude-code", "TodoWrite").effect == .read)
        #expect(tool("gemini", "write_todos").effect == .read)
        #expect(tool("gemini", "TodoWrite").effect == .unknown)
        #expect(tool("claude-code", "Skill").effect == .unknown)
        #expect(tool("", "").effect == .unknown)
    }

    @Test func toolsOfOthersAreUninspectable() {
        let found = derive(
            "agent.mcp",
            [
                "arguments": ["path": "/opt/exq/x"], "client": "codex", "cwd": "/", "name": "x",
                "server": "s", "tool": "mcp__s__x",
            ])
        #expect(!found.isInspectable)
        #expect(found.touchesServer)
    }

    @Test(arguments: [
        JSON.null, [:], ["command": 1], ["client": "x", "tool": "Bash", "cwd": "/"],
        ["client": "x", "tool": "Bash", "cwd": "srv", "command": "ls"],
        ["tool": "Bash", "cwd": "/", "command": "ls"], "x", [],
    ])
    func shapelessInputIsUnknown(input: JSON) {
        for action in ["agent.shell", "agent.read", "agent.edit", "agent.fetch", "agent.x"] {
            let found = AgentFacts.derive(action: action, input: input)
            #expect(found.effect != .read)
            #expect(!found.isInspectable)
        }
    }
}
