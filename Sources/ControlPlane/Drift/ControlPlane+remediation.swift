// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import DriftCore
internal import Storage
package import TransparencyLog

/// Fixes: plans that this server makes, that people approve as actions, and that gates carry out.
enum DriftRemediation {
    /// Whether an operation carries a plan out.
    static func isOne(_ operation: Operation) -> Bool {
        operation.action.utf8.elementsEqual("drift.remediate".utf8)
    }
}

extension ControlPlane {
    /// A plan that puts deviations back as the baseline has them.
    ///
    /// Nothing is changed by it. The plan is to be submitted as an action; this server knows it
    /// again, and says in the action's facts whether what was submitted is a plan of its own.
    package func planDrift(
        _ id: Handle, _ fingerprints: Set<Hash256>, allowsBroadening: Bool
    ) throws -> RemediationPlan {
        _ = try driftSource(id)
        guard let holder = drift.holder(id), let baseline = holder.machine.baseline else {
            throw CommandError.conflict(
                code: "no_baseline", "source `\(id)` has no approved baseline yet")
        }
        let expected = try snapshot(baseline.root, of: holder)
        let plan = try Self.conflict {
            try holder.machine.plan(
                reverting: fingerprints, expected: expected, live: try Self.live(holder),
                directions: directions, allowsBroadening: allowsBroadening)
        }
        drift.issue(try plan.digest, now: now)
        return plan
    }

    /// What the server knows of an action that wants to carry out a plan.
    func remediationFacts(_ operation: Operation) -> JSON? {
        guard DriftRemediation.isOne(operation) else { return nil }
        let input = JSON.object(operation.input)
        guard let plan = try? RemediationPlan(input), let digest = try? plan.digest,
            drift.issued(digest), plan.source.text.utf8.elementsEqual(operation.resourceID.utf8),
            operation.effects == plan.effects,
            plan.baselineRoot == drift.holder(plan.source)?.machine.baseline?.root
        else {
            return [
                "effect": "unknown", "inspectable": false, "kind": "drift",
                "reasons": ["not a plan that this server made for the baseline of now"],
            ]
        }
        return [
            "broadens": .bool(plan.isBroadening), "effect": "write", "fields": .int(plan.fields),
            "inspectable": true, "kind": "drift", "subjects": .int(plan.changes.count),
        ]
    }

    /// What gates have done about plans since the last observation.
    struct RemediationProgress {
        /// Whether the machine noted anything.
        var isNews = false
        /// Deviations that are over because they were put back.
        var closed: [Episode] = []
    }

    /// Lets the machine know of plans that gates have begun or ended, before it sees what came of
    /// them.
    func remediate(
        _ machine: inout DriftMachine, _ approved: [ApprovedEffect], _ observation: Observation,
        _ expected: Snapshot?
    ) throws -> RemediationProgress {
        var progress = RemediationProgress()
        let source = machine.source.id.text
        let running = Set(machine.remediations.values.map(\.action))
        let actions = Set(approved.map(\.action)).filter { id in
            driftEffects.isRemediation(id)
                && (running.contains(id) || !driftEffects.isOver(id, before: machine.last?.started))
        }
        for id in actions.sorted(by: { $0.text < $1.text }) {
            guard let detail = try detail(id) else { continue }
            let operation = detail.body.action.operation
            guard operation.resourceID.utf8.elementsEqual(source.utf8),
                let plan = try? RemediationPlan(.object(operation.input))
            else { continue }
            try advance(&machine, plan, detail, observation, expected, &progress)
        }
        return progress
    }

    private func advance(
        _ machine: inout DriftMachine, _ plan: RemediationPlan, _ detail: ActionDetail,
        _ observation: Observation, _ expected: Snapshot?,
        _ progress: inout RemediationProgress
    ) throws {
        let isRunning = machine.remediations[try plan.digest] != nil
        guard let claim = detail.claimEntry else { return }
        func begin() -> Bool {
            let began: Void? = try? machine.begin(
                plan, action: detail.state.id, expected: expected, now: claim.entry.at)
            if began != nil { progress.isNews = true }
            return began != nil
        }
        switch detail.state.status {
        case .notStarted:
            guard isRunning else { return }
            try machine.abandon(plan)
            progress.isNews = true
        case .claimed, .unknown:
            if !isRunning, observation.started < claim.entry.at.adding(seconds: 86_400) {
                _ = begin()
            }
        default:
            guard let ended = detail.state.outcomes.last?.at else { return }
            // It may have begun and ended between two observations.
            let isAt =
                isRunning || claim.entry.at >= (machine.last?.started ?? ended) && begin()
            // A look that began before the end says nothing of it; the next one will.
            guard isAt, observation.started >= ended, observation.snapshot != nil,
                let outcome = try? machine.verify(plan, observation: observation)
            else { return }
            progress.isNews = true
            progress.closed += outcome.closed
        }
    }
}
