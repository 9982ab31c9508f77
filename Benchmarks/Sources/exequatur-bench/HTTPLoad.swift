// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Foundation
internal import NIOCore
internal import NIOPosix

/// A load generator in one thread, because it shares the machine with what it measures.
struct HTTPLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http", abstract: "Measure a server over HTTP/1.1 keep-alive connections.")

    enum Scenario: String, ExpressibleByArgument, CaseIterable {
        case bare, allowed, cycle, release
    }

    @Argument(help: "What to measure.")
    var scenario: Scenario

    @Option(help: "The port on 127.0.0.1.")
    var port = 8420

    @Option(help: "Connections; callers that wait, for `release`.")
    var connections = 64

    @Option(help: "Seconds to measure.")
    var seconds = 5

    @Option(help: "A file with the tokens of agents, one on each line.")
    var agentTokens: String?

    @Option(help: "A file with the reviewer's token.")
    var reviewerToken: String?

    @Option(help: "A file with the command's input; UNIQUE in it becomes random digits.")
    var input: String?

    @Option(help: "The server's process, to measure its memory while callers wait.")
    var pid: Int?

    @Flag(help: "Print one JSON value.")
    var json = false

    func validate() throws {
        guard (1...20_000).contains(connections), (1...600).contains(seconds) else {
            throw ValidationError("use 1 to 20000 connections and 1 to 600 seconds")
        }
    }

    func run() throws {
        OpenFiles.raiseLimit()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let fixture = try self.fixture()
        let loop = LoadLoop(loop: group.next(), host: "127.0.0.1", port: port)
        let report =
            scenario == .release
            ? try ReleaseMeasurement(loop: loop, fixture: fixture, waiters: connections, pid: pid)
                .run()
            : try LoadMeasurement(
                loop: loop, fixture: fixture, scenario: scenario, connections: connections,
                seconds: seconds
            ).run()
        try report.show(json: json)
        guard report.errors.isEmpty else { throw ExitCode.failure }
    }

    private func fixture() throws -> LoadFixture {
        LoadFixture(
            host: "127.0.0.1:\(port)",
            input: try input.map { try String(contentsOfFile: $0, encoding: .utf8) }
                .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) } ?? defaultInput,
            agentTokens: try agentTokens.map(Self.token)?.split(separator: "\n").map(String.init)
                ?? [],
            reviewerToken: try reviewerToken.map(Self.token))
    }

    private static func token(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Commands as a gate freezes them: one that is read-only, and one that is not.
    private var defaultInput: String {
        let (program, arguments) =
            scenario == .allowed
            ? ("ls", #""-l","/tmp""#) : ("touch", #""/srv/UNIQUE""#)
        return """
            {"argv":["\(program)",\(arguments)],"cwd":"/","environment":{},\
            "executable":{"kind":"elf","path":"/usr/bin/\(program)",\
            "digest":"sha256:\(String(repeating: "e", count: 64))"},"stdin":{"kind":"null"}}
            """
    }
}

enum OpenFiles {
    /// Each connection is an open file, and a shell's limit is often 1,024.
    static func raiseLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// What a run found, as text or JSON.
struct LoadReport: Sendable {
    var scenario: String
    var connections: Int
    var results: [(name: String, line: String, json: JSON)]
    var errors: [String: Int]
    var extra: [(name: String, value: Int64)] = []

    func show(json: Bool) throws {
        if json {
            var object: JSONObject = [
                "scenario": .string(scenario), "connections": .int(connections),
                "errors": .int(errors.values.reduce(0, +)),
                "results": .object(JSONObject(results.map { ($0.name, $0.json) })),
            ]
            for (name, value) in extra { object[name] = .int(value) }
            print(try JSON.object(object).canonicalString())
        } else {
            print("\(scenario), \(connections) connections")
            for result in results { print("  \(result.line)") }
            for (name, value) in extra { print("  \(name): \(value)") }
        }
        for (text, count) in errors.sorted(by: { $0.key < $1.key }) {
            FileHandle.standardError.write(Data("error: \(count) times: \(text)\n".utf8))
        }
    }
}
