// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import TransparencyLog

/// What is wrong with a run.
struct SimulationViolation: Sendable, Hashable, CustomStringConvertible {
    let invariant: Int
    let what: String

    var description: String { "invariant \(invariant): \(what)" }
}

/// One function for each invariant: a history in, what breaks the invariant out.
///
/// They look at what is new in the history, and at all of it in one that was never settled.
enum SimulationChecks {
    typealias Check = @Sendable (SimulatedHistory) -> [String]

    static let all: [Check] = [
        invariant01_executionNeedsADurableClaim, invariant02_clearancesAreInTheLog,
        invariant03_approvedBytesAreExecuted, invariant04_grantsAreClaimedOnce,
        invariant05_nobodyApprovesHisOwn, invariant06_quorumsCountPersons,
        invariant07_onlyPersonsReview, invariant08_emptyAndUnknownMeanDeny,
        invariant09_silenceIsADenial, invariant10_onlyWhoMayEndsAReview,
        invariant11_firstEndWins, invariant12_changesAreAskedAgain,
        invariant13_rulesChangeUnderReview, invariant14_everythingIsAnEntry,
        invariant15_stateFollowsFromEntries, invariant16_approvedWasShownInFull,
    ]

    /// Everything that is wrong with what is new.
    static func violations(_ history: SimulatedHistory) -> [SimulationViolation] {
        all.enumerated().flatMap { position, check in
            check(history).map { SimulationViolation(invariant: position + 1, what: $0) }
        }
    }

    // MARK: grants and claims

    static func invariant01_executionNeedsADurableClaim(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for execution in history.newExecutions {
            let claims = claims(history, execution.action)
            if !claims.contains(where: {
                $0.claim.nonce == execution.nonce && $0.entry.index < execution.durable
            }) {
                problems.append("\(execution.action) ran before a claim of it was durable")
            }
        }
        for answer in history.newAnswers where [.cleared, .claimed].contains(answer.status) {
            let chain = history.chain(answer.action.text)
            let isDurable = chain.contains {
                $0.kind == "action.cleared" && $0.index < answer.durable && $0.seq < answer.version
            }
            if !isDurable {
                problems.append("\(answer.action) was answered as cleared, and no entry says so")
            }
            if let nonce = answer.nonce,
                !claims(history, answer.action).contains(where: {
                    $0.claim.nonce == nonce && $0.entry.index < answer.durable
                })
            {
                problems.append("\(answer.action) was answered as claimed, and no entry says so")
            }
        }
        return problems
    }

    static func invariant02_clearancesAreInTheLog(_ history: SimulatedHistory) -> [String] {
        var problems = history.newOffers.compactMap { offer -> String? in
            guard offer.isTaken != offer.isGenuine else { return nil }
            return offer.isTaken
                ? "a gate took a claim of \(offer.action) that is \(offer.what)"
                : "a gate refused the claim of \(offer.action) as it came"
        }
        problems += history.newAnswers.filter { !$0.isProven }.map {
            "the grant of \($0.action) is not proven to be in the log"
        }
        return problems
    }

    static func invariant03_approvedBytesAreExecuted(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for execution in history.newExecutions {
            let frozen = history.submissions[execution.action]?.action.operationDigest
            let claim = claims(history, execution.action).last?.claim
            if execution.operation != frozen || execution.operation != claim?.operation {
                problems.append("\(execution.action): other bytes ran than were approved")
            }
        }
        for (entry, id, event) in history.newEvents {
            let named: Hash256? =
                switch event {
                case .submitted(let submission): submission.operation
                case .cleared(let clearance): clearance.operation
                case .claimed(let claim): claim.operation
                default: nil
                }
            guard let named else { continue }
            let stored = history.submissions[id]?.action
            if named != stored?.operationDigest || named != entry.after?.submission?.operation {
                problems.append("\(id): \(entry.kind) names another operation")
            }
            if case .action(_, let digest, _) = entry.event, digest != stored?.digest {
                problems.append("\(id): \(entry.kind) names another action digest")
            }
        }
        return problems
    }

    static func invariant04_grantsAreClaimedOnce(_ history: SimulatedHistory) -> [String] {
        var problems: [String] = []
        for (entry, id, event) in history.newEvents {
            guard case .claimed(let claim) = event else { continue }
            if claims(history, id).contains(where: { $0.entry.index < entry.index }) {
                problems.append("\(id) was claimed twice")
            }
            if claim.gate != entry.before?.submission?.gate.id {
                problems.append("\(id) was claimed by another gate than the one that asked")
            }
            if entry.before?.status != .cleared { problems.append("\(id): a claim without grant") }
        }
        for execution in history.newExecutions {
            let same = history.executions.count {
                $0.action == execution.action || $0.nonce == execution.nonce
            }
            if same > 1 { problems.append("\(execution.action) was executed twice") }
        }
        for answer in history.newAnswers {
            guard let nonce = answer.nonce else { continue }
            if claims(history, answer.action).first?.claim.nonce != nonce {
                problems.append(
                    "\(answer.action) was claimed with one nonce, answered with another")
            }
        }
        return problems
    }

    static func claims(
        _ history: SimulatedHistory, _ id: ActionID
    ) -> [(entry: SimulatedEntry, claim: Claim)] {
        history.chain(id.text).compactMap { entry in
            guard case .action(_, _, .claimed(let claim)) = entry.event else { return nil }
            return (entry, claim)
        }
    }
}
