// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Logging
internal import Storage
package import TransparencyLog

/// The question whether to seal, as people see it.
package struct SealQuestion: Sendable {
    package let manifest: SealManifest
    package let digest: Hash256
    package let by: Handle
    package let confirmed: [Handle]
    /// False where something has changed since it was asked: ask again.
    package let isCurrent: Bool
}

/// Ending the set-up phase, for good (DESIGN §4.13).
extension ControlPlane {
    /// What keeps the installation from being sealed, in sentences; empty if nothing does.
    package var sealObstacles: [String] {
        let governance = self.governance
        let directory = governance.directory
        var problems: [String] = []
        if let seal = governance.seal.seal {
            return ["the installation is sealed already, since \(seal.at)"]
        }
        let administrators = directory.persons(in: .administrators)
        if administrators.filter(directory.hasOwnCredential).count < SealState.confirmations {
            problems.append(
                "two administrators need a passkey, or an account at an identity provider, of "
                    + "their own")
        }
        if governance.singleOperator {
            problems.append("the server runs with --single-operator: start it without")
        }
        if let deadlock = governance.deadlock { problems.append(deadlock) }
        for agent in directory.agents.sorted(by: { $0.key < $1.key })
        where !directory.persons.contains(agent.value) {
            problems.append(
                "agent `\(agent.key)` belongs to nobody: remove it, or give it an owner")
        }
        return problems
    }

    private func manifest(_ governance: Governance, _ recoveryKey: VerifierKey) -> SealManifest? {
        governance.policies.map {
            SealManifest(
                directory: governance.directory, policySet: $0.digest, logKey: verifierKey,
                recoveryKey: recoveryKey)
        }
    }

    /// Asks whether to seal, with the public half of a recovery key that the asker has just made.
    ///
    /// A question that was asked before is void.
    package func proposeSeal(
        recoveryKey: VerifierKey, by party: Authenticated, audit: JSON
    ) async throws -> SealQuestion {
        guard isAdministrator(party.principal), let person = party.principal.personID else {
            throw CommandError.forbidden(
                code: "administrators_only", "only an administrator asks for the seal")
        }
        let problems = sealObstacles
        guard problems.isEmpty else {
            throw CommandError.conflict(
                code: "not_sealable", problems.joined(separator: "; "))
        }
        let salts = effects.entropy.hashes(2)
        _ = try await writer.submit { [self] view in
            var governance = self.governance
            guard let manifest = manifest(governance, recoveryKey) else {
                throw CommandError.noPolicies
            }
            let event = SealEvent.proposed(
                manifest: try manifest.digest, recoveryKey: recoveryKey, by: person)
            try Self.conflicting { try governance.apply(event, at: view.now) }
            let draft = try EntryDraft(
                kind: event.kind, ref: SealEvent.ref, core: event.core(unsealed: true),
                body: ["audit": audit, "manifest": manifest.json], salts: (salts[0], salts[1]))
            let result = governance
            return LedgerPlan((), drafts: [draft], applied: { self.update(result) })
        }
        guard let question = sealQuestion else { throw CommandError.noPolicies }
        return question
    }

    /// The question that is open, with the manifest as it would be now.
    package var sealQuestion: SealQuestion? {
        let governance = self.governance
        guard let asked = governance.seal.question,
            let manifest = manifest(governance, asked.recoveryKey),
            let digest = try? manifest.digest
        else { return nil }
        return SealQuestion(
            manifest: manifest, digest: asked.manifest, by: asked.by, confirmed: asked.confirmed,
            isCurrent: digest == asked.manifest)
    }

    /// Why a session may not confirm the seal, or nil if it may.
    package func obstacle(sealing session: Session) -> CommandError? {
        guard isAdministrator(.person(session.person)) else {
            return .forbidden(
                code: "administrators_only", "only administrators confirm the seal")
        }
        guard session.method == .passkey || session.method == .openID,
            assurance(of: session) >= .console
        else {
            return .forbidden(
                code: "sign_in_again",
                "sign in with a passkey or by single sign-on, and confirm within ten minutes")
        }
        return nil
    }

    /// Confirms the manifest; the second person's word seals.
    ///
    /// Only an administrator, who has signed in within the last ten minutes by a passkey or an
    /// identity provider: a link or a token was seen by somebody else.
    package func confirmSeal(
        expect: Hash256, by session: Session, audit: JSON
    ) async throws -> Bool {
        if let obstacle = obstacle(sealing: session) { throw obstacle }
        let salts = effects.entropy.hashes(256)
        let recorded = try await writer.submit { [self] view -> LedgerPlan<Bool> in
            var governance = self.governance
            guard let asked = governance.seal.question, asked.manifest == expect,
                let manifest = manifest(governance, asked.recoveryKey),
                try manifest.digest == expect
            else {
                throw CommandError.conflict(
                    code: "seal_changed",
                    "something has changed since the question was asked: ask again, and look at "
                        + "the manifest again")
            }
            guard governance.deadlock == nil else {
                throw CommandError.conflict(code: "not_sealable", governance.deadlock ?? "")
            }
            let confirmed = SealEvent.confirmed(
                manifest: expect, by: session.person, method: session.method)
            try Self.conflicting { try governance.apply(confirmed, at: view.now) }
            var drafts = [try sealDraft(confirmed, audit, salts: (salts[0], salts[1]))]
            let persons = governance.seal.question?.confirmed ?? []
            guard persons.count >= SealState.confirmations else {
                let result = governance
                return LedgerPlan(false, drafts: drafts, applied: { self.update(result) })
            }
            // What administers alone ends in the same write.
            let dying = governance.directory.credentials.values
                .filter { $0.kind == .administrator }.map(\.id).sorted()
            drafts += try plan(
                dying.map { NamedChange(.credentialRevoked($0)) }, by: "seal", at: view.now,
                &governance)
            let sealed = SealEvent.sealed(
                manifest: expect, recoveryKey: asked.recoveryKey, by: persons)
            try Self.conflicting { try governance.apply(sealed, at: view.now) }
            drafts.append(
                try EntryDraft(
                    kind: sealed.kind, ref: SealEvent.ref, core: sealed.core(unsealed: false),
                    body: ["audit": audit, "manifest": manifest.json],
                    salts: (salts[2], salts[3])))
            try governance.refresh()
            let result = governance
            return LedgerPlan(true, drafts: drafts, applied: { self.update(result) })
        }
        guard recorded.value else { return false }
        configuration.data.removeAdminToken()
        logger.notice("the installation is sealed", metadata: ["manifest": "\(expect.hex)"])
        return true
    }

    private func sealDraft(
        _ event: SealEvent, _ audit: JSON, salts: (Hash256, Hash256)
    ) throws -> EntryDraft {
        try EntryDraft(
            kind: event.kind, ref: SealEvent.ref, core: event.core(unsealed: true),
            body: ["audit": audit], salts: salts)
    }

    static func conflicting(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as TransitionError {
            throw CommandError.conflict(code: "seal_conflict", error.description)
        }
    }

    /// The manifest that was sealed, from its entry.
    package func sealedManifest() throws -> SealManifest? {
        guard governance.seal.seal != nil else { return nil }
        return try backend.read { reader in
            for recorded in try reader.chain(of: SealEvent.ref)
            where recorded.entry.kind == "installation.sealed" {
                guard recorded.matchesCommitments, let body = recorded.body else { return nil }
                let json = try JSON(canonical: body, limits: Limits.storedJSON)
                return try json["manifest"].map { try SealManifest($0) }
            }
            return nil
        }
    }
}
