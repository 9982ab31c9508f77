// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// A code for tokens (OpenID Connect Core 1.0 §3.1.3, RFC 6749 §4.1.3, RFC 7636 §4.5).
enum TokenExchange {
    /// What the provider gave.
    struct Tokens: Sendable {
        let idToken: String
        let accessToken: String
    }

    /// The request, with the secret in its header, or without one as a public client.
    static func request(
        code: String, attempt: SignInAttempt, provider: SignInProvider, metadata: ProviderMetadata
    ) -> SignInRequest {
        var form = [
            ("grant_type", "authorization_code"), ("code", code),
            ("redirect_uri", attempt.redirectURI), ("code_verifier", attempt.verifier),
        ]
        var headers = [("content-type", "application/x-www-form-urlencoded")]
        if let secret = provider.clientSecret {
            headers.append(("authorization", SignInForm.basic(provider.clientID, secret)))
        } else {
            form.append(("client_id", provider.clientID))
        }
        return SignInRequest(
            url: metadata.tokenEndpoint, headers: headers,
            form: Array(SignInForm.encode(form).utf8), limit: IdentityLimits.exchangeBytes)
    }

    /// Reads the answer; what it says is not believed yet.
    static func tokens(_ answer: SignInAnswer) throws(SignInRefused) -> Tokens {
        let limits = JSONLimits(
            maximumBytes: IdentityLimits.exchangeBytes, maximumDepth: 16, maximumMembers: 256,
            maximumValues: 4096, maximumNumberBytes: 64)
        let json = try? JSON(parsing: answer.body, limits: limits)
        guard answer.status == 200 else {
            throw SignInRefused(
                .exchangeRefused,
                "the provider gives no token for the code: status \(answer.status)"
                    + reason(json))
        }
        guard let object = json?.objectValue else {
            throw SignInRefused(.answerUnreadable, "the provider's answer is no JSON object")
        }
        guard let type = object["token_type"]?.stringValue,
            type.lowercased().utf8.elementsEqual("bearer".utf8)
        else { throw SignInRefused(.tokenTypeUnsupported, "`token_type` is not Bearer") }
        guard let idToken = object["id_token"]?.stringValue,
            let accessToken = object["access_token"]?.stringValue, !accessToken.isEmpty
        else {
            throw SignInRefused(
                .answerUnreadable, "the provider's answer lacks `id_token` or `access_token`")
        }
        return Tokens(idToken: idToken, accessToken: accessToken)
    }

    /// The code of an error (RFC 6749 §5.2) where it is one; its text could repeat what we sent.
    private static func reason(_ json: JSON?) -> String {
        guard let error = json?["error"]?.stringValue, (1...64).contains(error.utf8.count),
            error.utf8.allSatisfy({ ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x5F })
        else { return "" }
        return ", `\(error)`"
    }
}
