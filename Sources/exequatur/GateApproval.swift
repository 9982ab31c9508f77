// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

extension GateCommands {
    struct Configuration: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "configuration",
            abstract: "Show what a gate presents, and how it differs from what is approved.",
            discussion: """
                A gate such as `exequatur gateway mcp` says how it is set up and which tools lie \
                behind it. Nothing of that counts before somebody has looked at it and approved it \
                with the digest that this command prints.
                """)

        @Argument(help: "The gate's id.")
        var id: String

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.get(try Gates.path(id).appending("configuration"))
            try output.print(answer, or: GateText.page(answer))
            await api.noteUnsealed()
        }
    }

    struct Approve: ChangingCommand {
        static let configuration = CommandConfiguration(
            commandName: "approve",
            abstract: "Approve what a gate presents, all of it.")

        @Argument(help: "The gate's id.")
        var id: String

        @Option(help: "At least 16 hex digits of the digest that `gate configuration` printed.")
        var expect: String

        @OptionGroup var change: ChangeOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func validate() throws {
            try DigestPrefix.check(expect)
        }

        func perform(_ api: APIClient) async throws {
            let answer = try await api.post(
                try Gates.path(id).appending("configuration").appending("approve"),
                ["expect": .string(expect)])
            try output.print(answer, or: GateText.approved(answer))
            await api.noteUnsealed()
        }
    }
}
