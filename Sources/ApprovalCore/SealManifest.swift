// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// What two persons look at and confirm when an installation is sealed (DESIGN §4.13).
///
/// Everything that decides from then on: people and their own credentials, agents, gates and groups,
/// the policy set, every token and who has seen it, the log's key, and the recovery key. Its digest
/// is SHA-256(`exequatur/v1/seal\n` ‖ RFC 8785 form); a gate that pins it knows which passkeys were
/// there, whatever the server says later.
package struct SealManifest: Sendable, Hashable {
    package let directory: Directory
    package let policySet: Hash256
    package let logKey: VerifierKey
    /// The public half of the key that only `exequatur recover` uses.
    package let recoveryKey: VerifierKey
    package let json: JSON

    package init(
        directory: Directory, policySet: Hash256, logKey: VerifierKey, recoveryKey: VerifierKey
    ) {
        self.directory = directory
        self.policySet = policySet
        self.logKey = logKey
        self.recoveryKey = recoveryKey
        let credentials = directory.credentials.values.sorted { $0.id < $1.id }
        json = [
            "credentials": .array(
                credentials.map { credential in
                    [
                        "id": .string(credential.id), "kind": .string(credential.kind.rawValue),
                        "notAfter": .optional(credential.notAfter),
                        "shownTo": .handles(credential.shownTo),
                        "subject": .string(credential.subject.text),
                    ]
                }),
            "directory": directory.json, "log": .string(logKey.vkey),
            "policySet": .string(policySet.hex), "recoveryKey": .string(recoveryKey.vkey), "v": 1,
        ]
    }

    /// Reads one back, without the secrets' hashes, for gates and auditors.
    ///
    /// Throws for an unknown version or member. The digest is of the JSON that was read.
    package init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "manifest")
        guard try reader.int("v") == 1 else { throw CoreError("`manifest.v`: unknown version") }
        directory = try Directory(extract: try reader.value("directory"))
        policySet = try reader.hash("policySet")
        logKey = try VerifierKey(vkey: try reader.string("log"))
        recoveryKey = try VerifierKey(vkey: try reader.string("recoveryKey"))
        _ = try reader.array("credentials")
        try reader.finish()
        guard directory.json == json["directory"] else {
            throw CoreError("`manifest.directory`: not in its one form")
        }
        self.json = json
    }

    package var digest: Hash256 {
        get throws { .sha256(Array("exequatur/v1/seal\n".utf8) + (try json.canonicalBytes())) }
    }
}

/// What happened to the seal; the core of an entry of the chain `seal`.
package enum SealEvent: Sendable, Hashable {
    /// A person asks for the seal; an earlier question is void.
    case proposed(manifest: Hash256, recoveryKey: VerifierKey, by: Handle)
    case confirmed(manifest: Hash256, by: Handle, method: SignInMethod)
    case sealed(manifest: Hash256, recoveryKey: VerifierKey, by: [Handle])
    /// The recovery key was used with the server stopped; `changes` tells what for.
    case recovered(statement: Hash256, changes: Int)

    package static let ref = "seal"

    package var kind: String {
        switch self {
        case .proposed: "seal.proposed"
        case .confirmed: "seal.confirmed"
        case .sealed: "installation.sealed"
        case .recovered: "installation.recovered"
        }
    }

    package func core(unsealed: Bool) -> JSON {
        var object: JSONObject = [
            "kind": .string(kind), "unsealed": .bool(unsealed), "v": 1,
        ]
        switch self {
        case .proposed(let manifest, let key, let person):
            object["by"] = .string(person.text)
            object["manifest"] = .string(manifest.hex)
            object["recoveryKey"] = .string(key.vkey)
        case .confirmed(let manifest, let person, let method):
            object["by"] = .string(person.text)
            object["manifest"] = .string(manifest.hex)
            object["method"] = .string(method.rawValue)
        case .sealed(let manifest, let key, let persons):
            object["by"] = .handles(persons)
            object["manifest"] = .string(manifest.hex)
            object["recoveryKey"] = .string(key.vkey)
        case .recovered(let statement, let changes):
            object["changes"] = .integer(Int64(changes))
            object["statement"] = .string(statement.hex)
        }
        return .object(object)
    }

    /// Reads a core; an unknown version, kind or member is refused.
    package init(core: JSON) throws {
        var reader = try JSONReader(core, path: "core")
        guard try reader.int("v") == 1 else { throw CoreError("`core.v`: unknown version") }
        _ = try reader.bool("unsealed")
        let kind = try reader.string("kind")
        switch kind {
        case "seal.proposed":
            self = .proposed(
                manifest: try reader.hash("manifest"),
                recoveryKey: try VerifierKey(vkey: try reader.string("recoveryKey")),
                by: try reader.handle("by"))
        case "seal.confirmed":
            self = .confirmed(
                manifest: try reader.hash("manifest"), by: try reader.handle("by"),
                method: try reader.choice("method", SignInMethod.self))
        case "installation.sealed":
            self = .sealed(
                manifest: try reader.hash("manifest"),
                recoveryKey: try VerifierKey(vkey: try reader.string("recoveryKey")),
                by: try reader.handles("by"))
        case "installation.recovered":
            self = .recovered(
                statement: try reader.hash("statement"),
                changes: Int(clamping: try reader.int("changes")))
        default: throw CoreError("`core.kind`: `\(VisibleText.escape(kind))` is unknown")
        }
        try reader.finish()
    }
}

/// Where the seal stands: nothing, a question that some have confirmed, or sealed.
package struct SealState: Sendable, Hashable {
    package struct Question: Sendable, Hashable {
        package let manifest: Hash256
        package let recoveryKey: VerifierKey
        package let by: Handle
        /// Distinct persons.
        package fileprivate(set) var confirmed: [Handle]
    }

    package struct Seal: Sendable, Hashable {
        package let manifest: Hash256
        package let recoveryKey: VerifierKey
        package let by: [Handle]
        package let at: Timestamp
    }

    package private(set) var question: Question?
    package private(set) var seal: Seal?
    /// How often the recovery key was used.
    package private(set) var recoveries = 0
    /// Persons who must confirm.
    package static let confirmations = 2

    package init() {}

    /// Applies the next event of the chain or says why it can't follow.
    package mutating func apply(_ event: SealEvent, at: Timestamp) throws(TransitionError) {
        switch event {
        case .proposed(let manifest, let key, let person):
            guard seal == nil else { throw TransitionError("the installation is sealed already") }
            question = Question(manifest: manifest, recoveryKey: key, by: person, confirmed: [])
        case .confirmed(let manifest, let person, _):
            guard seal == nil, let asked = question, asked.manifest == manifest else {
                throw TransitionError("this is not what was asked")
            }
            guard !asked.confirmed.contains(person) else {
                throw TransitionError("`\(person)` has confirmed already")
            }
            question?.confirmed.append(person)
        case .sealed(let manifest, let key, let persons):
            guard seal == nil, let asked = question, asked.manifest == manifest,
                asked.recoveryKey == key, asked.confirmed == persons,
                persons.count >= Self.confirmations
            else { throw TransitionError("not confirmed by two persons") }
            seal = Seal(manifest: manifest, recoveryKey: key, by: persons, at: at)
            question = nil
        case .recovered:
            guard seal != nil else { throw TransitionError("nothing is sealed") }
            recoveries += 1
        }
    }
}
