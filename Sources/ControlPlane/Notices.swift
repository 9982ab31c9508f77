// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Logging
internal import Storage
internal import Synchronization

/// The outbox: which actions have news for channels, durable with the entries that are the news.
///
/// One mark per action, whatever happened to it meanwhile: a card shows how things stand, not how
/// they came about. Crash order: the mark is in the transaction of the entry, so either both are
/// there or neither. It goes in the transaction that notes what is to be delivered, and only if
/// nothing has happened since; a crash before leaves a mark that is worked off again.
enum Outbox {
    static let space = "outbox"
    static let notes = "channel"

    /// The mark of an action, if people were asked about it.
    static func mark(_ state: ActionState) -> [OperationalRow] {
        guard state.requirement != nil else { return [] }
        return [
            OperationalRow(
                space: space, key: state.id.text, value: Array("\(state.version)".utf8),
                expires: Timestamp(milliseconds: .max))
        ]
    }

    static func mark(_ row: OperationalRow) -> NoticeMark? {
        guard let id = ActionID(row.key),
            let version = UInt64(String(decoding: row.value, as: UTF8.self))
        else { return nil }
        return NoticeMark(action: id, version: version)
    }
}

extension ControlPlane {
    /// From now on what people are asked about leaves marks; call it before anything is submitted.
    package func beginNotices() { notifies.store(true, ordering: .releasing) }

    /// Marks what is open already: channels may be new, or were not configured for a while.
    ///
    /// An action that can't be read is told in the log and left out; it must not keep the others.
    package func markOpenActions() async throws {
        var after: ActionID?
        while true {
            var query = ActionQuery()
            query.statuses = [.pending, .cleared, .claimed, .unknown]
            query.before = after
            query.limit = 500
            let rows = try backend.read { try $0.actions(query) }
            let marks = rows.flatMap { row -> [OperationalRow] in
                do {
                    return try detail(row.id).map { Outbox.mark($0.state) } ?? []
                } catch {
                    logger.critical(
                        "an action can't be read: it may have been tampered with",
                        metadata: ["action": "\(row.id)", "error": "\(error)"])
                    return []
                }
            }
            if !marks.isEmpty {
                _ = try await writer.submit { _ in LedgerPlan((), operational: marks) }
            }
            guard rows.count == query.limit, let last = rows.last else { break }
            after = last.id
        }
        news.wake()
    }

    /// Actions with news, in order of id; rows that nobody wrote are passed over.
    package func marks(after: ActionID?, limit: Int) throws -> [NoticeMark] {
        try backend.read { reader in
            var found: [NoticeMark] = []
            var last = after?.text
            while found.count < limit {
                let rows = try reader.operational(
                    space: Outbox.space, prefix: "", after: last, limit: limit)
                found += rows.compactMap(Outbox.mark)
                guard rows.count == limit, let key = rows.last?.key else { break }
                last = key
            }
            return Array(found.prefix(limit))
        }
    }

    /// Writes notes down, and takes away the marks that they answer, in one transaction.
    ///
    /// A mark that stands for more by now stays.
    ///
    /// - Parameters:
    ///   - notes: what to keep.
    ///   - marks: what is answered by it.
    ///   - merging: what becomes of a note that is there already and a new one; nil for the new one.
    /// - Returns: the notes as they were kept.
    /// - Throws: `LedgerUnavailable`.
    @discardableResult
    package func keep(
        _ notes: [ChannelNote], answering marks: [NoticeMark] = [],
        merging: (@Sendable ([UInt8], [UInt8]) -> [UInt8])? = nil
    ) async throws -> [ChannelNote] {
        guard !notes.isEmpty || !marks.isEmpty else { return [] }
        return try await writer.submit { [rows] view -> LedgerPlan<[ChannelNote]> in
            let answered = try marks.filter { mark in
                try view.store.operational(space: Outbox.space, key: mark.action.text)
                    .flatMap(Outbox.mark) == mark
            }
            let kept = try notes.map { note in
                guard let merging,
                    let known = try view.store.operational(space: Outbox.notes, key: note.key),
                    known.expires > view.now, let old = rows.open(known)
                else { return note }
                return ChannelNote(
                    key: note.key, value: merging(old, note.value), expires: note.expires)
            }
            return LedgerPlan(
                kept,
                operational: kept.map { note in
                    rows.seal(
                        space: Outbox.notes, key: note.key, value: note.value,
                        expires: note.expires)
                },
                removed: answered.map {
                    OperationalKey(space: Outbox.space, key: $0.action.text)
                })
        }.value
    }

    /// Takes notes away.
    package func forgetNotes(_ keys: [String]) async throws {
        guard !keys.isEmpty else { return }
        let removed = keys.map { OperationalKey(space: Outbox.notes, key: $0) }
        _ = try await writer.submit { _ in LedgerPlan((), removed: removed) }
    }

    /// All notes whose keys begin with `prefix`, in order; those that this server did not seal are
    /// left out.
    package func notes(_ prefix: String) throws -> [ChannelNote] {
        try backend.read { reader in
            var found: [ChannelNote] = []
            var last: String?
            while true {
                let rows = try reader.operational(
                    space: Outbox.notes, prefix: prefix, after: last, limit: Self.notePage)
                found += rows.compactMap { row in
                    guard row.expires > now, let value = self.rows.open(row) else { return nil }
                    return ChannelNote(key: row.key, value: value, expires: row.expires)
                }
                guard rows.count == Self.notePage, let key = rows.last?.key else { return found }
                last = key
            }
        }
    }

    private static let notePage = 1000

    /// One note, if this server sealed it and it has not expired.
    package func note(_ key: String) throws -> ChannelNote? {
        guard
            let row = try backend.read({ try $0.operational(space: Outbox.notes, key: key) }),
            row.expires > now, let value = rows.open(row)
        else { return nil }
        return ChannelNote(key: row.key, value: value, expires: row.expires)
    }
}
