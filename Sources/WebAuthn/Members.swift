// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON

/// The members of an object that hold bytes as base64url.
struct Members {
    private let members: JSONObject
    private let what: String

    /// Takes an object that has no other members than these.
    init(_ json: JSON, of what: String, allowed: [String]) throws(WebAuthnError) {
        self.what = what
        guard let members = json.objectValue else {
            throw WebAuthnError(.malformedJSON, "\(what) is not an object: send one")
        }
        self.members = members
        for key in members.keys
        where !allowed.contains(where: { $0.utf8.elementsEqual(key.utf8) }) {
            throw WebAuthnError(
                .unknownMember, "\(what) has the unknown member \(quoted(key)): leave it out")
        }
    }

    /// The bytes of a member that must be there, at most so many.
    func bytes(_ key: String, atMost limit: Int) throws(WebAuthnError) -> [UInt8] {
        guard let bytes = try optionalBytes(key, atMost: limit) else {
            throw WebAuthnError(.malformedJSON, "\(what) lacks the member `\(key)`: add it")
        }
        return bytes
    }

    /// The bytes of a member that may be left out, but not be `null`.
    func optionalBytes(_ key: String, atMost limit: Int) throws(WebAuthnError) -> [UInt8]? {
        guard let value = members[key] else { return nil }
        guard let text = value.stringValue, text.utf8.count <= Base64URL.length(of: limit),
            let bytes = Base64URL.decode(text)
        else {
            throw WebAuthnError(
                .malformedJSON,
                "`\(key)` of \(what) is not unpadded base64url of at most \(limit) bytes")
        }
        return bytes
    }
}
