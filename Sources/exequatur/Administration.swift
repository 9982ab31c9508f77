// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

struct PersonCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "person", abstract: "Administer the people who decide.",
        subcommands: [
            Add.self, DirectoryList<Persons>.self, DirectoryShow<Persons>.self,
            DirectoryRemove<Persons>.self, DirectoryRotate<Persons>.self, Link.self,
        ])

    struct Add: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Add a person; prints a one-time sign-in link.")

        @Argument(help: "The person's id, for example `bob`.")
        var id: String

        @Option(help: "The name that reviewers see, otherwise the id.")
        var name: String?

        @Option(help: "A group to be a member of; may be given more than once.")
        var group: [String] = []

        @Flag(help: "Also create a token for the command line.")
        var token = false

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let body: JSON = [
                "id": .string(id), "name": .string(name ?? id),
                "groups": .array(group.map(JSON.string)), "token": .bool(token),
            ]
            let answer = try await api.post(APIPath(Persons.path), body)
            try await Persons.changed(answer, api, output)
        }
    }
}

extension PersonCommands {
    struct Link: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "link",
            abstract: "Create another one-time sign-in link.")

        @Argument(help: "The person's id.")
        var id: String

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.post(try Persons.path(id).appending("link"))
            try await Persons.changed(answer, api, output)
        }
    }
}

struct AgentCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Administer agents and pipelines.",
        subcommands: [
            Add.self, DirectoryList<Agents>.self, DirectoryShow<Agents>.self,
            DirectoryRemove<Agents>.self, DirectoryRotate<Agents>.self, AgentTokenCommands.self,
            TrustCommands.self,
        ])

    struct Add: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Add an agent; prints its token.")

        @Argument(help: "The agent's id, for example `deploy-bot`.")
        var id: String

        @Option(help: "The person who answers for it and therefore never reviews it.")
        var owner: String

        @Option(help: "A group to be a member of; may be given more than once.")
        var group: [String] = []

        @Option(help: "How long its token works, for example `90d`; otherwise until it is rotated.")
        var expires: String?

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            var body: JSON = [
                "id": .string(id), "owner": .string(owner),
                "groups": .array(group.map(JSON.string)),
            ]
            if let expires { body.set("expires", .string(expires)) }
            let answer = try await api.post(APIPath(Agents.path), body)
            try await Agents.changed(answer, api, output)
        }
    }
}

struct GateCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate", abstract: "Administer enforcing gates.",
        subcommands: [
            Add.self, DirectoryList<Gates>.self, DirectoryShow<Gates>.self,
            DirectoryRemove<Gates>.self, DirectoryRotate<Gates>.self, Configuration.self,
            Approve.self,
        ])

    struct Add: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Add a gate; prints its token.")

        @Argument(help: "The gate's id, for example `web-runner`.")
        var id: String

        @Option(help: "How long its token works, for example `90d`; otherwise until it is rotated.")
        var expires: String?

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            var body: JSON = ["id": .string(id)]
            if let expires { body.set("expires", .string(expires)) }
            let answer = try await api.post(APIPath(Gates.path), body)
            try await Gates.changed(answer, api, output)
        }
    }
}

struct GroupCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Administer groups and their members.",
        subcommands: [
            Add.self, DirectoryList<Groups>.self, DirectoryShow<Groups>.self,
            DirectoryRemove<Groups>.self, Member.self,
        ])

    struct Add: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Add a group.")

        @Argument(help: "The group's id, for example `reviewers`.")
        var id: String

        @Option(help: "A person or agent to begin with; may be given more than once.")
        var member: [String] = []

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            var answer = try await api.post(APIPath(Groups.path), ["id": .string(id)])
            for member in member {
                answer = try await api.put(try Groups.member(member, of: id))
            }
            try await Groups.changed(answer, api, output)
        }
    }

    struct Member: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "member",
            abstract: "Change who is in a group.",
            subcommands: [AddMember.self, RemoveMember.self])
    }

    struct AddMember: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Add a person or agent to a group.")

        @Argument(help: "The group's id.")
        var group: String

        @Argument(help: "The person's or agent's id.")
        var member: String

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.put(try Groups.member(member, of: group))
            try await Groups.changed(answer, api, output)
        }
    }

    struct RemoveMember: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Remove a person or agent from a group.")

        @Argument(help: "The group's id.")
        var group: String

        @Argument(help: "The person's or agent's id.")
        var member: String

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.delete(try Groups.member(member, of: group))
            try await Groups.changed(answer, api, output)
        }
    }
}

extension Groups {
    fileprivate static func member(_ member: String, of group: String) throws -> APIPath {
        try path(group).appending("members").appending(member)
    }
}
