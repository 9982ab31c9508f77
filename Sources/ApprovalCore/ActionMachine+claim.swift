// SPDX-License-Identifier: Apache-2.0

package import TransparencyLog

extension ActionMachine {
    /// The atomic single use of a grant; the same nonce is answered with the same claim.
    package mutating func claim(
        nonce: Hash256, gate: GateReference, agent: Handle, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        let now = surroundings.now
        guard isSubmitter(gate: gate, agent: agent), isAtWork(gate) else {
            try refuse(
                Refusal(.wrongGate, "only the gate that submitted may claim"), .agent(agent),
                "claim", &result, now)
            return result
        }
        if let claim = state.claim {
            if claim.nonce != nonce {
                result.refusal = Refusal(.alreadyClaimed, "the grant was claimed already")
            }
            return result
        }
        try letTimePass(&result, now)
        guard result.refusal == nil else { return result }
        guard state.status == .cleared else {
            let code: Refusal.Code = state.status == .invalidated ? .invalidated : .notCleared
            result.refusal = Refusal(code, "the action is `\(state.status.rawValue)`")
            return result
        }
        let verdict = try surroundings.evaluate()
        let standing = standing(verdict, surroundings)
        guard case .met = standing else {
            try record(invalidation(verdict, standing.cause), into: &result.events, now)
            result.refusal = Refusal(
                .invalidated,
                surroundings.isTargetChanged
                    ? "what it was made against has changed" : "policy no longer lets this pass")
            return result
        }
        try record(.claimed(claim(nonce, verdict, now)), into: &result.events, now)
        return result
    }

    /// What the gate attests happened; a repeated identical report changes nothing.
    package mutating func report(
        _ report: ActionEvent.Report, nonce: Hash256, gate: GateReference, agent: Handle,
        now: Timestamp
    ) throws -> MachineResult {
        var result = MachineResult()
        guard isSubmitter(gate: gate, agent: agent), state.claim?.nonce == nonce else {
            result.refusal =
                state.claim == nil
                ? Refusal(.notClaimed, "nothing was claimed, so nothing can be reported")
                : Refusal(.wrongGate, "only the gate that claimed may report, with its nonce")
            return result
        }
        if let last = state.outcomes.last, state.status != .unknown || report.status == .unknown {
            if last.report != report {
                result.refusal = Refusal(.alreadyReported, "another outcome was reported")
            }
            return result
        }
        try record(.reported(report), into: &result.events, now)
        return result
    }
}
