// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Facts
import Foundation
import Testing

@testable import ExequaturClient
@testable import Gates

/// What the gate freezes is what the server's analyser reads.
@Suite struct FrozenFactsTests {
    private func effect(
        _ place: CommandFixture, _ arguments: [String], in directory: String? = nil,
        environment: [String: String] = [:]
    ) throws -> Effect {
        var variables = environment
        // The account's own home, without which programs with settings are never readers.
        if variables["HOME"] == nil { variables["HOME"] = CommandAccount.current().home }
        let frozen = try place.freeze(arguments, environment: variables, in: directory)
        return CommandFacts.derive(from: frozen.input).effect
    }

    @Test(arguments: [
        ["ls", "-la"], ["cat", "a.txt"], ["echo", "hi"], ["grep", "-n", "x", "a.txt"],
        ["head", "-5", "a.txt"], ["find", ".", "-name", "*.txt"], ["wc", "-l", "a.txt"],
        ["sort", "a.txt"], ["stat", "a.txt"], ["uname", "-a"], ["id"], ["date", "+%s"],
    ])
    func readersAreReaders(arguments: [String]) throws {
        let place = try CommandFixture()
        try place.write("a.txt", "x\n", mode: 0o644)
        #expect(try effect(place, arguments) == .read)
    }

    @Test(arguments: [
        ["rm", "a.txt"], ["sh", "-c", "ls"], ["touch", "b"], ["sort", "-o", "b", "a.txt"],
        ["find", ".", "-delete"], ["env", "ls"], ["timeout", "5", "ls"], ["./ls"],
    ])
    func othersAreNot(arguments: [String]) throws {
        let place = try CommandFixture()
        try place.write("a.txt", "x\n", mode: 0o644)
        try place.write("ls", "#!/bin/sh\nexec /bin/ls\n")
        #expect(try effect(place, arguments) != .read)
    }

    @Test func linkThatMisleadsIsSeenThrough() throws {
        let place = try CommandFixture()
        try FileManager.default.createSymbolicLink(
            atPath: place.directory + "/notes.txt", withDestinationPath: "/etc/shadow")
        try FileManager.default.createSymbolicLink(
            atPath: place.directory + "/cat", withDestinationPath: "/bin/sh")
        if SystemPath.isRegularFile("/etc/shadow") {
            #expect(try effect(place, ["cat", "notes.txt"]) == .key)
        }
        #expect(try effect(place, ["./cat", "-c", "id"]) == .unknown)
    }

    @Test func repositoryIsReadOnlyWithHarmlessConfiguration() throws {
        guard SystemPath.isExecutable("/usr/bin/git") else {
            print("skipped: git is not installed")
            return
        }
        let place = try CommandFixture()
        let home = CommandAccount.current().home ?? "/"
        let foreign = [home + "/.gitconfig", "/etc/gitconfig", home + "/.config/git/config"]
        let config = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
        try place.write(".git/config", config, mode: 0o644)
        try place.write(".git/index", "DIRC", mode: 0o644)
        try place.write("sub/x", "", mode: 0o644)
        if foreign.contains(where: SystemPath.exists) {
            print("skipped in part: this account has settings of git")
        } else {
            #expect(try effect(place, ["git", "status"]) == .read)
            #expect(try effect(place, ["git", "-C", "sub", "status"]) == .read)
        }
        try place.write(".git/config", config + "\tfsmonitor = evil\n", mode: 0o644)
        #expect(try effect(place, ["git", "status"]) == .unknown)
        #expect(try effect(place, ["git", "status"], in: place.directory + "/sub") == .unknown)
        #expect(try effect(place, ["git", "-C", place.directory, "status"], in: "/") == .unknown)
        try place.write(".git/config", config, mode: 0o644)
        try place.write(".git/hooks/post-index-change", "#!/bin/sh\nevil\n")
        #expect(try effect(place, ["git", "status"]) == .unknown)
    }

    @Test func repositoryWithSubmodulesIsNotReadOnly() throws {
        let place = try CommandFixture()
        try place.write(".git/config", "[core]\n\tbare = false\n", mode: 0o644)
        let index = URL(fileURLWithPath: place.directory + "/.git/index")
        try Data([0x44, 0x49, 0x52, 0x43, 0, 0, 0xE0, 0]).write(to: index)
        #expect(try effect(place, ["git", "status"]) == .unknown)
    }

    @Test func bareRepositoryIsFoundToo() throws {
        let place = try CommandFixture()
        for name in ["HEAD", "objects/x", "refs/x"] { try place.write(name, "", mode: 0o644) }
        try place.write("config", "[core]\n\tfsmonitor = evil\n", mode: 0o644)
        let files = RepositoryFiles.find(
            arguments: ["git", "log"], directory: place.directory, environment: [])
        #expect(files.contains(place.directory + "/config"))
        #expect(try effect(place, ["git", "log"]) == .unknown)
    }
}
