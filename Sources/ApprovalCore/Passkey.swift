// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog
package import WebAuthn

/// A person's passkey, as the directory has it.
///
/// Everything that is needed to check what it signs, offline and years later. Attestation is not
/// looked at: which device holds the key is what the person says.
package struct Passkey: Sendable, Hashable {
    /// The credential id, in unpadded base64url.
    package let id: String
    package let person: Handle
    package let publicKey: PasskeyPublicKey
    /// The relying party and the origin at which it was enrolled, and the only ones where it counts.
    package let relyingParty: String
    package let origin: String
    /// Whether the key may be copied to other devices; never changes.
    package let isBackupEligible: Bool
    package let since: Timestamp

    package init(
        _ registered: RegisteredPasskey, person: Handle, relyingParty: String, origin: String,
        since: Timestamp
    ) {
        id = Base64URL.encode(registered.credentialID)
        self.person = person
        publicKey = registered.publicKey
        self.relyingParty = relyingParty
        self.origin = origin
        isBackupEligible = registered.isBackupEligible
        self.since = since
    }

    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        id = try reader.string("id")
        person = try reader.handle("person")
        guard let credential = Base64URL.decode(id), (16...1023).contains(credential.count),
            let cose = Base64URL.decode(try reader.string("publicKey"))
        else { throw CoreError("`\(path)`: not a credential id and a key in base64url") }
        publicKey = try PasskeyPublicKey(cose: cose)
        relyingParty = try reader.string("relyingParty")
        origin = try reader.string("origin")
        isBackupEligible = try reader.bool("backupEligible")
        since = try reader.timestamp("since")
        try reader.finish()
        guard (1...255).contains(relyingParty.utf8.count), (1...512).contains(origin.utf8.count)
        else { throw CoreError("`\(path)`: not a relying party and an origin") }
    }

    package var json: JSON {
        [
            "backupEligible": .bool(isBackupEligible), "id": .string(id),
            "origin": .string(origin), "person": .string(person.text),
            "publicKey": .string(Base64URL.encode(publicKey.cose)),
            "relyingParty": .string(relyingParty), "since": .string(since.description),
        ]
    }

    /// Checks that this passkey signed a challenge, with the user verified.
    package func verify(
        _ assertion: PasskeyAssertion, challenge: Hash256
    ) throws(WebAuthnError) -> PasskeyAssertion.Result {
        try verify(assertion, rawChallenge: challenge.bytes)
    }

    package func verify(
        _ assertion: PasskeyAssertion, rawChallenge challenge: [UInt8]
    ) throws(WebAuthnError) -> PasskeyAssertion.Result {
        try assertion.verify(
            publicKey: publicKey, isBackupEligible: isBackupEligible, challenge: challenge,
            relyingParty: RelyingParty(id: relyingParty, origins: [origin]))
    }
}

/// What a reviewer's passkey signs when he decides.
///
/// Its challenge is SHA-256(`exequatur/v1/decision\n` ‖ RFC 8785 form). It ties one person's
/// decision to the action, to what he was shown and to the rules that asked him; it does not prove
/// what his browser displayed.
package struct DecisionContext: Sendable, Hashable {
    package let action: ActionID
    package let digest: Hash256
    package let decision: ReviewDecision.Kind
    package let policySet: Hash256
    package let rendering: Hash256
    package let reviewer: Handle
    /// The log whose server asked for it.
    package let origin: String
    /// Fresh for each signature.
    package let nonce: Hash256
    package let issuedAt: Timestamp
    package let expires: Timestamp

    package init(
        action: ActionID, digest: Hash256, decision: ReviewDecision.Kind, policySet: Hash256,
        rendering: Hash256, reviewer: Handle, origin: String, nonce: Hash256, issuedAt: Timestamp,
        expires: Timestamp
    ) {
        self.action = action
        self.digest = digest
        self.decision = decision
        self.policySet = policySet
        self.rendering = rendering
        self.reviewer = reviewer
        self.origin = origin
        self.nonce = nonce
        self.issuedAt = issuedAt
        self.expires = expires
    }

    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        guard try reader.int("v") == 1 else { throw CoreError("`\(path).v`: unknown version") }
        action = try reader.actionID("action")
        digest = try reader.hash("digest")
        decision = try reader.choice("decision", ReviewDecision.Kind.self)
        policySet = try reader.hash("policySet")
        rendering = try reader.hash("rendering")
        reviewer = try reader.handle("reviewer")
        origin = try reader.string("origin")
        nonce = try reader.hash("nonce")
        issuedAt = try reader.timestamp("issuedAt")
        expires = try reader.timestamp("expires")
        try reader.finish()
        guard (1...255).contains(origin.utf8.count) else {
            throw CoreError("`\(path).origin`: 1 to 255 bytes")
        }
    }

    package var json: JSON {
        [
            "action": .string(action.text), "decision": .string(decision.rawValue),
            "digest": .string(digest.hex), "expires": .string(expires.description),
            "issuedAt": .string(issuedAt.description), "nonce": .string(nonce.hex),
            "origin": .string(origin), "policySet": .string(policySet.hex),
            "rendering": .string(rendering.hex), "reviewer": .string(reviewer.text), "v": 1,
        ]
    }

    /// What the authenticator is asked to sign.
    package var challenge: Hash256 {
        get throws {
            .sha256(Array("exequatur/v1/decision\n".utf8) + (try json.canonicalBytes()))
        }
    }
}

/// A reviewer's decision with his own signature; verifies offline, against the passkey that the
/// directory has of him.
package struct SignedDecision: Sendable, Hashable {
    package let context: DecisionContext
    package let assertion: PasskeyAssertion

    package init(context: DecisionContext, assertion: PasskeyAssertion) {
        self.context = context
        self.assertion = assertion
    }

    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        context = try DecisionContext(try reader.value("context"), path: "\(path).context")
        assertion = try PasskeyAssertion(json: try reader.value("assertion"))
        try reader.finish()
    }

    package var json: JSON { ["assertion": assertion.json, "context": context.json] }

    /// The id of the passkey that is said to have signed.
    package var passkey: String { Base64URL.encode(assertion.credentialID) }

    /// What is wrong with the signature as one of `decision` on `action`, or nil.
    ///
    /// The same function for the server, for gates that demand passkeys, and for the offline
    /// verifier. Whether the passkey is this person's now is `directory`'s to say.
    package func problem(
        of decision: ReviewDecision, on action: ActionID, digest: Hash256, rendering: Hash256,
        in directory: Directory
    ) -> String? {
        guard let enrolled = directory.passkeys[passkey], enrolled.person == decision.person else {
            return "the passkey is not one of `\(decision.person)`"
        }
        guard context.action == action, context.digest == digest else {
            return "it signs another action"
        }
        guard context.decision == decision.kind, context.reviewer == decision.person else {
            return "it signs another decision, or another person's"
        }
        guard context.rendering == rendering else { return "it signs another rendering" }
        guard context.issuedAt <= decision.at, decision.at < context.expires,
            context.expires.seconds(since: context.issuedAt) <= Limits.signatureSeconds
        else { return "it was asked for at another time" }
        guard enrolled.since <= context.issuedAt else {
            return "the passkey was enrolled later than it was asked"
        }
        do {
            _ = try enrolled.verify(assertion, challenge: try context.challenge)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
