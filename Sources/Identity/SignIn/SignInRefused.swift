// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// A sign-in that is not believed, and why.
package struct SignInRefused: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for programs and tests.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        // MARK: before anybody is asked
        case providerMismatch = "provider_mismatch"
        case stateMismatch = "state_mismatch"
        case attemptExpired = "attempt_expired"
        case callbackUnreadable = "callback_unreadable"

        // MARK: what the provider says about itself
        case providerUnavailable = "provider_unavailable"
        case providerUnsuitable = "provider_unsuitable"
        case loopbackRefused = "loopback_refused"

        // MARK: what the browser brings back
        case callbackIssuerMissing = "callback_issuer_missing"
        case callbackIssuerMismatch = "callback_issuer_mismatch"
        case providerError = "provider_error"
        case codeMissing = "code_missing"

        // MARK: what the provider gives for the code
        case exchangeUnavailable = "exchange_unavailable"
        case exchangeRefused = "exchange_refused"
        case answerUnreadable = "answer_unreadable"
        case tokenTypeUnsupported = "token_type_unsupported"

        // MARK: the ID token
        case tokenUnreadable = "token_unreadable"
        case algorithmRefused = "algorithm_refused"
        case keysUnavailable = "keys_unavailable"
        case keyUnknown = "key_unknown"
        case signatureInvalid = "signature_invalid"
        case issuerMismatch = "issuer_mismatch"
        case audienceMismatch = "audience_mismatch"
        case authorizedPartyMismatch = "authorized_party_mismatch"
        case tokenExpired = "token_expired"
        case tokenOld = "token_old"
        case tokenInFuture = "token_in_future"
        case nonceMismatch = "nonce_mismatch"
        case authenticationTimeMissing = "authentication_time_missing"
        case authenticationOld = "authentication_old"
        case accessTokenMismatch = "access_token_mismatch"
        case subjectInvalid = "subject_invalid"
        case requiredClaimMismatch = "required_claim_mismatch"
        case contextClassMismatch = "context_class_mismatch"
        case claimInvalid = "claim_invalid"
        case groupsInvalid = "groups_invalid"
        case groupsOverage = "groups_overage"
    }

    /// What is wrong, for programs.
    package let code: Code
    /// One lowercase line for people; holds no token, code or secret, and no text of others that
    /// is not escaped.
    package let description: String

    /// A refusal with a line that is safe to show.
    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// The beginning of a text of somebody else's, escaped.
    static func shown(_ text: String, _ bytes: Int = 80) -> String {
        VisibleText.escape(String(decoding: text.utf8.prefix(bytes), as: UTF8.self))
    }
}
