// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore

/// Checks who sends activities to a bot (Bot Connector authentication, "connector to bot").
///
/// Stricter than any of the vendor's libraries: each of their checks, those that only some of them
/// make, and the tenant. What is missing is wrong.
package struct BotTokenVerifier: Sendable {
    private let trust: BotTrust
    private let keys: IssuerKeys
    private let place: KeyPlace

    /// Takes what `trust` says, by the keys that `metadata` leads to.
    package init(
        trust: BotTrust, metadata: IssuerURL, source: DocumentSource,
        seconds: @escaping @Sendable () -> Double
    ) {
        self.trust = trust
        keys = IssuerKeys(source: source, patience: .bots, seconds: seconds)
        place = KeyPlace(issuer: BotToken.issuer, metadata: metadata)
    }

    /// Checks the header `Authorization` of an activity, before its body is looked at.
    ///
    /// - Throws: `BotTokenRefused`, or `IssuerFailure` where the keys can't be asked for.
    package func verify(authorization: String?, now: Timestamp) async throws -> BotToken {
        let scheme = "Bearer "
        guard let authorization, authorization.utf8.starts(with: scheme.utf8) else {
            throw BotTokenRefused("there is no bearer token")
        }
        do {
            let token = try CompactToken(
                String(decoding: authorization.utf8.dropFirst(scheme.utf8.count), as: UTF8.self),
                bytes: IdentityLimits.tokenBytes)
            try BotToken.checkClaims(token, trust: trust, now: now)
            let keyID = try token.keyID
            let key = try await keys.key(keyID, at: place, trusted: [BotToken.issuer])
            guard let key else {
                throw BotTokenRefused(
                    "the Bot Framework has no key `\(CompactToken.shown(keyID))`")
            }
            return try BotToken(token, key, trust: trust, now: now)
        } catch let fault as TokenFault {
            throw BotTokenRefused(fault.description)
        }
    }
}
