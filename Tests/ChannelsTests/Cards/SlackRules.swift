// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON

/// Slack's rules, written down a second time: numbers from its reference, not from the product.
struct SlackRules {
    /// The only address that may stand in it.
    let page: String
    /// The only value of a button.
    let value: String?
    private(set) var problems: [String] = []
    private(set) var textLength = 0

    init(_ card: ReviewCard) {
        page = card.page
        value = "\(card.id) \(card.rendering.digest)"
    }

    /// Of a message without anything to decide, with this address in it.
    init(page: String) {
        self.page = page
        value = nil
    }

    mutating func check(message: JSON) {
        checkBlocks(message, limit: 50)
        // What users report to be refused begins at 11,300.
        if textLength > 11_000 { problems.append("\(textLength) characters") }
    }

    mutating func check(view: JSON) {
        let isModal = view["type"] == "modal"
        checkKeys(
            view,
            isModal
                ? [
                    "type", "blocks", "callback_id", "close", "submit", "title",
                    "private_metadata",
                ] : ["type", "blocks"])
        for key in isModal ? ["title", "close", "submit"] : [] {
            checkText(view[key], 24, "view.\(key)")
        }
        checkBlocks(view["blocks"] ?? .null, limit: 100)
        if view.description.utf8.count > 200_000 { problems.append("view_too_large") }
    }

    private mutating func checkBlocks(_ blocks: JSON, limit: Int) {
        let list = blocks.arrayValue ?? []
        if list.isEmpty || list.count > limit { problems.append("\(list.count) blocks") }
        for block in list { checkBlock(block) }
    }

    private mutating func checkBlock(_ block: JSON) {
        let type = block["type"]?.stringValue ?? ""
        switch type {
        case "header":
            checkKeys(block, ["type", "text"])
            checkText(block["text"], 150, type)
        case "section":
            checkKeys(block, ["type", "text", "accessory"])
            checkText(block["text"], 3000, type)
            if let button = block["accessory"] { checkButton(button) }
        case "context":
            checkKeys(block, ["type", "elements"])
            let elements = block["elements"]?.arrayValue ?? []
            if elements.isEmpty || elements.count > 10 { problems.append("context elements") }
            for element in elements { checkText(element, 3000, type) }
        case "actions":
            checkKeys(block, ["type", "elements", "block_id"])
            let elements = block["elements"]?.arrayValue ?? []
            if elements.isEmpty || elements.count > 25 { problems.append("action elements") }
            for element in elements { checkButton(element) }
        case "input": checkInput(block)
        case "rich_text": checkRichText(block)
        default: problems.append("block `\(type)`")
        }
    }

    private mutating func checkInput(_ block: JSON) {
        checkKeys(block, ["type", "block_id", "label", "element", "optional"])
        checkText(block["label"], 2000, "label")
        let element = block["element"] ?? .null
        checkKeys(element, ["type", "action_id", "multiline", "max_length", "placeholder"])
        checkText(element["placeholder"], 150, "placeholder")
        if (element["max_length"]?.intValue ?? 3001) > 3000 { problems.append("max_length") }
    }

    private mutating func checkRichText(_ block: JSON) {
        checkKeys(block, ["type", "elements"])
        for element in block["elements"]?.arrayValue ?? [] {
            checkKeys(element, ["type", "elements"])
            let type = element["type"]?.stringValue ?? ""
            if !["rich_text_section", "rich_text_preformatted"].contains(type) {
                problems.append("rich text `\(type)`")
            }
            for text in element["elements"]?.arrayValue ?? [] {
                checkKeys(text, ["type", "text", "style"])
                if text["type"] != "text" { problems.append("an element that is no text") }
                count(text["text"]?.stringValue ?? "", 3000, type)
            }
        }
    }

    private mutating func checkButton(_ button: JSON) {
        checkKeys(button, ["type", "action_id", "text", "style", "value", "url"])
        if button["type"] != "button" { problems.append("an element that is no button") }
        checkText(button["text"], 75, "button")
        let id = button["action_id"]?.stringValue ?? ""
        switch id {
        case "exequatur.approve", "exequatur.deny":
            if value == nil { problems.append("`\(id)` where nothing is to be decided") }
            if button["value"]?.stringValue != value { problems.append("value of `\(id)`") }
            if button["url"] != .none { problems.append("address of `\(id)`") }
        case "exequatur.open":
            if button["url"]?.stringValue != page { problems.append("another address") }
            if (button["url"]?.stringValue ?? "").utf16.count > 3000 { problems.append("url") }
        case "exequatur.link": break
        default: problems.append("action `\(id)`")
        }
    }

    /// Never `mrkdwn`, and with emoji codes left alone.
    private mutating func checkText(_ text: JSON?, _ limit: Int, _ place: String) {
        guard let text else { return problems.append("no text in \(place)") }
        checkKeys(text, ["type", "text", "emoji"])
        if text["type"] != "plain_text" || text["emoji"] != false {
            problems.append("\(place) is markup")
        }
        count(text["text"]?.stringValue ?? "", limit, place)
    }

    private mutating func count(_ text: String, _ limit: Int, _ place: String) {
        let length = text.utf16.count
        textLength += length
        if length == 0 || length > limit { problems.append("\(length) characters in \(place)") }
    }

    private mutating func checkKeys(_ json: JSON, _ keys: [String]) {
        let unknown = (json.objectValue?.keys ?? ["(no object)"]).filter { !keys.contains($0) }
        if !unknown.isEmpty { problems.append("members \(unknown)") }
    }

    /// Why the text beside the blocks may hold somebody's words; nil where it is all ours.
    static func problem(ofText text: String, _ card: ReviewCard) -> String? {
        let states = [
            "Approval needed", "Approved", "Allowed", "Executing", "Outcome unknown", "Denied",
            "Expired", "Cancelled", "Invalidated", "Revoked", "Lapsed", "Executed", "Failed",
            "Not started",
        ]
        let severity = card.severity.map { " \u{B7} \($0.rawValue)" } ?? ""
        let rest = ": action \(card.id), digest \(card.shortDigest)"
        let allowed = states.flatMap { ["\($0)\(severity)\(rest)", "\($0)\(rest)"] }
        return allowed.contains { $0.utf8.elementsEqual(text.utf8) } ? nil : text
    }
}
