// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// What a command sees while it decides: the store inside the batch's transaction, the tree as
/// it stands, and the batch's instant.
package struct LedgerView {
    /// max(wall clock, last recorded instant), fixed for the whole batch.
    package let now: Timestamp
    package let store: any LedgerReading
    /// Asked, not copied: a copy of the tips or of the tree would be made again at every append.
    private unowned let core: WriterCore
    private var frontier: MerkleFrontier { core.frontier }
    private var tips: [String: ChainTip] { core.tips }

    /// The entries of the tree so far; the next one has this index.
    package var size: UInt64 { core.frontier.size }

    init(now: Timestamp, store: any LedgerReading, core: WriterCore) {
        self.now = now
        self.store = store
        self.core = core
    }

    /// An action's proven state and its submission's body, or nil if there is no such action.
    ///
    /// Nothing here trusts a row: every entry of the chain is re-hashed, must be in the tree
    /// that this process signed, must follow the one before it, and the chain must end where
    /// the writer knows that it ends. A chain that was proven before only has to be re-hashed.
    package func action(_ id: ActionID) throws -> (state: ActionState, body: SubmissionBody)? {
        let rows = try store.storedChain(of: id.text)
        if let known = try core.proven.replay(id.text, rows) { return known }
        guard !rows.isEmpty else {
            guard tips[id.text] == nil else {
                throw TamperedError("the entries of \(id) are missing")
            }
            return nil
        }
        let chain = try rows.map { try $0.recorded() }
        try prove(chain, ref: id.text)
        guard let state = try ChainReplay.state(of: chain) else {
            throw TamperedError("the entries of \(id) make no action")
        }
        // A chain without a tip is one that ended; if rows were taken away, it isn't final.
        guard tips[id.text] != nil || state.isFinal else {
            throw TamperedError("the last entries of \(id) are missing")
        }
        guard let bytes = chain.first?.body else {
            throw TamperedError("the body of \(id) is missing")
        }
        let body = try SubmissionBody(try JSON(canonical: bytes, limits: Limits.storedJSON))
        if !state.isFinal {
            core.proven.remember(
                ProvenChain(chain, state: state, body: body), of: id.text)
        }
        return (state, body)
    }

    private func prove(_ chain: [RecordedEntry], ref: String) throws {
        let root = frontier.root()
        let tiles = StoredTiles(store)
        var previous = Hash256.zero
        for (position, recorded) in chain.enumerated() {
            let entry = recorded.entry
            guard entry.ref == ref, entry.seq == UInt64(position), entry.previous == previous,
                recorded.matchesCommitments, recorded.index < frontier.size
            else {
                throw TamperedError(
                    "entry \(recorded.index): does not follow in its chain or "
                        + "is not what it commits to")
            }
            do {
                let proof = try frontier.inclusionProof(index: recorded.index, tiles: tiles)
                try MerkleProof.verifyInclusion(
                    leaf: entry.leafHash, index: recorded.index, size: frontier.size,
                    proof: proof, root: root)
            } catch {
                throw TamperedError("entry \(recorded.index): is not in the signed tree")
            }
            previous = entry.leafHash
        }
        if let tip = tips[ref] {
            guard tip.next == UInt64(chain.count), tip.last == previous else {
                throw TamperedError("the last entries of `\(ref)` are missing or replaced")
            }
        }
    }
}

/// Folding a chain of entries into a state; the writer, the start-up and `fsck` all use this.
package enum ChainReplay {
    /// The state after all entries, or nil for an empty chain.
    package static func state(of chain: [RecordedEntry]) throws -> ActionState? {
        var state: ActionState?
        for recorded in chain {
            state = try next(state, recorded)
        }
        return state
    }

    /// The state after one more entry.
    package static func next(
        _ state: ActionState?, _ recorded: RecordedEntry
    ) throws -> ActionState {
        do {
            return try ActionReplay.next(state, recorded)
        } catch {
            throw TamperedError("entry \(recorded.index): \(error)")
        }
    }
}
