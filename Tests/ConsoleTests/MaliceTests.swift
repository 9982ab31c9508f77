// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Console

/// Every value of every template is replaced by an attack, and the page keeps its structure.
@Suite struct MaliceTests {
    static let attacks = [
        "</pre></textarea></title><script>alert(1)</script><img src=x onerror=alert(1)>",
        "\" autofocus onfocus=alert(1) style=\"color:red",
        "\"\u{301} autofocus onfocus=alert(1) x=\"",
        "'\u{20E3}><svg onload=alert(1)>",
        "{{{csrfToken}}}{{#viewer}}{{/viewer}}",
        "<!-- --><style>*{display:none}</style>",
        "\u{202E}approved\u{2066}",
    ]

    @Test(arguments: attacks)
    func noValueChangesTheStructureOfAPage(_ attack: String) throws {
        let renderer = try Shared.renderer()
        for page in try AllPages.samples() {
            let values = page.values.merging(renderer.shellValues(page)) { _, shell in shell }
            let harmless = structure(renderer.html(page.template, replaced(values, by: "x")))
            let hostile = renderer.html(page.template, replaced(values, by: attack))
            #expect(structure(hostile) == harmless, "page \(page.template)")
            #expect(!hostile.unicodeScalars.contains { $0 == "\u{202E}" || $0 == "\u{2066}" })
        }
    }

    @Test func theScannerSeesWhatAnUnescapedAttackWouldDo() {
        // A guard that cannot fail guards nothing: the same comparison notices each attack raw.
        for attack in Self.attacks where attack.unicodeScalars.contains("<") {
            #expect(structure("<p>\(attack)</p>") != structure("<p>x</p>"))
        }
        for attack in Self.attacks where attack.unicodeScalars.first == "\"" {
            #expect(structure("<p a=\"\(attack)\">") != structure("<p a=\"x\">"))
        }
    }

    /// Tags with the names of their attributes.
    private func structure(_ html: String) -> [String] {
        HTMLScanner.tags(of: html).map { tag in
            (tag.isEnd ? "/" : "") + tag.name + " "
                + tag.attributes.map(\.name).joined(separator: " ")
        }
    }

    private func replaced(_ value: TemplateValues, by text: String) -> TemplateValues {
        value.mapValues { replaced(any: $0, by: text) }
    }

    private func replaced(any value: Any, by text: String) -> Any {
        switch value {
        case is String: text
        case let values as TemplateValues: replaced(values, by: text)
        case let list as [TemplateValues]: list.map { replaced($0, by: text) }
        case let list as [String]: list.map { _ in text }
        default: value
        }
    }
}

/// Every page as a value, for rules that hold for all of them.
enum AllPages {
    static func samples() throws -> [any TemplatePage] {
        var withoutLink = Samples.signIn()
        withoutLink.token = nil
        withoutLink.problem = "This link was used already."
        var broken = Samples.pending()
        broken.rendering.isComplete = false
        broken.verdict.errors = [ConsolePolicyError(policy: "p", message: "m")]
        broken.requester.onBehalfOf = Samples.carol
        broken.decisions[0].isLapsed = true
        broken.decisions[0].isSelfApproved = true
        broken.permission.mayCancel = true
        var cleared = Samples.pending()
        cleared.state = .cleared
        cleared.grantExpires = Samples.after(60)
        cleared.permission.mayRevoke = true
        return [
            Samples.pending(), Samples.succeeded(), Samples.denied(), Samples.unknown(), broken,
            cleared, Samples.inbox(shell: shell),
            InboxPage(shell: Samples.shell(pending: 0), items: [], totalPending: 0),
            InboxPage(shell: shell, items: [], totalPending: 1_000),
            Samples.history(), Samples.ledger(), Samples.directory(), Samples.policies(),
            Samples.signIn(), withoutLink, Samples.error(), Samples.account(),
            Samples.accountWithCode(), Samples.channels(),
        ] + drift + reviews
    }

    private static var reviews: [any TemplatePage] {
        var same = Samples.policyChange()
        same.review.change?.files = []
        var long = Samples.policyChange()
        long.review.change?.files = [
            ConsoleFileChange(
                name: "long", before: nil,
                after: String(repeating: "permit;\n", count: LineDiff.limit + 1))
        ]
        var decided = Samples.policyChange()
        decided.state = .denied
        var notNow = Samples.busy()
        notNow.review.breakGlassObstacle = "breaking the glass needs a fresh sign-in"
        var overdue = Samples.brokenGlass()
        overdue.review.debt?.isOverdue = true
        var deviceToEnter = Samples.device()
        deviceToEnter.request = nil
        var deviceToSignIn = Samples.device()
        deviceToSignIn.mayAnswer = false
        var sealable = Samples.unsealable()
        sealable.obstacles = []
        var hidden = Samples.batch()
        hidden.members[0].rendering.isComplete = false
        return [
            Samples.batch(), hidden, Samples.busy(), Samples.needsPasskey(),
            Samples.brokenGlass(), overdue, notNow,
            Samples.settledGlass(isAccepted: true), Samples.settledGlass(isAccepted: false),
            Samples.directoryChange(), Samples.policyChange(), same, long, decided,
            Samples.device(), deviceToEnter, deviceToSignIn, Samples.seal(), Samples.staleSeal(),
            Samples.unsealable(), sealable, Samples.sealed(),
            Samples.inbox(shell: Samples.shell(debts: Samples.openDebts)),
        ]
    }

    private static var drift: [any TemplatePage] {
        var overview = Samples.drift()
        overview.openCount = 10_000
        overview.gapCount = 300
        overview.sources[2].flood = 12
        var missing = Samples.deviation()
        missing.row = Samples.missing
        missing.acceptance = .givenUp(root: Samples.root)
        var hidden = Samples.deviation()
        hidden.ignoredBy = "rule"
        hidden.permission.isFresh = false
        var reader = Samples.source()
        reader.permission = Samples.mayRead
        reader.row.flood = 12
        reader.gaps = [Samples.unreadable]
        var paged = Samples.proposedSource()
        paged.proposal?.count = 1_204
        paged.proposal?.offset = 100
        return [
            overview,
            DriftPage(
                shell: shell, sources: [], deviations: [], openCount: 0, gaps: [], gapCount: 0,
                rules: []),
            Samples.deviation(), Samples.partialDeviation(), missing, hidden, Samples.source(),
            reader, paged,
        ]
    }

    private static let shell = Samples.shell(
        unsealed: true, singleOperator: true,
        notice: ConsoleNotice(kind: .warning, text: "Careful."))
}
