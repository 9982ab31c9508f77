// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@testable import ExequaturClient
@testable import Gates

@Suite struct CommandExecutorTests {
    @Test(arguments: [0, 1, 7, 77, 255])
    func exitCodeIsTheChilds(code: Int32) throws {
        let place = try CommandFixture()
        let outcome = try place.run(try place.freeze(["sh", "-c", "exit \(code)"]))
        #expect(outcome == .exited(code))
        #expect(outcome.exitCode == code)
    }

    @Test func deathBySignalIsTold() throws {
        let place = try CommandFixture()
        let outcome = try place.run(try place.freeze(["sh", "-c", "kill -9 $$"]))
        #expect(outcome == .signalled(9))
        #expect(outcome.exitCode == 137)
    }

    @Test func noSignalIsBlockedOrIgnoredInTheChild() throws {
        let place = try CommandFixture()
        let frozen = try place.freeze([
            "sh", "-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status > out",
        ])
        #expect(try place.run(frozen) == .exited(0))
        let masks = place.read("out")?.split(separator: "\n").compactMap {
            $0.split(separator: "\t").last
        }
        #expect(masks?.first == "0000000000000000")
        // SIGPIPE (bit 12), which network libraries ignore, has its default again.
        let ignored = masks?.last.flatMap { UInt64($0, radix: 16) } ?? .max
        #expect(ignored & (1 << 12) == 0)
    }

    @Test func signalsToTheGateReachTheChild() async throws {
        let place = try CommandFixture()
        let frozen = try place.freeze(
            [
                "sh", "-c",
                "trap 'echo heard > heard; exit 9' USR2; : > ready; while :; do sleep 0.05; done",
            ])
        guard case .ready(let command) = CommandBinding.recheck(frozen) else {
            Issue.record("the check should have passed")
            return
        }
        async let outcome = place.executor.execute(command, actionID: "act_1")
        var tries = 0
        while !place.exists("ready"), tries < 200 {
            try await Task.sleep(for: .milliseconds(20))
            tries += 1
        }
        kill(getpid(), SIGUSR2)
        #expect(try await outcome == .exited(9))
        #expect(place.read("heard") == "heard\n")
    }

    @Test func argumentsArriveUnchanged() throws {
        let place = try CommandFixture()
        let words = ["a b", "", "*", "$HOME", "\u{FC}\u{1F600}", "-x", "--", "'\"\\\n"]
        let frozen = try place.freeze(
            ["sh", "-c", "for w; do printf '%s\\0' \"$w\"; done > out", "sh"] + words)
        #expect(try place.run(frozen) == .exited(0))
        #expect(place.read("out") == words.map { $0 + "\0" }.joined())
    }

    @Test func firstWordIsTheFrozenOne() throws {
        let place = try CommandFixture()
        let link = place.directory + "/other-name"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/bin/sh")
        let frozen = try place.freeze(["./other-name", "-c", "echo $0 > out"])
        #expect(try place.run(frozen) == .exited(0))
        #expect(place.read("out") == "./other-name\n")
    }

    @Test func binarySeesItsRealPath() throws {
        let place = try CommandFixture()
        let frozen = try place.freeze(
            ["sh", "-c", "readlink /proc/$$/exe > out; read line < out"])
        #expect(try place.run(frozen) == .exited(0))
        let path = SystemPath.canonical("/bin/sh")
        #expect(place.read("out") == path.map { $0 + "\n" })
    }

    @Test func scriptGoesByItsNameAndReadsASealedCopy() throws {
        let place = try CommandFixture()
        let script = """
            #!/bin/bash
            echo "${0##*/}" > name
            [ "${BASH_SOURCE[0]}" = "$0" ] && echo main > main
            echo "$@" > words
            echo evil 2>/dev/null >> "$0" || echo sealed > sealed
            """
        try place.write("deploy.sh", script)
        #expect(try place.run(try place.freeze(["./deploy.sh", "a", "b"])) == .exited(0))
        #expect(place.read("name") == "deploy.sh\n")
        #expect(place.read("main") == "main\n")
        #expect(place.read("words") == "a b\n")
        #expect(place.read("sealed") == "sealed\n")
        let left = try FileManager.default.contentsOfDirectory(atPath: place.state)
        #expect(left.isEmpty, "links to scripts are removed")
    }

    @Test(arguments: [
        ("x.sh", "#!/bin/sh\necho ok > out\n", []),
        ("x.sh", "echo ok > out\n", ["sh"]),
        ("x.sh", "#!/usr/bin/env bash\necho ok > out\n", []),
        ("x.py", "open('out','w').write('ok\\n')\n", ["/usr/bin/python3"]),
        ("x.pl", "open(F,'>out');print F \"ok\\n\";\n", ["/usr/bin/perl"]),
        ("x.js", "require('fs').writeFileSync('out','ok\\n')\n", ["/usr/bin/node"]),
        ("x.mjs", "import fs from 'fs';fs.writeFileSync('out','ok\\n')\n", ["/usr/bin/node"]),
    ])
    func interpretersRunTheCopy(name: String, text: String, prefix: [String]) throws {
        if let program = prefix.first, program.hasPrefix("/"),
            !FileManager.default.fileExists(atPath: program)
        {
            print("skipped: \(program) is not installed")
            return
        }
        let place = try CommandFixture()
        try place.write(name, text)
        let frozen = try place.freeze(prefix + [prefix.isEmpty ? "./" + name : name])
        #expect(try place.run(frozen) == .exited(0))
        #expect(place.read("out") == "ok\n")
    }

    /// A shim (pyenv, rbenv, asdf): a script that goes by its own name, run by a script.
    @Test func shimThatIsItselfAnInterpreterWorks() throws {
        let place = try CommandFixture()
        try place.write("bin/tool", "#!/bin/sh\necho \"${0##*/} $1\" > out\nexec sh \"$1\"\n")
        try place.write("x", "#!/usr/bin/env tool\necho ran > ran\n")
        let frozen = try place.freeze(
            ["./x"], environment: ["PATH": place.directory + "/bin:/usr/bin:/bin"])
        #expect(frozen.input["interpreter"]?["interpreter"]?["kind"] == "elf")
        #expect(try place.run(frozen) == .exited(0))
        #expect(place.read("out")?.hasPrefix("tool /") == true)
        #expect(place.read("ran") == "ran\n")
    }

    @Test func scriptOfTheSystemKeepsItsPath() throws {
        let place = try CommandFixture()
        let candidates = ["/usr/bin/which.debianutils", "/usr/bin/ldd", "/usr/bin/zcat"]
        guard let script = candidates.first(where: SystemPath.isExecutable) else {
            print("skipped: no script of the system found")
            return
        }
        let frozen = try place.freeze([script])
        guard case .ready(let command) = CommandBinding.recheck(frozen) else {
            Issue.record("the check should have passed")
            return
        }
        let found = try #require(command.snapshot.launch.scripts.first)
        #expect(SystemScript.isOutOfReach(found))
        let mine = try place.write("mine.sh", "#!/bin/sh\n")
        let other = try CommandLaunch(
            arguments: [mine], directory: "/", path: "/usr/bin:/bin", limits: .default)
        #expect(!SystemScript.isOutOfReach(try #require(other.scripts.first)))
    }

    @Test func nothingElseIsInherited() throws {
        let place = try CommandFixture()
        let path = try place.write("open.txt", "x", mode: 0o644)
        let file = try #require(FileHandle(forReadingAtPath: path))
        let inherited = fcntl(file.fileDescriptor, F_SETFD, 0)
        #expect(inherited == 0)
        let frozen = try place.freeze(["/bin/ls", "-l", "/proc/self/fd"])
        // Its output goes to the test's; what counts is what a child could list.
        #expect(try place.run(frozen) == .exited(0))
        let listing = try place.freeze(["sh", "-c", "ls /proc/$$/fd > out"])
        #expect(try place.run(listing) == .exited(0))
        let numbers = place.read("out")?.split(separator: "\n").compactMap { Int($0) } ?? []
        #expect(Set(numbers).isSubset(of: [0, 1, 2, 10, 255]), "\(numbers)")
        try file.close()
    }

    @Test func workingDirectoryIsTheOneThatWasChecked() throws {
        let place = try CommandFixture()
        let work = place.directory + "/work"
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: false)
        let frozen = try place.freeze(["sh", "-c", "echo here > out"], in: work)
        guard case .ready(let command) = CommandBinding.recheck(frozen) else {
            Issue.record("the check should have passed")
            return
        }
        try FileManager.default.moveItem(atPath: work, toPath: work + ".moved")
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: false)
        #expect(try place.executor.execute(command, actionID: "act_1") == .exited(0))
        #expect(place.read("work.moved/out") == "here\n")
        #expect(!place.exists("work/out"))
    }

    @Test func inputIsReadOnlyAndAtItsStart() throws {
        let place = try CommandFixture()
        let text = String(repeating: "line\n", count: 20_000)
        let frozen = try place.freeze(
            ["sh", "-c", "cat > out; echo x 2>/dev/null >&0 || echo refused > refused"],
            input: .bytes(Array(text.utf8)))
        #expect(try place.run(frozen) == .exited(0))
        #expect(place.read("out") == text)
        #expect(place.read("refused") == "refused\n")
    }
}
