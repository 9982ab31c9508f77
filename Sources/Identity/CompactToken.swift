// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// A signed token (RFC 7519 in the compact form of RFC 7515), read strictly and not yet believed.
///
/// Strictly: one spelling of base64url, no member twice, only algorithms with public keys, and no
/// header that names, or points to, the key to check it with.
struct CompactToken: Sendable {
    let algorithm: SigningAlgorithm
    /// The key that the header names; nil where it names none, which only ``IDToken`` takes.
    let namedKeyID: String?
    let claims: JSONObject
    /// What the signature is of.
    let signed: [UInt8]
    let signature: [UInt8]

    /// Members of the header that would let the token choose its key, or change how it is read.
    private static let forbidden = ["b64", "crit", "enc", "jku", "jwk", "x5c", "x5u", "zip"]

    init(_ text: String, bytes limit: Int) throws(TokenFault) {
        guard text.utf8.count <= limit else {
            throw TokenFault("the token has more than \(limit) bytes")
        }
        let bytes = Array(text.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Base64URL.decode(parts[0]),
            let body = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2])
        else { throw TokenFault("not three parts in base64url") }
        self.signature = signature
        signed = Array(bytes[..<parts[1].endIndex])
        (algorithm, namedKeyID) = try Self.header(try Self.object(head, "header"))
        claims = try Self.object(body, "payload")
    }

    private static func object(_ bytes: [UInt8], _ what: String) throws(TokenFault) -> JSONObject {
        let json: JSON
        do {
            json = try JSON(parsing: bytes)
            // Whatever cannot be recorded exactly is refused before anybody relies on it.
            _ = try json.canonicalBytes()
        } catch {
            throw TokenFault("the \(what) can't be read: \(error)")
        }
        guard case .object(let object) = json else {
            throw TokenFault("the \(what) is not an object")
        }
        return object
    }

    /// The key that the header names, for tokens that must name one.
    var keyID: String {
        get throws(TokenFault) {
            guard let namedKeyID else { throw TokenFault("the header names no key") }
            return namedKeyID
        }
    }

    private static func header(
        _ header: JSONObject
    ) throws(TokenFault) -> (SigningAlgorithm, String?) {
        for (key, _) in header where forbidden.contains(where: { $0.utf8.elementsEqual(key.utf8) })
        {
            throw TokenFault("the header has `\(key)`")
        }
        let name = header["alg"]?.stringValue ?? ""
        guard let algorithm = SigningAlgorithm(rawValue: name) else {
            throw TokenFault("the algorithm is `\(VisibleText.escape(String(name.prefix(32))))`")
        }
        if let type = header["typ"] {
            guard type.stringValue?.utf8.elementsEqual("JWT".utf8) == true else {
                throw TokenFault("`typ` is not `JWT`")
            }
        }
        guard let kid = header["kid"] else { return (algorithm, nil) }
        guard let keyID = kid.stringValue, KeySet.isKeyID(keyID) else {
            throw TokenFault("the header names no key")
        }
        return (algorithm, keyID)
    }

    /// An instant in a claim, in seconds.
    static func instant(_ seconds: Int64, _ claim: String) throws(TokenFault) -> Timestamp {
        // Until the year 9999, which is as far as instants can be written.
        guard (0...253_402_300_799).contains(seconds) else {
            throw TokenFault("`\(claim)` is not an instant")
        }
        return Timestamp(milliseconds: seconds * 1000)
    }

    /// Refuses it unless this very key signed it, with the algorithm that the key is for.
    func check(_ key: VerificationKey) throws(TokenFault) {
        guard key.algorithm == algorithm else {
            throw TokenFault("the key is not for \(algorithm.rawValue)")
        }
        guard key.isValid(signature, of: signed) else {
            throw TokenFault("the signature is not that of the key")
        }
    }

    /// A text of the token's for an error message.
    static func shown(_ text: String) -> String { VisibleText.escape(String(text.prefix(80))) }
}

/// What is wrong with a token.
struct TokenFault: Error, Sendable, Hashable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
