// SPDX-License-Identifier: Apache-2.0

internal import GRDB

/// Patience with SQLite's one error that means nothing but "too much is going on".
enum SQLiteRetry {
    /// More than this in a row is not contention any more.
    private static let attempts = 5

    /// Tries again while a transaction cannot begin for `SQLITE_PROTOCOL`.
    ///
    /// In WAL mode a transaction begins with an optimistic race for a read mark. SQLite gives it
    /// up after a hundred rounds, about ten seconds on a machine where nobody gets a turn; the
    /// transaction has not begun then, nothing was read or written, and another try may well win
    /// (SQLite, "Result and Error Codes", 15). Every other error is thrown at once.
    static func whileUnsettled<Value>(_ body: () throws -> Value) throws -> Value {
        var left = attempts
        while true {
            do {
                return try body()
            } catch let error as DatabaseError
                where error.resultCode == .SQLITE_PROTOCOL && left > 1
            {
                left -= 1
            }
        }
    }
}
