// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Logging
internal import Storage
internal import TransparencyLog

/// What a workload got for its token.
package struct ExchangedToken: Sendable {
    package let agent: Handle
    package let token: String
    package let lifetimeSeconds: Int64
}

extension ControlPlane {
    /// Where tokens that were exchanged are remembered until they are too old.
    private static let exchangedSpace = "exchanged"

    // MARK: trusts

    /// A trust by which tokens of an issuer may be exchanged for tokens of an agent; nothing is
    /// changed yet.
    package func newTrust(
        agent: Handle, issuer: IssuerURL, audience: String, claims: [String: String],
        lifetimeSeconds: Int64, onBehalfOf: Bool = false
    ) throws -> WorkloadTrust {
        let trust = try WorkloadTrust(
            id: "t" + effects.entropy.hashes(1)[0].hex.prefix(15), agent: agent, issuer: issuer,
            audience: audience, claims: claims, lifetimeSeconds: lifetimeSeconds,
            onBehalfOf: onBehalfOf)
        if let problem = trust.bindingProblem { throw CoreError(problem) }
        guard !issuer.isPlain || configuration.allowsLoopbackIssuers else {
            throw CoreError(
                "`\(issuer)` is not `https`: this server was not started with "
                    + "`--allow-loopback-issuers`, which is for tests")
        }
        return trust
    }

    /// Lets tokens of an issuer be exchanged for tokens of an agent, and gives its id.
    package func addTrust(
        agent: Handle, issuer: IssuerURL, audience: String, claims: [String: String],
        lifetimeSeconds: Int64, onBehalfOf: Bool = false, by: Principal
    ) async throws -> WorkloadTrust {
        let trust = try newTrust(
            agent: agent, issuer: issuer, audience: audience, claims: claims,
            lifetimeSeconds: lifetimeSeconds, onBehalfOf: onBehalfOf)
        try await change([NamedChange(.trustAdded(trust))], by: by)
        return trust
    }

    // MARK: exchange

    /// Slows down whoever knocks too often, before anything is looked at.
    package func throttleExchange(address: String) throws {
        try throttle("address \(address)", exchangeLimiter)
    }

    /// Counts a token that got nothing, and says why in the server's log.
    ///
    /// Not an entry: anybody who can run a job at a trusted issuer could fill the ledger.
    package func noteRefusedExchange(_ refusal: GrantRefused, address: String) {
        _ = failed(.invalid)
        logger.notice(
            "a token was not exchanged",
            metadata: ["address": "\(address)", "reason": "\(refusal)"])
    }

    /// Hands out a token of the agent that the one matching trust names.
    ///
    /// Where the trust is in tokens of persons, the agent acts for the one whose account it is.
    ///
    /// - Throws: `GrantRefused` where not exactly one trust matches, where the token names too many
    ///   actors or is nobody's whom we know, or where it was exchanged before.
    package func exchange(
        _ identity: WorkloadIdentity, audit: JSON
    ) async throws -> ExchangedToken {
        try await requireTrustedClock()
        // Before it is queued: who is not trusted must not reach the writer.
        let expected = try Self.trust(for: identity, governance.directory)
        _ = try represented(by: identity, expected)
        try throttle("trust \(expected.id)", exchangeLimiter)
        let entropy = effects.entropy
        let token = Token(
            kind: .agent, key: verifierKey,
            credential: "w" + entropy.hashes(1)[0].hex.prefix(15), secret: entropy.bytes(32))
        let salts = entropy.hashes(2)
        let recorded = try await writer.submit(
            priority: .intake
        ) { [self] view -> LedgerPlan<WorkloadTrust> in
            // Again inside the write: the trust may be gone, and the token used.
            let trust = try Self.trust(for: identity, governance.directory)
            let key = identity.tokenDigest.hex
            if let row = try view.store.operational(space: Self.exchangedSpace, key: key),
                row.expires > view.now
            {
                throw GrantRefused("the token was exchanged before")
            }
            let credential = WorkloadCredential(
                id: token.credential, agent: trust.agent, trust: trust.id,
                secretHash: .sha256(token.secret), issuedAt: view.now,
                expires: view.now.adding(seconds: trust.lifetimeSeconds),
                run: WorkloadRun(identity, trust: trust),
                onBehalfOf: try represented(by: identity, trust))
            let used = OperationalRow(
                space: Self.exchangedSpace, key: key, value: [], expires: identity.forgettable)
            let draft = try draft(credential, identity, audit, salts: (salts[0], salts[1]))
            return LedgerPlan(
                trust, drafts: [draft], operational: [try credential.row(rows), used])
        }
        counters.add("exequatur_tokens_exchanged_total")
        return ExchangedToken(
            agent: recorded.value.agent, token: token.text,
            lifetimeSeconds: recorded.value.lifetimeSeconds)
    }

    private func draft(
        _ credential: WorkloadCredential, _ identity: WorkloadIdentity, _ audit: JSON,
        salts: (Hash256, Hash256)
    ) throws -> EntryDraft {
        let kind = "agent.token-exchanged"
        var core: JSONObject = [
            "agent": .string(credential.agent.text), "credential": .string(credential.id),
            "expires": .string(credential.expires.description), "kind": .string(kind),
            "trust": .string(credential.trust), "unsealed": .bool(unsealed), "v": 1,
        ]
        if let person = credential.onBehalfOf?.person {
            core["onBehalfOf"] = .string(person.text)
        }
        return try EntryDraft(
            kind: kind, ref: "sessions", core: .object(core),
            body: ["audit": audit, "claims": .object(identity.claims)], salts: salts)
    }

    /// Whose token it is, where the trust is in tokens of persons.
    private func represented(
        by identity: WorkloadIdentity, _ trust: WorkloadTrust
    ) throws(GrantRefused) -> WorkloadCredential.Represented? {
        _ = try identity.actorChain()
        guard trust.onBehalfOf else { return nil }
        guard let account = identity.account,
            let link = governance.directory.externals[account]
        else {
            throw GrantRefused(
                "the trust \(trust.id) is in tokens of persons, and nobody here has the account "
                    + (identity.account.map { "`\($0)`" } ?? "of this token"))
        }
        return WorkloadCredential.Represented(person: link.person, account: account)
    }

    /// Whether an account is still this person's, and was when the token was handed out.
    private func isCurrent(
        _ represented: WorkloadCredential.Represented, since instant: Timestamp
    ) -> Bool {
        guard let link = governance.directory.externals[represented.account] else { return false }
        return link.person == represented.person && link.since <= instant
            && governance.isCurrent(represented.person, since: instant)
    }

    /// The one trust that an identity matches; which claim is amiss goes to the log.
    private static func trust(
        for identity: WorkloadIdentity, _ directory: Directory
    ) throws(GrantRefused) -> WorkloadTrust {
        var matching: [WorkloadTrust] = []
        var amiss: [String] = []
        for trust in directory.trusts.values.sorted(by: { $0.id < $1.id }) {
            guard let differences = trust.differences(from: identity) else { continue }
            if differences.isEmpty {
                matching.append(trust)
            } else if amiss.count < 8 {
                amiss.append("\(trust.id) differs in \(differences.joined(separator: ", "))")
            }
        }
        guard let trust = matching.first else {
            let subject = identity.claims["sub"]?.stringValue ?? ""
            throw GrantRefused(
                "no trust matches `\(VisibleText.escape(String(subject.prefix(200))))`: "
                    + (amiss.isEmpty ? "none is left" : amiss.joined(separator: "; ")))
        }
        guard matching.count == 1 else {
            throw GrantRefused(
                "several trusts match: \(matching.map(\.id).joined(separator: ", "))")
        }
        return trust
    }

    // MARK: authentication

    /// Checks a token that was handed out in exchange.
    func authenticate(workload token: Token) throws(AuthenticationError) -> Authenticated {
        let credential: WorkloadCredential?
        do {
            credential = try backend.read { reader in
                try reader.operational(space: WorkloadCredential.space, key: token.credential)
            }.flatMap { try WorkloadCredential($0, rows) }
        } catch {
            logger.error("a credential can't be read", metadata: ["error": "\(error)"])
            throw .unavailable
        }
        guard let credential, token.kind == .agent,
            Hash256.sha256(token.secret).equalsInConstantTime(credential.secretHash),
            governance.isCurrent(
                credential.agent, trust: credential.trust, since: credential.issuedAt),
            credential.onBehalfOf.map({ isCurrent($0, since: credential.issuedAt) }) ?? true
        else { throw failed(.invalid) }
        guard now < credential.expires else { throw failed(.expired) }
        var party = Authenticated(
            principal: .agent(credential.agent), credential: credential.id, assurance: .token,
            run: credential.run)
        party.onBehalfOf = credential.onBehalfOf?.person
        return party
    }
}
