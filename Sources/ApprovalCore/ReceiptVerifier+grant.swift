// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import TransparencyLog

/// Clearing, claiming and invalidating: each must follow from policy, asked again.
extension ReceiptCheck {
    mutating func checkClearance(
        _ clearance: ActionEvent.Clearance, _ entry: StoryEntry, _ story: StoryBeginning
    ) throws {
        if clearance.selfApproved { noteSelfApproved() }
        require(
            clearance.gate == entry.before.submission.gate, entry.place,
            "cleared for another gate")
        guard let action = story.action else { return }
        var findings: [String] = []
        for base in instants(entry, story) {
            for (verdict, surroundings) in try story.law.judge(
                action, at: entry.index, now: base, unsealed: entry.header.unsealed)
            {
                guard
                    case .met(let approvals, let selfApproved) = standing(
                        verdict, surroundings, entry)
                else {
                    findings.append(
                        verdict.decision == .deny
                            ? "policy denies it"
                            : "its requirement is not met by persons who may decide")
                    continue
                }
                let seconds = verdict.requirement?.grant.seconds ?? Limits.allowedGrantSeconds
                if clearance.verdict == verdict.decision,
                    clearance.policySet == verdict.policySet,
                    clearance.directory == verdict.directory, clearance.approvals == approvals,
                    clearance.selfApproved == selfApproved,
                    clearance.breakGlass == entry.before.debt?.person,
                    clearance.notAfter == base.adding(seconds: seconds)
                {
                    return
                }
                findings.append("verdict, approvals or expiry are not what follows from policy")
            }
        }
        problem(entry.place, "cleared wrongly: \(findings.first ?? "policy can't be asked")")
    }

    mutating func checkClaim(
        _ claim: Claim, _ entry: StoryEntry, _ story: StoryBeginning
    ) throws {
        guard let action = story.action else { return }
        for base in instants(entry, story) {
            for (verdict, surroundings) in try story.law.judge(
                action, at: entry.index, now: base, unsealed: entry.header.unsealed)
            {
                guard case .met = standing(verdict, surroundings, entry) else { continue }
                if claim.verdict == verdict.decision, claim.policySet == verdict.policySet,
                    claim.directory == verdict.directory,
                    claim.startBy == base.adding(seconds: Limits.startBySeconds)
                {
                    return
                }
            }
        }
        problem(entry.place, "claimed, but policy in force did not let it pass, or not like this")
    }

    mutating func checkInvalidation(
        _ cause: String, _ policySet: Hash256, _ directory: Hash256, _ entry: StoryEntry,
        _ story: StoryBeginning
    ) throws {
        guard let action = story.action else { return }
        let judged = try story.law.judge(
            action, at: entry.index, now: entry.at, unsealed: entry.header.unsealed)
        // Baselines are not part of a receipt: that one changed is the operator's word, and only an
        // action that names one can end so.
        if cause.utf8.elementsEqual(ActionMachine.Standing.changedTarget.utf8) {
            return require(
                action.operation.namesTarget, entry.place,
                "invalidated for the change of a target that it does not name")
        }
        let isRight = judged.contains { verdict, surroundings in
            guard verdict.policySet == policySet, verdict.directory == directory else {
                return false
            }
            let expected = standing(verdict, surroundings, entry).cause
            return expected.utf8.elementsEqual(cause.utf8)
        }
        require(isRight, entry.place, "invalidated, but policy in force let it pass")
    }

    /// When policy was asked: at the entry's instant; for an allowed action, whose clearance and
    /// first claim are written together with the submission, when that was judged.
    private func instants(_ entry: StoryEntry, _ story: StoryBeginning) -> [Timestamp] {
        guard let evaluatedAt = story.evaluatedAt, entry.before.submission.decision == .allow,
            entry.at == entry.before.submittedAt, entry.at != evaluatedAt
        else { return [entry.at] }
        return [evaluatedAt, entry.at]
    }

    private func standing(
        _ verdict: Verdict, _ surroundings: MachineSurroundings, _ entry: StoryEntry
    ) -> ActionMachine.Standing {
        machine(entry).standing(verdict, surroundings)
    }
}
