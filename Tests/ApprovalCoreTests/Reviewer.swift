// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import TransparencyLog
import WebAuthn

@testable import ApprovalCore

/// A reviewer with a passkey of his own.
struct Reviewer {
    let person: Handle
    let device: SoftwarePasskey

    init(_ person: Handle) throws {
        self.person = person
        device = try SoftwarePasskey(person.text)
    }

    /// The passkey as the directory gets it, through the real registration.
    func passkey(since: Timestamp = .start.adding(seconds: -3600)) throws -> Passkey {
        let challenge = Hash256.of("challenge of \(person)").bytes
        let registered = try PasskeyRegistration(json: device.registration(challenge: challenge))
            .verify(
                challenge: challenge,
                relyingParty: RelyingParty(id: device.relyingParty, origins: [device.origin]))
        return Passkey(
            registered, person: person, relyingParty: device.relyingParty, origin: device.origin,
            since: since)
    }

    func context(
        _ action: Action, _ kind: ReviewDecision.Kind, policySet: Hash256 = .zero,
        rendering: Hash256 = .zero, at now: Timestamp
    ) -> DecisionContext {
        DecisionContext(
            action: action.id, digest: action.digest, decision: kind, policySet: policySet,
            rendering: rendering, reviewer: person, origin: "log.example/test",
            nonce: .of("nonce of \(person)"), issuedAt: now, expires: now.adding(seconds: 300))
    }

    func sign(_ context: DecisionContext) throws -> SignedDecision {
        SignedDecision(
            context: context,
            assertion: try device.assertion(challenge: try context.challenge.bytes))
    }

    func sign(
        _ action: Action, _ kind: ReviewDecision.Kind, at now: Timestamp
    ) throws -> SignedDecision {
        try sign(context(action, kind, at: now))
    }
}
