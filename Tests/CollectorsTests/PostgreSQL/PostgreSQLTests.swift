// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Foundation
import TestSupport
import Testing

@testable import Collectors

/// Against a real server; one for all, so that they run one after the other.
@Suite(
    "PostgreSQL", .serialized,
    .enabled(
        if: PostgreSQLServer.binaries != nil,
        "no PostgreSQL server: install the package `postgresql`, or set EXEQUATUR_POSTGRES_BIN"),
    .postgreSQLServer)
struct PostgreSQLTests {
    static func server() throws -> PostgreSQLServer { try #require(PostgreSQLServer.current) }

    /// What a change does to what is observed.
    static func effect(
        of statements: String..., before setup: [String] = [], after cleanup: [String] = [],
        in database: String = "postgres"
    ) async throws -> [String] {
        let server = try server()
        let connection = try server.connect(database)
        for statement in setup { try connection.run(statement) }
        defer { for statement in cleanup { _ = try? connection.run(statement) } }
        let before = try await server.observe(database: database)
        #expect(before.gaps == [])
        for statement in statements { try connection.run(statement) }
        return try await server.observe(database: database).changes(since: before)
    }
}

extension PostgreSQLTests {
    @Suite("roles and memberships")
    struct Roles {
        @Test("A superuser that was made behind our back shows")
        func superuser() async throws {
            let changes = try await effect(
                of: "CREATE ROLE new_dba SUPERUSER LOGIN", after: ["DROP ROLE new_dba"])
            #expect(changes == ["+ role:new_dba"])
        }

        @Test("Each attribute of a role shows as itself")
        func attributes() async throws {
            let changes = try await effect(
                of: """
                    ALTER ROLE worker BYPASSRLS CREATEROLE CONNECTION LIMIT 7
                    VALID UNTIL '2031-02-03 04:05:06+00'
                    """,
                before: ["CREATE ROLE worker"], after: ["DROP ROLE worker"])
            #expect(
                changes == [
                    "role:worker /bypassRowSecurity: false -> true",
                    "role:worker /connectionLimit: -1 -> 7",
                    "role:worker /createRole: false -> true",
                    "role:worker /validUntil: null -> \"2031-02-03T04:05:06.000000Z\"",
                ])
        }

        @Test("A membership shows, and so does the right to pass it on")
        func memberships() async throws {
            let setup = ["CREATE ROLE admins", "CREATE ROLE eve"]
            let cleanup = ["DROP ROLE admins", "DROP ROLE eve"]
            let added = try await effect(
                of: "GRANT admins TO eve", before: setup, after: cleanup)
            #expect(added == ["+ membership:admins/eve"])
            let admin = try await effect(
                of: "GRANT admins TO eve WITH ADMIN OPTION",
                before: setup + ["GRANT admins TO eve"], after: cleanup)
            #expect(admin == ["membership:admins/eve /by/postgres/admin: false -> true"])
        }

        @Test("A rotated password shows as another digest, and nothing of it is in the snapshot")
        func password() async throws {
            let changes = try await effect(
                of: "ALTER ROLE keeper PASSWORD 'second-secret'",
                before: ["CREATE ROLE keeper LOGIN PASSWORD 'first-secret'"])
            #expect(changes.count == 1)
            #expect(
                changes.first?.hasPrefix("password:keeper /digest/$secret: \"hmac-sha256:") == true)
            let server = try server()
            let stored = try server.connect().run(
                "SELECT rolpassword FROM pg_authid WHERE rolname = 'keeper'")
            let verifier = try #require(stored.rows[0][0])
            let observation = try await server.observe()
            let bytes = try #require(observation.snapshot).leaves.flatMap(\.line)
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(verifier.hasPrefix("SCRAM-SHA-256$"))
            for part in [verifier, String(verifier.split(separator: ":")[1]), "second-secret"] {
                #expect(!text.contains(part))
            }
            try server.run("DROP ROLE keeper")
        }

        @Test("Settings of a role in a database show, and passwords in them do not")
        func roleSettings() async throws {
            let changes = try await effect(
                of: "ALTER ROLE tuned SET app.secret_token = 'hunter2'",
                "ALTER ROLE tuned IN DATABASE postgres SET role = 'postgres'",
                before: ["CREATE ROLE tuned"])
            #expect(changes == ["+ dbrolesetting:*/tuned", "+ dbrolesetting:postgres/tuned"])
            let observation = try await server().observe()
            let secret = try observation.document("dbrolesetting:*/tuned")?["settings"]?[
                "app.secret_token"]
            #expect(secret?.isRedacted == true)
            let plain = try observation.document("dbrolesetting:postgres/tuned")
            #expect(plain == ["settings": ["role": "postgres"]])
            try server().run("DROP ROLE tuned")
        }
    }

    @Suite("privileges")
    struct Privileges {
        @Test("A grant that was added behind our back shows with who gave it")
        func grant() async throws {
            let changes = try await effect(
                of: "GRANT SELECT ON ledger TO reader WITH GRANT OPTION",
                "GRANT UPDATE (amount) ON ledger TO reader",
                before: ["CREATE TABLE ledger (id int, amount int)", "CREATE ROLE reader"],
                after: ["DROP TABLE ledger", "DROP ROLE reader"])
            #expect(
                changes == [
                    "relation:postgres.public.ledger /grants/reader: nothing -> "
                        + #"{"SELECT":{"postgres":"grantable"}}"#,
                    "relation:postgres.public.ledger /columns: nothing -> "
                        + #"{"amount":{"reader":{"UPDATE":{"postgres":"plain"}}}}"#,
                ])
        }

        @Test("An implicit privilege of everybody shows when it is revoked")
        func implicit() async throws {
            let changes = try await effect(
                of: "REVOKE EXECUTE ON FUNCTION twice FROM PUBLIC",
                before: [
                    "CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2'"
                ],
                after: ["DROP FUNCTION twice"])
            #expect(
                changes == [
                    "routine:postgres.public.twice(int4) /grants/public: "
                        + #"{"EXECUTE":{"postgres":"plain"}} -> nothing"#
                ])
        }

        @Test("Neither the order of privileges nor writing out the implicit ones is drift")
        func order() async throws {
            let cleanup = ["DROP TABLE orders", "DROP ROLE a1", "DROP ROLE a2"]
            let changes = try await effect(
                of: "REVOKE SELECT ON orders FROM a1", "GRANT SELECT ON orders TO a1",
                "GRANT SELECT ON orders TO postgres", "GRANT SELECT ON fresh TO postgres",
                before: [
                    "CREATE ROLE a1", "CREATE ROLE a2", "CREATE TABLE orders ()",
                    "CREATE TABLE fresh ()", "GRANT SELECT ON orders TO a1",
                    "GRANT SELECT ON orders TO a2",
                ], after: cleanup)
            #expect(changes == [])
            // That the array is another one is what makes this a test.
            let server = try server()
            let fresh = try server.connect().run(
                "SELECT relacl FROM pg_class WHERE relname = 'fresh'")
            #expect(fresh.rows[0][0] != nil)
            try server.run("DROP TABLE fresh")
        }

        @Test("Privileges of later objects show")
        func defaults() async throws {
            let changes = try await effect(
                of: "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
                after: [
                    "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM PUBLIC"
                ])
            #expect(changes == ["+ defaultacl:postgres.public/postgres/tables"])
        }

        @Test("PostgreSQL's own objects show once their privileges are not the initial ones")
        func ownObjects() async throws {
            let cleanup = [
                "REVOKE SELECT ON pg_authid FROM spy",
                "REVOKE SELECT (subconninfo) ON pg_subscription FROM spy",
                "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM spy",
            ]
            let changes = try await effect(
                of: "GRANT SELECT ON pg_authid TO spy",
                "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO spy",
                "GRANT SELECT (subconninfo) ON pg_subscription TO spy",
                before: ["CREATE ROLE spy"], after: cleanup)
            #expect(
                changes == [
                    "+ relation:postgres.pg_catalog.pg_authid",
                    "+ relation:postgres.pg_catalog.pg_subscription",
                    "+ routine:postgres.pg_catalog.pg_read_file(text)",
                ])
            let observation = try await server().observe()
            #expect(!observation.subjects.contains { $0.contains(".pg_catalog.pg_") })
            try server().run("DROP ROLE spy")
        }

        @Test("A function that runs with its owner's rights shows another body")
        func definer() async throws {
            func create(_ body: String) -> String {
                """
                CREATE OR REPLACE FUNCTION pay(numeric, text[]) RETURNS int LANGUAGE sql
                SECURITY DEFINER SET search_path = 'public' AS '\(body)'
                """
            }
            let changes = try await effect(
                of: create("SELECT 2"), before: [create("SELECT 1")],
                after: ["DROP FUNCTION pay"])
            #expect(changes.count == 1)
            #expect(
                changes.first?.hasPrefix(
                    "routine:postgres.public.pay(numeric,_text) /body: \"sha256:") == true)
        }
    }
}
