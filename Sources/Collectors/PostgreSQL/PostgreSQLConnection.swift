// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CPostgres
internal import DriftCore

/// Why something of PostgreSQL could not be seen or done.
package struct PostgreSQLError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// No library, no server, no entry.
        case unreachable
        /// The time was over: connecting, or in a statement; then the connection is closed.
        case timeout
        /// The connection ended.
        case lost
        /// The server refused a statement, with its SQLSTATE.
        case refused(String)
        /// What it gave is not what was asked for.
        case malformed
        /// It gave more than is read.
        case tooLarge
    }

    package let kind: Kind
    package let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// Whether other statements of the same connection make sense after it.
    var endsConnection: Bool {
        switch kind {
        case .unreachable, .timeout, .lost: true
        case .refused, .malformed, .tooLarge: false
        }
    }

    var cause: CoverageGap.Cause {
        switch kind {
        case .unreachable, .timeout, .lost: .unreachable
        case .refused: .unreadable
        case .malformed: .malformed
        case .tooLarge: .tooLarge
        }
    }
}

/// What a statement gave: rows of texts, nil for NULL.
struct PostgreSQLRows: Sendable {
    let rows: [[String?]]
    /// What the statement did, such as `GRANT`.
    let tag: String
}

/// One connection, used by one thread, which it holds up.
///
/// Each call has a time limit of its own besides the server's, so that a server that accepts and
/// then says nothing, or a network that swallows, costs that time and no more.
final class PostgreSQLConnection {
    private let handle: OpaquePointer
    private let statementMilliseconds: Int32
    private var isLost = false

    /// The name under which Debian's `libpq5` and others have the library.
    static let library = "libpq.so.5"

    /// Loads the library, connects and authenticates.
    init(
        _ settings: PostgreSQLSettings, database: String, application: String,
        library: String = PostgreSQLConnection.library
    ) throws(PostgreSQLError) {
        try Self.load(library)
        let parameters = try settings.parameters(database: database, application: application)
        var connection: OpaquePointer?
        let outcome = withStrings(parameters.map { $0.0 } + [nil]) { keywords in
            withStrings(parameters.map { $0.1 } + [nil]) { values in
                cpostgres_connect(
                    keywords, values, Int32(settings.connectSeconds * 1000), &connection)
            }
        }
        guard let connection else {
            throw PostgreSQLError(.unreachable, "cannot connect to `\(database)`: no memory")
        }
        guard outcome == CPOSTGRES_OK else {
            let reason =
                outcome == CPOSTGRES_TIMEOUT
                ? "no answer within \(settings.connectSeconds) s"
                : Self.line(String(cString: cpostgres_message(connection)))
            cpostgres_close(connection)
            throw PostgreSQLError(
                outcome == CPOSTGRES_TIMEOUT ? .timeout : .unreachable,
                "cannot connect to `\(VisibleText.escape(database))` at "
                    + "`\(VisibleText.escape(settings.host))`: \(reason)")
        }
        handle = connection
        // The server ends a statement first; this is for one that does not.
        statementMilliseconds = Int32(settings.statementSeconds * 1000 + 2000)
    }

    deinit { cpostgres_close(handle) }

    private static func load(_ library: String) throws(PostgreSQLError) {
        var message = [CChar](repeating: 0, count: 512)
        guard cpostgres_load(library, &message, message.count) == 0 else { return }
        let reason = message.withUnsafeBytes { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        throw PostgreSQLError(
            .unreachable,
            "PostgreSQL's client library cannot be loaded: \(line(reason)); install libpq5")
    }

    /// The server's version, such as 150008.
    var serverVersion: Int { Int(cpostgres_server_version(handle)) }

    /// Runs one statement; more rows than `limit` are an error rather than cut off.
    @discardableResult
    func run(
        _ statement: String, _ parameters: [String?] = [], limit: Int = DriftLimits.leaves
    ) throws(PostgreSQLError) -> PostgreSQLRows {
        guard !isLost else { throw PostgreSQLError(.lost, "the connection has ended") }
        guard !statement.utf8.contains(0), !parameters.contains(where: Self.hasNUL) else {
            throw PostgreSQLError(.malformed, "a statement must not contain NUL")
        }
        var result: OpaquePointer?
        let outcome = withStrings(parameters) { values in
            cpostgres_run(
                handle, statement, Int32(parameters.count), values, statementMilliseconds, &result)
        }
        defer { if let result { cpostgres_clear(result) } }
        guard outcome == CPOSTGRES_OK, let result else {
            isLost = true
            if outcome == CPOSTGRES_TIMEOUT {
                throw PostgreSQLError(
                    .timeout, "no answer within \(statementMilliseconds / 1000) s")
            }
            let reason = result.flatMap { cpostgres_primary($0) } ?? cpostgres_message(handle)
            throw PostgreSQLError(
                .lost,
                "the connection failed: \(Self.line(reason.map { String(cString: $0) } ?? ""))")
        }
        guard cpostgres_succeeded(result) == 1 else {
            let state = cpostgres_sqlstate(result).map { String(cString: $0) } ?? "XX000"
            let reason = cpostgres_primary(result).map { String(cString: $0) } ?? "no reason"
            throw PostgreSQLError(.refused(state), "\(Self.line(reason)) (SQLSTATE \(state))")
        }
        return try Self.read(result, limit: limit)
    }

    private static func read(
        _ result: OpaquePointer, limit: Int
    ) throws(PostgreSQLError) -> PostgreSQLRows {
        let count = Int(cpostgres_rows(result))
        guard count <= limit else {
            throw PostgreSQLError(.tooLarge, "\(count) rows, at most \(limit)")
        }
        let columns = cpostgres_columns(result)
        var rows: [[String?]] = []
        rows.reserveCapacity(count)
        for row in 0..<Int32(count) {
            var values: [String?] = []
            values.reserveCapacity(Int(columns))
            for column in 0..<columns {
                var length: Int32 = 0
                guard let bytes = cpostgres_value(result, row, column, &length) else {
                    values.append(nil)
                    continue
                }
                let buffer = UnsafeRawBufferPointer(start: bytes, count: Int(length))
                guard let text = String(validating: buffer, as: UTF8.self) else {
                    throw PostgreSQLError(.malformed, "a name or value is not UTF-8")
                }
                values.append(text)
            }
            rows.append(values)
        }
        return PostgreSQLRows(rows: rows, tag: String(cString: cpostgres_tag(result)))
    }

    private static func hasNUL(_ text: String?) -> Bool { text?.utf8.contains(0) ?? false }

    /// What the library or the server says, in one line and not without end.
    private static func line(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline)
        return VisibleText.escape(String(lines.joined(separator: "; ").prefix(512)))
    }
}

/// Calls `body` with C strings that live as long as the call.
private func withStrings<Result>(
    _ texts: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    var bytes: [CChar] = []
    var starts: [Int?] = []
    for text in texts {
        guard let text else {
            starts.append(nil)
            continue
        }
        starts.append(bytes.count)
        bytes += text.utf8.map { CChar(bitPattern: $0) } + [0]
    }
    return bytes.withUnsafeBufferPointer { bytes in
        let pointers = starts.map { start in
            start.flatMap { start in bytes.baseAddress.map { $0 + start } }
        }
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
