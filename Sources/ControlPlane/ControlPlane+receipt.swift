// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage
internal import TransparencyLog

extension ControlPlane {
    /// Where a gate's pinned checkpoint stands in this log.
    ///
    /// - Throws: `CommandError.conflict` for a checkpoint that this log's key did not sign; and a
    ///   server shown a newer one of its own has been rolled back, so it stops (DESIGN §6).
    package func checkPinned(_ note: String) throws -> UInt64 {
        let pinned: Checkpoint
        do {
            pinned = try Checkpoint.verified(note, key: verifierKey)
        } catch {
            throw CommandError.badRequest(
                code: "checkpoint_invalid", "the pinned checkpoint is not signed by this log")
        }
        let head = writer.head
        guard pinned.size <= head.size else {
            let reason = "a gate has a checkpoint of size \(pinned.size), this ledger has "
                + "\(head.size): it was rolled back; restore the newer copy"
            writer.halt(reason)
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
            let reason = "a gate has a checkpoint of size \(pinned.size) of another history: "
                + "this ledger was forked: \(error)"
            writer.halt(reason)
            throw LedgerUnavailable.stopped(reason)
        }
        return pinned.size
    }
}

extension ControlPlane {
    package func receipt(_ id: ActionID) throws -> [UInt8] {
        throw CommandError.noSuchAction
    }
}
