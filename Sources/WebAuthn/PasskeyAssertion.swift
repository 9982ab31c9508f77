// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
import Crypto

/// A browser's answer to `navigator.credentials.get()` (WebAuthn Level 3 §5.2.2).
package struct PasskeyAssertion: Sendable, Hashable {
    /// The name of the passkey that signed.
    package let credentialID: [UInt8]
    /// What the authenticator says, and signed (§6.1).
    package let authenticatorData: [UInt8]
    /// What the browser says of the page, in JSON, byte for byte as it wrote it.
    package let clientDataJSON: [UInt8]
    /// The signature over the authenticator data and the SHA-256 of the client data (§6.3.3).
    package let signature: [UInt8]
    /// Whose passkey it is; the signature does not cover it.
    package let userHandle: [UInt8]?

    /// What an assertion says beyond that it is valid.
    package struct Result: Sendable, Hashable {
        /// How often the passkey signed, by its own count.
        ///
        /// One that does not grow is a sign that the passkey was copied, but no proof; passkeys
        /// that are backed up always say 0 (§6.1.1).
        package let signCount: UInt32
        /// Whether the passkey is backed up by now.
        package let isBackedUp: Bool
    }

    /// Creates an answer from its parts, which are not looked at before ``verify``.
    package init(
        credentialID: [UInt8], authenticatorData: [UInt8], clientDataJSON: [UInt8],
        signature: [UInt8], userHandle: [UInt8]?
    ) {
        self.credentialID = credentialID
        self.authenticatorData = authenticatorData
        self.clientDataJSON = clientDataJSON
        self.signature = signature
        self.userHandle = userHandle
    }

    /// Reads an object as ``json`` writes it.
    ///
    /// Its members are base64url without padding, in the one spelling that RFC 4648 §5 has for
    /// them; `userHandle` may be left out, and others are refused.
    /// - Throws: ``WebAuthnError`` with `malformed_json`, `unknown_member`, `invalid_credential_id`
    ///   or `invalid_user_handle`.
    package init(json: JSON) throws(WebAuthnError) {
        let members = try Members(
            json, of: "the assertion",
            allowed: [
                "credentialId", "authenticatorData", "clientDataJSON", "signature", "userHandle",
            ])
        self.init(
            credentialID: try members.bytes(
                "credentialId", atMost: WebAuthnLimits.credentialIDBytes.upperBound),
            authenticatorData: try members.bytes(
                "authenticatorData", atMost: WebAuthnLimits.authenticatorDataBytes),
            clientDataJSON: try members.bytes(
                "clientDataJSON", atMost: WebAuthnLimits.clientDataBytes),
            signature: try members.bytes("signature", atMost: WebAuthnLimits.signatureBytes),
            userHandle: try members.optionalBytes(
                "userHandle", atMost: WebAuthnLimits.userHandleBytes.upperBound))
        try checkNames()
    }

    /// The answer as an object, with bytes as base64url without padding.
    ///
    /// The members are `credentialId`, `authenticatorData`, `clientDataJSON`, `signature`, and
    /// `userHandle` if there is one.
    package var json: JSON {
        var members: JSONObject = [
            "credentialId": .string(Base64URL.encode(credentialID)),
            "authenticatorData": .string(Base64URL.encode(authenticatorData)),
            "clientDataJSON": .string(Base64URL.encode(clientDataJSON)),
            "signature": .string(Base64URL.encode(signature)),
        ]
        if let userHandle { members["userHandle"] = .string(Base64URL.encode(userHandle)) }
        return .object(members)
    }

    /// Verifies the answer (WebAuthn Level 3 §7.2); user verification is always required.
    ///
    /// Up to the caller is what the signature does not cover: that ``credentialID`` is that of the
    /// passkey whose key is passed, that it is one of the user who is asked, that ``userHandle`` is
    /// theirs if there is one, and that the challenge was not answered before. Extensions are
    /// ignored, and data of a registration is refused (§6.3.3).
    /// - Parameters:
    ///   - publicKey: the key of the passkey as it was registered.
    ///   - isBackupEligible: what the registration said of it.
    ///   - challenge: what was asked, 16 to 1,024 bytes.
    ///   - relyingParty: who asked, and on which pages.
    /// - Returns: what to update of the passkey.
    /// - Throws: ``WebAuthnError`` of the first check that fails; the signature comes last.
    package func verify(
        publicKey: PasskeyPublicKey, isBackupEligible: Bool, challenge: [UInt8],
        relyingParty: RelyingParty
    ) throws(WebAuthnError) -> Result {
        try verify(
            publicKey: publicKey, isBackupEligible: isBackupEligible, challenge: challenge,
            relyingParty: relyingParty, requiresUserVerification: true)
    }

    /// The same, and for tests also without user verification.
    func verify(
        publicKey: PasskeyPublicKey, isBackupEligible: Bool, challenge: [UInt8],
        relyingParty: RelyingParty, requiresUserVerification: Bool
    ) throws(WebAuthnError) -> Result {
        try checkNames()
        try ClientData.check(
            clientDataJSON, is: .assertion, challenge: challenge, relyingParty: relyingParty)
        guard authenticatorData.count <= WebAuthnLimits.authenticatorDataBytes else {
            throw WebAuthnError(
                .authenticatorDataTooLarge,
                """
                authenticator data of \(authenticatorData.count) bytes: at most \
                \(WebAuthnLimits.authenticatorDataBytes) are read
                """)
        }
        let data = try AuthenticatorData(authenticatorData)
        try data.check(
            relyingParty: relyingParty, requiresUserVerification: requiresUserVerification)
        guard data.credential == nil else {
            throw WebAuthnError(
                .attestedDataUnexpected,
                "the assertion has the data of a registration: use another authenticator")
        }
        guard data.flags.contains(.backupEligible) == isBackupEligible else {
            throw WebAuthnError(
                .backupEligibilityChanged,
                "whether the passkey can be backed up is not what it was: enrol it again")
        }
        let signed = authenticatorData + SHA256.hash(data: clientDataJSON)
        guard publicKey.isValid(signature: signature, of: signed) else {
            throw WebAuthnError(
                .invalidSignature,
                "the signature is not that of the passkey over this answer: try again")
        }
        return Result(signCount: data.signCount, isBackedUp: data.flags.contains(.backedUp))
    }

    private func checkNames() throws(WebAuthnError) {
        try CredentialID.check(count: credentialID.count)
        if let userHandle, !WebAuthnLimits.userHandleBytes.contains(userHandle.count) {
            throw WebAuthnError(
                .invalidUserHandle,
                "a user handle of \(userHandle.count) bytes: 1 to 64 are allowed, enrol again")
        }
    }
}
