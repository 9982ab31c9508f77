// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Collectors
import DriftCore
import Foundation
import TestSupport
import Testing

@Suite("Programs as sources")
struct ExecCollectorTests {
    private let folder: Folder
    private let python = "/usr/bin/python3"

    init() throws { folder = try Folder() }

    /// Settings for a script of Python, both of them pinned.
    private func settings(
        _ script: String, arguments: [String] = [], _ more: JSONObject = [:]
    ) throws -> JSONObject {
        let file = try folder.write("look.py", script)
        var settings: JSONObject = [
            "argv": .array(([python, "-I", file] + arguments).map(JSON.string)),
            "sha256": .object(
                JSONObject([
                    (python, try Watching.digest(python)), (file, try Watching.digest(file)),
                ])),
            "timeout": 20,
        ]
        for (name, value) in more { settings[name] = value }
        return settings
    }

    private func collector(
        _ script: String, arguments: [String] = [], _ more: JSONObject = [:]
    ) throws -> any SourceCollector {
        try Watching.collector(.exec, settings(script, arguments: arguments, more))
    }

    @Test("what a program writes becomes subjects, whatever their order")
    func subjects() async throws {
        let one = try await Watching.snapshot(
            collector(#"print('{"subjects":{"b":{"y":1,"x":2},"a":[1.0]}}')"#))
        #expect(one.subjects == ["exec:a", "exec:b"])
        #expect(try one.document("exec:b") == ["x": 2, "y": 1])
        let other = try await Watching.snapshot(
            collector(#"print('{"subjects":{"a":[1],"b":{"x":2,"y":1}}}')"#))
        #expect(one == other)
    }

    @Test("arguments arrive as they are, the environment is empty but for what is stated")
    func surroundings() async throws {
        let script = """
            import json, os, sys
            print(json.dumps({"subjects": {"self": {
                "arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd(),
                "input": sys.stdin.read(),
                "privileges": open("/proc/self/status").read().count("NoNewPrivs:\\t0"),
                "session": os.getsid(0) == os.getpid(),
                "open": sorted(int(n) for n in os.listdir("/proc/self/fd") if int(n) > 2)}}}))
            """
        setenv("COLLECTOR_HANDED_ON", "yes", 1)
        setenv("COLLECTOR_KEPT", "no", 1)
        let found = try await Watching.snapshot(
            collector(
                script, arguments: ["$HOME; *", "é"],
                ["environment": ["COLLECTOR_HANDED_ON": nil, "LANG": "C.UTF-8", "NOBODY_SET": nil]])
        ).document("exec:self")
        #expect(found["arguments"] == ["$HOME; *", "é"])
        var environment = try #require(found["environment"]?.objectValue)
        // Python itself says what it made of the locale.
        environment["LC_CTYPE"] = nil
        #expect(environment == ["COLLECTOR_HANDED_ON": "yes", "LANG": "C.UTF-8"])
        #expect(found["folder"] == "/")
        #expect(found["input"] == "")
        #expect(found["session"] == true)
        #expect(found["privileges"] == 0)
        // Its own script, and the folder that it reads right now.
        #expect(try #require(found["open"]?.arrayValue).count <= 3)
    }

    @Test("a script that was changed by one byte is refused, and nothing of it runs")
    func editedScript() async throws {
        let script = "open('\(folder.path)/ran', 'w')\nprint('{\"subjects\":{}}')\n"
        let collector = try collector(script)
        _ = try await Watching.snapshot(collector)
        #expect(folder.has("ran"))
        try FileManager.default.removeItem(atPath: "\(folder.path)/ran")
        try folder.write("look.py", script + " ")
        let gap = try await Watching.failure(collector)
        #expect(gap.cause == .collectorChanged)
        #expect(gap.detail.contains("look.py"))
        #expect(!folder.has("ran"))
        try folder.write("look.py", script)
        _ = try await Watching.snapshot(collector)
    }

    @Test("a program that was changed by one byte is refused, one of the same size too")
    func editedProgram() async throws {
        let program = "\(folder.path)/echo"
        try FileManager.default.copyItem(atPath: "/bin/echo", toPath: program)
        let settings: JSONObject = [
            "argv": [.string(program), #"{"subjects":{"a":1}}"#],
            "sha256": .object(JSONObject([(program, try Watching.digest(program))])),
        ]
        let collector = try Watching.collector(.exec, settings)
        #expect(try await Watching.snapshot(collector).subjects == ["exec:a"])
        var bytes = try Corpora.bytes(at: program)
        bytes[bytes.count - 1] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: program))
        #expect(try await Watching.failure(collector).cause == .collectorChanged)
        try FileManager.default.removeItem(atPath: program)
        #expect(try await Watching.failure(collector).cause == .unreachable)
    }

    @Test("a script can't be the program itself, since its interpreter would not be pinned")
    func bareScript() async throws {
        let file = try folder.write("look", "#!/bin/sh\necho '{}'\n", mode: 0o755)
        let gap = try await Watching.failure(
            Watching.collector(
                .exec,
                [
                    "argv": [.string(file)],
                    "sha256": .object(JSONObject([(file, try Watching.digest(file))])),
                ]))
        #expect(gap.cause == .malformed)
        #expect(gap.detail.contains("interpreter"))
    }

    @Test("a program that hangs is ended with its children")
    func hanging() async throws {
        let script = """
            import os, subprocess, sys, time
            child = subprocess.Popen(["/bin/sleep", "600"])
            open(sys.argv[1] + "/children", "w").write(f"{os.getpid()} {child.pid}")
            print('{"subjects":{}}', flush=True)
            time.sleep(600)
            """
        let gap = try await Watching.failure(
            collector(script, arguments: [folder.path], ["timeout": 2]))
        #expect(gap.cause == .unreachable)
        #expect(gap.detail.contains("2 seconds"))
        let children = folder.text("children").split(separator: " ").compactMap { pid_t($0) }
        #expect(children.count == 2)
        for child in children { #expect(await hasEnded(child)) }
    }

    /// Whether a process is gone, or will be in a moment.
    private func hasEnded(_ child: pid_t) async -> Bool {
        for _ in 0..<100 {
            let state = (try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)) ?? ""
            let isZombie = state.contains(") Z ")
            if kill(child, 0) != 0 || isZombie { return true }
            usleep(20_000)
        }
        return false
    }

    @Test("what a program leaves behind is ended, and does not hold the observation up")
    func leftBehind() async throws {
        let script = """
            import os, subprocess, sys
            child = subprocess.Popen(["/bin/sleep", "600"])
            open(sys.argv[1] + "/children", "w").write(f"{child.pid}")
            print('{"subjects":{"a":1}}', flush=True)
            os._exit(0)
            """
        let found = try await Watching.snapshot(collector(script, arguments: [folder.path]))
        #expect(found.subjects == ["exec:a"])
        let child = try #require(pid_t(folder.text("children")))
        #expect(await hasEnded(child))
    }

    @Test("a program that ignores its time can be cancelled with the task")
    func cancelled() async throws {
        let script = """
            import os, sys, time
            open(sys.argv[1] + "/children", "w").write(f"{os.getpid()}")
            time.sleep(600)
            """
        let collector = try collector(script, arguments: [folder.path], ["timeout": 600])
        try await withThrowingTaskGroup(of: Observation.self) { group in
            group.addTask { try await Watching.observe(collector) }
            while folder.text("children").isEmpty { try await Task.sleep(for: .milliseconds(20)) }
            group.cancelAll()
            #expect(try await group.next()?.status == .failed)
        }
        let child = try #require(pid_t(folder.text("children")))
        #expect(await hasEnded(child))
    }

    @Test("more output than allowed fails, and the program is ended")
    func flood() async throws {
        let gap = try await Watching.failure(
            collector(
                "while True: print('x' * 4096)", ["outputBytes": 100_000, "timeout": 60]))
        #expect(gap.cause == .tooLarge)
    }

    @Test("an exit code fails; the last line of standard error is told, escaped")
    func exitCode() async throws {
        let script = #"""
            import sys
            print('{"subjects":{}}')
            sys.stderr.write("first\nlast \x1b[31m`red` \u202e\n\n")
            sys.exit(3)
            """#
        let gap = try await Watching.failure(
            collector(script, ["environment": ["PYTHONIOENCODING": "utf-8"]]))
        #expect(gap.cause == .unreachable)
        #expect(gap.detail.contains("code 3"))
        #expect(gap.detail.contains(#"last \u{1b}[31m\u{60}red\u{60}"#))
        #expect(!gap.detail.contains("first"))
        #expect(!gap.detail.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
    }

    @Test(
        "output of another shape is refused",
        arguments: [
            "", "[]", "{}", #"{"subjects":[]}"#, #"{"subjects":{},"more":1}"#,
            #"{"subjects":{"a":1,"a":2}}"#, #"{"subjects":{}} x"#, #"{"subjects":{"a":NaN}}"#,
            #"{"subjects":{},"gaps":[{"subject":"a"}]}"#,
            #"{"subjects":{"a":1},"gaps":[{"subject":"a","detail":"x"}]}"#,
        ])
    func malformed(_ output: String) async throws {
        let file = try folder.write("out.json", output)
        let gap = try await Watching.failure(
            collector("import sys; sys.stdout.write(open('\(file)').read())"))
        #expect(gap.cause == .malformed)
    }

    @Test("a program can say what it could not see")
    func gaps() async throws {
        let output = #"{"subjects":{"a":1},"gaps":[{"subject":"b","detail":"no permission\n"}]}"#
        let file = try folder.write("out.json", output)
        let observation = try await Watching.observe(
            collector("import sys; sys.stdout.write(open('\(file)').read())"))
        #expect(observation.status == .partial)
        #expect(observation.snapshot?.subjects == ["exec:a"])
        #expect(
            observation.gaps == [
                CoverageGap(
                    subject: "exec:b", cause: .unreadable, detail: #"no permission\u{a}"#)
            ])
    }

    @Test("a document that can't be compared is a gap of its subject, not of the others")
    func oneDocument() async throws {
        let output = #"{"subjects":{"a":1,"b":{"$number":"1"},"c":12345678901234567890}}"#
        let file = try folder.write("out.json", output)
        let observation = try await Watching.observe(
            collector("import sys; sys.stdout.write(open('\(file)').read())"))
        #expect(observation.snapshot?.subjects == ["exec:a", "exec:c"])
        #expect(observation.gaps.map(\.subject) == ["exec:b"])
        #expect(
            try observation.snapshot?.document("exec:c") == ["$number": "12345678901234567890"])
    }

    @Test("settings that would undo the pin are refused")
    func settings() throws {
        let digest = JSON.string(String(repeating: "0", count: 64))
        let wrong: [JSONObject] = [
            ["argv": ["echo"], "sha256": ["/bin/echo": digest]],
            ["argv": ["/bin/echo"]], ["argv": [], "sha256": [:]],
            ["argv": ["/bin/echo"], "sha256": ["/bin/cat": digest]],
            ["argv": ["/bin/echo"], "sha256": ["/bin/echo": "00"]],
            [
                "argv": ["/bin/sh", "-c", "/bin/echo"],
                "sha256": ["/bin/sh": digest, "/bin/cat": digest],
            ],
            ["argv": ["/bin/echo"], "sha256": ["/bin/echo": digest], "shell": true],
            ["argv": ["/bin/echo"], "sha256": ["/bin/echo": digest], "timeout": 0],
            ["argv": ["/bin/echo\u{0}"], "sha256": ["/bin/echo\u{0}": digest]],
            [
                "argv": ["/bin/echo"], "sha256": ["/bin/echo": digest],
                "environment": ["LD_PRELOAD": "/x.so"],
            ],
            [
                "argv": ["/bin/echo"], "sha256": ["/bin/echo": digest],
                "environment": ["EXEQUATUR_TOKEN": nil],
            ],
        ]
        for object in wrong {
            #expect(throws: (any Error).self, "\(JSON.object(object))") {
                try Watching.collector(.exec, object)
            }
        }
    }
}
