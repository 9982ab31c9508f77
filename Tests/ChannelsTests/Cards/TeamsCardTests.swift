// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing

@testable import ApprovalCore
@testable import Channels

@Suite("Cards for Microsoft Teams")
struct TeamsCardTests {
    private func types(_ card: JSON) -> [String] {
        (card["actions"]?.arrayValue ?? []).compactMap { $0["type"]?.stringValue }
    }

    @Test("shows all of it, asks for a reason and offers the decision")
    func pending() throws {
        let card = try CardFixtures.card()
        let message = TeamsCard.message(card, buttons: true)
        #expect(TeamsRules(message.card, card).problems == [])
        #expect(CardReading.teams(message.card).difference(from: card.rendering) == nil)
        #expect(types(message.card) == ["Action.Execute", "Action.Execute", "Action.OpenUrl"])
        let inputs = (message.card["body"]?.arrayValue ?? []).filter { $0["type"] == "Input.Text" }
        #expect(inputs.map { $0["id"] } == ["reason"])
        #expect(inputs.first?["maxLength"] == 3000)
        #expect(message.isComplete && message.offersApproval)
        #expect(
            message.summary
                == "Approval needed \u{B7} medium: action \(card.id), digest \(card.shortDigest)")
    }

    @Test("a card that is over, too long or not to be decided here has no buttons and no field")
    func withoutButtons() throws {
        let text = String(repeating: "\u{FC}", count: 20_000)
        let long = try CardFixtures.action(argv: ["echo", text])
        let cases: [(ReviewCard, Bool, Bool)] = [
            (try CardFixtures.card(status: .succeeded, offer: .nothing), true, true),
            (try CardFixtures.card(offer: .page("severity")), true, true),
            (try CardFixtures.card(), false, true),
            (try CardFixtures.card(long), true, false),
        ]
        for (card, buttons, isComplete) in cases {
            let message = TeamsCard.message(card, buttons: buttons)
            #expect(TeamsRules(message.card, card).problems == [])
            #expect(types(message.card) == ["Action.OpenUrl"])
            #expect(message.isComplete == isComplete)
            #expect(!message.card.description.contains("Input.Text"))
        }
    }

    @Test("a message for Workflows never has a button that can't be answered")
    func workflow() throws {
        let json = TeamsCard.workflow(try CardFixtures.card())
        #expect(json["type"] == "message")
        let attachment = json["attachments"]?[0]
        #expect(attachment?["contentType"] == "application/vnd.microsoft.card.adaptive")
        #expect(types(attachment?["content"] ?? .null) == ["Action.OpenUrl"])
        #expect(!json.description.contains("Action.Execute"))
        #expect(!json.description.contains("Input."))
    }

    @Test("a checkpoint is shown with its signed note, line by line")
    func checkpoint() throws {
        let message = TeamsCard.checkpoint(
            origin: "exequatur.example.org/log", size: 42, root: "qINu", note: CardFixtures.note)
        let reading = CardReading.teams(message.card)
        #expect(reading.parts.last?.text.hasPrefix("exequatur.example.org/log\n42\n") == true)
        let json = TeamsCard.workflowCheckpoint(
            origin: "o", size: 1, root: "r", note: CardFixtures.note)
        #expect(json["attachments"]?.arrayValue?.count == 1)
    }
}
