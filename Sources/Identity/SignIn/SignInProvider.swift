// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

/// An OpenID Connect provider by which people sign in, as it is configured.
///
/// The client is registered there with the authorization code flow, one redirect address, and
/// `client_secret_basic`, or no secret at all (OpenID Connect Core 1.0 §9).
package struct SignInProvider: Sendable, Hashable, CustomStringConvertible {
    /// Names it in addresses, such as `corp`.
    package let name: Handle
    /// Names it on the button; 1 to 80 bytes of visible text.
    package let title: String
    /// Who signs; compared as bytes.
    package let issuer: IssuerURL
    /// What the provider calls us: 1 to 256 bytes of visible ASCII.
    package let clientID: String
    /// Proves that it is us; nil for a public client, which has its verifier alone (RFC 7636).
    package let clientSecret: String?
    /// What is asked for; `openid` is always the first.
    package let scopes: [String]
    /// The claim that holds the groups of a person; nil where groups are not the provider's matter.
    package let groupsClaim: String?
    /// Our groups by the values of that claim.
    ///
    /// Look up with ``groups(of:)``, which compares bytes.
    package let groups: [String: Handle]
    /// Claims that must be there as exactly these texts, such as the tenant (`tid`, `hd`).
    package let requiredClaims: [String: String]
    /// Asked for, and one of them must be the `acr` of the token; empty for any.
    package let acrValues: [String]
    /// Audiences besides us that a token may be for; otherwise it must be for us alone.
    package let otherAudiences: [String]

    /// Reads the configuration of one provider.
    ///
    /// Members: `name`, `title`, `issuer`, `clientId`, and optionally `clientSecretFile`, `scopes`,
    /// `groupsClaim`, `groups`, `requiredClaims`, `acrValues`, `otherAudiences`.
    ///
    /// - Parameters:
    ///   - json: the object.
    ///   - path: where it stands in its file, for messages.
    ///   - secrets: gives the content of a file, without the newline at its end.
    /// - Throws: where something is unknown, missing or out of range, with its place.
    package init(_ json: JSON, path: String, secrets: (String) throws -> String) throws {
        var reader = try JSONReader(json, path: path)
        name = try reader.handle("name")
        title = try reader.string("title")
        guard (1...IdentityLimits.titleBytes).contains(title.utf8.count),
            !VisibleText.isDeceptive(title), !title.utf8.contains(where: { $0 < 0x20 })
        else {
            throw reader.error(
                "title", "expected 1 to \(IdentityLimits.titleBytes) bytes of visible text")
        }
        do {
            issuer = try IssuerURL(try reader.string("issuer"))
        } catch let error as CoreError {
            throw reader.error("issuer", "\(error)")
        }
        clientID = try reader.string("clientId")
        guard Self.isText(clientID, IdentityLimits.clientIDBytes) else {
            throw reader.error(
                "clientId", "expected 1 to \(IdentityLimits.clientIDBytes) bytes of visible ASCII")
        }
        clientSecret = try Self.secret(&reader, secrets)
        scopes = try Self.scopes(&reader)
        groupsClaim = try reader.optionalString("groupsClaim")
        if let groupsClaim, !Self.isClaim(groupsClaim) {
            throw reader.error("groupsClaim", Self.claimRule)
        }
        groups = try Self.groups(&reader)
        guard groups.isEmpty || groupsClaim != nil else {
            throw reader.error("groups", "needs `groupsClaim`, the claim that holds its values")
        }
        requiredClaims = try Self.requiredClaims(&reader)
        acrValues = try Self.texts(&reader, "acrValues", IdentityLimits.acrValues)
        otherAudiences = try Self.texts(&reader, "otherAudiences", IdentityLimits.audiences - 1)
        try reader.finish()
    }

    /// Names it without its secret.
    package var description: String { "sign-in provider `\(name)`" }

    /// Our groups of a person by what the provider says; nil where that is not its matter.
    package func groups(of identity: ExternalIdentity) -> Set<Handle>? {
        identity.groups.map { values in
            Set(
                values.compactMap { value in
                    // Swift's `==`, by which the dictionary finds, takes different bytes for equal.
                    groups.index(forKey: value).map { groups[$0] }.flatMap { pair in
                        pair.key.utf8.elementsEqual(value.utf8) ? pair.value : nil
                    }
                })
        }
    }
}

// MARK: reading

extension SignInProvider {
    private static let claimRule = "expected the name of a claim, and none that is checked anyway"

    /// Claims that have a meaning of their own and are checked without being configured.
    private static let protocolClaims = [
        "acr", "amr", "at_hash", "aud", "auth_time", "azp", "c_hash", "exp", "iat", "iss", "jti",
        "nbf", "nonce", "sub",
    ]

    private static func isText(_ text: String, _ bytes: Int) -> Bool {
        !text.isEmpty && text.utf8.count <= bytes
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    private static func isClaim(_ text: String) -> Bool {
        isText(text, IdentityLimits.settingBytes)
            && !protocolClaims.contains { $0.utf8.elementsEqual(text.utf8) }
    }

    private static func secret(
        _ reader: inout JSONReader, _ secrets: (String) throws -> String
    ) throws -> String? {
        guard let file = try reader.optionalString("clientSecretFile") else { return nil }
        let text = try secrets(file)
        guard !text.isEmpty, text.utf8.count <= IdentityLimits.secretBytes,
            text.utf8.allSatisfy({ $0 > 0x1F })
        else { throw reader.error("clientSecretFile", "the file must hold one line") }
        return text
    }

    /// Scope tokens of RFC 6749 §3.3, with `openid` in front.
    private static func scopes(_ reader: inout JSONReader) throws -> [String] {
        let texts = try texts(&reader, "scopes", IdentityLimits.scopes)
        guard texts.allSatisfy({ !$0.utf8.contains(0x22) && !$0.utf8.contains(0x5C) }) else {
            throw reader.error("scopes", "a scope has neither quotes nor backslashes")
        }
        let openid = "openid"
        return [openid] + texts.filter { !$0.utf8.elementsEqual(openid.utf8) }
    }

    private static func texts(
        _ reader: inout JSONReader, _ key: String, _ limit: Int
    ) throws -> [String] {
        let texts = try reader.optionalStrings(key) ?? []
        guard texts.count <= limit else { throw reader.error(key, "at most \(limit)") }
        guard texts.allSatisfy({ isText($0, IdentityLimits.settingBytes) }) else {
            throw reader.error(
                key, "expected 1 to \(IdentityLimits.settingBytes) bytes of visible ASCII each")
        }
        guard Set(texts).count == texts.count else {
            throw reader.error(key, "one of them is there twice")
        }
        return texts
    }

    private static func groups(_ reader: inout JSONReader) throws -> [String: Handle] {
        var groups: [String: Handle] = [:]
        for (value, text) in try members(&reader, "groups", IdentityLimits.groups) {
            guard (1...IdentityLimits.groupBytes).contains(value.utf8.count) else {
                throw reader.error(
                    "groups", "a value has 1 to \(IdentityLimits.groupBytes) bytes")
            }
            guard let group = Handle(text) else {
                throw reader.error("groups", "`\(SignInRefused.shown(text))` is not a group")
            }
            guard groups.updateValue(group, forKey: value) == nil else {
                throw reader.error(
                    "groups", "`\(SignInRefused.shown(value))` is there in two spellings")
            }
        }
        return groups
    }

    private static func requiredClaims(_ reader: inout JSONReader) throws -> [String: String] {
        var claims: [String: String] = [:]
        let key = "requiredClaims"
        for (claim, text) in try members(&reader, key, IdentityLimits.requiredClaims) {
            guard isClaim(claim) else { throw reader.error(key, claimRule) }
            guard (1...IdentityLimits.settingBytes).contains(text.utf8.count) else {
                throw reader.error(key, "a value has 1 to \(IdentityLimits.settingBytes) bytes")
            }
            claims[claim] = text
        }
        return claims
    }

    private static func members(
        _ reader: inout JSONReader, _ key: String, _ limit: Int
    ) throws -> [(String, String)] {
        guard let json = reader.optionalValue(key), !json.isNull else { return [] }
        guard let object = json.objectValue else {
            throw reader.error(key, "expected an object of texts")
        }
        guard object.count <= limit else { throw reader.error(key, "at most \(limit)") }
        return try object.map { name, value in
            guard let text = value.stringValue else {
                throw reader.error(key, "expected an object of texts")
            }
            return (name, text)
        }
    }
}
