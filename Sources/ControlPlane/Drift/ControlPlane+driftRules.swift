// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import DriftCore
internal import Storage
internal import TransparencyLog

extension ControlPlane {
    /// Changes which sources are watched or what is ignored; an entry.
    ///
    /// - Throws: `CommandError` where somebody else than an administrator asks, or where the change
    ///   is not possible.
    package func configureDrift(
        _ change: DriftConfiguration.Change, by: Principal
    ) async throws {
        try checkDrift(change)
        _ = try await writer.submit { [self] view in
            guard mayAdminister(by) else { throw Self.driftAdministrators }
            var governance = self.governance
            try governance.checkObserver(change)
            let digest: Hash256
            do {
                digest = try governance.apply(change)
            } catch let error as DriftError {
                throw CommandError.conflict(code: "drift_conflict", error.description)
            }
            let entry = DriftConfigurationEntry(
                change: change, by: by.description, configuration: digest,
                unsealed: governance.unsealed)
            let salts = effects.entropy.hashes(2)
            let draft = try EntryDraft(
                kind: DriftConfigurationEntry.kind, ref: DriftConfigurationEntry.ref,
                core: entry.core, body: [:], salts: (salts[0], salts[1]))
            let result = governance
            return LedgerPlan(
                (), drafts: [draft], removed: removedRows(change, view),
                applied: { [drift] in
                    self.update(result)
                    if case .sourceRemoved(let id) = change { drift.remove(id) }
                })
        }
        driftNews.wake()
    }

    /// What does not fit this server, whoever asks.
    private func checkDrift(_ change: DriftConfiguration.Change) throws {
        guard case .sourceSet(let source) = change else { return }
        // The name is part of the name of a chain of entries.
        guard !source.id.text.utf8.contains(UInt8(ascii: "@")) else {
            throw CommandError.badRequest(
                code: "value_invalid", "`id`: a source's name has no `@`")
        }
        if source.kind == .exequatur, source.observer != nil {
            throw CommandError.badRequest(
                code: "value_invalid", "`observer`: this server observes itself")
        }
    }

    private func removedRows(
        _ change: DriftConfiguration.Change, _ view: LedgerView
    ) -> [OperationalKey] {
        guard case .sourceRemoved(let id) = change else { return [] }
        return [OperationalKey(space: StoredDriftState.space, key: id.text)]
            + (drift.holder(id)?.roots ?? []).map { StoredDriftState.snapshotKey(id, $0) }
    }

    static let driftAdministrators = CommandError.forbidden(
        code: "administrators_only",
        "only administrators change what is watched, and what is right")

    /// A source by its name.
    ///
    /// - Throws: `CommandError` where there is none.
    package func driftSource(_ id: Handle) throws -> DriftSource {
        guard let source = governance.drift.sources[id] else { throw Self.noSource(id) }
        return source
    }

    static func noSource(_ id: Handle) -> CommandError {
        .conflict(code: "no_such_source", "there is no drift source `\(id)`")
    }
}

extension Governance {
    /// Whoever is to observe a source must be there.
    fileprivate func checkObserver(_ change: DriftConfiguration.Change) throws {
        guard case .sourceSet(let source) = change, let gate = source.observer else { return }
        guard directory.gates.contains(gate) else {
            throw CommandError.conflict(
                code: "drift_conflict",
                "source `\(source.id)`: there is no gate `\(gate)`; add it first with "
                    + "`exequatur gate add \(gate)`")
        }
    }
}
