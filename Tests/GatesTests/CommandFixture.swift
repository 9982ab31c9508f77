// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@testable import ExequaturClient
@testable import Gates

/// A directory of its own with programs, scripts and files, and a gate that freezes in it.
final class CommandFixture: Sendable {
    let directory: String
    let state: String
    let executor: CommandExecutor

    init() throws {
        let made = FileManager.default.temporaryDirectory
            .appendingPathComponent("exequatur-gates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
        directory = try #require(SystemPath.canonical(made.path))
        state = directory + "/state"
        try FileManager.default.createDirectory(
            atPath: state, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        executor = CommandExecutor(privateDirectory: state)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// Writes a file, by default one that can be executed, and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String, mode: Int = 0o755) throws -> String {
        let path = directory + "/" + name
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    func read(_ name: String) -> String? {
        try? String(contentsOfFile: directory + "/" + name, encoding: .utf8)
    }

    func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: directory + "/" + name)
    }

    func surroundings(
        _ environment: [String: String] = [:], input: CommandInput = .null, in place: String? = nil
    ) -> CommandSurroundings {
        var variables = ["PATH": "/usr/bin:/bin", "HOME": directory]
        variables.merge(environment) { $1 }
        return CommandSurroundings(
            directory: place ?? directory, environment: variables, input: input,
            account: .current())
    }

    func freeze(
        _ arguments: [String], bindings: [String] = [], variables: [String] = [],
        environment: [String: String] = [:], input: CommandInput = .null, in place: String? = nil,
        effects: [JSON] = []
    ) throws -> FrozenCommand {
        let key = try #require(DigestKey(bytes: Array(repeating: 7, count: 32)))
        return try CommandFreezer(key: key).freeze(
            CommandRequest(
                arguments: arguments, bindings: bindings, variables: variables, host: "test",
                effects: effects),
            surroundings: surroundings(environment, input: input, in: place))
    }

    /// Checks and executes; fails the test when the check finds a mismatch.
    func run(_ frozen: FrozenCommand) throws -> CommandOutcome {
        switch CommandBinding.recheck(frozen) {
        case .ready(let command): return try executor.execute(command, actionID: "act_test")
        case .mismatch(let found): throw Mismatched(found: found)
        }
    }

    /// The kinds of mismatches that the check finds; none when it is ready.
    func mismatches(_ frozen: FrozenCommand) -> [BindingMismatch.Kind] {
        switch CommandBinding.recheck(frozen) {
        case .ready: []
        case .mismatch(let found): found.map(\.kind)
        }
    }

    struct Mismatched: Error { let found: [BindingMismatch] }
}
