// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import TransparencyLog

/// One person who was sent to a provider and is not back yet.
///
/// Kept where only the browser that began it can come back to it; whoever has it can end it.
/// Authorization code flow with PKCE (OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9700 §2.1).
package struct SignInAttempt: Sendable, Hashable, CustomStringConvertible {
    /// The provider; others can't end it (RFC 9700 §4.4).
    package let provider: Handle
    /// Goes out and comes back by the browser: 43 characters of base64url.
    package let state: String
    /// Goes out by the browser and comes back in the ID token: 43 characters of base64url.
    package let nonce: String
    /// Goes from here to the provider alone: 43 characters of base64url (RFC 7636 §4.1).
    package let verifier: String
    /// Where the browser comes back to, as registered at the provider.
    package let redirectURI: String
    /// When it began; over after ``IdentityLimits/attemptSeconds``.
    package let issuedAt: Timestamp
    /// How long ago the person may have shown the provider who he is, in seconds; nil for any time.
    ///
    /// With 0 he has to show it anew, and be back within the difference of the clocks.
    package let maxAgeSeconds: Int64?

    /// The random bytes that an attempt needs.
    package static let randomBytes = 96

    /// Begins an attempt.
    ///
    /// - Parameters:
    ///   - provider: its name.
    ///   - redirectURI: where the browser comes back to.
    ///   - random: ``randomBytes`` bytes that nobody can guess.
    ///   - now: when it begins.
    ///   - maxAgeSeconds: how fresh the authentication must be; nil where any will do.
    package init(
        provider: Handle, redirectURI: String, random: [UInt8], now: Timestamp,
        maxAgeSeconds: Int64?
    ) {
        precondition(random.count == Self.randomBytes, "an attempt takes 96 random bytes")
        precondition(maxAgeSeconds ?? 0 >= 0, "an age is not negative")
        self.provider = provider
        state = Base64URL.encode(Array(random[0..<32]))
        nonce = Base64URL.encode(Array(random[32..<64]))
        verifier = Base64URL.encode(Array(random[64..<96]))
        self.redirectURI = redirectURI
        issuedAt = now
        self.maxAgeSeconds = maxAgeSeconds
    }

    /// Names it without its secrets.
    package var description: String { "sign-in by `\(provider)` since \(issuedAt)" }

    /// What the verifier is recognised by: S256 of RFC 7636 §4.2.
    var challenge: String { Base64URL.encode(Hash256.sha256(Array(verifier.utf8)).bytes) }

    /// Where to send the browser (OpenID Connect Core 1.0 §3.1.2.1).
    ///
    /// Where the provider takes the parameter `claims` (§5.5), the claims that are configured are
    /// asked for by name; many providers leave them out of ID tokens otherwise.
    package func authorizationURL(
        _ metadata: ProviderMetadata, _ provider: SignInProvider
    ) -> String {
        var parameters = [
            ("response_type", "code"), ("client_id", provider.clientID),
            ("redirect_uri", redirectURI), ("scope", provider.scopes.joined(separator: " ")),
            ("state", state), ("nonce", nonce), ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]
        if let maxAgeSeconds { parameters.append(("max_age", "\(maxAgeSeconds)")) }
        if !provider.acrValues.isEmpty {
            parameters.append(("acr_values", provider.acrValues.joined(separator: " ")))
        }
        let claims = Self.claims(provider)
        if metadata.takesClaims, !claims.isEmpty {
            let request: JSON = ["id_token": .object(claims)]
            parameters.append(("claims", request.description))
        }
        let mark = metadata.authorizationEndpoint.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        return metadata.authorizationEndpoint + mark + SignInForm.encode(parameters)
    }

    /// What is asked for by name, none of it as essential.
    private static func claims(_ provider: SignInProvider) -> JSONObject {
        var claims = JSONObject()
        let names = [provider.groupsClaim].compactMap(\.self) + Array(provider.requiredClaims.keys)
        for name in names { claims[name] = JSON.null }
        return claims
    }
}

// MARK: keeping

extension SignInAttempt {
    /// For keeping until the browser is back; holds secrets.
    package var json: JSON {
        var object: JSONObject = [
            "issuedAt": .string(issuedAt.description), "nonce": .string(nonce),
            "provider": .string(provider.text), "redirectURI": .string(redirectURI),
            "state": .string(state), "verifier": .string(verifier),
        ]
        if let maxAgeSeconds { object["maxAgeSeconds"] = .int(maxAgeSeconds) }
        return .object(object)
    }

    /// Reads what ``json`` gave.
    ///
    /// - Throws: where it is something else.
    package init(json: JSON) throws {
        var reader = try JSONReader(json, path: "attempt")
        provider = try reader.handle("provider")
        state = try Self.secret(&reader, "state")
        nonce = try Self.secret(&reader, "nonce")
        verifier = try Self.secret(&reader, "verifier")
        redirectURI = try reader.string("redirectURI")
        guard redirectURI.utf8.count <= IdentityLimits.redirectBytes else {
            throw reader.error(
                "redirectURI", "more than \(IdentityLimits.redirectBytes) bytes")
        }
        guard let instant = Timestamp(try reader.string("issuedAt")) else {
            throw reader.error("issuedAt", "not an instant")
        }
        issuedAt = instant
        maxAgeSeconds = try reader.optionalInt("maxAgeSeconds")
        guard maxAgeSeconds ?? 0 >= 0 else { throw reader.error("maxAgeSeconds", "negative") }
        try reader.finish()
    }

    private static func secret(_ reader: inout JSONReader, _ key: String) throws -> String {
        let text = try reader.string(key)
        guard Base64URL.decode(text)?.count == 32 else {
            throw reader.error(key, "not 32 bytes in base64url")
        }
        return text
    }
}
