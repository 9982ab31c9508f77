// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

/// `exequatur agent token`: several tokens of one agent, for a while or for acting on behalf of
/// somebody.
struct AgentTokenCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Administer the tokens of an agent.",
        subcommands: [Add.self, Revoke.self])

    struct Add: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Make one more token; prints it.")

        @Argument(help: "The agent's id.")
        var id: String

        @Option(
            help: "How long it works, for example `90d` or `8h`; otherwise until it is revoked.")
        var expires: String?

        @Option(
            name: .customLong("on-behalf-of"),
            help: "The person for whom the agent acts with it: both must be within policy.")
        var onBehalfOf: String?

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            var body: JSON = [:]
            if let expires { body.set("expires", .string(expires)) }
            if let onBehalfOf { body.set("onBehalfOf", .string(onBehalfOf)) }
            let answer = try await api.post(try Agents.path(id).appending("tokens"), body)
            try await Agents.changed(answer, api, output)
        }
    }

    struct Revoke: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "End one token and leave the others.")

        @Argument(help: "The agent's id.")
        var id: String

        @Argument(help: "The token's id, as `agent show` prints it.")
        var token: String

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let path = try Agents.path(id).appending("tokens").appending(token)
            try await Agents.changed(try await api.delete(path), api, output)
        }
    }
}
