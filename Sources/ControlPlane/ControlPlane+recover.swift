// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Logging
internal import Storage
package import TransparencyLog

/// What a recovery hands out.
package struct Recovery: Sendable {
    /// For each person a link with which he enrols a passkey, once, within the hour.
    package let links: [(person: Handle, link: String)]
    /// The entry that says so to everybody.
    package let index: UInt64
}

extension ControlPlane {
    /// Lets persons in who may change the rules again, on the word of the recovery key: the only way
    /// out when nobody can approve anything any more (DESIGN §4.13).
    ///
    /// Only with the server stopped; the store's lock sees to that. It opens nothing else: the
    /// installation stays sealed, policies stay as they are unless `policies` are given, and whoever
    /// is let in enrols a passkey and then asks others like everybody.
    ///
    /// Crash order: the entries are durable before any link is shown. A crash between the two leaves
    /// a recovery without links; doing it again adds what is missing and another entry.
    package func recover(
        _ persons: [Handle], policies: [PolicyFile]?, key: SigningKey
    ) async throws -> Recovery {
        guard let seal = governance.seal.seal else {
            throw CommandError.conflict(
                code: "not_sealed", "nothing is sealed, so there is nothing to recover from")
        }
        guard key.verifierKey == seal.recoveryKey else {
            throw CommandError.forbidden(
                code: "wrong_key", "this is not the recovery key that was fixed at the seal")
        }
        guard (1...8).contains(persons.count), Set(persons).count == persons.count else {
            throw CommandError.badRequest(
                code: "value_invalid", "1 to 8 different persons are let in")
        }
        let set = try policies.map {
            try PublishedPolicies(files: $0, generated: generatedFiles(beside: $0))
        }
        let salts = effects.entropy.hashes(2)
        let recorded = try await writer.submit { [self] view in
            var governance = self.governance
            let changes = Self.changes(admitting: persons, governance.directory)
            let statement = try Self.statement(changes, set, view, key.name)
            let event = SealEvent.recovered(
                statement: .sha256(Array(statement.utf8)), changes: changes.count)
            try Self.conflicting { try governance.apply(event, at: view.now) }
            var drafts = [
                try EntryDraft(
                    kind: event.kind, ref: SealEvent.ref, core: event.core(unsealed: false),
                    body: ["note": .string(key.sign(noteText: statement))],
                    salts: (salts[0], salts[1]))
            ]
            drafts += try plan(changes, by: "recovery", at: view.now, &governance)
            if let set {
                drafts.append(try publication(set, by: "recovery", at: view.now, &governance))
            }
            try governance.refresh()
            let result = governance
            return LedgerPlan((), drafts: drafts, applied: { self.update(result) })
        }
        logger.critical("the recovery key was used", metadata: ["persons": "\(persons)"])
        var links: [(person: Handle, link: String)] = []
        for person in persons {
            links.append((person, try await recoveryLink(for: person)))
        }
        return Recovery(links: links, index: recorded.entries.first?.index ?? 0)
    }

    private static func changes(
        admitting persons: [Handle], _ directory: Directory
    ) -> [NamedChange] {
        persons.flatMap { person -> [NamedChange] in
            var changes: [DirectoryChange] = []
            if !directory.persons.contains(person) { changes.append(.personAdded(person)) }
            for group in [Handle.administrators, .reviewers]
            where directory.groups[group] != nil && !directory.isPerson(person, in: group) {
                changes.append(.memberAdded(group: group, member: person))
            }
            return changes.map { NamedChange($0) }
        }
    }

    /// What the recovery key signs: where in the log, and every change.
    private static func statement(
        _ changes: [NamedChange], _ set: PublishedPolicies?, _ view: LedgerView, _ name: String
    ) throws -> String {
        let all = JSON.array(changes.map(\.change.json))
        let text = String(decoding: try all.canonicalBytes(), as: UTF8.self)
        return "exequatur/v1/recovery\n\(view.size)\n\(text)\n\(set?.digest.hex ?? "-")\n"
    }

    /// A link that lets its bearer enrol a passkey without anybody's approval.
    private func recoveryLink(for person: Handle) async throws -> String {
        let secret = Base64URL.encode(effects.entropy.bytes(32))
        let value: JSON = [
            "issuedAt": .string(now.description), "issuedBy": .null,
            "person": .string(person.text), "recovery": true,
        ]
        let row = try sealed(
            "link", secret, value, expires: now.adding(seconds: Self.linkSeconds))
        _ = try await writer.submit { _ in LedgerPlan((), operational: [row]) }
        return "\(configuration.publicURL)/sign-in?token=\(secret)"
    }
}
