// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// What all databases of a cluster share: roles, memberships, databases, tablespaces.
extension PostgreSQLReader {
    func readCluster(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        // Not a step: without them nothing has a name.
        between("roles")
        try readRoles(connection)
        try step("memberships", missing: ["membership:"], of: connection, readMemberships)
        try step("passwords", missing: ["password:"], of: connection, readPasswords)
        try step("databases", missing: ["database:"], of: connection, readDatabases)
        try step("tablespaces", missing: ["tablespace:"], of: connection, readTablespaces)
        try step("dbrolesettings", missing: ["dbrolesetting:"], of: connection, readRoleSettings)
        if connection.serverVersion >= 150_000 {
            try step("parameters", missing: ["parameter:"], of: connection, readParameters)
        }
        try step("subscriptions", missing: ["subscription:"], of: connection, readSubscriptions)
        try step(
            "subscription sources", missing: ["subscriptionsource:"], of: connection,
            readSubscriptionSources)
    }

    private func readRoles(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let query = """
            SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
                rolreplication, rolbypassrls, rolconnlimit,
                CASE WHEN isfinite(rolvaliduntil)
                    THEN to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                    ELSE rolvaliduntil::text END
            FROM pg_roles
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            let name = try row.text(1)
            roles[try row.oid(0)] = name
            var document: JSONObject = [
                "superuser": try row.truth(2), "inherit": try row.truth(3),
                "createRole": try row.truth(4), "createDatabase": try row.truth(5),
                "login": try row.truth(6), "replication": try row.truth(7),
                "bypassRowSecurity": try row.truth(8), "connectionLimit": try row.integer(9),
            ]
            document["validUntil"] = row.string(10) ?? .null
            add("role:" + PostgreSQLName.part(name), document)
        }
    }

    /// Since version 16 a role can be a member by several grantors, each with options of its own.
    private func readMemberships(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let hasOptions = connection.serverVersion >= 160_000
        let query = """
            SELECT roleid, member, grantor, admin_option\
            \(hasOptions ? ", inherit_option, set_option" : "")
            FROM pg_auth_members ORDER BY roleid, member
            """
        var pairs: [UInt64: JSONObject] = [:]
        try connection.each(query) { row throws(PostgreSQLError) in
            let pair = try UInt64(row.oid(0)) << 32 | UInt64(row.oid(1))
            var options: JSONObject = ["admin": try row.truth(3)]
            if hasOptions {
                options["inherit"] = try row.truth(4)
                options["set"] = try row.truth(5)
            }
            pairs[pair, default: [:]][roleName(try row.oid(2))] = .object(options)
        }
        for (pair, grants) in pairs {
            let role = PostgreSQLName.part(roleName(UInt32(pair >> 32)))
            let member = PostgreSQLName.part(roleName(UInt32(truncatingIfNeeded: pair)))
            add("membership:\(role)/\(member)", ["by": .object(grants)])
        }
    }

    /// Whether a password is set, by what method it is kept, and a keyed digest of what is kept.
    ///
    /// The server hashes it first, so that not even what it keeps is sent.
    private func readPasswords(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let query = """
            SELECT oid, CASE WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256'
                    WHEN rolpassword LIKE 'md5%' THEN 'md5' ELSE 'unknown' END,
                encode(sha256(convert_to(rolpassword, 'UTF8')), 'hex')
            FROM pg_authid WHERE rolpassword IS NOT NULL
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            add(
                "password:" + PostgreSQLName.part(roleName(try row.oid(0))),
                [
                    "method": .string(try row.text(1)),
                    "digest": redactor.digest(Array(try row.text(2).utf8)),
                ])
        }
    }

    private func readDatabases(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let query = """
            SELECT oid, datname, datdba, datallowconn, datconnlimit, datistemplate,
                pg_encoding_to_char(encoding), \(Self.acl("datacl", "d", owner: "datdba"))
            FROM pg_database ORDER BY datname
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            let name = try row.text(1)
            databases[try row.oid(0)] = name
            if try row.bool(3), try row.text(4) != "-2" { openDatabases.append(name) }
            add(
                "database:" + PostgreSQLName.part(name),
                [
                    "owner": role(try row.oid(2)), "allowConnections": try row.truth(3),
                    "connectionLimit": try row.integer(4), "template": try row.truth(5),
                    "encoding": .string(try row.text(6)), "grants": try grants(row.optional(7)),
                ])
        }
    }

    private func readTablespaces(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let query = """
            SELECT spcname, spcowner, pg_tablespace_location(oid), array_to_json(spcoptions),
                \(Self.acl("spcacl", "t", owner: "spcowner"))
            FROM pg_tablespace
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            add(
                "tablespace:" + PostgreSQLName.part(try row.text(0)),
                [
                    "owner": role(try row.oid(1)), "location": .string(try row.text(2)),
                    "options": .object(try options(row.optional(3))),
                    "grants": try grants(row.optional(4)),
                ])
        }
    }

    /// Settings of a database, a role, or a role in a database; `*` stands for all of them.
    private func readRoleSettings(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let query = """
            SELECT setdatabase, setrole, array_to_json(setconfig) FROM pg_db_role_setting
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            let (database, role) = (try row.oid(0), try row.oid(1))
            let databaseName =
                database == 0
                ? "*" : PostgreSQLName.part(databases[database] ?? "oid \(database)")
            let roleName = role == 0 ? "*" : PostgreSQLName.part(self.roleName(role))
            add(
                "dbrolesetting:\(databaseName)/\(roleName)",
                ["settings": .object(try options(row.optional(2)))])
        }
    }

    /// Who may set which parameter that is a superuser's otherwise.
    private func readParameters(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        // Parameters belong to the first superuser, whose OID is 10.
        let query = "SELECT parname, \(Self.acl("paracl", "p", owner: "10")) FROM pg_parameter_acl"
        try connection.each(query) { row throws(PostgreSQLError) in
            add(
                "parameter:" + PostgreSQLName.part(try row.text(0)),
                ["grants": try grants(row.optional(1))])
        }
    }

    private func readSubscriptions(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let query = """
            SELECT subdbid, subname, subowner, subenabled, subslotname,
                array_to_json(subpublications)
            FROM pg_subscription
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            var publications = JSONObject()
            for name in try list(row.optional(5)) { publications[name] = true }
            add(
                subscription("subscription", try row.oid(0), try row.text(1)),
                [
                    "owner": role(try row.oid(2)), "enabled": try row.truth(3),
                    "slot": row.string(4) ?? .null, "publications": .object(publications),
                ])
        }
    }

    /// Where subscriptions get their data from: a keyed digest, as a password may be in it.
    private func readSubscriptionSources(
        _ connection: PostgreSQLConnection
    ) throws(PostgreSQLError) {
        let count = try connection.run("SELECT subdbid FROM pg_subscription LIMIT 1").rows.count
        // Where there is none, the missing right to read them hides nothing.
        guard count > 0 else { return }
        let query = "SELECT subdbid, subname, subconninfo FROM pg_subscription"
        try connection.each(query) { row throws(PostgreSQLError) in
            add(
                subscription("subscriptionsource", try row.oid(0), try row.text(1)),
                ["connection": redactor.digest(Array(try row.text(2).utf8))])
        }
    }

    private func subscription(_ kind: String, _ database: UInt32, _ name: String) -> String {
        "\(kind):" + PostgreSQLName.dotted(databases[database] ?? "oid \(database)", name)
    }
}
