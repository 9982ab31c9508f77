// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

/// A message for `chat.postMessage` or `chat.update`.
package struct SlackMessage: Sendable, Hashable {
    /// The text beside the blocks, for notifications and screen readers: words of ours alone, with
    /// `&`, `<` and `>` escaped, because Slack reads it as markup.
    package let text: String
    /// An array of blocks.
    package let blocks: JSON
    /// True if all of the rendering's text is in the blocks.
    package let isComplete: Bool
    /// True if there are buttons to approve and to deny.
    package let offersApproval: Bool
}

/// An action under review as Slack shows it.
///
/// Untrusted text, which is nearly all of it, stands in `plain_text` objects and preformatted rich
/// text only. Buttons name the action and what was shown, and authorise nothing. What does not fit
/// is shortened visibly, and then nothing can be decided from the message.
package enum SlackCard {
    /// The card of an action; with `buttons`, decisions are offered if all of it fits.
    package static func message(_ card: ReviewCard, buttons: Bool) -> SlackMessage {
        let (text, blocks) = Shortening.longest { shortening in
            let text = CardText(card, shortening)
            return (text, Self.blocks(card, text, buttons: buttons))
        } that: { text, blocks in
            text.lineCount <= SlackLimits.lines && blocks.fitsMessage
        }
        return SlackMessage(
            text: fallback(CardWords.trusted(card), card), blocks: .array(blocks.list),
            isComplete: text.isWhole,
            offersApproval: CardWords.offersApproval(
                card, buttons: buttons, isWhole: text.isWhole))
    }

    /// What is said without blocks; ids and digests are ours.
    static func fallback(_ words: String, _ card: ReviewCard) -> String {
        let text = escaped("\(words): action \(card.id), digest \(card.shortDigest)")
        precondition(text.utf16.count <= SlackLimits.fallbackText, "the text is too long")
        return text
    }

    /// `text` as Slack's markup wants it.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func blocks(
        _ card: ReviewCard, _ text: CardText, buttons: Bool
    ) -> SlackBlocks {
        var blocks = SlackBlocks()
        blocks.header(CardWords.headline(card))
        blocks.paragraph(CardWords.subject(card))
        blocks.context(CardWords.labels(card))
        if let ending = card.ending { blocks.paragraph(CardWords.line(ending, to: 480)) }
        for part in text.parts { blocks.code(title: part.title, part.lines) }
        blocks.context(CardWords.marks(card))
        if let obstacle = CardWords.obstacle(card, buttons: buttons, isWhole: text.isWhole) {
            blocks.paragraph(obstacle)
        }
        var elements: [JSON] = []
        if CardWords.offersApproval(card, buttons: buttons, isWhole: text.isWhole) {
            let value = buttonValue(card)
            elements = [
                SlackBlocks.button(
                    "Approve", id: "exequatur.approve", style: "primary", value: value),
                SlackBlocks.button("Deny", id: "exequatur.deny", style: "danger", value: value),
            ]
        }
        blocks.actions(elements + SlackBlocks.pageButton(card.page))
        return blocks
    }

    /// Which action, and what was shown of it: always 95 characters.
    static func buttonValue(_ card: ReviewCard) -> String {
        "\(card.id) \(card.rendering.digest)"
    }
}
