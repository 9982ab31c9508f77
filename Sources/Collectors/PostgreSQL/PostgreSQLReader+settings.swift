// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import DriftCore

/// What is no table: settings in force, files of settings, and who may connect.
extension PostgreSQLReader {
    /// Settings that are in the snapshot even where nobody touched them: what watches, who gets
    /// in, what is loaded, what is written.
    static let alwaysSettings: [String] = [
        "allow_alter_system", "allow_system_table_mods", "archive_command", "archive_library",
        "archive_mode", "authentication_timeout", "createrole_self_grant", "data_checksums",
        "db_user_namespace", "dynamic_library_path", "event_triggers", "fsync",
        "full_page_writes", "gss_accept_delegation", "hba_file", "ident_file",
        "ignore_system_indexes", "jit_provider", "krb_caseins_users", "krb_server_keyfile",
        "listen_addresses", "lo_compat_privileges", "local_preload_libraries", "log_connections",
        "log_destination", "log_disconnections", "log_hostname", "log_line_prefix",
        "log_min_duration_statement", "log_min_error_statement", "log_min_messages",
        "log_statement", "logging_collector", "password_encryption", "port", "primary_conninfo",
        "restore_command", "row_security", "scram_iterations", "session_preload_libraries",
        "session_replication_role", "shared_preload_libraries", "ssl", "ssl_ca_file",
        "ssl_cert_file", "ssl_ciphers", "ssl_crl_dir", "ssl_crl_file", "ssl_key_file",
        "ssl_max_protocol_version", "ssl_min_protocol_version",
        "ssl_passphrase_command", "superuser_reserved_connections", "synchronous_commit",
        "unix_socket_directories", "unix_socket_group", "unix_socket_permissions", "wal_level",
        "zero_damaged_pages",
    ]

    /// Reads the settings in force; before this connection sets any of its own.
    ///
    /// `pg_settings` shows those of the connection that asks: what came with it is left out, and
    /// what the observing role or its database sets is a gap, as it hides the server's.
    func readSettings(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        // No path is set yet by which names are looked up, so that each says where it is.
        let query = """
            SELECT name, setting, unit, source, pending_restart FROM pg_catalog.pg_settings
            WHERE source OPERATOR(pg_catalog.<>) 'default' OR pending_restart
                OR name OPERATOR(pg_catalog.=) ANY (
                    SELECT pg_catalog.json_array_elements_text($1::pg_catalog.json))
            """
        let names = JSON.array(Self.alwaysSettings.map(JSON.string)).description
        try connection.each(query, [names]) { row throws(PostgreSQLError) in
            let name = try row.text(0)
            let subject = "setting:" + PostgreSQLName.part(name)
            switch try row.text(3) {
            case "client" where name == "application_name" || name == "client_encoding": return
            case "override" where name.hasPrefix("transaction_") || name.hasPrefix("session_"):
                return
            case "client", "session", "user", "database", "database user", "global":
                gap(
                    subject, .unreadable,
                    "a setting of the observing role, its database or its environment hides the "
                        + "server's; remove it there")
                return
            case let source:
                var document: JSONObject = [
                    "value": value(try row.text(1), of: name), "source": .string(source),
                    "pendingRestart": try row.truth(4),
                ]
                if let unit = row.string(2) { document["unit"] = unit }
                add(subject, document)
            }
        }
        let mayReadAll = try connection.run(
            "SELECT pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')")
        guard mayReadAll.rows.first?.first != "t" else { return }
        gap(
            "setting:", .unreadable,
            "settings that only pg_read_all_settings may see are not in the snapshot; "
                + "grant it to the observing role")
    }

    /// What files and files of others say beside what is in force.
    func readFiles(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        try step("setting files", missing: ["settingfile:"], of: connection, readSettingFiles)
        try step("hba", missing: ["hba:file"], of: connection, readRules)
        try step("hba load", missing: ["hba:load"], of: connection, readLoad)
        if connection.serverVersion >= 150_000 {
            try step("ident", missing: ["ident:file"], of: connection, readMappings)
        }
    }

    /// What the configuration files say, `ALTER SYSTEM`'s too, whether it is in force or not.
    private func readSettingFiles(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let query = """
            SELECT DISTINCT ON (name) name, setting, sourcefile, error
            FROM pg_file_settings ORDER BY name, seqno DESC
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            guard let name = row.optional(0) else {
                let reason = VisibleText.escape(row.optional(3) ?? "unknown")
                gap("settingfile:", .malformed, "an error in a configuration file: \(reason)")
                return
            }
            var document: JSONObject = ["value": value(row.optional(1) ?? "", of: name)]
            document["file"] = row.string(2) ?? .null
            document["error"] = row.string(3)
            add("settingfile:" + PostgreSQLName.part(name), document)
        }
    }

    /// The rules of `pg_hba.conf` in their order, which decides: the first that matches counts.
    ///
    /// One document, so that a rule that is put in does not rename those behind it. The server
    /// shows the file, not what it has loaded: see ``readLoad(_:)``.
    private func readRules(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let query = """
            SELECT type, array_to_json(database), array_to_json(user_name), address, netmask,
                auth_method, array_to_json(options), error FROM pg_hba_file_rules
            """
        var rules: [JSON] = []
        try connection.each(query) { row throws(PostgreSQLError) in
            if let error = row.string(7) {
                rules.append(["error": error])
                return
            }
            var rule: JSONObject = [
                "type": .string(try row.text(0)),
                "databases": .array(try list(row.optional(1)).map(JSON.string)),
                "users": .array(try list(row.optional(2)).map(JSON.string)),
                "method": .string(try row.text(5)),
            ]
            rule["address"] = row.string(3)
            rule["netmask"] = row.string(4)
            let options = try self.options(row.optional(6)).map { option in
                Self.isSecretOption(option.key)
                    ? (option.key, redactor.digest(Array((option.value.stringValue ?? "").utf8)))
                    : (option.key, option.value)
            }
            if !options.isEmpty { rule["options"] = .object(JSONObject(unique: options) ?? [:]) }
            rules.append(.object(rule))
        }
        add("hba:file", ["rules": .array(rules)])
    }

    private static func isSecretOption(_ name: String) -> Bool { name == "ldapbindpasswd" }

    /// Whether the rules in the file are those in force: it was last touched before they were
    /// loaded, and has no error, with which none would have been.
    private func readLoad(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        // Since version 16 rules may come from files that the first includes.
        let included =
            connection.serverVersion >= 160_000
            ? "UNION SELECT file_name FROM pg_hba_file_rules" : ""
        let files = "SELECT current_setting('hba_file') AS path \(included)"
        // The time of change rather than of modification: `touch` and `cp -p` set the latter.
        // Both in whole seconds, as the server gives no more of the file's.
        let query = """
            SELECT floor(extract(epoch FROM pg_conf_load_time()))::bigint,
                max(floor(extract(epoch FROM (pg_stat_file(path)).change)))::bigint,
                EXISTS (SELECT FROM pg_hba_file_rules WHERE error IS NOT NULL)
            FROM (\(files)) f
            """
        try connection.each(query) { row throws(PostgreSQLError) in
            let loaded = try row.integer(0).intValue ?? 0
            let changed = try row.integer(1).intValue ?? 0
            if loaded == changed {
                gap(
                    "hba:load", .changing,
                    "pg_hba.conf was changed in the second in which it was loaded; "
                        + "reload once more to be sure")
                return
            }
            let isRefused = try row.bool(2)
            add("hba:load", ["current": .bool(changed < loaded && !isRefused)])
        }
    }

    private func readMappings(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let query = "SELECT map_name, sys_name, pg_username, error FROM pg_ident_file_mappings"
        var rules: [JSON] = []
        try connection.each(query) { row throws(PostgreSQLError) in
            if let error = row.string(3) {
                rules.append(["error": error])
            } else {
                rules.append([
                    "map": .string(try row.text(0)), "system": .string(try row.text(1)),
                    "role": .string(try row.text(2)),
                ])
            }
        }
        add("ident:file", ["mappings": .array(rules)])
    }
}
