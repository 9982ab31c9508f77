// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import TransparencyLog

/// A ledger read back at start: proven against its signed checkpoint.
package struct RecoveredLedger: Sendable {
    package let head: LedgerHead
    let tips: [String: ChainTip]

    /// How many entries a chain has; 0 for one that there is not, or of an action that ended.
    package func entries(of ref: String) -> UInt64 { tips[ref]?.next ?? 0 }
    /// The tree where this start began to read.
    private let first: MerkleFrontier

    private init(head: LedgerHead, tips: [String: ChainTip], first: MerkleFrontier) {
        self.head = head
        self.tips = tips
        self.first = first
    }

    /// The entries that this start has read and hashed, the last of the ledger.
    package var walked: UInt64 { head.size - first.size }

    /// What this start has left to be read in quiet.
    package var recheck: LedgerRecheck { LedgerRecheck(size: first.size, root: first.root()) }

    package var isEmpty: Bool { head.size == 0 }

    /// Actions for which somebody broke the glass and nobody has looked at that since.
    package var owing: [ActionID] { tips.filter(\.value.owes).keys.compactMap(ActionID.init) }

    /// Actions that are not final, with their status.
    package var open: [ActionID: ActionStatus] {
        var open: [ActionID: ActionStatus] = [:]
        for (ref, tip) in tips {
            if let status = tip.status, let id = ActionID(ref) { open[id] = status }
        }
        return open
    }
}

extension RecoveredLedger {
    /// Reads the ledger back; refuses to go on with one that does not match its checkpoint.
    ///
    /// With a sealed snapshot only what came after it is read and hashed, and of what came before
    /// the chains that `visit` is to see; whatever is used of the rest later is proven then.
    /// - Parameters:
    ///   - reader: one consistent state of the store.
    ///   - key: the log's key.
    ///   - seal: opens the snapshot; without it everything is read.
    ///   - refs: the chains that `visit` needs from the beginning.
    ///   - visit: sees entries that are not an action's, those of each chain in order: directory
    ///     and policies are derived from them by the caller.
    /// - Returns: the head of the ledger and the ends of its open chains.
    /// - Throws: a `TamperedError` at the first thing that is wrong.
    package static func recover(
        _ reader: any LedgerReading, key: VerifierKey, seal: SnapshotSeal? = nil,
        refs: [String] = [], visit: (RecordedEntry) throws -> Void
    ) throws -> RecoveredLedger {
        var walk = LedgerWalk(reader, bodies: false)
        let snapshot = try seal?.snapshot(reader)
        if let snapshot { try checkNotRolledBack(reader, behind: snapshot) }
        if let snapshot, let start = try Start(reader, snapshot, refs: refs) {
            for recorded in start.entries { try visit(recorded) }
            walk = LedgerWalk(
                reader, bodies: false,
                memory: LedgerWalk.Memory(
                    frontier: start.frontier, tips: snapshot.tips, lastAt: snapshot.at))
        }
        let first = walk.frontier
        try walk.run { recorded, state in
            if state == nil { try visit(recorded) }
        }
        guard let stored = try reader.checkpoint() else {
            guard walk.frontier.size == 0 else {
                throw TamperedError("the ledger has entries but no checkpoint")
            }
            return RecoveredLedger(
                head: LedgerHead(
                    frontier: walk.frontier, checkpoint: "",
                    at: Timestamp(milliseconds: .min)), tips: [:], first: first)
        }
        let at = try check(stored, walk, key)
        return RecoveredLedger(
            head: LedgerHead(frontier: walk.frontier, checkpoint: stored.note, at: at),
            tips: walk.tips, first: first)
    }

    /// A sealed snapshot is written with the entries that it covers, so it is never ahead of them.
    private static func checkNotRolledBack(
        _ reader: any LedgerReading, behind snapshot: LedgerSnapshot
    ) throws {
        let size = try reader.checkpoint()?.size ?? 0
        guard size >= snapshot.size else {
            throw TamperedError(
                "the ledger has \(size) entries and had \(snapshot.size): it was rolled back; "
                    + "restore the newer copy")
        }
    }

    /// Holds what was read against the signed checkpoint; returns the latest recorded instant.
    private static func check(
        _ stored: StoredCheckpoint, _ walk: LedgerWalk, _ key: VerifierKey
    ) throws -> Timestamp {
        let checkpoint: Checkpoint
        do {
            checkpoint = try Checkpoint.verified(stored.note, key: key)
        } catch {
            throw TamperedError("the stored checkpoint is not signed by this log's key: \(error)")
        }
        guard checkpoint.size == walk.frontier.size, checkpoint.root == walk.frontier.root() else {
            throw TamperedError(
                "the ledger has \(walk.frontier.size) entries, its checkpoint "
                    + "covers \(checkpoint.size), and the roots must agree: run `exequatur fsck`")
        }
        // The instant is taken from the entries, which are signed, not from the row beside them.
        guard let lastAt = walk.lastAt, lastAt == stored.at, stored.size == checkpoint.size else {
            throw TamperedError(
                "the checkpoint's row and its note disagree: run `exequatur fsck`")
        }
        return lastAt
    }
}

/// A snapshot that fits the store: the tree then, and the chains that are derived from.
private struct Start {
    let frontier: MerkleFrontier
    let entries: [RecordedEntry]

    /// Proves a snapshot; nil if it doesn't fit, and then everything has to be read.
    ///
    /// The tree is rebuilt from tiles and must have the sealed root; it is proven for good when
    /// the walk from here arrives at the signed root. A chain is complete if each entry hashes to
    /// what the next one names, up to the sealed end.
    init?(_ reader: any LedgerReading, _ snapshot: LedgerSnapshot, refs: [String]) throws {
        do {
            let width = UInt64(Tile.fullWidth)
            let partial = try reader.entries(
                from: snapshot.size - snapshot.size % width,
                limit: Int(snapshot.size % width), bodies: false)
            frontier = try MerkleFrontier(
                size: snapshot.size, fullTiles: StoredTiles(reader),
                lastLeaves: { index in
                    let place = Int(index % width)
                    guard place < partial.count, partial[place].index == index else {
                        throw TamperedError("entry \(index) is missing")
                    }
                    return partial[place].entry.leafHash
                })
            guard frontier.root() == snapshot.root else { return nil }
            var entries: [RecordedEntry] = []
            for ref in refs {
                entries += try Self.chain(ref, reader, snapshot)
            }
            self.entries = entries
        } catch is TamperedError {
            return nil
        } catch is TileError {
            return nil
        }
    }

    private static func chain(
        _ ref: String, _ reader: any LedgerReading, _ snapshot: LedgerSnapshot
    ) throws -> [RecordedEntry] {
        try provenChain(
            of: ref, reader, below: snapshot.size, endingAt: snapshot.tips[ref] ?? .none)
    }
}

extension RecoveredLedger {
    /// The state of an open action, from entries that lead up to the end that this start has proven.
    ///
    /// Throws a `TamperedError` where the store has others.
    package func state(of id: ActionID, _ reader: any LedgerReading) throws -> ActionState? {
        try ChainReplay.state(
            of: try provenChain(
                of: id.text, reader, below: head.size, endingAt: tips[id.text] ?? .none))
    }
}

/// The entries of a chain, each of which hashes to what the next one names, up to a known end.
private func provenChain(
    of ref: String, _ reader: any LedgerReading, below size: UInt64, endingAt end: ChainTip
) throws -> [RecordedEntry] {
    let chain = try reader.chain(of: ref).filter { $0.index < size }
    var tip = ChainTip.none
    for recorded in chain {
        let entry = recorded.entry
        guard entry.seq == tip.next, entry.previous == tip.last,
            Commitment.core(salt: recorded.coreSalt, bytes: recorded.core) == entry.core
        else { throw TamperedError("the chain of `\(ref)` is broken") }
        tip = ChainTip(next: entry.seq + 1, last: entry.leafHash)
    }
    guard tip.next == end.next, tip.last == end.last else {
        throw TamperedError("the chain of `\(ref)` does not end where it did")
    }
    return chain
}
