// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Blocks of a message or view, built so that no text in them is ever markup.
///
/// There is no way to write `mrkdwn` here: texts become `plain_text` with emoji codes left alone,
/// or preformatted rich text, in which Slack looks for neither links nor mentions.
struct SlackBlocks {
    private(set) var list: [JSON] = []
    /// All text so far, see ``SlackLimits/weight(_:)``.
    private(set) var weight = 0

    /// A title is never cut here: it is part of what has to be shown in full.
    private var hasLongTitle = false

    var fitsMessage: Bool {
        !hasLongTitle && list.count <= SlackLimits.messageBlocks
            && weight <= SlackLimits.messageWeight
    }

    var fitsView: Bool {
        !hasLongTitle && list.count <= SlackLimits.viewBlocks && weight <= SlackLimits.viewWeight
    }

    mutating func header(_ text: String) {
        list.append(["text": plain(text, SlackLimits.headerText), "type": "header"])
    }

    /// A paragraph, with a button beside it where there is one.
    mutating func paragraph(_ text: String, button: JSON? = .none) {
        var block: JSONObject = [
            "text": plain(text, SlackLimits.sectionText), "type": "section",
        ]
        if let button { block["accessory"] = button }
        list.append(.object(block))
    }

    /// Small print.
    mutating func context(_ texts: [String]) {
        guard !texts.isEmpty else { return }
        let elements = texts.prefix(SlackLimits.contextElements).map {
            plain($0, SlackLimits.sectionText)
        }
        list.append(["elements": .array(elements), "type": "context"])
    }

    /// A bold title and lines of fixed width below it, in as many blocks as they need.
    ///
    /// The texts of all blocks, one after the other, are the lines joined by line feeds.
    mutating func code(title: String, _ lines: [String]) {
        count(title)
        if title.utf16.count > SlackLimits.richText { hasLongTitle = true }
        let style: JSON = ["bold": true]
        var elements: [JSON] = [
            [
                "elements": [["style": style, "text": Self.notEmpty(title), "type": "text"]],
                "type": "rich_text_section",
            ]
        ]
        for part in Self.parts(lines.joined(separator: "\n"), SlackLimits.richText) {
            count(part)
            elements.append([
                "elements": [["text": .string(part), "type": "text"]],
                "type": "rich_text_preformatted",
            ])
            list.append(["elements": .array(elements), "type": "rich_text"])
            elements = []
        }
        // Without lines the title still says that the section is there.
        if !elements.isEmpty { list.append(["elements": .array(elements), "type": "rich_text"]) }
    }

    mutating func actions(_ buttons: [JSON]) {
        guard !buttons.isEmpty else { return }
        list.append([
            "block_id": "exequatur.actions", "elements": .array(buttons), "type": "actions",
        ])
    }

    /// A field for text; `isOptional` is false where the view can't be sent without it.
    mutating func input(
        _ id: String, label: String, isMultiline: Bool, isOptional: Bool, longest: Int,
        placeholder: String
    ) {
        precondition(
            id.utf16.count <= SlackLimits.blockID && longest <= SlackLimits.inputLength,
            "an input is too long")
        list.append([
            "block_id": .string(id),
            "element": [
                "action_id": .string(id), "max_length": .int(longest),
                "multiline": .bool(isMultiline),
                "placeholder": plain(placeholder, SlackLimits.placeholder),
                "type": "plain_text_input",
            ],
            "label": plain(label, SlackLimits.inputLabel), "optional": .bool(isOptional),
            "type": "input",
        ])
    }

    // MARK: elements

    /// A text object that is never markup, within `limit` UTF-16 code units.
    private mutating func plain(_ text: String, _ limit: Int) -> JSON {
        let shown = Shortening.cut(text, to: limit)
        count(shown)
        return Self.plainText(shown)
    }

    private mutating func count(_ text: String) { weight += SlackLimits.weight(text) }

    /// Text that is known to fit.
    static func plainText(_ text: String) -> JSON {
        ["emoji": false, "text": notEmpty(text), "type": "plain_text"]
    }

    /// Slack refuses an empty text.
    private static func notEmpty(_ text: String) -> JSON { .string(text.isEmpty ? " " : text) }

    /// A button that sends us `value`, which names and never authorises.
    static func button(
        _ text: String, id: String, style: String? = nil, value: String? = nil, url: String? = nil
    ) -> JSON {
        // Words and ids of ours: only a mistake in this program can make them longer.
        precondition(
            text.utf16.count <= SlackLimits.buttonText && id.utf16.count <= SlackLimits.actionID
                && (value ?? "").utf16.count <= SlackLimits.buttonValue, "a button is too long")
        var button: JSONObject = [
            "action_id": .string(id), "text": plainText(text), "type": "button",
        ]
        if let style { button["style"] = .string(style) }
        if let value { button["value"] = .string(value) }
        if let url { button["url"] = .string(url) }
        return .object(button)
    }

    /// Opens the action's page; Slack takes no longer address, and then there is none.
    static func pageButton(_ page: String, _ text: String = "Open page") -> [JSON] {
        guard page.utf16.count <= SlackLimits.url, !page.isEmpty else { return [] }
        return [button(text, id: "exequatur.open", url: page)]
    }

    /// `text` in pieces of at most `limit` UTF-16 code units, cut behind a line feed where a line
    /// is not longer than that.
    static func parts(_ text: String, _ limit: Int) -> [String] {
        var parts: [String] = []
        var part = ""
        var units = 0
        func append(_ piece: String, _ size: Int) {
            if units + size > limit, units > 0 {
                parts.append(part)
                part = ""
                units = 0
            }
            part += piece
            units += size
        }
        let lines = CardText.split(text)
        for (index, line) in lines.enumerated() {
            let line = index == lines.count - 1 ? line : line + "\n"
            let size = line.utf16.count
            if size <= limit {
                append(line, size)
            } else {
                for scalar in line.unicodeScalars { append(String(scalar), UTF16.width(scalar)) }
            }
        }
        if units > 0 { parts.append(part) }
        return parts
    }
}
