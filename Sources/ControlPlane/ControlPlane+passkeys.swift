// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import Storage
package import TransparencyLog
internal import WebAuthn

/// Enrolling passkeys, signing in with them, and signing decisions.
///
/// Each challenge is a sealed row that is used up by its answer; so nothing can be answered twice.
extension ControlPlane {
    private static let challenges = "passkey-challenge"
    private static let signings = "passkey-signing"
    private static let challengeSeconds: Int64 = 300

    /// Who passkeys are for: the host of the public address, and that address as origin.
    package var relyingParty: (id: String, origin: String) {
        let url = configuration.publicURL
        let scheme = url.hasPrefix("https:") ? "https" : "http"
        let authority = url.dropFirst(scheme.utf8.count + 3).prefix { $0 != "/" }
        let host =
            authority.hasPrefix("[")
            ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        return (String(host), "\(scheme)://\(authority)")
    }

    // MARK: enrolling

    /// What the browser is asked when a person enrols a passkey (WebAuthn Level 3 §5.4).
    ///
    /// Only with a sign-in of the last ten minutes, or a link's, which is how a new person begins.
    package func enrolmentOptions(for session: Session) async throws -> JSON {
        try requireFresh(session)
        try throttle("passkey \(session.person)")
        let challenge = effects.entropy.bytes(32)
        try await keep(challenge, for: session.person, purpose: "enrol")
        let directory = governance.directory
        let name = governance.name(session.person)
        let known = directory.passkeys(of: session.person).map { passkey -> JSON in
            ["id": .string(passkey.id), "type": "public-key"]
        }
        return [
            "attestation": "none",
            "authenticatorSelection": [
                "requireResidentKey": true, "residentKey": "required",
                "userVerification": "required",
            ],
            "challenge": .string(Base64URL.encode(challenge)),
            "excludeCredentials": .array(known),
            "pubKeyCredParams": .array(
                [-7, -8, -257].map { ["alg": .integer($0), "type": "public-key"] }),
            "rp": ["id": .string(relyingParty.id), "name": "Exequatur"],
            "timeout": .integer(Self.challengeSeconds * 1000),
            "user": [
                "displayName": .string(name),
                "id": .string(Base64URL.encode(Array(session.person.text.utf8))),
                "name": .string(session.person.text),
            ],
        ]
    }

    /// Refuses with `sign_in_again` unless the person showed within ten minutes who he is.
    package func requireFresh(_ session: Session) throws {
        let age = now.seconds(since: session.authenticatedAt)
        guard age < Self.freshSeconds else {
            throw CommandError.forbidden(
                code: "sign_in_again", "sign in again: this needs a sign-in of the last 10 minutes")
        }
    }

    private func keep(_ challenge: [UInt8], for person: Handle?, purpose: String) async throws {
        let value: JSON = ["person": .optional(person), "purpose": .string(purpose)]
        let row = rows.seal(
            space: Self.challenges, key: Hash256.sha256(challenge).hex,
            value: try value.canonicalBytes(),
            expires: now.adding(seconds: Self.challengeSeconds))
        _ = try await writer.submit(priority: .intake) { _ in LedgerPlan((), operational: [row]) }
    }

    /// The challenge that an answer is to, if it is one of ours that is open.
    private func challenge(
        of answer: PasskeyAnswer, person: Handle?, purpose: String
    ) throws -> OperationalKey {
        let key = Hash256.sha256(answer.challenge).hex
        guard
            let row = try backend.read({ try $0.operational(space: Self.challenges, key: key) }),
            row.expires > now, let bytes = rows.open(row),
            let value = Optional(try JSON(canonical: bytes)),
            value["purpose"]?.stringValue == purpose,
            value["person"]?.stringValue == person?.text
        else {
            throw CommandError.forbidden(
                code: "challenge_invalid", "this was used or is too old: begin again")
        }
        return OperationalKey(space: Self.challenges, key: key)
    }

    /// Checks what the browser made, and gives the passkey as the directory is to have it.
    ///
    /// The challenge is used up, whatever becomes of the passkey.
    package func enrol(_ answer: JSON, for session: Session) async throws -> Passkey {
        try requireFresh(session)
        let registration: PasskeyRegistration
        let challenge: [UInt8]
        do {
            registration = try PasskeyRegistration(json: answer)
            challenge = try PasskeyAnswer(clientData: registration.clientDataJSON).challenge
        } catch {
            throw CommandError.badRequest(code: "passkey_invalid", "\(error)")
        }
        let key = try self.challenge(
            of: PasskeyAnswer(challenge: challenge), person: session.person, purpose: "enrol")
        try await useUp(key)
        let party = relyingParty
        do {
            let registered = try registration.verify(
                challenge: challenge,
                relyingParty: RelyingParty(id: party.id, origins: [party.origin]))
            return Passkey(
                registered, person: session.person, relyingParty: party.id, origin: party.origin,
                since: now)
        } catch {
            throw CommandError.badRequest(
                code: "passkey_invalid", "this passkey can't be taken: \(error)")
        }
    }

    private func useUp(_ key: OperationalKey) async throws {
        _ = try await writer.submit { view in
            guard let row = try view.store.operational(space: key.space, key: key.key),
                row.expires > view.now
            else {
                throw CommandError.forbidden(
                    code: "challenge_invalid", "this was used or is too old: begin again")
            }
            return LedgerPlan((), removed: [key])
        }
    }

    // MARK: signing in

    /// What the browser is asked when somebody signs in with a passkey (§5.5).
    package func signInOptions(address: String) async throws -> JSON {
        try throttle("passkey \(address)", exchangeLimiter)
        let challenge = effects.entropy.bytes(32)
        try await keep(challenge, for: nil, purpose: "sign-in")
        return [
            "allowCredentials": [], "challenge": .string(Base64URL.encode(challenge)),
            "rpId": .string(relyingParty.id),
            "timeout": .integer(Self.challengeSeconds * 1000), "userVerification": "required",
        ]
    }

    /// Signs in by a passkey, and gives the session's cookie.
    package func signIn(passkey answer: JSON, audit: [String: String]) async throws -> String {
        do {
            let assertion = try PasskeyAssertion(json: answer)
            let made = try PasskeyAnswer(clientData: assertion.clientDataJSON)
            let key = try challenge(of: made, person: nil, purpose: "sign-in")
            let id = Base64URL.encode(assertion.credentialID)
            guard let passkey = governance.directory.passkeys[id] else {
                throw CommandError.forbidden(
                    code: "passkey_unknown", "nobody has enrolled this passkey here")
            }
            _ = try passkey.verify(assertion, rawChallenge: made.challenge)
            if let handle = assertion.userHandle,
                !handle.elementsEqual(passkey.person.text.utf8)
            {
                throw CommandError.forbidden(
                    code: "passkey_unknown", "this passkey is said to be another person's")
            }
            return try await signIn(
                SignIn(
                    person: passkey.person, method: .passkey, authenticatedAt: now,
                    credentialSince: passkey.since, evidence: ["passkey": .string(passkey.id)]),
                using: [key], audit: audit)
        } catch {
            _ = failed(.invalid)
            try await recordFailedSignIn(method: .passkey, why: "\(error)", audit: audit)
            if error is CommandError { throw error }
            throw CommandError.forbidden(code: "passkey_invalid", "\(error)")
        }
    }

    // MARK: signing decisions

    /// What a reviewer's passkey is asked to sign for a decision.
    package func signingOptions(
        _ id: ActionID, _ kind: ReviewDecision.Kind, for session: Session
    ) async throws -> (context: DecisionContext, options: JSON) {
        try throttle("passkey \(session.person)")
        guard let detail = try detail(id) else { throw CommandError.noSuchAction }
        guard detail.state.status == .pending else {
            throw Refusal(.notPending, "the action is `\(detail.state.status.rawValue)`")
        }
        let passkeys = governance.directory.passkeys(of: session.person)
        guard !passkeys.isEmpty else {
            throw CommandError.conflict(
                code: "no_passkey", "you have no passkey yet: enrol one on the page Account")
        }
        let state = detail.state
        let context = DecisionContext(
            action: id, digest: state.digest, decision: kind,
            policySet: state.revision?.policySet ?? state.submission.policySet,
            rendering: state.rendering(detail.body), reviewer: session.person,
            origin: verifierKey.name, nonce: effects.entropy.hashes(1)[0], issuedAt: now,
            expires: now.adding(seconds: Limits.signatureSeconds))
        let row = rows.seal(
            space: Self.signings, key: context.nonce.hex,
            value: try context.json.canonicalBytes(), expires: context.expires)
        _ = try await writer.submit { _ in LedgerPlan((), operational: [row]) }
        return (
            context,
            [
                "allowCredentials": .array(
                    passkeys.map { ["id": .string($0.id), "type": "public-key"] }),
                "challenge": .string(Base64URL.encode(try context.challenge.bytes)),
                "rpId": .string(relyingParty.id),
                "timeout": .integer(Limits.signatureSeconds * 1000),
                "userVerification": "required",
            ]
        )
    }

    /// The signed decision that an answer to such a question is; not yet checked.
    package func signedDecision(
        _ answer: JSON, nonce: Hash256
    ) throws -> (signature: SignedDecision, using: OperationalKey) {
        let key = OperationalKey(space: Self.signings, key: nonce.hex)
        guard let row = try backend.read({ try $0.operational(space: key.space, key: key.key) }),
            row.expires > now, let bytes = rows.open(row)
        else {
            throw CommandError.forbidden(
                code: "challenge_invalid", "this was used or is too old: sign again")
        }
        do {
            return (
                SignedDecision(
                    context: try DecisionContext(try JSON(canonical: bytes), path: "context"),
                    assertion: try PasskeyAssertion(json: answer)), key
            )
        } catch {
            throw CommandError.badRequest(code: "passkey_invalid", "\(error)")
        }
    }
}

/// The challenge that an answer of a browser says it is to.
struct PasskeyAnswer {
    let challenge: [UInt8]

    init(challenge: [UInt8]) { self.challenge = challenge }

    init(clientData: [UInt8]) throws {
        let json = try JSON(parsing: clientData)
        guard let text = json["challenge"]?.stringValue, let bytes = Base64URL.decode(text) else {
            throw CoreError("`clientDataJSON.challenge`: not base64url")
        }
        challenge = bytes
    }
}
