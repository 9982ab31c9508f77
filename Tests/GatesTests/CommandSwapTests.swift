// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@testable import ExequaturClient
@testable import Gates

/// What was approved is exchanged between approval and execution: each way is refused by name.
@Suite struct CommandSwapTests {
    @Test func swapOfPathIsRefused() throws {
        let place = try CommandFixture()
        try place.write("b/tool", "#!/bin/sh\necho good > out\n")
        try FileManager.default.createDirectory(
            atPath: place.directory + "/a", withIntermediateDirectories: true)
        let path = "\(place.directory)/a:\(place.directory)/b:/usr/bin:/bin"
        let frozen = try place.freeze(["tool"], environment: ["PATH": path])
        try place.write("a/tool", "#!/bin/sh\necho evil > out\n")
        #expect(place.mismatches(frozen).contains(.executable))
        #expect(!place.exists("out"))
    }

    @Test func swapOfExecutableIsRefused() throws {
        let place = try CommandFixture()
        try FileManager.default.copyItem(atPath: "/bin/true", toPath: place.directory + "/tool")
        let frozen = try place.freeze(["./tool"])
        try FileManager.default.removeItem(atPath: place.directory + "/tool")
        try FileManager.default.copyItem(atPath: "/bin/false", toPath: place.directory + "/tool")
        #expect(place.mismatches(frozen) == [.executable])
    }

    @Test func swapOfShebangScriptIsRefused() throws {
        let place = try CommandFixture()
        let script = try place.write("deploy.sh", "#!/bin/sh\necho good > out\n")
        let frozen = try place.freeze([script])
        try place.write("deploy.sh", "#!/bin/sh\necho evil > out\n")
        #expect(place.mismatches(frozen) == [.executable, .script])
        #expect(!place.exists("out"))
    }

    @Test func swapOfShebangInterpreterIsRefused() throws {
        let place = try CommandFixture()
        try FileManager.default.copyItem(atPath: "/bin/dash", toPath: place.directory + "/shell")
        let script = try place.write("deploy.sh", "#!\(place.directory)/shell\necho good\n")
        let frozen = try place.freeze([script])
        try FileManager.default.removeItem(atPath: place.directory + "/shell")
        try FileManager.default.copyItem(atPath: "/bin/true", toPath: place.directory + "/shell")
        #expect(place.mismatches(frozen) == [.interpreter])
    }

    @Test func swapOfScriptOperandIsRefused() throws {
        let place = try CommandFixture()
        try place.write("x.sh", "echo good > out\n", mode: 0o644)
        let frozen = try place.freeze(["sh", "x.sh"])
        try place.write("x.sh", "echo evil > out\n", mode: 0o644)
        #expect(place.mismatches(frozen) == [.script])
    }

    @Test func swapAfterTheCheckRunsWhatWasHashed() throws {
        let place = try CommandFixture()
        let script = try place.write("deploy.sh", "#!/bin/sh\necho good > out\n")
        let frozen = try place.freeze([script])
        guard case .ready(let command) = CommandBinding.recheck(frozen) else {
            Issue.record("the check should have passed")
            return
        }
        // In place and by exchange: the sealed copy is made from what was hashed.
        try place.write("deploy.sh", "#!/bin/sh\necho evil > out\n")
        #expect(try place.executor.execute(command, actionID: "act_1") == .exited(0))
        #expect(place.read("out") == "good\n")
    }

    /// Somebody exchanges the script all the time, by name and in place: whatever runs is what
    /// was frozen, whatever the moment.
    @Test func racingSwapNeverRunsAnythingElse() async throws {
        let place = try CommandFixture()
        let good = "#!/bin/sh\necho good >> out\n"
        let evil = "#!/bin/sh\necho evil >> out\n"
        try place.write("x.sh", good)
        let frozen = try place.freeze(["./x.sh"])
        async let swapper: Void = {
            for round in 0..<400 {
                try place.write("x.sh", round % 2 == 0 ? evil : good)
                try place.write("y.sh", round % 2 == 0 ? good : evil)
                rename(place.directory + "/y.sh", place.directory + "/x.sh")
                await Task.yield()
            }
        }()
        var ran = 0
        for _ in 0..<100 {
            guard case .ready(let command) = CommandBinding.recheck(frozen) else { continue }
            if (try? place.executor.execute(command, actionID: "act_1")) != nil { ran += 1 }
        }
        try await swapper
        let lines = place.read("out")?.split(separator: "\n") ?? []
        #expect(lines.count == ran)
        #expect(lines.allSatisfy { $0 == "good" })
    }

    @Test func swapOfBinaryAfterTheCheckNeverRuns() throws {
        let place = try CommandFixture()
        let tool = place.directory + "/tool"
        try FileManager.default.copyItem(atPath: "/bin/true", toPath: tool)
        let frozen = try place.freeze(["./tool"])
        guard case .ready(let command) = CommandBinding.recheck(frozen) else {
            Issue.record("the check should have passed")
            return
        }
        // Exchanged by name: the descriptor still has the hashed file.
        try FileManager.default.moveItem(atPath: tool, toPath: tool + ".old")
        try FileManager.default.copyItem(atPath: "/bin/false", toPath: tool)
        #expect(throws: CommandStartError.self) {
            // Renaming moved the change time of the hashed file, which is doubt enough.
            try place.executor.execute(command, actionID: "act_1")
        }
    }

    @Test func binaryWrittenInPlaceAfterTheCheckNeverRuns() throws {
        let place = try CommandFixture()
        let tool = place.directory + "/tool"
        try FileManager.default.copyItem(atPath: "/bin/true", toPath: tool)
        let frozen = try place.freeze(["./tool"])
        guard case .ready(let command) = CommandBinding.recheck(frozen) else {
            Issue.record("the check should have passed")
            return
        }
        let file = try #require(FileHandle(forUpdatingAtPath: tool))
        try file.seekToEnd()
        try file.write(contentsOf: Data([0]))
        try file.close()
        #expect(throws: CommandStartError.self) {
            try place.executor.execute(command, actionID: "act_1")
        }
    }

    @Test func swapOfSymbolicLinkIsRefused() throws {
        let place = try CommandFixture()
        let good = try place.write("good.sh", "#!/bin/sh\necho good > out\n")
        let evil = try place.write("evil.sh", "#!/bin/sh\necho evil > out\n")
        let link = place.directory + "/tool"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: good)
        let frozen = try place.freeze(["./tool"])
        try FileManager.default.removeItem(atPath: link)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: evil)
        #expect(place.mismatches(frozen) == [.executable, .script])
    }

    @Test func swapOfWorkingDirectoryIsRefused() throws {
        let place = try CommandFixture()
        let work = place.directory + "/work"
        try FileManager.default.createDirectory(
            atPath: work, withIntermediateDirectories: false)
        let frozen = try place.freeze(["true"], in: work)
        try FileManager.default.moveItem(atPath: work, toPath: work + ".old")
        try FileManager.default.createDirectory(
            atPath: work, withIntermediateDirectories: false)
        #expect(place.mismatches(frozen) == [.directory])
        try FileManager.default.removeItem(atPath: work)
        try FileManager.default.createSymbolicLink(atPath: work, withDestinationPath: work + ".old")
        #expect(place.mismatches(frozen).contains(.directory))
    }

    @Test func swapOfBoundFileIsRefused() throws {
        let place = try CommandFixture()
        try place.write("plan.txt", "good", mode: 0o644)
        let frozen = try place.freeze(["true"], bindings: ["plan.txt"])
        #expect(frozen.input["bindings"]?[0]?["text"] == "good")
        try place.write("plan.txt", "evil", mode: 0o644)
        #expect(place.mismatches(frozen) == [.binding])
        try FileManager.default.removeItem(atPath: place.directory + "/plan.txt")
        #expect(place.mismatches(frozen) == [.binding])
    }

    @Test func changedOperandIsReportedButNotRefused() throws {
        let place = try CommandFixture()
        try place.write("app.log", "1", mode: 0o644)
        let frozen = try place.freeze(["cat", "app.log"])
        try place.write("app.log", "2", mode: 0o644)
        guard case .ready(let command) = CommandBinding.recheck(frozen) else {
            Issue.record("a changed operand was refused")
            return
        }
        #expect(command.reports.map(\.kind) == [.operand])
    }

    @Test func preloadVariableIsDroppedAndListed() throws {
        let place = try CommandFixture()
        let environment = ["LD_PRELOAD": "/tmp/evil.so", "LD_LIBRARY_PATH": "/tmp"]
        let frozen = try place.freeze(
            ["sh", "-c", "env > out"], variables: ["LD_PRELOAD"], environment: environment)
        #expect(frozen.input["environment"]?["LD_PRELOAD"] == nil)
        #expect(frozen.input["environmentDropped"] == ["LD_LIBRARY_PATH", "LD_PRELOAD"])
        #expect(try place.run(frozen) == .exited(0))
        #expect(place.read("out")?.contains("LD_") == false)
    }

    @Test func shellStartupVariableIsDroppedAndListed() throws {
        let place = try CommandFixture()
        let startup = try place.write("startup", "echo evil > evil\n")
        let frozen = try place.freeze(
            ["bash", "-c", "echo good > out"],
            environment: ["BASH_ENV": startup, "ENV": startup, "PYTHONSTARTUP": startup])
        #expect(frozen.input["environmentDropped"] == ["BASH_ENV", "ENV", "PYTHONSTARTUP"])
        #expect(try place.run(frozen) == .exited(0))
        #expect(place.read("out") == "good\n")
        #expect(!place.exists("evil"))
    }

    @Test func swapOfStandardInputChangesNothing() throws {
        let place = try CommandFixture()
        let path = try place.write("in.txt", "good\n", mode: 0o644)
        let file = try #require(FileHandle(forReadingAtPath: path))
        let input = try StandardInput.read(descriptor: file.fileDescriptor)
        let frozen = try place.freeze(["sh", "-c", "cat > out"], input: input)
        #expect(frozen.input["stdin"]?["text"] == "good\n")
        try place.write("in.txt", "evil\n", mode: 0o644)
        #expect(try place.run(frozen) == .exited(0))
        #expect(place.read("out") == "good\n")
    }

    @Test func swapOfRepositoryConfigurationIsRefused() throws {
        let place = try CommandFixture()
        try place.write(".git/config", "[core]\n\tbare = false\n", mode: 0o644)
        let frozen = try place.freeze(["git", "status"])
        try place.write(".git/config", "[core]\n\tfsmonitor = evil\n", mode: 0o644)
        #expect(place.mismatches(frozen) == [.configuration])
    }
}
