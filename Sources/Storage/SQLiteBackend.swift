// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import GRDB
internal import Synchronization

/// The embedded store: one SQLite file in WAL mode, every commit synced.
package final class SQLiteBackend: LedgerBackend {
    private let pool: DatabasePool
    /// Held for the life of the process: two servers on one file would fork the log.
    private let lock: FileLock
    private let closed = Mutex(false)

    /// Opens or creates the file, migrates it, and proves that the writer syncs.
    package init(path: String) throws {
        lock = try FileLock(path: path + ".lock")
        var configuration = Configuration()
        configuration.maximumReaderCount = 4
        configuration.busyMode = .timeout(5)
        // Readers must never see half a chain, and nothing here relies on cascades.
        configuration.foreignKeysEnabled = false
        pool = try DatabasePool(path: path, configuration: configuration)
        try SQLiteSchema.migrator.migrate(pool)
        // GRDB sets synchronous = NORMAL after everything we could put in its configuration, so
        // FULL is set on the live writer, outside a transaction, and then read back.
        try pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
        }
        try assertDurable()
    }

    package func assertDurable() throws {
        try pool.writeWithoutTransaction { db in
            let level = try Int.fetchOne(db, sql: "PRAGMA synchronous")
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode")
            guard level == 2, mode == "wal" else {
                throw StorageError(
                    "the database does not sync its commits: synchronous is "
                        + "\(level ?? -1), journal mode `\(mode ?? "?")`; expected 2 and `wal`")
            }
        }
    }

    package func write(_ body: (any LedgerWriting) throws -> Void) throws {
        try pool.writeWithoutTransaction { db in
            // Not GRDB's `inTransaction`, which prepares both statements anew for every batch.
            try SQLiteRetry.untilBegun { _ in
                try RawStatement.run(db, "BEGIN IMMEDIATE") { try $0.execute() }
            }
            do {
                try body(SQLiteTransaction(db))
                try RawStatement.run(db, "COMMIT") { try $0.execute() }
            } catch {
                // Some errors have rolled back already, and then there is nothing to undo.
                if db.isInsideTransaction { try? db.execute(sql: "ROLLBACK") }
                throw error
            }
        }
    }

    package func read<Value>(_ body: (any LedgerReading) throws -> Value) throws -> Value {
        // `pool.read` is one deferred transaction, so a proof, its size and its root agree.
        try SQLiteRetry.untilBegun { hasBegun in
            try pool.read { db in
                hasBegun = true
                return try body(SQLiteTransaction(db))
            }
        }
    }

    package func close() throws {
        let isFirst = closed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        // There is no connection any more that could fold in its WAL.
        guard isFirst else { return }
        // GRDB keeps the WAL file when the last connection closes; folded in, the database file
        // alone is a whole copy. If a reader is in the way the WAL simply stays, and counts.
        _ = try? pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        try pool.close()
        lock.release()
    }
}

/// The store can't be used; the message says why.
package struct StorageError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// An advisory lock on a file beside the database, held until released or the process ends.
private final class FileLock: Sendable {
    /// Nil once released: the number may be another file's by then.
    private let descriptor: Mutex<Int32?>

    init(path: String) throws {
        let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StorageError("`\(path)` can't be opened: \(String(cString: strerror(errno)))")
        }
        // A program that is just being started shares our descriptors until it executes, so a lock
        // that was let go a moment ago may still be held.
        var isLocked = flock(descriptor, LOCK_EX | LOCK_NB) == 0
        for _ in 0..<10 where !isLocked {
            usleep(20_000)
            isLocked = flock(descriptor, LOCK_EX | LOCK_NB) == 0
        }
        guard isLocked else {
            Foundation.close(descriptor)
            throw StorageError(
                "`\(path)` is locked: another server uses this data directory; "
                    + "stop it first")
        }
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    func release() {
        let held = descriptor.withLock { $0.take() }
        if let held { Foundation.close(held) }
    }
}
