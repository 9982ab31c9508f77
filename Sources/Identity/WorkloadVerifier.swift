// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON

/// Checks the tokens of workloads against what issuers publish.
///
/// What it answers is what an issuer signed, for an audience that is trusted with that issuer.
/// Whether the claims are those of a trust is decided where the token is handed out.
package struct WorkloadVerifier: Sendable {
    private let keys: IssuerKeys
    private let allowsLoopback: Bool

    /// Where `allowsLoopback` is set, for tests, issuers without TLS on this machine are taken too.
    package init(keys: IssuerKeys, allowsLoopback: Bool) {
        self.keys = keys
        self.allowsLoopback = allowsLoopback
    }

    /// Reads and checks one token.
    ///
    /// Only issuers of `trusts` are ever asked for keys, and only for audiences of theirs.
    ///
    /// - Throws: `GrantRefused`, or `IssuerFailure` where the issuer can't be asked.
    package func verify(
        _ text: String, trusts: some Sequence<WorkloadTrust>, now: Timestamp
    ) async throws -> WorkloadIdentity {
        let token = try JobToken(text)
        let all = Array(trusts)
        let ofIssuer = all.filter { $0.issuer.text.utf8.elementsEqual(token.issuer.utf8) }
        guard let issuer = ofIssuer.first?.issuer else {
            throw GrantRefused("no trust has the issuer `\(CompactToken.shown(token.issuer))`")
        }
        guard allowsLoopback || !issuer.isPlain else {
            throw GrantRefused("the issuer is on loopback, which this server was not told to allow")
        }
        guard ofIssuer.contains(where: { $0.audience.utf8.elementsEqual(token.audience.utf8) })
        else {
            throw GrantRefused("no trust has the audience `\(CompactToken.shown(token.audience))`")
        }
        try token.checkTimes(now: now)
        let trusted = Set(all.map(\.issuer.text))
        guard let key = try await keys.key(token.keyID, of: issuer, trusted: trusted) else {
            throw GrantRefused("`\(issuer)` has no key `\(CompactToken.shown(token.keyID))`")
        }
        do {
            try token.token.check(key)
        } catch {
            throw GrantRefused("\(error)")
        }
        return WorkloadIdentity(
            issuer: token.issuer, audience: token.audience, claims: token.claims,
            tokenDigest: token.digest, forgettable: token.forgettable)
    }
}
