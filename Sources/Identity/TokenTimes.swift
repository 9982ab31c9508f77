// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// From when to when a token is good (RFC 7519 §4.1.4 to §4.1.6).
struct TokenTimes: Sendable, Hashable {
    /// What is wrong with the times of a token.
    enum Fault: Sendable, Hashable, CustomStringConvertible {
        case expired
        case expiresBeforeIssued
        case issuedInFuture
        case notYet
        case old

        var description: String {
            switch self {
            case .expired: "the token expired"
            case .expiresBeforeIssued: "`exp` is not after `iat`"
            case .issuedInFuture: "`iat` is in the future"
            case .notYet: "`nbf` is in the future"
            case .old: "the token was issued more than ten minutes ago"
            }
        }
    }

    let issuedAt: Timestamp
    let expires: Timestamp
    private let notBefore: Timestamp?

    /// Reads `iat` and `exp`, which must be there, and `nbf`.
    init(_ claims: JSONObject) throws(TokenFault) {
        do {
            var reader = try JSONReader(.object(claims), path: "payload")
            issuedAt = try CompactToken.instant(try reader.int("iat"), "iat")
            expires = try CompactToken.instant(try reader.int("exp"), "exp")
            notBefore = try reader.optionalInt("nbf").map { try CompactToken.instant($0, "nbf") }
        } catch {
            throw TokenFault("\(error)")
        }
    }

    /// What is wrong at `now`, within ``IdentityLimits/skewSeconds`` and
    /// ``IdentityLimits/ageSeconds``; nil where nothing is.
    func fault(now: Timestamp) -> Fault? {
        let skew = IdentityLimits.skewSeconds
        guard now < expires.adding(seconds: skew) else { return .expired }
        guard issuedAt < expires else { return .expiresBeforeIssued }
        let ahead = now.adding(seconds: skew)
        guard issuedAt <= ahead else { return .issuedInFuture }
        if let notBefore, notBefore > ahead { return .notYet }
        guard now <= issuedAt.adding(seconds: IdentityLimits.ageSeconds) else { return .old }
        return nil
    }
}
