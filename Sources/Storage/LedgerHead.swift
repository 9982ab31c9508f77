// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import TransparencyLog

/// The tree as of one committed batch: what proofs are made against.
package struct LedgerHead: Sendable {
    package let frontier: MerkleFrontier
    /// The signed note that goes with exactly this tree.
    package let checkpoint: String
    package let at: Timestamp

    package var size: UInt64 { frontier.size }

    /// The `.tlog-proof` of one entry under this head.
    package func proof(of index: UInt64, tiles: some TileReader) throws -> String {
        TLogProof.text(
            index: index, hashes: try frontier.inclusionProof(index: index, tiles: tiles),
            checkpoint: checkpoint)
    }
}

/// One durable batch, as observers see it.
package struct CommittedBatch: Sendable {
    package let entries: [RecordedEntry]
    /// States in the order put, each with the ledger index of the last entry then.
    package let states: [(state: ActionState, index: UInt64)]
    package let at: Timestamp
}

/// What the writer knows of a chain that can still grow.
struct ChainTip: Sendable, Hashable {
    /// The `seq` that the next entry gets.
    let next: UInt64
    let last: Hash256
    /// Of an action: where it stands.
    var status: ActionStatus?
    /// Of an action: whether somebody broke the glass for it and nobody has looked at that since.
    var owes: Bool

    init(next: UInt64, last: Hash256, status: ActionStatus? = nil, owes: Bool = false) {
        self.next = next
        self.last = last
        self.status = status
        self.owes = owes
    }

    /// Where an action stands after its last entry.
    mutating func note(_ state: ActionState) {
        status = state.status
        owes = state.openDebt != nil
    }

    /// Of a chain without entries.
    static let none = ChainTip(next: 0, last: .zero)
}

/// A plan for one command: what to append, which state follows, what to answer.
///
/// Decided first and applied afterwards, so that a command which is refused has left no trace
/// and needs no savepoint.
package struct LedgerPlan<Value: Sendable>: Sendable {
    package var drafts: [EntryDraft]
    /// The state after the drafts of one action: at most one.
    ///
    /// Drafts of other chains may follow.
    package var state: ActionState?
    /// That action's body, where the drafts are its first entries.
    package var body: SubmissionBody?
    package var operational: [OperationalRow]
    /// Operational rows that are no longer needed.
    package var removed: [OperationalKey]
    /// Operational rows that expired before this instant are dropped.
    package var forgetsRowsBefore: Timestamp?
    /// Run on the writer after the entries are applied; later commands of the batch see it.
    package var applied: (@Sendable () -> Void)?
    package var value: Value

    package init(
        _ value: Value, drafts: [EntryDraft] = [], state: ActionState? = nil,
        body: SubmissionBody? = nil, operational: [OperationalRow] = [],
        removed: [OperationalKey] = [],
        forgetsRowsBefore: Timestamp? = nil,
        applied: (@Sendable () -> Void)? = nil
    ) {
        self.value = value
        self.drafts = drafts
        self.state = state
        self.body = body
        self.operational = operational
        self.removed = removed
        self.forgetsRowsBefore = forgetsRowsBefore
        self.applied = applied
    }
}

/// A command's answer after its batch is durable.
package struct Recorded<Value: Sendable>: Sendable {
    package let value: Value
    /// The entries that this command appended, with their places.
    package let entries: [RecordedEntry]
    /// The head that covers them.
    package let head: LedgerHead
}

/// Why the ledger did not take a command.
package enum LedgerUnavailable: Error, Sendable, Hashable, CustomStringConvertible {
    /// Too many commands wait; nothing was recorded.
    case overloaded
    /// A commit failed or its fate is unknown; the server must be restarted.
    case stopped(String)

    package var description: String {
        switch self {
        case .overloaded: "too many requests wait for the ledger: try again shortly"
        case .stopped(let reason): "the ledger takes no entries: \(reason)"
        }
    }
}
