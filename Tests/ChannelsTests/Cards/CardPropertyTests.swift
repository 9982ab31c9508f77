// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@testable import ApprovalCore
@testable import Channels

@Suite("Cards of any action")
struct CardPropertyTests {
    /// Three hundred in a plain run; `EXEQUATUR_FUZZ_CASES` asks for up to ten thousand.
    static let count = PythonReferee.cases > 1000 ? min(10_000, PythonReferee.cases) : 300

    @Test("ten thousand cards are safe")
    func tenThousandCardsAreSafe() throws {
        var generator = CardGenerator(random: .forTest())
        var whole = (slack: 0, teams: 0)
        for _ in 0..<Self.count {
            let card = try generator.card()
            let slack = checkSlack(card)
            let teams = checkTeams(card)
            let mail = MailText(card)
            #expect(mail.subject.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
            #expect(mail.body.utf8.count <= MailText.bodyBytes)
            whole.slack += slack.isComplete ? 1 : 0
            whole.teams += teams.isComplete ? 1 : 0
        }
        // Neither a generator of cards that never fit nor one of cards that always do shows much.
        #expect(whole.slack > Self.count / 5 && whole.slack < Self.count)
        #expect(whole.teams > Self.count / 5 && whole.teams < Self.count)
        cardsReferee.report(
            "\(Self.count) cards, shown in full: Slack \(whole.slack), Teams \(whole.teams)")
    }

    @Test("reading a card back notices a byte that differs, is missing or too much")
    func readingIsStrict() throws {
        let row = { Rendering.Row(label: $0, text: $1, style: .code) }
        let shown = CardFixtures.rendering(rows: [row("A", "x y\nz"), row("B", "1")])
        let card = try CardFixtures.card(rendering: shown)
        let others: [(rows: [Rendering.Row], warnings: [String])] = [
            ([row("A", "x  y\nz"), row("B", "1")], []),
            ([row("A", "x y\nz"), row("B", "2")], []),
            ([row("A", "x y\nz")], []),
            ([row("A", "x y"), row("B", "1")], []),
            ([row("B", "1"), row("A", "x y\nz")], []),
            ([row("A", "x y\nz"), row("B", "1")], ["w"]),
        ]
        let slack = CardReading.slack(SlackCard.message(card, buttons: true).blocks)
        let teams = CardReading.teams(TeamsCard.message(card, buttons: true).card)
        for reading in [slack, teams] {
            #expect(reading.difference(from: shown) == nil)
            for other in others {
                let rendering = CardFixtures.rendering(rows: other.rows, warnings: other.warnings)
                #expect(reading.difference(from: rendering) != nil)
            }
        }
    }

    private func checkSlack(_ card: ReviewCard) -> SlackMessage {
        let message = SlackCard.message(card, buttons: true)
        var rules = SlackRules(card)
        rules.check(message: message.blocks)
        rules.check(message: SlackCard.threadReply(card).blocks)
        for kind in ReviewDecision.Kind.allCases {
            let view = SlackCard.modal(card, kind: kind, privateMetadata: "{}")
            rules.check(view: view)
            guard message.offersApproval else { continue }
            let reading = CardReading.slack(view["blocks"] ?? .null)
            #expect(reading.difference(from: card.rendering) == nil)
        }
        #expect(rules.problems == [])
        #expect(SlackRules.problem(ofText: message.text, card) == nil)
        let reading = CardReading.slack(message.blocks)
        check(
            reading, card, isComplete: message.isComplete, offers: message.offersApproval,
            hasButtons: message.blocks.description.contains("\"exequatur.approve\""))
        return message
    }

    private func checkTeams(_ card: ReviewCard) -> TeamsMessage {
        let message = TeamsCard.message(card, buttons: true)
        #expect(TeamsRules(message.card, card).problems == [])
        let reading = CardReading.teams(message.card)
        check(
            reading, card, isComplete: message.isComplete, offers: message.offersApproval,
            hasButtons: (message.card["actions"]?.arrayValue ?? []).contains {
                $0["type"] == "Action.Execute"
            })
        return message
    }

    /// No button unless all text is there, and what is missing is said.
    private func check(
        _ reading: CardReading, _ card: ReviewCard, isComplete: Bool, offers: Bool,
        hasButtons: Bool
    ) {
        let difference = reading.difference(from: card.rendering)
        #expect(offers == hasButtons)
        if isComplete {
            #expect(difference == nil)
        } else {
            #expect(!offers)
            #expect(difference != nil)
        }
        #expect(
            offers
                == (isComplete && card.rendering.isComplete && card.offer == .buttons
                    && card.status == .pending))
    }
}
