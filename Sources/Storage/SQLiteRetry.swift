// SPDX-License-Identifier: Apache-2.0

internal import GRDB

/// Patience with SQLite's one error that means nothing but "too much is going on".
enum SQLiteRetry {
    /// More than this in a row is not contention any more.
    private static let attempts = 5

    /// Runs a transaction, and runs it again while it cannot begin for `SQLITE_PROTOCOL`.
    ///
    /// In WAL mode a transaction begins with an optimistic race for a read mark. SQLite gives it
    /// up after a hundred rounds, about ten seconds on a machine where nobody gets a turn; the
    /// transaction has not begun then, nothing was read or written, and another try may well win
    /// (SQLite, "Result and Error Codes", 15). Every other error is thrown at once, and so is this
    /// one after the beginning.
    /// - Parameter transaction: sets its argument as soon as it has begun.
    /// - Returns: what `transaction` returns.
    /// - Throws: what `transaction` throws.
    static func untilBegun<Value>(
        _ transaction: (_ hasBegun: inout Bool) throws -> Value
    ) throws -> Value {
        var left = attempts
        var hasBegun = false
        while true {
            do {
                return try transaction(&hasBegun)
            } catch let error as DatabaseError
                where error.resultCode == .SQLITE_PROTOCOL && !hasBegun && left > 1
            {
                left -= 1
            }
        }
    }
}
