// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage
package import TransparencyLog

/// A signed-in browser.
package struct Session: Sendable, Hashable {
    package let person: Handle
    package let signedInAt: Timestamp
    package let expires: Timestamp
    /// Goes into every form; a page of another site can't know it.
    package let csrf: String
}

extension ControlPlane {
    /// A session lives this long at most; signing out ends it at once.
    static let sessionSeconds: Int64 = 12 * 3600
    /// Within this time of signing in a decision counts as `console` (DESIGN §2).
    package static let freshSeconds: Int64 = 600
    /// A sign-in link that nobody used is worth nothing after this.
    static let linkSeconds: Int64 = 3600

    /// Checks a bearer token.
    ///
    /// Every failure is counted and told alike.
    package func authenticate(bearer text: String) throws(AuthenticationError) -> Authenticated {
        guard let token = Token(text), token.fingerprint == keyFingerprint else {
            throw failed(.invalid)
        }
        if WorkloadCredential.isID(token.credential) { return try authenticate(workload: token) }
        guard let credential = governance.directory.credentials[token.credential],
            credential.kind == token.kind,
            Hash256.sha256(token.secret).equalsInConstantTime(credential.secretHash)
        else { throw failed(.invalid) }
        if let notAfter = credential.notAfter, now >= notAfter { throw failed(.expired) }
        let principal: Principal =
            switch credential.kind {
            case .agent: .agent(credential.subject)
            case .person: .person(credential.subject)
            case .gate: .gate(credential.subject)
            case .administrator: .administrator(credential.subject)
            }
        return Authenticated(
            principal: principal, credential: credential.id, assurance: .token)
    }

    /// Counts a message that no holder of a channel's secret made, and says why it is refused.
    package func refuseUnsigned(
        _ why: String = "the signature is missing, old or wrong"
    )
        -> CommandError
    {
        _ = failed(.invalid)
        return .unsigned(why)
    }

    /// Counts a failure; attempts are recorded as numbers, not one by one.
    func failed(_ error: AuthenticationError) -> AuthenticationError {
        counters.add("exequatur_authentication_failures_total")
        counters.add("exequatur_unrecorded_authentication_failures")
        return error
    }

    /// The requester chain of an authenticated agent (DESIGN §3.3).
    ///
    /// `configuration` is the digest of the configuration that the gate says it works with.
    package func submitter(
        agent: Authenticated, gate: Authenticated?, configuration: Hash256? = nil,
        audit: [String: String]
    ) throws -> Submitter {
        guard case .agent(let id) = agent.principal,
            let owner = governance.directory.agents[id]
        else {
            throw CommandError.forbidden(
                code: "agents_only", "only agents submit, claim and report: use an agent token")
        }
        guard governance.directory.persons.contains(owner) else {
            throw CommandError.forbidden(
                code: "owner_removed",
                "the owner of `\(id)` is gone: add an agent that "
                    + "belongs to somebody")
        }
        let reference: GateReference
        switch gate?.principal {
        case nil:
            guard configuration == nil else {
                throw CommandError.badRequest(
                    code: "value_invalid",
                    "a gate that has a configuration sends its token in `Exequatur-Gate-Token`")
            }
            reference = GateReference(id: .advisoryGate, enforcing: false)
        case .gate(let gate): reference = self.reference(to: gate, configuration)
        default:
            throw CommandError.forbidden(
                code: "not_a_gate", "`Exequatur-Gate-Token` holds a token that is not a gate's")
        }
        var object = JSONObject()
        for (key, value) in audit { object[key] = .string(value) }
        if let run = agent.run { object["workload"] = run.json }
        return Submitter(
            requester: Requester(
                agent: id, owner: owner, onBehalfOf: nil, credential: agent.credential),
            gate: reference, audit: .object(object))
    }

    /// A gate that was approved as advisory is one, although it has a credential.
    private func reference(to gate: Handle, _ configuration: Hash256?) -> GateReference {
        let approved = governance.directory.configurations[gate]
        let isNamed = configuration == nil || approved?.digest == configuration
        let enforcing = isNamed ? approved?.enforcing ?? true : true
        return GateReference(id: gate, enforcing: enforcing, configuration: configuration)
    }

    /// True if this party may change directory and policies while unsealed.
    package func mayAdminister(_ principal: Principal) -> Bool {
        switch principal {
        case .administrator(let person):
            unsealed && governance.directory.isAdministrator(person)
        case .person(let person): governance.directory.isAdministrator(person)
        case .agent, .gate: false
        }
    }

    // MARK: sign-in links and sessions

    /// Makes a link that signs one person in, once, within the hour.
    ///
    /// Whoever has the link can act as that person, so who made it is an entry.
    package func signInLink(for person: Handle, by: Principal) async throws -> String {
        guard mayAdminister(by) else {
            throw CommandError.forbidden(
                code: "administrators_only", "only administrators make sign-in links")
        }
        guard governance.directory.persons.contains(person) else {
            throw CommandError.conflict(
                code: "unknown_person", "there is no person `\(person)`")
        }
        let secret = Base64URL.encode(effects.entropy.bytes(32))
        let now = self.now
        let value: JSON = [
            "issuedAt": .string(now.description), "person": .string(person.text),
        ]
        let expires = now.adding(seconds: Self.linkSeconds)
        let row = try sealed("link", secret, value, expires: expires)
        let salts = effects.entropy.hashes(2)
        let draft = try EntryDraft(
            kind: "person.link-issued", ref: "sessions",
            core: [
                "by": .string(by.description), "expires": .string(expires.description),
                "kind": "person.link-issued", "person": .string(person.text),
                "unsealed": .bool(unsealed), "v": 1,
            ], body: [:], salts: (salts[0], salts[1]))
        _ = try await writer.submit { _ in LedgerPlan((), drafts: [draft], operational: [row]) }
        return "\(configuration.publicURL)/sign-in?token=\(secret)"
    }

    /// Uses a link up and opens a session; nil if it is unknown, used or too old.
    package func redeem(link secret: String, audit: [String: String]) async throws -> String? {
        // Looked at before it is queued: whoever knows no link must not reach the writer.
        guard try peek(link: secret) != nil else {
            counters.add("exequatur_authentication_failures_total")
            counters.add("exequatur_unrecorded_authentication_failures")
            return nil
        }
        let key = Hash256.sha256(Array(secret.utf8)).hex
        let cookie = Base64URL.encode(effects.entropy.bytes(32))
        let csrf = Base64URL.encode(effects.entropy.bytes(32))
        let recorded = try await writer.submit(
            priority: .intake
        ) { [self] view -> LedgerPlan<Bool> in
            guard let row = try view.store.operational(space: "link", key: key),
                row.expires > view.now,
                let bytes = rows.open(row),
                let person = try Self.person(ofLink: bytes, governance)
            else { return LedgerPlan(false) }
            let expires = view.now.adding(seconds: Self.sessionSeconds)
            let session = try sealed(
                "session", cookie,
                [
                    "csrf": .string(csrf), "person": .string(person.text),
                    "signedInAt": .string(view.now.description),
                ], expires: expires)
            // Used up by being replaced with an expired row, in the same transaction.
            let used = OperationalRow(
                space: "link", key: key, value: [], expires: Timestamp(milliseconds: 0))
            let draft = try signInDraft(person, audit: audit)
            return LedgerPlan(true, drafts: [draft], operational: [session, used])
        }
        return recorded.value ? cookie : nil
    }

    private func signInDraft(_ person: Handle, audit: [String: String]) throws -> EntryDraft {
        var object = JSONObject()
        for (key, value) in audit { object[key] = .string(value) }
        let salts = effects.entropy.hashes(2)
        return try EntryDraft(
            kind: "person.signed-in", ref: "sessions",
            core: [
                "kind": "person.signed-in", "method": "link", "person": .string(person.text),
                "unsealed": .bool(unsealed), "v": 1,
            ], body: ["audit": .object(object)], salts: (salts[0], salts[1]))
    }

    /// The session of a cookie, if it is genuine, alive and its person still exists.
    package func session(cookie: String) throws -> Session? {
        guard cookie.utf8.count <= 128 else { return nil }
        let key = Hash256.sha256(Array(cookie.utf8)).hex
        guard let row = try backend.read({ try $0.operational(space: "session", key: key) }),
            row.expires > now,
            let bytes = rows.open(row)
        else { return nil }
        let value = try JSON(canonical: bytes)
        guard let person = value["person"]?.stringValue.flatMap(Handle.init),
            let signedInAt = value["signedInAt"]?.stringValue.flatMap(Timestamp.init),
            let csrf = value["csrf"]?.stringValue,
            governance.isCurrent(person, since: signedInAt),
            now.seconds(since: signedInAt) < Self.sessionSeconds
        else { return nil }
        return Session(
            person: person, signedInAt: signedInAt, expires: row.expires, csrf: csrf)
    }

    /// How a decision in this session counts.
    package func assurance(of session: Session) -> Assurance {
        now.seconds(since: session.signedInAt) < Self.freshSeconds ? .console : .token
    }

    package func signOut(cookie: String) async throws {
        let key = Hash256.sha256(Array(cookie.utf8)).hex
        let row = OperationalRow(
            space: "session", key: key, value: [], expires: Timestamp(milliseconds: 0))
        _ = try await writer.submit { _ in LedgerPlan((), operational: [row]) }
    }

    private func sealed(
        _ space: String, _ secret: String, _ value: JSON, expires: Timestamp
    ) throws -> OperationalRow {
        rows.seal(
            space: space, key: Hash256.sha256(Array(secret.utf8)).hex,
            value: try value.canonicalBytes(), expires: expires)
    }
}
