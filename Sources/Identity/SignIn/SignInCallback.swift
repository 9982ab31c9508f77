// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// What the browser brings back from the provider (OpenID Connect Core 1.0 §3.1.2.5, RFC 9207).
struct SignInCallback: Sendable {
    private let query: [String: String]

    /// Takes a query for the attempt that the browser's session holds.
    ///
    /// Refused, before anybody is asked, where it belongs to another attempt or comes too late.
    init(
        _ query: [String: String], attempt: SignInAttempt, provider: SignInProvider,
        now: Timestamp
    ) throws(SignInRefused) {
        guard attempt.provider == provider.name else {
            throw SignInRefused(
                .providerMismatch, "the sign-in began at another provider: begin again")
        }
        for name in ["code", "error", "error_description", "iss", "state"] {
            guard query[name]?.utf8.count ?? 0 <= IdentityLimits.callbackBytes else {
                throw SignInRefused(
                    .callbackUnreadable,
                    "`\(name)` has more than \(IdentityLimits.callbackBytes) bytes")
            }
        }
        guard let state = query["state"], SignInForm.areEqual(state, attempt.state) else {
            throw SignInRefused(
                .stateMismatch, "this is not the sign-in that this browser began: begin again")
        }
        let skew = IdentityLimits.skewSeconds
        guard now <= attempt.issuedAt.adding(seconds: IdentityLimits.attemptSeconds),
            attempt.issuedAt <= now.adding(seconds: skew)
        else {
            throw SignInRefused(
                .attemptExpired, "the sign-in began more than ten minutes ago: begin again")
        }
        self.query = query
    }

    /// The code, where this provider gave one.
    func code(_ metadata: ProviderMetadata) throws(SignInRefused) -> String {
        if let issuer = query["iss"] {
            guard issuer.utf8.elementsEqual(metadata.issuer.utf8) else {
                throw SignInRefused(
                    .callbackIssuerMismatch,
                    "the answer is of the issuer `\(SignInRefused.shown(issuer))`")
            }
        } else if metadata.supportsIssParameter {
            throw SignInRefused(
                .callbackIssuerMissing,
                "the answer does not name its issuer, which the provider says it does")
        }
        if let error = query["error"] {
            var text = "the provider answers `\(SignInRefused.shown(error))`"
            if let more = query["error_description"], !more.isEmpty {
                text += ": \(SignInRefused.shown(more, IdentityLimits.errorBytes))"
            }
            throw SignInRefused(.providerError, text)
        }
        guard let code = query["code"], !code.isEmpty else {
            throw SignInRefused(.codeMissing, "the answer has neither a code nor an error")
        }
        return code
    }
}
