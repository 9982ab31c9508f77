// SPDX-License-Identifier: Apache-2.0

internal import GRDB

/// Reads a ledger that a server may be writing to at the same time.
///
/// It takes no lock, migrates nothing and cannot write. What it reads is not proven against the
/// signed tree; whoever needs that uses `Fsck`.
package enum SQLiteReader {
    /// Reads one consistent state of the file.
    ///
    /// - Throws: what GRDB throws where the file is no database or has another layout.
    package static func read<Value>(
        path: String, _ body: (any LedgerReading) throws -> Value
    ) throws -> Value {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        return try queue.read { try body(SQLiteTransaction($0)) }
    }
}
