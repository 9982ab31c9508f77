// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing

@testable import Storage

/// A busy machine must not turn into a refused request.
@Suite("SQLite under contention") struct SQLiteRetryTests {
    @Test("a transaction that could not begin for contention is begun again")
    func protocolErrorsAreTriedAgain() throws {
        var tries = 0
        let value = try SQLiteRetry.untilBegun { _ in
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
            try SQLiteRetry.untilBegun { _ in
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
            try SQLiteRetry.untilBegun { _ in
                tries += 1
                throw DatabaseError(resultCode: code)
            }
        }
        #expect(tries == 1)
    }

    @Test("nor what has begun: its body may have done something")
    func begunIsNotTriedAgain() {
        var tries = 0
        #expect(throws: DatabaseError.self) {
            try SQLiteRetry.untilBegun { hasBegun in
                tries += 1
                hasBegun = true
                throw DatabaseError(resultCode: .SQLITE_PROTOCOL)
            }
        }
        #expect(tries == 1)
    }

    @Test("a body that ran is not run again by the store")
    func storeDoesNotRepeatBodies() throws {
        let fixture = try StoreFixture()
        var reads = 0
        #expect(throws: DatabaseError.self) {
            try fixture.backend.read { _ in
                reads += 1
                throw DatabaseError(resultCode: .SQLITE_PROTOCOL)
            }
        }
        #expect(reads == 1)
    }
}
