// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import Testing

@testable import Channels

/// Every kind of message, byte for byte, against the files in `Tests/Golden/cards`.
///
/// `UPDATE_GOLDEN=1` rewrites them, except where `CI` is set: there they only judge.
@Suite("Golden cards")
struct CardGoldenTests {
    static func files() throws -> [(name: String, text: String)] {
        var files: [(name: String, text: String)] = []
        for (name, card) in try CardFixtures.samples() {
            files.append(("\(name).slack.json", text(SlackCard.message(card, buttons: true))))
            let teams = TeamsCard.message(card, buttons: true)
            files.append(("\(name).teams.json", teams.card.prettyText() + "\n"))
            let mail = MailText(card)
            files.append(("\(name).mail.txt", "Subject: \(mail.subject)\n\n\(mail.body)"))
        }
        let card = try CardFixtures.card()
        let decided = try CardFixtures.card(decisions: [CardFixtures.decision(reason: "Fine")])
        let views: [(String, JSON)] = [
            ("modal-approve", SlackCard.modal(card, kind: .approve, privateMetadata: "{}")),
            ("modal-deny", SlackCard.modal(card, kind: .deny, privateMetadata: "{}")),
            ("modal-link", SlackCard.linkModal()),
            (
                "home",
                SlackCard.home(
                    name: "Bob Example", items: [card], linkedAs: "bob",
                    consoleURL: "https://exequatur.example.org/")
            ),
            (
                "home-unlinked",
                SlackCard.home(
                    name: nil, items: [], linkedAs: nil,
                    consoleURL: "https://exequatur.example.org/")
            ),
        ]
        files += views.map { ("\($0.0).slack.json", $0.1.prettyText() + "\n") }
        files.append(("reply.slack.json", text(SlackCard.threadReply(decided))))
        files.append(
            (
                "checkpoint.slack.json",
                text(
                    SlackCard.checkpoint(
                        origin: "exequatur.example.org/log", size: 42, root: "qINu",
                        note: CardFixtures.note))
            ))
        let claim =
            "file:/srv/<!channel> [x](https://evil.example): unauthorised, no approved action"
        let alert = CardFixtures.alert(claim)
        files.append(("alert.slack.json", text(SlackCard.alert(alert))))
        files.append(("alert.teams.json", TeamsCard.alert(alert).card.prettyText() + "\n"))
        let mail = MailText(alert)
        files.append(("alert.mail.txt", "Subject: \(mail.subject)\n\n\(mail.body)"))
        files.append(
            (
                "workflow-alert.teams.json", TeamsCard.workflowAlert(alert).prettyText() + "\n"
            ))
        files.append(("workflow.teams.json", TeamsCard.workflow(card).prettyText() + "\n"))
        return files
    }

    private static func text(_ message: SlackMessage) -> String {
        let json: JSON = ["blocks": message.blocks, "text": .string(message.text)]
        return json.prettyText() + "\n"
    }

    @Test("messages are those of the golden files")
    func messages() throws {
        let environment = ProcessInfo.processInfo.environment
        let updates = environment["UPDATE_GOLDEN"] == "1" && environment["CI"] == nil
        for (name, text) in try Self.files() {
            let file = folder.appendingPathComponent(name)
            if updates {
                try FileManager.default.createDirectory(
                    at: folder, withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
            }
            let golden = try? Data(contentsOf: file)
            #expect(
                golden == Data(text.utf8), "`\(name)`: run with UPDATE_GOLDEN=1 and read the diff")
        }
    }

    @Test("no golden file is left over")
    func leftOver() throws {
        let found = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(found) == Set(try Self.files().map(\.name)))
    }

    private var folder: URL {
        URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/cards")
    }
}
