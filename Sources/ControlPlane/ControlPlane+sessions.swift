// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import Storage
internal import TransparencyLog

/// Signing in, staying signed in, and being signed out.
extension ControlPlane {
    /// A session lives this long at most; signing out ends it at once.
    static let sessionSeconds: Int64 = 12 * 3600
    /// Within this time of showing who one is a decision counts as `console` (DESIGN §2).
    package static let freshSeconds: Int64 = 600
    /// A sign-in link that nobody used is worth nothing after this.
    static let linkSeconds: Int64 = 3600
    /// Rows that are read at once where sessions are listed.
    private static let sessionPage = 1000

    // MARK: links

    /// Makes a link that signs one person in, once, within the hour.
    ///
    /// Whoever has the link can act as that person, so who made it is an entry, and once the
    /// installation is sealed it decides nothing.
    package func signInLink(for person: Handle, by: Principal) async throws -> String {
        guard isAdministrator(by) || mayAdminister(by) else {
            throw CommandError.forbidden(
                code: "administrators_only", "only administrators make sign-in links")
        }
        guard governance.directory.persons.contains(person) else {
            throw CommandError.conflict(
                code: "unknown_person", "there is no person `\(person)`")
        }
        let secret = Base64URL.encode(effects.entropy.bytes(32))
        let now = self.now
        let value: JSON = [
            "issuedAt": .string(now.description), "issuedBy": .optional(by.personID),
            "person": .string(person.text),
        ]
        let expires = now.adding(seconds: Self.linkSeconds)
        let row = try sealed("link", secret, value, expires: expires)
        let draft = try sessionDraft(
            "person.link-issued",
            [
                "by": .string(by.description), "expires": .string(expires.description),
                "person": .string(person.text),
            ], body: [:])
        _ = try await writer.submit { _ in LedgerPlan((), drafts: [draft], operational: [row]) }
        return "\(configuration.publicURL)/sign-in?token=\(secret)"
    }

    /// The same on the word of somebody who shows that he is himself: what comes of links names only
    /// who made the last one.
    package func signInLink(
        for person: Handle, askedBy party: Authenticated
    ) async throws -> String {
        try requireOwnCredential(party)
        return try await signInLink(for: person, by: party.principal)
    }

    /// What a link says, and of whom.
    struct LinkContent {
        let person: Handle
        let issuedBy: Handle?
        /// Made on the word of the recovery key.
        let isRecovery: Bool
    }

    /// Whom a link's content lets in, if he is there and his tokens weren't replaced since.
    static func content(ofLink bytes: [UInt8], _ governance: Governance) throws -> LinkContent? {
        let value = try JSON(canonical: bytes)
        guard let person = value["person"]?.stringValue.flatMap(Handle.init),
            let issuedAt = value["issuedAt"]?.stringValue.flatMap(Timestamp.init),
            governance.isCurrent(person, since: issuedAt)
        else { return nil }
        return LinkContent(
            person: person, issuedBy: value["issuedBy"]?.stringValue.flatMap(Handle.init),
            isRecovery: value["recovery"]?.boolValue ?? false)
    }

    /// Whom a sign-in link is for, without using it up; nil if it is worth nothing.
    package func peek(link secret: String) throws -> (person: Handle, expires: Timestamp)? {
        guard secret.utf8.count <= 128 else { return nil }
        let key = Hash256.sha256(Array(secret.utf8)).hex
        guard let row = try backend.read({ try $0.operational(space: "link", key: key) }),
            row.expires > now, let bytes = rows.open(row),
            let content = try Self.content(ofLink: bytes, governance)
        else { return nil }
        return (content.person, row.expires)
    }

    /// Uses a link up and opens a session; nil if it is unknown, used or too old.
    package func redeem(link secret: String, audit: [String: String]) async throws -> String? {
        // Looked at before it is queued: whoever knows no link must not reach the writer.
        guard try peek(link: secret) != nil else {
            _ = failed(.invalid)
            return nil
        }
        let key = Hash256.sha256(Array(secret.utf8)).hex
        let keys = sessionKeys()
        let recorded = try await writer.submit(
            priority: .intake
        ) { [self] view -> LedgerPlan<Bool> in
            guard let row = try view.store.operational(space: "link", key: key),
                row.expires > view.now,
                let bytes = rows.open(row),
                let content = try Self.content(ofLink: bytes, governance)
            else { return LedgerPlan(false) }
            let signIn = SignIn(
                person: content.person, method: .link, authenticatedAt: view.now,
                credentialSince: nil, issuedBy: content.issuedBy,
                evidence: content.isRecovery ? ["recovery": true] : .null)
            let (draft, session) = try open(signIn, keys, audit, at: view.now)
            // Used up by being replaced with an expired row, in the same transaction.
            let used = OperationalRow(
                space: "link", key: key, value: [], expires: Timestamp(milliseconds: 0))
            return LedgerPlan(true, drafts: [draft], operational: [session, used])
        }
        return recorded.value ? keys.cookie : nil
    }

    // MARK: opening

    private struct SessionKeys: Sendable {
        let cookie: String
        let csrf: String
        let salts: [Hash256]
    }

    private func sessionKeys() -> SessionKeys {
        SessionKeys(
            cookie: Base64URL.encode(effects.entropy.bytes(32)),
            csrf: Base64URL.encode(effects.entropy.bytes(32)), salts: effects.entropy.hashes(2))
    }

    /// Opens a session for somebody who has shown who he is, and gives its cookie.
    ///
    /// `using` are rows that this uses up, such as the state of a sign-in; the sign-in is refused
    /// where one is gone.
    package func signIn(
        _ signIn: SignIn, using used: [OperationalKey] = [], audit: [String: String]
    ) async throws -> String {
        let keys = sessionKeys()
        _ = try await writer.submit(priority: .intake) { [self] view in
            guard governance.directory.persons.contains(signIn.person) else {
                throw CommandError.forbidden(code: "unknown_person", "you are not in the directory")
            }
            for key in used {
                guard let row = try view.store.operational(space: key.space, key: key.key),
                    row.expires > view.now
                else {
                    throw CommandError.forbidden(
                        code: "sign_in_used", "this sign-in was used or is too old: begin again")
                }
            }
            let (draft, session) = try open(signIn, keys, audit, at: view.now)
            return LedgerPlan((), drafts: [draft], operational: [session], removed: used)
        }
        return keys.cookie
    }

    private func open(
        _ signIn: SignIn, _ keys: SessionKeys, _ audit: [String: String], at now: Timestamp
    ) throws -> (draft: EntryDraft, row: OperationalRow) {
        let key = Hash256.sha256(Array(keys.cookie.utf8)).hex
        let session = Session(
            id: String(key.prefix(16)), person: signIn.person, signedInAt: now,
            authenticatedAt: min(signIn.authenticatedAt, now), method: signIn.method,
            issuedBy: signIn.issuedBy,
            isRecovery: signIn.evidence["recovery"]?.boolValue ?? false,
            credentialSince: signIn.credentialSince,
            expires: now.adding(seconds: Self.sessionSeconds), csrf: keys.csrf,
            address: audit["address"], userAgent: audit["userAgent"])
        var object = JSONObject()
        for (key, value) in audit { object[key] = .string(value) }
        let draft = try EntryDraft(
            kind: "person.signed-in", ref: Self.sessionsRef,
            core: [
                "kind": "person.signed-in", "method": .string(signIn.method.rawValue),
                "person": .string(signIn.person.text), "session": .string(session.id),
                "unsealed": .bool(unsealed), "v": 1,
            ], body: ["audit": .object(object), "evidence": signIn.evidence],
            salts: (keys.salts[0], keys.salts[1]))
        let row = rows.seal(
            space: Session.space, key: key, value: try session.value.canonicalBytes(),
            expires: session.expires)
        return (draft, row)
    }

    static let sessionsRef = "sessions"

    func sessionDraft(
        _ kind: String, _ members: JSONObject, body: JSON
    ) throws -> EntryDraft {
        var core = members
        core["kind"] = .string(kind)
        core["unsealed"] = .bool(unsealed)
        core["v"] = 1
        let salts = effects.entropy.hashes(2)
        return try EntryDraft(
            kind: kind, ref: Self.sessionsRef, core: .object(core), body: body,
            salts: (salts[0], salts[1]))
    }

    // MARK: being signed in

    /// The session of a cookie, if it is genuine, alive and its person still exists.
    package func session(cookie: String) throws -> Session? {
        guard cookie.utf8.count <= 128 else { return nil }
        let key = Hash256.sha256(Array(cookie.utf8)).hex
        guard let row = try backend.read({ try $0.operational(space: Session.space, key: key) })
        else { return nil }
        return try alive(row)
    }

    private func alive(_ row: OperationalRow) throws -> Session? {
        guard row.expires > now, let session = try Session(row, rows),
            governance.isCurrent(session.person, since: session.signedInAt),
            now.seconds(since: session.signedInAt) < Self.sessionSeconds
        else { return nil }
        return session
    }

    /// How a decision in this session counts; after the seal a link's counts for nothing special.
    package func assurance(of session: Session) -> Assurance {
        guard session.method != .link || unsealed else { return .token }
        return now.seconds(since: session.authenticatedAt) < Self.freshSeconds ? .console : .token
    }

    /// Whoever is behind a session, as a request's party.
    package func party(of session: Session) -> Authenticated {
        session.party(assurance(of: session))
    }

    // MARK: ending

    package func signOut(cookie: String) async throws {
        let key = Hash256.sha256(Array(cookie.utf8)).hex
        let row = OperationalRow(
            space: Session.space, key: key, value: [], expires: Timestamp(milliseconds: 0))
        _ = try await writer.submit { _ in LedgerPlan((), operational: [row]) }
    }

    /// Sessions that are alive, the newest first; of one person, or with nil of everybody.
    package func sessions(of person: Handle?) throws -> [Session] {
        try rows(of: Session.space).compactMap { try alive($0) }
            .filter { person == nil || $0.person == person }
            .sorted { ($0.signedInAt, $0.id) > ($1.signedInAt, $1.id) }
    }

    /// Command lines that are signed in, the newest first; of one person, or with nil of everybody.
    package func devices(of person: Handle?) throws -> [SignedInDevice] {
        try rows(of: DeviceToken.space).compactMap { try DeviceToken($0, rows) }
            .filter {
                now < $0.expires && (person == nil || $0.person == person)
                    && governance.isCurrent($0.person, since: $0.issuedAt)
            }
            .map {
                SignedInDevice(
                    id: $0.id, person: $0.person, signedInAt: $0.issuedAt, expires: $0.expires)
            }
            .sorted { ($0.signedInAt, $0.id) > ($1.signedInAt, $1.id) }
    }

    /// All rows of a space; each is dropped when its time is over.
    private func rows(of space: String) throws -> [OperationalRow] {
        try backend.read { reader in
            var rows: [OperationalRow] = []
            while true {
                let page = try reader.operational(
                    space: space, prefix: "", after: rows.last?.key, limit: Self.sessionPage)
                rows += page
                guard page.count == Self.sessionPage else { return rows }
            }
        }
    }

    /// Ends a session or the token of a command line: his own, or by an administrator anybody's; an
    /// entry.
    package func revoke(session id: String, by party: Principal) async throws {
        guard id.utf8.count == 16, Hash256(hex: id + String(repeating: "0", count: 48)) != nil
        else {
            throw Self.noSession
        }
        let draftEntropy = effects.entropy.hashes(2)
        _ = try await writer.submit { [self] view in
            guard let found = try signedIn(id, view.store),
                party.personID == found.person || isAdministrator(party)
            else { throw Self.noSession }
            let draft = try EntryDraft(
                kind: "session.revoked", ref: Self.sessionsRef,
                core: [
                    "by": .string(party.description), "kind": "session.revoked",
                    "person": .string(found.person.text), "session": .string(id),
                    "unsealed": .bool(unsealed), "v": 1,
                ], body: [:], salts: (draftEntropy[0], draftEntropy[1]))
            return LedgerPlan((), drafts: [draft], removed: [found.key])
        }
    }

    /// Whose session or device token has this id, and where it is kept.
    private func signedIn(
        _ id: String, _ reader: any LedgerReading
    ) throws -> (person: Handle, key: OperationalKey)? {
        let found = try reader.operational(space: Session.space, prefix: id, after: nil, limit: 2)
        if found.count == 1, let session = try Session(found[0], rows) {
            return (session.person, OperationalKey(space: Session.space, key: found[0].key))
        }
        guard found.isEmpty, DeviceToken.isID(id),
            let row = try reader.operational(space: DeviceToken.space, key: id),
            let token = try DeviceToken(row, rows)
        else { return nil }
        return (token.person, OperationalKey(space: DeviceToken.space, key: id))
    }

    private static let noSession = CommandError.conflict(
        code: "no_such_session", "there is no such session")

    func sealed(
        _ space: String, _ secret: String, _ value: JSON, expires: Timestamp
    ) throws -> OperationalRow {
        rows.seal(
            space: space, key: Hash256.sha256(Array(secret.utf8)).hex,
            value: try value.canonicalBytes(), expires: expires)
    }
}
