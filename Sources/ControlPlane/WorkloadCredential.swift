// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Storage
internal import TransparencyLog

/// A token of an agent that a workload got in exchange for its own, as it is stored.
///
/// Not in the directory, which would grow by each job that ever ran, but a sealed row that is
/// dropped when its time is over, like a session. What it was given for is an entry.
struct WorkloadCredential: Sendable, Hashable {
    static let space = "workload"
    let id: String
    let agent: Handle
    let trust: String
    let secretHash: Hash256
    let issuedAt: Timestamp
    let expires: Timestamp
    let run: WorkloadRun
    /// The person for whom it acts, and the account by which he was known; nil for none.
    let onBehalfOf: Represented?

    /// A person by one of his accounts: gone as soon as the account is no longer his.
    struct Represented: Sendable, Hashable {
        let person: Handle
        let account: ExternalAccount
    }

    /// `w` and fifteen hex digits; ids in the directory begin with `c`.
    static func isID(_ text: String) -> Bool { Hex.isName(text, letter: "w") }

    init(
        id: String, agent: Handle, trust: String, secretHash: Hash256, issuedAt: Timestamp,
        expires: Timestamp, run: WorkloadRun, onBehalfOf: Represented?
    ) {
        self.id = id
        self.agent = agent
        self.trust = trust
        self.secretHash = secretHash
        self.issuedAt = issuedAt
        self.expires = expires
        self.run = run
        self.onBehalfOf = onBehalfOf
    }

    /// Opens a row; nil for one that this server did not seal.
    init?(_ row: OperationalRow, _ rows: RowAuthenticator) throws {
        guard let bytes = rows.open(row) else { return nil }
        var reader = try JSONReader(try JSON(canonical: bytes), path: Self.space)
        id = row.key
        agent = try reader.handle("agent")
        trust = try reader.string("trust")
        secretHash = try reader.hash("secretHash")
        issuedAt = try reader.timestamp("issuedAt")
        run = try WorkloadRun(try reader.value("run"), path: "\(Self.space).run")
        if var member = try reader.optionalObject("onBehalfOf") {
            let issuer = try member.string("issuer")
            let subject = try member.string("subject")
            guard let account = ExternalAccount(issuer: issuer, subject: subject) else {
                throw member.error("subject", "not an account")
            }
            onBehalfOf = Represented(person: try member.handle("person"), account: account)
            try member.finish()
        } else {
            onBehalfOf = nil
        }
        expires = row.expires
        try reader.finish()
    }

    func row(_ rows: RowAuthenticator) throws -> OperationalRow {
        var value: JSONObject = [
            "agent": .string(agent.text), "issuedAt": .string(issuedAt.description),
            "run": run.json, "secretHash": .string(secretHash.hex), "trust": .string(trust),
        ]
        if let onBehalfOf {
            value["onBehalfOf"] = [
                "issuer": .string(onBehalfOf.account.issuer),
                "person": .string(onBehalfOf.person.text),
                "subject": .string(onBehalfOf.account.subject),
            ]
        }
        return rows.seal(
            space: Self.space, key: id, value: try JSON.object(value).canonicalBytes(),
            expires: expires)
    }
}
