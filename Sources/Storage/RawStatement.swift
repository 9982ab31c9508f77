// SPDX-License-Identifier: Apache-2.0

internal import GRDB
internal import GRDBSQLite
internal import TransparencyLog

/// A cached statement driven by SQLite's own calls.
///
/// Seven rows are written for one allowed action, and GRDB boxes and copies every value on its
/// way; here bytes go from our arrays to SQLite's page and back with one copy. Only statements of
/// the hot path are written this way. Always used through `run`, which leaves the statement reset
/// and without bindings, as GRDB's cache expects it.
struct RawStatement: ~Copyable {
    private let handle: OpaquePointer

    /// Runs `body` with the prepared statement of some SQL.
    static func run<Value>(
        _ db: Database, _ sql: String, _ body: (borrowing RawStatement) throws -> Value
    ) throws -> Value {
        let statement = try db.cachedStatement(sql: sql)
        let raw = RawStatement(handle: statement.sqliteStatement)
        defer {
            sqlite3_reset(raw.handle)
            sqlite3_clear_bindings(raw.handle)
        }
        return try body(raw)
    }

    private init(handle: OpaquePointer) { self.handle = handle }

    // MARK: parameters, from 1

    func bind(_ place: Int32, _ value: Int64?) throws {
        if let value {
            try check(sqlite3_bind_int64(handle, place, value))
        } else {
            try check(sqlite3_bind_null(handle, place))
        }
    }

    func bind(_ place: Int32, _ value: UInt64) throws {
        try bind(place, Int64(bitPattern: value))
    }

    func bind(_ place: Int32, _ text: String) throws {
        var text = text
        try check(
            text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { characters in
                    sqlite3_bind_text(
                        handle, place, characters.baseAddress, Int32(characters.count),
                        Self.transient)
                }
            })
    }

    func bind(_ place: Int32, _ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try bind(place, $0) }
    }

    func bind(_ place: Int32, _ hash: Hash256) throws {
        try hash.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws in
            try bind(place, bytes)
        }
    }

    private func bind(_ place: Int32, _ bytes: UnsafeRawBufferPointer) throws {
        guard let start = bytes.baseAddress, !bytes.isEmpty else {
            // A null pointer would bind NULL, and no bytes are not nothing.
            return try check(sqlite3_bind_zeroblob(handle, place, 0))
        }
        try check(sqlite3_bind_blob64(handle, place, start, UInt64(bytes.count), Self.transient))
    }

    /// SQLite copies what it is given: our buffers end before the statement does.
    private static var transient: sqlite3_destructor_type {
        unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    // MARK: rows

    /// Goes to the next row; false when there is none.
    func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw failure(code)
        }
    }

    /// Runs a statement that returns no rows.
    func execute() throws {
        guard try !step() else { throw StorageError("a statement returned rows unexpectedly") }
    }

    // MARK: columns of the present row, from 0

    func int(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        let count = Int(sqlite3_column_bytes(handle, column))
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    func hash(_ column: Int32) -> Hash256? { Hash256(bytes: bytes(column)) }

    private func check(_ code: Int32) throws {
        guard code == SQLITE_OK else { throw failure(code) }
    }

    private func failure(_ code: Int32) -> DatabaseError {
        let message = sqlite3_db_handle(handle).map { String(cString: sqlite3_errmsg($0)) }
        return DatabaseError(resultCode: ResultCode(rawValue: code), message: message)
    }
}
