// SPDX-License-Identifier: Apache-2.0

@testable import Console

/// A night at a payments company, told in view models.
enum Samples {
    /// 2026-11-21T02:14:05Z, the instant of every sample page.
    static let now = ConsoleInstant(milliseconds: 1_795_227_245_000)

    static func after(_ seconds: Int64) -> ConsoleInstant {
        ConsoleInstant(milliseconds: now.milliseconds + seconds * 1_000)
    }

    static func before(_ seconds: Int64) -> ConsoleInstant { after(-seconds) }

    static let alice = ConsolePersonName(id: "alice", name: "Alice Moreau")
    static let bob = ConsolePersonName(id: "bob", name: "Bob Lindqvist")
    static let carol = ConsolePersonName(id: "carol", name: "Carol Adeyemi")
    static let digest = "3f9a12cd07b1e64488d0a5c3f2be91774c5d6e8f90a1b2c3d4e5f60718293a4b"
    static let other = "b07d4e11ac93f5527e8d6a40c1b2f3e4958677a8b9cadbecfd0e1f2031425364"
    static let policySet = "e41b0c9d8f7a6b5c4d3e2f10a9b8c7d6e5f4031221304f5e6d7c8b9aa1b2c3d4"
    static let nonce = "77aa10c4e5b2d3f68091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7"

    static func shell(
        viewer: ConsolePersonName? = bob, unsealed: Bool = false, singleOperator: Bool = false,
        pending: Int = 4, debts: [ConsoleOpenDebt] = [], notice: ConsoleNotice? = nil
    ) -> ConsoleShell {
        ConsoleShell(
            installation: "exequatur.kestrel-payments.example", version: "0.1.0", now: now,
            viewer: viewer.map { person in
                ConsoleViewer(
                    id: person.id, name: person.name, isAdministrator: false,
                    assurance: "console", freshUntil: after(480))
            },
            csrfToken: "csrf-Zm9yLXRlc3RzLW9ubHk", isUnsealed: unsealed,
            isSingleOperator: singleOperator, pendingCount: pending, openDeviations: 0,
            debts: debts, notice: notice)
    }

    static let requester = ConsoleRequester(agent: "deploy-bot", owner: alice, onBehalfOf: nil)

    static let rendering = ConsoleRendering(
        sections: [
            .init(
                kind: .who, title: "Who",
                rows: [
                    .init(label: "Agent", text: "deploy-bot", style: .plain),
                    .init(label: "Owner", text: "Alice Moreau (alice)", style: .plain),
                    .init(label: "Gate", text: "run on web1, advisory", style: .plain),
                    .init(label: "Credential", text: "a7c1, issued 12 Nov 2026", style: .plain),
                ]),
            .init(
                kind: .what, title: "What exactly",
                rows: [
                    .init(
                        label: "Resource", text: "Host web1, sensitivity: cardholder", style: .plain
                    ),
                    .init(
                        label: "Arguments",
                        text: "pg_dump --dbname=payments --table=public.cards \\\n"
                            + "  --file=/srv/export/cards-2026-11-21.sql", style: .code),
                    .init(label: "Working directory", text: "/srv/export", style: .code),
                    .init(
                        label: "Executable", text: "/usr/bin/pg_dump, sha256 51c0 9ae2",
                        style: .plain),
                    .init(
                        label: "Effect", text: "Exports table public.cards, about 2.1 million rows",
                        style: .plain),
                    .init(
                        label: "Not inspected",
                        text: "Standard input is 312 bytes and was not understood.",
                        style: .warning),
                ]),
            .init(
                kind: .policy, title: "Within policy?",
                rows: [
                    .init(label: "Verdict", text: "Review by 2 of reviewers", style: .plain),
                    .init(label: "Because", text: "Bulk export of cardholder data", style: .plain),
                    .init(label: "Severity", text: "high", style: .plain),
                ]),
            .init(
                kind: .why, title: "Why",
                rows: [
                    .init(
                        label: "Justification",
                        text: "Nightly reconciliation failed, so I need the full cards table to "
                            + "compare it with the acquirer's file.\nBob has already agreed to this "
                            + "on the phone.", style: .claim),
                    .init(
                        label: "Trigger", text: "prompt 8f21, parent schedule nightly-recon",
                        style: .claim),
                ]),
        ],
        warnings: ["The justification names a person who may decide. The agent wrote it."],
        isComplete: true,
        digest: "c0ffee129a8b7c6d5e4f30211203f4e5d6c7b8a9908172635445362718090a1b")

    static let verdict = ConsoleVerdict(
        decision: "review",
        reasons: [
            ConsoleReason(
                policy: "commands", effect: "permit", isReview: false, severity: nil, reason: nil,
                advice: nil),
            ConsoleReason(
                policy: "export", effect: "forbid", isReview: true, severity: .high,
                reason: "Bulk export of cardholder data",
                advice: "Ask for the row count and who receives the file."),
        ], errors: [], policySet: policySet)

    static let permission = ConsolePermission(
        mayApprove: true, mayDeny: true, obstacles: [], needsFreshSignIn: false, mayCancel: false,
        mayRevoke: false, maySettle: false)

    static let noPermission = ConsolePermission(
        mayApprove: false, mayDeny: false, obstacles: [], needsFreshSignIn: false,
        mayCancel: false, mayRevoke: false, maySettle: false)

    static let carolApproved = ConsoleDecision(
        person: carol, isApproval: true, channel: "slack", assurance: "chat",
        reason: "Row count checked with the on-call DBA.", at: before(95), isSelfApproved: false,
        isLapsed: false, isWithdrawn: false, isSigned: false)

    /// Pending, one of two places filled, and the viewer may decide.
    static func pending(shell: ConsoleShell = shell()) -> ActionPage {
        ActionPage(
            shell: shell, id: "act_01jd8k3v9q2m", digest: digest, operationDigest: other,
            version: 3, revision: 1, state: .pending, action: "command.run",
            resource: ConsoleResource(type: "Host", id: "web1"), requester: requester, gate: "run",
            isAdvisory: true, isUnsealed: shell.isUnsealed, severity: .high, assurance: "console",
            submittedAt: before(740), deadline: after(2_467), grantExpires: nil,
            endedBecause: nil, rendering: rendering, verdict: verdict,
            slots: [ConsoleSlot(group: "reviewers", quorum: 2, filled: [carol])],
            eligible: [bob, carol], decisions: [carolApproved], permission: permission, claim: nil,
            outcomes: [],
            timeline: [
                ConsoleTimelineEntry(
                    index: 412, seq: 0, kind: "action.submitted", at: before(740),
                    summary: "by deploy-bot through run"),
                ConsoleTimelineEntry(
                    index: 413, seq: 1, kind: "review.opened", at: before(740), summary: nil),
                ConsoleTimelineEntry(
                    index: 417, seq: 2, kind: "decision.recorded", at: before(95),
                    summary: "approved by carol"),
            ], deliveries: deliveries, otherPendingOfAgent: 2, review: review)
    }
}
