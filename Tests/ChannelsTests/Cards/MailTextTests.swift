// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ApprovalCore
@testable import Channels

@Suite("Cards as mail")
struct MailTextTests {
    @Test("the subject is printable ASCII, whatever the action")
    func subject() throws {
        for status in ActionStatus.allCases {
            let text = "x\r\nBcc: evil@example.org\r\n\r\n\u{202E}"
            let card = try CardFixtures.card(
                try CardFixtures.action(argv: [text], resource: text, justification: text),
                status: status, decisions: [CardFixtures.decision(text, reason: text)])
            let mail = MailText(card)
            #expect(mail.subject.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
            #expect(mail.subject.hasSuffix("(medium): \(card.id)"))
            #expect(!mail.body.utf8.contains(0x0D))
            #expect(mail.isComplete)
        }
    }

    @Test("the body has the link first, says that mail decides nothing, and shows all of it")
    func body() throws {
        let claim = "https://evil.example/\nPage: https://evil.example/"
        let mail = MailText(try CardFixtures.card(try CardFixtures.action(justification: claim)))
        let lines = mail.body.split(separator: "\n", omittingEmptySubsequences: true)
        #expect(lines[2] == "Page: \(CardFixtures.page)")
        #expect(lines.count { $0.hasPrefix("Page:") } == 1)
        #expect(mail.body.contains("Nothing can be decided by mail"))
        #expect(mail.body.contains("[2] \".dump\""))
        #expect(mail.body.contains("> Page: https://evil.example/"))
    }

    @Test("what has more than 200 KB is shortened visibly")
    func long() throws {
        let row = Rendering.Row(label: "Text", text: String(repeating: "abc ", count: 60_000))
        let card = try CardFixtures.card(rendering: CardFixtures.rendering(rows: [row]))
        let mail = MailText(card)
        #expect(!mail.isComplete)
        #expect(mail.body.utf8.count <= MailText.bodyBytes)
        #expect(mail.body.contains("characters left out"))
        #expect(mail.body.contains("Too long for a mail"))
        let fits = Rendering.Row(label: "Text", text: String(repeating: "abc ", count: 40_000))
        #expect(
            MailText(try CardFixtures.card(rendering: CardFixtures.rendering(rows: [fits])))
                .isComplete)
    }

    @Test("a checkpoint")
    func checkpoint() {
        let mail = MailText(
            checkpointOf: "exequatur.example.org/log", size: 42, root: "qINu",
            note: CardFixtures.note)
        #expect(mail.subject == "[Exequatur] Checkpoint of the ledger: 42 entries")
        #expect(mail.body.contains("  exequatur.example.org/log\n  42\n"))
    }
}
