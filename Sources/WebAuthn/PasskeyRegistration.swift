// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// What is kept of a passkey after its registration (WebAuthn Level 3 §4, “credential record”).
package struct RegisteredPasskey: Sendable, Hashable {
    /// The name of the passkey, 16 to 1,023 bytes, chosen by the authenticator.
    package let credentialID: [UInt8]
    /// The key that its assertions are verified with.
    package let publicKey: PasskeyPublicKey
    /// How often it signed; authenticators that do not count say 0.
    package let signCount: UInt32
    /// The model of the authenticator, 16 bytes, as it says itself; often all zero.
    package let aaguid: [UInt8]
    /// Whether it can be backed up, which never changes.
    package let isBackupEligible: Bool
    /// Whether it was backed up when it was made.
    package let isBackedUp: Bool
}

/// A browser's answer to `navigator.credentials.create()` (WebAuthn Level 3 §5.2.1).
package struct PasskeyRegistration: Sendable, Hashable {
    /// What the browser says of the page, in JSON, byte for byte as it wrote it.
    package let clientDataJSON: [UInt8]
    /// The new credential and how it is attested, in CBOR.
    package let attestationObject: [UInt8]

    /// Creates an answer from its parts, which are not looked at before ``verify``.
    package init(clientDataJSON: [UInt8], attestationObject: [UInt8]) {
        self.clientDataJSON = clientDataJSON
        self.attestationObject = attestationObject
    }

    /// Reads an object with the members `clientDataJSON` and `attestationObject`.
    ///
    /// Both are base64url without padding, in the one spelling that RFC 4648 §5 has for them;
    /// other members are refused.
    /// - Throws: ``WebAuthnError`` with `malformed_json` or `unknown_member`.
    package init(json: JSON) throws(WebAuthnError) {
        let members = try Members(
            json, of: "the registration", allowed: ["clientDataJSON", "attestationObject"])
        self.init(
            clientDataJSON: try members.bytes(
                "clientDataJSON", atMost: WebAuthnLimits.clientDataBytes),
            attestationObject: try members.bytes(
                "attestationObject", atMost: WebAuthnLimits.cborBytes))
    }

    /// Verifies the answer and returns what to keep of the passkey (WebAuthn Level 3 §7.1).
    ///
    /// **Attestation is not verified**: a statement of any format is read as a map of CBOR and
    /// then ignored. So nothing is known of the make of the authenticator, the AAGUID is what it
    /// says of itself, and that the private key exists shows with the first assertion only. That
    /// the credential ID is not registered yet, for anybody, is up to the caller, and so is which
    /// algorithms were asked for.
    /// - Parameters:
    ///   - challenge: what was asked, 16 to 1,024 bytes, used once.
    ///   - relyingParty: who asked, and on which pages.
    /// - Returns: the passkey; user verification, and backup only of what can be backed up, are
    ///   assured.
    /// - Throws: ``WebAuthnError`` of the first check that fails.
    package func verify(
        challenge: [UInt8], relyingParty: RelyingParty
    ) throws(WebAuthnError) -> RegisteredPasskey {
        try verify(
            challenge: challenge, relyingParty: relyingParty, requiresUserVerification: true)
    }

    /// The same, and for tests also without user verification.
    func verify(
        challenge: [UInt8], relyingParty: RelyingParty, requiresUserVerification: Bool
    ) throws(WebAuthnError) -> RegisteredPasskey {
        try ClientData.check(
            clientDataJSON, is: .registration, challenge: challenge, relyingParty: relyingParty)
        let data = try AuthenticatorData(authenticatorData())
        try data.check(
            relyingParty: relyingParty, requiresUserVerification: requiresUserVerification)
        guard let credential = data.credential else {
            throw WebAuthnError(
                .attestedDataMissing, "the registration has no credential: try again")
        }
        return RegisteredPasskey(
            credentialID: credential.id, publicKey: try PasskeyPublicKey(cose: credential.cose),
            signCount: data.signCount, aaguid: credential.aaguid,
            isBackupEligible: data.flags.contains(.backupEligible),
            isBackedUp: data.flags.contains(.backedUp))
    }

    /// The authenticator data of the attestation object (§6.5.4), which is a map of three members.
    private func authenticatorData() throws(WebAuthnError) -> [UInt8] {
        let item = try CBORReader.item(attestationObject, isOrdered: false)
        guard case .map(let members) = item, members.count == 3,
            case .text(let format) = Self.value(of: "fmt", in: members),
            1...WebAuthnLimits.formatBytes ~= format.utf8.count,
            format.utf8.allSatisfy({ 0x21...0x7E ~= $0 && $0 != 0x22 && $0 != 0x5C }),
            case .map = Self.value(of: "attStmt", in: members),
            let bytes = Self.value(of: "authData", in: members)?.byteString
        else {
            throw WebAuthnError(
                .malformedAttestation,
                """
                the attestation object is not a map of `fmt`, `attStmt` and `authData`: send it \
                unchanged
                """)
        }
        return bytes
    }

    private static func value(of key: String, in members: [CBOR.Member]) -> CBOR? {
        members.first { $0.key.isText(key) }?.value
    }
}
