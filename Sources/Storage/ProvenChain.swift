// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import TransparencyLog

/// A chain that the writer has proven against its tree, or written itself, and what it adds up to.
///
/// Not a trusted state: before it is used, every row of the chain is read and hashed again, and
/// must have exactly the hashes remembered here. What those bytes lead to was worked out once and
/// can't have changed, so a command costs a few hashes instead of a replay and a proof per entry.
struct ProvenChain {
    private struct Link {
        let index: UInt64
        let leaf: Hash256
        let core: Hash256
        let body: Hash256
    }

    private var links: [Link] = []
    /// What the first `replayed` entries add up to.
    private var state: ActionState?
    private var replayed: Int
    let body: SubmissionBody
    /// Bytes of the rows; what it costs to keep, roughly.
    private(set) var cost = 0

    /// Takes a chain with the state that a replay gave, or nil if it was only written so far.
    init(_ entries: [RecordedEntry], state: ActionState?, body: SubmissionBody) {
        self.state = state
        self.body = body
        replayed = state == nil ? 0 : entries.count
        append(entries)
    }

    /// Replays what was appended since the last time, from rows that this chain `isMade` of.
    ///
    /// So each entry is replayed once, from its bytes; what the machine thought that it wrote is
    /// never used.
    mutating func replay(_ rows: [StoredEntry]) throws -> ActionState {
        var state = self.state
        for row in rows[replayed...] {
            state = try ChainReplay.next(state, try row.recorded())
        }
        guard let state, state.digest == body.action.digest else {
            throw TamperedError("the entries make another action than their body")
        }
        self.state = state
        replayed = rows.count
        return state
    }

    /// Grows by what this process has just appended.
    mutating func append(_ entries: [RecordedEntry]) {
        for recorded in entries {
            let entry = recorded.entry
            links.append(
                Link(
                    index: recorded.index, leaf: entry.leafHash, core: entry.core,
                    body: entry.body))
            cost += entry.leaf.count + recorded.core.count + (recorded.body?.count ?? 0)
        }
    }

    /// Whether rows are, byte for byte, the entries that this chain was proven from.
    func isMade(of rows: [StoredEntry]) -> Bool {
        guard rows.count == links.count else { return false }
        for (position, row) in rows.enumerated() {
            let link = links[position]
            guard let body = row.body, let bodySalt = row.bodySalt,
                row.index == link.index, row.seq == UInt64(position),
                MerkleHash.leaf(row.leaf) == link.leaf,
                Commitment.core(salt: row.coreSalt, bytes: row.core) == link.core,
                Commitment.body(salt: bodySalt, bytes: body) == link.body
            else { return false }
        }
        return true
    }
}

/// The chains that the writer remembers; forgetting one costs time and nothing else.
struct ProvenChains {
    private var chains: [String: ProvenChain] = [:]
    /// In the order in which they were first remembered; some may be forgotten already.
    private var order: [String] = []
    private var oldest = 0
    private var cost = 0
    /// Bytes of rows: some thousand actions of usual size.
    ///
    /// What waits longer is proven from the start again.
    private static let limit = 4 << 20

    /// The state and body of a chain that is remembered and made of these rows, or nil.
    mutating func replay(
        _ ref: String, _ rows: [StoredEntry]
    ) throws -> (state: ActionState, body: SubmissionBody)? {
        guard let known = chains[ref], known.isMade(of: rows) else { return nil }
        guard let state = try chains[ref]?.replay(rows) else { return nil }
        return (state, known.body)
    }

    mutating func remember(_ chain: ProvenChain, of ref: String) {
        forget(ref)
        guard chain.cost <= Self.limit else { return }
        while cost + chain.cost > Self.limit, oldest < order.count {
            forget(order[oldest])
            oldest += 1
        }
        if oldest > 1024, oldest * 2 > order.count {
            order.removeFirst(oldest)
            oldest = 0
        }
        chains[ref] = chain
        order.append(ref)
        cost += chain.cost
    }

    mutating func forget(_ ref: String) {
        if let old = chains.removeValue(forKey: ref) { cost -= old.cost }
    }

    /// Takes what a command appended to a chain; a final chain is not kept.
    mutating func grow(
        _ ref: String, by entries: [RecordedEntry], to state: ActionState,
        body: SubmissionBody?
    ) {
        guard !state.isFinal else { return forget(ref) }
        if let before = chains[ref]?.cost {
            chains[ref]?.append(entries)
            cost += (chains[ref]?.cost ?? before) - before
        } else if entries.first?.entry.seq == 0, let body {
            remember(ProvenChain(entries, state: nil, body: body), of: ref)
        }
    }
}
