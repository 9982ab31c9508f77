// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// What a gate presents, for those who approve it.
///
/// Every word of it may come from a server that nobody trusts yet.
enum GateText {
    static func page(_ answer: JSON) -> [String] {
        let presented = answer["presented"]
        guard let document = presented, document != .null else {
            return [
                TerminalText.escaped("gate \(text(answer["gate"])) has presented nothing yet")
            ]
        }
        let digest = text(document["digest"])
        var block = KeyValueBlock()
        block.add("gate", text(answer["gate"]))
        block.add("configuration", text(answer["configuration"]))
        block.add("presented at", text(document["at"]))
        block.add("digest", digest)
        var lines = block.lines() + configuration(answer, document)
        lines += tools(answer, document)
        for name in answer["removed"]?.arrayValue ?? [] {
            lines += ["", TerminalText.escaped("tool \(text(name)): no longer there")]
        }
        let isApproved =
            text(answer["configuration"]) == "approved"
            && states(document).allSatisfy { $0 == "approved" || $0 == "unusable" }
            && (answer["removed"]?.arrayValue ?? []).isEmpty
        let command = "exequatur gate approve \(text(answer["gate"])) --expect \(digest)"
        return lines + [
            "",
            isApproved
                ? "all of it is approved"
                : TerminalText.escaped("to approve all of it: \(command)"),
        ]
    }

    static func approved(_ answer: JSON) -> [String] {
        let states = states(answer)
        var block = KeyValueBlock()
        block.add("gate", text(answer["gate"]))
        block.add("configuration", text(answer["configuration"]))
        block.add("tools", "\(states.count { $0 == "approved" }) approved")
        block.add("digest", text(answer["digest"]))
        block.add("policies", text(answer["policySet"]))
        let unusable = (answer["tools"]?.arrayValue ?? [])
            .filter { text($0["state"]) == "unusable" }.map { unusableLine($0) }
        let notes = (answer["notes"]?.arrayValue ?? []).map {
            TerminalText.escaped("note: \(text($0))")
        }
        return block.lines() + unusable + notes
    }

    private static func states(_ document: JSON) -> [String] {
        (document["tools"]?.arrayValue ?? []).map { text($0["state"]) }
    }

    private static func configuration(_ answer: JSON, _ document: JSON) -> [String] {
        let now = document["configuration"] ?? .null
        let isApproved = text(answer["configuration"]) == "approved"
        guard !isApproved else { return ["", "configuration: approved"] + body(now, "  ") }
        guard let before = answer["approved"]?["configuration"], before != .null else {
            return ["", "configuration: new"] + body(now, "+ ")
        }
        return ["", "configuration: changed"] + TextDifference.lines(from: before, to: now)
    }

    private static func tools(_ answer: JSON, _ document: JSON) -> [String] {
        let approved = answer["approved"]?["tools"]?.arrayValue ?? []
        return (document["tools"]?.arrayValue ?? []).flatMap { tool -> [String] in
            let name = text(tool["name"])
            let definition = tool["definition"] ?? .null
            let title = ["", TerminalText.escaped("tool \(name): \(text(tool["state"]))")]
            switch text(tool["state"]) {
            case "approved": return title
            case "unusable": return title + [unusableLine(tool)]
            case "changed":
                let before = approved.first {
                    $0["name"]?.stringValue?.utf8.elementsEqual(name.utf8) ?? false
                }?["definition"]
                guard let before, before != .null else {
                    return title + ["what was approved is no longer here; now it is:"]
                        + body(definition, "+ ")
                }
                return title + TextDifference.lines(from: before, to: definition)
            default: return title + body(definition, "+ ")
            }
        }
    }

    private static func unusableLine(_ tool: JSON) -> String {
        TerminalText.escaped(
            "tool \(text(tool["name"])): no action can have this name, so that nobody can call it")
    }

    private static func body(_ json: JSON, _ mark: String) -> [String] {
        JSONLines.of(json).map { TerminalText.escaped(mark + $0) }
    }

    private static func text(_ json: JSON?) -> String { json?.stringValue ?? "?" }
}

/// JSON over several lines, with the members in the order of canonical JSON.
enum JSONLines {
    static func of(_ json: JSON) -> [String] {
        var lines: [String] = []
        append(json, before: "", after: "", indent: 0, to: &lines)
        return lines
    }

    private static func append(
        _ json: JSON, before: String, after: String, indent: Int, to lines: inout [String]
    ) {
        let space = String(repeating: "  ", count: indent)
        switch json {
        case .object(let object) where !object.isEmpty:
            lines.append("\(space)\(before){")
            let members = object.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (index, member) in members.enumerated() {
                append(
                    member.value, before: "\(scalar(.string(member.key))): ",
                    after: index + 1 < members.count ? "," : "", indent: indent + 1, to: &lines)
            }
            lines.append("\(space)}\(after)")
        case .array(let elements) where !elements.isEmpty:
            lines.append("\(space)\(before)[")
            for (index, element) in elements.enumerated() {
                append(
                    element, before: "", after: index + 1 < elements.count ? "," : "",
                    indent: indent + 1, to: &lines)
            }
            lines.append("\(space)]\(after)")
        default: lines.append("\(space)\(before)\(scalar(json))\(after)")
        }
    }

    private static func scalar(_ json: JSON) -> String {
        (try? json.canonicalString(numbers: .ecmaScript)) ?? "?"
    }
}

/// What differs between two JSON documents, line by line.
enum TextDifference {
    /// Lines around a difference that are shown although they are the same.
    private static let context = 3
    /// Beyond this both are shown whole: comparing them would take too long.
    private static let limit = 4000

    private enum Line {
        case same(String)
        case removed(String)
        case added(String)
    }

    static func lines(from old: JSON, to new: JSON) -> [String] {
        let before = JSONLines.of(old).map(Bytes.init)
        let after = JSONLines.of(new).map(Bytes.init)
        let all: [Line] =
            before.count + after.count > limit
            ? before.map { .removed($0.text) } + after.map { .added($0.text) }
            : merged(before, after)
        return shown(all).map(TerminalText.escaped)
    }

    /// A line that is compared as bytes, so that equal letters in other bytes are a difference.
    private struct Bytes: Equatable {
        let text: String
        static func == (a: Bytes, b: Bytes) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }
    }

    private static func merged(_ before: [Bytes], _ after: [Bytes]) -> [Line] {
        var removed: Set<Int> = []
        var added: Set<Int> = []
        for change in after.difference(from: before) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): added.insert(offset)
            }
        }
        var result: [Line] = []
        var old = 0
        var new = 0
        while old < before.count || new < after.count {
            if removed.contains(old) {
                result.append(.removed(before[old].text))
                old += 1
            } else if added.contains(new) {
                result.append(.added(after[new].text))
                new += 1
            } else {
                result.append(.same(before[old].text))
                old += 1
                new += 1
            }
        }
        return result
    }

    private static func shown(_ lines: [Line]) -> [String] {
        let changed = lines.indices.filter { index in
            if case .same = lines[index] { return false }
            return true
        }
        var near: Set<Int> = []
        for index in changed { near.formUnion((index - context)...(index + context)) }
        var result: [String] = []
        var isLeftOut = false
        for (index, line) in lines.enumerated() {
            switch line {
            case .removed(let text): result.append("- \(text)")
            case .added(let text): result.append("+ \(text)")
            case .same(let text) where near.contains(index): result.append("  \(text)")
            case .same:
                if !isLeftOut { result.append("  …") }
                isLeftOut = true
                continue
            }
            isLeftOut = false
        }
        return result
    }
}
