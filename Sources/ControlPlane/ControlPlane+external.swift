// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Logging
internal import Storage
internal import TransparencyLog

/// What an identity provider vouches for.
package struct ExternalSignIn: Sendable {
    package let account: ExternalAccount
    /// When the person last showed the provider who he is; nil where it does not say.
    package let authenticatedAt: Timestamp?
    /// Our groups that the provider decides about, and whether it says that he is in each; empty
    /// where it decides about none.
    package let memberships: [Handle: Bool]
    /// For the record: method references, context class, and the like.
    package let evidence: JSON

    package init(
        account: ExternalAccount, authenticatedAt: Timestamp?, memberships: [Handle: Bool],
        evidence: JSON
    ) {
        self.account = account
        self.authenticatedAt = authenticatedAt
        self.memberships = memberships
        self.evidence = evidence
    }
}

/// Signing in by an identity provider.
extension ControlPlane {
    private static let attempts = "sign-in"
    /// Whoever begins to sign in has so long.
    package static let attemptSeconds: Int64 = 600

    /// Slows down whoever begins or ends sign-ins too often, before anything is looked at.
    package func throttleSignIn(address: String) throws {
        try throttle("sign-in \(address)", exchangeLimiter)
    }

    /// Keeps what a sign-in that has begun will be checked by; `key` is its state.
    package func keep(signInAttempt value: JSON, state: String) async throws {
        let row = try sealed(
            Self.attempts, state, value, expires: now.adding(seconds: Self.attemptSeconds))
        _ = try await writer.submit(priority: .intake) { _ in LedgerPlan((), operational: [row]) }
    }

    /// What a sign-in of this state began with; used up by asking.
    package func take(signInAttempt state: String) async throws -> JSON? {
        guard state.utf8.count <= 256 else { return nil }
        let key = Hash256.sha256(Array(state.utf8)).hex
        return try await writer.submit(priority: .intake) { [self] view -> LedgerPlan<JSON?> in
            guard let row = try view.store.operational(space: Self.attempts, key: key),
                row.expires > view.now, let bytes = rows.open(row)
            else { return LedgerPlan(nil) }
            return LedgerPlan(
                try JSON(canonical: bytes),
                removed: [OperationalKey(space: Self.attempts, key: key)])
        }.value
    }

    /// Signs the person in whose account it is, and gives the session's cookie.
    ///
    /// Groups that the provider decides about are brought up to date first. After the seal a
    /// provider may take away at once; what it would add to a group that a policy names waits for a
    /// review (DESIGN §4.13).
    package func signIn(
        _ external: ExternalSignIn, audit: [String: String]
    ) async throws -> String {
        guard let link = governance.directory.externals[external.account] else {
            try await recordFailedSignIn(
                method: .openID, why: "nobody has the account \(external.account)", audit: audit)
            throw CommandError.forbidden(
                code: "account_unknown",
                "nobody here has this account: ask an administrator to link `\(external.account)` "
                    + "to you, or sign in otherwise and link it on the page Account")
        }
        try await follow(external, person: link.person)
        return try await signIn(
            SignIn(
                person: link.person, method: .openID,
                // A provider that does not say when counts from now on only for what it vouches.
                authenticatedAt: external.authenticatedAt ?? Timestamp(milliseconds: 0),
                credentialSince: link.since, evidence: external.evidence), audit: audit)
    }

    /// Brings a person's groups up to what his provider says.
    private func follow(_ external: ExternalSignIn, person: Handle) async throws {
        let directory = governance.directory
        var additions: [DirectoryChange] = []
        var removals: [DirectoryChange] = []
        for (group, isMember) in external.memberships.sorted(by: { $0.key < $1.key })
        where directory.groups[group] != nil && directory.isPerson(person, in: group) != isMember {
            if isMember {
                additions.append(.memberAdded(group: group, member: person))
            } else {
                removals.append(.memberRemoved(group: group, member: person))
            }
        }
        let by = "provider:\(external.account.issuer)"
        if !removals.isEmpty { try await follow(removals, by: by) }
        guard !additions.isEmpty else { return }
        let named = governance.groupsOfPolicies
        let waits: (DirectoryChange) -> Bool = { [unsealed] change in
            guard !unsealed, case .memberAdded(let group, _) = change else { return false }
            return named.contains(group) || group == .administrators
        }
        let free = additions.filter { !waits($0) }
        if !free.isEmpty { try await follow(free, by: by) }
        let asked = additions.filter(waits)
        guard !asked.isEmpty else { return }
        try await request(
            .directory(asked.map { NamedDirectoryChange($0) }),
            by: SignIn(
                person: person, method: .openID, authenticatedAt: now, credentialSince: nil),
            why: "\(external.account.issuer) says that he is a member")
    }

    /// Applies what a provider decides about, without anybody's approval.
    private func follow(_ changes: [DirectoryChange], by: String) async throws {
        _ = try await writer.submit { [self] view in
            var governance = self.governance
            let drafts = try plan(
                changes.map { NamedChange($0) }, by: by, at: view.now, &governance)
            // Also where it leaves a review that nobody can meet: a provider's word that somebody
            // has left is not to wait for a successor. What then needs him is denied.
            try governance.refresh()
            let result = governance
            return LedgerPlan((), drafts: drafts, applied: { self.update(result) })
        }
    }

    // MARK: failures

    /// A sign-in that failed, as an entry; beyond what the limits let through it is only counted.
    package func recordFailedSignIn(
        method: SignInMethod, why: String, audit: [String: String]
    ) async throws {
        guard failedSignIns.take("all", now: now) == nil else {
            counters.add("exequatur_unrecorded_authentication_failures")
            return
        }
        var object = JSONObject()
        for (key, value) in audit { object[key] = .string(value) }
        let draft = try sessionDraft(
            "sign-in.failed", ["method": .string(method.rawValue)],
            body: ["audit": .object(object), "why": .string(String(why.prefix(500)))])
        _ = try await writer.submit(priority: .intake) { _ in LedgerPlan((), drafts: [draft]) }
    }
}
