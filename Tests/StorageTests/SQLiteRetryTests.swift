// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing

@testable import Storage

/// A busy machine must not turn into a refused request.
@Suite("SQLite under contention") struct SQLiteRetryTests {
    @Test("a transaction that could not begin for contention is begun again")
    func protocolErrorsAreTriedAgain() throws {
        var tries = 0
        let value = try SQLiteRetry.whileUnsettled {
            tries += 1
            if tries < 5 { throw DatabaseError(resultCode: .SQLITE_PROTOCOL) }
            return tries
        }
        #expect(value == 5)
    }

    @Test("not for ever")
    func endsWithTheError() {
        var tries = 0
        #expect(throws: DatabaseError.self) {
            try SQLiteRetry.whileUnsettled {
                tries += 1
                throw DatabaseError(resultCode: .SQLITE_PROTOCOL)
            }
        }
        #expect(tries == 5)
    }

    @Test("and nothing else is tried twice", arguments: [ResultCode.SQLITE_BUSY, .SQLITE_IOERR])
    func otherErrorsAreThrown(_ code: ResultCode) {
        var tries = 0
        #expect(throws: DatabaseError.self) {
            try SQLiteRetry.whileUnsettled {
                tries += 1
                throw DatabaseError(resultCode: code)
            }
        }
        #expect(tries == 1)
    }
}
