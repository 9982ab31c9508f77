// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import Cedar
internal import Foundation

extension PolicyCommands {
    /// Tests of one's own policies.
    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test",
            abstract: "Run the tests of a folder of policies.",
            discussion: """
                Tests are a JSON list in the format of `cedar run-tests`: `name`, `request`, \
                `entities` (a list, or a file beside the tests), `decision`, `reason`, \
                `num_errors`; also `verdict` (allow, review or deny) and `groups`, which a review \
                asks. Members that every context has may be left out. Ends with status 1 when one \
                fails.
                """)

        @Argument(help: "The folder with the policies.", completion: .directory)
        var directory: String

        @Option(help: "The tests; `tests.json` in the folder by default.", completion: .file())
        var tests: String?

        @OptionGroup var output: OutputOptions

        func run() throws {
            let policies = try PolicyFiles(directory: directory).published()
            let suite = try PolicyTestSuite(path: tests ?? "\(directory)/tests.json")
            let failures = try suite.failures(policies)
            let passed = suite.count - failures.count
            try output.print(
                [
                    "failed": .integer(Int64(failures.count)),
                    "failures": .array(
                        failures.map { failure in
                            [
                                "message": .string(failure.message), "name": .string(failure.name),
                            ]
                        }), "passed": .integer(Int64(passed)),
                ],
                or: failures.map { TerminalText.escaped("\($0.name): \($0.message)") } + [
                    "\(passed) passed, \(failures.count) failed"
                ])
            if !failures.isEmpty { throw ExitCode(ExitStatus.failure.rawValue) }
        }
    }
}

/// Tests in the format of `cedar run-tests`.
struct PolicyTestSuite {
    struct Failure {
        let name: String
        let message: String
    }

    private static let maximumTests = 100_000
    private let tests: [JSON]
    private let folder: String

    init(path: String) throws {
        guard let tests = try CedarFiles.json(path).arrayValue else {
            throw CLIError("`\(path)` must be a list of tests")
        }
        guard !tests.isEmpty, tests.count <= Self.maximumTests else {
            throw CLIError("`\(path)` must have 1 to \(Self.maximumTests) tests")
        }
        self.tests = tests
        folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    }

    var count: Int { tests.count }

    /// Runs all tests; a test that can't be read fails too.
    func failures(_ policies: PublishedPolicies) throws -> [Failure] {
        var failures: [Failure] = []
        for (place, test) in tests.enumerated() {
            let name = test["name"]?.stringValue ?? "test \(place + 1)"
            do {
                if let message = try difference(test, policies) {
                    failures.append(Failure(name: name, message: message))
                }
            } catch let error as CLIError {
                failures.append(Failure(name: name, message: error.message))
            }
        }
        return failures
    }

    private static let members: Set<String> = [
        "decision", "entities", "groups", "name", "num_errors", "reason", "request", "verdict",
    ]

    private func difference(_ test: JSON, _ policies: PublishedPolicies) throws -> String? {
        guard let object = test.objectValue, let request = object["request"] else {
            throw CLIError("a test is an object with a `request`")
        }
        if let stray = object.keys.first(where: { !Self.members.contains($0) }) {
            throw CLIError("unknown member `\(stray)`")
        }
        guard let decision = object["decision"]?.stringValue,
            let expected = Evaluation.Decision(rawValue: decision)
        else { throw CLIError("`decision` must be `allow` or `deny`") }
        let question = try PolicyQuestion(
            request: request, entities: try entities(object["entities"]),
            schema: policies.schema)
        let answer = PolicyAnswer(question, policies)
        if answer.evaluation.decision != expected {
            return "decided \(answer.evaluation.decision.rawValue), because of "
                + Self.list(answer.evaluation.reasons)
        }
        if let reason = try Self.strings(object, "reason"),
            reason != Set(answer.evaluation.reasons)
        {
            return "because of \(Self.list(answer.evaluation.reasons))"
        }
        if let json = object["num_errors"] {
            guard let count = json.intValue, count >= 0 else {
                throw CLIError("`num_errors` must be a number")
            }
            let failed = answer.evaluation.errors.map(\.id)
            if count != Int64(failed.count) {
                return "\(failed.count) policies failed: \(Self.list(failed))"
            }
        }
        return try verdictDifference(object, answer.verdict)
    }

    private func verdictDifference(_ test: JSONObject, _ verdict: Verdict) throws -> String? {
        if let json = test["verdict"] {
            guard let expected = json.stringValue, Verdict.Decision(rawValue: expected) != nil
            else { throw CLIError("`verdict` must be `allow`, `review` or `deny`") }
            if expected != verdict.decision.rawValue {
                return "the verdict is \(verdict.decision.rawValue)"
            }
        }
        let asked = (verdict.requirement?.slots ?? []).map(\.group.text)
        if let groups = try Self.strings(test, "groups"), groups != Set(asked) {
            return "the review asks \(Self.list(asked))"
        }
        return nil
    }

    private func entities(_ json: JSON?) throws -> JSON {
        guard let json else { return [] }
        guard let name = json.stringValue else { return json }
        return try CedarFiles.json(name.hasPrefix("/") ? name : "\(folder)/\(name)")
    }

    private static func strings(_ test: JSONObject, _ member: String) throws -> Set<String>? {
        guard let json = test[member] else { return nil }
        guard let array = json.arrayValue, array.allSatisfy({ $0.stringValue != nil }) else {
            throw CLIError("`\(member)` must be a list of strings")
        }
        return Set(array.compactMap(\.stringValue))
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "nothing" : names.map { "`\($0)`" }.joined(separator: ", ")
    }
}
