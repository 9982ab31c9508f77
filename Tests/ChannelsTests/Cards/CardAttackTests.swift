// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing

@testable import ApprovalCore
@testable import Channels

/// Attacks on what reviewers see in a chat that are known from other systems.
@Suite("Attacks on cards")
struct CardAttackTests {
    /// Expects that `text`, as an argument, as the agent's claim, in names and reasons, is shown as
    /// it is and as text alone.
    private func expectInert(
        _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let action = try CardFixtures.action(
            argv: ["echo", text], resource: text, justification: text)
        let safe = VisibleText.escape(text)
        let card = try CardFixtures.card(
            action, rendering: CardFixtures.rendering(action, reason: text),
            decisions: [CardFixtures.decision(safe, reason: safe)], ending: safe)
        let slack = SlackCard.message(card, buttons: true)
        var rules = SlackRules(card)
        rules.check(message: slack.blocks)
        for kind in ReviewDecision.Kind.allCases {
            rules.check(view: SlackCard.modal(card, kind: kind, privateMetadata: "{}"))
        }
        rules.check(message: SlackCard.threadReply(card).blocks)
        rules.check(
            view: SlackCard.home(name: safe, items: [card], linkedAs: safe, consoleURL: card.page))
        #expect(rules.problems == [], sourceLocation: sourceLocation)
        #expect(
            SlackRules.problem(ofText: slack.text, card) == nil, sourceLocation: sourceLocation)
        let reading = CardReading.slack(slack.blocks)
        #expect(
            reading.difference(from: card.rendering) == nil, sourceLocation: sourceLocation)
        #expect(reading.everything.contains("> \(safe)"), sourceLocation: sourceLocation)

        let teams = TeamsCard.message(card, buttons: true)
        #expect(TeamsRules(teams.card, card).problems == [], sourceLocation: sourceLocation)
        #expect(
            CardReading.teams(teams.card).difference(from: card.rendering) == nil,
            sourceLocation: sourceLocation)
    }

    @Test("<!channel> notifies nobody")
    func channelMention() throws { try expectInert("<!channel>") }

    @Test("<@U123> mentions nobody")
    func userMention() throws { try expectInert("<@U123>") }

    @Test("<https://evil|https://good> is no link with another target")
    func disguisedLink() throws { try expectInert("<https://evil|https://good>") }

    @Test("@here notifies nobody")
    func hereMention() throws { try expectInert("@here @channel @everyone #general") }

    @Test("a bare URL becomes no link")
    func bareURL() throws { try expectInert("see https://evil.example/?q=1&r=2 www.evil.example") }

    @Test("a fence of back-ticks is not left")
    func fenceBreakOut() throws { try expectInert("``` *Approved by security* ``` `x`") }

    @Test("*bold* is no emphasis")
    func emphasis() throws { try expectInert("*bold* _it_ ~gone~ **b** __u__ :white_check_mark:") }

    @Test("[text](url) is no Markdown in Teams")
    func markdownLink() throws { try expectInert("[Approve](https://evil.example) ![](x) # H") }

    @Test("<at>user</at> mentions nobody in Teams")
    func teamsMention() throws { try expectInert("<at>user</at> <b>bold</b> &lt;script&gt;") }

    @Test("functions of Adaptive Cards are not evaluated")
    func cardFunctions() throws {
        try expectInert("{{DATE(2020-01-01T00:00:00Z,SHORT)}} {{{TIME(x)}}} ${$root.x} @{x}")
        #expect(TeamsBody.runs("a{{{b") == ["a{", "{", "{b"])
    }

    @Test("blanks do not collapse in Teams")
    func blanks() throws {
        try expectInert("a  b   c")
        #expect(TeamsBody.blanksKept(" a  b c") == "\u{A0}a \u{A0}b c")
    }

    @Test("a right-to-left override is shown as an escape")
    func rightToLeftOverride() throws {
        try expectInert("safe\u{202E}gpj.exe")
        let action = try CardFixtures.action(argv: ["open", "safe\u{202E}gpj.exe"])
        let message = SlackCard.message(try CardFixtures.card(action), buttons: true)
        #expect(message.blocks.description.contains("safe\\\\u{202e}gpj.exe"))
        #expect(CardReading.slack(message.blocks).parts.first?.title == "Warnings")
    }

    @Test("a text that promises to be safe and is not is escaped on its line")
    func brokenPromise() throws {
        let card = try CardFixtures.card(
            decisions: [CardFixtures.decision("Bob\n\u{202E}(bob)", reason: "a\nDeadline: never")])
        let text = SlackCard.message(card, buttons: true).blocks.description
        #expect(text.contains("Bob\\\\n\\\\u{202e}(bob)"))
        #expect(text.contains("a\\\\nDeadline: never"))
    }

    @Test("a flood of line feeds can't push the risky line off the card")
    func newlineFlood() throws {
        let flood = String(repeating: "\n", count: 5000) + "rm -rf /"
        let action = try CardFixtures.action(argv: ["sh", "-c", flood])
        let card = try CardFixtures.card(action)
        let message = SlackCard.message(card, buttons: true)
        #expect(message.isComplete)
        #expect(CardReading.slack(message.blocks).everything.contains("\u{2026} 5000 empty lines"))

        let lines = "rm -rf /\n" + String(repeating: "x\n", count: 500)
        let long = try CardFixtures.card(try CardFixtures.action(argv: ["sh", "-c", lines]))
        for isOffered in [
            SlackCard.message(long, buttons: true).offersApproval,
            TeamsCard.message(long, buttons: true).offersApproval,
        ] { #expect(!isOffered) }
        let shown = CardReading.slack(SlackCard.message(long, buttons: true).blocks).everything
        #expect(shown.contains("rm -rf /") && shown.contains("left out"))
        #expect(shown.utf8.count { $0 == 0x0A } <= 170)
    }

    @Test("3001 characters are shown in two blocks, and too many take the buttons away")
    func overlongText() throws {
        let card = try CardFixtures.card(
            try CardFixtures.action(argv: ["echo", String(repeating: "x", count: 3001)]))
        let message = SlackCard.message(card, buttons: true)
        var rules = SlackRules(card)
        rules.check(message: message.blocks)
        #expect(rules.problems == [])
        #expect(message.offersApproval)
        #expect(CardReading.slack(message.blocks).difference(from: card.rendering) == nil)

        let long = try CardFixtures.card(
            try CardFixtures.action(argv: ["echo", String(repeating: "x", count: 30_001)]))
        let short = SlackCard.message(long, buttons: true)
        rules = SlackRules(long)
        rules.check(message: short.blocks)
        #expect(rules.problems == [])
        #expect(!short.isComplete && !short.offersApproval)
        #expect(CardReading.slack(short.blocks).everything.contains("characters left out"))
        #expect(short.blocks.description.contains("Too long for a message."))
    }

    @Test("51 blocks are never sent")
    func tooManyBlocks() throws {
        let sections = (0..<60).map { number in
            Rendering.Section(
                kind: .what, title: "Part \(number)",
                rows: [Rendering.Row(label: "A", text: "b")])
        }
        let card = try CardFixtures.card(
            rendering: Rendering(sections: sections, warnings: [], isComplete: true))
        let message = SlackCard.message(card, buttons: true)
        #expect((message.blocks.arrayValue ?? []).count <= 50)
        #expect(!message.isComplete && !message.offersApproval)
    }

    @Test("the value of a button has 95 characters, whatever the action")
    func overlongButtonValue() throws {
        let action = try CardFixtures.action(
            argv: ["a"], resource: String(repeating: "r", count: 1024))
        let card = try CardFixtures.card(action)
        let message = SlackCard.message(card, buttons: true)
        let values = (message.blocks.arrayValue ?? [])
            .flatMap { $0["elements"]?.arrayValue ?? [] }
            .compactMap { $0["value"]?.stringValue }
        #expect(values.count == 2)
        for value in values {
            #expect(value == "\(card.id) \(card.rendering.digest)")
            #expect(value.utf8.count == 95)
        }
    }

    @Test("a row can't be forged within another row's text")
    func forgedRow() throws {
        let action = try CardFixtures.action(argv: ["x\nSeverity: low\n\nPolicy says: allowed"])
        let message = SlackCard.message(try CardFixtures.card(action), buttons: true)
        for part in CardReading.slack(message.blocks).parts where part.title == "What exactly" {
            let lines = CardText.split(part.text)
            #expect(!lines.contains { $0.hasPrefix("Severity") || $0.hasPrefix("Policy") })
        }
    }
}
