// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

/// A person as a provider knows him, by an ID token that passed every check.
///
/// Issuer and subject together name him (OpenID Connect Core 1.0 §2); nothing else does.
package struct ExternalIdentity: Sendable, Hashable {
    /// Who says so.
    package let issuer: String
    /// Whom: 1 to 255 bytes of printable ASCII, which the issuer never gives to somebody else.
    package let subject: String
    /// What he is called there, for display only; at most 256 bytes, not escaped.
    package let name: String?
    /// When he showed who he is, where the provider says so (`auth_time`).
    package let authenticatedAt: Timestamp?
    /// How he showed it (`amr`, RFC 8176); empty where the provider does not say so.
    package let methods: [String]
    /// How much that is worth (`acr`), where the provider says so.
    package let contextClass: String?
    /// The values of the groups claim; nil where none is configured, empty where it is absent.
    package let groups: [String]?
    /// For the record: `iss`, `sub`, `aud`, `auth_time`, `amr`, `acr` and `iat` as they came.
    package let claims: JSONObject

    /// An identity of these parts; only an ID token that passed every check gives a true one.
    package init(
        issuer: String, subject: String, name: String?, authenticatedAt: Timestamp?,
        methods: [String], contextClass: String?, groups: [String]?, claims: JSONObject
    ) {
        self.issuer = issuer
        self.subject = subject
        self.name = name
        self.authenticatedAt = authenticatedAt
        self.methods = methods
        self.contextClass = contextClass
        self.groups = groups
        self.claims = claims
    }
}
