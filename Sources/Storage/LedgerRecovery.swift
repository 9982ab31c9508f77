// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import TransparencyLog

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

    /// What a walk knows, apart from where it reads.
    struct Memory: Sendable {
        var frontier = MerkleFrontier()
        var tips: [String: ChainTip] = [:]
        var states: [String: ActionState] = [:]
        var lastAt: Timestamp?
        /// Chains that can't be replayed any more; each is reported once.
        var broken: Set<String> = []
    }

    private let reader: any LedgerReading
    private let bodies: Bool
    var memory: Memory
    var frontier: MerkleFrontier { memory.frontier }
    var tips: [String: ChainTip] { memory.tips }
    var lastAt: Timestamp? { memory.lastAt }

    /// With `bodies` the bodies are re-hashed too; `fsck` does that, a start does not.
    package init(_ reader: any LedgerReading, bodies: Bool) {
        self.init(reader, bodies: bodies, memory: Memory())
    }

    /// Goes on where another walk stopped.
    init(_ reader: any LedgerReading, bodies: Bool, memory: Memory) {
        self.reader = reader
        self.bodies = bodies
        self.memory = memory
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
            try take(entries, visit)
            if entries.count < Self.page { return }
        }
    }

    /// Takes one page of entries, which must be the next.
    mutating func take(
        _ entries: [RecordedEntry], _ visit: (RecordedEntry, ActionState?) throws -> Void
    ) throws {
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
        if let lastAt = memory.lastAt, entry.at < lastAt {
            step.problems.append("recorded time goes backwards")
        }
        memory.lastAt = max(entry.at, memory.lastAt ?? entry.at)
        if entry.seq > 0, memory.states[entry.ref] == nil {
            reload(entry.ref, before: recorded.index)
        }
        let tip = memory.tips[entry.ref] ?? .none
        if entry.seq != tip.next || entry.previous != tip.last {
            step.gap = "it does not follow in the chain of `\(entry.ref)`"
        }
        memory.frontier.append(entry.leafHash)
        memory.tips[entry.ref] = ChainTip(next: entry.seq + 1, last: entry.leafHash)
        guard ActionID(entry.ref) != nil, !memory.broken.contains(entry.ref) else { return step }
        guard step.problems.isEmpty, step.gap == nil else {
            memory.broken.insert(entry.ref)
            return step
        }
        do {
            let state = try ActionReplay.next(memory.states[entry.ref], recorded)
            memory.states[entry.ref] = state
            memory.tips[entry.ref]?.note(state)
            step.state = state
        } catch {
            memory.broken.insert(entry.ref)
            step.problems.append("\(error)")
        }
        return step
    }

    /// Goes past an entry that can't be read at all; `leafHash` is what a tile says of it.
    mutating func skip(leafHash: Hash256) { memory.frontier.append(leafHash) }

    /// Forgets what is known of chains that have ended, and gives the tiles that became full.
    mutating func endPage() -> [(level: Int, index: UInt64, hashes: [Hash256])] {
        for (ref, state) in memory.states where state.isFinal {
            memory.states[ref] = nil
            memory.tips[ref] = nil
        }
        return memory.frontier.takeCompletedTiles()
    }

    /// Brings back an action that had ended, or that was open before this walk began.
    ///
    /// Its entries may not have passed this walk, so each is hashed again; that the last of them
    /// is the one that the entry at `index` names is checked by the caller.
    private mutating func reload(_ ref: String, before index: UInt64) {
        // A chain that can't be read leaves a gap, which is reported where it shows.
        guard ActionID(ref) != nil, !memory.broken.contains(ref),
            let chain = try? reader.chain(of: ref)
        else { return }
        var tip = ChainTip.none
        var state: ActionState?
        for recorded in chain where recorded.index < index {
            let entry = recorded.entry
            guard entry.seq == tip.next, entry.previous == tip.last,
                Commitment.core(salt: recorded.coreSalt, bytes: recorded.core) == entry.core,
                let next = try? ActionReplay.next(state, recorded)
            else { return }
            state = next
            tip = ChainTip(next: entry.seq + 1, last: entry.leafHash)
        }
        memory.tips[ref] = tip
        memory.states[ref] = state
    }
}
