// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Foundation
import TestSupport
import Testing

@testable import Collectors

/// A PostgreSQL server of the tests' own: one cluster in a temporary folder, reached by a local
/// socket, gone at the end of the suite.
final class PostgreSQLServer: Sendable {
    /// The server of the suite that runs.
    @TaskLocal static var current: PostgreSQLServer?

    let folder: String
    private var data: String { "\(folder)/data" }

    /// The folder of `initdb` and the others: `EXEQUATUR_POSTGRES_BIN`, or Debian's newest.
    static let binaries: String? = {
        if let folder = ProcessInfo.processInfo.environment["EXEQUATUR_POSTGRES_BIN"] {
            return folder
        }
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.compactMap { Int($0) }.sorted().reversed()
            .map { "\(root)/\($0)/bin" }
            .first { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") }
    }()

    init() throws {
        let pattern = "/tmp/exequatur-pg-" + String(repeating: "X", count: 6)
        var template = Array(pattern.utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure("no temporary folder") }
        folder = template.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        // `initdb` and `postgres` refuse to run as root.
        if geteuid() == 0 { chown(folder, 65_534, 65_534) }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    @discardableResult
    func call(_ program: String, _ arguments: [String]) throws -> Int32 {
        let user =
            geteuid() == 0
            ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] : []
        let path = program.contains("/") ? program : "\(Self.binaries ?? "")/\(program)"
        return try Child.run(
            user + ["env", "LC_ALL=C.UTF-8", path] + arguments,
            output: .file("\(folder)/\(program.split(separator: "/").last ?? "log").log"))
    }

    func start() throws {
        let status = try call(
            "initdb",
            [
                "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                "--no-sync",
            ])
        guard status == 0 else { throw Failure("initdb ended with \(status)") }
        let lines = """
            listen_addresses = ''
            unix_socket_directories = '\(folder)'
            fsync = off
            full_page_writes = off
            max_connections = 20
            max_locks_per_transaction = 1024
            shared_buffers = 32MB

            """
        try append(lines, to: "postgresql.conf")
        // So that `pg_hba.conf` is older than the second in which it is loaded.
        usleep(1_100_000)
        let started = try call(
            "pg_ctl", ["-D", data, "-l", "\(folder)/server.log", "-w", "-t", "60", "start"])
        guard started == 0 else {
            throw Failure("pg_ctl ended with \(started): \(folder)/server.log")
        }
        // Should the tests be killed, nobody else ends the server.
        let watch = """
            ( while [ -d /proc/\(getpid()) ] && [ -f \(data)/postmaster.pid ]; do sleep 1; done
            [ ! -f \(data)/postmaster.pid ] || kill -QUIT $(head -n 1 \(data)/postmaster.pid)
            rm -rf \(folder) ) > /dev/null 2>&1 &
            """
        try call("/bin/sh", ["-c", watch])
    }

    func stop() {
        _ = try? call("pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"])
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The process of the server itself.
    var process: pid_t {
        get throws {
            let text = try String(contentsOfFile: "\(data)/postmaster.pid", encoding: .utf8)
            return try #require(pid_t(text.split(separator: "\n")[0]))
        }
    }

    func append(_ lines: String, to name: String) throws {
        let path = "\(data)/\(name)"
        let text = try String(contentsOfFile: path, encoding: .utf8) + lines
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
    }

    // MARK: use

    func settings(
        user: String = "postgres", database: String = "postgres", databases: [String]? = nil,
        statementSeconds: Int = 20
    ) throws -> PostgreSQLSettings {
        var json: JSONObject = [
            "host": .string(folder), "database": .string(database), "user": .string(user),
            "connectSeconds": 5, "statementSeconds": .int(statementSeconds),
        ]
        if let databases { json["databases"] = .array(databases.map(JSON.string)) }
        return try PostgreSQLSettings(.object(json))
    }

    func connect(_ database: String = "postgres") throws -> PostgreSQLConnection {
        try PostgreSQLConnection(
            try settings(database: database), database: database, application: "tests")
    }

    func run(_ statements: String..., in database: String = "postgres") throws {
        let connection = try connect(database)
        for statement in statements { try connection.run(statement) }
    }

    func observe(
        user: String = "postgres", database: String = "postgres", databases: [String]? = nil,
        between: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> Observation {
        let collector = PostgreSQLCollector(
            try settings(user: user, database: database, databases: databases),
            library: PostgreSQLConnection.library, between: between)
        return await collector.observe(
            now: { Timestamp(milliseconds: 1) }, redactor: try Self.redactor())
    }

    static func redactor() throws -> Redactor {
        try Redactor(key: Array(repeating: 7, count: 32), secrets: [])
    }
}

/// Starts a server for a suite and stops it at its end, however that is.
struct PostgreSQLServerTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let server = try PostgreSQLServer()
        defer { server.stop() }
        try server.start()
        try await PostgreSQLServer.$current.withValue(server) { try await function() }
    }
}

extension Trait where Self == PostgreSQLServerTrait {
    static var postgreSQLServer: Self { PostgreSQLServerTrait() }
}

extension Observation {
    var subjects: [String] { snapshot?.leaves.map(\.subject) ?? [] }

    func document(_ subject: String) throws -> JSON? {
        guard let leaf = snapshot?[subject] else { return nil }
        return try JSON(parsing: leaf.document)
    }

    /// What changed since `before`: `+ SUBJECT`, `- SUBJECT`, or `SUBJECT POINTER: OLD -> NEW`.
    func changes(since before: Observation) throws -> [String] {
        var found: [String] = []
        let all = Set(before.subjects).union(subjects).sorted { $0 < $1 }
        for subject in all {
            switch (try before.document(subject), try document(subject)) {
            case (nil, .some): found.append("+ \(subject)")
            case (.some, nil): found.append("- \(subject)")
            case let (old?, new?):
                found += Self.differences(old, new, "").map { "\(subject) \($0)" }
            case (nil, nil): break
            }
        }
        return found
    }

    private static func differences(_ old: JSON?, _ new: JSON?, _ path: String) -> [String] {
        if old == new { return [] }
        guard let oldMembers = old?.objectValue, let newMembers = new?.objectValue else {
            return ["\(path): \(text(old)) -> \(text(new))"]
        }
        let keys = oldMembers.keys + newMembers.keys.filter { oldMembers[$0] == nil }
        return keys.flatMap { key in
            differences(
                oldMembers[key], newMembers[key], "\(path)/\(JSONPointer.escape(key))")
        }
    }

    private static func text(_ json: JSON?) -> String { json.map { $0.description } ?? "nothing" }
}
