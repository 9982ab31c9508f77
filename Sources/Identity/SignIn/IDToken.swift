// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// An ID token, read strictly and checked step by step (OpenID Connect Core 1.0 §3.1.3.7).
///
/// First ``init(_:)``, then ``check(_:now:)``, which needs no key, so that the provider is not
/// asked for one in vain; then ``identity(_:_:now:)``, which needs one. Only that gives a person.
struct IDToken: Sendable {
    /// What a token is checked against.
    struct Expectation: Sendable {
        let provider: SignInProvider
        let algorithms: Set<SigningAlgorithm>
        let nonce: String
        let maxAgeSeconds: Int64?
        /// What came with the token; `at_hash` is of it.
        let accessToken: String
    }

    private let token: CompactToken
    private let times: TokenTimes

    /// The key that it names; nil where it names none.
    var keyID: String? { token.namedKeyID }
    private var claims: JSONObject { token.claims }

    init(_ text: String) throws(SignInRefused) {
        do {
            // With a thousand groups it is as long as the answer may be.
            token = try CompactToken(text, bytes: IdentityLimits.exchangeBytes)
            times = try TokenTimes(token.claims)
        } catch {
            throw SignInRefused(.tokenUnreadable, "the ID token: \(error)")
        }
    }

    /// Refuses what no key could make good.
    func check(_ expected: Expectation, now: Timestamp) throws(SignInRefused) {
        guard expected.algorithms.contains(token.algorithm) else {
            throw SignInRefused(
                .algorithmRefused,
                "the ID token has the algorithm \(token.algorithm.rawValue), which the provider "
                    + "does not list")
        }
        guard isText("iss", expected.provider.issuer.text) else {
            throw SignInRefused(
                .issuerMismatch, "the ID token is not of `\(expected.provider.issuer)`")
        }
        try checkAudience(expected.provider)
        try checkTimes(now)
        guard let nonce = claims["nonce"]?.stringValue,
            SignInForm.areEqual(nonce, expected.nonce)
        else {
            throw SignInRefused(
                .nonceMismatch, "the ID token is of another sign-in: sign in again")
        }
        try checkAuthentication(expected.maxAgeSeconds, now)
        if claims["at_hash"] != nil {
            // Both algorithms that are taken hash by SHA-256; the left half (§3.1.3.6).
            let hash = Hash256.sha256(Array(expected.accessToken.utf8)).bytes
            guard isText("at_hash", Base64URL.encode(Array(hash.prefix(16)))) else {
                throw SignInRefused(
                    .accessTokenMismatch, "the ID token came with another access token")
            }
        }
    }

    /// Who this is, if this very key signed the token and its claims are what was configured.
    func identity(
        _ key: VerificationKey, _ provider: SignInProvider
    ) throws(SignInRefused) -> ExternalIdentity {
        do {
            try token.check(key)
        } catch {
            throw SignInRefused(.signatureInvalid, "the ID token: \(error)")
        }
        guard let subject = claims["sub"]?.stringValue,
            (1...IdentityLimits.subjectBytes).contains(subject.utf8.count),
            subject.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
        else {
            throw SignInRefused(
                .subjectInvalid,
                "the ID token has no `sub` of 1 to \(IdentityLimits.subjectBytes) bytes of ASCII")
        }
        for (name, value) in provider.requiredClaims.sorted(by: { $0.key < $1.key }) {
            guard isText(name, value) else {
                throw SignInRefused(
                    .requiredClaimMismatch,
                    "`\(name)` is not what `requiredClaims` wants: the person is of another "
                        + "organisation, or the provider leaves the claim out")
            }
        }
        return ExternalIdentity(
            issuer: provider.issuer.text, subject: subject, name: name(),
            authenticatedAt: try authenticatedAt(), methods: try methods(),
            contextClass: try contextClass(provider), groups: try groups(provider),
            claims: recorded())
    }
}

// MARK: checks

extension IDToken {
    private func isText(_ claim: String, _ text: String) -> Bool {
        claims[claim]?.stringValue?.utf8.elementsEqual(text.utf8) ?? false
    }

    private func checkAudience(_ provider: SignInProvider) throws(SignInRefused) {
        let audiences: [String]
        switch claims["aud"] {
        case .string(let text): audiences = [text]
        case .array(let elements) where (1...IdentityLimits.audiences).contains(elements.count):
            audiences = elements.compactMap(\.stringValue)
            guard audiences.count == elements.count else { throw Self.audience() }
        default: throw Self.audience()
        }
        func isUs(_ text: String) -> Bool { text.utf8.elementsEqual(provider.clientID.utf8) }
        guard audiences.contains(where: isUs) else { throw Self.audience() }
        for other in audiences where !isUs(other) {
            guard provider.otherAudiences.contains(where: { $0.utf8.elementsEqual(other.utf8) })
            else {
                throw SignInRefused(
                    .audienceMismatch,
                    "the ID token is also for `\(SignInRefused.shown(other))`, which "
                        + "`otherAudiences` does not name")
            }
        }
        guard audiences.count == 1 || claims["azp"] != nil,
            claims["azp"] == nil || isText("azp", provider.clientID)
        else {
            throw SignInRefused(
                .authorizedPartyMismatch, "the ID token was made for another client (`azp`)")
        }
    }

    private static func audience() -> SignInRefused {
        SignInRefused(.audienceMismatch, "the ID token is not for this client: look at `clientId`")
    }

    private func checkTimes(_ now: Timestamp) throws(SignInRefused) {
        guard let fault = times.fault(now: now) else { return }
        let code: SignInRefused.Code =
            switch fault {
            case .expired, .expiresBeforeIssued: .tokenExpired
            case .issuedInFuture, .notYet: .tokenInFuture
            case .old: .tokenOld
            }
        throw SignInRefused(
            code, "the ID token: \(fault): sign in again, and compare the clocks if that recurs")
    }

    private func authenticatedAt() throws(SignInRefused) -> Timestamp? {
        guard let value = claims["auth_time"] else { return nil }
        guard let seconds = value.intValue,
            let instant = try? CompactToken.instant(seconds, "auth_time")
        else { throw SignInRefused(.claimInvalid, "`auth_time` is not an instant") }
        return instant
    }

    private func checkAuthentication(
        _ maxAgeSeconds: Int64?, _ now: Timestamp
    ) throws(SignInRefused) {
        let skew = IdentityLimits.skewSeconds
        let authenticated = try authenticatedAt()
        if let authenticated, authenticated > now.adding(seconds: skew) {
            throw SignInRefused(.tokenInFuture, "`auth_time` is in the future")
        }
        guard let maxAgeSeconds else { return }
        guard let authenticated else {
            throw SignInRefused(
                .authenticationTimeMissing,
                "the provider does not say when the person signed in there: have it put "
                    + "`auth_time` into ID tokens")
        }
        guard now <= authenticated.adding(seconds: maxAgeSeconds).adding(seconds: skew) else {
            throw SignInRefused(
                .authenticationOld, "the person signed in at the provider too long ago: do it anew")
        }
    }
}

// MARK: what it says

extension IDToken {
    private func name() -> String? {
        guard let name = claims["name"]?.stringValue,
            (1...IdentityLimits.nameBytes).contains(name.utf8.count)
        else { return nil }
        return name
    }

    private func methods() throws(SignInRefused) -> [String] {
        guard let value = claims["amr"] else { return [] }
        guard let methods = Self.texts(value, IdentityLimits.methods, IdentityLimits.methodBytes)
        else { throw SignInRefused(.claimInvalid, "`amr` is not a short list of texts") }
        return methods
    }

    private func contextClass(_ provider: SignInProvider) throws(SignInRefused) -> String? {
        let value = claims["acr"]
        let text = value?.stringValue
        guard value == nil || text.map({ $0.utf8.count <= IdentityLimits.methodBytes }) == true
        else { throw SignInRefused(.claimInvalid, "`acr` is not a short text") }
        guard
            provider.acrValues.isEmpty
                || provider.acrValues.contains(where: {
                    text?.utf8.elementsEqual($0.utf8) ?? false
                })
        else {
            throw SignInRefused(
                .contextClassMismatch,
                "`acr` is none of `acrValues`: sign in with the stronger method that is asked for")
        }
        return text
    }

    private func groups(_ provider: SignInProvider) throws(SignInRefused) -> [String]? {
        guard let claim = provider.groupsClaim else { return nil }
        // Entra names a place where the groups are instead of naming them, if there are too many.
        let elsewhere = claims["_claim_names"]
        let isElsewhere =
            elsewhere.map { $0.objectValue == nil || $0[claim] != nil } ?? false
            || claims["hasgroups"].map { $0 != false } ?? false
        guard !isElsewhere else {
            throw SignInRefused(
                .groupsOverage,
                "the person has more groups than the provider puts into a token: have it send "
                    + "only the groups that are assigned to the application")
        }
        guard let value = claims[claim] else { return [] }
        let list: JSON = value.stringValue == nil ? value : [value]
        guard let groups = Self.texts(list, IdentityLimits.groups, IdentityLimits.groupBytes) else {
            throw SignInRefused(
                .groupsInvalid,
                "`\(claim)` is not a list of at most \(IdentityLimits.groups) texts of at most "
                    + "\(IdentityLimits.groupBytes) bytes")
        }
        return groups
    }

    /// So many texts of so many bytes at most, or nil for anything else.
    private static func texts(_ json: JSON, _ count: Int, _ bytes: Int) -> [String]? {
        guard let elements = json.arrayValue, elements.count <= count else { return nil }
        let texts = elements.compactMap(\.stringValue)
        guard texts.count == elements.count, texts.allSatisfy({ $0.utf8.count <= bytes }) else {
            return nil
        }
        return texts
    }

    private func recorded() -> JSONObject {
        var record = JSONObject()
        for claim in ["acr", "amr", "aud", "auth_time", "iat", "iss", "sub"] {
            record[claim] = claims[claim]
        }
        return record
    }
}
