// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import DriftCore
internal import Storage
internal import Synchronization
internal import TransparencyLog

/// What open actions were asked about last: rules, people, baselines, and which windows are open.
struct ReevaluationBasis: Sendable, Hashable {
    let policySet: Hash256?
    let directory: Hash256?
    let baselines: [Handle: Hash256]
    let freezes: [Handle]
    let unsealed: Bool
}

extension ControlPlane {
    private static let reevaluatedAtOnce = 200

    /// Asks policy again about everything open, where something that it depends on has changed since
    /// the last time, or a freeze window has opened or closed (DESIGN §4.12).
    ///
    /// Only brings forward what clearing and claiming find out by themselves, so that people and
    /// agents hear of it: a crash in between loses nothing.
    func reevaluateOpenActions(_ attempt: (ActionID) async throws -> Void) async throws {
        let basis = reevaluationBasis
        guard reevaluated.withLock({ $0 }) != basis else { return }
        var query = ActionQuery()
        query.statuses = [.pending, .cleared]
        query.limit = Self.reevaluatedAtOnce
        while true {
            let page = try backend.read { try $0.actions(query) }
            for row in page { try await attempt(row.id) }
            guard page.count == Self.reevaluatedAtOnce, let last = page.last else { break }
            query.before = last.id
        }
        reevaluated.withLock { $0 = basis }
    }

    private var reevaluationBasis: ReevaluationBasis {
        let governance = self.governance
        return ReevaluationBasis(
            policySet: governance.environment?.policies.digest,
            directory: governance.environment?.directoryDigest, baselines: drift.baselines,
            freezes: governance.directory.openFreezes(at: now), unsealed: governance.unsealed)
    }

    /// Whether an action was made against a baseline that does not count any more.
    func isTargetChanged(_ operation: Operation) -> Bool {
        guard let target = target(of: operation) else { return false }
        return drift.baselines[target.source] != target.root
    }

    /// What an action says that it was made against.
    private func target(of operation: Operation) -> DeclaredTarget? {
        if let target = operation.target { return target }
        guard DriftRemediation.isOne(operation),
            let plan = try? RemediationPlan(.object(operation.input))
        else { return nil }
        return DeclaredTarget(source: plan.source, root: plan.baselineRoot)
    }

    /// Refuses what was made against another baseline than the one that counts.
    func checkTarget(_ operation: Operation) throws {
        guard operation.target != nil, isTargetChanged(operation) else { return }
        throw CommandError.conflict(
            code: "target_changed",
            "`operation.target`: another baseline of this source counts by now: look at it again "
                + "with `exequatur drift show`")
    }
}
