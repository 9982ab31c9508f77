// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import Cedar

extension PolicyCommands {
    /// Plain Cedar: what any Cedar engine answers, without reviews.
    struct Authorize: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "authorize",
            abstract: "Answer one Cedar request from files, as JSON.",
            discussion: """
                Evaluates as Cedar does: a policy that holds an action for review is a plain \
                `forbid` here. With a schema, request and entities must fit it, extension values \
                and entities may be written without their escapes, and the schema's actions are \
                known.
                """)

        @Option(help: "The policies, in Cedar's syntax.", completion: .file())
        var policies: String

        @Option(help: "The entities, in Cedar's JSON form.", completion: .file())
        var entities: String

        @Option(help: "The request: principal, action, resource, context.", completion: .file())
        var request: String

        @Option(help: "A schema: JSON if it ends in `.json`, else Cedar.", completion: .file())
        var schema: String?

        func run() throws {
            let policies = try CedarFiles.policies(policies)
            let schema = try schema.map(CedarFiles.schema)
            let entities = try CedarFiles.entities(entities, schema)
            let request = try CedarFiles.request(try CedarFiles.json(request), schema)
            let answer = policies.evaluate(request, entities: entities)
            try Output.json([
                "decision": .string(answer.decision.rawValue),
                "reasons": .array(answer.reasons.map(JSON.string)),
                "errors": .array(
                    answer.errors.map { failure in
                        ["policy": .string(failure.id), "message": .string(failure.error.message)]
                    }),
            ])
        }
    }

    /// The conformance tests of the language.
    struct Corpus: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "corpus",
            abstract: "Run a folder of Cedar integration tests.",
            discussion: """
                Each test is checked in full: that the schema is read and, where `json-schemas` \
                has its twin, that both mean the same; that strict validation says what \
                `shouldValidate` says; that each policy validates strictly and permissively as \
                `validation` has recorded, where that is there; that entities and requests fit \
                the schema; and every decision with its reasons and erring policies. Ends with \
                status 1 when one fails.
                """)

        @Argument(help: "The folder.", completion: .directory)
        var directory: String

        @OptionGroup var output: OutputOptions

        func run() throws {
            let corpus = PolicyCorpus(directory)
            var failed: [String] = []
            for name in try corpus.tests() {
                let test = try CedarFiles.json("\(directory)/\(name)")
                guard test["requests"]?.arrayValue != nil else { continue }
                if let failure = corpus.failure(of: test, name) {
                    failed.append(name)
                    if !output.json {
                        try Output.lines([TerminalText.escaped("\(name): \(failure)")])
                    }
                }
            }
            let counts = corpus.counts
            guard counts.tests > 0 else {
                throw CLIError("there are no Cedar integration tests below `\(directory)`")
            }
            let passed = counts.tests - failed.count
            try output.print(
                [
                    "failed": .integer(Int64(failed.count)),
                    "failures": .array(failed.map(JSON.string)),
                    "passed": .integer(Int64(passed)),
                    "requests": .integer(Int64(counts.requests)),
                    "schemaTwins": .integer(Int64(counts.twins)),
                    "validationVerdicts": .integer(Int64(counts.verdicts)),
                ],
                or: [
                    "\(counts.requests) requests, \(counts.twins) JSON schemas, "
                        + "\(counts.verdicts) recorded validation verdicts",
                    "\(passed) passed, \(failed.count) failed",
                ])
            if !failed.isEmpty { throw ExitCode(ExitStatus.failure.rawValue) }
        }
    }
}
