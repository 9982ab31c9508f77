// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing
import TransparencyLog

@testable import ApprovalCore

/// One event of each kind.
enum Events {
    static func all() throws -> [ActionEvent] {
        let review = try Fixtures.action(effect: "export")
        let verdict = try Fixtures.environment().evaluate(review, at: .start)
        let submissions = try ["export", "read", "key"].map { effect in
            let action = try Fixtures.action(effect: effect)
            return try ActionMachine.submit(
                action, verdict: Fixtures.environment().evaluate(action, at: .start), nonce: nil,
                unsealed: true, now: .start
            ).events[0]
        }
        return submissions + [
            .decided(
                ReviewDecision(
                    person: .bob, kind: .deny, channel: .api, assurance: .console,
                    selfApproved: false, at: .start), rendering: .of("r")),
            .decided(
                ReviewDecision(
                    person: .carol, kind: .approve, channel: .slack, assurance: .chat,
                    account: ChatAccount(
                        channel: Handle(constant: "slack"), workspace: "T0001", user: "U0CAROL"),
                    selfApproved: false, at: .start), rendering: .of("r")),
            .decided(
                ReviewDecision(
                    person: .carol, kind: .approve, channel: .console, assurance: .passkey,
                    selfApproved: false, at: .start, method: .passkey, batch: .of("batch"),
                    signature: try Reviewer(.carol).sign(review, .approve, at: .start)),
                rendering: .of("r")),
            .withdrawn(by: .bob),
            .revised(
                ActionEvent.Revision(
                    verdict: verdict.coreJSON, requirement: try #require(verdict.requirement),
                    policySet: verdict.policySet, directory: verdict.directory, deadline: .start,
                    rendering: .of("r"), isShownInFull: false)),
            .escalated([.reviewers, .security]), .commented(by: "agent:deploy-bot", .answer),
            .glassBroken(
                ActionEvent.BrokenGlass(
                    person: .dave, channel: .console, assurance: .console, method: .openID,
                    rendering: .of("r"), due: .start)), .debtOverdue,
            .debtSettled(accepted: false, by: .bob),
            .refused(principal: "agent:x", attempt: "approve", code: "not_a_reviewer"),
            .cleared(
                ActionEvent.Clearance(
                    operation: review.operationDigest, gate: review.gate, verdict: .review,
                    policySet: verdict.policySet, directory: verdict.directory,
                    approvals: [.reviewers: [.bob], .security: [.carol]], selfApproved: true,
                    notAfter: .start)),
            .claimed(
                Claim(
                    nonce: .of("n"), gate: .advisoryGate, operation: review.operationDigest,
                    startBy: .start, verdict: .allow, policySet: .zero, directory: .zero)),
            .reported(.init(.failed, exitCode: -1, resultDigest: .of("x"))),
            .reported(.init(.succeeded)),
            .reported(
                .init(
                    .succeeded, exitCode: 0,
                    effects: [
                        ObservedEffect(number: 0, before: nil, after: ["sha256": "ab"]),
                        ObservedEffect(number: 3, before: ["mode": "0644"], after: nil),
                    ])), .silent,
            .settled(.notStarted, by: .dave), .cancelled(by: "agent:deploy-bot"),
            .revoked(by: .carol), .expired, .lapsed,
            .invalidated(cause: "policy_denies", policySet: .zero, directory: .of("d")),
        ]
    }
}
