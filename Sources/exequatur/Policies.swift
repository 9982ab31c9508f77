// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

struct PolicyCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Check, test, explain, compare and publish policies.",
        subcommands: [
            Check.self, Test.self, Explain.self, Format.self, Diff.self, Replay.self,
            Publish.self, Show.self, SchemaCommands.self, Authorize.self, Corpus.self,
        ])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Check a folder of policies without publishing it.",
            discussion: """
                Every file is parsed here; with `--online` the server also checks what it alone \
                knows, such as the groups that annotations name.
                """)

        @Argument(help: "The folder with the `*.cedar` files.", completion: .directory)
        var directory: String

        @Flag(help: "Also ask the server.")
        var online = false

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            let files = try PolicyFiles(directory: directory)
            let report = online ? try await askServer(files) : files.check()
            try output.print(report.json, or: report.lines)
            guard report.problems.isEmpty else {
                throw CLIError("the policies in `\(directory)` cannot be published as they are")
            }
        }

        private func askServer(_ files: PolicyFiles) async throws -> PolicyReport {
            try await connection.withClient { api in
                let report = files.check(generated: try await files.generated(api))
                guard report.problems.isEmpty else { return report }
                return PolicyReport(try await api.post(APIPath("/v1/policies/check"), files.json))
            }
        }
    }

    struct Publish: ChangingCommand {
        static let configuration = CommandConfiguration(
            commandName: "publish",
            abstract: "Publish a folder of policies, replacing the whole set.")

        @Argument(help: "The folder with the `*.cedar` files.", completion: .directory)
        var directory: String

        @OptionGroup var change: ChangeOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let files = try PolicyFiles(directory: directory)
            let report = files.check(generated: try await files.generated(api))
            guard report.problems.isEmpty else {
                for line in report.lines { Output.standardError(line) }
                throw CLIError("nothing was published: mend the policies in `\(directory)` first")
            }
            for warning in report.warnings { Output.note(warning) }
            let answer = try await api.post(APIPath("/v1/policies"), files.json)
            try output.print(answer, or: RecordText.block(answer, first: ["digest"]))
            await api.noteUnsealed()
        }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show the policies in force.")

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.get(APIPath("/v1/policies"))
            try output.print(answer, or: PolicyText.page(answer))
            await api.noteUnsealed()
        }
    }
}
