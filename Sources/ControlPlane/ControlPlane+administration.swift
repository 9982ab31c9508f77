// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Cedar
internal import Storage
internal import TransparencyLog

/// A change of the directory with what belongs to it but is not state.
struct NamedChange: Sendable {
    let change: DirectoryChange
    let name: String?
    /// What a gate presented, where that is what the change approves.
    let approved: ApprovedGate?
    /// Where the request came from, if that is noted.
    let audit: JSON?

    init(
        _ change: DirectoryChange, name: String? = nil, approved: ApprovedGate? = nil,
        audit: JSON? = nil
    ) {
        self.audit = audit
        self.change = change
        self.name = name
        self.approved = approved
    }

    /// The body of the change's entry.
    var body: JSON {
        get throws {
            if let approved { return try approved.body }
            var body: JSONObject = ["name": .optional(name)]
            if let audit { body["audit"] = audit }
            return .object(body)
        }
    }
}

/// What an addition hands out, once.
package struct IssuedCredential: Sendable {
    package let id: String
    package let token: String?
    package let signInLink: String?
    /// When the token stops working; nil for never.
    package var expires: Timestamp?
}

/// How long tokens live.
package enum TokenLifetime {
    private static let longestDays: Int64 = 400

    /// Reads such as `90d` or `8h`; nil for what is no length of time or longer than 400 days.
    package static func seconds(_ text: String) -> Int64? {
        if let span = Span(text) { return span.seconds }
        guard text.utf8.last == UInt8(ascii: "d"), let days = Int64(text.dropLast()),
            (1...longestDays).contains(days)
        else { return nil }
        return days * 86_400
    }
}

extension ControlPlane {
    /// A bearer token of a person counts as `token` and lives no longer than this (DESIGN §2).
    private static let personTokenSeconds: Int64 = 12 * 3600

    /// Adds a person, to groups, with a CLI token if asked; returns a sign-in link too.
    package func addPerson(
        _ id: Handle, name: String?, groups: [Handle], wantsToken: Bool, by: Principal
    ) async throws -> IssuedCredential {
        var changes = [NamedChange(.personAdded(id), name: name)]
        changes += groups.map { NamedChange(.memberAdded(group: $0, member: id)) }
        let token = wantsToken ? mint(.person, id, by: by) : nil
        if let token { changes.append(NamedChange(.credentialIssued(token.credential))) }
        try await change(changes, by: by)
        return IssuedCredential(
            id: id.text, token: token?.token.text, signInLink: try await signInLink(for: id, by: by)
        )
    }

    /// What adds a person, to groups.
    package static func addition(
        of id: Handle, name: String?, groups: [Handle]
    ) -> [NamedDirectoryChange] {
        [NamedDirectoryChange(.personAdded(id), name: name)]
            + groups.map { NamedDirectoryChange(.memberAdded(group: $0, member: id)) }
    }

    /// What adds an agent that belongs to a person, with the token that will be its own.
    package func addition(
        ofAgent id: Handle, owner: Handle, groups: [Handle], name: String?, lifetime: Int64?,
        by: Principal
    ) -> (changes: [NamedDirectoryChange], issued: IssuedCredential) {
        let token = mint(.agent, id, lifetime: lifetime, by: by)
        var changes = [NamedDirectoryChange(.agentAdded(id, owner: owner), name: name)]
        changes += groups.map { NamedDirectoryChange(.memberAdded(group: $0, member: id)) }
        changes.append(NamedDirectoryChange(.credentialIssued(token.credential)))
        return (changes, token.issued)
    }

    package func addition(
        ofGate id: Handle, lifetime: Int64?, by: Principal
    ) throws -> (changes: [NamedDirectoryChange], issued: IssuedCredential) {
        try Self.checkGateName(id)
        let token = mint(.gate, id, lifetime: lifetime, by: by)
        return (
            [
                NamedDirectoryChange(.gateAdded(id)),
                NamedDirectoryChange(.credentialIssued(token.credential)),
            ], token.issued
        )
    }

    /// What replaces all tokens of a party by a new one.
    package func rotation(
        of kind: CredentialKind, _ id: Handle, lifetime: Int64?, by: Principal
    ) -> (changes: [NamedDirectoryChange], issued: IssuedCredential) {
        let old = governance.directory.credentials.values
            .filter { $0.kind == kind && $0.subject == id }.map(\.id).sorted()
        let token = mint(kind, id, lifetime: lifetime, by: by)
        let changes = old.map { NamedDirectoryChange(.credentialRevoked($0)) }
        return (changes + [NamedDirectoryChange(.credentialIssued(token.credential))], token.issued)
    }

    /// What gives an agent one more token; with a person's name what is done with it is done on his
    /// behalf, and must be within policy for him as well (DESIGN §7).
    package func token(
        ofAgent id: Handle, onBehalfOf person: Handle?, lifetime: Int64?, by: Principal
    ) throws -> (changes: [NamedDirectoryChange], issued: IssuedCredential) {
        let directory = governance.directory
        guard directory.agents[id] != nil else {
            throw CommandError.conflict(
                code: "directory_conflict", "there is no agent `\(id)`")
        }
        if let person, !directory.persons.contains(person) {
            throw CommandError.conflict(
                code: "directory_conflict", "there is no person `\(person)`")
        }
        let token = mint(.agent, id, onBehalfOf: person, lifetime: lifetime, by: by)
        return (
            [NamedDirectoryChange(.credentialIssued(token.credential))], token.issued
        )
    }

    /// Adds an agent that belongs to a person.
    package func addAgent(
        _ id: Handle, owner: Handle, groups: [Handle], name: String?, by: Principal
    ) async throws -> IssuedCredential {
        let (changes, issued) = addition(
            ofAgent: id, owner: owner, groups: groups, name: name, lifetime: nil, by: by)
        try await apply(.directory(changes), by: by)
        return issued
    }

    package func addGate(_ id: Handle, by: Principal) async throws -> IssuedCredential {
        let (changes, issued) = try addition(ofGate: id, lifetime: nil, by: by)
        try await apply(.directory(changes), by: by)
        return issued
    }

    static func checkGateName(_ id: Handle) throws {
        guard id != .advisoryGate, id != .thisGate, id != .ownGate else {
            throw CommandError.conflict(
                code: "exists",
                "`\(id)` stands for gates without a credential, for the gate that asks, or for this "
                    + "server: use another name")
        }
    }

    package func addGroup(_ id: Handle, by: Principal) async throws {
        try await change([NamedChange(.groupAdded(id))], by: by)
    }

    /// Applies one change that hands nothing out.
    package func apply(_ one: DirectoryChange, by: Principal) async throws {
        try await change([NamedChange(one)], by: by)
    }

    /// Replaces all tokens of a party by a new one.
    package func rotate(
        _ kind: CredentialKind, _ id: Handle, by: Principal
    ) async throws -> IssuedCredential {
        let (changes, issued) = rotation(of: kind, id, lifetime: nil, by: by)
        try await apply(.directory(changes), by: by)
        return issued
    }

    /// A token and its stored half.
    struct MintedToken {
        let token: Token
        let credential: Credential

        var issued: IssuedCredential {
            IssuedCredential(
                id: credential.subject.text, token: token.text, signInLink: nil,
                expires: credential.notAfter)
        }
    }

    func mint(
        _ kind: CredentialKind, _ subject: Handle, onBehalfOf person: Handle? = nil,
        lifetime: Int64? = nil, by: Principal
    ) -> MintedToken {
        let id = "c" + effects.entropy.hashes(1)[0].hex.prefix(15)
        let token = Token(
            kind: kind, key: verifierKey, credential: id, secret: effects.entropy.bytes(32))
        var shownTo: [Handle] = []
        switch by {
        case .person(let maker), .administrator(let maker), .action(_, let maker):
            // A credential made for somebody else was seen by its maker (DESIGN §4.13).
            if maker != subject { shownTo = [maker] }
        case .agent, .gate: break
        }
        let seconds = kind == .person ? Self.personTokenSeconds : lifetime
        return MintedToken(
            token: token,
            credential: Credential(
                id: id, kind: kind, subject: subject, secretHash: .sha256(token.secret),
                notAfter: seconds.map { now.adding(seconds: $0) }, shownTo: shownTo,
                onBehalfOf: person))
    }

    /// Appends one entry per change, all in one write, or none.
    func change(_ changes: [NamedChange], by: Principal) async throws {
        _ = try await writer.submit { [self] view in
            // Asked inside the write: an earlier change of the same batch may have removed him.
            guard mayAdminister(by) else {
                throw CommandError.forbidden(
                    code: "administrators_only", "only administrators change the directory")
            }
            var governance = self.governance
            let drafts = try plan(changes, by: by.description, at: view.now, &governance)
            try checkSatisfiable(self.governance, governance)
            try governance.refresh()
            try checkGovernable(governance)
            let result = governance
            return LedgerPlan((), drafts: drafts, applied: { self.update(result) })
        }
    }

    func plan(
        _ changes: [NamedChange], by: String, at now: Timestamp, _ governance: inout Governance
    ) throws -> [EntryDraft] {
        let salts = effects.entropy.hashes(changes.count * 2)
        return try changes.enumerated().map { position, named in
            let digest: Hash256
            do {
                digest = try governance.apply(
                    named.change, name: named.name, schema: named.approved?.schema, at: now)
            } catch let error as DirectoryError {
                throw CommandError.conflict(code: "directory_conflict", error.description)
            }
            let entry = DirectoryEntry(
                change: named.change, by: by, directory: digest, unsealed: governance.unsealed)
            return try EntryDraft(
                kind: DirectoryEntry.kind, ref: DirectoryEntry.ref, core: entry.core,
                body: try named.body,
                salts: (salts[position * 2], salts[position * 2 + 1]))
        }
    }

    /// Refuses a change that leaves no administrator, or a review that nobody could satisfy.
    ///
    /// Only what could be satisfied before is refused (DESIGN §4.13): while a new installation
    /// has no persons yet, a group may be empty, and actions that need it are denied meanwhile.
    func checkSatisfiable(_ before: Governance, _ after: Governance) throws {
        guard
            !after.directory.persons(in: .administrators).isEmpty
                || before.directory.persons(in: .administrators).isEmpty
        else {
            throw CommandError.conflict(
                code: "last_administrator",
                "this leaves nobody in `\(Handle.administrators)`: add somebody first")
        }
        for (policy, requirement) in after.policies?.requirements ?? []
        where !after.directory.canMeet(requirement) && before.directory.canMeet(requirement) {
            throw CommandError.conflict(
                code: "unsatisfiable",
                "policy `\(policy)` needs \(requirement.demand), which this change leaves nobody "
                    + "to meet: add a member first, or change the policy")
        }
    }

    /// Once sealed, refuses what would leave this server's own rules unchangeable.
    private func checkGovernable(_ after: Governance) throws {
        guard !after.unsealed, let problem = after.deadlock else { return }
        throw CommandError.conflict(code: "unsatisfiable", problem)
    }

    // MARK: policies

    /// Publishes a set atomically; it is in force for everything after this returns.
    package func publish(_ policies: PublishedPolicies, by: Principal) async throws {
        _ = try await writer.submit { [self] view in
            guard mayAdminister(by) else {
                throw CommandError.forbidden(
                    code: "administrators_only", "only administrators publish policies")
            }
            let problems = lint(policies)
            guard problems.isEmpty else { throw PolicyProblems(problems: problems) }
            var governance = self.governance
            guard
                policies.generatedFiles
                    == Governance.generatedFiles(governance.schemas, beside: policies.givenFiles)
            else {
                throw CommandError.conflict(
                    code: "policies_changed",
                    "the tools of a gate were approved or removed meanwhile: publish again")
            }
            let draft = try publication(policies, by: by.description, at: view.now, &governance)
            try governance.refresh()
            try checkGovernable(governance)
            let result = governance
            return LedgerPlan((), drafts: [draft], applied: { self.update(result) })
        }
    }

    func publication(
        _ policies: PublishedPolicies, by: String, at now: Timestamp,
        _ governance: inout Governance
    ) throws -> EntryDraft {
        governance.publish(policies, by: by, at: now)
        let publication = PolicyPublication(policies, by: by, unsealed: governance.unsealed)
        let salts = effects.entropy.hashes(2)
        return try EntryDraft(
            kind: PolicyPublication.kind, ref: PolicyPublication.ref, core: publication.core,
            body: ["policies": policies.json], salts: (salts[0], salts[1]))
    }

    /// The schemas of approved tools that join a set of these files.
    package func generatedFiles(beside given: [PolicyFile]) -> [PolicyFile] {
        Governance.generatedFiles(governance.schemas, beside: given)
    }

    /// What is wrong with a set that compiles, given today's directory.
    package func lint(_ policies: PublishedPolicies) -> [String] {
        let directory = governance.directory
        return policies.requirements.flatMap { policy, requirement -> [String] in
            let missing = requirement.slots.map(\.group).filter { directory.groups[$0] == nil }
            guard missing.isEmpty else {
                return missing.map {
                    "policy `\(policy)`: there is no group `\($0)`; add it first"
                }
            }
            guard !directory.canMeet(requirement) else { return [] }
            return [
                "policy `\(policy)`: asks for \(requirement.demand), and there are not enough "
                    + "different persons in them"
            ]
        }
    }
}

extension PublishedPolicies {
    /// What each review policy demands, in order of policy.
    var requirements: [(policy: String, requirement: Requirement)] {
        policySet.policies.compactMap { policy in
            marker(policy.id)?.requirement.map { (policy.id, $0) }
        }
    }
}

extension Requirement {
    /// `2 of `sre` and 1 of `leads``.
    var demand: String {
        slots.map { "\($0.quorum) of `\($0.group)`" }.joined(separator: " and ")
    }
}

extension Directory {
    /// True if distinct persons could fill every slot, whoever asks.
    func canMeet(_ requirement: Requirement) -> Bool {
        requirement.isSatisfiable(in: self, without: [])
    }
}
