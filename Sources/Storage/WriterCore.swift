// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import TransparencyLog

/// A row that could not be written; ends the batch and the writer.
struct StoreWriteError: Error, CustomStringConvertible {
    let cause: any Error
    var description: String { "\(cause)" }
}

/// What only the writer's thread touches: the growing tree, the chain tips, the last instant.
final class WriterCore {
    private(set) var frontier: MerkleFrontier
    private(set) var tips: [String: ChainTip]
    /// What is known of chains that can still grow; only saves work.
    var proven = ProvenChains()
    private var lastAt: Timestamp
    private var checkpoint: String
    private let key: SigningKey
    private let wallClock: @Sendable () -> Timestamp
    private let seal: SnapshotSeal?
    /// The size of the tree at the last snapshot, and at the one being written.
    private var snapshotSize: UInt64 = 0
    /// The instant of the batch under way.
    private var batchAt: Timestamp
    /// What the batch under way has appended.
    private(set) var batchEntries: [RecordedEntry] = []
    /// The states that it put, each with the index of the last entry then.
    private var batchStates: [(state: ActionState, index: UInt64)] = []

    init(
        recovered: RecoveredLedger, key: SigningKey,
        wallClock: @escaping @Sendable () -> Timestamp, seal: SnapshotSeal?
    ) {
        frontier = recovered.head.frontier
        checkpoint = recovered.head.checkpoint
        tips = recovered.tips
        lastAt = recovered.head.at
        batchAt = recovered.head.at
        self.key = key
        self.wallClock = wallClock
        self.seal = seal
        snapshotSize = recovered.head.size - recovered.walked
    }

    var head: LedgerHead { LedgerHead(frontier: frontier, checkpoint: checkpoint, at: lastAt) }

    /// What observers are told after the commit.
    var committed: CommittedBatch {
        CommittedBatch(entries: batchEntries, states: batchStates, at: batchAt)
    }

    func beginBatch() -> Timestamp {
        batchEntries.removeAll(keepingCapacity: true)
        batchStates.removeAll(keepingCapacity: true)
        // Recorded time never goes backwards, whatever the wall clock does.
        batchAt = max(wallClock(), lastAt)
        return batchAt
    }

    func view(_ store: any LedgerWriting, _ now: Timestamp) -> LedgerView {
        LedgerView(now: now, store: store, core: self)
    }

    /// Appends a plan's entries and writes its rows.
    ///
    /// Everything that could refuse has been decided; what throws here is the store, and that ends
    /// the batch.
    func apply<Value>(
        _ plan: LedgerPlan<Value>, _ store: any LedgerWriting, _ now: Timestamp
    ) throws -> [RecordedEntry] {
        do {
            var entries: [RecordedEntry] = []
            entries.reserveCapacity(plan.drafts.count)
            for draft in plan.drafts {
                let isFirst = entries.isEmpty && plan.body != nil
                entries.append(try append(draft, isFirst: isFirst, store))
            }
            if let state = plan.state {
                try store.put(ActionRow(state))
                if state.isFinal {
                    tips[state.id.text] = nil
                } else {
                    tips[state.id.text]?.note(state)
                }
                let own = entries.filter { $0.entry.ref.utf8.elementsEqual(state.id.text.utf8) }
                proven.grow(state.id.text, by: own, to: state, body: plan.body)
                batchStates.append((state, frontier.size - 1))
            }
            for row in plan.operational { try store.put(row) }
            for row in plan.removed { try store.removeOperational(space: row.space, key: row.key) }
            if let instant = plan.forgetsRowsBefore {
                try store.removeExpiredOperational(before: instant)
            }
            plan.applied?()
            return entries
        } catch {
            throw StoreWriteError(cause: error)
        }
    }

    private func append(
        _ draft: EntryDraft, isFirst: Bool, _ store: any LedgerWriting
    ) throws -> RecordedEntry {
        let tip = try tips[draft.ref] ?? (isFirst ? .none : storedTip(draft.ref, store))
        let entry = LedgerEntry(
            kind: draft.kind, at: batchAt, ref: draft.ref, seq: tip.next, previous: tip.last,
            core: draft.coreCommitment, body: draft.bodyCommitment)
        let recorded = RecordedEntry(
            index: frontier.size, entry: entry, coreSalt: draft.coreSalt, core: draft.core,
            bodySalt: draft.bodySalt, body: draft.body)
        try store.insert(recorded)
        frontier.append(entry.leafHash)
        tips[draft.ref] = ChainTip(
            next: tip.next + 1, last: entry.leafHash, status: tip.status, owes: tip.owes)
        batchEntries.append(recorded)
        return recorded
    }

    /// The end of a chain whose action is final: it grows only by refused attempts.
    private func storedTip(_ ref: String, _ store: any LedgerWriting) throws -> ChainTip {
        guard let last = try store.chain(of: ref).last else { return .none }
        return ChainTip(next: last.entry.seq + 1, last: last.entry.leafHash)
    }

    /// Writes the tree's new tiles and the signed checkpoint into the same transaction.
    ///
    /// A crash before the commit leaves the tree as it was; after it, as it is now; never between.
    func endBatch(_ store: any LedgerWriting) throws {
        guard !batchEntries.isEmpty else { return }
        for tile in frontier.takeCompletedTiles() {
            try store.insertFullTile(level: tile.level, index: tile.index, hashes: tile.hashes)
        }
        let text = try Checkpoint(
            origin: key.name, size: frontier.size, root: frontier.root())
        checkpoint = text.signed(by: key)
        lastAt = batchAt
        try store.setCheckpoint(
            StoredCheckpoint(size: frontier.size, note: checkpoint, at: lastAt))
        // Seldom enough that writing down all open chains is small beside the entries between.
        let interval = max(Self.snapshotInterval, 4 * UInt64(tips.count))
        if frontier.size - snapshotSize >= interval { try putSnapshot(store) }
    }

    /// How many entries a start after a crash reads at most, unless many actions are open.
    private static let snapshotInterval: UInt64 = 2048

    /// Whether the next start would have to read entries that a snapshot can spare it.
    var wantsSnapshot: Bool { seal != nil && frontier.size > snapshotSize }

    /// Writes down where all open chains end, in the same transaction as the batch or in one of
    /// its own at the end.
    ///
    /// A crash before the commit leaves the snapshot before it, and a start that reads more.
    func putSnapshot(_ store: any LedgerWriting) throws {
        guard let seal else { return }
        let snapshot = LedgerSnapshot(
            size: frontier.size, root: frontier.root(), at: lastAt, tips: tips)
        try store.put(seal.row(snapshot))
        snapshotSize = frontier.size
    }
}
