// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Storage
internal import TransparencyLog

/// A token that a person's command line got after he confirmed a code in the console.
///
/// Stored like a session, not in the directory: it is one way of being signed in.
struct DeviceToken: Sendable, Hashable {
    static let space = "device-token"
    let id: String
    let person: Handle
    let secretHash: Hash256
    let issuedAt: Timestamp
    let expires: Timestamp
    /// Who made the link by which the confirming session was opened, if it was one.
    let issuedBy: Handle?

    /// `d` and fifteen hex digits.
    static func isID(_ text: String) -> Bool { Hex.isName(text, letter: "d") }

    init(
        id: String, person: Handle, secretHash: Hash256, issuedAt: Timestamp, expires: Timestamp,
        issuedBy: Handle?
    ) {
        self.id = id
        self.person = person
        self.secretHash = secretHash
        self.issuedAt = issuedAt
        self.expires = expires
        self.issuedBy = issuedBy
    }

    /// Opens a row; nil for one that this server did not seal.
    init?(_ row: OperationalRow, _ rows: RowAuthenticator) throws {
        guard let bytes = rows.open(row) else { return nil }
        var reader = try JSONReader(try JSON(canonical: bytes), path: Self.space)
        id = row.key
        person = try reader.handle("person")
        secretHash = try reader.hash("secretHash")
        issuedAt = try reader.timestamp("issuedAt")
        issuedBy = try reader.optionalHandle("issuedBy")
        expires = row.expires
        try reader.finish()
    }

    func row(_ rows: RowAuthenticator) throws -> OperationalRow {
        let value: JSON = [
            "issuedAt": .string(issuedAt.description), "issuedBy": .optional(issuedBy),
            "person": .string(person.text), "secretHash": .string(secretHash.hex),
        ]
        return rows.seal(
            space: Self.space, key: id, value: try value.canonicalBytes(), expires: expires)
    }
}

/// What a command line shows its user: a code to confirm in the console (RFC 8628 §3.2).
package struct DeviceAuthorization: Sendable {
    package let deviceCode: String
    package let userCode: String
    package let verification: String
    package let expiresInSeconds: Int64
    package let intervalSeconds: Int64
}

/// What a person sees before he confirms a code.
package struct DeviceRequest: Sendable, Hashable {
    package let userCode: String
    /// Where the request came from; whoever sends somebody a code to confirm can't hide it.
    package let address: String
    package let client: String
    package let expires: Timestamp
}

/// How a poll ends (RFC 8628 §3.5).
package enum DevicePoll: Sendable {
    case pending
    case denied
    case expired
    case token(String, person: Handle, expires: Timestamp)
}

/// Signing a command line in: it shows a code, a signed-in person confirms it in the console.
extension ControlPlane {
    private static let devices = "device"
    private static let deviceCodes = "device-code"
    private static let deviceSeconds: Int64 = 600
    private static let deviceTokenSeconds: Int64 = 12 * 3600

    /// Begins; anybody may, so it is limited by address and makes no entry.
    package func beginDevice(address: String, client: String) async throws -> DeviceAuthorization {
        try throttle("device \(address)", codeLimiter)
        let secret = Base64URL.encode(effects.entropy.bytes(32))
        let code = Self.code(effects.entropy.bytes(12))
        let expires = now.adding(seconds: Self.deviceSeconds)
        let state: JSON = [
            "address": .string(address), "client": .string(String(client.prefix(200))),
            "code": .string(code), "issuedBy": .null, "person": .null, "state": "pending",
        ]
        let device = try sealed(Self.devices, secret, state, expires: expires)
        let pointer = try sealed(
            Self.deviceCodes, code, ["device": .string(device.key)], expires: expires)
        _ = try await writer.submit(priority: .intake) { _ in
            LedgerPlan((), operational: [device, pointer])
        }
        return DeviceAuthorization(
            deviceCode: secret, userCode: code,
            verification: "\(configuration.publicURL)/device",
            expiresInSeconds: Self.deviceSeconds, intervalSeconds: 2)
    }

    /// What a code stands for, for the page that asks whether to confirm it.
    package func deviceRequest(code typed: String, for person: Handle) throws -> DeviceRequest? {
        try throttle("device-code \(person)", codeLimiter)
        guard let found = try backend.read({ try device(typed, $0) }),
            found.state["state"]?.stringValue == "pending"
        else { return nil }
        return DeviceRequest(
            userCode: found.state["code"]?.stringValue ?? "",
            address: found.state["address"]?.stringValue ?? "",
            client: found.state["client"]?.stringValue ?? "", expires: found.row.expires)
    }

    private func device(
        _ typed: String, _ reader: any LedgerReading
    ) throws -> (row: OperationalRow, state: JSON)? {
        guard let code = Self.normalised(typed),
            let pointer = try reader.operational(
                space: Self.deviceCodes, key: Self.codeKey(code)),
            pointer.expires > now, let bytes = rows.open(pointer),
            let key = try JSON(canonical: bytes)["device"]?.stringValue,
            let row = try reader.operational(space: Self.devices, key: key), row.expires > now,
            let state = rows.open(row)
        else { return nil }
        return (row, try JSON(canonical: state))
    }

    /// Whether a session may answer a code: only who has just signed in.
    package func mayAnswerDevice(_ session: Session) -> Bool {
        assurance(of: session) >= .console || !unsealed && session.method == .link
    }

    /// Confirms or refuses a code; only with a sign-in of the last ten minutes.
    package func answerDevice(
        code typed: String, confirm: Bool, by session: Session
    ) async throws {
        guard mayAnswerDevice(session) else {
            throw CommandError.forbidden(
                code: "sign_in_again", "sign in again: this needs a sign-in of the last 10 minutes")
        }
        _ = try await writer.submit { [self] view in
            guard let found = try device(typed, view.store),
                found.state["state"]?.stringValue == "pending",
                var state = found.state.objectValue
            else {
                throw CommandError.forbidden(
                    code: "code_invalid", "this code is wrong, used or too old: begin again")
            }
            state["state"] = .string(confirm ? "confirmed" : "denied")
            state["person"] = .string(session.person.text)
            state["issuedBy"] = .optional(session.issuedBy)
            let row = rows.seal(
                space: Self.devices, key: found.row.key,
                value: try JSON.object(state).canonicalBytes(), expires: found.row.expires)
            return LedgerPlan((), operational: [row])
        }
    }

    /// Slows down whoever polls from one address, before anything is looked at.
    package func throttleDevicePoll(address: String) throws {
        try throttle("device-poll \(address)", exchangeLimiter)
    }

    /// Whether this device code is asked about more often than it was told to be (RFC 8628 §3.5,
    /// `slow_down`).
    package func isPolledTooOften(_ secret: String) -> Bool {
        pollLimiter.take(Hash256.sha256(Array(secret.utf8)).hex, now: now) != nil
    }

    /// Hands the token out, once, after the code was confirmed.
    package func pollDevice(_ secret: String, audit: JSON) async throws -> DevicePoll {
        guard secret.utf8.count <= 128 else { return .expired }
        let key = Hash256.sha256(Array(secret.utf8)).hex
        func state(_ reader: any LedgerReading) throws -> JSON? {
            guard let row = try reader.operational(space: Self.devices, key: key),
                row.expires > now, let bytes = rows.open(row)
            else { return nil }
            return try JSON(canonical: bytes)
        }
        switch try backend.read(state)?["state"]?.stringValue {
        case "pending": return .pending
        case "denied": return .denied
        case "confirmed": break
        default: return .expired
        }
        let entropy = effects.entropy
        let token = Token(
            kind: .person, key: verifierKey,
            credential: "d" + entropy.hashes(1)[0].hex.prefix(15), secret: entropy.bytes(32))
        let salts = entropy.hashes(2)
        return try await writer.submit { [self] view -> LedgerPlan<DevicePoll> in
            guard let found = try view.store.operational(space: Self.devices, key: key),
                let bytes = rows.open(found), let value = Optional(try JSON(canonical: bytes)),
                value["state"]?.stringValue == "confirmed",
                let person = value["person"]?.stringValue.flatMap(Handle.init),
                governance.directory.persons.contains(person)
            else { return LedgerPlan(.expired) }
            let credential = DeviceToken(
                id: token.credential, person: person, secretHash: .sha256(token.secret),
                issuedAt: view.now, expires: view.now.adding(seconds: Self.deviceTokenSeconds),
                issuedBy: value["issuedBy"]?.stringValue.flatMap(Handle.init))
            let draft = try EntryDraft(
                kind: "person.signed-in", ref: Self.sessionsRef,
                core: [
                    "kind": "person.signed-in", "method": "token", "person": .string(person.text),
                    "session": .string(credential.id), "unsealed": .bool(unsealed), "v": 1,
                ], body: ["audit": audit, "evidence": ["device": true]],
                salts: (salts[0], salts[1]))
            return LedgerPlan(
                .token(token.text, person: person, expires: credential.expires), drafts: [draft],
                operational: [try credential.row(rows)],
                removed: [OperationalKey(space: Self.devices, key: key)])
        }.value
    }

    /// Checks a token that was handed out so.
    func authenticate(device token: Token) throws(AuthenticationError) -> Authenticated {
        let credential: DeviceToken?
        do {
            credential = try backend.read { reader in
                try reader.operational(space: DeviceToken.space, key: token.credential)
            }.flatMap { try DeviceToken($0, rows) }
        } catch {
            throw .unavailable
        }
        guard let credential, token.kind == .person,
            Hash256.sha256(token.secret).equalsInConstantTime(credential.secretHash),
            governance.isCurrent(credential.person, since: credential.issuedAt)
        else { throw failed(.invalid) }
        guard now < credential.expires else { throw failed(.expired) }
        lastUses.note(credential.id, at: now)
        var party = Authenticated(
            principal: .person(credential.person), credential: credential.id, assurance: .token)
        party.shownTo = credential.issuedBy.map { [$0] }?.filter { $0 != credential.person } ?? []
        return party
    }
}
