// SPDX-License-Identifier: Apache-2.0

@testable import Console

extension Samples {
    /// Executed, with a report.
    static func succeeded() -> ActionPage {
        var page = pending()
        page.state = .succeeded
        page.version = 7
        page.deadline = nil
        page.permission = noPermission
        page.slots = [ConsoleSlot(group: "reviewers", quorum: 2, filled: [carol, bob])]
        page.decisions.append(
            ConsoleDecision(
                person: bob, isApproval: true, channel: "console", assurance: "console",
                reason: nil, at: before(60), isSelfApproved: false, isLapsed: false,
                isWithdrawn: false, isSigned: false))
        page.claim = ConsoleClaim(
            gate: "run", nonce: nonce, at: before(58), startBy: before(28), index: 420)
        page.outcomes = [
            ConsoleOutcome(
                status: "succeeded", exitCode: 0, detail: "pg_dump: 2104331 rows",
                resultDigest: other,
                reportedBy: "run", isClaim: true, at: before(20))
        ]
        page.timeline += [
            ConsoleTimelineEntry(
                index: 418, seq: 3, kind: "decision.recorded", at: before(60),
                summary: "approved by bob"),
            ConsoleTimelineEntry(
                index: 419, seq: 4, kind: "action.cleared", at: before(60), summary: nil),
            ConsoleTimelineEntry(
                index: 420, seq: 5, kind: "action.claimed", at: before(58), summary: "by run"),
            ConsoleTimelineEntry(
                index: 423, seq: 6, kind: "action.succeeded", at: before(20), summary: "exit code 0"
            ),
        ]
        return page
    }

    static func denied() -> ActionPage {
        var page = pending()
        page.state = .denied
        page.version = 4
        page.permission = noPermission
        page.endedBecause = "Denied by Bob Lindqvist: nobody asked for a full export."
        page.decisions.append(
            ConsoleDecision(
                person: bob, isApproval: false, channel: "console", assurance: "console",
                reason: "Nobody asked for a full export.", at: before(40), isSelfApproved: false,
                isLapsed: false, isWithdrawn: false, isSigned: false))
        return page
    }

    static func unknown() -> ActionPage {
        var page = succeeded()
        page.state = .unknown
        page.permission.maySettle = true
        page.outcomes = []
        page.endedBecause = "Gate run missed three heartbeats after claiming."
        return page
    }

    static func item(
        _ id: String, _ action: String, _ resource: ConsoleResource, _ severity: ConsoleSeverity,
        left: Int64, summary: String?, awaitsViewer: Bool = true, note: String? = nil,
        slots: [ConsoleSlot]
    ) -> InboxItem {
        InboxItem(
            id: id, digest: digest, version: 1, action: action, resource: resource,
            requester: requester, summary: summary, severity: severity, submittedAt: before(740),
            deadline: after(left), slots: slots, isAdvisory: severity == .high,
            awaitsViewer: awaitsViewer, viewerNote: note)
    }

    static func inbox(shell: ConsoleShell = shell()) -> InboxPage {
        InboxPage(
            shell: shell,
            items: [
                item(
                    "act_01jd8k5x", "sql.execute", .init(type: "Database", id: "payments"),
                    .critical, left: 191,
                    summary: "DELETE FROM public.refunds WHERE settled_at IS NULL",
                    slots: [
                        .init(group: "dba", quorum: 1, filled: []),
                        .init(group: "reviewers", quorum: 2, filled: [carol]),
                    ]),
                item(
                    "act_01jd8k3v9q2m", "command.run", .init(type: "Host", id: "web1"), .high,
                    left: 2_467, summary: "pg_dump --dbname=payments --table=public.cards …",
                    slots: [.init(group: "reviewers", quorum: 2, filled: [carol])]),
                item(
                    "act_01jd8k1a", "mcp.github___create_pr",
                    .init(type: "Repository", id: "kestrel/ledger-service"), .low, left: 30_200,
                    summary: "Bump swift-nio to 2.101.2",
                    slots: [.init(group: "reviewers", quorum: 1, filled: [])]),
                item(
                    "act_01jd8k0c", "exequatur.policy.publish",
                    .init(type: "PolicySet", id: "e41b0c9d"), .medium, left: 7_300, summary: nil,
                    awaitsViewer: false, note: "You approved this 4 minutes ago.",
                    slots: [.init(group: "security", quorum: 2, filled: [bob])]),
            ], totalPending: 4)
    }

    static func history() -> HistoryPage {
        func row(
            _ id: String, _ action: String, _ resource: ConsoleResource, _ state: ConsoleState,
            _ severity: ConsoleSeverity?, _ ago: Int64, _ people: [ConsolePersonName],
            selfApproved: Bool = false
        ) -> HistoryRow {
            HistoryRow(
                id: id, digest: digest, action: action, resource: resource, requester: requester,
                state: state, severity: severity, submittedAt: before(ago), decidedBy: people,
                isAdvisory: state == .succeeded, isSelfApproved: selfApproved)
        }
        let web1 = ConsoleResource(type: "Host", id: "web1")
        return HistoryPage(
            shell: shell(), query: "web1", state: "",
            rows: [
                row("act_9", "command.run", web1, .pending, .high, 740, []),
                row("act_8", "command.run", web1, .succeeded, nil, 1_900, []),
                row("act_7", "command.run", web1, .denied, .medium, 5_400, [bob]),
                row("act_6", "command.run", web1, .expired, .critical, 9_900, []),
                row(
                    "act_5", "http.request", .init(type: "Service", id: "web1.internal"), .unknown,
                    .high, 86_400, [bob, carol]),
                row(
                    "act_4", "command.run", web1, .failed, .low, 190_000, [alice],
                    selfApproved: true),
            ], next: "act_4", isFirstPage: true)
    }

    static let checkpoint = """
        exequatur.kestrel-payments.example
        424
        1Ryxm0Fu8iC3lXKlc2mXG1Ck8Y0n1kQ2sS7cWm0j8nA=

        — exequatur.kestrel-payments.example Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=

        """

    static func ledger() -> LedgerPage {
        func row(
            _ index: Int, _ kind: String, _ ref: String, seq: Int, body: LedgerRow.Body = .present
        ) -> LedgerRow {
            LedgerRow(
                index: index, at: before(Int64(424 - index) * 31), kind: kind, ref: ref,
                isAction: ref.hasPrefix("act_"), seq: seq, leafHash: other, body: body)
        }
        return LedgerPage(
            shell: shell(), origin: "exequatur.kestrel-payments.example", size: 424,
            root: "d51cb19b416ef220b79572a57369971b50a4f18d27d64436b12edc5a6d23f270",
            verifierKey: "exequatur.kestrel-payments.example+c74f20a3+"
                + "AZ3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeO",
            checkpoint: checkpoint, witnesses: [],
            entries: [
                row(423, "action.succeeded", "act_01jd8k3v9q2m", seq: 6),
                row(420, "action.claimed", "act_01jd8k3v9q2m", seq: 5),
                row(419, "action.cleared", "act_01jd8k3v9q2m", seq: 4),
                row(418, "decision.recorded", "act_01jd8k3v9q2m", seq: 3, body: .erased),
                row(417, "directory.changed", "person/bob", seq: 9, body: .missing),
            ], older: 416, newer: nil, sought: 420)
    }

    static func directory() -> DirectoryPage {
        DirectoryPage(
            shell: shell(),
            people: [
                DirectoryPerson(
                    id: "alice", name: "Alice Moreau", groups: ["admins", "reviewers"],
                    isAdministrator: true,
                    credentials: [
                        "passkey mQx8TqvA1dZk…, synced", "account alice at https://id.example",
                    ], note: nil),
                DirectoryPerson(
                    id: "bob", name: "Bob Lindqvist", groups: ["reviewers"],
                    isAdministrator: false, credentials: ["token", "passkey"], note: nil),
                DirectoryPerson(
                    id: "carol", name: "Carol Adeyemi", groups: [], isAdministrator: false,
                    credentials: [],
                    note: "The current token was shown to alice; it cannot decide until replaced."),
            ],
            groups: [
                DirectoryGroup(id: "reviewers", members: ["alice", "bob"], isNamedByPolicy: true),
                DirectoryGroup(id: "dba", members: [], isNamedByPolicy: true),
            ],
            agents: [
                DirectoryAgent(
                    id: "deploy-bot", owner: alice, groups: ["deployers"],
                    tokens: [
                        DirectoryToken(expires: after(86_400 * 30), lastUsed: before(40)),
                        DirectoryToken(expires: before(60), lastUsed: nil),
                    ])
            ],
            trusts: [
                DirectoryTrust(
                    id: "t0123456789abcdef", agent: "deploy-bot",
                    issuer: "https://token.actions.githubusercontent.com",
                    audience: "https://exequatur.kestrel-payments.example",
                    claims: ["environment=production", "repository_id=123456789"])
            ],
            gates: [
                DirectoryGate(
                    id: "run", server: nil, toolCount: 0, presentsUnapproved: false,
                    tokens: [DirectoryToken(expires: nil, lastUsed: before(4))]),
                DirectoryGate(
                    id: "payments-db", server: "payments", toolCount: 14, presentsUnapproved: true,
                    tokens: []),
            ],
            resources: [
                DirectoryResource(
                    id: "cards", type: "Database", pattern: "payments*",
                    sensitivity: "restricted", owner: "dba"),
                DirectoryResource(
                    id: "web", type: "Host", pattern: "web*", sensitivity: "internal", owner: nil),
            ],
            freezes: [
                DirectoryFreeze(
                    id: "weekend", zone: "Europe/Stockholm", ranges: ["Fri 17:00 to Mon 08:00"],
                    isOpen: true, until: after(200_000)),
                DirectoryFreeze(
                    id: "peak", zone: "Europe/Stockholm", ranges: ["Mon 11:00 to Mon 13:00"],
                    isOpen: false, until: after(9_000)),
            ])
    }

    static func policies() -> PoliciesPage {
        PoliciesPage(
            shell: shell(), digest: policySet, publishedAt: before(400_000), publishedBy: "alice",
            index: 231, policyCount: 2,
            files: [
                PolicyFile(
                    name: "10-base.cedar",
                    text: """
                        // Commands that are known to read only run without review.
                        @id("read-only")
                        permit (principal, action == Action::"command.run", resource)
                        when { context.facts.effect == "read" };

                        @id("export")
                        @review("reviewers") @quorum("2") @severity("high")
                        @reason("Bulk export of cardholder data")
                        forbid (principal, action, resource)
                        when { context.facts.effect == "export" && resource.sensitivity == "cardholder" };

                        """)
            ])
    }

    static func signIn(shell: ConsoleShell = shell(viewer: nil)) -> SignInPage {
        SignInPage(
            shell: shell, token: "one-time-secret", person: bob, expires: after(840), problem: nil,
            returnTo: "/actions/act_01jd8k3v9q2m",
            providers: [SignInButton(name: "corp", title: "Kestrel single sign-on")])
    }

    static func error(shell: ConsoleShell = shell(viewer: nil)) -> ErrorPage {
        ErrorPage(
            shell: shell, status: 409, title: "Somebody was faster",
            detail:
                "The action changed while you were deciding, so your decision was not recorded. "
                + "Look at it again.", code: "stale_version")
    }
}
