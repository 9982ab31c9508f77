// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import TransparencyLog

/// A ledger read back at start: proven against its signed checkpoint.
package struct RecoveredLedger: Sendable {
    package let head: LedgerHead
    let tips: [String: ChainTip]
    /// Actions that are not final, with the index of their first entry.
    package let open: [ActionState]

    package var isEmpty: Bool { head.size == 0 }
}

/// Reading a ledger from its first entry to its last, re-hashing every leaf and core.
///
/// Start-up and `fsck` share this walk, so that what the server trusts at start is what an
/// auditor can check at any time. Nothing is taken from tiles or state rows. Memory goes with the
/// actions that are open, not with all there ever were: what is known of a chain that has ended is
/// dropped page by page, and read again should a refused attempt still come after the end.
package struct LedgerWalk {
    static let page = 1024

    /// One entry's findings: the state after it, if it is an action's, and what is wrong with it.
    struct Step {
        var state: ActionState?
        var problems: [String] = []
        /// Set where the entry before it in its chain is not the one it names.
        var gap: String?
    }

    private let reader: any LedgerReading
    private let bodies: Bool
    private(set) var frontier = MerkleFrontier()
    private(set) var tips: [String: ChainTip] = [:]
    private(set) var states: [String: ActionState] = [:]
    private(set) var lastAt: Timestamp?
    /// Chains that can't be replayed any more; each is reported once.
    private var broken: Set<String> = []

    /// With `bodies` the bodies are re-hashed too; `fsck` does that, a start does not.
    package init(_ reader: any LedgerReading, bodies: Bool) {
        self.reader = reader
        self.bodies = bodies
    }

    /// Walks all entries and gives each to `visit`, with the state after it if it is an action's.
    ///
    /// Throws a `TamperedError` at the first thing that is wrong.
    package mutating func run(
        _ visit: (RecordedEntry, ActionState?) throws -> Void
    ) throws {
        while true {
            let entries = try reader.entries(
                from: frontier.size, limit: Self.page, bodies: bodies)
            for recorded in entries {
                guard recorded.index == frontier.size else {
                    throw TamperedError("entry \(frontier.size) is missing")
                }
                let step = step(recorded)
                if let problem = step.problems.first ?? step.gap {
                    throw TamperedError("entry \(recorded.index): \(problem)")
                }
                try visit(recorded, step.state)
            }
            // They are in the store already; taking them lets them leave memory.
            _ = endPage()
            if entries.count < Self.page { return }
        }
    }

    /// Takes one entry, which must be the next; goes on after problems as well as it can.
    mutating func step(_ recorded: RecordedEntry) -> Step {
        var step = Step()
        let entry = recorded.entry
        if Commitment.core(salt: recorded.coreSalt, bytes: recorded.core) != entry.core {
            step.problems.append("the core is not what the leaf commits to")
        }
        if bodies, recorded.body != nil || recorded.bodySalt != nil {
            if !recorded.bodyMatches {
                step.problems.append("the body is not what the leaf commits to")
            }
        }
        if let lastAt, entry.at < lastAt {
            step.problems.append("recorded time goes backwards")
        }
        lastAt = max(entry.at, lastAt ?? entry.at)
        if tips[entry.ref] == nil, entry.seq > 0 { reload(entry.ref, before: recorded.index) }
        let tip = tips[entry.ref] ?? ChainTip(next: 0, last: .zero)
        if entry.seq != tip.next || entry.previous != tip.last {
            step.gap = "it does not follow in the chain of `\(entry.ref)`"
        }
        frontier.append(entry.leafHash)
        tips[entry.ref] = ChainTip(next: entry.seq + 1, last: entry.leafHash)
        guard ActionID(entry.ref) != nil, !broken.contains(entry.ref) else { return step }
        guard step.problems.isEmpty, step.gap == nil else {
            broken.insert(entry.ref)
            return step
        }
        do {
            let state = try ActionReplay.next(states[entry.ref], recorded)
            states[entry.ref] = state
            step.state = state
        } catch {
            broken.insert(entry.ref)
            step.problems.append("\(error)")
        }
        return step
    }

    /// Goes past an entry that can't be read at all; `leafHash` is what a tile says of it.
    mutating func skip(leafHash: Hash256) { frontier.append(leafHash) }

    /// Forgets what is known of chains that have ended, and gives the tiles that became full.
    mutating func endPage() -> [(level: Int, index: UInt64, hashes: [Hash256])] {
        for (ref, state) in states where state.status.isFinal {
            states[ref] = nil
            tips[ref] = nil
        }
        return frontier.takeCompletedTiles()
    }

    /// Brings back a chain that had ended.
    ///
    /// Its entries passed this walk before, in this same
    /// snapshot, so only their order is looked at again.
    private mutating func reload(_ ref: String, before index: UInt64) {
        // A chain that can't be read leaves a gap, which is reported where it shows.
        guard let chain = try? reader.chain(of: ref) else { return }
        var tip = ChainTip(next: 0, last: .zero)
        var state: ActionState?
        for recorded in chain where recorded.index < index {
            let entry = recorded.entry
            guard entry.seq == tip.next, entry.previous == tip.last,
                let next = try? ActionReplay.next(state, recorded)
            else { return }
            state = next
            tip = ChainTip(next: entry.seq + 1, last: entry.leafHash)
        }
        tips[ref] = tip
        states[ref] = state
    }
}

extension RecoveredLedger {
    /// Reads the ledger back; refuses to go on with one that does not match its checkpoint.
    ///
    /// `visit` sees every entry that is not an action's, in order: directory, policies
    ///   and installation are derived from them by the caller.
    package static func recover(
        _ reader: any LedgerReading, key: VerifierKey,
        visit: (RecordedEntry) throws -> Void
    ) throws -> RecoveredLedger {
        var walk = LedgerWalk(reader, bodies: false)
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
                    at: Timestamp(milliseconds: .min)), tips: [:], open: [])
        }
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
        return RecoveredLedger(
            head: LedgerHead(frontier: walk.frontier, checkpoint: stored.note, at: lastAt),
            tips: walk.tips, open: walk.states.values.sorted { $0.id.text < $1.id.text })
    }
}
