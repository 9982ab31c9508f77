// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// The token of a workload, read strictly and not yet believed; see ``CompactToken``.
struct JobToken: Sendable {
    let token: CompactToken
    let issuer: String
    let audience: String
    let keyID: String
    private let times: TokenTimes
    private let tokenID: String?

    var claims: JSONObject { token.claims }

    init(_ text: String) throws(GrantRefused) {
        do {
            token = try CompactToken(text, bytes: IdentityLimits.tokenBytes)
            keyID = try token.keyID
            var reader = try JSONReader(.object(token.claims), path: "payload")
            issuer = try reader.string("iss")
            tokenID = try reader.optionalString("jti")
            times = try TokenTimes(token.claims)
        } catch {
            throw GrantRefused("\(error)")
        }
        audience = try Self.audience(token.claims["aud"])
        guard tokenID?.utf8.count ?? 0 <= IdentityLimits.identifierBytes else {
            throw GrantRefused("`jti` has more than \(IdentityLimits.identifierBytes) bytes")
        }
    }

    /// One audience: a token for several services could be used by each of them at the others.
    private static func audience(_ json: JSON?) throws(GrantRefused) -> String {
        switch json {
        case .string(let text): return text
        case .array(let elements) where elements.count == 1:
            guard let text = elements[0].stringValue else { break }
            return text
        case .array: throw GrantRefused("the token is made for several audiences")
        default: break
        }
        throw GrantRefused("the token names no audience")
    }

    /// Refuses a token that is too old, too young or expired at `now`.
    func checkTimes(now: Timestamp) throws(GrantRefused) {
        if let fault = times.fault(now: now) { throw GrantRefused(fault.description) }
    }

    /// Names this token: by its `jti`, or where it has none by what is signed.
    ///
    /// Not by the signature, of which there can be several for one token.
    var digest: Hash256 {
        var input = Array("exequatur/v1/exchanged\n\(issuer)\n".utf8)
        if let tokenID {
            input += Array("jti\n\(tokenID)".utf8)
        } else {
            input += Array("token\n\(Hash256.sha256(token.signed).hex)".utf8)
        }
        return .sha256(input)
    }

    /// When no clock within the skew takes this token any more.
    var forgettable: Timestamp {
        min(times.expires, times.issuedAt.adding(seconds: IdentityLimits.ageSeconds))
            .adding(seconds: 2 * IdentityLimits.skewSeconds)
    }
}
