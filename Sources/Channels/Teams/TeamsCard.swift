// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

/// An Adaptive Card, and what the message around it says.
package struct TeamsMessage: Sendable, Hashable {
    /// The card: version 1.5 of the format.
    package let card: JSON
    /// What a notification shows: words of ours alone.
    package let summary: String
    /// True if all of the rendering's text is in the card.
    package let isComplete: Bool
    /// True if there are buttons to approve and to deny.
    package let offersApproval: Bool

    /// The card as an element of `attachments`.
    package var attachment: JSON {
        ["content": card, "contentType": "application/vnd.microsoft.card.adaptive"]
    }
}

/// An action under review as Microsoft Teams shows it; see ``SlackCard`` for the rules.
package enum TeamsCard {
    /// The card of an action; with `buttons`, decisions are offered if all of it fits.
    package static func message(_ card: ReviewCard, buttons: Bool) -> TeamsMessage {
        let (text, json) = Shortening.longest { shortening in
            let text = CardText(card, shortening)
            return (text, Self.card(card, text, buttons: buttons))
        } that: { text, json in
            text.lineCount <= TeamsLimits.lines && size(json) <= TeamsLimits.cardBytes
        }
        return TeamsMessage(
            card: json, summary: summary(card), isComplete: text.isWhole,
            offersApproval: CardWords.offersApproval(
                card, buttons: buttons, isWhole: text.isWhole))
    }

    /// The card for a webhook of Workflows, which can't send anything back: it never has buttons.
    package static func workflow(_ card: ReviewCard) -> JSON {
        workflow(message(card, buttons: false))
    }

    /// The ledger's newest checkpoint; see ``SlackCard/checkpoint(origin:size:root:note:)``.
    package static func checkpoint(
        origin: String, size: UInt64, root: String, note: String
    ) -> TeamsMessage {
        var body = TeamsBody()
        body.title("Checkpoint \u{B7} \(size) entries")
        body.heading("Ledger")
        body.code(CardWords.checkpoint(origin: origin, size: size, root: root))
        body.heading("Signed note")
        body.code(CardText.split(CardWords.note(note)))
        let summary = "Checkpoint of the ledger: \(size) entries"
        return TeamsMessage(
            card: document(body, actions: [], fallback: summary), summary: summary,
            isComplete: false, offersApproval: false)
    }

    /// That something deviates; it has a link and decides nothing.
    package static func alert(_ alert: DriftAlertText) -> TeamsMessage {
        var body = TeamsBody()
        body.title(CardWords.trusted(alert))
        body.paragraph(CardWords.subject(alert))
        body.heading("What was found")
        body.code(CardWords.found(alert))
        let summary = CardWords.summary(alert)
        return TeamsMessage(
            card: document(body, actions: pageAction(alert.url), fallback: summary),
            summary: summary, isComplete: false, offersApproval: false)
    }

    /// An alert for a webhook of Workflows.
    package static func workflowAlert(_ alert: DriftAlertText) -> JSON {
        workflow(Self.alert(alert))
    }

    /// A checkpoint for a webhook of Workflows.
    package static func workflowCheckpoint(
        origin: String, size: UInt64, root: String, note: String
    ) -> JSON {
        workflow(checkpoint(origin: origin, size: size, root: root, note: note))
    }

    private static func workflow(_ message: TeamsMessage) -> JSON {
        [
            "attachments": [message.attachment], "summary": .string(message.summary),
            "type": "message",
        ]
    }

    private static func summary(_ card: ReviewCard) -> String {
        "\(CardWords.trusted(card)): action \(card.id), digest \(card.shortDigest)"
    }

    private static func size(_ json: JSON) -> Int { json.description.utf8.count }

    // MARK: the card

    private static func card(
        _ card: ReviewCard, _ text: CardText, buttons: Bool
    ) -> JSON {
        var body = TeamsBody()
        body.title(CardWords.headline(card))
        body.paragraph(CardWords.subject(card))
        for label in CardWords.labels(card) { body.small(label) }
        if let ending = card.ending { body.paragraph(CardWords.line(ending, to: 480)) }
        for part in text.parts {
            body.heading(part.title)
            body.code(part.lines, isWarning: part.isWarning)
        }
        body.small(CardWords.marks(card).joined(separator: " \u{B7} "))
        if let obstacle = CardWords.obstacle(card, buttons: buttons, isWhole: text.isWhole) {
            body.paragraph(obstacle)
        }
        var actions: [JSON] = []
        if CardWords.offersApproval(card, buttons: buttons, isWhole: text.isWhole) {
            body.input("reason", label: "Reason (needed to deny)")
            actions = [
                execute("Approve", verb: "exequatur.approve", style: "positive", card),
                execute("Deny", verb: "exequatur.deny", style: "destructive", card),
            ]
        }
        actions += pageAction(card.page)
        return document(body, actions: actions, fallback: summary(card))
    }

    /// Opens a page; with an address that is too long there is none.
    private static func pageAction(_ page: String) -> [JSON] {
        guard !page.isEmpty, page.utf16.count <= TeamsLimits.url else { return [] }
        return [["title": "Open page", "type": "Action.OpenUrl", "url": .string(page)]]
    }

    /// A button whose data names the action and what was shown, and authorises nothing.
    private static func execute(
        _ title: String, verb: String, style: String, _ card: ReviewCard
    ) -> JSON {
        [
            "data": [
                "action": .string(card.id.text), "rendering": .string(card.rendering.digest),
            ],
            "style": .string(style), "title": .string(title), "type": "Action.Execute",
            "verb": .string(verb),
        ]
    }

    private static func document(
        _ body: TeamsBody, actions: [JSON], fallback: String
    ) -> JSON {
        [
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "actions": .array(actions), "body": .array(body.list),
            "fallbackText": .string(fallback),
            // Beyond the format: fixed-width lines need the room.
            "msteams": ["width": "Full"], "type": "AdaptiveCard", "version": "1.5",
        ]
    }
}
