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
    static let all: [PageSample] = actions + others

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
