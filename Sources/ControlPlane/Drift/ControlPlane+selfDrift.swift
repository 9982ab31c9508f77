// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import DriftCore
internal import Storage
internal import TransparencyLog

extension ControlPlane {
    /// This server's own enforcement logic, as a drift source that nobody can ignore.
    ///
    /// What the ledger governs is looked at twice: what its entries say, and what is really in
    /// force. The document says whether the two agree, so that a change which is an entry is no
    /// drift, and one that is none is. What no entry governs, such as the program itself, is there
    /// by its digest and has to be accepted when it changes.
    ///
    /// - Parameter surroundings: what the composition knows of the process: digests of program and
    ///   configuration.
    /// - Returns: one leaf for each rule and each part of the process.
    /// - Throws: `TamperedError` where the newest entries are not what they commit to.
    package func selfSnapshot(_ surroundings: JSONObject) throws -> Snapshot {
        let governance = self.governance
        var leaves: [Leaf] = []
        func add(_ subject: String, _ document: JSON) throws {
            leaves.append(try Leaf(subject: subject, document: document))
        }
        let recorded = try recordedGovernance()
        try add(
            "policies:active",
            agreement(
                recorded: recorded.policies,
                inForce: governance.environment?.policies.digest.hex))
        try add(
            "directory:active",
            agreement(
                recorded: recorded.directory, inForce: try governance.directory.digest().hex))
        try add(
            "drift:configuration",
            agreement(recorded: recorded.drift, inForce: try governance.drift.digest().hex))
        try add(
            "key:log",
            agreement(
                recorded: verifierKey.vkey, inForce: configuration.data.publishedKey() ?? "absent"))
        let quarantined = try quarantinedGates()
        for gate in governance.directory.gates {
            guard let approved = governance.directory.configurations[gate] else { continue }
            let isQuarantined = quarantined.contains(gate)
            try add(
                "gate:\(gate)",
                [
                    "approved": .bool(!isQuarantined), "enforcing": .bool(approved.enforcing),
                    "server": .string(approved.server),
                ])
        }
        for (name, value) in surroundings { try add("server:\(name)", value) }
        return try Snapshot(leaves)
    }

    private func agreement(recorded: String?, inForce: String?) -> JSON {
        // Digests only where they differ: those that agree change with every entry.
        guard recorded == inForce, recorded != nil else {
            return [
                "agrees": false, "inForce": .optional(inForce), "recorded": .optional(recorded),
            ]
        }
        return ["agrees": true]
    }

    private struct RecordedGovernance {
        var policies: String?
        var directory: String?
        var drift: String?
    }

    /// What the newest entries say is in force, read from the store and checked against the leaf.
    private func recordedGovernance() throws -> RecordedGovernance {
        try backend.read { reader in
            var found = RecordedGovernance()
            if let core = try newest(PolicyPublication.ref, reader) {
                found.policies = try PolicyPublication(core: core).policySet.hex
            }
            if let core = try newest(DirectoryEntry.ref, reader) {
                found.directory = try DirectoryEntry(core: core).directory.hex
            }
            if let core = try newest(DriftConfigurationEntry.ref, reader) {
                found.drift = try DriftConfigurationEntry(core: core).configuration.hex
            } else {
                found.drift = try DriftConfiguration().digest().hex
            }
            return found
        }
    }

    private func newest(_ ref: String, _ reader: any LedgerReading) throws -> JSON? {
        guard let stored = try reader.storedChain(of: ref).last else { return nil }
        let recorded = try stored.recorded()
        guard recorded.matchesCommitments else {
            throw TamperedError("entry \(recorded.index): not what the leaf commits to")
        }
        return try JSON(canonical: recorded.core, limits: Limits.storedJSON)
    }

    /// The key under which this server digests secrets that its collectors find.
    package func driftKey() -> [UInt8] { rows.derivedKey("drift") }

    /// A gap rather than an error: what can't be told of this server is itself a finding.
    package func observeSelf(
        _ surroundings: JSONObject, now: @Sendable () -> Timestamp
    ) -> Observation {
        let started = now()
        do {
            let snapshot = try selfSnapshot(surroundings)
            return Observation(started: started, ended: now(), snapshot: snapshot)
        } catch {
            return Observation(
                started: started, ended: now(),
                failure: CoverageGap(
                    subject: nil, cause: .unreadable, detail: VisibleText.escape("\(error)")))
        }
    }
}
