// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

struct Withdraw: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw",
        abstract: "Take your approval back, as long as nothing is cleared.")

    @Argument(help: "The action's id.")
    var id: String

    @Option(help: "Why; recorded in the ledger.")
    var reason: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        var body: JSON = [:]
        if let reason { body.set("reason", .string(reason)) }
        let answer = try await api.post(
            try APIPath("/v1/actions").appending(id).appending("withdraw"), body)
        try output.print(answer, or: [ActionText.line(answer)])
    }
}

struct Debts: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "debts",
        abstract: "List what nobody has looked at since somebody broke the glass for it.",
        discussion: "Look at one with `show`, and settle it with `settle ID --debt accepted`.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let debts = try await api.list(APIPath("/v1/debts"))
        try output.print(
            .array(debts),
            or: RecordText.table(
                debts, columns: ["action", "person", "due", "overdue"], none: "no debts"))
    }
}

struct Comment: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "comment",
        abstract: "Say something about an action, ask its requester, or answer.",
        discussion: "Without a text it prints what was said.")

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case comment, question, answer
    }

    @Argument(help: "The action's id.")
    var id: String

    @Argument(help: "What you want to say.")
    var text: String?

    @Option(help: "comment, question or answer.")
    var kind = Kind.comment

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let path = try APIPath("/v1/actions").appending(id).appending("comments")
        guard let text else {
            let all = try await api.list(path)
            return try output.print(.array(all), or: all.isEmpty ? ["nothing"] : all.map(Self.line))
        }
        let answer = try await api.post(
            path, ["kind": .string(kind.rawValue), "text": .string(text)])
        try output.print(answer, or: [ActionText.line(answer)])
    }

    private static func line(_ comment: JSON) -> String {
        func member(_ name: String) -> String {
            TerminalText.escaped(comment[name]?.stringValue ?? "")
        }
        return "\(member("at"))  \(member("by"))  \(member("kind")): \(member("text"))"
    }
}

struct BatchCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch",
        abstract: "Look at several pending actions at once.",
        subcommands: [Create.self, Show.self, Decide.self])

    struct Create: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Put pending actions together; prints the digest.")

        @Argument(help: "The ids of 2 to 100 pending actions.")
        var ids: [String]

        @Option(help: "What they are together.")
        var title: String?

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            var body: JSON = ["actions": .array(ids.map(JSON.string))]
            if let title { body.set("title", .string(title)) }
            try BatchCommands.print(try await api.post(APIPath("/v1/batches"), body), output)
        }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Print the members of a batch.")

        @Argument(help: "The batch's digest.")
        var digest: String

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let path = try APIPath("/v1/batches").appending(digest)
            try BatchCommands.print(try await api.get(path), output)
        }
    }

    struct Decide: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "decide",
            abstract: "Approve or deny every member that you may decide.",
            discussion: "Look at each member first: what you give back is the digest of all.")

        enum Decision: String, ExpressibleByArgument, CaseIterable {
            case approve, deny
        }

        @Argument(help: "approve or deny.")
        var decision: Decision

        @Argument(help: "The batch's digest.")
        var digest: String

        @Option(help: "At least 16 hex digits of the batch's digest.")
        var expect: String

        @Option(help: "Why; a denial needs a reason.")
        var reason: String?

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func validate() throws { try DigestPrefix.check(expect) }

        func perform(_ api: APIClient) async throws {
            var body: JSON = [
                "decision": .string(decision.rawValue), "expect": .string(expect),
            ]
            if let reason { body.set("reason", .string(reason)) }
            let path = try APIPath("/v1/batches").appending(digest).appending("decisions")
            let answer = try await api.post(path, body)
            let lines = (answer.arrayValue ?? []).map { result in
                let id = result["action"]?.stringValue ?? ""
                let state = result["state"]?.stringValue ?? ""
                let why =
                    result["detail"]?.stringValue.map { ": \(TerminalText.escaped($0))" } ?? ""
                return "\(id)  \(state)\(why)"
            }
            try output.print(answer, or: lines)
        }
    }

    fileprivate static func print(_ batch: JSON, _ output: OutputOptions) throws {
        var lines = [
            "batch \(batch["digest"]?.stringValue ?? "")"
                + (batch["title"]?.stringValue.map { ": \(TerminalText.escaped($0))" } ?? "")
        ]
        for member in batch["members"]?.arrayValue ?? [] {
            let id = member["action"]?.stringValue ?? ""
            lines.append("  \(id)  \(member["state"]?.stringValue ?? "")")
        }
        try output.print(batch, or: lines)
    }
}
