// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import DriftCore
internal import Storage
internal import TransparencyLog

/// Directory, policy set and installation phase as the ledger has them; the writer's thread
/// changes it inside its transactions, everybody else reads snapshots.
package struct Governance: Sendable {
    package private(set) var directory = Directory()
    package private(set) var names: [Handle: String] = [:]
    /// When tokens of a person or agent were last replaced: what was handed out for a while before
    /// is void.
    private(set) var rotatedAt: [Handle: Timestamp] = [:]
    /// The schemas that were made of the approved tools of gates.
    package private(set) var schemas: [Handle: PolicyFile] = [:]
    /// What is watched for drift, and what of it is ignored.
    package private(set) var drift = DriftConfiguration()
    /// The entry by which each source that was there at start came to be watched.
    private(set) var driftSince: [Handle: UInt64] = [:]
    package private(set) var policies: PublishedPolicies?
    package private(set) var publishedAt: Timestamp?
    package private(set) var publishedBy: String?
    /// Nil until a policy set is published: without one nothing is allowed.
    package private(set) var environment: PolicyEnvironment?
    package private(set) var seal = SealState()
    /// True until the installation is sealed.
    package var unsealed: Bool { seal.seal == nil }
    package let singleOperator: Bool
    /// Actions of persons whose change was carried out, by the ledger's own word.
    private(set) var appliedActions: Set<String> = []
    /// What the latest directory entry read at start says of the directory after it.
    private var recoveredDigest: Hash256?
    private var recoveredDrift: Hash256?

    init(singleOperator: Bool) { self.singleOperator = singleOperator }

    func name(_ handle: Handle) -> String { names[handle] ?? handle.text }

    /// Applies a change and returns the directory's digest after it.
    mutating func apply(
        _ change: DirectoryChange, name: String?, schema: PolicyFile?, at instant: Timestamp
    ) throws -> Hash256 {
        try take(change, name: name, schema: schema, at: instant)
        return try directory.digest()
    }

    private mutating func take(
        _ change: DirectoryChange, name: String?, schema: PolicyFile?, at instant: Timestamp
    ) throws {
        let changed: Credential? =
            switch change {
            case .credentialIssued(let credential): credential
            case .credentialRevoked(let id): directory.credentials[id]
            default: nil
            }
        if let changed, changed.kind == .person || changed.kind == .agent {
            rotatedAt[changed.subject] = instant
        }
        try directory.apply(change)
        switch change {
        case .personAdded(let id), .agentAdded(let id, _): names[id] = name
        case .personRemoved(let id), .agentRemoved(let id): names[id] = nil
        case .gateConfigured(let id, _): schemas[id] = schema
        case .gateRemoved(let id): schemas[id] = nil
        default: break
        }
    }

    /// Applies a change of what is watched and returns the digest of all after it.
    mutating func apply(_ change: DriftConfiguration.Change) throws -> Hash256 {
        try drift.apply(change)
        return try drift.digest()
    }

    mutating func publish(_ policies: PublishedPolicies, by: String, at: Timestamp) {
        self.policies = policies
        publishedBy = by
        publishedAt = at
    }

    /// Applies what happened to the seal.
    mutating func apply(_ event: SealEvent, at: Timestamp) throws {
        try seal.apply(event, at: at)
    }

    /// Notes on whose word something was changed.
    mutating func noteAuthority(_ by: String) {
        if by.hasPrefix(Principal.actionPrefix) { appliedActions.insert(by) }
    }

    /// Ends a start: the directory must be the one that its latest entry names (DESIGN §4.15).
    mutating func finishRecovery() throws {
        if let recoveredDigest, try directory.digest() != recoveredDigest {
            throw TamperedError("the directory has another digest than its latest entry says")
        }
        if let recoveredDrift, try drift.digest() != recoveredDrift {
            throw TamperedError("what is watched for drift is not what its latest entry says")
        }
        try refresh()
    }

    /// Rebuilds what evaluation needs; after the last change of a command.
    mutating func refresh() throws {
        environment = try policies.map {
            try PolicyEnvironment(
                policies: $0, directory: directory, singleOperator: singleOperator,
                unsealed: unsealed)
        }
    }

    /// Takes one entry of the ledger at start.
    ///
    /// The policy set's digest is recomputed and must be the one that was logged; the directory's,
    /// which is as long as the directory, once at the end.
    mutating func recover(_ recorded: RecordedEntry, body: () throws -> JSON?) throws {
        let core = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
        switch recorded.entry.ref {
        case DirectoryEntry.ref:
            let entry = try DirectoryEntry(core: core)
            let body = try body()
            try take(
                entry.change, name: body?["name"]?.stringValue,
                schema: ApprovedGate.schema(ofBody: body), at: recorded.entry.at)
            recoveredDigest = entry.directory
            noteAuthority(entry.by)
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
            noteAuthority(entry.by)
        case DriftConfigurationEntry.ref:
            let entry = try DriftConfigurationEntry(core: core)
            if case .sourceSet(let source) = entry.change, drift.sources[source.id] == nil {
                driftSince[source.id] = recorded.index
            }
            try drift.apply(entry.change)
            recoveredDrift = entry.configuration
            noteAuthority(entry.by)
        case SealEvent.ref: try apply(try SealEvent(core: core), at: recorded.entry.at)
        default: break
        }
    }

    /// The files that are made of approved tools, each once, in order of name.
    ///
    /// Where a file of somebody declares the tools of a server, that counts, and none is made.
    static func generatedFiles(
        _ schemas: [Handle: PolicyFile], beside given: [PolicyFile]
    ) -> [PolicyFile] {
        let all = Set(schemas.values).sorted {
            $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
        guard !all.isEmpty else { return [] }
        let declared = ToolDeclarations.Declared(given)
        return all.filter { !declared.declares($0) }
    }

    /// Whether what let a person in at `instant` still does.
    func isCurrent(_ person: Handle, since instant: Timestamp) -> Bool {
        guard directory.persons.contains(person) else { return false }
        return rotatedAt[person].map { instant >= $0 } ?? true
    }

    /// Whether what was handed out to an agent at `instant`, under this trust, still holds.
    func isCurrent(_ agent: Handle, trust: String, since instant: Timestamp) -> Bool {
        guard directory.agents[agent] != nil, directory.trusts[trust]?.agent == agent else {
            return false
        }
        return rotatedAt[agent].map { instant > $0 } ?? true
    }

    /// Persons who could decide on an action that needs `requirement`.
    ///
    /// Those who are asked so many seconds after the submission; nil for now and later.
    package func eligible(
        _ requirement: Requirement, requester: Requester, after seconds: Int64? = nil
    ) -> [Handle] {
        var excluded = singleOperator && unsealed ? [] : requester.chain
        if !unsealed { excluded.formUnion(requester.shownTo) }
        return requirement.persons(in: directory, after: seconds ?? requirement.expires.seconds)
            .subtracting(excluded).sorted()
    }
}
