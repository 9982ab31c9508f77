// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Actions as people read them on a terminal.
enum ActionText {
    /// The digits of a digest that tables show; as many as `--expect` takes at least.
    static let shortDigest = 16

    static func table(_ actions: [JSON]) -> [String] {
        if actions.isEmpty { return ["no actions"] }
        let rows = actions.map { action in
            [
                text(action, "id"), text(action, "state"), requester(action),
                text(action, "action"), resource(action), severity(action),
                text(action, "deadline"), String(text(action, "digest").prefix(shortDigest)),
            ]
        }
        return TextTable(
            header: [
                "ID", "STATE", "AGENT", "ACTION", "RESOURCE", "SEVERITY", "DEADLINE", "DIGEST",
            ], rows: rows
        ).lines
    }

    /// One action in full: what a reviewer needs in the order of importance.
    static func page(_ action: JSON) -> [String] {
        var lines = summary(action).lines()
        for section in action["rendering"]?["sections"]?.arrayValue ?? [] {
            lines += [""] + self.section(section)
        }
        let warnings = (action["rendering"]?["warnings"]?.arrayValue ?? [])
            .compactMap(\.stringValue)
        if !warnings.isEmpty {
            lines += ["", "Warnings"]
            lines += warnings.map { "  ! \(TerminalText.escaped($0))" }
        }
        lines += decisions(action) + claim(action) + timeline(action) + hint(action)
        return lines
    }

    /// One line after something changed: the action and where it stands now.
    static func line(_ action: JSON) -> String {
        var line = "\(text(action, "id"))  \(text(action, "state"))"
        let open = openSlots(action)
        if !open.isEmpty {
            line += "  (waits for \(open))"
        }
        return TerminalText.escaped(line)
    }

    /// One line of `watch`; the state is that of the change, not of the action by now.
    static func change(_ change: JSON, _ action: JSON?) -> String {
        var fields = [
            change["index"]?.intValue.map { "\($0)" } ?? "?", text(change, "id"),
            text(change, "state"),
        ]
        if let action { fields += [requester(action), text(action, "action"), resource(action)] }
        return TerminalText.escaped(fields.joined(separator: "  "))
    }

    // MARK: parts

    private static func summary(_ action: JSON) -> KeyValueBlock {
        var block = KeyValueBlock()
        block.add("id", text(action, "id"))
        block.add("state", state(action))
        block.add("digest", text(action, "digest"))
        block.add("action", text(action, "action"))
        block.add("resource", resource(action))
        block.add("requester", requesterInFull(action))
        block.add("gate", gate(action))
        block.add("severity", action["review"]?["severity"]?.stringValue)
        block.add("assurance", action["review"]?["assurance"]?.stringValue)
        block.add("waits for", openSlots(action).isEmpty ? nil : openSlots(action))
        block.add("submitted", action["submittedAt"]?.stringValue)
        block.add("deadline", action["deadline"]?.stringValue)
        block.add("grant ends", action["grantExpires"]?.stringValue)
        block.add("console", action["url"]?.stringValue)
        return block
    }

    private static func state(_ action: JSON) -> String {
        var notes: [String] = []
        if action["advisory"]?.boolValue == true { notes.append("advisory") }
        if action["unsealed"]?.boolValue == true { notes.append("unsealed") }
        let state = text(action, "state")
        return notes.isEmpty ? state : "\(state) (\(notes.joined(separator: ", ")))"
    }

    private static func section(_ section: JSON) -> [String] {
        var block = KeyValueBlock()
        for row in section["rows"]?.arrayValue ?? [] {
            let style = row["style"]?.stringValue
            let label = text(row, "label")
            let value = text(row, "text")
            switch style {
            case "claim": block.add(label, fenced(value))
            case "warning": block.add("! \(label)", value)
            default: block.add(label, value)
            }
        }
        return [TerminalText.escaped(text(section, "title"))] + block.lines(indent: 2)
    }

    /// Words of the agent never stand alone: each line is marked as a quotation, once.
    private static func fenced(_ value: String) -> String {
        value.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            .map { String($0) }.map { $0.utf8.starts(with: "> ".utf8) ? $0 : "> \($0)" }
            .joined(separator: "\n")
    }

    private static func decisions(_ action: JSON) -> [String] {
        let decisions = action["decisions"]?.arrayValue ?? []
        if decisions.isEmpty { return [] }
        let rows = decisions.map { decision in
            [
                text(decision, "decision"), text(decision, "person"), text(decision, "channel"),
                text(decision, "assurance"), text(decision, "at"),
                (decision["selfApproved"]?.boolValue == true ? "self-approved " : "")
                    + text(decision, "reason"),
            ]
        }
        let table = TextTable(
            header: ["DECISION", "PERSON", "CHANNEL", "ASSURANCE", "AT", "REASON"], rows: rows)
        return ["", "Decisions"] + table.lines.map { "  \($0)" }
    }

    private static func claim(_ action: JSON) -> [String] {
        guard let claim = action["claim"], claim.objectValue != nil else { return [] }
        var block = KeyValueBlock()
        block.add("gate", claim["gate"]?.stringValue)
        block.add("start by", claim["startBy"]?.stringValue)
        block.add("entry", claim["entry"]?["index"]?.intValue.map { "\($0)" })
        var lines = ["", "Claim"] + block.lines(indent: 2)
        guard let outcome = action["outcome"], outcome.objectValue != nil else { return lines }
        var result = KeyValueBlock()
        result.add("status", outcome["status"]?.stringValue)
        result.add("exit code", outcome["exitCode"]?.intValue.map { "\($0)" })
        result.add("detail", outcome["detail"]?.stringValue)
        result.add("at", outcome["at"]?.stringValue)
        lines += ["", "Outcome"] + result.lines(indent: 2)
        return lines
    }

    private static func timeline(_ action: JSON) -> [String] {
        let entries = action["timeline"]?.arrayValue ?? []
        if entries.isEmpty { return [] }
        let rows = entries.map { entry in
            [
                entry["index"]?.intValue.map { "\($0)" } ?? "", text(entry, "at"),
                text(entry, "kind"),
            ]
        }
        let table = TextTable(header: ["ENTRY", "AT", "WHAT"], rows: rows)
        return ["", "Ledger"] + table.lines.map { "  \($0)" }
    }

    /// How to decide, unless this surface cannot show the action in full.
    private static func hint(_ action: JSON) -> [String] {
        guard text(action, "state") == "pending" else { return [] }
        guard action["rendering"]?["complete"]?.boolValue == true else {
            return [
                "",
                "This action cannot be shown in full here, so it cannot be approved here.",
            ]
        }
        let id = TerminalText.escaped(text(action, "id"))
        let digest = TerminalText.escaped(String(text(action, "digest").prefix(shortDigest)))
        return [
            "", "exequatur approve \(id) --expect \(digest)",
            "exequatur deny \(id) --reason TEXT",
        ]
    }

    // MARK: members

    private static func text(_ json: JSON, _ key: String) -> String {
        json[key]?.stringValue ?? ""
    }

    private static func requester(_ action: JSON) -> String {
        action["requester"]?["agent"]?.stringValue ?? ""
    }

    private static func requesterInFull(_ action: JSON) -> String {
        var text = "agent \(requester(action))"
        if let owner = action["requester"]?["owner"]?.stringValue { text += ", owner \(owner)" }
        if let person = action["requester"]?["onBehalfOf"]?.stringValue {
            text += ", on behalf of \(person)"
        }
        return text
    }

    private static func gate(_ action: JSON) -> String? {
        guard let gate = action["gate"]?["id"]?.stringValue else { return nil }
        return gate + (action["gate"]?["enforcing"]?.boolValue == true ? " (enforcing)" : "")
    }

    private static func resource(_ action: JSON) -> String {
        guard let resource = action["resource"] else { return "" }
        return "\(text(resource, "type")) \(text(resource, "id"))"
    }

    private static func severity(_ action: JSON) -> String {
        action["review"]?["severity"]?.stringValue ?? ""
    }

    private static func openSlots(_ action: JSON) -> String {
        guard text(action, "state") == "pending" else { return "" }
        let slots = action["review"]?["slots"]?.arrayValue ?? []
        return slots.compactMap { slot -> String? in
            guard let group = slot["group"]?.stringValue, let quorum = slot["quorum"]?.intValue
            else { return nil }
            let missing = quorum - Int64(slot["filled"]?.arrayValue?.count ?? 0)
            return missing > 0 ? "\(missing) of \(group)" : nil
        }.joined(separator: ", ")
    }
}
