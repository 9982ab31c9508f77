// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

/// `exequatur resource`: what policies and reviewers are told of resources.
struct ResourceCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resource",
        abstract: "Administer the resource catalogue: how sensitive what is, and whose it is.",
        subcommands: [List.self, Set.self, Remove.self])

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the catalogue.")
        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let records = try await api.list(APIPath("/v1/resources"))
            try output.print(
                .array(records),
                or: RecordText.table(
                    records, columns: ["id", "type", "pattern", "sensitivity", "owner"],
                    none: "nothing is catalogued"))
        }
    }

    struct Set: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Add a line, or replace it.")

        @Argument(help: "The line's name, for example `customer-data`.")
        var id: String

        @Option(help: "The type of the resources, for example `Database`.")
        var type: String

        @Option(help: "A pattern for their ids; `*` stands for anything.")
        var pattern: String

        @Option(help: "public, internal, confidential or restricted.")
        var sensitivity: String

        @Option(help: "The person or group that answers for them.")
        var owner: String?

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            var body: JSON = [
                "pattern": .string(pattern), "sensitivity": .string(sensitivity),
                "type": .string(type),
            ]
            if let owner { body.set("owner", .string(owner)) }
            let path = try APIPath("/v1/resources").appending(id)
            let answer = try await api.put(path, body)
            try output.print(answer, or: RecordText.block(answer, first: ["id"]))
        }
    }

    struct Remove: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Remove a line.")

        @Argument(help: "The line's name.")
        var id: String

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.delete(try APIPath("/v1/resources").appending(id))
            try output.print(answer, or: RecordText.block(answer, first: ["id"]))
        }
    }
}

/// `exequatur freeze`: times of the week in which policies may hold things back.
struct FreezeCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freeze",
        abstract: "Administer freeze windows, such as Friday afternoon.",
        discussion: """
            A window does nothing by itself: policies ask `context.freezes.contains("NAME")`. What is \
            pending or cleared is asked about again when one opens.
            """, subcommands: [List.self, Set.self, Remove.self])

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the windows, and which are open now.")
        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let records = try await api.list(APIPath("/v1/freezes"))
            try output.print(
                .array(records),
                or: RecordText.table(
                    records, columns: ["id", "zone", "ranges", "open"], none: "no windows"))
        }
    }

    struct Set: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Add a window, or replace it.")

        @Argument(help: "The window's name, for example `friday`.")
        var id: String

        @Option(help: "An IANA time zone, for example `Europe/Berlin`.")
        var zone: String

        @Option(help: "A part of the week, `Fri 14:00 - Mon 08:00`; may be given more than once.")
        var range: [String]

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let body: JSON = [
                "ranges": .array(range.map(JSON.string)), "zone": .string(zone),
            ]
            let answer = try await api.put(try APIPath("/v1/freezes").appending(id), body)
            try output.print(answer, or: RecordText.block(answer, first: ["id", "zone"]))
        }
    }

    struct Remove: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Remove a window.")

        @Argument(help: "The window's name.")
        var id: String

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.delete(try APIPath("/v1/freezes").appending(id))
            try output.print(answer, or: RecordText.block(answer, first: ["id"]))
        }
    }
}
