// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing

@testable import ApprovalCore
@testable import Channels

@Suite("Cards for Slack")
struct SlackCardTests {
    private func ids(_ message: SlackMessage) -> [String] {
        (message.blocks.arrayValue ?? []).flatMap { $0["elements"]?.arrayValue ?? [] }
            .compactMap { $0["action_id"]?.stringValue }
    }

    private func header(_ message: SlackMessage) -> String? {
        message.blocks[0]?["text"]?["text"]?.stringValue
    }

    private func paragraphs(_ blocks: JSON) -> [String] {
        (blocks.arrayValue ?? []).filter { $0["type"] == "section" }
            .compactMap { $0["text"]?["text"]?.stringValue }
    }

    @Test("answers who, what, policy and why in that order, and offers the decision last")
    func order() throws {
        let message = SlackCard.message(try CardFixtures.card(), buttons: true)
        #expect(header(message) == "Approval needed \u{B7} medium")
        #expect(
            CardReading.slack(message.blocks).parts.map(\.title) == [
                "Who", "What exactly", "Within policy?", "Review", "Why (the agent's claim)",
            ])
        #expect(ids(message) == ["exequatur.approve", "exequatur.deny", "exequatur.open"])
        #expect(message.isComplete && message.offersApproval)
        #expect(paragraphs(message.blocks).first == "command.run on Host::\"build-7\"")
    }

    @Test("labels stand in a column, and lines of a text never at the margin")
    func layout() {
        let rows = [
            Rendering.Row(label: "A", text: "1"), Rendering.Row(label: "Longer", text: "2"),
            Rendering.Row(label: "Many", text: "x\nSeverity: low", style: .code),
            Rendering.Row(label: "Risk", text: "3", style: .warning),
            Rendering.Row(label: String(repeating: "l", count: 30), text: "4"),
        ]
        #expect(
            CardText.lines(rows, Shortening.steps[0]) == [
                "A:      1", "Longer: 2", "Many:", "  x", "  Severity: low", "! Risk: 3",
                String(repeating: "l", count: 30) + ":", "  4",
            ])
    }

    @Test("says how each state is called", arguments: ActionStatus.allCases)
    func states(_ status: ActionStatus) throws {
        let card = try CardFixtures.card(status: status, ending: "it ended", offer: .nothing)
        let message = SlackCard.message(card, buttons: true)
        #expect(SlackRules.problem(ofText: message.text, card) == nil)
        #expect(ids(message) == ["exequatur.open"])
        #expect(!message.offersApproval)
    }

    @Test("names who decided, and nobody in the text beside the blocks")
    func decided() throws {
        let card = try CardFixtures.card(
            status: .cleared,
            decisions: [
                CardFixtures.decision(reason: "Fine", isSelfApproved: true),
                CardFixtures.decision("Carol (carol)"),
            ], offer: .nothing)
        let message = SlackCard.message(card, buttons: true)
        #expect(header(message) == "Approved by Bob Example (bob) and 1 more \u{B7} medium")
        #expect(
            message.text
                == "Approved \u{B7} medium: action \(card.id), digest \(card.shortDigest)")
        let review = CardReading.slack(message.blocks).parts.first { $0.title == "Review" }
        #expect(
            review?.text.contains(
                "Bob Example (bob), self-approved, slack, 2026-11-21 09:01:30 UTC: Fine") == true)
        let denied = try CardFixtures.card(
            status: .denied, decisions: [CardFixtures.decision(approves: false)], offer: .nothing)
        #expect(
            header(SlackCard.message(denied, buttons: true))
                == "Denied by Bob Example (bob) \u{B7} medium")
    }

    @Test("offers no decision where a condition fails, and says why")
    func obstacles() throws {
        let rendering = CardFixtures.rendering(try CardFixtures.action())
        let incomplete = Rendering(
            sections: rendering.sections, warnings: ["not shown in full: x"], isComplete: false)
        let cases: [(ReviewCard, Bool, String)] = [
            (try CardFixtures.card(rendering: incomplete), true, "Not all of it can be shown"),
            (try CardFixtures.card(offer: .page("ask at the console")), true, "ask at the console"),
            (try CardFixtures.card(), false, "Decide on the page."),
        ]
        for (card, buttons, reason) in cases {
            let message = SlackCard.message(card, buttons: buttons)
            #expect(!message.offersApproval)
            #expect(ids(message) == ["exequatur.open"])
            #expect(paragraphs(message.blocks).contains { $0.contains(reason) })
            #expect(message.isComplete)
        }
    }

    @Test("a long reason of one reviewer takes no room from what is reviewed")
    func longReasons() throws {
        let reason = String(repeating: "\u{FC}&", count: 1500)
        let card = try CardFixtures.card(
            decisions: (0..<20).map { CardFixtures.decision("P\($0) (p\($0))", reason: reason) })
        let message = SlackCard.message(card, buttons: true)
        #expect(message.isComplete && message.offersApproval)
        let review = CardReading.slack(message.blocks).parts.first { $0.title == "Review" }
        #expect(review?.text.contains("earlier decisions left out") == true)
        #expect(review?.text.contains("characters left out") == true)
    }

    @Test("labels what is advisory and unsealed")
    func labels() throws {
        let card = try CardFixtures.card(isAdvisory: true, isUnsealed: true)
        let text = SlackCard.message(card, buttons: true).blocks.description
        #expect(text.contains("Advisory: ") && text.contains("Unsealed: "))
    }

    @Test("an address that Slack would refuse is left out")
    func longAddress() throws {
        let page = "https://exequatur.example.org/" + String(repeating: "a", count: 3000)
        let message = SlackCard.message(try CardFixtures.card(page: page), buttons: true)
        #expect(ids(message) == ["exequatur.approve", "exequatur.deny"])
    }

    // MARK: views

    @Test("the window wants a reason for denying, and shows once more what is decided")
    func modal() throws {
        let card = try CardFixtures.card()
        for kind in ReviewDecision.Kind.allCases {
            let view = SlackCard.modal(card, kind: kind, privateMetadata: "{}")
            var rules = SlackRules(card)
            rules.check(view: view)
            #expect(rules.problems == [])
            #expect(view["callback_id"] == "exequatur.decide")
            #expect(view["private_metadata"] == "{}")
            let inputs = (view["blocks"]?.arrayValue ?? []).filter { $0["type"] == "input" }
            #expect(inputs.map { $0["block_id"] } == ["reason"])
            #expect(inputs.first?["element"]?["action_id"] == "reason")
            #expect(inputs.first?["optional"] == .bool(kind == .approve))
            let reading = CardReading.slack(view["blocks"] ?? .null)
            #expect(reading.difference(from: card.rendering) == nil)
            #expect(view.description.contains(card.shortDigest))
        }
    }

    @Test("the window for the code")
    func linkModal() throws {
        let view = SlackCard.linkModal()
        var rules = SlackRules(try CardFixtures.card())
        rules.check(view: view)
        #expect(rules.problems == [])
        #expect(view["callback_id"] == "exequatur.link")
        #expect(view["blocks"]?[1]?["element"]?["action_id"] == "code")
    }

    @Test("the App Home lists at most twenty actions, and none to an account that is not linked")
    func home() throws {
        let card = try CardFixtures.card(page: "https://exequatur.example.org/")
        let items = Array(repeating: card, count: 25)
        let view = SlackCard.home(
            name: "Bob <!channel>", items: items, linkedAs: "bob", consoleURL: card.page)
        var rules = SlackRules(card)
        rules.check(view: view)
        #expect(rules.problems == [])
        let lines = paragraphs(view["blocks"] ?? .null)
        #expect(lines.count == 21)
        #expect(lines.last == "5 more are in the console.")
        #expect(view.description.contains("Linked as Bob <!channel> (bob)."))

        let empty = SlackCard.home(
            name: nil, items: [], linkedAs: "bob", consoleURL: card.page)
        #expect(paragraphs(empty["blocks"] ?? .null) == ["Nothing is waiting for you."])
        let stranger = SlackCard.home(
            name: nil, items: items, linkedAs: nil, consoleURL: card.page)
        var strict = SlackRules(card)
        strict.check(view: stranger)
        #expect(strict.problems == [])
        #expect(stranger.description.contains("exequatur.link"))
        #expect(!stranger.description.contains("build-7"))
    }

    // MARK: notices

    @Test("a reply in the thread tells the newest decision, then the ending")
    func threadReply() throws {
        let one = try CardFixtures.card(decisions: [CardFixtures.decision(reason: "ok <@U1>")])
        #expect(
            paragraphs(SlackCard.threadReply(one).blocks)
                == ["Approved by Bob Example (bob), slack, 2026-11-21 09:01:30 UTC: ok <@U1>"])
        let over = try CardFixtures.card(status: .failed, ending: "exit code 1", offer: .nothing)
        let reply = SlackCard.threadReply(over)
        #expect(paragraphs(reply.blocks) == ["Failed: exit code 1"])
        #expect(SlackRules.problem(ofText: reply.text, over) == nil)
        #expect(!reply.isComplete && !reply.offersApproval)
    }

    @Test("a checkpoint is shown with its signed note, line by line")
    func checkpoint() throws {
        let message = SlackCard.checkpoint(
            origin: "exequatur.example.org/log", size: 42, root: "qINu", note: CardFixtures.note)
        var rules = SlackRules(try CardFixtures.card())
        rules.check(message: message.blocks)
        #expect(rules.problems == [])
        let parts = CardReading.slack(message.blocks).parts
        #expect(parts.last?.text == CardFixtures.note)
        let long = SlackCard.checkpoint(
            origin: "o", size: .max, root: "r", note: String(repeating: "n\n", count: 9000))
        rules.check(message: long.blocks)
        #expect(rules.problems == [])
    }

    @Test("pieces of a long text are the text, and end behind line feeds")
    func pieces() {
        #expect(SlackBlocks.parts("", 10) == [])
        #expect(SlackBlocks.parts("ab\ncd\nef", 6) == ["ab\ncd\n", "ef"])
        #expect(SlackBlocks.parts("abcdefgh\ni", 3) == ["abc", "def", "gh\n", "i"])
        #expect(SlackBlocks.parts("\u{1F600}\u{1F600}", 3) == ["\u{1F600}", "\u{1F600}"])
    }

    @Test("what is cut out is said")
    func cut() {
        let text = String(repeating: "a", count: 1000)
        let cut = Shortening.cut(text, to: 100)
        #expect(cut.utf16.count <= 100)
        #expect(cut.contains("\u{2026} 964 of 1000 characters left out \u{2026}"))
        #expect(Shortening.cut(text, to: 1000) == text)
        let lines = "| begin\n| " + String(repeating: "a", count: 500) + "[1] \"--dry-run\"\nend"
        let shown = CardText.split(Shortening.cut(lines, to: 136))
        #expect(shown.count == 5 && shown[0] == "| begin" && shown[4] == "end")
        // Not a line of its own, for which an argument's text could be cut to pass.
        #expect(shown[3].hasPrefix("\u{2026}a") && shown[3].hasSuffix("[1] \"--dry-run\""))
    }
}
