// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// Privileges on databases, schemas, relations and their columns, routines, languages, tablespaces.
extension PostgreSQLPlan {
    private typealias Item = PostgreSQLGrants.Item
    /// Where, what was observed, and what should be.
    private typealias Change = (Target, PostgreSQLGrants, PostgreSQLGrants)

    /// Where one kind of things has its privileges, and how SQL names one.
    private struct Target {
        /// After `ON`: `TABLE "s"."t"`.
        let name: String
        /// SQL for its privileges, as they are or as PostgreSQL takes them for granted.
        let privileges: String
        /// For the privileges of a column: `("c")`.
        var column = ""
    }

    mutating func fixGrants(
        _ parts: PostgreSQLName.Parts, wanted: JSON?, observed: JSON?
    ) throws(DriftError) {
        guard var wanted = wanted?.objectValue, var observed = observed?.objectValue else {
            throw DriftError("\(Self.none): the thing itself appeared or is gone")
        }
        let grants = (wanted["grants"], observed["grants"])
        let columns = (wanted["columns"], observed["columns"])
        for member in ["grants", "columns"] {
            // `nil` would be the literal of JSON here.
            wanted[member] = Optional<JSON>.none
            observed[member] = Optional<JSON>.none
        }
        guard wanted == observed else {
            throw DriftError("\(Self.none): more than privileges differs")
        }
        let (kind, isRelation) = try Self.kind(parts, wanted)
        let target = try Self.target(parts, kind)
        database = isRelation || parts.names.count > 1 ? parts.names[0] : nil
        var work: [Change] = [
            (target, try PostgreSQLGrants(grants.1), try PostgreSQLGrants(grants.0))
        ]
        let (then, now) = (columns.0?.objectValue ?? [:], columns.1?.objectValue ?? [:])
        for name in then.keys + now.keys.filter({ then[$0] == nil }) {
            work.append(
                (
                    try Self.column(name, parts, target), try PostgreSQLGrants(now[name]),
                    try PostgreSQLGrants(then[name])
                ))
        }
        let owner = wanted["owner"]?.stringValue ?? ""
        let all = work
        work.removeAll { Set($0.1.items) == Set($0.2.items) }
        for one in work {
            try require(
                try Self.holds(one.0, one.1), "exequatur: privileges are not as they were observed")
        }
        for one in work { try change(one.0, from: one.1, to: one.2, owner: owner) }
        for column in all.dropFirst() { try restore(column, after: all[0], owner: owner) }
        for one in work {
            try require(
                try Self.holds(one.0, one.2),
                "exequatur: privileges have not become what was approved")
        }
    }

    // MARK: what is granted on

    private static func kind(
        _ parts: PostgreSQLName.Parts, _ document: JSONObject
    ) throws(DriftError) -> (String, isRelation: Bool) {
        let count = parts.names.count
        let hasDots = parts.separators.allSatisfy { $0 == UInt8(ascii: ".") }
        guard hasDots, (parts.arguments != nil) == (parts.kind == "routine") else {
            throw DriftError(none)
        }
        switch (parts.kind, count) {
        case ("database", 1), ("tablespace", 1): return (parts.kind, false)
        case ("schema", 2), ("language", 2): return (parts.kind, true)
        case ("routine", 3): return (parts.kind, true)
        case ("relation", 3):
            return (document["kind"]?.stringValue == "sequence" ? "sequence" : "table", true)
        default: throw DriftError(none)
        }
    }

    private static func target(
        _ parts: PostgreSQLName.Parts, _ kind: String
    ) throws(DriftError) -> Target {
        let last = parts.names[parts.names.count - 1]
        let name = try PostgreSQLName.identifier(last)
        let literal = try PostgreSQLName.literal(last)
        func single(_ word: String, _ table: String, _ prefix: String, _ letter: String) -> Target {
            Target(
                name: "\(word) \(name)",
                privileges: privileges(
                    "pg_catalog.\(table)", prefix, "'\(letter)'", "\(prefix)name = \(literal)"))
        }
        switch kind {
        case "database": return single("DATABASE", "pg_database", "dat", "d")
        case "tablespace": return single("TABLESPACE", "pg_tablespace", "spc", "t")
        case "schema": return single("SCHEMA", "pg_namespace", "nsp", "n")
        case "language": return single("LANGUAGE", "pg_language", "lan", "l")
        case "routine": return try routine(parts)
        default:
            let schema = try PostgreSQLName.identifier(parts.names[1])
            return Target(
                name: "\(kind.uppercased()) \(schema).\(name)",
                privileges: privileges(
                    "pg_catalog.pg_class", "rel", kind == "sequence" ? "'s'" : "'r'",
                    "oid = \(try relation(parts))"))
        }
    }

    /// SQL for the OID of a relation; by its name as a value, so that nothing has to be parsed.
    private static func relation(_ parts: PostgreSQLName.Parts) throws(DriftError) -> String {
        """
        (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
        ON n.oid = c.relnamespace WHERE n.nspname = \(try PostgreSQLName.literal(parts.names[1])) \
        AND c.relname = \(try PostgreSQLName.literal(parts.names[2])))
        """
    }

    private static func routine(_ parts: PostgreSQLName.Parts) throws(DriftError) -> Target {
        var types: [String] = []
        for type in parts.arguments ?? [] {
            let names = type.count == 1 ? ["pg_catalog"] + type : type
            types.append(
                try PostgreSQLName.identifier(names[0]) + "."
                    + PostgreSQLName.identifier(names[1]))
        }
        let schema = try PostgreSQLName.identifier(parts.names[1])
        let name = try PostgreSQLName.identifier(parts.names[2])
        let signature = "\(schema).\(name)(\(types.joined(separator: ", ")))"
        return Target(
            name: "ROUTINE \(signature)",
            privileges: privileges(
                "pg_catalog.pg_proc", "pro", "'f'",
                "oid = pg_catalog.to_regprocedure(\(try PostgreSQLName.literal(signature)))"))
    }

    private static func column(
        _ name: String, _ parts: PostgreSQLName.Parts, _ table: Target
    ) throws(DriftError) -> Target {
        Target(
            name: table.name,
            privileges: """
                SELECT attacl FROM pg_catalog.pg_attribute WHERE NOT attisdropped
                  AND attname = \(try PostgreSQLName.literal(name))
                  AND attrelid = \(try relation(parts))
                """, column: " (\(try PostgreSQLName.identifier(name)))")
    }

    private static func privileges(
        _ table: String, _ prefix: String, _ letter: String, _ condition: String
    ) -> String {
        let owner = prefix == "dat" ? "dba" : "owner"
        return """
            SELECT coalesce(\(prefix)acl, pg_catalog.acldefault(\(letter), \(prefix)\(owner)))
              FROM \(table) WHERE \(condition)
            """
    }

    // MARK: guards

    /// SQL that holds where the privileges are exactly these.
    private static func holds(
        _ target: Target, _ grants: PostgreSQLGrants
    ) throws(DriftError) -> String {
        var rows: [String] = []
        for item in grants.items {
            let texts = try [item.grantee, item.privilege, item.grantor].map {
                text throws(DriftError) in try PostgreSQLName.literal(text) + "::text"
            }
            rows.append("(\(texts.joined(separator: ", ")), \(item.isGrantable))")
        }
        let wanted =
            rows.isEmpty
            ? "SELECT ''::text, ''::text, ''::text, false WHERE false"
            : "VALUES " + rows.joined(separator: ", ")
        return """
            WITH live AS (SELECT CASE WHEN x.grantee = 0 THEN '\(PostgreSQLGrants.everybody)'
                  ELSE coalesce(e.rolname::text, 'oid ' || x.grantee) END,
                x.privilege_type, coalesce(o.rolname::text, 'oid ' || x.grantor), x.is_grantable
              FROM pg_catalog.aclexplode((\(target.privileges))) x
              LEFT JOIN pg_catalog.pg_roles e ON e.oid = x.grantee
              LEFT JOIN pg_catalog.pg_roles o ON o.oid = x.grantor),
            wanted AS (\(wanted))
            SELECT NOT EXISTS ((SELECT * FROM live EXCEPT SELECT * FROM wanted)
                UNION ALL (SELECT * FROM wanted EXCEPT SELECT * FROM live))
            """
    }

    // MARK: statements

    private mutating func change(
        _ target: Target, from observed: PostgreSQLGrants, to wanted: PostgreSQLGrants,
        owner: String
    ) throws(DriftError) {
        // Who granted with what was granted goes first; who is granted on with it last.
        let extra = Self.ordered(
            observed.items.filter { item in !wanted.items.contains { $0.isSameGrant(as: item) } })
        let missing = Self.ordered(
            wanted.items.filter { item in !observed.items.contains { $0.isSameGrant(as: item) } })
        for item in extra {
            try say("REVOKE", item, target, "FROM", owner: owner)
        }
        for item in observed.items where item.isGrantable {
            guard wanted.items.contains(where: { $0.isSameGrant(as: item) && !$0.isGrantable })
            else { continue }
            try say("REVOKE GRANT OPTION FOR", item, target, "FROM", owner: owner)
        }
        for item in wanted.items where item.isGrantable {
            guard observed.items.contains(where: { $0.isSameGrant(as: item) && !$0.isGrantable })
            else { continue }
            try say("GRANT", item, target, "TO", owner: owner)
        }
        for item in missing.reversed() {
            try say("GRANT", item, target, "TO", owner: owner)
        }
    }

    /// Grants again on a column what was taken from it along with the same on its table.
    private mutating func restore(
        _ column: Change, after table: Change, owner: String
    ) throws(DriftError) {
        for item in column.2.items where column.1.items.contains(item) {
            let isTaken = table.1.items.contains { before in
                UTF8Bytes.areEqual(before.grantee, item.grantee)
                    && UTF8Bytes.areEqual(before.privilege, item.privilege)
                    && !table.2.items.contains(before)
            }
            if isTaken { try say("GRANT", item, column.0, "TO", owner: owner) }
        }
    }

    /// Puts what was granted by the right of another before that other.
    private static func ordered(_ items: [Item]) -> [Item] {
        var (rest, result): ([Item], [Item]) = (items, [])
        while !rest.isEmpty {
            let free = rest.filter { item in
                !rest.contains {
                    $0 != item && UTF8Bytes.areEqual($0.grantor, item.grantee)
                        && UTF8Bytes.areEqual($0.privilege, item.privilege)
                }
            }
            // A circle can't be; should it, the server says so.
            guard !free.isEmpty else { return result + rest }
            result += free
            rest.removeAll { free.contains($0) }
        }
        return result
    }

    private static let privileges: Set<String> = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "USAGE",
        "CREATE", "CONNECT", "TEMPORARY", "EXECUTE", "MAINTAIN",
    ]

    private mutating func say(
        _ verb: String, _ item: Item, _ target: Target, _ preposition: String, owner: String
    ) throws(DriftError) {
        // A word of SQL can't be quoted, so that only known ones are written.
        guard Self.privileges.contains(item.privilege) else {
            throw DriftError("unknown privilege `\(item.privilege)`: \(Self.none)")
        }
        let grantee =
            UTF8Bytes.areEqual(item.grantee, PostgreSQLGrants.everybody)
            ? "PUBLIC" : try PostgreSQLName.identifier(item.grantee)
        let option = verb == "GRANT" && item.isGrantable ? " WITH GRANT OPTION" : ""
        // A superuser grants as the owner; what another granted only that other takes back.
        let isOwners = UTF8Bytes.areEqual(item.grantor, owner)
        if !isOwners {
            statements.append("SET LOCAL ROLE \(try PostgreSQLName.identifier(item.grantor))")
        }
        statements.append(
            "\(verb) \(item.privilege)\(target.column) ON \(target.name) \(preposition) "
                + "\(grantee)\(option)")
        if !isOwners { statements.append("RESET ROLE") }
    }
}
