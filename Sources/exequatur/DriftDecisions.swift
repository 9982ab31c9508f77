// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

struct DriftAccept: ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept",
        abstract: "Approve a source's first baseline, or take what was found as right.",
        discussion: """
            With a source: approves the baseline that is proposed, whose root `drift show SOURCE` \
            prints. With deviations: puts what was found of them, and nothing else, into the \
            baseline; the root is that of the last observation, which `drift show` prints too. \
            Something else by then, and nothing is accepted.
            """)

    @Argument(help: "A source, or beginnings of deviations' ids.")
    var names: [String]

    @Option(help: "At least 16 hex digits of the root that was looked at.")
    var expect: String

    @OptionGroup var change: ChangeOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        try DigestPrefix.check(expect)
        guard !names.isEmpty else { throw ValidationError("name a source or deviations") }
    }

    func perform(_ api: APIClient) async throws {
        if names.count == 1, !DriftID.isBeginning(names[0]) {
            let version = try await api.post(
                try DriftPath.source(names[0]).appending("baseline").appending("approve"),
                ["expect": .string(expect)])
            try output.print(
                version,
                or: ["The baseline is approved: version \(version["version"]?.intValue ?? 0)."])
        } else {
            let resolved = try await DriftID.resolve(names, api)
            let closed = try await api.post(
                try DriftPath.source(resolved.source).appending("accept"),
                ["expect": .string(expect), "ids": resolved.json])
            let count = closed.arrayValue?.count ?? 0
            try output.print(closed, or: ["\(count) accepted; the baseline has them now."])
        }
        await api.noteUnsealed()
    }
}

struct DriftAcknowledge: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "acknowledge",
        abstract: "Note that deviations were seen: only a change of them is told from now on.")

    @Argument(help: "Beginnings of deviations' ids.")
    var ids: [String]

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let resolved = try await DriftID.resolve(ids, api)
        let answer = try await api.post(
            try DriftPath.source(resolved.source).appending("acknowledge"),
            ["ids": resolved.json])
        try output.print(answer, or: ["\(resolved.ids.count) acknowledged."])
    }
}

struct DriftIgnoreCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ignore",
        abstract: "Deviations that people agreed to live with for a while.",
        subcommands: [List.self, Add.self, Remove.self])

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Rules, and how often each hid something.")

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let rules = try await api.list(DriftPath.ignoreRules)
            try output.print(.array(rules), or: DriftText.rules(rules))
        }
    }

    struct Add: ChangingCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Add a rule; it is approved by you, and ends.")

        @Argument(help: "The rule's name.")
        var id: String

        @Option(help: "The subjects, with * for anything, such as file:/var/log/*.")
        var subject: String

        @Option(help: "Only of this source.")
        var source: String?

        @Option(help: "Where in the document, as a JSON Pointer; what is below is included.")
        var pointer: String?

        @Option(help: "Where in the document, as a JSONPath.")
        var jsonpath: String?

        @Option(help: "Why.")
        var reason: String

        @Option(help: "When it ends, such as 2027-01-31T00:00:00.000Z; within a year.")
        var expires: String

        /// The rule's own reason is that of asking for it, too.
        var change: ChangeOptions {
            var options = ChangeOptions()
            options.reason = reason
            return options
        }

        @Option(help: "Who wants it; you, if left out.")
        var owner: String?

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func validate() throws {
            guard pointer == nil || jsonpath == nil else {
                throw ValidationError("give `--pointer` or `--jsonpath`, not both")
            }
        }

        func perform(_ api: APIClient) async throws {
            var rule: JSONObject = [
                "expires": .string(expires), "id": .string(id), "reason": .string(reason),
                "subject": .string(subject),
            ]
            if let source { rule["source"] = .string(source) }
            if let owner { rule["owner"] = .string(owner) }
            if let jsonpath {
                rule["jsonpath"] = .string(jsonpath)
            } else {
                rule["pointer"] = .string(pointer ?? "")
            }
            let answer = try await api.post(DriftPath.ignoreRules, .object(rule))
            try output.print(answer, or: ["The rule is in force until \(expires)."])
            await api.noteUnsealed()
        }
    }

    struct Remove: ChangingCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Take a rule away.")

        @Argument(help: "The rule's name.")
        var id: String

        @OptionGroup var change: ChangeOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.delete(try DriftPath.ignoreRules.appending(id))
            try output.print(answer, or: ["The rule is gone."])
        }
    }
}

struct DriftSourceCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "source", abstract: "What is watched.",
        subcommands: [Set.self, Remove.self, Repropose.self])

    struct Set: ChangingCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Add a source, or change how it is watched.",
            discussion: "The file holds one JSON object; docs/drift-sources.md has its members.")

        @Argument(help: "The file, or - for standard input.", completion: .file())
        var file: String

        @OptionGroup var change: ChangeOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let bytes =
                file == "-"
                ? try LocalFile.standardInput(limit: 1_048_576)
                : try LocalFile.read(file, limit: 1_048_576)
            let answer = try await api.post(DriftPath.sources, try JSON(parsing: bytes))
            try output.print(answer, or: DriftText.sources([answer]))
            await api.noteUnsealed()
        }
    }

    struct Remove: ChangingCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Watch a source no longer.")

        @Argument(help: "The source.")
        var id: String

        @OptionGroup var change: ChangeOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.delete(try DriftPath.source(id))
            try output.print(answer, or: ["The source is watched no longer."])
        }
    }

    struct Repropose: ChangingCommand {
        static let configuration = CommandConfiguration(
            commandName: "repropose",
            abstract: "Have the next observation proposed as a new baseline.")

        @Argument(help: "The source.")
        var id: String

        @OptionGroup var change: ChangeOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.post(
                try DriftPath.source(id).appending("baseline").appending("repropose"))
            try output.print(
                answer, or: ["The next observation is proposed; the old baseline counts."])
        }
    }
}
