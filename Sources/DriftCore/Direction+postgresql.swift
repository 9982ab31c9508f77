// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// Whether a change in PostgreSQL lets more happen than before, or less.
///
/// Where that can't be told from the two values, it is said to broaden: the expression of a
/// policy, a rule of `pg_hba.conf`, a new owner.
package enum PostgreSQLDirection: String, Sendable, Hashable, CaseIterable {
    case broadening, narrowing, neutral

    /// The direction from `before` (nil for an addition) to `after` (nil for a removal) at `path`
    /// in a subject of the collector; an empty path where the whole subject appeared or went.
    package static func of(
        subject: String, path: KeyPath, before: JSON?, after: JSON?
    ) -> PostgreSQLDirection {
        if before == after { return .neutral }
        let kind = String(subject.utf8.prefix { $0 != UInt8(ascii: ":") }) ?? ""
        let members: [String] = path.steps.map { step in
            if case .member(let name) = step { name } else { "" }
        }
        guard let first = members.first else {
            return ofSubject(kind, subject, before: before, after: after)
        }
        if kind == "defaultacl" { return .broadening }
        if first == "grants" || (first == "columns" && kind == "relation") {
            return ofGrants(before: before, after: after)
        }
        if first == "owner" { return .broadening }
        switch kind {
        case "role": return ofRole(first, before: before, after: after)
        case "membership": return ofMembership(before: before, after: after)
        case "relation": return ofRelation(members, after: after)
        case "setting": return ofSetting(subject, first, after: after)
        case "database": return ofDatabase(first, before: before, after: after)
        case "extension", "tablespace", "settingfile": return .neutral
        case "language": return ofSwitch(after, broadensWhen: true)
        // A document that no longer says whether the rules are those in force.
        case "hba" where first == "current": return .neutral
        case "routine" where first == "securityDefiner":
            return ofSwitch(after, broadensWhen: true)
        case "routine" where first == "kind" || first == "language": return .neutral
        case "publication": return ofPublication(before: before, after: after)
        default: return .broadening
        }
    }

    // MARK: whole subjects

    private static func ofSubject(
        _ kind: String, _ subject: String, before: JSON?, after: JSON?
    ) -> PostgreSQLDirection {
        let isNew = before == nil
        switch kind {
        case "role", "password", "membership", "parameter", "extension", "publication",
            "foreignserver":
            return isNew ? .broadening : .narrowing
        case "policy":
            // A restrictive one takes away: with it less is seen, without it more.
            let isRestrictive = (after ?? before)?["permissive"]?.boolValue == false
            return isNew == isRestrictive ? .narrowing : .broadening
        case "relation", "schema", "database", "tablespace", "routine", "language", "foreigndata":
            guard isNew else { return .neutral }
            return isReachable(kind, after) ? .broadening : .neutral
        case "setting": return ofSetting(subject, "value", after: after?["value"])
        case "settingfile": return .neutral
        default: return .broadening
        }
    }

    /// Whether a new thing is open to others than its owner, or runs with its owner's rights.
    private static func isReachable(_ kind: String, _ document: JSON?) -> Bool {
        if document?["securityDefiner"]?.boolValue == true { return true }
        guard let owner = document?["owner"]?.stringValue,
            let grants = document?["grants"]?.objectValue
        else { return true }
        if document?["columns"] != nil { return true }
        return grants.keys.contains { !UTF8Bytes.areEqual($0, owner) }
    }

    // MARK: members

    /// Something granted, taken, or made `grantable`; whole grantees and privileges too.
    private static func ofGrants(before: JSON?, after: JSON?) -> PostgreSQLDirection {
        switch (weight(before), weight(after)) {
        case let (before, after) where before.isSubset(of: after): .broadening
        case let (before, after) where after.isSubset(of: before): .narrowing
        default: .broadening
        }
    }

    /// What is granted, as paths; what may be passed on counts as one more.
    private static func weight(_ json: JSON?) -> Set<JSON> {
        switch json {
        case .object(let members):
            var found: Set<JSON> = []
            for (key, value) in members {
                for inner in weight(value) { found.insert([.string(key), inner]) }
            }
            return found
        case .string("grantable"): return ["plain", "grantable"]
        case .some(let value): return [value]
        case nil: return []
        }
    }

    private static func ofRole(
        _ member: String, before: JSON?, after: JSON?
    ) -> PostgreSQLDirection {
        switch member {
        case "connectionLimit":
            // -1 is none.
            let (before, after) = (before?.intValue ?? -1, after?.intValue ?? -1)
            return after < 0 || (before >= 0 && after > before) ? .broadening : .narrowing
        case "validUntil":
            guard let after = after?.stringValue, after != "infinity" else { return .broadening }
            guard let before = before?.stringValue, before != "infinity" else {
                return .narrowing
            }
            return UTF8Bytes.precedes(before, after) ? .broadening : .narrowing
        default: return ofSwitch(after, broadensWhen: true)
        }
    }

    private static func ofMembership(before: JSON?, after: JSON?) -> PostgreSQLDirection {
        if after == nil { return .narrowing }
        if before == nil { return .broadening }
        return ofSwitch(after, broadensWhen: true)
    }

    private static func ofRelation(_ members: [String], after: JSON?) -> PostgreSQLDirection {
        switch members.first {
        case "rowSecurity": ofSwitch(after, broadensWhen: false)
        // Written as in the options of the view.
        case "securityInvoker", "securityBarrier":
            after?.stringValue.map { ["true", "on", "1", "yes"].contains($0) } ?? false
                ? .narrowing : .broadening
        default: .neutral
        }
    }

    private static func ofDatabase(
        _ member: String, before: JSON?, after: JSON?
    ) -> PostgreSQLDirection {
        switch member {
        case "connectionLimit": ofRole(member, before: before, after: after)
        // A template can be copied by whoever may create databases.
        case "allowConnections", "template": ofSwitch(after, broadensWhen: true)
        default: .neutral
        }
    }

    private static func ofPublication(before: JSON?, after: JSON?) -> PostgreSQLDirection {
        if before == nil { return .broadening }
        if after == nil { return .narrowing }
        // Columns and conditions of a table: only a person can say.
        return after?.boolValue == nil ? .broadening : ofSwitch(after, broadensWhen: true)
    }

    private static func ofSwitch(
        _ after: JSON?, broadensWhen value: Bool
    ) -> PostgreSQLDirection {
        guard let after = after?.boolValue else { return .broadening }
        return after == value ? .broadening : .narrowing
    }

    // MARK: settings

    /// Settings that watch or protect, with the values by which they do.
    private static let protective: [String: Set<String>] = [
        "allow_alter_system": ["off"], "allow_system_table_mods": ["off"],
        "db_user_namespace": ["off"], "event_triggers": ["on"], "fsync": ["on"],
        "ignore_system_indexes": ["off"], "lo_compat_privileges": ["off"],
        "log_connections": ["on"], "log_disconnections": ["on"], "logging_collector": ["on"],
        "log_statement": ["ddl", "mod", "all"], "password_encryption": ["scram-sha-256"],
        "row_security": ["on"], "session_replication_role": ["origin"], "ssl": ["on"],
        "zero_damaged_pages": ["off"], "full_page_writes": ["on"],
        "krb_caseins_users": ["off"], "gss_accept_delegation": ["off"],
        "ssl_min_protocol_version": ["TLSv1.2", "TLSv1.3"],
    ]

    /// Settings any change of which may open something or run something.
    private static let sensitive: Set<String> = [
        "archive_command", "archive_library", "createrole_self_grant", "dynamic_library_path",
        "hba_file", "ident_file", "jit_provider", "krb_server_keyfile", "listen_addresses",
        "local_preload_libraries", "log_min_messages", "log_min_error_statement",
        "primary_conninfo", "restore_command", "session_preload_libraries",
        "shared_preload_libraries", "ssl_ca_file", "ssl_cert_file", "ssl_ciphers",
        "ssl_crl_dir", "ssl_crl_file", "ssl_key_file", "ssl_max_protocol_version",
        "ssl_passphrase_command", "unix_socket_directories", "unix_socket_group",
        "unix_socket_permissions", "scram_iterations",
    ]

    private static func ofSetting(
        _ subject: String, _ member: String, after: JSON?
    ) -> PostgreSQLDirection {
        guard member == "value" else { return .neutral }
        let name = String(subject.utf8.dropFirst("setting:".utf8.count)) ?? ""
        if let values = protective[name] {
            guard let after = after?.stringValue else { return .broadening }
            return values.contains(after) ? .narrowing : .broadening
        }
        return sensitive.contains(name) ? .broadening : .neutral
    }
}
