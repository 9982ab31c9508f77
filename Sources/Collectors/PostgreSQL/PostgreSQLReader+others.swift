// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// Policies of row level security, and what runs or moves data by itself.
extension PostgreSQLReader {
    private static let commands: [String: String] = [
        "*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE",
    ]

    func readPolicies(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let query = """
            SELECT n.nspname, c.relname, p.polname, p.polcmd, p.polpermissive,
                array_to_json(p.polroles), pg_get_expr(p.polqual, p.polrelid),
                pg_get_expr(p.polwithcheck, p.polrelid)
            FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            var roles = JSONObject()
            for oid in try elements(row.optional(5)) {
                // OIDs are written as strings or numbers, by version.
                let number = oid.intValue ?? oid.stringValue.flatMap { Int64($0) }
                guard let number, let oid = UInt32(exactly: number) else {
                    throw PostgreSQLError(.malformed, "unexpected roles of a policy")
                }
                roles[roleName(oid)] = true
            }
            let command = try row.text(3)
            var document: JSONObject = [
                "command": .string(Self.commands[command] ?? command),
                "permissive": try row.truth(4), "roles": .object(roles),
            ]
            document["using"] = row.string(6) ?? .null
            document["check"] = row.string(7) ?? .null
            let table = PostgreSQLName.dotted(try row.text(0), try row.text(1))
            let name = PostgreSQLName.part(try row.text(2))
            add("policy:\(database).\(table)/\(name)", document)
        }
    }

    func readExtensions(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let query = """
            SELECT e.extname, e.extowner, e.extversion, n.nspname
            FROM pg_extension e LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            var document: JSONObject = [
                "owner": role(try row.oid(1)), "version": .string(try row.text(2)),
            ]
            document["schema"] = row.string(3) ?? .null
            add("extension:\(database)." + PostgreSQLName.part(try row.text(0)), document)
        }
    }

    private static let enabled: [String: String] = [
        "O": "origin", "D": "disabled", "R": "replica", "A": "always",
    ]

    func readEventTriggers(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let query = """
            SELECT t.evtname, t.evtevent, t.evtowner, t.evtenabled, array_to_json(t.evttags),
                n.nspname, p.proname,
                encode(sha256(convert_to(concat_ws(chr(10), p.prosrc, p.probin), 'UTF8')), 'hex')
            FROM pg_event_trigger t LEFT JOIN pg_proc p ON p.oid = t.evtfoid
                LEFT JOIN pg_namespace n ON n.oid = p.pronamespace
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            var tags = JSONObject()
            for tag in try list(row.optional(4)) { tags[tag] = true }
            let state = try row.text(3)
            add(
                "eventtrigger:\(database)." + PostgreSQLName.part(try row.text(0)),
                [
                    "event": .string(try row.text(1)), "owner": role(try row.oid(2)),
                    "enabled": .string(Self.enabled[state] ?? state), "tags": .object(tags),
                    "function": .string(
                        PostgreSQLName.dotted(row.optional(5) ?? "", row.optional(6) ?? "")),
                    "body": .string("sha256:\(try row.text(7))"),
                ])
        }
    }

    /// What is sent to whoever subscribes.
    func readPublications(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let isNew = connection.serverVersion >= 150_000
        let columns = """
            (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
                WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs))
            """
        let tables = """
            (SELECT json_agg(json_build_array(n.nspname, c.relname\
            \(isNew ? ", \(columns), pg_get_expr(r.prqual, r.prrelid)" : ", NULL, NULL")))
                FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace WHERE r.prpubid = p.oid)
            """
        let schemas = """
            (SELECT json_agg(n.nspname) FROM pg_publication_namespace s
                JOIN pg_namespace n ON n.oid = s.pnnspid WHERE s.pnpubid = p.oid)
            """
        let query = """
            SELECT p.pubname, p.pubowner, p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete,
                p.pubtruncate, p.pubviaroot, \(tables), \(isNew ? schemas : "NULL")
            FROM pg_publication p
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            var tables = JSONObject()
            for table in try elements(row.optional(8)) {
                let name = PostgreSQLName.dotted(
                    table[0]?.stringValue ?? "", table[1]?.stringValue ?? "")
                tables[name] = ["columns": table[2] ?? .null, "where": table[3] ?? .null]
            }
            var schemas = JSONObject()
            for schema in try list(row.optional(9)) { schemas[schema] = true }
            add(
                "publication:\(database)." + PostgreSQLName.part(try row.text(0)),
                [
                    "owner": role(try row.oid(1)), "allTables": try row.truth(2),
                    "insert": try row.truth(3), "update": try row.truth(4),
                    "delete": try row.truth(5), "truncate": try row.truth(6),
                    "viaRoot": try row.truth(7), "tables": .object(tables),
                    "schemas": .object(schemas),
                ])
        }
    }

    func readForeignData(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let query = """
            SELECT fdwname, fdwowner, \(Self.acl("fdwacl", "F", owner: "fdwowner"))
            FROM pg_foreign_data_wrapper
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            add(
                "foreigndata:\(database)." + PostgreSQLName.part(try row.text(0)),
                ["owner": role(try row.oid(1)), "grants": try grants(row.optional(2))])
        }
    }

    func readServers(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let query = """
            SELECT srvname, srvowner, array_to_json(srvoptions),
                \(Self.acl("srvacl", "S", owner: "srvowner"))
            FROM pg_foreign_server
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            add(
                "foreignserver:\(database)." + PostgreSQLName.part(try row.text(0)),
                [
                    "owner": role(try row.oid(1)),
                    "options": .object(try options(row.optional(2))),
                    "grants": try grants(row.optional(3)),
                ])
        }
    }
}
