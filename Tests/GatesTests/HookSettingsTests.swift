// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@testable import Gates

@Suite struct HookSettingsTests {
    private func command(_ host: HookHost, options: [String] = []) -> HookCommand {
        HookCommand(
            program: "/usr/local/bin/exequatur", host: host, deadlineSeconds: 50, options: options)
    }

    private func install(
        _ host: HookHost, _ text: String, outcomes: Bool = true, options: [String] = []
    ) throws -> String {
        let bytes = try HookSettings(host: host, bytes: Array(text.utf8)).installing(
            command(host, options: options), timeoutSeconds: 120, outcomes: outcomes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func arming(_ host: HookHost, _ text: String) throws -> HookArming {
        try HookSettings(host: host, bytes: Array(text.utf8)).arming()
    }

    @Test("an empty file gets hooks that are armed", arguments: HookHost.allCases)
    func fresh(host: HookHost) throws {
        for text in ["", " \n", "{}", "{ }\n", "{\n}\n"] {
            let made = try install(host, text)
            let json = try JSON(parsing: made)
            #expect(json["hooks"]?[host.beforeEvent]?.arrayValue?.count == 1)
            for event in host.afterEvents {
                #expect(json["hooks"]?[event]?.arrayValue?.count == 1)
            }
            let found = try arming(host, made)
            #expect(found.faults.isEmpty)
            #expect(found.command == command(host).before)
            #expect(found.timeout == .seconds(120))
        }
        #expect(try JSON(parsing: install(.cursor, ""))["version"] == 1)
        let made = try JSON(parsing: install(.cursor, "", outcomes: false))
        #expect(made["hooks"]?.objectValue?.count == 1)
        #expect(made["hooks"]?["preToolUse"]?[0]?["failClosed"] == true)
        let gemini = try JSON(parsing: install(.gemini, ""))
        #expect(gemini["hooks"]?["BeforeTool"]?[0]?["hooks"]?[0]?["timeout"] == 120_000)
    }

    @Test("installing twice changes nothing", arguments: HookHost.allCases)
    func idempotent(host: HookHost) throws {
        for text in ["", Self.existing(host)] {
            let once = try install(host, text)
            #expect(try install(host, once) == once)
        }
    }

    @Test("another deadline replaces the hook", arguments: HookHost.allCases)
    func replacing(host: HookHost) throws {
        let once = try install(host, Self.existing(host))
        let moved = try install(host, once, options: ["--url", "http://10.0.0.1:8420"])
        #expect(moved != once)
        #expect(try arming(host, moved).command?.contains("--url http://10.0.0.1:8420") == true)
        let count = try JSON(parsing: moved)["hooks"]?[host.beforeEvent]?.arrayValue?.count
        #expect(count == 2)
        #expect(try install(host, moved) == once)
    }

    /// Settings with hooks, keys and a layout of their own.
    private static func existing(_ host: HookHost) -> String {
        let entry =
            host == .cursor
            ? #"{ "command": "./mine.sh" }"#
            : #"{ "matcher": "Bash", "hooks": [{"type":"command","command":"./mine.sh"}] }"#
        return """
            {
                "model" : "x", "odd":[1, 2,{"a":"}]\\" "}],
                "version": 1,
                "hooks": {
                    "Stop": [ ],
                    "\(host.beforeEvent)": [
                        \(entry)
                    ]
                },   "last": null}

            """
    }

    @Test("everything else stays byte for byte", arguments: HookHost.allCases)
    func preserving(host: HookHost) throws {
        let old = Self.existing(host)
        let new = try install(host, old)
        // Taking our entries out again, line by line, must give the old file.
        var rest = Array(new.utf8)[...]
        for byte in old.utf8 {
            guard let found = rest.firstIndex(of: byte) else {
                Issue.record("a byte of the old file is gone")
                return
            }
            rest = rest[(found + 1)...]
        }
        #expect(new.hasPrefix("{\n    \"model\" : \"x\", \"odd\":[1, 2,{\"a\":\"}]\\\" \"}],\n"))
        #expect(new.hasSuffix("},   \"last\": null}\n"))
        let before = try JSON(parsing: old)
        let after = try JSON(parsing: new)
        for key in ["model", "odd", "version", "last"] { #expect(after[key] == before[key]) }
        let list = try #require(after["hooks"]?[host.beforeEvent]?.arrayValue)
        #expect(list.count == 2)
        #expect(list[0] == before["hooks"]?[host.beforeEvent]?[0])
        #expect(after["hooks"]?["Stop"] == [])
        #expect(new.contains("\n            {\n"), "indented like its neighbour: \(new)")
    }

    @Test func oneLineFilesStayReadable() throws {
        let new = try install(.codex, #"{"hooks":{"PreToolUse":[{"hooks":[]}]},"a":1}"#)
        let json = try JSON(parsing: new)
        #expect(json["a"] == 1)
        #expect(json["hooks"]?["PreToolUse"]?.arrayValue?.count == 2)
        #expect(try install(.codex, new) == new)
    }

    @Test(
        "files that are not understood are left alone",
        arguments: [
            "{", "[]", "x", "{} {}", "{\"a\":1,}", "// x\n{}", "{\"hooks\":[]}", "{\"hooks\":null}",
            "{\"hooks\":{\"PreToolUse\":{}}}", "{\"hooks\":{\"PreToolUse\":[1]}}",
            "{\"hooks\":{},\"hooks\":{}}", "{\"a\":1,\"a\":2}",
        ])
    func malformed(text: String) {
        for host in [HookHost.claudeCode, .codex] {
            #expect(throws: HookSettingsError.self) { try install(host, text) }
        }
    }

    @Test func otherCursorVersionIsLeftAlone() {
        #expect(throws: HookSettingsError.self) { try install(.cursor, #"{"version":2}"#) }
    }

    @Test func mixedAndSeveralGroupsAreLeftToTheUser() throws {
        let once = try JSON(parsing: install(.codex, "", outcomes: false))
        let entry = try #require(once["hooks"]?["PreToolUse"]?[0])
        let several: JSON = ["hooks": ["PreToolUse": [entry, entry]]]
        let other: JSON = ["command": "./x", "type": "command"]
        let both = JSON.array([try #require(entry["hooks"]?[0]), other])
        let mixed: JSON = ["hooks": ["PreToolUse": [["hooks": both]]]]
        for json in [several, mixed] {
            let text = try json.canonicalString()
            #expect(throws: HookSettingsError.self) { try install(.codex, text) }
        }
    }

    @Test func timeoutMustBeLonger() throws {
        let settings = try HookSettings(host: .codex, bytes: [])
        #expect(throws: HookSettingsError.self) {
            try settings.installing(command(.codex), timeoutSeconds: 50, outcomes: true)
        }
    }

    @Test("the examples are what is installed", arguments: HookHost.allCases)
    func examples(host: HookHost) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appendingPathComponent("examples/hooks/\(host.rawValue).json")
        let text = try String(contentsOf: file, encoding: .utf8)
        let token = "/home/coder/.config/exequatur/coder.token"
        #expect(try install(host, "", options: ["--token-file", token]) == text)
    }

    // MARK: what disarms it

    @Test("what disarms the hook is told")
    func faults() throws {
        let good = try install(.claudeCode, "")
        let cases: [(String, String, String)] = [
            ("\"timeout\": 120", "\"timeout\": 53", "must wait longer"),
            ("--deadline 50s", "--deadline 5m", "must wait longer"),
            ("--deadline 50s", "--deadline=300s", "must wait longer"),
            ("--deadline 50s", "--deadline soon", "not understood"),
            ("\"matcher\": \"*\"", "\"matcher\": \"Bash\"", "matcher"),
            ("\"type\": \"command\"", "\"type\": \"prompt\"", "type"),
            ("\"type\": \"command\"", "\"type\": \"command\", \"if\": \"Bash(x)\"", "`if`"),
            ("\"type\": \"command\"", "\"type\": \"command\", \"async\": true", "async"),
            ("\"hooks\": {", "\"disableAllHooks\": true, \"hooks\": {", "disableAllHooks"),
            ("PreToolUse", "PreToolUze", "has no hook of Exequatur"),
            ("hook claude-code --deadline", "hook codex --deadline", "has no hook"),
        ]
        for (piece, other, fault) in cases {
            var text = good.replacingOnce(piece, with: other)
            if fault == "has no hook" {
                text = text.replacing("hook claude-code", with: "hook codex")
            }
            let found = try arming(.claudeCode, text)
            #expect(found.faults.contains { $0.contains(fault) }, "\(fault): \(found.faults)")
        }
        let cursor = try install(.cursor, "")
        let open = cursor.replacingOnce("\"failClosed\": true", with: "\"failClosed\": false")
        #expect(try arming(.cursor, open).faults.contains { $0.contains("failClosed") })
        let late = try install(.gemini, "").replacingOnce("120000", with: "120")
        #expect(try arming(.gemini, late).faults.contains { $0.contains("must wait longer") })
        let named = try install(.gemini, "").replacingOnce(
            "{", with: "{\"hooksConfig\": {\"disabled\": [\"exequatur\"]},")
        #expect(try arming(.gemini, named).faults.contains { $0.contains("disabled") })
        #expect(try !arming(.gemini, "{}").faults.isEmpty)
        #expect(try !arming(.gemini, "").faults.isEmpty)
    }

    // MARK: the command

    @Test func commandsOfOursAreRecognised() {
        for host in HookHost.allCases {
            #expect(HookCommand.isOurs(command(host).before, host: host))
            #expect(HookCommand.isOurs(command(host).after, host: host))
            for other in HookHost.allCases where other != host {
                #expect(!HookCommand.isOurs(command(host).after, host: other))
            }
        }
        #expect(HookCommand.isOurs("exequatur hook codex", host: .codex))
        #expect(!HookCommand.isOurs("", host: .codex))
        #expect(!HookCommand.isOurs("hook codex", host: .codex))
        #expect(!HookCommand.isOurs("other hook codex", host: .codex))
        #expect(!HookCommand.isOurs("exequatur run -- x", host: .codex))
    }

    @Test func wordsAreQuoted() {
        #expect(HookCommand.quoted("/usr/bin/x") == "/usr/bin/x")
        #expect(HookCommand.quoted("") == "''")
        #expect(HookCommand.quoted("a b") == "'a b'")
        #expect(HookCommand.quoted("a'b$c") == "'a'\\''b$c'")
        let odd = HookCommand(
            program: "/home/o'neil/my bin/exequatur", host: .codex, deadlineSeconds: 5,
            options: [])
        #expect(odd.after == "'/home/o'\\''neil/my bin/exequatur' hook codex --deadline 5s")
    }
}
