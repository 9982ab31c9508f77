// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import Cedar
internal import ControlPlane
internal import Foundation

/// Which recorded actions, and how they are compared.
struct HistoryOptions: ParsableArguments {
    @Option(help: "The data directory that recorded actions.", completion: .directory)
    var data = "exequatur-data"

    @Option(help: "Only actions of so long ago, such as `30d` or `12h`.")
    var since: String?

    @OptionGroup var output: OutputOptions

    func history() throws -> RecordedHistory {
        guard let since else { return try RecordedHistory.read(data, since: nil) }
        guard let span = Span(since) else {
            throw CLIError.usage("--since: `\(since)` is not a length of time such as `30d`")
        }
        let now = SystemClock.wall()
        return try RecordedHistory.read(data, since: now.adding(seconds: -span.seconds))
    }
}

extension PolicyCommands {
    /// Old and new policies over what has happened.
    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "diff",
            abstract: "Say what a draft changes: its policies, and verdicts on recorded actions.",
            discussion: """
                The draft is compared with the policies in force in the data directory, or with \
                another folder. Both are evaluated with today's directory as of the instant at \
                which each action came.
                """)

        @Argument(help: "The folder with the draft.", completion: .directory)
        var directory: String

        @Option(help: "Another folder to compare with.", completion: .directory)
        var against: String?

        @OptionGroup var options: HistoryOptions

        func run() throws {
            let draft = try PolicyFiles(directory: directory).published()
            let history = try options.history()
            let old: PublishedPolicies
            if let against {
                old = try PolicyFiles(directory: against).published()
            } else if let current = history.policies {
                old = current
            } else {
                throw CLIError("no policies are in force in `\(options.data)`: give --against DIR")
            }
            let report = try ReplayReport(history, draft, before: try history.verdicts(old))
            let edits = PolicyEdits(old, draft)
            try options.output.print(
                .object(JSONObject((edits.json + report.json).map { ($0.0, $0.1) })),
                or: edits.lines + [""] + report.lines)
        }
    }

    /// A draft over what has happened, beside what was decided then.
    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Say what a draft would have decided about the recorded actions.",
            discussion: """
                Compares with the verdicts that were recorded when each action came, whatever \
                policies and directory were in force then.
                """)

        @Argument(help: "The folder with the draft.", completion: .directory)
        var directory: String

        @OptionGroup var options: HistoryOptions

        func run() throws {
            let draft = try PolicyFiles(directory: directory).published()
            let history = try options.history()
            let report = try ReplayReport(history, draft)
            try options.output.print(
                .object(JSONObject(report.json.map { ($0.0, $0.1) })), or: report.lines)
        }
    }
}

/// What two sets say of the same actions.
struct ReplayReport {
    /// A verdict with all that a review asks.
    struct Said: Equatable {
        let decision: Verdict.Decision
        let requirement: Requirement?

        init(_ decision: Verdict.Decision, _ requirement: Requirement?) {
            self.decision = decision
            self.requirement = requirement
        }

        var groups: [String] {
            (requirement?.slots ?? []).map { "\($0.quorum) of \($0.group)" }.sorted()
        }

        /// The decision with the groups; with the rest where another verdict differs in that alone.
        func text(beside other: Said) -> String {
            guard let requirement else { return decision.rawValue }
            var parts = groups
            if other.decision == decision, other.groups == groups {
                parts += [
                    requirement.severity.rawValue, requirement.assurance.rawValue,
                    "expires \(requirement.expires.seconds) s",
                    "grant \(requirement.grant.seconds) s",
                ]
            }
            return "\(decision.rawValue) (\(parts.joined(separator: ", ")))"
        }
    }

    struct Change {
        let entry: RecordedHistory.Entry
        let before: Said
        let after: Said
        let reasons: [String]
    }

    private let total: Int
    private let erased: Int
    private let changes: [Change]
    private let counts: [Verdict.Decision: Int]
    /// Actions that came when no policy asked for behaviour, which now look like first uses.
    private let unasked: Int

    init(
        _ history: RecordedHistory, _ draft: PublishedPolicies, before: [Verdict]? = nil
    ) throws {
        let after = try history.verdicts(draft)
        var changes: [Change] = []
        var counts: [Verdict.Decision: Int] = [:]
        for (place, entry) in history.entries.enumerated() {
            let new = after[place]
            counts[new.decision, default: 0] += 1
            let was =
                before.map { Said($0[place].decision, $0[place].requirement) }
                ?? Said(entry.decision, entry.requirement)
            let now = Said(new.decision, new.requirement)
            guard was != now else { continue }
            changes.append(
                Change(entry: entry, before: was, after: now, reasons: Self.reasons(new)))
        }
        total = history.entries.count
        erased = history.erased
        self.changes = changes
        self.counts = counts
        unasked =
            draft.asksForBehavior
            ? history.entries.count { $0.action.facts["behavior"] == nil } : 0
    }

    /// What made the verdict: the policies that fired for it, or that none permits.
    private static func reasons(_ verdict: Verdict) -> [String] {
        // Two names stand for no policy: the request itself, and a review nobody can meet.
        let errors = verdict.errors.map {
            ["request", "review"].contains($0.policy) ? $0.message : $0.policy
        }
        switch verdict.decision {
        case .allow: return verdict.reasons.filter(\.permits).map(\.policy)
        case .review: return errors + verdict.reasons.filter(\.review).map(\.policy)
        case .deny:
            let forbids = verdict.reasons.filter { !$0.permits && !$0.review }.map(\.policy)
            let isPermitted = verdict.reasons.contains(where: \.permits)
            return errors + forbids
                + (isPermitted || !errors.isEmpty ? [] : ["nothing permits it"])
        }
    }

    private func count(_ from: Verdict.Decision?, _ to: Verdict.Decision?) -> Int {
        changes.filter {
            (from == nil || $0.before.decision == from) && (to == nil || $0.after.decision == to)
                && $0.before.decision != $0.after.decision
        }.count
    }

    var lines: [String] {
        var lines = changes.map { change -> String in
            let action = change.entry.action
            return TerminalText.escaped(
                "\(change.entry.at)  \(action.id.text)  \(action.requester.agent.text)  "
                    + "\(action.operation.action)  \(action.operation.resourceID): "
                    + "\(change.before.text(beside: change.after)) → "
                    + change.after.text(beside: change.before)
                    + (change.reasons.isEmpty
                        ? "" : "  [\(change.reasons.joined(separator: ", "))]"))
        }
        if !lines.isEmpty { lines.append("") }
        lines.append(
            "\(total) actions: \(counts[.allow] ?? 0) allowed, "
                + "\(counts[.review] ?? 0) held for review, \(counts[.deny] ?? 0) denied")
        lines.append(
            "\(changes.count) changed: \(count(nil, .review)) more would have paused, "
                + "\(count(.review, nil)) fewer; \(count(nil, .deny)) more denied, "
                + "\(count(.deny, nil)) fewer; "
                + "\(changes.count - count(nil, nil)) reviews ask otherwise")
        if unasked > 0 {
            lines.append(
                "\(unasked) actions came when no policy asked for `context.behavior`: they "
                    + "count as first uses here")
        }
        if erased > 0 { lines.append("\(erased) erased actions were left out") }
        return lines
    }

    var json: [(String, JSON)] {
        [
            ("actions", .integer(Int64(total))), ("erased", .integer(Int64(erased))),
            ("withoutBehavior", .integer(Int64(unasked))),
            (
                "verdicts",
                .object(
                    JSONObject(
                        Verdict.Decision.allCases.map {
                            ($0.rawValue, .integer(Int64(counts[$0] ?? 0)))
                        }))
            ),
            (
                "changes",
                .array(
                    changes.map { change in
                        [
                            "action": .string(change.entry.action.operation.action),
                            "after": .string(change.after.decision.rawValue),
                            "afterRequirement": change.after.requirement?.json ?? .null,
                            "at": .string(change.entry.at.description),
                            "before": .string(change.before.decision.rawValue),
                            "beforeRequirement": change.before.requirement?.json ?? .null,
                            "id": .string(change.entry.action.id.text),
                            "reasons": .array(change.reasons.map(JSON.string)),
                        ]
                    })
            ),
        ]
    }
}

/// Which policies a draft adds, takes away or rewrites.
struct PolicyEdits {
    private let added: [String]
    private let removed: [String]
    private let rewritten: [String]
    private let schemas: [String]

    init(_ old: PublishedPolicies, _ new: PublishedPolicies) {
        added = new.policySet.policies.map(\.id).filter { old.policySet[$0] == nil }
        removed = old.policySet.policies.map(\.id).filter { new.policySet[$0] == nil }
        rewritten = new.policySet.policies.filter { policy in
            old.policySet[policy.id].map { $0.canonicalText != policy.canonicalText } ?? false
        }.map(\.id)
        let before = Dictionary(
            uniqueKeysWithValues: old.schemaFiles.map { ($0.name, $0.text) })
        let after = Dictionary(
            uniqueKeysWithValues: new.schemaFiles.map { ($0.name, $0.text) })
        schemas = Set(before.keys).union(after.keys).sorted().filter { name in
            !(before[name] ?? "").utf8.elementsEqual((after[name] ?? "").utf8)
        }
    }

    var lines: [String] {
        let all =
            added.map { "+ \($0)" } + removed.map { "- \($0)" } + rewritten.map { "~ \($0)" }
            + schemas.map { "~ schema \($0)" }
        return all.isEmpty ? ["the policies are the same"] : all.map(TerminalText.escaped)
    }

    var json: [(String, JSON)] {
        [
            ("added", .array(added.map(JSON.string))),
            ("removed", .array(removed.map(JSON.string))),
            ("rewritten", .array(rewritten.map(JSON.string))),
            ("schemas", .array(schemas.map(JSON.string))),
        ]
    }
}

extension RecordedHistory {
    /// Reads a data directory for a command.
    static func read(_ path: String, since: Timestamp?) throws -> RecordedHistory {
        do {
            return try RecordedHistory(DataDirectory(path: path), since: since)
        } catch {
            throw CLIError("cannot read the recorded actions in `\(path)`: \(error)")
        }
    }
}
