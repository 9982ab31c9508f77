// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage
package import TransparencyLog

extension ControlPlane {
    /// Checks a bearer token.
    ///
    /// Every failure is counted and told alike.
    package func authenticate(bearer text: String) throws(AuthenticationError) -> Authenticated {
        guard let token = Token(text), token.fingerprint == keyFingerprint else {
            throw failed(.invalid)
        }
        if WorkloadCredential.isID(token.credential) { return try authenticate(workload: token) }
        if DeviceToken.isID(token.credential) { return try authenticate(device: token) }
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
        lastUses.note(credential.id, at: now)
        var party = Authenticated(
            principal: principal, credential: credential.id, assurance: .token)
        party.shownTo = credential.shownTo
        party.onBehalfOf = credential.onBehalfOf
        return party
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
                agent: id, owner: owner, onBehalfOf: agent.onBehalfOf,
                credential: agent.credential,
                // Whoever has seen it could be the one who asks (DESIGN §4.5).
                shownTo: unsealed ? [] : agent.shownTo.filter { $0 != owner }),
            gate: reference, audit: .object(object))
    }

    /// A gate that was approved as advisory is one, although it has a credential.
    private func reference(to gate: Handle, _ configuration: Hash256?) -> GateReference {
        let approved = governance.directory.configurations[gate]
        let isNamed = configuration == nil || approved?.digest == configuration
        let enforcing = isNamed ? approved?.enforcing ?? true : true
        return GateReference(id: gate, enforcing: enforcing, configuration: configuration)
    }

    /// Why this party may do nothing in its holder's name; nil where it may.
    ///
    /// Once the installation is sealed, whoever made a link or a token for somebody could be the one
    /// who uses it (DESIGN §4.13).
    package func obstacle(inCredentialOf party: Authenticated) -> Refusal? {
        !unsealed && party.isCredentialShown ? .shownCredential : nil
    }

    /// Refuses a credential that others have seen, and counts that.
    func requireOwnCredential(_ party: Authenticated) throws {
        guard let refusal = obstacle(inCredentialOf: party) else { return }
        counters.add("exequatur_refusals_total")
        counters.add(Self.uncountedRefusals)
        throw refusal
    }

    /// True if what this party wants to change is changed at once: an administrator's wish while
    /// unsealed, and ever after what others have approved.
    package func mayAdminister(_ principal: Principal) -> Bool {
        switch principal {
        case .administrator, .person: unsealed && isAdministrator(principal)
        case .action: true
        case .agent, .gate: false
        }
    }

    /// True if this party may ask for changes of this server's own rules, and look at them.
    package func isAdministrator(_ principal: Principal) -> Bool {
        switch principal {
        case .administrator(let person):
            unsealed && governance.directory.isAdministrator(person)
        case .person(let person): governance.directory.isAdministrator(person)
        case .action, .agent, .gate: false
        }
    }
}
