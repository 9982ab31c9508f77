// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
package import TransparencyLog

/// An entry with its inclusion proof under the receipt's checkpoint.
package struct ProvenEntry: Sendable {
    package let recorded: RecordedEntry
    package let proof: [Hash256]

    package init(recorded: RecordedEntry, proof: [Hash256]) {
        self.recorded = recorded
        self.proof = proof
    }

    var json: JSON {
        get throws {
            let core = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
            let body = try recorded.body.map { try JSON(canonical: $0, limits: Limits.storedJSON) }
            return [
                "body": body ?? .null, "bodySalt": .optional(recorded.bodySalt?.hex),
                "core": core, "coreSalt": .string(recorded.coreSalt.hex),
                "index": .integer(Int64(recorded.index)),
                "leaf": try JSON(canonical: recorded.entry.leaf),
                "proof": .array(proof.map { .string($0.base64) }),
            ]
        }
    }
}

/// The file that proves one action to anybody, offline and years later (DESIGN §2, *Receipt*).
///
/// Canonical JSON. It holds every entry of the action, the policy sets and directories that were
/// in force at each of them, all proofs under one checkpoint, and the log key's statement that up
/// to that checkpoint these are all entries of the action.
package struct Receipt: Sendable {
    package static let kind = "exequatur.receipt"

    package let action: ActionID
    package let digest: Hash256
    package let status: ActionStatus
    package let entries: [ProvenEntry]
    package let policies: [ProvenEntry]
    package let directories: [(entry: ProvenEntry, extract: Directory)]
    /// The signed note that all proofs lead to.
    package let checkpoint: String
    package let treeSize: UInt64

    /// Gathers a receipt from the entries of an action and of the two chains that govern it.
    ///
    /// `chain` is the action's, `policyChain` and `directoryChain` are those of the references
    /// `policies` and `directory`, each whole, in order of `seq`. `proof` gives the inclusion
    /// proof of an index in the tree of `checkpoint`. Entries beyond that tree must not be
    /// passed. Throws if a chain is empty or can't be replayed, or what `proof` throws.
    package init(
        chain: [RecordedEntry], policyChain: [RecordedEntry], directoryChain: [RecordedEntry],
        checkpoint: String, treeSize: UInt64, proof: (UInt64) throws -> [Hash256]
    ) throws {
        var state: ActionState?
        for recorded in chain { state = try ActionReplay.next(state, recorded) }
        guard let state else { throw CoreError("an action without entries has no receipt") }
        try self.init(
            state: state, chain: chain, policyChain: policyChain, directoryChain: directoryChain,
            checkpoint: checkpoint, treeSize: treeSize, proof: proof)
    }

    init(
        state: ActionState, chain: [RecordedEntry], policyChain: [RecordedEntry],
        directoryChain: [RecordedEntry], checkpoint: String, treeSize: UInt64,
        proof: (UInt64) throws -> [Hash256]
    ) throws {
        action = state.id
        digest = state.digest
        status = state.status
        self.checkpoint = checkpoint
        self.treeSize = treeSize
        func proven(_ recorded: RecordedEntry) throws -> ProvenEntry {
            ProvenEntry(recorded: recorded, proof: try proof(recorded.index))
        }
        entries = try chain.map(proven)
        policies = try Self.governing(policyChain, chain).map(proven)
        let governing = Set(Self.governing(directoryChain, chain).map(\.index))
        var directory = Directory()
        var directories: [(entry: ProvenEntry, extract: Directory)] = []
        for recorded in directoryChain where recorded.index < (chain.last?.index ?? 0) {
            let core = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
            let change = try DirectoryEntry(core: core).change
            try directory.apply(change)
            guard governing.contains(recorded.index) else { continue }
            // The documents that a gate presented may be large, and only their digests, which the
            // extract has, decide anything.
            if case .gateConfigured = change {
                directories.append((try proven(recorded.withoutBody), directory))
            } else {
                directories.append((try proven(recorded), directory))
            }
        }
        self.directories = directories
    }

    /// For each entry the last of `chain` before it: what was in force then.
    private static func governing(
        _ chain: [RecordedEntry], _ entries: [RecordedEntry]
    ) -> [RecordedEntry] {
        var result: [RecordedEntry] = []
        var next = 0
        for entry in entries {
            while next < chain.count, chain[next].index < entry.index { next += 1 }
            guard next > 0, result.last?.index != chain[next - 1].index else { continue }
            result.append(chain[next - 1])
        }
        return result
    }

    /// The receipt's bytes, with the statement signed by the log's key.
    package func signed(by key: SigningKey) throws -> [UInt8] {
        var object: JSONObject = [
            "action": .string(action.text), "checkpoint": .string(checkpoint),
            "complete": [
                "entries": .integer(Int64(entries.count)), "size": .integer(Int64(treeSize)),
            ],
            "digest": .string(digest.hex),
            "directories": .array(
                try directories.map { pair in
                    ["entry": try pair.entry.json, "extract": pair.extract.json]
                }),
            "entries": .array(try entries.map { try $0.json }), "kind": .string(Self.kind),
            "log": ["origin": .string(key.name), "vkey": .string(key.verifierKey.vkey)],
            "policies": .array(try policies.map { try $0.json }),
            "state": .string(status.rawValue), "v": 1,
        ]
        object["statement"] = .string(
            key.sign(noteText: try Self.statementText(object, action: action.text)))
        let bytes = try JSON.object(object).canonicalBytes()
        guard bytes.count <= Limits.receiptBytes else {
            throw CoreError(
                "the receipt has \(bytes.count) bytes; the limit is \(Limits.receiptBytes)")
        }
        return bytes
    }

    /// What the statement says: the action, and the digest of everything but the statement.
    ///
    /// It can't be taken for a checkpoint, whose second line is a number.
    static func statementText(_ object: JSONObject, action: String) throws -> String {
        var rest = object
        rest["statement"] = Optional<JSON>.none
        let digest = Hash256.sha256(try JSON.object(rest).canonicalBytes())
        return "exequatur/v1/receipt\n\(action)\n\(digest.base64)\n"
    }
}

/// Folding the entries of one action into its state.
package enum ActionReplay {
    /// The state after one more entry; nil before the first.
    package static func next(
        _ state: ActionState?, _ recorded: RecordedEntry
    ) throws -> ActionState {
        let core = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
        let (header, event) = try ActionEvent.read(core)
        return try next(state, header, event, recorded.entry)
    }

    static func next(
        _ state: ActionState?, _ header: CoreHeader, _ event: ActionEvent, _ entry: LedgerEntry
    ) throws -> ActionState {
        guard event.kind.utf8.elementsEqual(entry.kind.utf8),
            header.action.text.utf8.elementsEqual(entry.ref.utf8)
        else { throw CoreError("core and leaf disagree") }
        guard var state else { return try ActionState(header, event, at: entry.at) }
        guard header.action == state.id, header.digest == state.digest else {
            throw CoreError("belongs to another action")
        }
        try state.apply(event, at: entry.at)
        return state
    }
}
