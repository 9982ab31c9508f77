// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import DriftCore
internal import Storage
package import TransparencyLog

/// Fixes: plans that this server makes, that people approve as actions, and that gates carry out.
package enum DriftRemediation {
    /// The action that carries a plan out.
    package static let action = "drift.remediate"
    package static let resourceType = "DriftSource"
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
        guard operation.action.utf8.elementsEqual(DriftRemediation.action.utf8) else { return nil }
        let input = JSON.object(operation.input)
        guard let plan = try? RemediationPlan(input), let digest = try? plan.digest,
            drift.issued(digest), plan.source.text.utf8.elementsEqual(operation.resourceID.utf8),
            operation.effects == plan.effects
        else {
            return [
                "effect": "unknown", "inspectable": false, "kind": "drift",
                "reasons": ["not a plan that this server made"],
            ]
        }
        return [
            "broadens": .bool(plan.isBroadening), "effect": "write", "fields": .int(plan.fields),
            "inspectable": true, "kind": "drift", "subjects": .int(plan.changes.count),
        ]
    }

    /// Lets the machine know of plans that gates have begun or ended, before it sees what came of
    /// them.
    ///
    /// - Returns: how many changed something.
    func remediate(
        _ machine: inout DriftMachine, _ approved: [ApprovedEffect], _ observation: Observation
    ) throws -> Int {
        var changed = 0
        let source = machine.source.id.text
        for id in Set(approved.map(\.action)).sorted(by: { $0.text < $1.text }) {
            guard let detail = try detail(id) else { continue }
            let operation = detail.body.action.operation
            guard operation.action.utf8.elementsEqual(DriftRemediation.action.utf8),
                operation.resourceID.utf8.elementsEqual(source.utf8),
                let plan = try? RemediationPlan(.object(operation.input))
            else { continue }
            changed += try advance(&machine, plan, detail, observation)
        }
        return changed
    }

    private func advance(
        _ machine: inout DriftMachine, _ plan: RemediationPlan, _ detail: ActionDetail,
        _ observation: Observation
    ) throws -> Int {
        let digest = try plan.digest
        let isRunning = machine.remediations[digest] != nil
        guard let claim = detail.claimEntry else { return 0 }
        switch detail.state.status {
        case .notStarted:
            guard isRunning else { return 0 }
            try machine.abandon(plan)
        case .claimed, .unknown:
            guard !isRunning, observation.started < claim.entry.at.adding(seconds: 86_400) else {
                return 0
            }
            guard (try? machine.begin(plan, action: detail.state.id, now: claim.entry.at)) != nil
            else {
                return 0
            }
        default:
            guard let ended = detail.state.outcomes.last?.at else { return 0 }
            if !isRunning {
                // It began and ended between two observations.
                guard claim.entry.at >= (machine.last?.started ?? ended),
                    (try? machine.begin(plan, action: detail.state.id, now: claim.entry.at)) != nil
                else { return 0 }
            }
            // A look that began before the end says nothing of it; the next one will.
            guard observation.started >= ended, observation.snapshot != nil,
                (try? machine.verify(plan, observation: observation)) != nil
            else { return isRunning ? 0 : 1 }
        }
        return 1
    }
}
