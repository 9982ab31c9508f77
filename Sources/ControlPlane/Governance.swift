// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage
internal import TransparencyLog

/// Directory, policy set and installation phase as the ledger has them; the writer's thread
/// changes it inside its transactions, everybody else reads snapshots.
package struct Governance: Sendable {
    package private(set) var directory = Directory()
    package private(set) var names: [Handle: String] = [:]
    package private(set) var policies: PublishedPolicies?
    package private(set) var publishedAt: Timestamp?
    package private(set) var publishedBy: String?
    /// Nil until a policy set is published: without one nothing is allowed.
    package private(set) var environment: PolicyEnvironment?
    /// True until the installation is sealed; sealing is not part of this version.
    package let unsealed = true
    package let singleOperator: Bool

    init(singleOperator: Bool) { self.singleOperator = singleOperator }

    func name(_ handle: Handle) -> String { names[handle] ?? handle.text }

    /// Applies a change and returns the directory's digest after it.
    mutating func apply(_ change: DirectoryChange, name: String?) throws -> Hash256 {
        try directory.apply(change)
        switch change {
        case .personAdded(let id), .agentAdded(let id, _): names[id] = name
        case .personRemoved(let id), .agentRemoved(let id): names[id] = nil
        default: break
        }
        return try directory.digest()
    }

    mutating func publish(_ policies: PublishedPolicies, by: String, at: Timestamp) {
        self.policies = policies
        publishedBy = by
        publishedAt = at
    }

    /// Rebuilds what evaluation needs; after the last change of a command.
    mutating func refresh() throws {
        environment = try policies.map {
            try PolicyEnvironment(
                policies: $0, directory: directory, singleOperator: singleOperator && unsealed)
        }
    }

    /// Takes one entry of the ledger at start.
    ///
    /// Every digest is recomputed and must be the one that was logged (DESIGN §4.15).
    mutating func recover(_ recorded: RecordedEntry, body: () throws -> JSON?) throws {
        let core = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
        switch recorded.entry.ref {
        case DirectoryEntry.ref:
            let entry = try DirectoryEntry(core: core)
            let digest = try apply(entry.change, name: try body()?["name"]?.stringValue)
            guard digest == entry.directory else {
                throw TamperedError(
                    "entry \(recorded.index): the directory after it has "
                        + "another digest")
            }
        case PolicyPublication.ref:
            let entry = try PolicyPublication(core: core)
            guard let stored = try body()?["policies"] else {
                throw TamperedError("entry \(recorded.index): the policy texts are missing")
            }
            let policies = try PublishedPolicies(stored)
            guard policies.digest == entry.policySet else {
                throw TamperedError("entry \(recorded.index): the policy set has another digest")
            }
            publish(policies, by: entry.by, at: recorded.entry.at)
        default: break
        }
    }

    /// Persons who could decide on an action that needs `requirement`.
    package func eligible(_ requirement: Requirement, requester: Requester) -> [Handle] {
        let excluded = singleOperator && unsealed ? [] : requester.chain
        return directory.persons.filter { person in
            !excluded.contains(person) && !requirement.groups(of: person, in: directory).isEmpty
        }.sorted()
    }
}
