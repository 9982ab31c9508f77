// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@testable import ApprovalCore
@testable import Channels

/// Slack's own SDK, and a validator with the published JSON Schema of Adaptive Cards.
let cardsReferee = PythonReferee(
    name: "cards referee", script: "Tests/Referees/channels_cards.py",
    modules: ["slack_sdk", "jsonschema"], batch: 50)

@Suite(
    "Cards before independent judges",
    .enabled(
        if: cardsReferee.isHere,
        "no `slack_sdk` and `jsonschema` for Python: run scripts/bootstrap"))
struct CardRefereeTests {
    private static let schema = "teams/schemas/1.5.0/adaptive-card.json"

    @Test("Slack's SDK finds nothing wrong with messages and views")
    func slack() throws {
        var generator = CardGenerator(random: .forTest())
        try cardsReferee.compare("messages", count: PythonReferee.cases / 10) {
            let card = try generator.card()
            switch Int.random(in: 0..<4, using: &generator.random) {
            case 0, 1: return SlackCard.message(card, buttons: true).blocks
            case 2: return SlackCard.threadReply(card).blocks
            default: return SlackCard.alert(CardFixtures.alert(generator.text(3000))).blocks
            }
        } answer: {
            problems($0, $1)
        }
        try cardsReferee.compare("views", count: PythonReferee.cases / 10) {
            let card = try generator.card()
            switch Int.random(in: 0..<4, using: &generator.random) {
            case 0: return SlackCard.linkModal()
            case 1:
                return SlackCard.home(
                    name: VisibleText.escape(generator.text(50)), items: [card, card],
                    linkedAs: "bob", consoleURL: card.page)
            case 2: return SlackCard.modal(card, kind: .deny, privateMetadata: "{}")
            default: return SlackCard.modal(card, kind: .approve, privateMetadata: "{}")
            }
        } answer: {
            problems($0, $1)
        }
    }

    @Test("cards for Teams follow the published schema", .corpus(schema))
    func teams() throws {
        var generator = CardGenerator(random: .forTest())
        let schema = try JSON(
            parsing: Corpora.bytes(at: Corpora.path(Self.schema)), limits: .files)
        try cardsReferee.compare("adaptive cards", count: PythonReferee.cases / 40) {
            let isAlert = Int.random(in: 0..<4, using: &generator.random) == 0
            let card =
                isAlert
                ? TeamsCard.alert(CardFixtures.alert(generator.text(3000))).card
                : TeamsCard.message(try generator.card(), buttons: true).card
            return ["card": card, "schema": schema]
        } answer: {
            problems($0, $1)
        }
    }

    @Test("the judges see mistakes")
    func mistakes() throws {
        let long = JSON.string(String(repeating: "x", count: 3001))
        let section: JSON = ["text": ["text": long, "type": "plain_text"], "type": "section"]
        let divider: JSON = ["type": "divider"]
        let button: JSON = [
            "action_id": "a", "text": ["text": "b", "type": "plain_text"], "type": "button",
            "value": .string(String(repeating: "x", count: 2001)),
        ]
        let questions: JSON = [
            "messages": [
                [section], .array(Array(repeating: divider, count: 51)),
                [["elements": [button], "type": "actions"]], [divider],
            ]
        ]
        let answers = try cardsReferee.ask(questions)["messages"]?.arrayValue ?? []
        #expect(answers.map { $0.arrayValue?.isEmpty } == [false, false, false, true])
    }

    private func problems(_ question: JSON, _ answer: JSON) -> [String] {
        (answer.arrayValue ?? [["no answer"]]).map { "\($0): \(question.description.prefix(300))" }
    }
}
