// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Foundation
import TestSupport
import Testing

@testable import Collectors

extension PostgreSQLTests {
    @Suite("row level security")
    struct RowSecurity {
        private static let setup = [
            "CREATE ROLE tenant", "CREATE TABLE rows (owner text)",
            "ALTER TABLE rows ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON rows FOR SELECT TO tenant USING (owner = current_user)",
        ]
        private static let cleanup = ["DROP TABLE rows", "DROP ROLE tenant"]

        @Test("A dropped policy shows")
        func dropped() async throws {
            let changes = try await effect(
                of: "DROP POLICY own ON rows", before: Self.setup, after: Self.cleanup)
            #expect(changes == ["- policy:postgres.public.rows/own"])
        }

        @Test("A widened policy shows")
        func widened() async throws {
            let changes = try await effect(
                of: "ALTER POLICY own ON rows TO PUBLIC USING (true)", before: Self.setup,
                after: Self.cleanup)
            #expect(
                changes == [
                    "policy:postgres.public.rows/own /roles/tenant: true -> nothing",
                    "policy:postgres.public.rows/own /roles/public: nothing -> true",
                    "policy:postgres.public.rows/own /using: "
                        + #""(owner = CURRENT_USER)" -> "true""#,
                ])
        }

        @Test("Row level security that is turned off shows")
        func disabled() async throws {
            let changes = try await effect(
                of: "ALTER TABLE rows DISABLE ROW LEVEL SECURITY", before: Self.setup,
                after: Self.cleanup)
            #expect(
                changes == [
                    "relation:postgres.public.rows /rowSecurity/enabled: true -> false"
                ])
        }
    }

    @Suite("settings and who may connect")
    struct Settings {
        @Test("ALTER SYSTEM shows in the file at once, and as pending after loading")
        func alterSystem() async throws {
            let server = try server()
            let before = try await server.observe()
            try server.run("ALTER SYSTEM SET max_connections = 25")
            let written = try await server.observe()
            #expect(
                try written.changes(since: before).contains(
                    #"settingfile:max_connections /value: "20" -> "25""#))
            #expect(try written.document("setting:max_connections")?["pendingRestart"] == false)
            try server.run("SELECT pg_reload_conf()")
            let pending = try await Self.wait {
                try $0.document("setting:max_connections")?["pendingRestart"] == true
            }
            #expect(try pending.document("setting:max_connections")?["value"] == "20")
            try server.run("ALTER SYSTEM RESET max_connections", "SELECT pg_reload_conf()")
            _ = try await Self.wait {
                try $0.document("setting:max_connections")?["pendingRestart"] == false
            }
        }

        @Test("The limits of the observing connection are not taken for the server's settings")
        func own() async throws {
            let observation = try await server().observe()
            #expect(observation.gaps == [])
            for name in ["statement_timeout", "lock_timeout", "application_name", "search_path"] {
                #expect(try observation.document("setting:\(name)") == nil)
            }
            #expect(try observation.document("setting:ssl")?["source"] == "default")
            #expect(try observation.document("setting:fsync")?["value"] == "off")
        }

        @Test("An edited pg_hba.conf shows before it is loaded, and then as loaded")
        func rules() async throws {
            let server = try server()
            let before = try await server.observe()
            #expect(try before.document("hba:load") == ["current": true])
            usleep(1_100_000)
            try server.append("host all all 0.0.0.0/0 trust\n", to: "pg_hba.conf")
            let edited = try await server.observe()
            let changes = try edited.changes(since: before)
            #expect(changes.count == 2)
            #expect(changes.contains("hba:load /current: true -> false"))
            let old = try before.document("hba:file")?["rules"]?.arrayValue ?? []
            let new = try edited.document("hba:file")?["rules"]?.arrayValue ?? []
            #expect(Array(new.dropLast()) == old)
            #expect(
                new.last == [
                    "type": "host", "databases": ["all"], "users": ["all"],
                    "address": "0.0.0.0", "netmask": "0.0.0.0", "method": "trust",
                ])
            usleep(1_100_000)
            try server.run("SELECT pg_reload_conf()")
            _ = try await Self.wait { try $0.document("hba:load") == ["current": true] }
        }

        /// Looks again until what the server does by itself has happened.
        static func wait(
            _ condition: (Observation) throws -> Bool
        ) async throws -> Observation {
            for _ in 0..<100 {
                let observation = try await PostgreSQLTests.server().observe()
                if try condition(observation) { return observation }
                usleep(100_000)
            }
            throw PostgreSQLServer.Failure("it did not happen within 10 s")
        }
    }

    @Suite("what is not seen")
    struct Coverage {
        @Test("What the role may not read is a gap and no absence")
        func gaps() async throws {
            let server = try server()
            try server.run(
                "CREATE ROLE weak LOGIN", "CREATE ROLE owner_of_secret PASSWORD 'x'",
                "CREATE SCHEMA closed", "CREATE TABLE closed.secret (id int)")
            let full = try await server.observe()
            let weak = try await server.observe(user: "weak")
            #expect(weak.status == .partial)
            let covered = weak.gaps.compactMap(\.subject)
            let missing = Set(full.subjects).subtracting(weak.subjects)
            #expect(missing.contains("password:owner_of_secret"))
            #expect(missing.contains("hba:file"))
            for subject in missing {
                #expect(
                    covered.contains {
                        $0 == subject || ($0.hasSuffix(":") && subject.hasPrefix($0))
                    }, "\(subject) is missing without a gap")
            }
            // What both see is the same.
            let changed = try weak.changes(since: full).filter { !$0.hasPrefix("- ") }
            #expect(changed == [])
            #expect(weak.subjects.contains("relation:postgres.closed.secret"))
            try server.run(
                "DROP TABLE closed.secret", "DROP SCHEMA closed", "DROP ROLE owner_of_secret",
                "DROP ROLE weak")
        }

        @Test("A role with the rights of the guide sees all but passwords")
        func guide() async throws {
            let server = try server()
            try server.run(
                "CREATE ROLE watcher LOGIN", "GRANT pg_read_all_settings TO watcher",
                "GRANT SELECT ON pg_hba_file_rules, pg_file_settings TO watcher",
                "GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO watcher",
                "GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO watcher",
                "GRANT EXECUTE ON FUNCTION pg_stat_file(text) TO watcher")
            if try server.connect().serverVersion >= 150_000 {
                try server.run(
                    "GRANT SELECT ON pg_ident_file_mappings TO watcher",
                    "GRANT EXECUTE ON FUNCTION pg_ident_file_mappings() TO watcher")
            }
            let seen = try await server.observe(user: "watcher")
            #expect(seen.gaps.map(\.subject) == ["password:"])
            try server.run("DROP OWNED BY watcher", "DROP ROLE watcher")
        }

        @Test("Changes during an observation are in all of it or in nothing of it")
        func snapshot() async throws {
            let server = try server()
            let before = try await server.observe()
            let during = try await server.observe { step in
                // Two changes by others, each at its own time.
                let statements =
                    switch step {
                    case "memberships":
                        ["CREATE ROLE late", "GRANT pg_monitor TO late", "CREATE SCHEMA late"]
                    case "policy": ["CREATE TABLE late.later (id int)"]
                    default: [String]()
                    }
                for statement in statements { _ = try? server.run(statement) }
            }
            #expect(try during.changes(since: before) == [])
            let after = try await server.observe()
            #expect(
                try after.changes(since: before) == [
                    "+ membership:pg_monitor/late", "+ relation:postgres.late.later",
                    "+ role:late", "+ schema:postgres.late",
                ])
            try server.run("DROP SCHEMA late CASCADE", "DROP ROLE late")
        }

        @Test("A database that cannot be read is a gap, and the others are seen")
        func databases() async throws {
            let server = try server()
            try server.run("CREATE DATABASE second")
            try server.run("CREATE TABLE there ()", in: "second")
            let observation = try await server.observe(
                databases: ["postgres", "second", "absent"])
            #expect(observation.status == .partial)
            #expect(observation.subjects.contains("relation:second.public.there"))
            let covered = Set(observation.gaps.compactMap(\.subject))
            #expect(covered.isSuperset(of: ["relation:absent.", "policy:absent."]))
            #expect(covered.allSatisfy { $0.hasSuffix(":absent.") })
            let all = try await server.observe(databases: ["*"])
            #expect(all.gaps == [])
            #expect(all.subjects.contains("schema:template1.public"))
            #expect(all.subjects.contains("relation:second.public.there"))
            try server.run("DROP DATABASE second")
        }
    }

    @Suite("other things")
    struct Others {
        @Test("Extensions, event triggers, publications, servers and parameters are read")
        func kinds() async throws {
            let server = try server()
            let before = try await server.observe()
            try server.run(
                "CREATE TABLE sent (id int, secret text)", "CREATE SCHEMA shipped",
                "CREATE PUBLICATION sales FOR TABLE sent",
                """
                CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql
                AS 'BEGIN NULL; END'
                """,
                """
                CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('GRANT')
                EXECUTE FUNCTION guard()
                """,
                "CREATE FOREIGN DATA WRAPPER far",
                "CREATE SERVER there FOREIGN DATA WRAPPER far OPTIONS (host 'h', password 'p')",
                """
                CREATE SUBSCRIPTION mine CONNECTION 'host=nowhere password=hunter2'
                PUBLICATION sales WITH (connect = false)
                """)
            let isNew = try server.connect().serverVersion >= 150_000
            if isNew {
                try server.run(
                    "GRANT SET ON PARAMETER log_statement TO PUBLIC",
                    "ALTER PUBLICATION sales SET TABLE sent (id) WHERE (id > 3)",
                    "CREATE PUBLICATION whole FOR TABLES IN SCHEMA shipped")
            }
            let after = try await server.observe()
            #expect(after.gaps == [])
            let added = try after.changes(since: before).filter {
                !$0.contains(".sent") && !$0.contains("guard") && !$0.contains(".shipped")
            }
            #expect(
                added == [
                    "+ eventtrigger:postgres.watch", "+ foreigndata:postgres.far",
                    "+ foreignserver:postgres.there",
                ] + (isNew ? ["+ parameter:log_statement"] : []) + [
                    "+ publication:postgres.sales"
                ] + (isNew ? ["+ publication:postgres.whole"] : []) + [
                    "+ subscription:postgres.mine", "+ subscriptionsource:postgres.mine",
                ])
            if isNew {
                let whole = try after.document("publication:postgres.whole")
                #expect(whole?["schemas"] == ["shipped": true])
            }
            let trigger = try after.document("eventtrigger:postgres.watch")
            #expect(trigger?["tags"] == ["GRANT": true] && trigger?["function"] == "public.guard")
            let there = try after.document("foreignserver:postgres.there")?["options"]
            #expect(there?["host"] == "h" && there?["password"]?.isRedacted == true)
            let tables = try after.document("publication:postgres.sales")?["tables"]
            #expect(
                tables == [
                    "public.sent": isNew
                        ? ["columns": ["id"], "where": "(id > 3)"]
                        : ["columns": .null, "where": .null]
                ])
            let source = try after.document("subscriptionsource:postgres.mine")
            #expect(source?["connection"]?.isRedacted == true)
            #expect(after.subjects.contains("extension:postgres.plpgsql"))
            try server.run(
                "ALTER SUBSCRIPTION mine SET (slot_name = NONE)", "DROP SUBSCRIPTION mine",
                "DROP SERVER there", "DROP FOREIGN DATA WRAPPER far", "DROP EVENT TRIGGER watch",
                "DROP FUNCTION guard", "DROP PUBLICATION sales", "DROP TABLE sent",
                "DROP SCHEMA shipped")
            if isNew {
                try server.run(
                    "DROP PUBLICATION IF EXISTS whole",
                    "REVOKE SET ON PARAMETER log_statement FROM PUBLIC")
            }
        }
    }

    @Suite("size")
    struct Size {
        @Test("5,000 roles and 20,000 grants are read")
        func many() async throws {
            let server = try server()
            try server.run("CREATE DATABASE large")
            func loop(_ count: Int, _ statement: String) -> String {
                "DO $$ BEGIN FOR i IN 1..\(count) LOOP EXECUTE \(statement); END LOOP; END $$"
            }
            try server.run(
                loop(5000, "format('CREATE ROLE many_%s', i)"),
                loop(200, "format('CREATE TABLE t_%s ()', i)"),
                loop(
                    20_000,
                    """
                    format('GRANT SELECT ON t_%s TO many_%s', i % 200 + 1, (i / 4) % 5000 + 1)
                    """), in: "large")
            let observation = try await server.observe(database: "large")
            #expect(observation.gaps == [])
            #expect(observation.subjects.count { $0.hasPrefix("role:many_") } == 5000)
            var grants = 0
            for subject in observation.subjects where subject.hasPrefix("relation:large.public.t_")
            {
                let members = try observation.document(subject)?["grants"]?.objectValue
                grants += (members?.count ?? 0) - 1
            }
            #expect(grants == 20_000)
            try server.run("DROP DATABASE large")
            try server.run(loop(5000, "format('DROP ROLE many_%s', i)"))
        }
    }
}
