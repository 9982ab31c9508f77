// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import ControlPlane
package import TestSupport
package import TransparencyLog
internal import WebAuthn

/// People who show by themselves who they are, and an installation that they seal.
extension TestInstallation {
    /// The policies of tests, with changes of this server's own rules as the starter has them.
    package static let governedPolicies =
        policies + [
            PolicyFile(
                name: "30-exequatur.cedar",
                text: """
                    @id("exequatur") permit (principal, action in Action::"exequatur", resource);
                    @id("exequatur.review") @review("administrators")
                    forbid (principal, action in Action::"exequatur", resource);
                    """)
        ]

    /// Enrols a passkey for a person, in a session that a link opened.
    @discardableResult
    package func enrol(_ person: Handle) async throws -> SoftwarePasskey {
        let device = try SoftwarePasskey(person.text)
        let session = try await signIn(person)
        let challenge = try Self.challenge(try await control.enrolmentOptions(for: session))
        let passkey = try await control.enrol(
            device.registration(challenge: challenge), for: session)
        _ = try await control.administerOwn(
            .directory([NamedDirectoryChange(.passkeyAdded(passkey))]), by: session,
            isRemoval: false, audit: [:])
        return device
    }

    /// Signs in with a passkey.
    package func signIn(with device: SoftwarePasskey) async throws -> Session {
        let challenge = try Self.challenge(try await control.signInOptions(address: "192.0.2.9"))
        let cookie = try await control.signIn(
            passkey: try device.assertion(challenge: challenge).json, audit: [:])
        guard let session = try control.session(cookie: cookie) else {
            throw CommandError.noSuchAction
        }
        return session
    }

    package static func challenge(_ options: JSON) throws -> [UInt8] {
        guard let text = options["challenge"]?.stringValue, let bytes = Base64URL.decode(text)
        else { throw CommandError.noSuchAction }
        return bytes
    }

    /// Makes alice, carol and erin administrators with passkeys of their own, and has alice and
    /// carol seal.
    ///
    /// Gives their passkeys.
    @discardableResult
    package func seal() async throws -> [Handle: SoftwarePasskey] {
        var devices: [Handle: SoftwarePasskey] = [:]
        for person in [Self.alice, Self.carol, Self.erin] {
            try await control.apply(
                .memberAdded(group: .administrators, member: person), by: Self.admin)
            devices[person] = try await enrol(person)
        }
        try await confirmSeal(devices, by: [Self.alice, Self.carol])
        return devices
    }

    /// The recovery key of tests.
    package static func recoveryKey() throws -> SigningKey {
        try SigningKey(name: "recovery.test/key", seed: Array(repeating: 9, count: 32))
    }

    /// Asks for the seal and confirms it.
    package func confirmSeal(
        _ devices: [Handle: SoftwarePasskey], by persons: [Handle]
    ) async throws {
        let question = try await control.proposeSeal(
            recoveryKey: try Self.recoveryKey().verifierKey,
            by: try control.authenticate(bearer: tokens["admin"] ?? ""), audit: [:])
        for person in persons {
            guard let device = devices[person] else { throw CommandError.noSuchAction }
            _ = try await control.confirmSeal(
                expect: question.digest, by: try await signIn(with: device), audit: [:])
        }
    }

    /// Decides in the console, in a session.
    package func decide(
        _ id: ActionID, _ kind: ReviewDecision.Kind = .approve, in session: Session
    ) async throws -> ActionResult {
        guard let detail = try control.detail(id) else { throw CommandError.noSuchAction }
        return try await control.decide(
            id,
            control.decisionCommand(
                detail, kind, session, expect: detail.state.digest.hex, hasReason: true),
            reason: "because", audit: [:])
    }
}
