// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Logging
internal import Storage
internal import TransparencyLog

extension ControlPlane {
    /// The receipt of one action, as canonical JSON, signed for completeness.
    package func receipt(_ id: ActionID) throws -> [UInt8] {
        // The head is taken first: the snapshot read afterwards has at least its entries.
        let head = writer.head
        return try backend.read { reader in
            func chain(_ ref: String) throws -> [RecordedEntry] {
                try reader.chain(of: ref).filter { $0.index < head.size }
            }
            let entries = try chain(id.text)
            guard !entries.isEmpty else { throw CommandError.noSuchAction }
            let receipt = try Receipt(
                chain: entries, policyChain: try chain(PolicyPublication.ref),
                directoryChain: try chain(DirectoryEntry.ref), checkpoint: head.checkpoint,
                treeSize: head.size,
                proof: {
                    try head.frontier.inclusionProof(index: $0, tiles: StoredTiles(reader))
                })
            return try receipt.signed(by: signingKey)
        }
    }

    /// The receipt of the action that enrolled a passkey; nil where none did, as before the seal.
    package func enrolmentReceipt(passkey id: String) throws -> [UInt8]? {
        guard governance.directory.passkeys[id] != nil else { return nil }
        let chain = try backend.read { try $0.chain(of: DirectoryEntry.ref) }
        for recorded in chain.reversed() {
            let core = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
            let entry = try DirectoryEntry(core: core)
            guard case .passkeyAdded(let passkey) = entry.change,
                passkey.id.utf8.elementsEqual(id.utf8)
            else { continue }
            guard entry.by.hasPrefix(Principal.actionPrefix),
                let action = ActionID(String(entry.by.dropFirst(Principal.actionPrefix.count)))
            else { return nil }
            return try receipt(action)
        }
        return nil
    }

    /// Stops signing, now and after every restart: the ledger was found to be another one.
    func halt(_ reason: String) {
        writer.halt(reason)
        do {
            try configuration.data.markHalted(reason)
        } catch {
            logger.critical(
                "a restart would sign again: the halt could not be written down",
                metadata: ["error": "\(error)"])
        }
    }

    /// Where a gate's pinned checkpoint stands in this log.
    ///
    /// A server that is shown a newer checkpoint of its own has been rolled back: it stops, and
    /// this throws (DESIGN §6). A checkpoint that this log did not sign is a bad request.
    package func checkPinned(_ note: String) throws -> UInt64 {
        // A gate that is alone has the newest one, which needs no second look.
        let newest = writer.head
        if note.utf8.elementsEqual(newest.checkpoint.utf8) { return newest.size }
        let pinned: Checkpoint
        do {
            pinned = try Checkpoint.verified(note, key: verifierKey)
        } catch {
            throw CommandError.badRequest(
                code: "checkpoint_invalid", "the pinned checkpoint is not signed by this log")
        }
        let head = writer.head
        guard pinned.size <= head.size else {
            let reason =
                "a gate has a checkpoint of size \(pinned.size), this ledger has "
                + "\(head.size): it was rolled back; restore the newer copy"
            halt(reason)
            throw LedgerUnavailable.stopped(reason)
        }
        do {
            try MerkleProof.verifyConsistency(
                oldSize: pinned.size, oldRoot: pinned.root, newSize: head.size,
                newRoot: head.frontier.root(),
                proof: try consistency(from: pinned.size, under: head),
                emptyTree: .consistentWithEverything)
        } catch let error as ProofError {
            // Signed by this very key and yet another history: there are two of us, or there
            // were.
            let reason =
                "a gate has a checkpoint of size \(pinned.size) of another history: "
                + "this ledger was forked: \(error)"
            halt(reason)
            throw LedgerUnavailable.stopped(reason)
        }
        return pinned.size
    }
}
