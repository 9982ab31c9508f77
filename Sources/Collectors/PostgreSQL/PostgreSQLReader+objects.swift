// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// What one database holds that somebody has rights on.
extension PostgreSQLReader {
    /// The kinds of subjects of a database; each gap of a whole database names them all.
    static let databaseKinds = [
        "column", "defaultacl", "eventtrigger", "extension", "foreigndata", "foreignserver",
        "language", "policy", "publication", "relation", "routine", "schema",
    ]

    func readObjects(
        _ connection: PostgreSQLConnection, database: String
    ) throws(PostgreSQLError) {
        let name = PostgreSQLName.part(database)
        typealias Read = (PostgreSQLConnection) throws(PostgreSQLError) -> Void
        func look(_ kind: String, _ read: Read) throws(PostgreSQLError) {
            try step(kind, missing: ["\(kind):\(name)."], of: connection, read)
        }
        try look("schema") { c throws(PostgreSQLError) in try readSchemas(c, name) }
        try look("relation") { c throws(PostgreSQLError) in try readRelations(c, name) }
        try look("routine") { c throws(PostgreSQLError) in try readRoutines(c, name) }
        try look("language") { c throws(PostgreSQLError) in try readLanguages(c, name) }
        try look("defaultacl") { c throws(PostgreSQLError) in try readDefaults(c, name) }
        try look("policy") { c throws(PostgreSQLError) in try readPolicies(c, name) }
        try look("extension") { c throws(PostgreSQLError) in try readExtensions(c, name) }
        try look("eventtrigger") { c throws(PostgreSQLError) in try readEventTriggers(c, name) }
        try look("publication") { c throws(PostgreSQLError) in try readPublications(c, name) }
        try look("foreigndata") { c throws(PostgreSQLError) in try readForeignData(c, name) }
        try look("foreignserver") { c throws(PostgreSQLError) in try readServers(c, name) }
    }

    /// What tells that something is not one of PostgreSQL's own as it was made.
    ///
    /// Those are several thousand, and of interest once their owner or their privileges are not
    /// the initial ones. `i` is the row of ``initial(_:catalog:)``.
    private static func isOurs(_ alias: String, _ prefix: String, _ kind: String) -> String {
        let (acl, owner) = ("\(alias).\(prefix)acl", "\(alias).\(prefix)owner")
        let standard = "acldefault(\(kind), \(owner))"
        return """
            (\(alias).oid >= 16384 OR \(owner) <> 10
                OR \(differs(acl, "i.initprivs", standard: standard)))
            """
    }

    private static func initial(_ alias: String, catalog: String) -> String {
        """
        LEFT JOIN pg_init_privs i ON i.objoid = \(alias).oid AND i.objsubid = 0
            AND i.classoid = '\(catalog)'::regclass
        """
    }

    /// Whether two lists of privileges are not the same set; almost always they are the same list,
    /// and the costly comparison is not asked.
    private static func differs(_ one: String, _ other: String, standard: String) -> String {
        let (left, right) = ("coalesce(\(one), \(standard))", "coalesce(\(other), \(standard))")
        return """
            CASE WHEN \(one) IS NOT DISTINCT FROM \(other) THEN false
                ELSE NOT (\(left) @> \(right) AND \(left) <@ \(right)) END
            """
    }

    /// Schemas of sessions and of large values are nobody's to grant on.
    static let isLasting = "n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast%'"

    private func readSchemas(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let query = """
            SELECT nspname, nspowner, \(Self.acl("nspacl", "n", owner: "nspowner"))
            FROM pg_namespace n WHERE \(Self.isLasting)
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            add(
                "schema:\(database)." + PostgreSQLName.part(try row.text(0)),
                ["owner": role(try row.oid(1)), "grants": try grants(row.optional(2))])
        }
    }

    private static let relationKinds: [String: String] = [
        "r": "table", "p": "partitioned table", "v": "view", "m": "materialized view",
        "S": "sequence", "f": "foreign table",
    ]

    /// Tables, views and sequences with the privileges on them and on their columns.
    private func readRelations(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let columns = try readColumns(connection)
        let kind = "CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\""
        let differs = Self.differs("a.attacl", "ai.initprivs", standard: "'{}'::aclitem[]")
        let query = """
            SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relrowsecurity,
                c.relforcerowsecurity, array_to_json(c.reloptions),
                \(Self.exploded("coalesce(c.relacl, acldefault(\(kind), c.relowner))"))
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                \(Self.initial("c", catalog: "pg_class"))
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
                AND \(Self.isLasting)
                AND (\(Self.isOurs("c", "rel", kind)) OR c.oid IN (
                    SELECT a.attrelid FROM pg_attribute a LEFT JOIN pg_init_privs ai
                        ON ai.objoid = a.attrelid AND ai.objsubid = a.attnum
                        AND ai.classoid = 'pg_class'::regclass
                    WHERE a.attnum > 0 AND \(differs)))
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            guard let kind = Self.relationKinds[try row.text(3)] else {
                throw PostgreSQLError(.malformed, "unexpected kind of relation")
            }
            var document: JSONObject = [
                "kind": .string(kind), "owner": role(try row.oid(4)),
                "grants": try grants(row.optional(8)),
            ]
            if let granted = columns[try row.oid(0)] { document["columns"] = .object(granted) }
            switch kind {
            case "table", "partitioned table":
                document["rowSecurity"] = [
                    "enabled": try row.truth(5), "forced": try row.truth(6),
                ]
            case "view":
                // With whose rights it reads, and whether conditions may be moved past it.
                let options = try options(row.optional(7))
                document["securityInvoker"] = options["security_invoker"] ?? "false"
                document["securityBarrier"] = options["security_barrier"] ?? "false"
            default: break
            }
            let (schema, name) = (try row.text(1), try row.text(2))
            add("relation:\(database)." + PostgreSQLName.dotted(schema, name), document)
        }
    }

    /// The privileges on columns by relation: there are none by default.
    private func readColumns(
        _ connection: PostgreSQLConnection
    ) throws(PostgreSQLError) -> [UInt32: JSONObject] {
        let query = """
            SELECT attrelid, attname, \(Self.exploded("attacl"))
            FROM pg_attribute WHERE attacl IS NOT NULL AND NOT attisdropped
            """
        var found: [UInt32: JSONObject] = [:]
        try connection.each(query) { row throws(PostgreSQLError) in
            guard let privileges = row.optional(2) else { return }
            found[try row.oid(0), default: [:]][try row.text(1)] = try grants(privileges)
        }
        return found
    }

    private static let routineKinds: [String: String] = [
        "f": "function", "p": "procedure", "a": "aggregate", "w": "window function",
    ]

    /// Functions and procedures; the digest of the body of those that run with their owner's
    /// rights, whose body is as good as a grant.
    private func readRoutines(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let body =
            connection.serverVersion >= 140_000
            ? "concat_ws(chr(10), p.prosrc, p.probin, p.prosqlbody::text)"
            : "concat_ws(chr(10), p.prosrc, p.probin)"
        let query = """
            SELECT n.nspname, p.proname, p.prokind, p.proowner, p.prosecdef, l.lanname,
                array_to_json(p.proconfig), CASE WHEN p.prosecdef
                    THEN encode(sha256(convert_to(\(body), 'UTF8')), 'hex') END,
                (SELECT json_agg(json_build_array(tn.nspname, t.typname) ORDER BY u.place)
                    FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(type, place)
                    JOIN pg_type t ON t.oid = u.type
                    JOIN pg_namespace tn ON tn.oid = t.typnamespace),
                \(Self.acl("p.proacl", "f", owner: "p.proowner"))
            FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                JOIN pg_language l ON l.oid = p.prolang
                \(Self.initial("p", catalog: "pg_proc"))
            WHERE \(Self.isLasting) AND \(Self.isOurs("p", "pro", "'f'"))
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            let kind = try row.text(2)
            var document: JSONObject = [
                "kind": .string(Self.routineKinds[kind] ?? kind), "owner": role(try row.oid(3)),
                "securityDefiner": try row.truth(4), "language": .string(try row.text(5)),
                "grants": try grants(row.optional(9)),
            ]
            let settings = try options(row.optional(6))
            if !settings.isEmpty { document["settings"] = .object(settings) }
            if let digest = row.optional(7) { document["body"] = .string("sha256:\(digest)") }
            let name = PostgreSQLName.dotted(try row.text(0), try row.text(1))
            let arguments = try argumentTypes(row.optional(8))
            add("routine:\(database).\(name)(\(arguments))", document)
        }
    }

    /// The types of arguments by their names in the catalogue, `pg_catalog` left out.
    private func argumentTypes(_ text: String?) throws(PostgreSQLError) -> String {
        try elements(text).map { type in
            let (schema, name) = (type[0]?.stringValue ?? "", type[1]?.stringValue ?? "")
            return schema == "pg_catalog"
                ? PostgreSQLName.part(name) : PostgreSQLName.dotted(schema, name)
        }.joined(separator: ",")
    }

    private func readLanguages(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let query = """
            SELECT lanname, lanowner, lanpltrusted, \(Self.acl("lanacl", "l", owner: "lanowner"))
            FROM pg_language
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            add(
                "language:\(database)." + PostgreSQLName.part(try row.text(0)),
                [
                    "owner": role(try row.oid(1)), "trusted": try row.truth(2),
                    "grants": try grants(row.optional(3)),
                ])
        }
    }

    private static let defaultKinds: [String: String] = [
        "r": "tables", "S": "sequences", "f": "routines", "T": "types", "n": "schemas",
        "L": "large objects",
    ]

    /// What later objects will be granted; PostgreSQL has no row where nobody changed it.
    private func readDefaults(
        _ connection: PostgreSQLConnection, _ database: String
    ) throws(PostgreSQLError) {
        let query = """
            SELECT d.defaclrole, n.nspname, d.defaclobjtype, \(Self.exploded("d.defaclacl"))
            FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            let kind = try row.text(2)
            let schema = row.optional(1).map(PostgreSQLName.part) ?? "*"
            let owner = PostgreSQLName.part(roleName(try row.oid(0)))
            let what = PostgreSQLName.part(Self.defaultKinds[kind] ?? kind)
            add(
                "defaultacl:\(database).\(schema)/\(owner)/\(what)",
                ["grants": try grants(row.optional(3))])
        }
    }
}
