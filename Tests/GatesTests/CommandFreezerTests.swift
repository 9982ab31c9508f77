// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@testable import ExequaturClient
@testable import Gates

@Suite struct CommandFreezerTests {
    @Test func sameCommandHasSameDigest() throws {
        let place = try CommandFixture()
        try place.write("a.txt", "a", mode: 0o644)
        let environment = ["PGPASSWORD": "secret", "LC_ALL": "C", "EXEQUATUR_TOKEN": "x"]
        let one = try place.freeze(["cat", "a.txt"], environment: environment)
        let two = try place.freeze(["cat", "a.txt"], environment: environment)
        #expect(one.operation.digest == two.operation.digest)
        #expect(one.operation.bytes == two.operation.bytes)
    }

    @Test func everythingThatMattersChangesTheDigest() throws {
        let place = try CommandFixture()
        try place.write("a.txt", "a", mode: 0o644)
        try place.write("sub/x", "", mode: 0o644)
        let base = try place.freeze(["cat", "a.txt"]).operation.digest
        let others = [
            try place.freeze(["cat", "a.txt", "-"]),
            try place.freeze(["/bin/cat", "a.txt"]),
            try place.freeze(["cat", "a.txt"], bindings: ["a.txt"]),
            try place.freeze(["cat", "a.txt"], environment: ["LC_ALL": "C"]),
            try place.freeze(["cat", "a.txt"], environment: ["LD_PRELOAD": "x"]),
            try place.freeze(["cat", "a.txt"], environment: ["PGPASSWORD": "x"]),
            try place.freeze(["cat", "a.txt"], environment: ["PGPASSWORD": "y"]),
            try place.freeze(["cat", "a.txt"], input: .bytes([1])),
            try place.freeze(["cat", "../a.txt"], in: place.directory + "/sub"),
        ].map(\.operation.digest)
        #expect(Set(others + [base]).count == others.count + 1)
    }

    @Test func inputHasTheAgreedMembers() throws {
        let place = try CommandFixture()
        let frozen = try place.freeze(["sh", "-c", "true"], environment: ["PGPASSWORD": "hunter2"])
        let input = frozen.input
        #expect(frozen.operation.json["action"] == "command.run")
        #expect(frozen.operation.json["resource"] == ["id": "test", "type": "Host"])
        #expect(input["argv"] == ["sh", "-c", "true"])
        #expect(input["cwd"]?.stringValue == place.directory)
        #expect(input["executable"]?["kind"] == "elf")
        #expect(input["executable"]?["digest"]?.stringValue?.hasPrefix("sha256:") == true)
        #expect(input["stdin"] == ["kind": "null"])
        #expect(input["environment"]?["PAGER"] == "cat")
        let secret = input["environment"]?["PGPASSWORD"]?["keyedDigest"]?.stringValue
        #expect(secret?.hasPrefix("hmac-sha256:") == true)
        let text = try #require(String(validating: frozen.operation.bytes, as: UTF8.self))
        #expect(!text.contains("hunter2"))
    }

    @Test func secretReachesTheChildThoughNotTheRecord() throws {
        let place = try CommandFixture()
        let frozen = try place.freeze(
            ["sh", "-c", "echo $PGPASSWORD > out"], environment: ["PGPASSWORD": "hunter2"])
        #expect(try place.run(frozen) == .exited(0))
        #expect(place.read("out") == "hunter2\n")
    }

    @Test func tokensNeverReachTheChild() throws {
        let place = try CommandFixture()
        let token = "exq1_a_0123456789abcdef0123456789abcdef_c_" + String(repeating: "s", count: 43)
        let frozen = try place.freeze(
            ["sh", "-c", "env > out"], variables: ["EXEQUATUR_TOKEN", "OTHER"],
            environment: [
                "EXEQUATUR_TOKEN": token, "EXEQUATUR_GATE_TOKEN": token, "OTHER": token,
                "AWS_REGION": token, "PGPASSWORD": token,
            ])
        #expect(try place.run(frozen) == .exited(0))
        let environment = try #require(place.read("out"))
        #expect(!environment.contains("exq1_"))
        #expect(environment.contains("EXEQUATUR_ACTION_ID=act_test"))
        let names = environment.split(separator: "\n").compactMap { $0.split(separator: "=").first }
        #expect(names.filter { $0.hasPrefix("EXEQUATUR") } == ["EXEQUATUR_ACTION_ID"])
    }

    @Test func tokenInTheCommandIsRefused() throws {
        let place = try CommandFixture()
        #expect(throws: FreezeError.containsToken(what: "word 1 of the command")) {
            try place.freeze(["echo", "x exq1_a_0123456789abcdef0123456789abcdef_c_s y"])
        }
        // Looking for tokens is not having one.
        _ = try place.freeze(["grep", "exq1_a_", "a.txt"])
    }

    @Test(arguments: ["nosuchprogram", "./nosuchprogram", "/nosuchprogram"])
    func missingProgramIsNamed(name: String) throws {
        let place = try CommandFixture()
        #expect(throws: FreezeError.notFound(name)) { try place.freeze([name]) }
    }

    @Test func fileWithoutInterpreterIsRefused() throws {
        let place = try CommandFixture()
        try place.write("x", "echo no first line\n")
        #expect(throws: FreezeError.self) { try place.freeze(["./x"]) }
        try place.write("y", "#!/bin/sh\n", mode: 0o644)
        #expect(throws: FreezeError.self) { try place.freeze(["./y"]) }
        #expect(throws: FreezeError.noCommand) { try place.freeze([]) }
        #expect(throws: FreezeError.self) { try place.freeze(["true"], bindings: ["missing"]) }
    }

    @Test func relativePathEntriesAreTakenOut() throws {
        let place = try CommandFixture()
        try place.write("ls", "#!/bin/sh\necho evil\n")
        let frozen = try place.freeze(["ls"], environment: ["PATH": ".::/usr/bin"])
        #expect(frozen.input["environment"]?["PATH"] == "/usr/bin")
        #expect(frozen.input["executable"]?["path"]?.stringValue?.hasPrefix("/usr/bin") == true)
    }

    @Test func scriptIsShownWithItsText() throws {
        let place = try CommandFixture()
        try place.write("x.sh", "#!/usr/bin/env -S bash -e\necho good\n")
        let frozen = try place.freeze(["./x.sh"])
        #expect(frozen.input["executable"]?["kind"] == "script")
        #expect(frozen.input["script"]?["text"] == "#!/usr/bin/env -S bash -e\necho good\n")
        #expect(frozen.input["interpreter"]?["path"]?.stringValue?.hasSuffix("/bash") == true)
        let operand = try place.freeze(["bash", "x.sh"])
        #expect(operand.input["script"]?["path"]?.stringValue == place.directory + "/x.sh")
        #expect(operand.input["interpreter"]?["kind"] == "elf")
    }

    @Test func longTextIsBoundButNotShown() throws {
        let place = try CommandFixture()
        try place.write("big", String(repeating: "x", count: 65_537), mode: 0o644)
        try place.write("nul", "a\0b", mode: 0o644)
        let frozen = try place.freeze(["true"], bindings: ["big", "nul"])
        for index in 0..<2 {
            #expect(frozen.input["bindings"]?[index]?["digest"] != nil)
            #expect(frozen.input["bindings"]?[index]?["text"] == nil)
        }
    }

    @Test func operandsAreFoundWhereverTheyStand() throws {
        let place = try CommandFixture()
        for name in ["a", "b", "c"] { try place.write(name, name, mode: 0o644) }
        try FileManager.default.createSymbolicLink(
            atPath: place.directory + "/link", withDestinationPath: "a")
        let frozen = try place.freeze(["echo", "link", "--file=b", "@c", "a", "nothing"])
        let paths = frozen.input["operands"]?.arrayValue?.compactMap { $0["path"]?.stringValue }
        #expect(paths == ["a", "b", "c"].map { place.directory + "/" + $0 })
    }

    @Test func inputThatIsNotTextIsShownAsBase64() throws {
        let place = try CommandFixture()
        let frozen = try place.freeze(["true"], input: .bytes([0xFF, 0x00]))
        #expect(frozen.input["stdin"]?["base64"] == "/wA=")
        #expect(frozen.input["stdin"]?["size"] == 2)
    }

    @Test(
        arguments: [
            (["sh", "x.sh"], 1), (["bash", "-e", "-o", "pipefail", "x.sh", "a"], 4),
            (["sh", "-c", "x"], nil), (["bash", "-ec", "x"], nil),
            (["python3.11", "-u", "x.py"], 2),
            (["python3", "-m", "x"], nil), (["python3", "-W", "ignore", "x.py"], 3),
            (["perl", "-w", "x.pl"], 2), (["perl", "-e", "1", "x"], nil), (["node", "x.js"], 1),
            (["node", "-r", "a", "x.js"], 3), (["sh", "--", "x.sh"], 2), (["ls", "x.sh"], nil),
            (["sh"], nil), (["php", "-d", "a=b", "x.php"], 3),
        ] as [([String], Int?)])
    func scriptOperandIsFound(arguments: [String], index: Int?) {
        #expect(ScriptOperand.index(in: arguments) == index)
    }
}

@Suite struct StandardInputTests {
    private func pipe(_ text: String?, close shouldClose: Bool = true) throws -> Pipe {
        let pipe = Pipe()
        if let text { try pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }
        if shouldClose { try pipe.fileHandleForWriting.close() }
        return pipe
    }

    @Test func pipeIsReadToItsEnd() throws {
        let pipe = try pipe("abc")
        let input = try StandardInput.read(descriptor: pipe.fileHandleForReading.fileDescriptor)
        #expect(input == .bytes(Array("abc".utf8)))
    }

    @Test func emptyPipeIsNull() throws {
        let pipe = try pipe(nil)
        let input = try StandardInput.read(descriptor: pipe.fileHandleForReading.fileDescriptor)
        #expect(input == .null)
    }

    @Test func nullDeviceIsNull() throws {
        let file = try #require(FileHandle(forReadingAtPath: "/dev/null"))
        #expect(try StandardInput.read(descriptor: file.fileDescriptor) == .null)
    }

    @Test func tooLongInputIsRefused() throws {
        let pipe = try pipe("abcd")
        #expect(throws: FreezeError.tooLarge(what: "standard input", limit: 3)) {
            try StandardInput.read(descriptor: pipe.fileHandleForReading.fileDescriptor, limit: 3)
        }
    }

    @Test func pipeThatNobodyWritesToIsNull() throws {
        let pipe = try pipe(nil, close: false)
        var isTold = false
        let input = try StandardInput.read(
            descriptor: pipe.fileHandleForReading.fileDescriptor, grace: .milliseconds(50)
        ) { isTold = true }
        #expect(input == .null)
        #expect(isTold)
        try pipe.fileHandleForWriting.close()
    }

    @Test func pipeThatFallsSilentHalfwayIsRefused() throws {
        let pipe = try pipe("half", close: false)
        #expect(throws: FreezeError.self) {
            try StandardInput.read(
                descriptor: pipe.fileHandleForReading.fileDescriptor,
                grace: .milliseconds(50), patience: .milliseconds(50))
        }
        try pipe.fileHandleForWriting.close()
    }

    @Test func slowProducerIsWaitedFor() throws {
        let pipe = Pipe()
        let producer = Process()
        producer.executableURL = URL(fileURLWithPath: "/bin/sh")
        producer.arguments = ["-c", "sleep 0.5; echo late"]
        producer.standardOutput = pipe
        try producer.run()
        try? pipe.fileHandleForWriting.close()
        let input = try StandardInput.read(
            descriptor: pipe.fileHandleForReading.fileDescriptor, grace: .milliseconds(50),
            patience: .milliseconds(50))
        #expect(input == .bytes(Array("late\n".utf8)))
        producer.waitUntilExit()
    }
}
