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
        guard state.submission.requirement != nil else { return [] }
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
    package func markOpenActions() async throws {
        var after: ActionID?
        while true {
            var query = ActionQuery()
            query.statuses = [.pending, .cleared, .claimed, .unknown]
            query.before = after
            query.limit = 500
            let rows = try backend.read { try $0.actions(query) }
            let marks = try rows.compactMap { row in
                try detail(row.id).map { Outbox.mark($0.state) }
            }
            .flatMap(\.self)
            _ = try await writer.submit { _ in LedgerPlan((), operational: marks) }
            guard rows.count == query.limit, let last = rows.last else { break }
            after = last.id
        }
        news.wake()
    }

    /// Actions with news, in order of id; an unreadable mark is dropped with a warning.
    package func marks(after: ActionID?, limit: Int) throws -> [NoticeMark] {
        try backend.read { reader in
            try reader.operational(
                space: Outbox.space, prefix: "", after: after?.text, limit: limit
            ).compactMap { row in
                guard let mark = Outbox.mark(row) else {
                    logger.warning("a mark of the outbox can't be read")
                    return nil
                }
                return mark
            }
        }
    }

    /// Writes notes down, and takes away the marks that they answer, in one transaction.
    ///
    /// A mark that stands for more by now stays.
    package func keep(
        _ notes: [ChannelNote], removing removed: [String] = [], answering marks: [NoticeMark] = []
    ) async throws {
        guard !notes.isEmpty || !removed.isEmpty || !marks.isEmpty else { return }
        let sealed = notes.map { note in
            rows.seal(
                space: Outbox.notes, key: note.key, value: note.value, expires: note.expires)
        }
        _ = try await writer.submit { view in
            let answered = try marks.filter { mark in
                try view.store.operational(space: Outbox.space, key: mark.action.text)
                    .flatMap(Outbox.mark) == mark
            }
            return LedgerPlan(
                (), operational: sealed,
                removed: answered.map { OperationalKey(space: Outbox.space, key: $0.action.text) }
                    + removed.map { OperationalKey(space: Outbox.notes, key: $0) })
        }
    }

    /// Notes whose keys begin with `prefix`, in order; those that this server did not seal are
    /// left out.
    package func notes(
        _ prefix: String, after: String? = nil, limit: Int = 10_000
    ) throws -> [ChannelNote] {
        try backend.read { reader in
            try reader.operational(
                space: Outbox.notes, prefix: prefix, after: after, limit: limit
            ).compactMap { row in
                guard row.expires > now, let value = rows.open(row) else { return nil }
                return ChannelNote(key: row.key, value: value, expires: row.expires)
            }
        }
    }
}
