// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Drift for a terminal.
enum DriftText {
    private static func text(_ json: JSON?, _ key: String) -> String {
        TerminalText.escaped(json?[key]?.stringValue ?? "")
    }

    // MARK: sources

    static func sources(_ sources: [JSON]) -> [String] {
        guard !sources.isEmpty else { return ["Nothing is watched."] }
        let rows = sources.map { source in
            [
                text(source, "id"), text(source, "kind"), text(source, "scope"),
                text(source, "status"), "\(source["open"]?.intValue ?? 0)", text(source, "worst"),
                source["observedAt"]?.stringValue ?? "never",
            ]
        }
        return TextTable(
            header: ["SOURCE", "KIND", "SCOPE", "STATUS", "OPEN", "WORST", "OBSERVED"], rows: rows
        ).lines
    }

    static func source(_ source: JSON, _ baseline: JSON) -> [String] {
        var lines = [
            "\(text(source, "id")), \(text(source, "kind")) at \(text(source, "scope"))",
            "status    \(text(source, "status"))",
            "observed  \(source["observedAt"]?.stringValue ?? "never")",
            "root      \(source["observedRoot"]?.stringValue ?? "none since the server started")",
        ]
        if let version = baseline["baseline"]?["version"]?.intValue {
            let by = baseline["baseline"]?["approvedBy"]?.stringValue ?? "approved actions"
            lines.append(
                "baseline  version \(version), by \(TerminalText.escaped(by)), root "
                    + text(baseline["baseline"], "root"))
        } else {
            lines.append("baseline  none is approved")
        }
        for gap in source["gaps"]?.arrayValue ?? [] {
            lines.append(
                "gap       \(text(gap, "cause")) \(text(gap, "subject")): \(text(gap, "detail"))")
        }
        guard let proposed = baseline["proposed"], !proposed.isNull else {
            if let open = source["open"]?.intValue, open > 0 {
                lines += [
                    "", "\(open) open: exequatur drift list --source \(text(source, "id"))",
                ]
            }
            return lines
        }
        lines += ["proposed  root \(text(proposed, "root"))", ""]
        for leaf in baseline["leaves"]?.arrayValue ?? [] {
            lines.append(text(leaf, "subject"))
            lines.append("    \(TerminalText.escaped(leaf["document"]?.description ?? ""))")
        }
        lines += [
            "",
            "Approve with: exequatur drift accept \(text(source, "id")) --expect "
                + text(proposed, "root").prefix(16),
        ]
        return lines
    }

    // MARK: reports

    /// What the server made of one observation.
    static func report(_ source: String, _ report: JSON) -> [String] {
        let opened = report["opened"]?.arrayValue ?? []
        let closed = report["closed"]?.arrayValue ?? []
        var lines = [
            "\(TerminalText.escaped(source)): \(text(report, "status")), \(opened.count) new, "
                + "\(report["explained"]?.intValue ?? 0) explained, \(closed.count) over"
        ]
        for one in opened {
            lines.append(
                "  \(text(one, "severity")) \(text(one["attribution"], "verdict")) "
                    + "\(text(one, "subject"))\(text(one, "path")) \(text(one, "id").prefix(12))")
        }
        for gap in report["gaps"]?.arrayValue ?? [] {
            lines.append("  gap \(text(gap, "cause")): \(text(gap, "detail"))")
        }
        if let root = report["proposed"]?.stringValue {
            lines.append("  a baseline is proposed, root \(root.prefix(16))")
        }
        return lines
    }

    static func reports(_ sources: [String], _ reports: [JSON]) -> [String] {
        zip(sources, reports).flatMap { report($0, $1) }
    }

    // MARK: deviations

    static func deviations(_ found: [JSON]) -> [String] {
        guard !found.isEmpty else { return ["Nothing deviates."] }
        let rows = found.map { one in
            [
                String(text(one, "id").prefix(12)), text(one, "severity"),
                text(one["attribution"], "verdict"), text(one, "operation"),
                text(one, "subject") + text(one, "path"), text(one, "state"),
            ]
        }
        return TextTable(
            header: ["ID", "SEVERITY", "VERDICT", "CHANGE", "WHERE", "STATE"], rows: rows
        ).lines + ["", "Look at one with: exequatur drift show ID; --json has whole ids"]
    }

    static func deviation(_ found: JSON) -> [String] {
        var lines = [
            "\(text(found, "subject"))\(text(found, "path"))",
            "source    \(text(found, "source")) at \(text(found, "scope"))",
            "id        \(text(found, "id"))",
            "severity  \(text(found, "severity")), \(text(found, "direction"))",
            "state     \(text(found, "state"))",
            "verdict   \(text(found["attribution"], "verdict")): "
                + text(found["attribution"], "reason"),
            "first     \(text(found, "firstSeen"))",
            "last      \(text(found, "lastSeen")), \(found["hits"]?.intValue ?? 0) times",
        ]
        lines += value("was", found["before"]) + value("is", found["after"])
        if found["attribution"]?["observed"]?.boolValue == true {
            lines.append("observed around the action, not declared before it: weaker")
        }
        guard ["open", "acknowledged"].contains(found["state"]?.stringValue) else { return lines }
        let (id, source) = (text(found, "id"), text(found, "source"))
        lines.append("")
        if found["missing"]?.isNull != false {
            lines += [
                "fix       exequatur drift fix \(id) --source \(source)",
                "          with the ids of all that deviates in the content of the same file",
            ]
        }
        lines += [
            "accept    exequatur drift accept \(id.prefix(12)) --expect ROOT",
            "          with the root that `drift show \(source)` prints",
        ]
        return lines
    }

    private static func value(_ label: String, _ value: JSON?) -> [String] {
        guard let value, !value.isNull else { return [label.padded(10) + "nothing"] }
        return [label.padded(10) + TerminalText.escaped(value.description)]
    }

    static func explanation(_ found: JSON, _ action: JSON?) -> [String] {
        let attribution = found["attribution"]
        var lines = [
            "\(text(found, "subject"))\(text(found, "path"))",
            "\(text(attribution, "verdict")): \(text(attribution, "reason"))",
        ]
        guard let action else {
            lines.append("No approved action covers it.")
            return lines
        }
        lines += [
            "action    \(text(action, "id")), \(text(action, "action")), \(text(action, "state"))",
            "asked by  \(text(action["requester"], "agent"))",
            "receipt   exequatur receipt \(text(action, "id"))",
        ]
        return lines
    }

    // MARK: rules

    static func rules(_ rules: [JSON]) -> [String] {
        guard !rules.isEmpty else { return ["Nothing is ignored."] }
        let rows = rules.map { rule in
            [
                text(rule, "id"), rule["source"]?.stringValue.map(TerminalText.escaped) ?? "all",
                text(rule, "subject"), text(rule, "pointer") + text(rule, "jsonpath"),
                text(rule, "expires") + (rule["expired"]?.boolValue == true ? " (over)" : ""),
                "\(rule["hits"]?.intValue ?? 0)", text(rule, "reason"),
            ]
        }
        return TextTable(
            header: ["RULE", "SOURCE", "SUBJECT", "WHERE", "UNTIL", "HIDDEN", "REASON"],
            rows: rows
        ).lines
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
