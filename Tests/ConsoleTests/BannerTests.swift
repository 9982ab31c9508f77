// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Console

@Suite struct BannerTests {
    /// One of each kind of page in the given surroundings.
    private func pages(_ shell: ConsoleShell) throws -> [String: String] {
        let renderer = try Shared.renderer()
        var history = Samples.history()
        history.shell = shell
        var ledger = Samples.ledger()
        ledger.shell = shell
        var policies = Samples.policies()
        policies.shell = shell
        var directory = Samples.directory()
        directory.shell = shell
        var account = Samples.account()
        account.shell = shell
        var channels = Samples.channels()
        channels.shell = shell
        var drift = Samples.drift()
        drift.shell = shell
        var deviation = Samples.deviation()
        deviation.shell = shell
        var source = Samples.source()
        source.shell = shell
        var device = Samples.device()
        device.shell = shell
        var batch = Samples.batch()
        batch.shell = shell
        var seal = Samples.seal()
        seal.shell = shell
        return [
            "batch": renderer.batch(batch), "device": renderer.device(device),
            "sealing": renderer.seal(seal),
            "drift": renderer.drift(drift), "deviation": renderer.deviation(deviation),
            "drift-source": renderer.driftSource(source),
            "account": renderer.account(account), "channels": renderer.channels(channels),
            "sign-in": renderer.signIn(Samples.signIn(shell: shell)),
            "inbox": renderer.inbox(Samples.inbox(shell: shell)),
            "action": renderer.action(Samples.pending(shell: shell)),
            "history": renderer.history(history), "ledger": renderer.ledger(ledger),
            "policies": renderer.policies(policies), "directory": renderer.directory(directory),
            "error": renderer.error(Samples.error(shell: shell)),
        ]
    }

    @Test(arguments: [true, false], [true, false])
    func everyPageSaysWhatStateTheInstallationIsIn(unsealed: Bool, single: Bool) throws {
        let pages = try pages(Samples.shell(unsealed: unsealed, singleOperator: single))
        #expect(Set(pages.keys) == Set(PageTemplate.allCases.map(\.rawValue)))
        for (name, html) in pages {
            #expect(html.contains("This installation is unsealed:") == unsealed, "page `\(name)`")
            #expect(html.contains("Single-operator mode is on:") == single, "page `\(name)`")
        }
    }

    @Test func everyPageSaysThatTheGlassIsBroken() throws {
        for (name, html) in try pages(Samples.shell(debts: Samples.openDebts)) {
            #expect(html.contains("Overdue: the glass was broken</strong> by <bdi>Bob"), "\(name)")
            #expect(html.contains("1 more waits to be looked at."), "page `\(name)`")
            #expect(html.contains("href=\"/actions/act_2\""), "page `\(name)`")
        }
        for (name, html) in try pages(Samples.shell(viewer: nil, debts: Samples.openDebts)) {
            #expect(!html.contains("glass was broken"), "page `\(name)` tells strangers")
        }
    }

    @Test func thePagesOfStrangersNeedNoViewerAndShowNoNavigation() throws {
        let shell = Samples.shell(viewer: nil, unsealed: true)
        for name in ["sign-in", "error"] {
            let html = try #require(try pages(shell)[name])
            #expect(html.contains("This installation is unsealed:"))
            #expect(!html.contains("<nav"))
        }
    }
}
