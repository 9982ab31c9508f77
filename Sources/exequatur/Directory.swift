// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

/// A kind of principal or container that administrators keep: its place in the API and its columns.
///
/// Everything that is the same for persons, agents, groups and gates is here once.
protocol DirectoryKind {
    static var path: StaticString { get }
    static var noun: String { get }
    static var columns: [String] { get }
}

enum Persons: DirectoryKind {
    static let path: StaticString = "/v1/persons"
    static let noun = "person"
    static let columns = ["id", "name", "groups"]
}

enum Agents: DirectoryKind {
    static let path: StaticString = "/v1/agents"
    static let noun = "agent"
    static let columns = ["id", "owner", "groups"]
}

enum Gates: DirectoryKind {
    static let path: StaticString = "/v1/gates"
    static let noun = "gate"
    static let columns = ["id"]
}

enum Groups: DirectoryKind {
    static let path: StaticString = "/v1/groups"
    static let noun = "group"
    static let columns = ["id", "members"]
}

extension DirectoryKind {
    static func path(_ id: String) throws -> APIPath { try APIPath(path).appending(id) }

    static func list(_ api: APIClient, _ output: OutputOptions) async throws {
        let records = try await api.list(APIPath(path))
        try output.print(
            .array(records),
            or: RecordText.table(records, columns: columns, none: "no \(noun)s"))
        await api.noteUnsealed()
    }

    static func show(_ id: String, _ api: APIClient, _ output: OutputOptions) async throws {
        let records = try await api.list(APIPath(path))
        let found = records.first { record in
            record["id"]?.stringValue.map { $0.utf8.elementsEqual(id.utf8) } ?? false
        }
        guard let found else {
            throw CLIError("there is no \(noun) `\(id)`: see `exequatur \(noun) list`")
        }
        try output.print(found, or: RecordText.block(found, first: columns))
        await api.noteUnsealed()
    }

    /// Prints what a change answered with; a credential in it is never shown again.
    static func changed(_ answer: JSON, _ api: APIClient, _ output: OutputOptions) async throws {
        try output.print(answer, or: RecordText.block(answer, first: columns))
        if answer["token"]?.stringValue != nil {
            Output.note("the token is shown this once: store it now")
        }
        await api.noteUnsealed()
    }

    static func remove(_ id: String, _ api: APIClient, _ output: OutputOptions) async throws {
        let answer = try await api.delete(try path(id))
        let removed: JSON = ["id": .string(id), "removed": true]
        try output.print(
            answer.objectValue == nil ? removed : answer,
            or: [TerminalText.escaped("removed \(noun) \(id)")])
        await api.noteUnsealed()
    }
}

// MARK: the subcommands that are the same everywhere

struct DirectoryList<Kind: DirectoryKind>: ClientCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "list", abstract: "List every \(Kind.noun).")
    }

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws { try await Kind.list(api, output) }
}

struct DirectoryShow<Kind: DirectoryKind>: ClientCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "show", abstract: "Show one \(Kind.noun).")
    }

    @Argument(help: "Its id.")
    var id: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws { try await Kind.show(id, api, output) }
}

struct DirectoryRemove<Kind: DirectoryKind>: ChangingCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "remove",
            abstract: "Remove one \(Kind.noun); its past stays in the ledger.")
    }

    @Argument(help: "Its id.")
    var id: String

    @OptionGroup var change: ChangeOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws { try await Kind.remove(id, api, output) }
}

struct DirectoryRotate<Kind: DirectoryKind>: ChangingCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "rotate", abstract: "Replace the credential; the old one ends at once.")
    }

    @Argument(help: "Its id.")
    var id: String

    @OptionGroup var change: ChangeOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let answer = try await api.post(try Kind.path(id).appending("rotate"))
        try await Kind.changed(answer, api, output)
    }
}
