// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import Cedar
internal import ControlPlane

extension PolicyCommands {
    /// Why one request gets the answer that it gets.
    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "explain",
            abstract: "Say for one request which policies fired, which nearly did, and why.",
            discussion: """
                The request is a file, or an action that a data directory has recorded. Of a \
                policy that did not fire it names the smallest part of its conditions that was \
                enough to stop it.
                """)

        @Argument(help: "The folder with the policies.", completion: .directory)
        var directory: String

        @Option(help: "The request: principal, action, resource, context.", completion: .file())
        var request: String?

        @Option(help: "The entities, in Cedar's JSON form; none by default.", completion: .file())
        var entities: String?

        @Option(help: "The id of a recorded action instead of a request.")
        var action: String?

        @Option(help: "The data directory that recorded it.", completion: .directory)
        var data = "exequatur-data"

        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (request == nil) != (action == nil) else {
                throw ValidationError("give either --request FILE or --action ID")
            }
        }

        func run() throws {
            let policies = try PolicyFiles(directory: directory).published()
            let page: PolicyExplanationPage
            if let request {
                let question = try PolicyQuestion(
                    request: try CedarFiles.json(request),
                    entities: try entities.map(CedarFiles.json) ?? [], schema: policies.schema)
                page = PolicyExplanationPage(
                    policies, question.request, question.entities,
                    PolicyAnswer(question, policies).verdict)
            } else {
                page = try recorded(action ?? "", policies)
            }
            try output.print(page.json, or: page.lines)
        }

        private func recorded(
            _ id: String, _ policies: PublishedPolicies
        ) throws -> PolicyExplanationPage {
            let history = try RecordedHistory.read(data, since: nil)
            guard let entry = history.entries.first(where: { $0.action.id.text == id }) else {
                throw CLIError("there is no action `\(id)` in `\(data)`")
            }
            let environment = try history.environment(policies)
            let verdict = environment.evaluate(entry.action, at: entry.at)
            do {
                let (request, entities) = try environment.question(entry.action, at: entry.at)
                return PolicyExplanationPage(policies, request, entities, verdict)
            } catch {
                throw CLIError("the action can't be put to these policies: \(error)")
            }
        }
    }
}

/// What `policy explain` prints.
struct PolicyExplanationPage {
    private let policies: PublishedPolicies
    private let explanations: [PolicyExplanation]
    private let verdict: Verdict

    init(
        _ policies: PublishedPolicies, _ request: Request, _ entities: Entities,
        _ verdict: Verdict
    ) {
        self.policies = policies
        explanations = policies.policySet.explain(request, entities: entities)
        self.verdict = verdict
    }

    /// Values are shown up to so many bytes; an input may be a megabyte.
    private static let shownBytes = 200

    var lines: [String] {
        var lines = ["verdict: \(verdict.decision.rawValue)\(demand)"]
        for error in verdict.errors where policies.policySet[error.policy] == nil {
            lines.append(TerminalText.escaped("  \(error.message)"))
        }
        lines += section("fired", explanations.filter(\.fired))
        lines += section("failed", explanations.filter(\.failed))
        lines += section("nearly fired", explanations.filter(\.isNear))
        let rest = explanations.filter { !$0.fired && !$0.failed && !$0.isNear }.count
        if rest > 0 { lines += ["", "not about this request: \(rest) policies"] }
        return lines
    }

    private var demand: String {
        guard let requirement = verdict.requirement else { return "" }
        let groups = requirement.slots.map { "\($0.quorum) of \($0.group)" }
        return ": \(groups.joined(separator: " and ")), severity "
            + "\(requirement.severity.rawValue), assurance \(requirement.assurance.rawValue)"
    }

    private func section(_ title: String, _ members: [PolicyExplanation]) -> [String] {
        guard !members.isEmpty else { return [] }
        var lines = ["", title]
        for explanation in members {
            guard let policy = policies.policySet[explanation.id] else { continue }
            let place = "\(policy.source.map { "\($0):" } ?? "")\(policy.span.start.line)"
            let marked = policies.marker(policy.id)?.requirement != nil
            lines.append(
                TerminalText.escaped(
                    "  \(policy.effect.rawValue)\(marked ? " (review)" : "")  \(policy.id)  "
                        + place))
            lines += cause(explanation).map { TerminalText.escaped("      \($0)") }
            if explanation.fired, let reason = policies.marker(policy.id)?.reason {
                lines.append(TerminalText.escaped("      \(reason)"))
            }
        }
        return lines
    }

    private func cause(_ explanation: PolicyExplanation) -> [String] {
        switch explanation.outcome {
        case .satisfied: return []
        case .failed(let error): return ["\(error)"]
        case .outOfScope(let parts):
            return ["its scope names another \(parts.map(\.rawValue).sorted().joined())"]
        case .stopped(let clause):
            let text = Self.shortened("\(clause.expression)")
            return ["stopped by `\(text)`, which is \(clause.value)"]
                + clause.operands.map { operand in
                    let value = Self.shortened("\(operand.value)")
                    return "  `\(Self.shortened("\(operand.expression)"))` is \(value)"
                }
        }
    }

    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > shownBytes else { return text }
        return text.prefix(shownBytes / 2) + "… (\(text.utf8.count) bytes)"
    }

    var json: JSON {
        [
            "errors": .array(
                verdict.errors.map { error in
                    ["message": .string(error.message), "policy": .string(error.policy)]
                }),
            "policies": .array(explanations.map(json)),
            "requirement": verdict.requirement?.json ?? .null,
            "verdict": .string(verdict.decision.rawValue),
        ]
    }

    private func json(_ explanation: PolicyExplanation) -> JSON {
        var object: JSONObject = ["policy": .string(explanation.id)]
        switch explanation.outcome {
        case .satisfied: object["outcome"] = "satisfied"
        case .failed(let error):
            object["outcome"] = "failed"
            object["error"] = .string("\(error)")
        case .outOfScope(let parts):
            object["outcome"] = "out_of_scope"
            object["parts"] = .array(parts.map(\.rawValue).sorted().map(JSON.string))
        case .stopped(let clause):
            object["outcome"] = "stopped"
            object["clause"] = .string("\(clause.expression)")
            object["value"] = .bool(clause.value)
            object["operands"] = .array(
                clause.operands.map { operand in
                    [
                        "expression": .string("\(operand.expression)"),
                        "value": .string(Self.shortened("\(operand.value)")),
                    ]
                })
        }
        return .object(object)
    }
}

extension PolicyExplanation {
    fileprivate var fired: Bool {
        if case .satisfied = outcome { return true }
        return false
    }

    fileprivate var failed: Bool {
        if case .failed = outcome { return true }
        return false
    }
}
