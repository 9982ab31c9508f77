// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import TransparencyLog

/// What happened in a run, as the checks of the invariants look at it.
///
/// A plain value that anybody can put together by hand, so that each check can be shown to fail.
/// Nothing here comes from the machine's own state: reviews are folded from the entries by rules
/// written down a second time.
struct SimulatedHistory: Sendable {
    private(set) var entries: [SimulatedEntry] = []
    /// Positions in `entries`, by chain.
    private var chains: [String: [Int]] = [:]
    private var reviews: [ActionID: SimulatedReview] = [:]
    /// Actions for which the glass was broken.
    private(set) var broken: [ActionID] = []
    /// The stored form of each action, by id.
    var submissions: [ActionID: SimulatedSubmission] = [:]
    /// Members of each batch, by the digest of its manifest.
    var batches: [Hash256: [ActionID]] = [:]
    var executions: [SimulatedExecution] = []
    var offers: [SimulatedOffer] = []
    var answers: [SimulatedAnswer] = []
    var refusals: [SimulatedRefusal] = []
    var sweeps: [SimulatedSweep] = []
    var stored: [SimulatedStored] = []
    /// How much of each list the checks have seen.
    private var seen = Seen()

    private struct Seen: Sendable {
        var entries = 0
        var executions = 0
        var offers = 0
        var answers = 0
        var refusals = 0
        var sweeps = 0
        var stored = 0
    }

    /// Appends an entry, and notes how the review stood before it.
    mutating func append(_ entry: SimulatedEntry) {
        var entry = entry
        if case .action(let id, _, let event) = entry.event {
            entry.before = reviews[id]
            var review = reviews[id] ?? SimulatedReview(submissions[id])
            review.take(event, at: entry.at)
            reviews[id] = review
            entry.after = review
            if case .glassBroken = event { broken.append(id) }
        }
        chains[entry.ref, default: []].append(entries.count)
        entries.append(entry)
    }

    /// Everything is checked: the next checks look at what comes from now on.
    mutating func settle() {
        seen = Seen(
            entries: entries.count, executions: executions.count, offers: offers.count,
            answers: answers.count, refusals: refusals.count, sweeps: sweeps.count,
            stored: stored.count)
    }

    var newEntries: ArraySlice<SimulatedEntry> { entries[seen.entries...] }
    var newExecutions: ArraySlice<SimulatedExecution> { executions[seen.executions...] }
    var newOffers: ArraySlice<SimulatedOffer> { offers[seen.offers...] }
    var newAnswers: ArraySlice<SimulatedAnswer> { answers[seen.answers...] }
    var newRefusals: ArraySlice<SimulatedRefusal> { refusals[seen.refusals...] }
    var newSweeps: ArraySlice<SimulatedSweep> { sweeps[seen.sweeps...] }
    var newStored: ArraySlice<SimulatedStored> { stored[seen.stored...] }

    /// Entries of actions that were not checked yet, with what happened.
    var newEvents: [(entry: SimulatedEntry, action: ActionID, event: ActionEvent)] {
        newEntries.compactMap { entry in
            guard case .action(let id, _, let event) = entry.event else { return nil }
            return (entry, id, event)
        }
    }

    /// The entries of a chain, in order.
    func chain(_ ref: String) -> [SimulatedEntry] { (chains[ref] ?? []).map { entries[$0] } }

    /// The entry before this one in its chain.
    func predecessor(of entry: SimulatedEntry) -> SimulatedEntry? {
        guard let positions = chains[entry.ref],
            let last = positions.last(where: { entries[$0].index < entry.index })
        else { return nil }
        return entries[last]
    }

    func review(_ id: ActionID) -> SimulatedReview? { reviews[id] }

    /// Actions that somebody could still decide, clear or claim.
    var open: [(id: ActionID, review: SimulatedReview)] {
        reviews.filter { [.pending, .cleared].contains($0.value.status) }
            .sorted { $0.key.text < $1.key.text }.map { ($0.key, $0.value) }
    }

    /// For doctored histories.
    mutating func edit(_ position: Int, _ change: (inout SimulatedEntry) -> Void) {
        change(&entries[position])
    }
}

/// The rules in force at one moment, derived from the entries before it.
struct SimulatedWorld: Sendable {
    var directory = Directory()
    var directoryDigest = Hash256.zero
    var policySet = Hash256.zero
    /// What each policy asks for.
    var requirements: [Requirement] = []
    /// Policies that forbid without asking anybody.
    var hardForbids: Set<String> = []
    var unsealed = true
    var singleOperator = false
    var baselines: [Handle: Hash256] = [:]
    /// Approved changes of these rules that were made.
    var applied: Set<String> = []
    /// Who has confirmed which manifest.
    var confirmations: [Hash256: [Handle]] = [:]
}

/// One entry of the ledger.
struct SimulatedEntry: Sendable {
    enum Event: Sendable {
        case action(ActionID, digest: Hash256, ActionEvent)
        case directory(DirectoryEntry)
        case policies(PolicyPublication)
        case seal(SealEvent)
        case other
    }

    var index: UInt64
    var at: Timestamp
    var ref: String
    var kind: String
    var seq: UInt64
    var previous = Hash256.zero
    var leaf = Hash256.zero
    /// As it is stamped into the core; nil where it is not.
    var unsealed: Bool?
    var event: Event
    /// The rules in force just before it, and just after.
    var world: SimulatedWorld
    var next: SimulatedWorld
    /// What policy says of the action at that moment, asked a second time.
    var verdict: Verdict?
    /// What the renderer gives when it is asked again; nil where nobody is asked.
    var redrawn: ShownRendering?
    /// Whether its body has words for why.
    var hasReason = false
    /// How the review stood before it and after it; `append` fills them in.
    var before: SimulatedReview?
    var after: SimulatedReview?
}

/// An action as it was stored.
struct SimulatedSubmission: Sendable {
    var action: Action
    /// What reviewers were shown, by the record.
    var rendering: Hash256?
    var isShownInFull: Bool

    var isGovernance: Bool { action.operation.isGovernance }
}

/// What a gate executed.
struct SimulatedExecution: Sendable {
    var action: ActionID
    var nonce: Hash256
    /// The digest of the bytes that ran.
    var operation: Hash256
    /// The size of the tree that was durable by then.
    var durable: UInt64
}

/// What a gate was handed as a claim, as it came or tampered with.
struct SimulatedOffer: Sendable {
    var action: ActionID
    var what: String
    var isGenuine: Bool
    var isTaken: Bool
}

/// What a caller was told of an action.
struct SimulatedAnswer: Sendable {
    var action: ActionID
    var version: UInt64
    var status: ActionStatus
    /// The hash of the chain's last entry then.
    var tip: Hash256
    /// The size of the tree that was durable by then.
    var durable: UInt64
    var nonce: Hash256?
    /// False where it is a grant without a proof that verifies.
    var isProven = true
    /// The beginning of the digest that a decision named.
    var expected: String?
}

/// What a caller was told instead.
struct SimulatedRefusal: Sendable {
    var action: ActionID
    /// Such as `person:bob`.
    var principal: String
    var attempt: String
    var code: String
    /// Entries before and after the command.
    var from: UInt64
    var to: UInt64
}

/// A look of the scheduler at everything that is open.
struct SimulatedSweep: Sendable {
    var at: Timestamp
    /// Open actions after it, and until when each may be.
    var open: [ActionID: Timestamp?]
    /// Those that policy denies by then.
    var denied: [ActionID]
}

/// What the store has, beside what the entries say.
struct SimulatedStored: Sendable {
    enum Fact: Sendable {
        /// A state row, and the status that the entries lead to.
        case row(ActionID, ActionStatus, replayed: ActionStatus, isSame: Bool)
        /// The signed tree, and the one over the leaves that are stored.
        case head(size: UInt64, root: Hash256, counted: UInt64, computed: Hash256)
        /// A row that somebody edited, and whether it let something pass.
        case edited(ActionID, letPass: Bool)
        /// The digest of the directory by its entry, and by its content.
        case directory(Hash256, computed: Hash256)
    }

    var fact: Fact
}
