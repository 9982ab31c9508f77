// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import TransparencyLog

extension Renderer {
    /// The frozen operation, all of it, and what the server's analysers made of it.
    static func whatSection(
        _ action: Action, _ catalogued: ResourceRule?, _ shown: inout ShownText
    ) -> Rendering.Section {
        let operation = action.operation
        var rows = [
            Rendering.Row(label: "Action", text: operation.action, style: .code),
            Rendering.Row(
                label: "Resource",
                text: "\(operation.resourceType) "
                    + shown.value(operation.resourceID, in: "the resource"), style: .code),
        ]
        if let catalogued {
            let owner = catalogued.owner.map { ", \($0) answers for it" } ?? ""
            rows.append(
                Rendering.Row(
                    label: "Sensitivity", text: catalogued.sensitivity.rawValue + owner,
                    style: catalogued.sensitivity >= .confidential ? .warning : .plain))
        }
        rows += factRows(action.facts, &shown)
        let input =
            operation.action.utf8.elementsEqual("command.run".utf8)
            ? commandRows(operation.input, &shown)
            : FlatJSON.rows(.object(operation.input), at: "/input", &shown)
        rows += input
        rows += operation.effects.map { effectRow($0, &shown) }
        if let definition = operation.definition {
            rows.append(
                Rendering.Row(label: "Tool definition", text: definition.hex, style: .code))
        }
        rows.append(
            Rendering.Row(
                label: "Operation digest", text: action.operationDigest.hex, style: .code))
        return Rendering.Section(kind: .what, title: "What exactly", rows: rows)
    }

    /// One declared effect: where, and what is to be there afterwards.
    private static func effectRow(
        _ effect: DeclaredEffect, _ shown: inout ShownText
    ) -> Rendering.Row {
        var place =
            "\(shown.value(effect.subject, in: "an effect's subject")) at "
            + shown.value(effect.scope, in: "an effect's scope")
        if !effect.path.tokens.isEmpty {
            place += ", \(shown.value(effect.path.description, in: "an effect's path"))"
        }
        let post =
            switch effect.post {
            case .value(let value): "becomes \(shown.value(value.description, in: "an effect"))"
            case .digest(let hash): "becomes what has the SHA-256 \(hash.hex)"
            case .absent: "is removed"
            case .observed: "changes; what it becomes is not said before"
            }
        let along = effect.derived.map { place in
            "along with it: \(shown.value(place.subject, in: "an effect's subject")) "
                + shown.value(place.path.description, in: "an effect's path")
        }
        return Rendering.Row(
            label: "Declared effect", text: (["\(place): \(post)"] + along).joined(separator: "\n"),
            style: .code)
    }

    /// The computed effect; what could not be inspected is said first.
    private static func factRows(_ facts: JSON, _ shown: inout ShownText) -> [Rendering.Row] {
        var rows: [Rendering.Row] = []
        if let effect = facts["effect"]?.stringValue {
            rows.append(
                Rendering.Row(
                    label: "Computed effect", text: shown.line(effect, in: "the effect")))
        }
        if let program = facts["program"]?.stringValue, !program.isEmpty {
            rows.append(
                Rendering.Row(
                    label: "Program", text: shown.value(program, in: "the program's name"),
                    style: .code))
        }
        if facts["inspectable"]?.boolValue != true {
            shown.warn("uninspectable: what this does can't be told from what is shown")
            rows.append(
                Rendering.Row(
                    label: "Uninspectable",
                    text: "this may do more than what is shown here", style: .warning))
        }
        let reasons = (facts["reasons"]?.arrayValue ?? []).compactMap(\.stringValue)
        if !reasons.isEmpty {
            let lines = reasons.map { shown.line($0, in: "a finding") }
            rows.append(
                Rendering.Row(label: "Findings", text: lines.joined(separator: "\n")))
        }
        return rows
    }

    // MARK: command.run

    /// Members that have a form of their own, in the order in which a reader needs them.
    private static let commandMembers = [
        "argv", "cwd", "executable", "script", "stdin", "bindings", "operands", "environment",
        "dropped",
    ]

    private static func commandRows(
        _ input: JSONObject, _ shown: inout ShownText
    ) -> [Rendering.Row] {
        var rows: [Rendering.Row] = []
        for member in commandMembers {
            guard let value = input[member] else { continue }
            rows += commandRow(member, value, &shown)
        }
        // Whatever this version doesn't know is shown all the same.
        for (key, value) in input
        where !commandMembers.contains(where: { $0.utf8.elementsEqual(key.utf8) }) {
            rows += FlatJSON.rows(value, at: "/input/\(JSONPointer.escape(key))", &shown)
        }
        return rows
    }

    private static func commandRow(
        _ member: String, _ value: JSON, _ shown: inout ShownText
    ) -> [Rendering.Row] {
        switch (member, value) {
        case ("argv", .array(let words)) where words.allSatisfy({ $0.stringValue != nil }):
            return [list("Command", words.compactMap(\.stringValue), "argument", &shown)]
        case ("cwd", .string(let path)):
            return [
                Rendering.Row(
                    label: "Working directory",
                    text: shown.value(path, in: "the working directory"), style: .code)
            ]
        case ("dropped", .array(let names)) where names.allSatisfy({ $0.stringValue != nil }):
            return [
                list(
                    "Dropped from the environment", names.compactMap(\.stringValue),
                    "dropped variable", &shown)
            ]
        case ("environment", .object(let variables))
        where variables.allSatisfy({ $0.value.stringValue != nil }):
            let lines = variables.map { name, value in
                let text = shown.value(value.stringValue ?? "", in: "a variable")
                return "\(shown.value(name, in: "the name of a variable"))="
                    + (text.utf8.contains(0x0A) ? "\n\(text)" : text)
            }
            return [
                Rendering.Row(
                    label: "Environment",
                    text: lines.isEmpty ? "empty" : lines.joined(separator: "\n"), style: .code)
            ]
        case ("stdin", .object(let stdin))
        where stdin.count == 1 && stdin["kind"]?.stringValue == "null":
            return [Rendering.Row(label: "Standard input", text: "empty (/dev/null)")]
        default:
            return FlatJSON.rows(value, at: "/input/\(member)", &shown)
        }
    }

    /// One word to a line behind its position, so that boundaries can't be mistaken.
    private static func list(
        _ label: String, _ words: [String], _ noun: String, _ shown: inout ShownText
    ) -> Rendering.Row {
        var lines: [String] = []
        for index in FlatJSON.shownIndices(words.count) {
            guard let index else {
                shown.omit("\(words.count) elements of `\(label)`")
                lines.append("\u{2026} \(words.count - FlatJSON.shownElements) more")
                continue
            }
            let text = shown.value(words[index], in: "\(noun) \(index)")
            lines.append(
                text.utf8.contains(0x0A) ? "[\(index)]\n\(text)" : "[\(index)] \(text)")
        }
        return Rendering.Row(
            label: label, text: lines.isEmpty ? "nothing" : lines.joined(separator: "\n"),
            style: .code)
    }
}

/// JSON as rows: one for each scalar, labelled with its place as a JSON Pointer (RFC 6901).
enum FlatJSON {
    /// Elements of one array or object that are shown; of more, the first and the last halves.
    static let shownElements = 1024

    static func rows(
        _ value: JSON, at pointer: String, _ shown: inout ShownText
    ) -> [Rendering.Row] {
        var rows: [Rendering.Row] = []
        append(value, at: pointer, to: &rows, &shown)
        return rows
    }

    /// Positions to show, with nil where some are left out.
    static func shownIndices(_ count: Int) -> [Int?] {
        guard count > shownElements else { return Array(0..<count) }
        let half = shownElements / 2
        return Array(0..<half) + [nil] + Array((count - half)..<count)
    }

    private static func append(
        _ value: JSON, at pointer: String, to rows: inout [Rendering.Row],
        _ shown: inout ShownText
    ) {
        switch value {
        case .object(let object) where !object.isEmpty:
            for index in shownIndices(object.count) {
                guard let index else {
                    left(object.count, pointer, &rows, &shown)
                    continue
                }
                let (key, member) = object[index]
                append(
                    member, at: "\(pointer)/\(JSONPointer.escape(key))", to: &rows, &shown)
            }
        case .array(let elements) where !elements.isEmpty:
            for index in shownIndices(elements.count) {
                guard let index else {
                    left(elements.count, pointer, &rows, &shown)
                    continue
                }
                append(elements[index], at: "\(pointer)/\(index)", to: &rows, &shown)
            }
        default:
            guard rows.count < 4 * shownElements else {
                shown.omit("more than \(4 * shownElements) values")
                return
            }
            let label = shown.line(pointer, in: "a name")
            rows.append(
                Rendering.Row(label: label, text: text(value, label, &shown), style: .code))
        }
    }

    private static func left(
        _ count: Int, _ pointer: String, _ rows: inout [Rendering.Row], _ shown: inout ShownText
    ) {
        let label = shown.line(pointer, in: "a name")
        shown.omit("\(count) elements of \(label)")
        rows.append(
            Rendering.Row(
                label: label, text: "\u{2026} \(count - shownElements) more", style: .warning))
    }

    /// Strings stand in quotes, so that `"true"` can be told from `true`.
    private static func text(_ value: JSON, _ label: String, _ shown: inout ShownText) -> String {
        if case .string(let text) = value { return shown.value(text, in: label) }
        return shown.line(value.description, in: label)
    }
}
