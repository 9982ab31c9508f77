// SPDX-License-Identifier: Apache-2.0

@testable import Console

/// The morning after: somebody has changed files on a server by hand.
extension Samples {
    static let fingerprint = "7d10c6e3a94f5b2281d0a5c3f2be91774c5d6e8f90a1b2c3d4e5f60718293a4b"
    static let root = "5a0c7e11ac93f5527e8d6a40c1b2f3e4958677a8b9cadbecfd0e1f2031425364"

    static func administrator(
        deviations: Int = 4, notice: ConsoleNotice? = nil, unsealed: Bool = false
    ) -> ConsoleShell {
        var shell = shell(viewer: alice, unsealed: unsealed, notice: notice)
        shell.openDeviations = deviations
        shell.viewer?.isAdministrator = true
        return shell
    }

    static let mayDecide = DriftPermission(mayDecide: true, isFresh: true)
    static let mayRead = DriftPermission(mayDecide: false, isFresh: true)

    static func value(_ text: String?, cut: String? = nil) -> DriftValue {
        DriftValue(text: text, cut: cut)
    }

    static func sourceRow(
        _ id: String, _ kind: String, _ status: ConsoleDriftStatus, open: Int = 0,
        worst: ConsoleSeverity? = nil, version: Int? = 3, seen: Int64? = 22
    ) -> DriftSourceRow {
        DriftSourceRow(
            id: id, kind: kind, scope: "web1.kestrel-payments.example", status: status,
            open: open, flood: 0, worst: worst, version: version,
            isProposed: status == .proposed, observedAt: seen.map(before))
    }

    static let tls = DeviationRow(
        id: fingerprint, source: "payments-config", subject: "file:/etc/payments/app.toml",
        path: "/content/tls/minimum", severity: .high, verdict: .unauthorised,
        reason: "no approved action declares this place", direction: .broadening, state: .open,
        was: value("\"1.3\""), found: value("\"1.0\""), since: before(4_980))

    static let sudoers = DeviationRow(
        id: other, source: "payments-config", subject: "file:/etc/sudoers.d/deploy", path: "",
        severity: .critical, verdict: .replayed,
        reason: "declared by an action whose effect was seen before", direction: .broadening,
        state: .open, was: value(nil),
        found: value("{\"gid\":0,\"mode\":\"0644\",\"sha256\":\"9b1f0c…", cut: "cut: 312 bytes"),
        since: before(310))

    static let pool = DeviationRow(
        id: policySet, source: "payments-config", subject: "file:/etc/payments/app.toml",
        path: "/content/database/pool", severity: .medium, verdict: .partial,
        reason: "an action declares another value, `64`", direction: .neutral,
        state: .acknowledged, was: value("32"), found: value("640"), since: before(190_000))

    static let missing = DeviationRow(
        id: digest, source: "ledger-db", subject: "role:ledger_ro", path: "/connectionLimit",
        severity: .low, verdict: .missingEffect, reason: "declared, and not there after 5 minutes",
        direction: .neutral, state: .open, was: value("20"), found: value("100"),
        since: before(700))

    static let unreadable = DriftGapRow(
        source: "ledger-db", subject: nil, cause: "unreachable",
        detail: "connect to db1:5432: connection refused", since: before(1_260),
        lastSeen: before(1_320))

    static func drift() -> DriftPage {
        DriftPage(
            shell: administrator(),
            sources: [
                sourceRow("exequatur", "exequatur", .clean, version: 12),
                sourceRow(
                    "ledger-db", "postgresql", .gap, open: 1, worst: .low, version: 1,
                    seen: 1_260),
                sourceRow(
                    "payments-config", "files", .drift, open: 3, worst: .critical),
                sourceRow("staging", "terraform", .proposed, version: nil, seen: 61),
                sourceRow("vendor-api", "http", .notObserved, version: nil, seen: nil),
            ],
            deviations: [sudoers, tls, pool, missing], openCount: 4,
            gaps: [
                unreadable,
                DriftGapRow(
                    source: "payments-config", subject: "file:/etc/payments/keys",
                    cause: "unreadable", detail: "permission denied", since: before(86_400),
                    lastSeen: nil),
            ], gapCount: 2,
            rules: [
                rule("certificates", "/content/not_after", hits: 1_204, left: 7_900_000, nil),
                rule("log-level", "$.content.log.*", hits: 3, left: 700_000, .expiring),
                rule("old-motd", "(all of it)", hits: 12, left: -86_400, .expired),
                rule("unused", "/content/cache", hits: 0, left: 2_600_000, .orphan),
            ])
    }

    private static func rule(
        _ id: String, _ place: String, hits: Int, left: Int64, _ mark: IgnoreRuleRow.Mark?
    ) -> IgnoreRuleRow {
        IgnoreRuleRow(
            id: id, source: mark == .orphan ? nil : "payments-config",
            subject: "file:/etc/payments/*", place: place,
            condition: mark == .expiring ? "{\"oneOf\":[\"info\",\"debug\"]}" : nil,
            reason: "Renewed by the certificate authority every night.", owner: "carol",
            hits: hits, lastHit: hits > 0 ? before(3_600) : nil, expires: after(left), mark: mark)
    }

    private static let documents = (
        expected: [
            ("{", false), ("  \"content\": {", false), ("    \"database\": {", false),
            ("      \"host\": \"db1\",", false), ("      \"pool\": 32", false), ("    },", false),
            ("    \"tls\": {", false), ("      \"minimum\": \"1.3\",", true),
            ("      \"verify\": true", false), ("    }", false), ("  },", false),
            ("  \"gid\": 0,", false), ("  \"mode\": \"0640\",", false),
            ("  \"type\": \"file\",", false), ("  \"uid\": 0", false), ("}", false),
        ], found: "\"1.0\""
    )

    private static func document(_ value: String) -> [DocumentLine] {
        documents.expected.map { text, isChanged in
            DocumentLine(
                text: text.replacing("\"1.3\"", with: value), kind: isChanged ? .changed : .plain)
        }
    }

    static func deviation() -> DeviationPage {
        DeviationPage(
            shell: administrator(), row: tls, scope: "web1.kestrel-payments.example",
            operation: "replace", ending: nil, action: nil, isObserved: false,
            lastSeen: before(22), after: before(5_040), before: before(4_980), hits: 83,
            acknowledgedBy: nil, ignoredBy: nil, fixedBy: nil, fixes: [tls.id],
            expectedDocument: document("\"1.3\""), foundDocument: document("\"1.0\""),
            acceptance: .value(value("\"1.0\""), version: 4, root: root), permission: mayDecide)
    }

    /// One that nearly has an explanation, for who only reads.
    static func partialDeviation() -> DeviationPage {
        var page = deviation()
        page.shell = shell()
        page.shell.openDeviations = 4
        page.row = pool
        page.fixes = [pool.id]
        page.action = "act_01k8v3nq7wzc4c9t2q0d5j6xyz"
        page.acknowledgedBy = "Alice Moreau"
        page.fixedBy = "act_01k8v41m2ch9rta6c5s0n8qwer"
        page.isObserved = true
        page.permission = mayRead
        page.acceptance = .value(value("640"), version: 4, root: root)
        page.expectedDocument = [
            DocumentLine(text: "… 1204 lines are not shown", kind: .omission),
            DocumentLine(text: "  \"pool\": 32", kind: .changed),
        ]
        page.foundDocument = nil
        return page
    }

    static func source() -> DriftSourcePage {
        DriftSourcePage(
            shell: administrator(),
            row: sourceRow("payments-config", "files", .drift, open: 3, worst: .critical),
            every: 300, assetClass: "high", observer: "web1-gate", settings: settings,
            baseline: BaselineCard(
                version: 3, root: other, parent: digest,
                origin: "Effects of approved actions, seen in place.", approvedBy: nil,
                at: before(93_000), capturedAt: before(950_000),
                actions: ["act_01k8v3nq7wzc4c9t2q0d5j6xyz"]),
            proposal: nil, deviations: [sudoers, tls, pool], observedRoot: root,
            gaps: [], permission: mayDecide)
    }

    private static let settings = [
        "{", "  \"class\": \"high\",", "  \"every\": 300,", "  \"id\": \"payments-config\",",
        "  \"kind\": \"files\",", "  \"settings\": {", "    \"fields\": true,",
        "    \"paths\": [", "      \"/etc/payments\",", "      \"/etc/sudoers.d\"", "    ]",
        "  }", "}",
    ].map { DocumentLine(text: $0, kind: .plain) }

    static func proposedSource() -> DriftSourcePage {
        var page = source()
        page.row = sourceRow("staging", "terraform", .proposed, version: nil, seen: 61)
        page.observer = nil
        page.baseline = nil
        page.deviations = []
        page.proposal = BaselineProposal(
            card: BaselineCard(
                version: 1, root: root, parent: nil,
                origin: "What was found, approved as a whole.", approvedBy: nil, at: before(61),
                capturedAt: before(61), actions: []),
            leaves: [
                BaselineLeaf(
                    subject: "resource:aws_iam_role.deploy",
                    document: value(
                        "{\"max_session_duration\":3600,\"name\":\"deploy\",\"path\":\"/\"}")),
                BaselineLeaf(
                    subject: "resource:aws_s3_bucket.exports",
                    document: value(
                        "{\"acl\":\"private\",\"bucket\":\"kestrel-exports\",\"versioning\":true…",
                        cut: "cut: 18204 bytes, SHA-256 9b1f0c2d3e4f5061")),
            ], offset: 0, count: 2)
        return page
    }
}
