// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON

/// What a card for Microsoft Teams may consist of, from the format's reference.
struct TeamsRules {
    private(set) var problems: [String] = []

    init(_ json: JSON, _ card: ReviewCard) {
        self.init(json, card: card, page: card.page)
        if let problem = SlackRules.problem(ofText: json["fallbackText"]?.stringValue ?? "", card) {
            problems.append("fallback `\(problem)`")
        }
    }

    /// Of a card without anything to decide, with this address in it.
    init(_ json: JSON, page: String) { self.init(json, card: nil, page: page) }

    private init(_ json: JSON, card: ReviewCard?, page: String) {
        let size = json.description.utf8.count
        if size > 24 * 1024 { problems.append("\(size) bytes") }
        checkKeys(
            json,
            ["$schema", "type", "version", "body", "actions", "fallbackText", "msteams"])
        if json["version"] != "1.5" { problems.append("version") }
        for element in json["body"]?.arrayValue ?? [] { check(element) }
        for action in json["actions"]?.arrayValue ?? [] { check(action, card, page) }
    }

    private mutating func check(_ element: JSON) {
        switch element["type"]?.stringValue {
        case "RichTextBlock":
            checkKeys(element, ["type", "inlines", "spacing"])
            let runs = element["inlines"]?.arrayValue ?? []
            if runs.isEmpty { problems.append("no runs") }
            for run in runs {
                checkKeys(
                    run, ["type", "text", "size", "weight", "isSubtle", "fontType", "color"])
                if run["type"] != "TextRun" { problems.append("not a run") }
                let text = run["text"]?.stringValue ?? ""
                if text.isEmpty { problems.append("an empty run") }
                if text.contains("{{") { problems.append("a function can begin in a run") }
                if text.contains("  ") { problems.append("blanks that become one") }
                if text.utf8.contains(0x0A) { problems.append("a line feed in a run") }
            }
        case "Input.Text":
            checkKeys(element, ["type", "id", "label", "isMultiline", "maxLength"])
            if element["label"] != "Reason (needed to deny)" { problems.append("label") }
        case let type: problems.append("element `\(type ?? "")`")
        }
    }

    private mutating func check(_ action: JSON, _ card: ReviewCard?, _ page: String) {
        switch action["type"]?.stringValue {
        case "Action.Execute":
            checkKeys(action, ["type", "title", "verb", "data", "style"])
            guard let card else { return problems.append("something to decide") }
            let expected: JSON = [
                "action": .string(card.id.text), "rendering": .string(card.rendering.digest),
            ]
            if action["data"] != expected { problems.append("data") }
            let verb = action["verb"]?.stringValue ?? ""
            if !["exequatur.approve", "exequatur.deny"].contains(verb) {
                problems.append("verb `\(verb)`")
            }
        case "Action.OpenUrl":
            checkKeys(action, ["type", "title", "url"])
            if action["url"]?.stringValue != page { problems.append("another address") }
        case let type: problems.append("action `\(type ?? "")`")
        }
    }

    private mutating func checkKeys(_ json: JSON, _ keys: [String]) {
        let unknown = (json.objectValue?.keys ?? ["(no object)"]).filter { !keys.contains($0) }
        if !unknown.isEmpty { problems.append("members \(unknown)") }
    }
}
