// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Cedar

extension PolicyCommands {
    /// Plain Cedar: what any Cedar engine answers, without reviews.
    struct Authorize: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Answer one Cedar request from files, as JSON.",
            discussion: """
                Evaluates as Cedar does: a policy that holds an action for review is a plain \
                `forbid` here.
                """)

        @Option(help: "The policies, in Cedar's syntax.", completion: .file())
        var policies: String

        @Option(help: "The entities, in Cedar's JSON form.", completion: .file())
        var entities: String

        @Option(help: "The request: principal, action, resource, context.", completion: .file())
        var request: String

        @Option(help: "A schema; it is not used, data must carry its types.", completion: .file())
        var schema: String?

        func run() throws {
            if schema != nil { Output.note("the schema is not used: nothing is validated") }
            let policies = try CedarFiles.policies(policies)
            let entities = try CedarFiles.entities(entities)
            let answer = policies.evaluate(
                try CedarFiles.request(try CedarFiles.json(request)), entities: entities)
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
            abstract: "Run a folder of Cedar integration tests.",
            discussion: "Ends with status 1 when one fails. Schemas are not used.")

        @Argument(help: "The folder.", completion: .directory)
        var directory: String

        func run() throws {
            let corpus = PolicyCorpus(directory)
            var passed = 0
            var failed = 0
            for name in try corpus.tests() {
                let test = try CedarFiles.json("\(directory)/\(name)")
                guard test["requests"]?.arrayValue != nil else { continue }
                if let failure = corpus.failure(of: test) {
                    failed += 1
                    try Output.lines([TerminalText.escaped("\(name): \(failure)")])
                } else {
                    passed += 1
                }
            }
            guard passed + failed > 0 else {
                throw CLIError("there are no Cedar integration tests below `\(directory)`")
            }
            try Output.lines(["\(passed) passed, \(failed) failed"])
            if failed > 0 { throw ExitCode(ExitStatus.failure.rawValue) }
        }
    }
}
