// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON

extension SlackCard {
    /// One short line below a card about the newest decision, or about how the action ended.
    package static func threadReply(_ card: ReviewCard) -> SlackMessage {
        var blocks = SlackBlocks()
        blocks.paragraph(Shortening.cut(CardWords.news(card), to: 600))
        return notice(fallback(CardWords.state(card), card), blocks)
    }

    /// The ledger's newest checkpoint, so that a copy of it exists where the operator can't edit.
    ///
    /// `note` is the signed note, as the log serves it.
    package static func checkpoint(
        origin: String, size: UInt64, root: String, note: String
    ) -> SlackMessage {
        var blocks = SlackBlocks()
        blocks.header("Checkpoint \u{B7} \(size) entries")
        blocks.code(title: "Ledger", CardWords.checkpoint(origin: origin, size: size, root: root))
        blocks.code(title: "Signed note", CardText.split(CardWords.note(note)))
        return notice("Checkpoint of the ledger: \(size) entries", blocks)
    }

    /// That something deviates; it has a link and decides nothing.
    package static func alert(_ alert: DriftAlertText) -> SlackMessage {
        var blocks = SlackBlocks()
        blocks.header(CardWords.trusted(alert))
        blocks.paragraph(CardWords.subject(alert))
        blocks.code(title: "What was found", CardWords.found(alert))
        blocks.actions(SlackBlocks.pageButton(alert.url))
        return notice(escaped(CardWords.summary(alert)), blocks)
    }

    private static func notice(_ text: String, _ blocks: SlackBlocks) -> SlackMessage {
        SlackMessage(
            text: text, blocks: .array(blocks.list), isComplete: false, offersApproval: false)
    }
}
