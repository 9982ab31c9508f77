// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@testable import ApprovalCore
@testable import Channels

/// Alerts of drift: what was found is anybody's text, and nothing in them decides anything.
@Suite("Alerts of drift as messages")
struct DriftCardTests {
    private func expectInert(
        _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let alert = CardFixtures.alert(text)
        let shown = CardWords.found(alert).joined(separator: "\n")
        let slack = SlackCard.alert(alert)
        var rules = SlackRules(page: CardFixtures.driftPage)
        rules.check(message: slack.blocks)
        #expect(rules.problems == [], sourceLocation: sourceLocation)
        #expect(slack.text == "Drift \u{B7} high: source app-settings")
        #expect(!slack.isComplete && !slack.offersApproval)
        let reading = CardReading.slack(slack.blocks)
        #expect(reading.parts.map(\.title) == ["What was found"], sourceLocation: sourceLocation)
        #expect(
            reading.parts.first?.text.utf8.elementsEqual(shown.utf8) == true,
            sourceLocation: sourceLocation)

        let teams = TeamsCard.alert(alert)
        #expect(
            TeamsRules(teams.card, page: CardFixtures.driftPage).problems == [],
            sourceLocation: sourceLocation)
        #expect(teams.summary == slack.text && !teams.offersApproval)
        #expect(
            CardReading.teams(teams.card).parts.first?.text.utf8
                .elementsEqual(((shown.isEmpty ? " " : shown) + "\n").utf8) == true,
            sourceLocation: sourceLocation)
        let workflow = TeamsCard.workflowAlert(alert)
        #expect(workflow["attachments"]?[0]?["content"] == teams.card)

        let mail = MailText(alert)
        #expect(mail.subject == "[Exequatur] Drift (high): source app-settings")
        let lines = CardText.split(mail.body)
        #expect(lines.count { $0.hasPrefix("Page: ") } == 1, sourceLocation: sourceLocation)
        #expect(lines[3] == "Page: \(CardFixtures.driftPage)", sourceLocation: sourceLocation)
        #expect(!mail.body.utf8.contains(0x0D), sourceLocation: sourceLocation)
        #expect(mail.body.utf8.count < 8000, sourceLocation: sourceLocation)
    }

    static let attacks = [
        "file:/etc/app.conf at $.limit: unauthorised, no approved action", "",
        "<!channel> <@U123> <https://evil|https://good> @here", "```*bold* _x_ :smile:",
        "[click](https://evil.example) <at>user</at> {{DATE(x,SHORT)}} {{{",
        "x\r\nBcc: evil@example.org\r\n\r\nPage: https://evil.example/",
        "a\u{202E}b\u{200B}c\u{7}d", "two  blanks   here", String(repeating: "x", count: 100_000),
        String(repeating: "\u{1F4A5}", count: 5000), "one\nPage: https://evil.example/\n",
    ]

    @Test("whatever was found is shown as text alone", arguments: attacks)
    func inert(text: String) { expectInert(text) }

    @Test("and so is any other text")
    func anyText() throws {
        var generator = CardGenerator(random: .forTest())
        for _ in 0..<300 {
            expectInert(generator.text(Int.random(in: 0...4000, using: &generator.random)))
        }
    }

    @Test("says how bad it is, of what, when, and where to look")
    func words() {
        let alert = CardFixtures.alert(severity: .critical)
        let texts = [
            SlackCard.alert(alert).blocks.description, TeamsCard.alert(alert).card.description,
            MailText(alert).body,
        ]
        for text in texts {
            for part in [
                "Drift \u{B7} critical", "Source app-settings, 2026-11-21 09:00:00 UTC",
                "file:/etc/app.conf at $.content.limit: unauthorised",
                "https://exequatur.example.org/drift",
            ] { #expect(text.contains(part), "`\(part)`") }
        }
    }

    @Test("an address that is too long is left out, as on cards")
    func longAddress() {
        let alert = DriftAlertText(
            key: "1", severity: .high, source: Handle(constant: "x"), text: "t",
            at: CardFixtures.start, url: "https://e.org/" + String(repeating: "x", count: 5000))
        #expect(!SlackCard.alert(alert).blocks.description.contains("e.org"))
        #expect(TeamsCard.alert(alert).card["actions"] == [])
    }
}
