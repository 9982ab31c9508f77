// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import TransparencyLog

/// One row of the state table: what the lists and the scheduler look at.
///
/// Derived from the cores; no clearing and no claim trusts it (DESIGN §4.15).
package struct ActionRow: Sendable, Hashable {
    package let id: ActionID
    package let version: UInt64
    package let status: ActionStatus
    package let agent: Handle
    package let credential: String
    package let gate: Handle
    package let operation: Hash256
    /// When time changes the state if nobody else does.
    package let due: Timestamp?
    package let updatedAt: Timestamp
    /// Canonical JSON of the state.
    package let document: [UInt8]

    package init(_ state: ActionState) {
        id = state.id
        version = state.version
        status = state.status
        agent = state.submission.requester.agent
        credential = state.submission.requester.credential
        gate = state.submission.gate.id
        operation = state.submission.operation
        due = state.nextWake
        updatedAt = state.updatedAt
        document = state.document
    }

    package init(
        id: ActionID, version: UInt64, status: ActionStatus, agent: Handle, credential: String,
        gate: Handle, operation: Hash256, due: Timestamp?, updatedAt: Timestamp,
        document: [UInt8]
    ) {
        self.id = id
        self.version = version
        self.status = status
        self.agent = agent
        self.credential = credential
        self.gate = gate
        self.operation = operation
        self.due = due
        self.updatedAt = updatedAt
        self.document = document
    }
}

/// Which actions a list shows; newest first.
package struct ActionQuery: Sendable {
    package var statuses: Set<ActionStatus> = []
    package var agent: Handle?
    package var gate: Handle?
    package var before: ActionID?
    /// Actions that a search for text looks at: the newest that match the rest of the query.
    ///
    /// It reads the body of each and must not hold others up for long. `before` goes on behind.
    package static let textSearchRows = 2000

    /// Text to find in the submitted operation, as bytes; nil for all.
    package var text: String?
    package var limit = 50

    package init() {}
}

/// The signed checkpoint of the last committed batch.
package struct StoredCheckpoint: Sendable, Hashable {
    package let size: UInt64
    package let note: String
    /// The latest recorded instant; time never goes behind it.
    package let at: Timestamp

    package init(size: UInt64, note: String, at: Timestamp) {
        self.size = size
        self.note = note
        self.at = at
    }
}

/// A row outside the ledger: sessions, sign-in links, idempotency keys.
///
/// Never decides anything that is not authenticated by a key outside the database.
package struct OperationalRow: Sendable, Hashable {
    package let space: String
    package let key: String
    package let value: [UInt8]
    package let expires: Timestamp

    package init(space: String, key: String, value: [UInt8], expires: Timestamp) {
        self.space = space
        self.key = key
        self.value = value
        self.expires = expires
    }

    /// A row that a server has sealed begins with an HMAC-SHA-256 of so many bytes.
    package static let sealBytes = 32

    /// What a sealed row holds, whether or not the seal is right; nil if there is no seal.
    package var sealedValue: [UInt8]? {
        value.count >= Self.sealBytes ? Array(value[Self.sealBytes...]) : nil
    }
}

/// The place of an operational row.
package struct OperationalKey: Sendable, Hashable {
    package let space: String
    package let key: String

    package init(space: String, key: String) {
        self.space = space
        self.key = key
    }
}

/// Reading one consistent state of the store.
///
/// Each method throws only on I/O or a row that can't be read at all; whether rows are *true* is
/// for the caller to prove.
package protocol LedgerReading {
    func entry(at index: UInt64) throws -> RecordedEntry?
    /// The entries of `ref` in order of `seq`, as bytes.
    func storedChain(of ref: String) throws -> [StoredEntry]
    /// Up to `limit` entries from `index` on, in order, with bodies if asked for.
    func entries(from index: UInt64, limit: Int, bodies: Bool) throws -> [RecordedEntry]
    /// A full tile of 256 hashes, or nil if it isn't stored.
    func fullTile(level: Int, index: UInt64) throws -> [Hash256]?
    func checkpoint() throws -> StoredCheckpoint?
    func action(_ id: ActionID) throws -> ActionRow?
    func actions(_ query: ActionQuery) throws -> [ActionRow]
    /// All rows in order of id, for `fsck`.
    func actions(after id: ActionID?, limit: Int) throws -> [ActionRow]
    /// Open actions whose deadline is at or before `instant`, earliest first.
    func dueActions(at instant: Timestamp, limit: Int) throws -> [ActionRow]
    /// The earliest deadline of all.
    func earliestDeadline() throws -> Timestamp?
    /// The newest action of the same credential, gate and operation, whatever its status.
    func latest(credential: String, gate: Handle, operation: Hash256) throws -> ActionRow?
    func operational(space: String, key: String) throws -> OperationalRow?
    /// Rows of a space whose keys begin with `prefix`, in order of key, from behind `key` on.
    func operational(
        space: String, prefix: String, after key: String?, limit: Int
    ) throws -> [OperationalRow]
}

extension LedgerReading {
    /// The entries of `ref` in order of `seq`.
    package func chain(of ref: String) throws -> [RecordedEntry] {
        try storedChain(of: ref).map { try $0.recorded() }
    }
}

/// One entry as the store has it, before anybody looked into its bytes.
package struct StoredEntry: Sendable {
    package let index: UInt64
    /// The columns by which the row was found; what counts is in the leaf.
    package let ref: String
    package let seq: UInt64
    package let leaf: [UInt8]
    package let coreSalt: Hash256
    package let core: [UInt8]
    package let bodySalt: Hash256?
    package let body: [UInt8]?

    package init(
        index: UInt64, ref: String, seq: UInt64, leaf: [UInt8], coreSalt: Hash256, core: [UInt8],
        bodySalt: Hash256?, body: [UInt8]?
    ) {
        self.index = index
        self.ref = ref
        self.seq = seq
        self.leaf = leaf
        self.coreSalt = coreSalt
        self.core = core
        self.bodySalt = bodySalt
        self.body = body
    }

    /// Reads the leaf; throws `TamperedError` where it can't be, or is filed elsewhere.
    package func recorded() throws -> RecordedEntry {
        let entry: LedgerEntry
        do {
            entry = try LedgerEntry(leaf: leaf)
        } catch {
            throw TamperedError("entry \(index): the leaf can't be read: \(error)")
        }
        guard ref.utf8.elementsEqual(entry.ref.utf8), seq == entry.seq else {
            throw TamperedError("entry \(index): its row is filed under another chain")
        }
        return RecordedEntry(
            index: index, entry: entry, coreSalt: coreSalt, core: core, bodySalt: bodySalt,
            body: body)
    }
}

/// Writing inside one transaction.
package protocol LedgerWriting: LedgerReading {
    func insert(_ entry: RecordedEntry) throws
    func insertFullTile(level: Int, index: UInt64, hashes: [Hash256]) throws
    func setCheckpoint(_ checkpoint: StoredCheckpoint) throws
    func put(_ row: ActionRow) throws
    func put(_ row: OperationalRow) throws
    func removeOperational(space: String, key: String) throws
    func removeExpiredOperational(before instant: Timestamp) throws
}

/// A store for the ledger, its state and its operational rows.
///
/// Contract, held by the same conformance suite for every backend:
/// - `write` is one transaction that is durable when it returns: it survives the loss of the
///   process and, as far as the disk keeps its promise to `fsync`, of power.
/// - When `write` throws, nothing of the transaction is kept, or it is unknown whether it is;
///   either way the caller must stop and read again.
/// - `read` sees one committed state and never waits for a writer.
package protocol LedgerBackend: Sendable {
    func write(_ body: (any LedgerWriting) throws -> Void) throws
    func read<Value>(_ body: (any LedgerReading) throws -> Value) throws -> Value
    /// Throws unless the live writer really syncs each commit.
    func assertDurable() throws
    func close() throws
}

/// Full tiles read through one transaction.
package struct StoredTiles: TileReader {
    private let reader: any LedgerReading

    package init(_ reader: any LedgerReading) { self.reader = reader }

    package func tile(level: Int, index: UInt64) throws -> [Hash256] {
        guard let hashes = try reader.fullTile(level: level, index: index) else {
            throw TileError.missing(level: level, index: index)
        }
        return hashes
    }
}

/// Something in the store is not what the signed tree says it should be.
package struct TamperedError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
