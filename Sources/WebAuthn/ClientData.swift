// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON

/// Who verifies, and on which pages people may be asked (WebAuthn Level 3 §5.1.2, §13.4.9).
package struct RelyingParty: Sendable, Hashable {
    /// The RP ID: a domain, such as `example.org`.
    package let id: String
    /// The origins of pages that may ask, compared byte for byte, such as `https://example.org`.
    ///
    /// None allows no page.
    package let origins: [String]

    /// Creates a relying party.
    package init(id: String, origins: [String]) {
        self.id = id
        self.origins = origins
    }
}

/// What the browser says of the page that asked (WebAuthn Level 3 §5.8.1).
enum ClientData {
    /// What was asked.
    enum Ceremony: String {
        case registration = "webauthn.create"
        case assertion = "webauthn.get"
    }

    /// Checks client data as §7.1 and §7.2 want it; members that are not known are ignored.
    ///
    /// Stricter than the specification with a byte order mark, the same member twice and text that
    /// is not UTF-8, which are refused: others could read such client data differently. Pages in
    /// frames are refused, whatever page they stand in.
    static func check(
        _ bytes: [UInt8], is ceremony: Ceremony, challenge: [UInt8], relyingParty: RelyingParty
    ) throws(WebAuthnError) {
        guard WebAuthnLimits.challengeBytes.contains(challenge.count) else {
            throw WebAuthnError(
                .invalidChallenge,
                "a challenge of \(challenge.count) bytes: make it of 16 to 1024")
        }
        let members = try read(bytes)
        guard let type = members["type"]?.stringValue,
            let answered = members["challenge"]?.stringValue,
            let origin = members["origin"]?.stringValue
        else {
            throw WebAuthnError(
                .clientDataIncomplete,
                "the client data lacks `type`, `challenge` or `origin`: send it unchanged")
        }
        guard isSame(type, ceremony.rawValue) else {
            throw WebAuthnError(
                .wrongType,
                "the client data is of type \(quoted(type)), not of `\(ceremony.rawValue)`")
        }
        guard isSame(answered, Base64URL.encode(challenge)) else {
            throw WebAuthnError(
                .wrongChallenge, "the answer is one to another question: ask and answer again")
        }
        guard relyingParty.origins.contains(where: { isSame(origin, $0) }) else {
            throw WebAuthnError(
                .wrongOrigin,
                "the page of \(quoted(origin)) may not ask: use \(list(relyingParty.origins))")
        }
        guard members["crossOrigin"].map({ $0.boolValue == false }) ?? true else {
            throw WebAuthnError(
                .crossOrigin, "the page stood in one of another site: open it by itself")
        }
        guard members["topOrigin"] == nil else {
            throw WebAuthnError(.topOrigin, "the page stood in another one: open it by itself")
        }
    }

    private static func read(_ bytes: [UInt8]) throws(WebAuthnError) -> JSONObject {
        guard bytes.count <= WebAuthnLimits.clientDataBytes else {
            throw WebAuthnError(
                .clientDataTooLarge,
                """
                client data of \(bytes.count) bytes: at most \(WebAuthnLimits.clientDataBytes) \
                are read
                """)
        }
        let json: JSON
        do {
            json = try JSON(
                parsing: bytes,
                limits: JSONLimits(
                    maximumBytes: WebAuthnLimits.clientDataBytes,
                    maximumDepth: WebAuthnLimits.clientDataDepth))
        } catch {
            throw WebAuthnError(.clientDataNotJSON, "cannot read the client data: \(error)")
        }
        guard let members = json.objectValue else {
            throw WebAuthnError(
                .clientDataIncomplete, "the client data is not an object: send it unchanged")
        }
        return members
    }

    private static func isSame(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8)
    }

    private static func list(_ origins: [String]) -> String {
        origins.isEmpty
            ? "one that is configured" : origins.map { quoted($0) }.joined(separator: " or ")
    }
}
