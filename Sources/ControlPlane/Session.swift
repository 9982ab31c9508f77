// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Storage
internal import TransparencyLog

/// A signed-in browser.
package struct Session: Sendable, Hashable {
    /// Names it in lists; the cookie can't be told from it.
    package let id: String
    package let person: Handle
    package let signedInAt: Timestamp
    /// When the person last showed who he is; an identity provider may say that it was earlier.
    package let authenticatedAt: Timestamp
    package let method: SignInMethod
    /// Who made the link, where the method is `link`: he may have used it himself.
    package let issuedBy: Handle?
    /// True where the recovery key let the person in: then he may enrol a passkey by himself.
    package let isRecovery: Bool
    /// Since when the account or passkey that was shown is the person's.
    package let credentialSince: Timestamp?
    package let expires: Timestamp
    /// Goes into every form; a page of another site can't know it.
    package let csrf: String
    /// Where it was opened, for the list of sessions.
    package let address: String?
    package let userAgent: String?
}

extension Session {
    static let space = "session"

    /// What is stored; with it a cookie's bearer is let in.
    var value: JSON {
        [
            "address": .optional(address), "authenticatedAt": .string(authenticatedAt.description),
            "credentialSince": .optional(credentialSince), "csrf": .string(csrf),
            "issuedBy": .optional(issuedBy), "method": .string(method.rawValue),
            "person": .string(person.text), "recovery": .bool(isRecovery),
            "signedInAt": .string(signedInAt.description),
            "userAgent": .optional(userAgent),
        ]
    }

    /// Reads a sealed row; nil for one that this server did not seal.
    init?(_ row: OperationalRow, _ rows: RowAuthenticator) throws {
        guard let bytes = rows.open(row) else { return nil }
        var reader = try JSONReader(try JSON(canonical: bytes), path: Self.space)
        id = String(row.key.prefix(16))
        address = try reader.optionalString("address")
        authenticatedAt = try reader.timestamp("authenticatedAt")
        credentialSince = try reader.optionalTimestamp("credentialSince")
        csrf = try reader.string("csrf")
        issuedBy = try reader.optionalHandle("issuedBy")
        method = try reader.choice("method", SignInMethod.self)
        person = try reader.handle("person")
        isRecovery = try reader.bool("recovery")
        signedInAt = try reader.timestamp("signedInAt")
        userAgent = try reader.optionalString("userAgent")
        expires = row.expires
        try reader.finish()
    }

    /// The same party as a request with a bearer token would be.
    package func party(_ assurance: Assurance) -> Authenticated {
        var party = Authenticated(
            principal: .person(person), credential: "session-\(id)", assurance: assurance)
        party.method = method
        party.credentialSince = credentialSince
        party.shownTo = issuedBy.map { [$0] }?.filter { $0 != person } ?? []
        return party
    }
}

/// Somebody who has just shown who he is, and how.
package struct SignIn: Sendable {
    package let person: Handle
    package let method: SignInMethod
    package let authenticatedAt: Timestamp
    package let credentialSince: Timestamp?
    package let issuedBy: Handle?
    /// What goes into the entry beside the person, such as an issuer and a subject.
    package let evidence: JSON

    package init(
        person: Handle, method: SignInMethod, authenticatedAt: Timestamp,
        credentialSince: Timestamp?, issuedBy: Handle? = nil, evidence: JSON = .null
    ) {
        self.person = person
        self.method = method
        self.authenticatedAt = authenticatedAt
        self.credentialSince = credentialSince
        self.issuedBy = issuedBy
        self.evidence = evidence
    }
}
