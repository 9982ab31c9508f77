// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Foundation
import TestSupport
import Testing

@testable import Collectors

/// Names that break what does not quote.
private let hostileNames = [
    "plain", "Upper Case", "dotted.name/with(parens),", "quo\"te", "quo\"\"te\"", "apo'strophe",
    "back\\slash", "line\nbreak\ttab\r", "x\"; DROP TABLE victim; --", "'; DROP TABLE victim; --",
    "$exequatur0$ $$ $1 %I", "emoji 🐘🇵🇱", "e\u{301}", "é", "--", "/* */", "*", "oid 10",
    "PUBLIC", "\u{202E}rtl",
]

extension PostgreSQLTests {
    @Suite("remediation")
    struct Remediation {
        static let action = ActionID(now: Timestamp(milliseconds: 1), random: (2, 3))

        /// One subject, what happens to it, and what has to be there for that.
        struct Change {
            var subject: String
            var statements: [String]
            var setup: [String] = []
            var cleanup: [String] = []
        }

        /// Lets all changes happen and takes each back by its plan; returns the plans.
        @discardableResult
        static func undo(_ changes: [Change]) async throws -> [PostgreSQLRemediation] {
            let server = try PostgreSQLTests.server()
            let connection = try server.connect()
            for statement in changes.flatMap(\.setup) { try connection.run(statement) }
            defer {
                for statement in changes.flatMap(\.cleanup) { _ = try? connection.run(statement) }
            }
            let before = try await server.observe()
            for statement in changes.flatMap(\.statements) { try connection.run(statement) }
            let changed = try await server.observe()
            let executor = PostgreSQLExecutor(try server.settings())
            var plans: [PostgreSQLRemediation] = []
            for change in changes {
                let wanted = try before.document(change.subject)
                let observed = try changed.document(change.subject)
                #expect(wanted != observed, "nothing happened to \(change.subject)")
                let plan = try PostgreSQLRemediation(
                    subject: change.subject, wanted: wanted, observed: observed)
                let outcome = await executor.run(plan, action: action)
                guard case .done = outcome else {
                    Issue.record("\(outcome): \(plan.statements.joined(separator: ";\n"))")
                    continue
                }
                // A second time the state is another one, and nothing happens.
                guard case .changed = await executor.run(plan, action: action) else {
                    Issue.record("the plan of \(change.subject) ran twice")
                    continue
                }
                plans.append(plan)
            }
            #expect(try await server.observe().changes(since: before) == [])
            return plans
        }

        @Test("Role attributes are taken back, whatever the role is called")
        func attributes() async throws {
            let server = try server()
            try server.run("CREATE TABLE victim ()")
            let plans = try await Self.undo(
                hostileNames.map { name in
                    let role = try PostgreSQLName.identifier(name)
                    return Change(
                        subject: "role:" + PostgreSQLName.part(name),
                        statements: [
                            """
                            ALTER ROLE \(role) SUPERUSER BYPASSRLS CONNECTION LIMIT 3
                            VALID UNTIL '2030-01-01'
                            """
                        ], setup: ["CREATE ROLE \(role) LOGIN VALID UNTIL 'infinity'"],
                        cleanup: ["DROP ROLE \(role)"])
                })
            #expect(plans.count == hostileNames.count)
            try server.run("DROP TABLE victim")
        }

        @Test("A role that was made is dropped, and one that was dropped is made again")
        func roles() async throws {
            let plans = try await Self.undo([
                Change(
                    subject: "role:intruder", statements: ["CREATE ROLE intruder SUPERUSER LOGIN"]
                ),
                Change(
                    subject: "role:gone", statements: ["DROP ROLE gone"],
                    setup: ["CREATE ROLE gone CREATEDB CONNECTION LIMIT 4"],
                    cleanup: ["DROP ROLE gone"]),
            ])
            #expect(plans.last?.notes == ["creates the role without a password and memberships"])
        }

        @Test("Memberships are taken back")
        func memberships() async throws {
            let changes = try hostileNames.flatMap { name in
                try ["added", "passed on", "revoked"].map { kind in
                    let groupName = "\(kind) \(name)"
                    let group = try PostgreSQLName.identifier(groupName)
                    let member = try PostgreSQLName.identifier("member \(groupName)")
                    let grant = "GRANT \(group) TO \(member)"
                    let statements = [
                        "added": ["\(grant) WITH ADMIN OPTION"],
                        "passed on": ["\(grant) WITH ADMIN OPTION"],
                        "revoked": ["REVOKE \(group) FROM \(member)"],
                    ]
                    return Change(
                        subject: "membership:" + PostgreSQLName.part(groupName) + "/"
                            + PostgreSQLName.part("member \(groupName)"),
                        statements: statements[kind] ?? [],
                        setup: ["CREATE ROLE \(group)", "CREATE ROLE \(member)"]
                            + (kind == "added" ? [] : [grant]),
                        cleanup: ["DROP ROLE \(group)", "DROP ROLE \(member)"])
                }
            }
            #expect(try await Self.undo(changes).count == hostileNames.count * 3)
        }

        @Test("Options of a membership are taken back where the version has them")
        func membershipOptions() async throws {
            guard try server().connect().serverVersion >= 160_000 else {
                print("skipped: before PostgreSQL 16, memberships have no such options")
                return
            }
            let roles = ["g16", "m16", "second16"]
            try await Self.undo([
                Change(
                    subject: "membership:g16/m16",
                    statements: [
                        "GRANT g16 TO m16 WITH INHERIT FALSE, SET FALSE",
                        "GRANT g16 TO m16 GRANTED BY second16",
                    ],
                    setup: roles.map { "CREATE ROLE \($0)" } + [
                        "GRANT g16 TO second16 WITH ADMIN TRUE",
                        "GRANT g16 TO m16 WITH INHERIT TRUE, SET TRUE",
                    ], cleanup: ["DROP ROLE m16", "DROP ROLE second16", "DROP ROLE g16"])
            ])
        }

        @Test("Privileges are taken back and given again")
        func privileges() async throws {
            let plans = try await Self.undo(hostileNames.map(Self.privilegeChange))
            #expect(plans.count == hostileNames.count)
        }

        private static func privilegeChange(_ name: String) throws -> Change {
            let one = try PostgreSQLName.identifier(name)
            let other = try PostgreSQLName.identifier("other " + name)
            let table = "\(one).\(other)"
            return Change(
                subject: "relation:postgres." + PostgreSQLName.dotted(name, "other " + name),
                statements: [
                    // Passed on by the one whose privilege goes.
                    "GRANT SELECT ON \(table) TO \(one) WITH GRANT OPTION", "SET ROLE \(one)",
                    "GRANT SELECT ON \(table) TO \(other)", "RESET ROLE",
                    "GRANT TRUNCATE ON \(table) TO PUBLIC",
                    "REVOKE INSERT ON \(table) FROM \(other)",
                    "REVOKE GRANT OPTION FOR UPDATE ON \(table) FROM \(other)",
                    "REVOKE DELETE ON \(table) FROM postgres",
                    "GRANT UPDATE (\(one)) ON \(table) TO \(one)",
                    "REVOKE REFERENCES (\(other)) ON \(table) FROM \(one)",
                    // Taken from the table, it would go from the column that should keep it.
                    "GRANT INSERT ON \(table) TO \(one)",
                ],
                setup: [
                    "CREATE ROLE \(one)", "CREATE ROLE \(other)", "CREATE SCHEMA \(one)",
                    "GRANT USAGE ON SCHEMA \(one) TO \(one), \(other)",
                    "CREATE TABLE \(table) (\(one) int, \(other) int)",
                    "GRANT INSERT ON \(table) TO \(other)",
                    "GRANT UPDATE ON \(table) TO \(other) WITH GRANT OPTION",
                    "GRANT REFERENCES (\(other)) ON \(table) TO \(one)",
                    "GRANT INSERT (\(other)) ON \(table) TO \(one)",
                ],
                cleanup: [
                    "DROP SCHEMA \(one) CASCADE", "DROP ROLE \(one)", "DROP ROLE \(other)",
                ])
        }

        @Test("Other things have their privileges back too")
        func kinds() async throws {
            let plans = try await Self.undo([
                Change(
                    subject: #"routine:postgres.public."f x"(int4,_text,public."t y")"#,
                    statements: [#"REVOKE EXECUTE ON ROUTINE "f x" FROM PUBLIC"#],
                    setup: [
                        #"CREATE TYPE "t y" AS (a int)"#,
                        """
                        CREATE FUNCTION "f x"(int, text[], "t y") RETURNS int
                        LANGUAGE sql AS 'SELECT 1'
                        """,
                    ], cleanup: [#"DROP ROUTINE "f x""#, #"DROP TYPE "t y""#]),
                Change(
                    subject: "database:postgres",
                    statements: ["GRANT CREATE ON DATABASE postgres TO PUBLIC"]),
                Change(
                    subject: "schema:postgres.public",
                    statements: ["GRANT CREATE ON SCHEMA public TO pg_monitor"]),
                Change(
                    subject: "tablespace:pg_default",
                    statements: ["GRANT CREATE ON TABLESPACE pg_default TO PUBLIC"]),
                Change(
                    subject: "language:postgres.sql",
                    statements: ["REVOKE USAGE ON LANGUAGE sql FROM PUBLIC"]),
                Change(
                    subject: "relation:postgres.public.numbers",
                    statements: ["GRANT USAGE ON SEQUENCE numbers TO PUBLIC"],
                    setup: ["CREATE SEQUENCE numbers"], cleanup: ["DROP SEQUENCE numbers"]),
            ])
            #expect(plans.count == 6)
        }

        @Test("A plan refuses a subject that moved on, and nothing of it happens")
        func guarded() async throws {
            let server = try server()
            try server.run("CREATE ROLE moving")
            let wanted = try await server.observe().document("role:moving")
            try server.run("ALTER ROLE moving CREATEDB")
            let observed = try await server.observe().document("role:moving")
            let plan = try PostgreSQLRemediation(
                subject: "role:moving", wanted: wanted, observed: observed)
            try server.run("ALTER ROLE moving SUPERUSER")
            let executor = PostgreSQLExecutor(try server.settings())
            let outcome = await executor.run(plan, action: Self.action)
            guard case .changed(let reason) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(reason.contains("not as it was observed"))
            let after = try await server.observe().document("role:moving")
            #expect(after?["createDatabase"] == true && after?["superuser"] == true)
            try server.run("DROP ROLE moving")
        }

        @Test("A plan whose last statement fails leaves nothing behind")
        func atomic() async throws {
            let server = try server()
            try server.run("CREATE ROLE keeping SUPERUSER", "CREATE TABLE kept ()")
            try server.run("ALTER TABLE kept OWNER TO keeping")
            let observed = try await server.observe().document("role:keeping")
            let plan = try PostgreSQLRemediation(
                subject: "role:keeping", wanted: nil, observed: observed)
            let outcome = await PostgreSQLExecutor(try server.settings())
                .run(plan, action: Self.action)
            guard case .failed(let reason) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(reason.contains("SQLSTATE 2BP01"))
            #expect(try await server.observe().document("role:keeping") == observed)
            try server.run("DROP TABLE kept", "DROP ROLE keeping")
        }

        @Test("The server sees which action a change is of")
        func application() async throws {
            let server = try server()
            try server.run(
                "CREATE TABLE seen (name text)", "CREATE TABLE marked ()",
                """
                CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO public.seen VALUES (current_setting('application_name')); END $$
                """)
            let wanted = try await server.observe().document("relation:postgres.public.marked")
            try server.run("GRANT SELECT ON marked TO PUBLIC")
            let observed = try await server.observe().document("relation:postgres.public.marked")
            try server.run("CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION note()")
            let plan = try PostgreSQLRemediation(
                subject: "relation:postgres.public.marked", wanted: wanted, observed: observed)
            let action = Self.action
            _ = await PostgreSQLExecutor(try server.settings()).run(plan, action: action)
            try server.run("DROP EVENT TRIGGER note", "DROP FUNCTION note")
            let seen = try server.connect().run("SELECT name FROM seen")
            #expect(seen.rows == [["exequatur \(action)"]])
            try server.run("DROP TABLE seen", "DROP TABLE marked")
        }
    }

    @Suite("names")
    struct Names {
        @Test("Quoted names and texts come back from the server as they were")
        func quoting() async throws {
            var random = SeededRandom.forTest()
            let connection = try server().connect()
            let pieces = Array("\"'\\$.%_/(),;- \n\tabE0🐘éß*[]{}`\u{7F}\u{1}").map(String.init)
            for round in 0..<200 {
                let length = Int.random(in: 1...12, using: &random)
                var name = ""
                for _ in 0..<length { name += pieces.randomElement(using: &random) ?? "" }
                let mode = round % 2 == 0 ? "on" : "off"
                try connection.run("SET standard_conforming_strings = \(mode)")
                try connection.run("SET backslash_quote = off")
                let literal = try PostgreSQLName.literal(name)
                let texts = try connection.run("SELECT \(literal)")
                #expect(texts.rows == [[name]])
                let identifier = try PostgreSQLName.identifier(name)
                // The only name of a column of its own.
                let columns = try connection.run(
                    """
                    SELECT key FROM json_each(
                        (SELECT row_to_json(t) FROM (SELECT 1 AS \(identifier)) t))
                    """
                )
                #expect(columns.rows == [[name]])
                let body = "BEGIN PERFORM \(literal); END"
                try connection.run("DO \(PostgreSQLName.dollarQuoted(body))")
                let parts = PostgreSQLName.parse("relation:" + PostgreSQLName.dotted(name, "b"))
                #expect(parts?.names == [name, "b"])
            }
        }

        @Test("No two names have the same subject, and each is read back")
        func subjects() throws {
            let all = hostileNames.flatMap { a in hostileNames.map { (a, $0) } }
            let subjects = all.map { "relation:" + PostgreSQLName.dotted("db", $0.0, $0.1) }
            #expect(Set(subjects.map { Array($0.utf8) }).count == all.count)
            for (subject, (a, b)) in zip(subjects, all) {
                let parts = PostgreSQLName.parse(subject)
                #expect(
                    parts?.names.map { Array($0.utf8) } == [
                        Array("db".utf8), Array(a.utf8), Array(b.utf8),
                    ])
            }
        }

        @Test(
            "Text behind a name in a subject is no SQL",
            arguments: [
                "role:a\"; DROP", "role:a SUPERUSER", "routine:d.s.f(int4) TO PUBLIC; DROP",
                "routine:d.s.f(int4", "relation:d.s.\"t", "role:", "role", "role:a/b", "schema:a",
                "dbrolesetting:*/a", "membership:a.b", "routine:d.s.f(a.b.c)", "policy:d.s.t/p",
                "setting:ssl", "relation:d.s.t(int4)",
            ])
        func malformed(_ subject: String) {
            let document: JSON = [
                "grants": ["a": ["SELECT": ["b": "plain"]]], "owner": "b", "kind": "table",
            ]
            #expect(throws: DriftError.self) {
                _ = try PostgreSQLRemediation(
                    subject: subject, wanted: ["grants": [:], "owner": "b", "kind": "table"],
                    observed: document)
            }
        }

        @Test("A privilege that is none is not written into SQL")
        func privilege() {
            func document(_ privilege: String) -> JSON {
                .object(["grants": .object(["a": .object([privilege: ["b": "plain"]])])])
            }
            #expect(throws: DriftError.self) {
                _ = try PostgreSQLRemediation(
                    subject: "schema:d.s", wanted: ["grants": [:]],
                    observed: document("USAGE ON SCHEMA x TO y; DROP"))
            }
        }
    }
}
