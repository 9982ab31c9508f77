// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

/// What a provider says about itself (OpenID Connect Discovery 1.0 §3), checked.
package struct ProviderMetadata: Sendable, Hashable {
    /// Who signs; the very bytes that are configured.
    package let issuer: String
    /// Where browsers are sent.
    package let authorizationEndpoint: String
    /// Where codes are exchanged.
    package let tokenEndpoint: String
    /// Where its keys are.
    package let jwksURI: String
    /// Whether each callback must name the issuer (RFC 9207 §3).
    package let supportsIssParameter: Bool
    /// Those of its algorithms that are taken; at least one.
    package let signingAlgorithms: Set<SigningAlgorithm>
    /// Whether it takes the parameter `claims` (OpenID Connect Core 1.0 §5.5).
    let takesClaims: Bool
    /// Whether a client may show its secret by `client_secret_basic`.
    let takesBasic: Bool

    /// Reads a provider's description.
    ///
    /// - Parameters:
    ///   - json: the document.
    ///   - issuer: whom it must describe, compared as bytes. Addresses without TLS are taken only
    ///     where the issuer itself is such an address, which is possible on loopback only.
    /// - Throws: `SignInRefused` with the code `provider_unsuitable`, which says what is missing.
    package init(_ json: JSON, issuer: IssuerURL) throws(SignInRefused) {
        guard let name = json["issuer"]?.stringValue else {
            throw Self.unsuitable(issuer, "has no `issuer`")
        }
        guard name.utf8.elementsEqual(issuer.text.utf8) else {
            throw Self.unsuitable(
                issuer,
                "is of the issuer `\(SignInRefused.shown(name))`: configure exactly what it says")
        }
        self.issuer = name
        authorizationEndpoint = try Self.address(json, "authorization_endpoint", issuer)
        tokenEndpoint = try Self.address(json, "token_endpoint", issuer)
        jwksURI = try Self.address(json, "jwks_uri", issuer)
        guard try Self.names(json, "response_types_supported", issuer)?.contains("code") == true
        else { throw Self.unsuitable(issuer, "lists no `code` in `response_types_supported`") }
        // Entra takes PKCE and does not list it.
        let challenges = try Self.names(json, "code_challenge_methods_supported", issuer)
        guard challenges?.contains("S256") ?? true else {
            throw Self.unsuitable(
                issuer, "lists no `S256` in `code_challenge_methods_supported`: PKCE is needed")
        }
        let algorithms =
            try Self.names(json, "id_token_signing_alg_values_supported", issuer) ?? []
        signingAlgorithms = Set(algorithms.compactMap(SigningAlgorithm.init(rawValue:)))
        guard !signingAlgorithms.isEmpty else {
            throw Self.unsuitable(
                issuer,
                "lists neither RS256 nor ES256 in `id_token_signing_alg_values_supported`")
        }
        supportsIssParameter = try Self.flag(
            json, "authorization_response_iss_parameter_supported", issuer)
        takesClaims = try Self.flag(json, "claims_parameter_supported", issuer)
        let methods = try Self.names(json, "token_endpoint_auth_methods_supported", issuer)
        takesBasic = methods?.contains("client_secret_basic") ?? true
    }

    private static func unsuitable(_ issuer: IssuerURL, _ what: String) -> SignInRefused {
        SignInRefused(.providerUnsuitable, "the description of `\(issuer)` \(what)")
    }

    private static func address(
        _ json: JSON, _ key: String, _ issuer: IssuerURL
    ) throws(SignInRefused) -> String {
        guard let text = json[key]?.stringValue else { throw unsuitable(issuer, "has no `\(key)`") }
        guard let url = try? IssuerURL(text, allowsQuery: true), !url.isPlain || issuer.isPlain
        else {
            throw unsuitable(
                issuer, "has the `\(key)` `\(SignInRefused.shown(text))`: it is no plain https")
        }
        return url.text
    }

    /// Names that are compared with ASCII ones, so that comparing with `==` compares bytes.
    private static func names(
        _ json: JSON, _ key: String, _ issuer: IssuerURL
    ) throws(SignInRefused) -> [String]? {
        guard let value = json[key] else { return nil }
        let texts = value.arrayValue?.compactMap(\.stringValue)
        guard let texts, texts.count == value.arrayValue?.count else {
            throw unsuitable(issuer, "has a `\(key)` that is no list of texts")
        }
        return texts.filter { $0.utf8.allSatisfy { $0 < 0x80 } }
    }

    private static func flag(
        _ json: JSON, _ key: String, _ issuer: IssuerURL
    ) throws(SignInRefused) -> Bool {
        guard let value = json[key] else { return false }
        guard let flag = value.boolValue else {
            throw unsuitable(issuer, "has a `\(key)` that is neither true nor false")
        }
        return flag
    }
}
