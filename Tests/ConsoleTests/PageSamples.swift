// SPDX-License-Identifier: Apache-2.0

@testable import Console

/// One renderer for all tests: parsing the templates takes a while without optimisation.
enum Shared {
    private static let result = Result { try ConsoleRenderer() }

    static func renderer() throws -> ConsoleRenderer { try result.get() }
}

/// One page as the tests see it.
struct PageSample: Sendable {
    let name: String
    let html: @Sendable (ConsoleRenderer) -> String
}

/// Every page, in every state that looks different.
enum PageSamples {
    static let all: [PageSample] = actions + reviews + drift + others

    private static let reviews: [PageSample] = [
        PageSample(name: "action-busy") { $0.action(Samples.busy()) },
        PageSample(name: "action-needs-passkey") { $0.action(Samples.needsPasskey()) },
        PageSample(name: "action-broken-glass") { $0.action(Samples.brokenGlass()) },
        PageSample(name: "action-glass-rejected") { renderer in
            renderer.action(Samples.settledGlass(isAccepted: false))
        },
        PageSample(name: "action-directory-change") { $0.action(Samples.directoryChange()) },
        PageSample(name: "action-policy-change") { $0.action(Samples.policyChange()) },
        PageSample(name: "action-policy-change-decided") { renderer in
            var page = Samples.policyChange()
            page.state = .denied
            return renderer.action(page)
        },
        PageSample(name: "inbox-with-debts") { renderer in
            renderer.inbox(Samples.inbox(shell: Samples.shell(debts: Samples.openDebts)))
        },
        PageSample(name: "batch") { $0.batch(Samples.batch()) },
        PageSample(name: "batch-hidden") { renderer in
            var page = Samples.batch()
            page.members[0].rendering.isComplete = false
            return renderer.batch(page)
        },
        PageSample(name: "batch-decided") { renderer in
            var page = Samples.batch()
            page.batchTitle = nil
            page.members.removeFirst()
            return renderer.batch(page)
        },
        PageSample(name: "device") { $0.device(Samples.device()) },
        PageSample(name: "device-empty") { renderer in
            var page = Samples.device()
            page.request = nil
            return renderer.device(page)
        },
        PageSample(name: "seal-question") { $0.seal(Samples.seal()) },
        PageSample(name: "seal-stale") { $0.seal(Samples.staleSeal()) },
        PageSample(name: "seal-obstacles") { $0.seal(Samples.unsealable()) },
        PageSample(name: "sealed") { $0.seal(Samples.sealed()) },
    ]

    private static let actions: [PageSample] = [
        PageSample(name: "action-pending") { $0.action(Samples.pending()) },
        PageSample(name: "action-succeeded") { $0.action(Samples.succeeded()) },
        PageSample(name: "action-denied") { $0.action(Samples.denied()) },
        PageSample(name: "action-unknown") { $0.action(Samples.unknown()) },
        PageSample(name: "action-incomplete") { renderer in
            var page = Samples.pending()
            page.rendering.isComplete = false
            return renderer.action(page)
        },
        PageSample(name: "action-not-eligible") { renderer in
            var page = Samples.pending(shell: Samples.shell(viewer: Samples.alice))
            page.permission = Samples.noPermission
            page.permission.obstacles = ["You own the agent that asks."]
            page.permission.mayCancel = true
            return renderer.action(page)
        },
        PageSample(name: "action-self-approved") { renderer in
            var page = Samples.pending(shell: Samples.shell(unsealed: true, singleOperator: true))
            page.state = .cleared
            page.grantExpires = Samples.after(540)
            page.permission = Samples.noPermission
            page.permission.mayRevoke = true
            page.decisions[0].isSelfApproved = true
            return renderer.action(page)
        },
    ]

    private static let drift: [PageSample] = [
        PageSample(name: "drift") { $0.drift(Samples.drift()) },
        PageSample(name: "drift-clean") { renderer in
            var page = Samples.drift()
            page.shell = Samples.administrator(deviations: 0)
            page.sources = [page.sources[0]]
            (page.deviations, page.openCount) = ([], 0)
            (page.gaps, page.gapCount, page.rules) = ([], 0, [])
            return renderer.drift(page)
        },
        PageSample(name: "drift-cut") { renderer in
            var page = Samples.drift()
            page.openCount = 10_000
            page.gapCount = 300
            page.sources[2].flood = 1_204
            page.sources[2].isProposed = true
            return renderer.drift(page)
        },
        PageSample(name: "drift-empty") { renderer in
            renderer.drift(
                DriftPage(
                    shell: Samples.shell(), sources: [], deviations: [], openCount: 0, gaps: [],
                    gapCount: 0, rules: []))
        },
        PageSample(name: "deviation") { $0.deviation(Samples.deviation()) },
        PageSample(name: "deviation-partial") { $0.deviation(Samples.partialDeviation()) },
        PageSample(name: "deviation-added") { renderer in
            var page = Samples.deviation()
            page.row = Samples.sudoers
            page.fixes = [page.row.id]
            page.operation = "add"
            page.expectedDocument = nil
            page.acceptance = .value(Samples.sudoers.found, version: 4, root: Samples.root)
            return renderer.deviation(page)
        },
        PageSample(name: "deviation-removed") { renderer in
            var page = Samples.deviation()
            page.operation = "remove"
            page.row.found = DriftValue(text: nil, cut: nil)
            page.acceptance = .value(page.row.found, version: 4, root: Samples.root)
            page.shell.notice = ConsoleNotice(
                kind: .error, text: "Something else is there by now than what you were shown.")
            return renderer.deviation(page)
        },
        PageSample(name: "deviation-missing-effect") { renderer in
            var page = Samples.deviation()
            page.row = Samples.missing
            page.fixes = [page.row.id]
            page.action = "act_01k8v3nq7wzc4c9t2q0d5j6xyz"
            page.acceptance = .givenUp(root: Samples.root)
            (page.expectedDocument, page.foundDocument) = (nil, nil)
            return renderer.deviation(page)
        },
        PageSample(name: "deviation-stale-sign-in") { renderer in
            var page = Samples.deviation()
            page.permission.isFresh = false
            return renderer.deviation(page)
        },
        PageSample(name: "deviation-closed") { renderer in
            var page = Samples.deviation()
            page.row.state = .closed
            page.row.verdict = .explained
            page.row.severity = .low
            page.ending = "It is over: an approved plan put it back."
            page.action = "act_01k8v3nq7wzc4c9t2q0d5j6xyz"
            page.hits = 1
            return renderer.deviation(page)
        },
        PageSample(name: "deviation-ignored") { renderer in
            var page = Samples.deviation()
            page.row.state = .ignored
            page.ignoredBy = "certificates"
            return renderer.deviation(page)
        },
        PageSample(name: "drift-source") { $0.driftSource(Samples.source()) },
        PageSample(name: "drift-source-reader") { renderer in
            var page = Samples.source()
            page.shell = Samples.shell()
            page.permission = Samples.mayRead
            page.gaps = [Samples.unreadable]
            page.row.status = .gap
            return renderer.driftSource(page)
        },
        PageSample(name: "drift-source-proposed") { renderer in
            renderer.driftSource(Samples.proposedSource())
        },
        PageSample(name: "drift-source-proposed-paged") { renderer in
            var page = Samples.proposedSource()
            page.proposal?.offset = 100
            page.proposal?.count = 1_204
            page.permission.isFresh = false
            return renderer.driftSource(page)
        },
    ]

    private static let others: [PageSample] = [
        PageSample(name: "inbox") { $0.inbox(Samples.inbox()) },
        PageSample(name: "inbox-unsealed") { renderer in
            renderer.inbox(
                Samples.inbox(
                    shell: Samples.shell(
                        unsealed: true, singleOperator: true,
                        notice: ConsoleNotice(
                            kind: .success, text: "Approved. One more approval is needed."))))
        },
        PageSample(name: "inbox-empty") { renderer in
            renderer.inbox(
                InboxPage(shell: Samples.shell(pending: 0), items: [], totalPending: 0))
        },
        PageSample(name: "history") { $0.history(Samples.history()) },
        PageSample(name: "history-empty") { renderer in
            renderer.history(
                HistoryPage(
                    shell: Samples.shell(), query: "<none>", state: "lapsed", rows: [], next: nil,
                    isFirstPage: false))
        },
        PageSample(name: "ledger") { $0.ledger(Samples.ledger()) },
        PageSample(name: "policies") { $0.policies(Samples.policies()) },
        PageSample(name: "directory") { $0.directory(Samples.directory()) },
        PageSample(name: "account") { $0.account(Samples.account()) },
        PageSample(name: "account-with-code") { $0.account(Samples.accountWithCode()) },
        PageSample(name: "account-without-channels") { renderer in
            var page = Samples.account()
            page.accounts = []
            page.channels = []
            return renderer.account(page)
        },
        PageSample(name: "channels") { $0.channels(Samples.channels()) },
        PageSample(name: "channels-none") { renderer in
            renderer.channels(
                ChannelsPage(shell: Samples.shell(), channels: [], undelivered: []))
        },
        PageSample(name: "sign-in") { $0.signIn(Samples.signIn()) },
        PageSample(name: "sign-in-without-link") { renderer in
            var page = Samples.signIn(shell: Samples.shell(viewer: nil, unsealed: true))
            page.token = nil
            page.problem = "This link was used already. Ask for a new one."
            return renderer.signIn(page)
        },
        PageSample(name: "error") { $0.error(Samples.error()) },
    ]
}
