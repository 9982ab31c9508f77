// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

/// `exequatur agent trust`: whose tokens may be exchanged for tokens of an agent.
struct TrustCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust",
        abstract: "Let jobs get short-lived tokens of an agent for those of their runner.",
        subcommands: [Add.self, List.self, Remove.self], defaultSubcommand: Add.self)

    struct Add: ChangingCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Trust tokens of an issuer that have just these claims.",
            discussion: """
                Every value is matched exactly; there are no patterns. For GitHub Actions name the \
                repository by its number, and the workflow and environment that may deploy. A claim \
                inside of others is named by its path, such as act/sub.
                """)

        @Argument(help: "The agent that a job becomes.")
        var agent: String

        @Option(help: "Who signs the tokens, such as https://token.actions.githubusercontent.com.")
        var issuer: String

        @Option(help: "What the tokens must be made for.")
        var audience: String

        @Option(help: "A claim and its value, NAME=VALUE; may be given more than once.")
        var claim: [String] = []

        @Option(help: "How long the agent's token lives, like 15m; at most 1h.")
        var lifetime: WaitTime = .hour

        @Flag(
            name: .customLong("on-behalf-of"),
            help: "The tokens are persons': the agent acts for the one whose account it is.")
        var onBehalfOf = false

        @OptionGroup var change: ChangeOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let claims = try JSONObject(unique: claim.map(Self.pair))
            guard let claims else { throw CLIError.usage("`--claim`: a claim is named twice") }
            var body: JSONObject = [
                "agent": .string(agent), "issuer": .string(issuer), "audience": .string(audience),
                "claims": .object(claims),
                "lifetime": .int(lifetime.duration.components.seconds),
            ]
            if onBehalfOf { body["onBehalfOf"] = true }
            let answer = try await api.post(APIPath("/v1/trusts"), .object(body))
            try output.print(answer, or: TrustText.block(answer))
            if claims["environment"] == nil, claims["job_workflow_ref"] == nil,
                claims["repository_id"] != nil
            {
                Output.note(
                    "every workflow of this repository can become `\(agent)`, on any branch: "
                        + "add `--claim environment=…` or `--claim job_workflow_ref=…`")
            }
            await api.noteUnsealed()
        }

        private static func pair(_ text: String) throws -> (String, JSON) {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw CLIError.usage("`--claim`: `\(text)` is not NAME=VALUE")
            }
            return (String(parts[0]), .string(String(parts[1])))
        }
    }

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List every trust.")

        @Argument(help: "Only those of this agent.")
        var agent: String?

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            var records = try await api.list(APIPath("/v1/trusts"))
            if let agent {
                records.removeAll { record in
                    !(record["agent"]?.stringValue?.utf8.elementsEqual(agent.utf8) ?? false)
                }
            }
            var lines: [String] = []
            for record in records {
                if !lines.isEmpty { lines.append("") }
                lines += TrustText.block(record)
            }
            try output.print(.array(records), or: lines.isEmpty ? ["no trusts"] : lines)
            await api.noteUnsealed()
        }
    }

    struct Remove: ChangingCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Remove a trust; the tokens handed out under it end at once.")

        @Argument(help: "Its id, from `agent trust list`.")
        var id: String

        @OptionGroup var change: ChangeOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.delete(try APIPath("/v1/trusts").appending(id))
            try output.print(answer, or: [TerminalText.escaped("removed trust \(id)")])
            await api.noteUnsealed()
        }
    }
}

/// A trust as text: one line for each claim.
private enum TrustText {
    static func block(_ record: JSON) -> [String] {
        func text(_ key: String) -> String { record[key]?.stringValue ?? "?" }
        let seconds = record["lifetime"]?.intValue ?? 0
        var lines = [
            "\(text("id")): tokens of \(text("issuer")) become \(text("agent"))",
            "  audience: \(text("audience"))",
        ]
        for (name, value) in record["claims"]?.objectValue ?? [:] {
            lines.append("  \(name): \(value.stringValue ?? "?")")
        }
        lines.append("  lifetime: \(seconds) s")
        if record["onBehalfOf"]?.boolValue == true {
            lines.append("  on behalf of: the person whose account it is")
        }
        return lines.map(TerminalText.escaped)
    }
}
