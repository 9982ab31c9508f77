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
    private(set) var state: ActionState
    let body: SubmissionBody
    /// Bytes of the rows; what it costs to keep, roughly.
    private(set) var cost = 0

    init(_ entries: [RecordedEntry], state: ActionState, body: SubmissionBody) {
        self.state = state
        self.body = body
        append(entries)
    }

    /// Grows by what this process has just appended.
    mutating func grow(by entries: [RecordedEntry], to state: ActionState) {
        append(entries)
        self.state = state
    }

    private mutating func append(_ entries: [RecordedEntry]) {
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
    private var cost = 0
    /// Some thousand actions of usual size; what waits longer is proven from the start again.
    private static let limit = 4 << 20

    subscript(ref: String) -> ProvenChain? { chains[ref] }

    mutating func remember(_ chain: ProvenChain, of ref: String) {
        forget(ref)
        guard chain.cost <= Self.limit else { return }
        if cost + chain.cost > Self.limit {
            chains.removeAll(keepingCapacity: true)
            cost = 0
        }
        chains[ref] = chain
        cost += chain.cost
    }

    mutating func forget(_ ref: String) {
        if let old = chains.removeValue(forKey: ref) { cost -= old.cost }
    }

    /// Takes what a command appended to a chain; a final chain is not kept.
    mutating func grow(
        _ ref: String, by entries: [RecordedEntry], to state: ActionState, body: SubmissionBody?
    ) {
        guard !state.status.isFinal else { return forget(ref) }
        if var chain = chains[ref] {
            chain.grow(by: entries, to: state)
            remember(chain, of: ref)
        } else if entries.first?.entry.seq == 0, let body {
            remember(ProvenChain(entries, state: state, body: body), of: ref)
        }
    }
}
