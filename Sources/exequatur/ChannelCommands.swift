// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Channels

struct ChannelCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "channel", abstract: "Set up chats and see how they stand.",
        subcommands: [
            ListChannels.self, ListAccounts.self, UnlinkAccount.self, SlackCommands.self,
            TeamsCommands.self,
        ])
}

struct ListChannels: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "How each channel of the server stands.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        let channels = try await connection.withClient { api in
            try await api.list(APIPath("/v1/channels"))
        }
        let rows = channels.map { channel in
            [
                channel["id"]?.stringValue ?? "", channel["kind"]?.stringValue ?? "",
                channel["deliveredAt"]?.stringValue ?? "nothing yet",
                "\(channel["waiting"]?.intValue ?? 0)",
                "\(channel["undelivered"]?.intValue ?? 0)",
                channel["trouble"]?.stringValue ?? "",
            ]
        }
        let table = TextTable(
            header: ["CHANNEL", "KIND", "DELIVERED", "WAITING", "GIVEN UP", "TROUBLE"], rows: rows)
        try output.print(.array(channels), or: table.lines)
    }
}

struct ListAccounts: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "accounts", abstract: "Which accounts of chats are linked to whom.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let accounts = try await api.list(APIPath("/v1/accounts"))
        let rows = accounts.map { account in
            ["person", "channel", "workspace", "user"].map { account[$0]?.stringValue ?? "" }
        }
        let table = TextTable(header: ["PERSON", "CHANNEL", "WORKSPACE", "USER"], rows: rows)
        try output.print(.array(accounts), or: table.lines)
    }
}

struct UnlinkAccount: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "unlink", abstract: "Take a person's account of a channel away.")

    @Argument(help: "The person's id.")
    var person: String

    @Argument(help: "The channel's id.")
    var channel: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let answer = try await api.delete(
            try APIPath("/v1/persons").appending(person).appending("accounts").appending(channel))
        try output.print(answer, or: ["The account is unlinked."])
    }
}

struct SlackCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slack", abstract: "Set up Slack.", subcommands: [SlackManifestCommand.self])
}

struct SlackManifestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manifest", abstract: "Print the manifest from which Slack makes the app.",
        discussion: """
            Without --callback it is for Socket Mode, which needs no address of yours. Paste it at \
            https://api.slack.com/apps, "Create New App", "From a manifest".
            """)

    @Option(help: "What Slack calls the app; at most 35 characters.")
    var name = "Exequatur"

    @Option(help: "For HTTP: the channel's address here, such as https://HOST/channels/slack.")
    var callback: String?

    func validate() throws {
        guard (1...35).contains(name.unicodeScalars.count) else {
            throw ValidationError("`--name`: 1 to 35 characters")
        }
        if let callback {
            guard callback.hasPrefix("https://"), !callback.hasSuffix("/") else {
                throw ValidationError("`--callback`: an https:// address with no slash at its end")
            }
        }
    }

    func run() throws {
        try Output.lines([SlackManifest.json(name: name, callback: callback).prettyText()])
    }
}
