// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// Collects what one look at a cluster gives, on the thread that looks.
///
/// Everything of one database, and of what all databases share, comes from one snapshot; what is
/// no table (settings, files) is read as it is at that moment.
final class PostgreSQLReader {
    let settings: PostgreSQLSettings
    let redactor: Redactor
    /// Called before each step with its name; a place for tests to interfere.
    let between: @Sendable (String) -> Void
    private(set) var leaves: [Leaf] = []
    private(set) var gaps: [CoverageGap] = []
    /// The names of the roles in the snapshot in use.
    var roles: [UInt32: String] = [:]
    var databases: [UInt32: String] = [:]
    /// Those that take connections.
    var openDatabases: [String] = []

    init(
        _ settings: PostgreSQLSettings, redactor: Redactor,
        between: @escaping @Sendable (String) -> Void
    ) {
        self.settings = settings
        self.redactor = redactor
        self.between = between
    }

    // MARK: steps

    /// Runs one step; where it fails, what it found is left out and `missing` become gaps.
    ///
    /// - Throws: what ends the connection.
    func step(
        _ name: String, missing: [String], of connection: PostgreSQLConnection,
        inTransaction: Bool = true,
        _ body: (PostgreSQLConnection) throws(PostgreSQLError) -> Void
    ) throws(PostgreSQLError) {
        between(name)
        let mark = leaves.count
        if inTransaction { try connection.run("SAVEPOINT exequatur_step") }
        do {
            try body(connection)
            if inTransaction { try connection.run("RELEASE SAVEPOINT exequatur_step") }
        } catch {
            leaves.removeSubrange(mark...)
            guard !error.endsConnection else { throw error }
            if inTransaction { try connection.run("ROLLBACK TO SAVEPOINT exequatur_step") }
            for subject in missing {
                gaps.append(
                    CoverageGap(subject: subject, cause: error.cause, detail: error.description))
            }
        }
    }

    /// Reads the names of roles again, for a snapshot of another database.
    func readRoleNames(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        between("role names")
        roles = [:]
        try connection.each("SELECT oid, rolname FROM pg_roles") { row throws(PostgreSQLError) in
            roles[try row.oid(0)] = try row.text(1)
        }
    }

    /// Takes back what was found of a database that could not be read to its end.
    func remove(database: String) {
        let name = PostgreSQLName.part(database)
        let beginnings = Self.databaseKinds.map { Array("\($0):\(name).".utf8) }
        leaves.removeAll { leaf in beginnings.contains { leaf.subject.utf8.starts(with: $0) } }
        gaps.removeAll { gap in
            beginnings.contains { gap.subject?.utf8.starts(with: $0) ?? false }
        }
    }

    func gap(_ subject: String?, _ cause: CoverageGap.Cause, _ detail: String) {
        gaps.append(CoverageGap(subject: subject, cause: cause, detail: detail))
    }

    /// Adds a leaf; one that can't be taken is a gap.
    func add(_ subject: String, _ document: JSONObject) {
        guard subject.utf8.count <= Subject.maximumBytes else {
            // Its beginning names it well enough for people; `:` at the end covers its kind.
            let kind = subject.utf8.prefix { $0 != UInt8(ascii: ":") }
            gap(
                String(decoding: Array(kind) + [UInt8(ascii: ":")], as: UTF8.self), .tooLarge,
                "a name with more than \(Subject.maximumBytes) bytes")
            return
        }
        do {
            let leaf = try Leaf(
                subject: subject, document: try redactor.redact(.object(document)))
            guard leaf.document.count <= DriftLimits.documentBytes else {
                gap(
                    subject, .tooLarge,
                    "\(leaf.document.count) bytes, at most \(DriftLimits.documentBytes)")
                return
            }
            leaves.append(leaf)
        } catch {
            gap(subject, .malformed, "no canonical form: \(error)")
        }
    }

    // MARK: values

    /// The name of a role, or what stands for one that is no more.
    func role(_ oid: UInt32) -> JSON { .string(roleName(oid)) }

    func roleName(_ oid: UInt32) -> String {
        oid == 0 ? PostgreSQLGrants.everybody : roles[oid] ?? "oid \(oid)"
    }

    /// Reads what ``acl(_:_:_:)`` gives.
    func grants(_ text: String?) throws(PostgreSQLError) -> JSON {
        var items: [PostgreSQLGrants.Item] = []
        for entry in (text ?? "").utf8.split(separator: UInt8(ascii: ";")) {
            let fields = entry.split(separator: UInt8(ascii: ",")).map { String($0) ?? "" }
            guard fields.count == 4, let grantee = UInt32(fields[0]),
                let grantor = UInt32(fields[1])
            else { throw PostgreSQLError(.malformed, "unexpected privileges") }
            items.append(
                PostgreSQLGrants.Item(
                    grantee: roleName(grantee), privilege: fields[2],
                    grantor: roleName(grantor), isGrantable: fields[3] == "true"))
        }
        return PostgreSQLGrants(items).json
    }

    /// SQL for the privileges in `column`, written out; where it is NULL, those that PostgreSQL
    /// then takes for granted, so that both are the same.
    static func acl(_ column: String, _ kind: Character, owner: String) -> String {
        exploded("coalesce(\(column), acldefault('\(kind)', \(owner)))")
    }

    static func exploded(_ acl: String) -> String {
        """
        (SELECT string_agg(concat_ws(',', x.grantee, x.grantor, x.privilege_type,
            x.is_grantable::text), ';') FROM aclexplode(\(acl)) x)
        """
    }

    /// A list of `name=value`, written as JSON, as an object; secrets replaced.
    func options(_ text: String?) throws(PostgreSQLError) -> JSONObject {
        var object = JSONObject()
        for entry in try list(text) {
            let bytes = entry.utf8
            let name = String(bytes.prefix { $0 != UInt8(ascii: "=") }) ?? ""
            let value = String(bytes.dropFirst(name.utf8.count + 1)) ?? ""
            object[name] = self.value(value, of: name)
        }
        return object
    }

    /// The texts of an array that was written as JSON.
    func list(_ text: String?) throws(PostgreSQLError) -> [String] {
        try elements(text).map { $0.stringValue ?? "" }
    }

    /// The elements of an array that was written as JSON; none for NULL.
    func elements(_ text: String?) throws(PostgreSQLError) -> [JSON] {
        guard let text else { return [] }
        guard let elements = (try? JSON(parsing: text))?.arrayValue else {
            throw PostgreSQLError(.malformed, "a list that is none, or is too long")
        }
        return elements
    }

    /// A setting's value, or what stands for it where the name says that it is a secret.
    func value(_ text: String, of name: String) -> JSON {
        Self.isSecret(name) && !text.isEmpty ? redactor.digest(Array(text.utf8)) : .string(text)
    }

    /// Settings whose values hold passwords, and those that are called so.
    static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        if name == "password_encryption" { return false }
        return name == "primary_conninfo"
            || ["password", "passwd", "secret", "passphrase", "token", "credential", "apikey"]
                .contains { name.contains($0) }
    }
}

/// A row whose columns are read by place and kind.
struct PostgreSQLRow {
    let values: [String?]

    func optional(_ column: Int) -> String? { column < values.count ? values[column] : nil }

    func text(_ column: Int) throws(PostgreSQLError) -> String {
        guard let text = optional(column) else {
            throw PostgreSQLError(.malformed, "column \(column) is NULL")
        }
        return text
    }

    func bool(_ column: Int) throws(PostgreSQLError) -> Bool {
        switch optional(column) {
        case "t": true
        case "f": false
        default: throw PostgreSQLError(.malformed, "column \(column) is no truth value")
        }
    }

    func truth(_ column: Int) throws(PostgreSQLError) -> JSON { .bool(try bool(column)) }

    func oid(_ column: Int) throws(PostgreSQLError) -> UInt32 {
        guard let oid = UInt32(try text(column)) else {
            throw PostgreSQLError(.malformed, "column \(column) is no OID")
        }
        return oid
    }

    func integer(_ column: Int) throws(PostgreSQLError) -> JSON {
        guard let number = Int64(try text(column)) else {
            throw PostgreSQLError(.malformed, "column \(column) is no integer")
        }
        return .int(number)
    }

    /// The text of a column, or nothing for NULL.
    func string(_ column: Int) -> JSON? { optional(column).map { .string($0) } }
}

extension PostgreSQLConnection {
    /// Calls `body` for each row of a query.
    func each(
        _ query: String, _ parameters: [String?] = [],
        _ body: (PostgreSQLRow) throws(PostgreSQLError) -> Void
    ) throws(PostgreSQLError) {
        for values in try run(query, parameters).rows { try body(PostgreSQLRow(values: values)) }
    }
}
