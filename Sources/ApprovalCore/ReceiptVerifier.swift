// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
package import TransparencyLog

/// Checks a receipt with nothing but its bytes and the log's pinned key (DESIGN §2, *Receipt*).
///
/// No network, no database, no clock. It goes from the outside in: form, key and signatures,
/// proofs and commitments, the chain, and then the story that the entries tell: whether policy,
/// people and time allowed each of them. Whoever holds the log key can sign a lie; he can't make
/// this verifier agree with one that the recorded policies and directory contradict.
package enum ReceiptVerifier {
    /// Verifies a receipt; never throws, whatever the bytes are.
    package static func verify(bytes: [UInt8], key: VerifierKey) -> ReceiptReport {
        var check = ReceiptCheck(key: key)
        check.run(bytes)
        return check.report
    }
}

/// One verification under way: problems are gathered, so that all of them are named.
struct ReceiptCheck {
    /// More would not help anybody.
    private static let maximumProblems = 100

    let key: VerifierKey
    private(set) var report = ReceiptReport()

    init(key: VerifierKey) { self.key = key }

    mutating func problem(_ place: String, _ what: String) {
        guard report.problems.count < Self.maximumProblems else { return }
        report.problems.append(ReceiptReport.Problem(place: place, what: what))
    }

    /// Names a problem unless the condition holds.
    mutating func require(_ condition: Bool, _ place: String, _ what: @autoclosure () -> String) {
        if !condition { problem(place, what()) }
    }

    mutating func run(_ bytes: [UInt8]) {
        guard bytes.count <= Limits.receiptBytes else {
            return problem("receipt", "larger than \(Limits.receiptBytes) bytes")
        }
        let document: ReceiptDocument
        do {
            document = try ReceiptDocument(bytes)
        } catch {
            return problem("receipt", "\(error)")
        }
        guard let checkpoint = checkSignatures(document) else { return }
        checkProofs(document, checkpoint)
        checkPlaces(document)
        // What is not proven tells no story.
        guard report.problems.isEmpty else { return }
        report.completeUpTo = checkpoint.size
        tell(document)
        guard report.problems.isEmpty else { return }
        report.status =
            document.state.isFinal && report.flags.erasedBodies.isEmpty && !report.flags.debtOpen
            ? .valid : .incomplete
    }

    // MARK: signatures

    private mutating func checkSignatures(_ document: ReceiptDocument) -> Checkpoint? {
        guard document.vkey.utf8.elementsEqual(key.vkey.utf8) else {
            problem("log.vkey", "not the key that you trust: \(key.vkey)")
            return nil
        }
        require(
            document.origin.utf8.elementsEqual(key.name.utf8), "log.origin",
            "not the name of the log's key")
        do {
            let note = try SignedNote(parsing: document.statement)
            _ = try note.verified(by: [key])
            require(
                note.text.utf8.elementsEqual(document.statementText.utf8), "statement",
                "the operator made it for another receipt")
        } catch {
            problem("statement", "\(error)")
        }
        do {
            let checkpoint = try Checkpoint.verified(document.checkpoint, key: key)
            require(
                checkpoint.size == document.treeSize, "complete.size",
                "the checkpoint covers \(checkpoint.size) entries")
            return checkpoint
        } catch {
            problem("checkpoint", "\(error)")
            return nil
        }
    }

    // MARK: proofs

    private mutating func checkProofs(_ document: ReceiptDocument, _ checkpoint: Checkpoint) {
        let all =
            document.entries + document.policies + document.directories.map(\.entry)
        for entry in all {
            do {
                try MerkleProof.verifyInclusion(
                    leaf: entry.recorded.entry.leafHash, index: entry.recorded.index,
                    size: checkpoint.size, proof: entry.proof, root: checkpoint.root)
            } catch {
                problem("\(entry.place).proof", "\(error)")
            }
            require(
                entry.recorded.matchesCommitments, entry.place,
                "core or body is not what the leaf commits to")
        }
        // Recorded time never goes backwards, over all chains of the log.
        let ordered = all.sorted { $0.recorded.index < $1.recorded.index }
        for (earlier, later) in zip(ordered, ordered.dropFirst()) {
            require(
                earlier.recorded.index < later.recorded.index, later.place,
                "the index is that of another entry here")
            require(
                earlier.recorded.entry.at <= later.recorded.entry.at, later.place,
                "recorded time goes backwards")
        }
    }

    /// Every entry belongs here, and the action's are all of its chain, from the first on.
    private mutating func checkPlaces(_ document: ReceiptDocument) {
        require(
            document.entryCount == Int64(document.entries.count), "complete.entries",
            "\(document.entries.count) entries are here")
        require(!document.entries.isEmpty, "entries", "there is none")
        var previous = Hash256.zero
        var last: UInt64?
        for (position, entry) in document.entries.enumerated() {
            let leaf = entry.recorded.entry
            require(
                leaf.ref.utf8.elementsEqual(document.action.text.utf8), entry.place,
                "belongs to another action")
            require(
                leaf.seq == UInt64(position) && leaf.previous == previous, entry.place,
                "does not follow in the chain: entries are missing or out of order")
            require(last.map { $0 < entry.recorded.index } ?? true, entry.place, "out of order")
            previous = leaf.leafHash
            last = entry.recorded.index
        }
        for (entries, ref, kind) in [
            (document.policies, PolicyPublication.ref, PolicyPublication.kind),
            (document.directories.map(\.entry), DirectoryEntry.ref, DirectoryEntry.kind),
        ] {
            var last: UInt64?
            for entry in entries {
                let leaf = entry.recorded.entry
                require(
                    leaf.ref.utf8.elementsEqual(ref.utf8)
                        && leaf.kind.utf8.elementsEqual(kind.utf8),
                    entry.place, "not an entry of `\(ref)`")
                require(
                    last.map { $0 < entry.recorded.index } ?? true, entry.place, "out of order")
                last = entry.recorded.index
            }
        }
    }

    // MARK: what is reported

    mutating func note(_ decision: ReviewDecision) {
        report.decisions.append(
            ReceiptReport.Decision(
                person: decision.person, kind: decision.kind, channel: decision.channel,
                assurance: decision.assurance, at: decision.at,
                selfApproved: decision.selfApproved,
                // Without a signature of the reviewer's own, the log's operator vouches for it.
                label: decision.signature == nil ? "operator-attested" : "self-signed"))
        if decision.selfApproved { report.flags.selfApproved = true }
    }

    mutating func note(_ state: ActionState, _ action: Action?) {
        report.state = state
        report.action = action
        report.flags.debtOpen = state.openDebt != nil
        report.flags.advisory = !state.submission.gate.enforcing
        let requester = state.submission.requester
        report.summary = ReceiptReport.Summary(
            action: state.id, digest: state.digest.hex, state: state.status,
            agent: requester.agent, owner: requester.owner, onBehalfOf: requester.onBehalfOf,
            gate: state.submission.gate.id, submittedAt: state.submittedAt,
            updatedAt: state.updatedAt, verdict: state.submission.decision,
            operation: action?.operation.action,
            resource: action.map { "\($0.operation.resourceType)::\($0.operation.resourceID)" },
            outcomes: state.outcomes.map(\.status))
    }

    mutating func noteBrokenGlass(_ person: Handle) { report.flags.breakGlass = person }
    mutating func noteSelfApproved() { report.flags.selfApproved = true }
    mutating func noteUnsealed() { report.flags.unsealed = true }
    mutating func noteErased(_ index: UInt64) { report.flags.erasedBodies.append(index) }
}
