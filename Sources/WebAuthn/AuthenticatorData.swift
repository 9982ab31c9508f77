// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What an authenticator signs, besides the hash of the client data (WebAuthn Level 3 §6.1).
struct AuthenticatorData {
    /// What each of the flags says; bits 1 and 5 are reserved and may be anything.
    struct Flags: OptionSet {
        let rawValue: UInt8

        /// UP: somebody touched the authenticator.
        static let userPresent = Flags(rawValue: 0x01)
        /// UV: it asked who that is.
        static let userVerified = Flags(rawValue: 0x04)
        /// BE: the passkey can be backed up.
        static let backupEligible = Flags(rawValue: 0x08)
        /// BS: and is so.
        static let backedUp = Flags(rawValue: 0x10)
        /// AT: a credential follows.
        static let attestedData = Flags(rawValue: 0x40)
        /// ED: extensions follow.
        static let extensions = Flags(rawValue: 0x80)
    }

    /// A new credential (§6.5.2).
    struct Credential {
        let aaguid: [UInt8]
        let id: [UInt8]
        let cose: [UInt8]
    }

    let relyingPartyHash: [UInt8]
    let flags: Flags
    let signCount: UInt32
    let credential: Credential?

    /// Reads authenticator data to its last byte.
    ///
    /// Extensions have to be one map of CBOR, and are not looked at.
    init(_ bytes: [UInt8]) throws(WebAuthnError) {
        guard bytes.count >= Self.fixedBytes else { throw Self.truncated(bytes.count) }
        relyingPartyHash = Array(bytes[0..<32])
        flags = Flags(rawValue: bytes[32])
        signCount = bytes[33..<37].reduce(0) { $0 << 8 | UInt32($1) }
        var offset = Self.fixedBytes
        if flags.contains(.attestedData) {
            (credential, offset) = try Self.credential(bytes, at: offset)
        } else {
            credential = nil
        }
        if flags.contains(.extensions) {
            guard offset < bytes.count else { throw Self.truncated(bytes.count) }
            var reader = try CBORReader(bytes, at: offset, isOrdered: false)
            guard case .map = try reader.item() else {
                throw WebAuthnError(
                    .malformedExtensions,
                    "the extensions are not a map: use another authenticator")
            }
            offset = reader.offset
        }
        guard offset == bytes.count else {
            throw WebAuthnError(
                .trailingBytes,
                "\(bytes.count - offset) bytes follow the authenticator data: send it unchanged")
        }
    }

    /// Checks what §7.1 and §7.2 demand of all authenticator data.
    func check(
        relyingParty: RelyingParty, requiresUserVerification: Bool
    ) throws(WebAuthnError) {
        let expected = SHA256.hash(data: Array(relyingParty.id.utf8))
        guard expected.elementsEqual(relyingPartyHash) else {
            throw WebAuthnError(
                .wrongRelyingParty,
                "the authenticator signed for another site than \(quoted(relyingParty.id))")
        }
        guard flags.contains(.userPresent) else {
            throw WebAuthnError(
                .userNotPresent, "nobody touched the authenticator: try again and confirm there")
        }
        guard !requiresUserVerification || flags.contains(.userVerified) else {
            throw WebAuthnError(
                .userNotVerified,
                "the authenticator did not verify the user: set a PIN or biometrics, then try again"
            )
        }
        guard flags.contains(.backupEligible) || !flags.contains(.backedUp) else {
            throw WebAuthnError(
                .backupWithoutEligibility,
                "the passkey is backed up but cannot be: use another authenticator")
        }
    }

    private static let fixedBytes = 37

    private static func credential(
        _ bytes: [UInt8], at start: Int
    ) throws(WebAuthnError) -> (Credential, end: Int) {
        guard bytes.count - start >= 18 else { throw truncated(bytes.count) }
        let length = Int(bytes[start + 16]) << 8 | Int(bytes[start + 17])
        try CredentialID.check(count: length)
        let keyStart = start + 18 + length
        guard bytes.count > keyStart else { throw truncated(bytes.count) }
        // In what order its keys stand is checked with the key itself.
        var reader = try CBORReader(bytes, at: keyStart, isOrdered: false)
        _ = try reader.item()
        let credential = Credential(
            aaguid: Array(bytes[start..<start + 16]), id: Array(bytes[start + 18..<keyStart]),
            cose: Array(bytes[keyStart..<reader.offset]))
        return (credential, reader.offset)
    }

    private static func truncated(_ count: Int) -> WebAuthnError {
        WebAuthnError(
            .authenticatorDataTruncated,
            "authenticator data of \(count) bytes ends within a part: send all of it")
    }
}

/// What is demanded of credential IDs.
enum CredentialID {
    /// Refuses a length that no credential ID has (WebAuthn Level 3 §4, §7.1).
    static func check(count: Int) throws(WebAuthnError) {
        guard WebAuthnLimits.credentialIDBytes.contains(count) else {
            throw WebAuthnError(
                .invalidCredentialID,
                "a credential ID of \(count) bytes: 16 to 1023 are allowed, enrol again")
        }
    }
}
