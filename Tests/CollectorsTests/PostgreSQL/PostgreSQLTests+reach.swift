// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Collectors

extension PostgreSQLTests {
    @Suite("a server that does not answer")
    struct Reach {
        static func observe(
            _ settings: JSON, library: String = PostgreSQLConnection.library
        ) async throws -> Observation {
            let collector = PostgreSQLCollector(
                try PostgreSQLSettings(settings), library: library, between: { _ in })
            return await collector.observe(
                now: { Timestamp(milliseconds: 1) }, redactor: try PostgreSQLServer.redactor())
        }

        static func expectFailure(_ observation: Observation, _ text: String) {
            #expect(observation.status == .failed)
            #expect(observation.snapshot == nil)
            #expect(observation.gaps.map(\.cause) == [.unreachable])
            #expect(observation.gaps.first?.subject == nil)
            #expect(observation.gaps.first?.detail.contains(text) == true)
        }

        @Test("A server that is down is a failed observation, not an empty one")
        func down() async throws {
            let observation = try await Self.observe([
                "host": "/tmp/exequatur-no-such-folder", "database": "a", "user": "b",
            ])
            Self.expectFailure(observation, "cannot connect to `a`")
        }

        @Test("A missing library says what to install")
        func library() async throws {
            let observation = try await Self.observe(
                ["host": "/tmp", "database": "a", "user": "b"], library: "libpq-absent.so.5")
            Self.expectFailure(observation, "install libpq5")
        }

        @Test("A role that does not exist, or a password file that is not there, says so")
        func refused() async throws {
            let server = try server()
            let observation = try await server.observe(user: "nobody_at_all")
            Self.expectFailure(observation, "nobody_at_all")
            let file = try await Self.observe([
                "host": .string(server.folder), "database": "postgres", "user": "postgres",
                "passwordFile": "/tmp/exequatur-no-such-file",
            ])
            Self.expectFailure(file, "cannot take the password")
        }

        @Test("A server that accepts and says nothing costs the time limit")
        func silent() async throws {
            // A listener that nobody serves: connecting succeeds, and no answer comes.
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            let folder = try server().folder
            let path = "\(folder)/.s.PGSQL.6000"
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { bytes in
                for (index, byte) in path.utf8.enumerated() { bytes[index] = byte }
            }
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            #expect(bound == 0 && listen(descriptor, 8) == 0)
            let observation = try await Self.observe([
                "host": .string(folder), "port": 6000, "database": "a", "user": "b",
                "connectSeconds": 1,
            ])
            Self.expectFailure(observation, "no answer within 1 s")
        }

        @Test("A server that stops in the middle costs the time limit of a statement")
        func stopped() async throws {
            let server = try server()
            let stopped = Stopped()
            let collector = PostgreSQLCollector(
                try server.settings(statementSeconds: 1), library: PostgreSQLConnection.library
            ) { step in
                guard step == "databases", let connection = try? server.connect(),
                    let rows = try? connection.run(
                        """
                        SELECT pid FROM pg_stat_activity
                        WHERE application_name = '\(PostgreSQLCollector.application)'
                        """
                    ).rows
                else { return }
                for row in rows {
                    guard let pid = row[0].flatMap({ pid_t($0) }) else { continue }
                    stopped.add(pid)
                    kill(pid, SIGSTOP)
                }
            }
            let observation = await collector.observe(
                now: { Timestamp(milliseconds: 1) }, redactor: try PostgreSQLServer.redactor())
            let processes = stopped.all
            for process in processes { kill(process, SIGCONT) }
            #expect(processes.count == 1)
            Self.expectFailure(observation, "no answer within 3 s")
        }

        @Test("A server that ends in the middle is a failed observation")
        func ended() async throws {
            let server = try server()
            let observation = try await server.observe { step in
                guard step == "databases" else { return }
                _ = try? server.run(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name = '\(PostgreSQLCollector.application)'
                    """)
            }
            Self.expectFailure(observation, "connection")
        }

        @Test("Locks of others hold nothing up")
        func locks() async throws {
            let server = try server()
            let connection = try server.connect()
            try connection.run("BEGIN")
            try connection.run("LOCK TABLE pg_class, pg_authid IN EXCLUSIVE MODE")
            let observation = try await server.observe()
            try connection.run("ROLLBACK")
            #expect(observation.status == .ok)
        }

        @Test("The collector's connection cannot write")
        func readOnly() async throws {
            let server = try server()
            let seen = Answers()
            _ = try await server.observe { step in
                guard step == "policy", let connection = try? server.connect() else { return }
                let rows = try? connection.run(
                    """
                    SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NULL
                    AND application_name = '\(PostgreSQLCollector.application)'
                    AND state = 'idle in transaction'
                    """
                ).rows
                seen.add(rows?.first?.first.flatMap { $0 } ?? "")
            }
            #expect(seen.all == ["1"])
        }
    }
}

private final class Stopped: Sendable {
    private let processes = Mutex<[pid_t]>([])
    func add(_ process: pid_t) { processes.withLock { $0.append(process) } }
    var all: [pid_t] { processes.withLock { $0 } }
}

private final class Answers: Sendable {
    private let texts = Mutex<[String]>([])
    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
}

@Suite("Settings of a PostgreSQL source")
struct PostgreSQLSettingsTests {
    @Test("Only what never leaves the machine goes without a verified certificate")
    func modes() throws {
        func mode(_ host: String) throws -> String {
            try PostgreSQLSettings([
                "host": .string(host), "database": "a", "user": "b",
            ]).sslmode
        }
        for host in ["/run/postgresql", "localhost", "127.0.0.1", "127.8.8.8", "::1", "@socket"] {
            #expect(try mode(host) == "prefer")
        }
        for host in [
            "db.internal", "10.0.0.1", "127.0.0.1.example.org", "localhost.example.org", "127.1",
            "127.evil.example.org",
        ] {
            #expect(try mode(host) == "verify-full")
        }
    }

    @Test(
        "An impossible setting is refused",
        arguments: [
            #"{"database":"a","user":"b"}"#, #"{"host":"a,b","database":"a","user":"b"}"#,
            #"{"host":"h","database":"a","user":"b","password":"p"}"#,
            #"{"host":"h","database":"a","user":"b","port":0}"#,
            #"{"host":"h","database":"a","user":"b","sslmode":"off"}"#,
            #"{"host":"h","database":"a","user":"b","passwordFile":"relative"}"#,
            #"{"host":"h","database":"a","user":"b","databases":[]}"#,
            #"{"host":"h","database":"a","user":"b","statementSeconds":0}"#,
            #"{"host":"h","database":"a\u0000","user":"b"}"#,
        ])
    func refusals(_ text: String) throws {
        let json = try JSON(parsing: text)
        #expect(throws: JSONShapeError.self) { _ = try PostgreSQLSettings(json) }
    }

    @Test("Nothing of a connection is left to the environment")
    func parameters() throws {
        let settings = try PostgreSQLSettings(["host": "h", "database": "a", "user": "b"])
        let names = try settings.parameters(database: "c", application: "d")
            .filter { !$0.1.isEmpty }.map { $0.0 }
        for name in [
            "host", "port", "dbname", "user", "sslmode", "application_name", "options",
            "passfile", "client_encoding", "connect_timeout", "gssencmode",
        ] {
            #expect(names.contains(name))
        }
    }
}
