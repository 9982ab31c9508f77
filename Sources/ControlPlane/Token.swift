// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Crypto
internal import Storage
package import TransparencyLog

/// A bearer token: `exq1_<kind>_<log key fingerprint>_<credential id>_<secret>`.
///
/// It carries the fingerprint of the log's key (the first 32 hex digits of the SHA-256 of the
/// vkey line), so that whoever holds a token can tell the right log from another one. The secret
/// is 32 random bytes; the server keeps only their SHA-256, which is enough because nobody can
/// guess 256 random bits.
package struct Token: Sendable {
    package let kind: CredentialKind
    package let fingerprint: String
    package let credential: String
    package let secret: [UInt8]

    /// The longest token that is looked at.
    package static let maximumBytes = 160

    package init(kind: CredentialKind, key: VerifierKey, credential: String, secret: [UInt8]) {
        self.kind = kind
        fingerprint = Self.fingerprint(of: key)
        self.credential = credential
        self.secret = secret
    }

    package init?(_ text: String) {
        guard text.utf8.count <= Self.maximumBytes else { return nil }
        let parts = text.utf8.split(
            separator: UInt8(ascii: "_"), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].elementsEqual("exq1".utf8), parts[1].count == 1,
            let letter = parts[1].first, let kind = Self.kind(of: letter),
            parts[2].count == 32, !parts[3].isEmpty,
            let secret = Base64URL.decode(parts[4]), secret.count == 32
        else { return nil }
        self.kind = kind
        fingerprint = String(Substring(parts[2]))
        credential = String(Substring(parts[3]))
        self.secret = secret
    }

    package var text: String {
        let letter = Unicode.Scalar(Self.letter(of: kind))
        return "exq1_\(letter)_\(fingerprint)_\(credential)_\(Base64URL.encode(secret))"
    }

    package static func fingerprint(of key: VerifierKey) -> String {
        String(Hash256.sha256(Array(key.vkey.utf8)).hex.prefix(32))
    }

    private static func kind(of letter: UInt8) -> CredentialKind? {
        CredentialKind.allCases.first { self.letter(of: $0) == letter }
    }

    private static func letter(of kind: CredentialKind) -> UInt8 {
        switch kind {
        case .agent: UInt8(ascii: "a")
        case .person: UInt8(ascii: "p")
        case .gate: UInt8(ascii: "g")
        case .administrator: UInt8(ascii: "m")
        }
    }
}

/// Somebody whose token or session was checked.
package struct Authenticated: Sendable, Hashable {
    package let principal: Principal
    package let credential: String
    /// How a decision made with this would count.
    package let assurance: Assurance
    /// The job that got the token in exchange for its own, as its issuer describes it.
    package let run: WorkloadRun?

    /// How the party showed who it is.
    package var method = SignInMethod.token
    /// Persons besides the holder who have seen what it showed.
    package var shownTo: [Handle] = []
    /// The person for whom an agent acts, where its credential says so.
    package var onBehalfOf: Handle?
    /// Since when the credential is the person's; nil where nobody knows.
    package var credentialSince: Timestamp?

    /// Whether what a person showed proves nothing about who holds it: others have seen it, or it
    /// came by a link.
    ///
    /// An agent or a gate is whoever has its token, which those who add it see.
    package var isCredentialShown: Bool {
        guard case .person = principal else { return false }
        return !shownTo.isEmpty || method == .link
    }

    /// Who shares a limit: a token by itself, all sessions of one person together.
    package var holder: String { "\(credential) \(principal)" }

    package init(
        principal: Principal, credential: String, assurance: Assurance, run: WorkloadRun? = nil
    ) {
        self.principal = principal
        self.credential = credential
        self.assurance = assurance
        self.run = run
    }
}

/// Why a request is not let in.
///
/// Says no more than the caller may know.
package enum AuthenticationError: String, Error, Sendable, Hashable {
    case missing = "credentials_missing"
    case invalid = "credentials_invalid"
    case expired = "credentials_expired"
    /// Nobody can say, because the store can't be read.
    case unavailable = "ledger_unavailable"
}

extension Hash256 {
    /// Compares without telling by its timing where two hashes differ.
    package func equalsInConstantTime(_ other: Hash256) -> Bool {
        var difference: UInt8 = 0
        for (a, b) in zip(bytes, other.bytes) { difference |= a ^ b }
        return difference == 0
    }
}

/// Marks operational rows that authenticate somebody, with a key that is not in the database, so
/// that whoever can write rows can't sign himself in (DESIGN §4.15).
struct RowAuthenticator: Sendable {
    private let key: SymmetricKey

    init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

    func seal(
        space: String, key: String, value: [UInt8], expires: Timestamp
    ) -> OperationalRow {
        let mac = HMAC<SHA256>.authenticationCode(
            for: input(space, key, value, expires), using: self.key)
        return OperationalRow(
            space: space, key: key, value: Array(mac) + value, expires: expires)
    }

    /// A key for another purpose, from which this one can't be told.
    func derivedKey(_ purpose: String) -> [UInt8] {
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("exequatur/v1/key\n\(purpose)".utf8), using: key)
        return Array(code)
    }

    /// Seals what a start may rely on; such rows never expire.
    var snapshotSeal: SnapshotSeal {
        SnapshotSeal(
            seal: { seal(space: $0, key: $1, value: $2, expires: Timestamp(milliseconds: .max)) },
            open: open)
    }

    /// The value of a row that this server sealed with just this place and life.
    func open(_ row: OperationalRow) -> [UInt8]? {
        guard let value = row.sealedValue else { return nil }
        let valid = HMAC<SHA256>.isValidAuthenticationCode(
            row.value[..<OperationalRow.sealBytes],
            authenticating: input(row.space, row.key, value, row.expires),
            using: key)
        return valid ? value : nil
    }

    private func input(
        _ space: String, _ key: String, _ value: [UInt8], _ expires: Timestamp
    ) -> [UInt8] {
        Array("exequatur/v1/row\n\(space)\n\(key)\n\(expires)\n".utf8) + value
    }
}
