// SPDX-License-Identifier: Apache-2.0

/// Why an answer of an authenticator was refused.
///
/// Nothing in it is secret, so that it can be logged and shown.
package struct WebAuthnError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The check that failed, for programs; the raw values are stable.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// Members of the JSON are missing, of another type, or not canonical base64url.
        case malformedJSON = "malformed_json"
        /// The JSON has a member that nothing is known of.
        case unknownMember = "unknown_member"
        /// The challenge that was handed in is too short to be one, or too long.
        case invalidChallenge = "invalid_challenge"
        /// The user handle has not 1 to 64 bytes.
        case invalidUserHandle = "invalid_user_handle"

        /// The client data has more bytes than allowed.
        case clientDataTooLarge = "client_data_too_large"
        /// The client data is not strict JSON in UTF-8 without a byte order mark.
        case clientDataNotJSON = "client_data_not_json"
        /// The client data is no object, or lacks `type`, `challenge` or `origin`.
        case clientDataIncomplete = "client_data_incomplete"
        /// The answer is one to another kind of question.
        case wrongType = "wrong_type"
        /// The answer is one to another question.
        case wrongChallenge = "wrong_challenge"
        /// The page that asked is none of the allowed ones.
        case wrongOrigin = "wrong_origin"
        /// The page that asked stood in a page of somebody else.
        case crossOrigin = "cross_origin"
        /// The page that asked stood in a page, of whomever.
        case topOrigin = "top_origin"

        /// The authenticator data has more bytes than allowed.
        case authenticatorDataTooLarge = "authenticator_data_too_large"
        /// The authenticator data ends too early.
        case authenticatorDataTruncated = "authenticator_data_truncated"
        /// Something follows the last part of the authenticator data.
        case trailingBytes = "trailing_bytes"
        /// The authenticator signed for another relying party.
        case wrongRelyingParty = "wrong_relying_party"
        /// Nobody touched the authenticator.
        case userNotPresent = "user_not_present"
        /// The authenticator did not ask for a fingerprint, a face or a PIN.
        case userNotVerified = "user_not_verified"
        /// The passkey is backed up though it cannot be.
        case backupWithoutEligibility = "backup_without_eligibility"
        /// Whether the passkey can be backed up is not what it was at registration.
        case backupEligibilityChanged = "backup_eligibility_changed"
        /// A registration without a credential.
        case attestedDataMissing = "attested_data_missing"
        /// An assertion with the data of a registration.
        case attestedDataUnexpected = "attested_data_unexpected"
        /// The credential ID has not 16 to 1,023 bytes.
        case invalidCredentialID = "invalid_credential_id"
        /// The extensions are not a map.
        case malformedExtensions = "malformed_extensions"

        /// The attestation object is not a map of `fmt`, `attStmt` and `authData`.
        case malformedAttestation = "malformed_attestation"

        /// The CBOR has more bytes than allowed.
        case cborTooLarge = "cbor_too_large"
        /// The CBOR ends too early.
        case cborTruncated = "cbor_truncated"
        /// Something follows the CBOR.
        case cborTrailingBytes = "cbor_trailing_bytes"
        /// More arrays and maps of CBOR are inside each other than allowed.
        case cborTooDeep = "cbor_too_deep"
        /// A length of CBOR is not told in advance.
        case cborIndefiniteLength = "cbor_indefinite_length"
        /// A number or length of CBOR is not written in the shortest form.
        case cborNotCanonical = "cbor_not_canonical"
        /// A map of CBOR has the same key twice.
        case cborDuplicateKey = "cbor_duplicate_key"
        /// A tag, a float or anything else of CBOR that is not needed here.
        case cborUnsupported = "cbor_unsupported"
        /// A text of CBOR is not UTF-8.
        case cborInvalidText = "cbor_invalid_text"

        /// The key has not exactly the members that a key of its algorithm needs, in order.
        case malformedKey = "malformed_key"
        /// The key is of an algorithm that is not accepted.
        case unsupportedAlgorithm = "unsupported_algorithm"
        /// The key is of another curve than its algorithm has.
        case wrongCurve = "wrong_curve"
        /// The key is no point of its curve.
        case pointNotOnCurve = "point_not_on_curve"
        /// The key is too short, too long, or verifies forged signatures.
        case weakKey = "weak_key"

        /// The signature is not that of the passkey over these bytes.
        case invalidSignature = "invalid_signature"
    }

    /// The check that failed.
    package let code: Code
    /// What is wrong and what to do, in one line.
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// Text from outside, in backticks, made safe to print: visible ASCII, and not more than 128 bytes.
func quoted(_ text: String) -> String {
    var result = "`"
    for (index, byte) in text.utf8.enumerated() {
        if index == 128 { return result + "…`" }
        if (0x20..<0x7F).contains(byte), byte != 0x60 {
            result.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            result += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return result + "`"
}
