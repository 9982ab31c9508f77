// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

extension SlackCard {
    /// The window that asks for the reason of a decision and shows once more what is decided.
    ///
    /// `privateMetadata` comes back with the decision; at most ``SlackLimits/privateMetadata``.
    package static func modal(
        _ card: ReviewCard, kind: ReviewDecision.Kind, privateMetadata: String
    ) -> JSON {
        let blocks = Shortening.longest {
            modalBlocks(card, CardText(card, $0), kind: kind)
        } that: {
            $0.fitsView
        }
        let verb = verb(kind)
        return modal(
            "exequatur.decide", title: "\(verb) this action", submit: verb,
            privateMetadata: privateMetadata, blocks)
    }

    /// Title, button and metadata are ours: only a mistake in this program can make them longer.
    private static func modal(
        _ callbackID: String, title: String, submit: String, privateMetadata: String,
        _ blocks: SlackBlocks
    ) -> JSON {
        precondition(
            privateMetadata.utf16.count <= SlackLimits.privateMetadata
                && title.utf16.count <= SlackLimits.modalTitle
                && submit.utf16.count <= SlackLimits.modalTitle
                && callbackID.utf16.count <= SlackLimits.callbackID, "a modal is too long")
        var view: JSONObject = [
            "blocks": .array(blocks.list), "callback_id": .string(callbackID),
            "close": SlackBlocks.plainText("Cancel"), "submit": SlackBlocks.plainText(submit),
            "title": SlackBlocks.plainText(title), "type": "modal",
        ]
        if !privateMetadata.isEmpty { view["private_metadata"] = .string(privateMetadata) }
        return .object(view)
    }

    private static func verb(_ kind: ReviewDecision.Kind) -> String {
        switch kind {
        case .approve: "Approve"
        case .deny: "Deny"
        }
    }

    private static func modalBlocks(
        _ card: ReviewCard, _ text: CardText, kind: ReviewDecision.Kind
    ) -> SlackBlocks {
        var blocks = SlackBlocks()
        blocks.header("\(verb(kind))? \(CardWords.trusted(card))")
        blocks.paragraph(CardWords.subject(card))
        blocks.context(CardWords.labels(card))
        blocks.context(CardWords.marks(card))
        // Above everything that may have to be scrolled.
        blocks.input(
            "reason", label: kind == .deny ? "Reason for denying" : "Reason", isMultiline: true,
            isOptional: kind == .approve, longest: SlackLimits.inputLength,
            placeholder: "Stands in the ledger, and the agent can read it")
        for part in text.parts { blocks.code(title: part.title, part.lines) }
        if !text.isWhole { blocks.paragraph("Shortened. The page shows all of it.") }
        return blocks
    }

    /// The window that takes the code from the account page.
    package static func linkModal() -> JSON {
        var blocks = SlackBlocks()
        blocks.paragraph(
            "Sign in to the console, make a code on the account page, and enter it here within 10 "
                + "minutes. From then on what you decide in Slack counts as yours.")
        blocks.input(
            "code", label: "Code", isMultiline: false, isOptional: false, longest: 32,
            placeholder: "XXXX-XXXX-XXXX")
        return modal(
            "exequatur.link", title: "Link account", submit: "Link", privateMetadata: "", blocks)
    }

    /// The App Home of one account: the queue of its person, or how to link it.
    ///
    /// `name` is what the person is called, and `linkedAs` the person's handle, nil while the
    /// account is not linked: then nothing of any action is shown.
    package static func home(
        name: String?, items: [ReviewCard], linkedAs: String?, consoleURL: String
    ) -> JSON {
        var blocks = SlackBlocks()
        if let linkedAs {
            blocks.header("Waiting for you")
            appendQueue(items, to: &blocks)
            let handle = CardWords.line(linkedAs, to: Shortening.leastLimit)
            let person = name.map {
                "\(CardWords.line($0, to: Shortening.leastLimit)) (\(handle))"
            }
            blocks.context(["Linked as \(person ?? handle)."])
            blocks.actions(SlackBlocks.pageButton(consoleURL, "Open console"))
        } else {
            blocks.header("Link your account")
            blocks.paragraph(
                "Slack only says which account pressed a button. Link it to yourself once: sign "
                    + "in to the console, make a code on the account page, and enter it here.")
            blocks.actions(
                [SlackBlocks.button("Link account", id: "exequatur.link", style: "primary")]
                    + SlackBlocks.pageButton(consoleURL, "Open console"))
        }
        return ["blocks": .array(blocks.list), "type": "home"]
    }

    private static func appendQueue(_ items: [ReviewCard], to blocks: inout SlackBlocks) {
        if items.isEmpty { blocks.paragraph("Nothing is waiting for you.") }
        for card in items.prefix(SlackLimits.homeItems) {
            var text = "\(CardWords.trusted(card)): \(CardWords.subject(card))"
            if let deadline = card.deadline { text += ", until \(CardWords.time(deadline))" }
            blocks.paragraph(text, button: SlackBlocks.pageButton(card.page).first)
        }
        if items.count > SlackLimits.homeItems {
            blocks.paragraph("\(items.count - SlackLimits.homeItems) more are in the console.")
        }
    }
}
