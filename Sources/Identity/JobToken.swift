// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// A signed token (RFC 7519 in the compact form of RFC 7515), read strictly and not yet believed.
///
/// Strictly: one spelling of base64url, no member twice, only algorithms with public keys, and no
/// header that names, or points to, the key to check it with.
struct JobToken: Sendable {
    let algorithm: SigningAlgorithm
    let keyID: String
    let issuer: String
    let audience: String
    let claims: JSONObject
    let issuedAt: Timestamp
    let expires: Timestamp
    private let notBefore: Timestamp?
    private let tokenID: String?
    /// What the signature is of.
    let signed: [UInt8]
    let signature: [UInt8]

    /// Members of the header that would let the token choose its key, or change how it is read.
    private static let forbidden = ["b64", "crit", "enc", "jku", "jwk", "x5c", "x5u", "zip"]

    init(_ text: String) throws(GrantRefused) {
        guard text.utf8.count <= IdentityLimits.tokenBytes else {
            throw GrantRefused("the token has more than \(IdentityLimits.tokenBytes) bytes")
        }
        let bytes = Array(text.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Base64URL.decode(parts[0]),
            let body = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2])
        else { throw GrantRefused("not three parts in base64url") }
        self.signature = signature
        signed = Array(bytes[..<parts[1].endIndex])
        let header = try Self.object(head, "header")
        (algorithm, keyID) = try Self.header(header)
        claims = try Self.object(body, "payload")
        var reader: JSONReader
        do {
            reader = try JSONReader(.object(claims), path: "payload")
            issuer = try reader.string("iss")
            tokenID = try reader.optionalString("jti")
            issuedAt = try Self.instant(try reader.int("iat"), "iat")
            expires = try Self.instant(try reader.int("exp"), "exp")
            notBefore = try reader.optionalInt("nbf").map { try Self.instant($0, "nbf") }
        } catch let error as GrantRefused {
            throw error
        } catch {
            throw GrantRefused("\(error)")
        }
        audience = try Self.audience(claims["aud"])
        guard tokenID?.utf8.count ?? 0 <= IdentityLimits.identifierBytes else {
            throw GrantRefused("`jti` has more than \(IdentityLimits.identifierBytes) bytes")
        }
    }

    private static func object(_ bytes: [UInt8], _ what: String) throws(GrantRefused) -> JSONObject
    {
        do {
            let json = try JSON(parsing: bytes)
            // Whatever cannot be recorded exactly is refused before anybody relies on it.
            _ = try json.canonicalBytes()
            guard case .object(let object) = json else {
                throw GrantRefused("the \(what) is not an object")
            }
            return object
        } catch let error as GrantRefused {
            throw error
        } catch {
            throw GrantRefused("the \(what) can't be read: \(error)")
        }
    }

    private static func header(
        _ header: JSONObject
    ) throws(GrantRefused) -> (SigningAlgorithm, String) {
        for (key, _) in header where forbidden.contains(where: { $0.utf8.elementsEqual(key.utf8) })
        {
            throw GrantRefused("the header has `\(key)`")
        }
        let name = header["alg"]?.stringValue ?? ""
        guard let algorithm = SigningAlgorithm(rawValue: name) else {
            throw GrantRefused("the algorithm is `\(VisibleText.escape(String(name.prefix(32))))`")
        }
        if let type = header["typ"] {
            guard type.stringValue?.utf8.elementsEqual("JWT".utf8) == true else {
                throw GrantRefused("`typ` is not `JWT`")
            }
        }
        guard let keyID = header["kid"]?.stringValue, KeySet.isKeyID(keyID) else {
            throw GrantRefused("the header names no key")
        }
        return (algorithm, keyID)
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

    private static func instant(_ seconds: Int64, _ claim: String) throws(GrantRefused) -> Timestamp
    {
        // Until the year 9999, which is as far as instants can be written.
        guard (0...253_402_300_799).contains(seconds) else {
            throw GrantRefused("`\(claim)` is not an instant")
        }
        return Timestamp(milliseconds: seconds * 1000)
    }

    /// Refuses a token that is too old, too young or expired at `now`.
    func checkTimes(now: Timestamp) throws(GrantRefused) {
        let skew = IdentityLimits.skewSeconds
        guard now < expires.adding(seconds: skew) else { throw GrantRefused("the token expired") }
        guard issuedAt < expires else { throw GrantRefused("`exp` is not after `iat`") }
        let ahead = now.adding(seconds: skew)
        guard issuedAt <= ahead else { throw GrantRefused("`iat` is in the future") }
        if let notBefore, notBefore > ahead { throw GrantRefused("`nbf` is in the future") }
        guard now <= issuedAt.adding(seconds: IdentityLimits.ageSeconds) else {
            throw GrantRefused("the token was issued more than ten minutes ago")
        }
    }

    /// Names this token: by its `jti`, or where it has none by what is signed.
    ///
    /// Not by the signature, of which there can be several for one token.
    var digest: Hash256 {
        var input = Array("exequatur/v1/exchanged\n\(issuer)\n".utf8)
        if let tokenID {
            input += Array("jti\n\(tokenID)".utf8)
        } else {
            input += Array("token\n\(Hash256.sha256(signed).hex)".utf8)
        }
        return .sha256(input)
    }

    /// When no clock within the skew takes this token any more.
    var forgettable: Timestamp {
        min(expires, issuedAt.adding(seconds: IdentityLimits.ageSeconds))
            .adding(seconds: 2 * IdentityLimits.skewSeconds)
    }
}
