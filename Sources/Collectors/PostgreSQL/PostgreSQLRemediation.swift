// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import DriftCore

/// SQL that turns a subject as it was observed into what it should be.
///
/// It is for one transaction: the first statement refuses unless the subject is still as it was
/// observed, the last unless it has become what it should be. Only role attributes, memberships
/// and privileges have such a way back; for anything else a person has to decide how.
package struct PostgreSQLRemediation: Sendable, Hashable {
    /// Where to run it; nil where any database of the cluster will do.
    package let database: String?
    /// In this order, each one statement.
    package let statements: [String]
    /// What people should know of it; told with the outcome.
    package let notes: [String]

    /// The most statements of one: more are not reviewed.
    package static let mostStatements = 1000

    /// Plans it; without statements where nothing is to do.
    ///
    /// - Parameters:
    ///   - subject: as the collector names it.
    ///   - wanted: the document that should be; nil where the subject should not be there.
    ///   - observed: the document that was found; nil where the subject was not there.
    /// - Throws: ``DriftError`` where there is no automatic fix, and for a document that is none
    ///   of the collector's.
    package init(subject: String, wanted: JSON?, observed: JSON?) throws(DriftError) {
        guard let parts = PostgreSQLName.parse(subject) else {
            throw DriftError("`\(subject)`: there is no automatic fix, change it by hand")
        }
        var plan = PostgreSQLPlan()
        if wanted != observed {
            switch parts.kind {
            case "role": try plan.fixRole(parts, wanted: wanted, observed: observed)
            case "membership": try plan.fixMembership(parts, wanted: wanted, observed: observed)
            default: try plan.fixGrants(parts, wanted: wanted, observed: observed)
            }
        }
        guard plan.statements.count <= Self.mostStatements else {
            throw DriftError(
                "`\(subject)`: \(plan.statements.count) statements, at most "
                    + "\(Self.mostStatements): change it by hand")
        }
        database = plan.database
        statements = plan.statements
        notes = plan.notes
    }
}

/// A plan while it is made.
struct PostgreSQLPlan {
    var database: String?
    var statements: [String] = []
    var notes: [String] = []

    static let none = "no automatic fix, change it by hand"

    /// A statement that fails unless `condition`, an SQL expression, holds.
    mutating func require(_ condition: String, _ failure: String) throws(DriftError) {
        let body = """
             BEGIN
              IF (\(condition)) IS NOT TRUE THEN
                RAISE EXCEPTION USING ERRCODE = '\(PostgreSQLExecutor.changedState)',
                  MESSAGE = \(try PostgreSQLName.literal(failure));
              END IF;
            END
            """
        statements.append("DO \(PostgreSQLName.dollarQuoted(body))")
    }

    // MARK: roles

    private static let switches: [(member: String, column: String, on: String, off: String)] = [
        ("superuser", "rolsuper", "SUPERUSER", "NOSUPERUSER"),
        ("inherit", "rolinherit", "INHERIT", "NOINHERIT"),
        ("createRole", "rolcreaterole", "CREATEROLE", "NOCREATEROLE"),
        ("createDatabase", "rolcreatedb", "CREATEDB", "NOCREATEDB"),
        ("login", "rolcanlogin", "LOGIN", "NOLOGIN"),
        ("replication", "rolreplication", "REPLICATION", "NOREPLICATION"),
        ("bypassRowSecurity", "rolbypassrls", "BYPASSRLS", "NOBYPASSRLS"),
    ]

    mutating func fixRole(
        _ parts: PostgreSQLName.Parts, wanted: JSON?, observed: JSON?
    ) throws(DriftError) {
        guard parts.names.count == 1, parts.arguments == nil else { throw DriftError(Self.none) }
        let name = parts.names[0]
        let identifier = try PostgreSQLName.identifier(name)
        try require(try Self.holds(name, observed), "exequatur: the role is not as it was observed")
        guard let wanted else {
            statements.append("DROP ROLE \(identifier)")
            notes.append("drops the role; it fails while the role owns or may do something")
            try require(try Self.holds(name, nil), "exequatur: the role is still there")
            return
        }
        var options: [String] = []
        for one in Self.switches {
            let value = try Self.truth(wanted, one.member)
            let before = try observed.map { json throws(DriftError) in
                try Self.truth(json, one.member)
            }
            if value != before { options.append(value ? one.on : one.off) }
        }
        if wanted["connectionLimit"] != observed?["connectionLimit"] {
            options.append("CONNECTION LIMIT \(try Self.limit(wanted))")
        }
        let until = (try Self.validUntil(wanted), try observed.flatMap(Self.validUntil))
        if until.0 != until.1 {
            guard let end = until.0 else {
                throw DriftError("\(Self.none): nothing takes back that a password's time ends")
            }
            options.append("VALID UNTIL \(end)")
        }
        if observed == nil { notes.append("creates the role without a password and memberships") }
        let verb = observed == nil ? "CREATE" : "ALTER"
        statements.append("\(verb) ROLE \(identifier) WITH \(options.joined(separator: " "))")
        try require(
            try Self.holds(name, wanted), "exequatur: the role has not become what was approved")
    }

    private static func holds(_ name: String, _ document: JSON?) throws(DriftError) -> String {
        let named = "FROM pg_catalog.pg_roles WHERE rolname = \(try PostgreSQLName.literal(name))"
        guard let document else { return "NOT EXISTS (SELECT \(named))" }
        var conditions: [String] = []
        for one in switches {
            conditions.append((try truth(document, one.member) ? "" : "NOT ") + one.column)
        }
        conditions.append("rolconnlimit = \(try limit(document))")
        conditions.append(
            try validUntil(document).map {
                "rolvaliduntil = \($0)::pg_catalog.timestamptz"
            } ?? "rolvaliduntil IS NULL")
        return "EXISTS (SELECT \(named) AND \(conditions.joined(separator: " AND ")))"
    }

    private static func truth(_ document: JSON, _ member: String) throws(DriftError) -> Bool {
        guard let value = document[member]?.boolValue else {
            throw DriftError("the document has no `\(member)`: it is none of PostgreSQL's")
        }
        return value
    }

    private static func limit(_ document: JSON) throws(DriftError) -> Int64 {
        guard let limit = document["connectionLimit"]?.intValue else {
            throw DriftError("the document has no `connectionLimit`: it is none of PostgreSQL's")
        }
        return limit
    }

    private static func validUntil(_ document: JSON) throws(DriftError) -> String? {
        guard let text = document["validUntil"]?.stringValue else { return nil }
        return try PostgreSQLName.literal(text)
    }

    // MARK: memberships

    private struct Membership {
        let grantor: String
        let options: [(name: String, isOn: Bool)]

        static func read(_ document: JSON?) throws(DriftError) -> [Membership] {
            var found: [Membership] = []
            for (grantor, options) in document?["by"]?.objectValue ?? [:] {
                var read: [(String, Bool)] = []
                for name in ["admin", "inherit", "set"] {
                    if let isOn = options[name]?.boolValue { read.append((name, isOn)) }
                }
                guard read.count == 1 || read.count == 3 else {
                    throw DriftError("the document is no membership of PostgreSQL")
                }
                found.append(Membership(grantor: grantor, options: read))
            }
            return found
        }

        /// Only since version 16 each grantor has a membership of its own.
        var isNew: Bool { options.count == 3 }

        func isSame(as other: Membership) -> Bool {
            UTF8Bytes.areEqual(grantor, other.grantor)
                && options.map(\.isOn) == other.options.map(\.isOn)
        }
    }

    mutating func fixMembership(
        _ parts: PostgreSQLName.Parts, wanted: JSON?, observed: JSON?
    ) throws(DriftError) {
        guard parts.names.count == 2, parts.separators == [UInt8(ascii: "/")],
            parts.arguments == nil
        else { throw DriftError(Self.none) }
        let role = try PostgreSQLName.identifier(parts.names[0])
        let member = try PostgreSQLName.identifier(parts.names[1])
        let (now, then) = (try Membership.read(observed), try Membership.read(wanted))
        try require(
            try Self.holds(parts, now), "exequatur: the membership is not as it was observed")
        for one in now where !then.contains(where: { $0.isSame(as: one) }) {
            let by = try one.isNew ? " GRANTED BY \(PostgreSQLName.identifier(one.grantor))" : ""
            statements.append("REVOKE \(role) FROM \(member)\(by)")
        }
        for one in then where !now.contains(where: { $0.isSame(as: one) }) {
            let isAdmin = one.options.first?.isOn ?? false
            let options =
                one.isNew
                ? " WITH "
                    + one.options.map { "\($0.name.uppercased()) \($0.isOn ? "TRUE" : "FALSE")" }
                    .joined(separator: ", ")
                : isAdmin ? " WITH ADMIN OPTION" : ""
            let by = try PostgreSQLName.identifier(one.grantor)
            statements.append("GRANT \(role) TO \(member)\(options) GRANTED BY \(by)")
        }
        try require(
            try Self.holds(parts, then),
            "exequatur: the membership has not become what was approved")
    }

    private static func holds(
        _ parts: PostgreSQLName.Parts, _ memberships: [Membership]
    ) throws(DriftError) -> String {
        let found = """
            FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
            JOIN pg_catalog.pg_roles p ON p.oid = m.member
            LEFT JOIN pg_catalog.pg_roles g ON g.oid = m.grantor
            WHERE r.rolname = \(try PostgreSQLName.literal(parts.names[0]))
            AND p.rolname = \(try PostgreSQLName.literal(parts.names[1]))
            """
        var conditions = ["(SELECT count(*) \(found)) = \(memberships.count)"]
        for one in memberships {
            var wanted = ["g.rolname = \(try PostgreSQLName.literal(one.grantor))"]
            wanted += one.options.map { "\($0.isOn ? "" : "NOT ")m.\($0.name)_option" }
            conditions.append("EXISTS (SELECT \(found) AND \(wanted.joined(separator: " AND ")))")
        }
        return conditions.joined(separator: " AND ")
    }
}
