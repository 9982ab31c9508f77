// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// What a check of a policy set found.
struct PolicyReport: Sendable {
    var policies: Int64
    var problems: [String]
    var warnings: [String]

    init(policies: Int64, problems: [String], warnings: [String]) {
        self.policies = policies
        self.problems = problems
        self.warnings = warnings
    }

    /// The server's answer; one that does not say `ok` has at least one problem.
    init(_ answer: JSON) {
        policies = answer["policies"]?.intValue ?? 0
        problems = (answer["problems"]?.arrayValue ?? []).map(Self.problem)
        warnings = (answer["warnings"]?.arrayValue ?? []).compactMap(\.stringValue)
        if problems.isEmpty && answer["ok"]?.boolValue != true {
            problems = ["the server refuses the policies without saying why"]
        }
    }

    private static func problem(_ json: JSON) -> String {
        guard json.objectValue != nil else { return json.stringValue ?? "" }
        let place = [json["file"]?.stringValue, json["line"]?.intValue.map { "\($0)" }]
            .compactMap { $0 }.joined(separator: ":")
        let message = json["message"]?.stringValue ?? (try? json.canonicalString()) ?? ""
        return place.isEmpty ? message : "\(place): \(message)"
    }

    var json: JSON {
        [
            "ok": .bool(problems.isEmpty), "policies": .number(JSONNumber(policies)),
            "problems": .array(problems.map(JSON.string)),
            "warnings": .array(warnings.map(JSON.string)),
        ]
    }

    var lines: [String] {
        let odd = warnings.map { TerminalText.escaped("warning: \($0)") }
        if problems.isEmpty {
            return odd + ["\(policies) \(policies == 1 ? "policy" : "policies"), no problems"]
        }
        return problems.map(TerminalText.escaped) + odd
    }
}

/// The policy set in force as people read it.
enum PolicyText {
    static func page(_ answer: JSON) -> [String] {
        var block = KeyValueBlock()
        block.add("digest", answer["digest"]?.stringValue)
        block.add("published at", answer["publishedAt"]?.stringValue)
        block.add("published by", answer["publishedBy"]?.stringValue)
        var lines = block.lines()
        for file in answer["files"]?.arrayValue ?? [] {
            lines += ["", "// \(TerminalText.escaped(file["name"]?.stringValue ?? ""))"]
            lines += TerminalText.lines(file["text"]?.stringValue ?? "")
        }
        return lines
    }
}
