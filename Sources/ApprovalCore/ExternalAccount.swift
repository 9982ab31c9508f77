// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// One account at an identity provider, by what the provider never gives to another one: issuer and
/// subject (OpenID Connect Core §2).
///
/// Never by e-mail address: that can be changed by its holder. Compared as bytes.
package struct ExternalAccount: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let issuer: String
    package let subject: String

    /// Makes one; nil unless both are printable ASCII, the subject of at most 255 bytes.
    package init?(issuer: String, subject: String) {
        guard (1...Limits.issuerBytes).contains(issuer.utf8.count),
            (1...255).contains(subject.utf8.count),
            (issuer + subject).utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        self.issuer = issuer
        self.subject = subject
    }

    init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        let issuer = try reader.string("issuer")
        let subject = try reader.string("subject")
        try reader.finish()
        guard let account = ExternalAccount(issuer: issuer, subject: subject) else {
            throw CoreError("`\(path)`: not an issuer and a subject")
        }
        self = account
    }

    package var json: JSON { ["issuer": .string(issuer), "subject": .string(subject)] }

    package static func < (a: ExternalAccount, b: ExternalAccount) -> Bool {
        guard a.issuer.utf8.elementsEqual(b.issuer.utf8) else {
            return a.issuer.utf8.lexicographicallyPrecedes(b.issuer.utf8)
        }
        return a.subject.utf8.lexicographicallyPrecedes(b.subject.utf8)
    }

    package var description: String { "\(subject) at \(issuer)" }
}

/// Whose an account at an identity provider is, and since when.
package struct ExternalLink: Sendable, Hashable {
    package let person: Handle
    package let since: Timestamp

    package init(person: Handle, since: Timestamp) {
        self.person = person
        self.since = since
    }
}
