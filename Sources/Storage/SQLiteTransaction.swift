// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Foundation
internal import GRDB
internal import TransparencyLog

/// The statements, on one open transaction of either kind.
struct SQLiteTransaction: LedgerWriting {
    private let db: Database

    init(_ db: Database) { self.db = db }

    // MARK: entries

    func entry(at index: UInt64) throws -> RecordedEntry? {
        try RawStatement.run(db, Self.entrySQL + " WHERE entry.idx = ?") { statement in
            try statement.bind(1, index)
            return try Self.entries(statement).first?.recorded()
        }
    }

    func storedChain(of ref: String) throws -> [StoredEntry] {
        try RawStatement.run(db, Self.chainSQL) { statement in
            try statement.bind(1, ref)
            return try Self.entries(statement)
        }
    }

    func entries(from index: UInt64, limit: Int, bodies: Bool) throws -> [RecordedEntry] {
        let sql = bodies ? Self.entrySQL : Self.coreSQL
        return try RawStatement.run(
            db, sql + " WHERE entry.idx >= ? ORDER BY entry.idx LIMIT ?"
        ) { statement in
            try statement.bind(1, index)
            try statement.bind(2, Int64(limit))
            return try Self.entries(statement).map { try $0.recorded() }
        }
    }

    private static let entrySQL = """
        SELECT entry.idx, entry.leaf, entry.core_salt, entry.core, body.salt, body.bytes,
          entry.ref, entry.seq
        FROM entry LEFT JOIN body ON body.idx = entry.idx
        """
    private static let chainSQL = entrySQL + " WHERE entry.ref = ? ORDER BY entry.seq"
    private static let coreSQL = """
        SELECT entry.idx, entry.leaf, entry.core_salt, entry.core, NULL, NULL, entry.ref, entry.seq
        FROM entry
        """

    private static func entries(_ statement: borrowing RawStatement) throws -> [StoredEntry] {
        var result: [StoredEntry] = []
        while try statement.step() {
            let index = statement.int(0)
            guard let salt = statement.hash(2) else {
                throw TamperedError("entry \(index): the salt of its core is not 32 bytes")
            }
            result.append(
                StoredEntry(
                    index: UInt64(bitPattern: index), ref: statement.text(6),
                    seq: UInt64(bitPattern: statement.int(7)), leaf: statement.bytes(1),
                    coreSalt: salt, core: statement.bytes(3),
                    bodySalt: statement.isNull(4) ? nil : statement.hash(4),
                    body: statement.isNull(5) ? nil : statement.bytes(5)))
        }
        return result
    }

    func insert(_ entry: RecordedEntry) throws {
        try RawStatement.run(
            db, "INSERT INTO entry (idx, ref, seq, leaf, core_salt, core) VALUES (?,?,?,?,?,?)"
        ) { statement in
            try statement.bind(1, entry.index)
            try statement.bind(2, entry.entry.ref)
            try statement.bind(3, entry.entry.seq)
            try statement.bind(4, entry.entry.leaf)
            try statement.bind(5, entry.coreSalt)
            try statement.bind(6, entry.core)
            try statement.execute()
        }
        guard let body = entry.body, let salt = entry.bodySalt else { return }
        try RawStatement.run(
            db, "INSERT INTO body (idx, salt, bytes) VALUES (?,?,?)"
        ) { statement in
            try statement.bind(1, entry.index)
            try statement.bind(2, salt)
            try statement.bind(3, body)
            try statement.execute()
        }
    }

    // MARK: tree

    func fullTile(level: Int, index: UInt64) throws -> [Hash256]? {
        let statement = try db.cachedStatement(
            sql: "SELECT hashes FROM tile WHERE level = ? AND idx = ?")
        guard
            let data = try Data.fetchOne(
                statement, arguments: [level, Int64(bitPattern: index)])
        else { return nil }
        guard data.count == 256 * 32 else {
            throw TamperedError("tile \(level)/\(index) has \(data.count) bytes, not 8,192")
        }
        return stride(from: 0, to: data.count, by: 32).compactMap { start in
            Hash256(bytes: data[(data.startIndex + start)..<(data.startIndex + start + 32)])
        }
    }

    func insertFullTile(level: Int, index: UInt64, hashes: [Hash256]) throws {
        var data = Data(capacity: hashes.count * 32)
        for hash in hashes { data.append(contentsOf: hash.bytes) }
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO tile (level, idx, hashes) VALUES (?,?,?)"
        ).execute(arguments: [level, Int64(bitPattern: index), data])
    }

    func checkpoint() throws -> StoredCheckpoint? {
        let statement = try db.cachedStatement(
            sql: "SELECT size, note, at FROM checkpoint WHERE id = 1")
        guard let row = try Row.fetchOne(statement) else { return nil }
        return StoredCheckpoint(
            size: UInt64(bitPattern: row[0] as Int64), note: row[1],
            at: Timestamp(milliseconds: row[2]))
    }

    func setCheckpoint(_ checkpoint: StoredCheckpoint) throws {
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO checkpoint (id, size, note, at) VALUES (1,?,?,?)"
        ).execute(arguments: [
            Int64(bitPattern: checkpoint.size), checkpoint.note, checkpoint.at.milliseconds,
        ])
    }

    // MARK: state rows

    private static let actionSQL = """
        SELECT id, version, status, agent, credential, gate, operation, due, updated_at, document
        FROM action
        """

    func action(_ id: ActionID) throws -> ActionRow? {
        try fetchActions(Self.actionSQL + " WHERE id = ?", [id.text]).first
    }

    func actions(_ query: ActionQuery) throws -> [ActionRow] {
        var conditions: [String] = []
        var arguments = StatementArguments()
        if !query.statuses.isEmpty {
            if query.statuses.allSatisfy({ !$0.isFinal }) {
                conditions.append(SQLiteSchema.isOpen)
            }
            let marks = query.statuses.map { _ in "?" }.joined(separator: ",")
            conditions.append("status IN (\(marks))")
            for status in query.statuses { arguments += [status.rawValue] }
        }
        if let agent = query.agent {
            conditions.append("agent = ?")
            arguments += [agent.text]
        }
        if let gate = query.gate {
            conditions.append("gate = ?")
            arguments += [gate.text]
        }
        if let before = query.before {
            conditions.append("id < ?")
            arguments += [before.text]
        }
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        guard let text = query.text else {
            return try fetchActions(
                Self.actionSQL + filter + " ORDER BY id DESC LIMIT ?", arguments + [query.limit])
        }
        // The first entry of a chain holds the submitted operation; bytes, not patterns, so that
        // `%` in a search is only a percent sign. Bounded, because it reads each body.
        return try fetchActions(
            """
            SELECT * FROM (\(Self.actionSQL + filter) ORDER BY id DESC LIMIT ?) AS newest \
            WHERE instr(id, ?) OR EXISTS (SELECT 1 FROM entry JOIN body ON body.idx = entry.idx \
            WHERE entry.ref = newest.id AND entry.seq = 0 AND \
            instr(body.bytes, CAST(? AS BLOB))) ORDER BY id DESC LIMIT ?
            """, arguments + [ActionQuery.textSearchRows, text, text, query.limit])
    }

    func actions(after id: ActionID?, limit: Int) throws -> [ActionRow] {
        try fetchActions(
            Self.actionSQL + " WHERE id > ? ORDER BY id LIMIT ?", [id?.text ?? "", limit])
    }

    func dueActions(at instant: Timestamp, limit: Int) throws -> [ActionRow] {
        try fetchActions(
            Self.actionSQL + " WHERE due IS NOT NULL AND due <= ? ORDER BY due LIMIT ?",
            [instant.milliseconds, limit])
    }

    func earliestDeadline() throws -> Timestamp? {
        let statement = try db.cachedStatement(
            sql: "SELECT min(due) FROM action WHERE due IS NOT NULL")
        return try Int64.fetchOne(statement).map(Timestamp.init(milliseconds:))
    }

    func latest(credential: String, gate: Handle, operation: Hash256) throws -> ActionRow? {
        let found = try RawStatement.run(
            db,
            """
            SELECT id FROM action WHERE operation = ? AND \(SQLiteSchema.isAttachable) \
            AND credential = ? AND gate = ? ORDER BY id DESC LIMIT 1
            """
        ) { statement -> String? in
            try statement.bind(1, operation)
            try statement.bind(2, credential)
            try statement.bind(3, gate.text)
            return try statement.step() ? statement.text(0) : nil
        }
        guard let found else { return nil }
        guard let id = ActionID(found) else {
            throw TamperedError("state row `\(VisibleText.escape(found))` is malformed")
        }
        return try action(id)
    }

    private func fetchActions(
        _ sql: String, _ arguments: StatementArguments
    ) throws -> [ActionRow] {
        let rows = try Row.fetchCursor(try db.cachedStatement(sql: sql), arguments: arguments)
        var result: [ActionRow] = []
        while let row = try rows.next() {
            let idText: String = row[0]
            guard let id = ActionID(idText), let status = ActionStatus(rawValue: row[2]),
                let agent = Handle(row[3]), let gate = Handle(row[5]),
                let operation = Hash256(bytes: row[6] as Data)
            else { throw TamperedError("state row `\(VisibleText.escape(idText))` is malformed") }
            result.append(
                ActionRow(
                    id: id, version: UInt64(bitPattern: row[1] as Int64), status: status,
                    agent: agent, credential: row[4], gate: gate, operation: operation,
                    due: (row[7] as Int64?).map(Timestamp.init(milliseconds:)),
                    updatedAt: Timestamp(milliseconds: row[8]),
                    document: Self.bytes(row[9] as Data)))
        }
        return result
    }

    func put(_ row: ActionRow) throws {
        // Not `INSERT OR REPLACE`, which takes a row out of every index and puts it back.
        if try update(row) { return }
        try RawStatement.run(
            db,
            """
            INSERT INTO action (version, status, agent, credential, gate, operation, due, \
            updated_at, document, id) VALUES (?,?,?,?,?,?,?,?,?,?)
            """
        ) { statement in
            try Self.bind(row, to: statement)
            try statement.execute()
        }
    }

    private func update(_ row: ActionRow) throws -> Bool {
        try RawStatement.run(
            db,
            """
            UPDATE action SET version = ?, status = ?, agent = ?, credential = ?, gate = ?, \
            operation = ?, due = ?, updated_at = ?, document = ? WHERE id = ?
            """
        ) { statement in
            try Self.bind(row, to: statement)
            try statement.execute()
        }
        return db.changesCount > 0
    }

    private static func bind(_ row: ActionRow, to statement: borrowing RawStatement) throws {
        try statement.bind(1, row.version)
        try statement.bind(2, row.status.rawValue)
        try statement.bind(3, row.agent.text)
        try statement.bind(4, row.credential)
        try statement.bind(5, row.gate.text)
        try statement.bind(6, row.operation)
        try statement.bind(7, row.due?.milliseconds)
        try statement.bind(8, row.updatedAt.milliseconds)
        try statement.bind(9, row.document)
        try statement.bind(10, row.id.text)
    }

    // MARK: operational rows

    func operational(space: String, key: String) throws -> OperationalRow? {
        let statement = try db.cachedStatement(
            sql: "SELECT value, expires FROM operational WHERE space = ? AND key = ?")
        guard let row = try Row.fetchOne(statement, arguments: [space, key]) else { return nil }
        return OperationalRow(
            space: space, key: key, value: Self.bytes(row[0] as Data),
            expires: Timestamp(milliseconds: row[1]))
    }

    func operational(
        space: String, prefix: String, after key: String?, limit: Int
    ) throws -> [OperationalRow] {
        // Keys are ASCII and compared as bytes: what begins with the prefix stands together.
        let statement = try db.cachedStatement(
            sql: """
                SELECT key, value, expires FROM operational
                WHERE space = ? AND key >= ? AND key > ? AND key < ?
                ORDER BY key LIMIT ?
                """)
        let rows = try Row.fetchAll(
            statement,
            arguments: [space, prefix, key ?? "", prefix + "\u{10FFFF}", limit])
        return rows.map { row in
            OperationalRow(
                space: space, key: row[0], value: Self.bytes(row[1] as Data),
                expires: Timestamp(milliseconds: row[2]))
        }
    }

    func put(_ row: OperationalRow) throws {
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO operational (space, key, value, expires) VALUES (?,?,?,?)"
        ).execute(arguments: [row.space, row.key, Data(row.value), row.expires.milliseconds])
    }

    func removeOperational(space: String, key: String) throws {
        try db.cachedStatement(sql: "DELETE FROM operational WHERE space = ? AND key = ?")
            .execute(arguments: [space, key])
    }

    func removeExpiredOperational(before instant: Timestamp) throws {
        try db.cachedStatement(
            sql: """
                DELETE FROM operational WHERE (space, key) IN (
                  SELECT space, key FROM operational
                  WHERE expires < ? AND \(SQLiteSchema.canExpire) ORDER BY expires LIMIT 10000)
                """
        ).execute(arguments: [instant.milliseconds])
    }

    private static func bytes(_ data: Data) -> [UInt8] { [UInt8](data) }
}
