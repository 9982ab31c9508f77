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
/// auditor can check at any time. Nothing is taken from tiles or state rows.
package struct LedgerWalk {
    private static let page = 1024

    private let reader: any LedgerReading
    private let bodies: Bool
    private(set) var frontier = MerkleFrontier()
    private(set) var tips: [String: ChainTip] = [:]
    private(set) var states: [String: ActionState] = [:]
    private var lastAt: Timestamp?

    /// With `bodies` the bodies are re-hashed too; `fsck` does that, a start does not.
    package init(_ reader: any LedgerReading, bodies: Bool) {
        self.reader = reader
        self.bodies = bodies
    }

    /// Walks all entries and gives each to `visit`, with the state after it if it is an action's.
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
                let state = try check(recorded)
                try visit(recorded, state)
            }
            if entries.count < Self.page { return }
        }
    }

    private mutating func check(_ recorded: RecordedEntry) throws -> ActionState? {
        let entry = recorded.entry
        guard Commitment.core(salt: recorded.coreSalt, bytes: recorded.core) == entry.core,
            !bodies || recorded.body == nil || recorded.matchesCommitments
        else {
            throw TamperedError(
                "entry \(recorded.index): core or body is not what the leaf "
                    + "commits to")
        }
        let tip = tips[entry.ref] ?? ChainTip(next: 0, last: .zero)
        guard entry.seq == tip.next, entry.previous == tip.last else {
            throw TamperedError(
                "entry \(recorded.index): does not follow in the chain of "
                    + "`\(entry.ref)`")
        }
        if let lastAt, entry.at < lastAt {
            throw TamperedError("entry \(recorded.index): recorded time goes backwards")
        }
        lastAt = entry.at
        frontier.append(entry.leafHash)
        _ = frontier.takeCompletedTiles()
        tips[entry.ref] = ChainTip(next: entry.seq + 1, last: entry.leafHash)
        guard ActionID(entry.ref) != nil else { return nil }
        do {
            let state = try ChainReplay.next(states[entry.ref], recorded)
            states[entry.ref] = state
            return state
        } catch {
            throw TamperedError("entry \(recorded.index): \(error)")
        }
    }

    /// Forgets what is known of a chain that has ended; keeps memory in bounds.
    package mutating func forgetFinal() {
        for (ref, state) in states where state.status.isFinal {
            states[ref] = nil
            tips[ref] = nil
        }
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
        walk.forgetFinal()
        return RecoveredLedger(
            head: LedgerHead(frontier: walk.frontier, checkpoint: stored.note, at: stored.at),
            tips: walk.tips, open: Array(walk.states.values))
    }
}
