// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import DriftCore
internal import Foundation
internal import Synchronization

/// Watches who may do what in a PostgreSQL cluster, and who gets in.
///
/// Versions 13 to 17, and 18, which is read like 17; later ones too, as far as their catalogue is.
/// It only reads, in read-only transactions, and each database in one snapshot of its own. What
/// its role may not read is a gap: one whose subject ends with `:` or `.` covers every subject
/// that begins so and is not in the snapshot.
package struct PostgreSQLCollector: SourceCollector {
    package let settings: PostgreSQLSettings
    private let library: String
    private let between: @Sendable (String) -> Void
    private let queue = DispatchQueue(label: "exequatur.postgresql")

    /// The name under which the server's own views and logs show the collector.
    package static let application = "exequatur drift"
    private static let oldestVersion = 130_000

    /// Reads the settings of a source of the kind `postgresql`.
    package init(_ source: DriftSource) throws(JSONShapeError) {
        self.init(try PostgreSQLSettings(.object(source.settings)))
    }

    package init(_ settings: PostgreSQLSettings) {
        self.init(settings, library: PostgreSQLConnection.library) { _ in }
    }

    /// Takes the client library's name too, and what is called before each step with its name.
    init(
        _ settings: PostgreSQLSettings, library: String,
        between: @escaping @Sendable (String) -> Void
    ) {
        self.settings = settings
        self.library = library
        self.between = between
    }

    /// PostgreSQL tells nobody of changed roles and privileges: sweeps alone find them.
    package func hints() -> AsyncStream<SourceHint>? { nil }

    package func observe(
        now: @Sendable () -> Timestamp, redactor: Redactor
    ) async -> Observation {
        let started = now()
        let result = await look(redactor)
        let ended = now()
        switch result {
        case .success(let found):
            do {
                return Observation(
                    started: started, ended: ended, snapshot: try Snapshot(found.leaves),
                    gaps: Self.bounded(found.gaps))
            } catch {
                return Observation(
                    started: started, ended: ended,
                    failure: CoverageGap(subject: nil, cause: .tooLarge, detail: "\(error)"))
            }
        case .failure(let error):
            return Observation(
                started: started, ended: ended,
                failure: CoverageGap(subject: nil, cause: error.cause, detail: error.description))
        }
    }

    private struct Found: Sendable {
        let leaves: [Leaf]
        let gaps: [CoverageGap]
    }

    /// Looks on a thread that may be held up; when the task is cancelled, the next statement is
    /// not asked any more.
    private func look(_ redactor: Redactor) async -> Result<Found, PostgreSQLError> {
        let cancellation = Cancellation()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                queue.async {
                    continuation.resume(returning: blockingLook(redactor, cancellation))
                }
            }
        } onCancel: {
            cancellation.isCancelled.store(true, ordering: .relaxed)
        }
    }

    private final class Cancellation: Sendable {
        let isCancelled = Atomic(false)
    }

    private func blockingLook(
        _ redactor: Redactor, _ cancellation: Cancellation
    ) -> Result<Found, PostgreSQLError> {
        let reader = PostgreSQLReader(settings, redactor: redactor, between: between)
        do throws(PostgreSQLError) {
            let isWatched = try lookAtCluster(reader, cancellation)
            try lookAtOthers(reader, isWatched: isWatched, cancellation)
            return .success(Found(leaves: reader.leaves, gaps: reader.gaps))
        } catch {
            return .failure(error)
        }
    }

    /// Reads what is shared, and the first database with it if that is watched: then true.
    private func lookAtCluster(
        _ reader: PostgreSQLReader, _ cancellation: Cancellation
    ) throws(PostgreSQLError) -> Bool {
        let connection = try connect(settings.database)
        guard connection.serverVersion >= Self.oldestVersion else {
            throw PostgreSQLError(
                .malformed,
                "version \(connection.serverVersion / 10_000) of PostgreSQL is not supported: "
                    + "use 13 or later")
        }
        try reader.step(
            "settings", missing: ["setting:"], of: connection, inTransaction: false,
            reader.readSettings)
        try begin(connection)
        try reader.readCluster(connection)
        try Self.check(cancellation)
        let isWatched = wanted(reader).contains { UTF8Bytes.areEqual($0, settings.database) }
        if isWatched { try reader.readObjects(connection, database: settings.database) }
        // Last, as they are in no snapshot: what was edited meanwhile is seen.
        try reader.readFiles(connection)
        try connection.run("COMMIT")
        return isWatched
    }

    private func lookAtOthers(
        _ reader: PostgreSQLReader, isWatched: Bool, _ cancellation: Cancellation
    ) throws(PostgreSQLError) {
        var others = wanted(reader)
        if isWatched { others.removeAll { UTF8Bytes.areEqual($0, settings.database) } }
        for database in others.dropFirst(PostgreSQLSettings.mostDatabases) {
            leaveOut(
                database, reader,
                PostgreSQLError(
                    .tooLarge, "more than \(PostgreSQLSettings.mostDatabases) databases"))
        }
        for database in others.prefix(PostgreSQLSettings.mostDatabases) {
            try Self.check(cancellation)
            do {
                let connection = try connect(database)
                try begin(connection)
                try reader.readRoleNames(connection)
                try reader.readObjects(connection, database: database)
                try connection.run("COMMIT")
            } catch {
                leaveOut(database, reader, error)
            }
        }
    }

    private func wanted(_ reader: PostgreSQLReader) -> [String] {
        settings.databases.contains { UTF8Bytes.areEqual($0, "*") }
            ? reader.openDatabases : settings.databases
    }

    private func leaveOut(
        _ database: String, _ reader: PostgreSQLReader, _ error: PostgreSQLError
    ) {
        reader.remove(database: database)
        let name = PostgreSQLName.part(database)
        for kind in PostgreSQLReader.databaseKinds {
            reader.gap("\(kind):\(name).", error.cause, error.description)
        }
    }

    private func connect(_ database: String) throws(PostgreSQLError) -> PostgreSQLConnection {
        try PostgreSQLConnection(
            settings, database: database, application: Self.application, library: library)
    }

    /// Sets limits and what expressions are written by, and takes the snapshot.
    private func begin(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let milliseconds = String(settings.statementSeconds * 1000)
        let parameters = [
            "statement_timeout", milliseconds, "lock_timeout", milliseconds,
            "idle_in_transaction_session_timeout", "60000", "search_path", "",
            "DateStyle", "ISO", "IntervalStyle", "postgres", "TimeZone", "UTC",
            "extra_float_digits", "1", "quote_all_identifiers", "off",
            "default_transaction_read_only", "on", "jit", "off",
            "standard_conforming_strings", "on",
        ]
        let calls = stride(from: 1, to: parameters.count, by: 2).map {
            "pg_catalog.set_config($\($0), $\($0 + 1), false)"
        }
        try connection.run("SELECT \(calls.joined(separator: ", "))", parameters)
        try connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    private static func check(_ cancellation: Cancellation) throws(PostgreSQLError) {
        guard !cancellation.isCancelled.load(ordering: .relaxed) else {
            throw PostgreSQLError(.lost, "the observation was cancelled")
        }
    }

    /// At most so many gaps as are told apart; of more, one that covers the whole source.
    private static func bounded(_ gaps: [CoverageGap]) -> [CoverageGap] {
        guard gaps.count > DriftLimits.gaps else { return gaps }
        let rest = gaps.count - DriftLimits.gaps + 1
        return gaps.prefix(DriftLimits.gaps - 1)
            + [
                CoverageGap(
                    subject: nil, cause: .unreadable, detail: "and \(rest) more gaps")
            ]
    }
}
