// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

struct DriftCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift",
        abstract: "Find what deviates from the approved baseline, and put it right.",
        discussion: """
            `init` and `scan` work on files alone, without a server. The others ask a server, which \
            knows which approved action explains a deviation.

            `status` and `scan` end with 0 when all is as it should be, 2 when something deviates \
            or was not seen, and another number when that can't be told.
            """,
        subcommands: [],
        groupedSubcommands: [
            CommandGroup(
                name: "Stand-alone", subcommands: [DriftFilesInit.self, DriftFilesScan.self]),
            CommandGroup(
                name: "Deviations",
                subcommands: [
                    DriftStatus.self, DriftList.self, DriftShow.self, DriftExplain.self,
                    DriftAccept.self, DriftAcknowledge.self, DriftFix.self,
                ]),
            CommandGroup(
                name: "What is watched",
                subcommands: [
                    DriftSourceCommands.self, DriftIgnoreCommands.self, DriftObserve.self,
                ]),
        ])
}

/// Paths of the API's drift part.
enum DriftPath {
    static var sources: APIPath { APIPath("/v1/drift/sources") }
    static var deviations: APIPath { APIPath("/v1/drift/deviations") }
    static var ignoreRules: APIPath { APIPath("/v1/drift/ignore-rules") }

    static func source(_ id: String) throws -> APIPath { try sources.appending(id) }
}

/// The exit code of `drift init`, `scan` and `status` where something deviates or was not seen.
enum DriftExit {
    static let drift = ExitCode(ExitStatus.undecided.rawValue)
}

struct DriftStatus: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How each source stands.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let sources = try await api.list(DriftPath.sources)
        try output.print(.array(sources), or: DriftText.sources(sources))
        await api.noteUnsealed()
        let isClean = sources.allSatisfy { $0["status"]?.stringValue == "clean" }
        guard isClean else { throw DriftExit.drift }
    }
}

struct DriftList: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Deviations, the worst first.")

    @Option(help: "Only of this source.")
    var source: String?

    @Option(help: "open, closed or all; all has those that are explained or ignored.")
    var state: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let found = try await api.list(
            DriftPath.deviations.query("source", source).query("state", state))
        try output.print(.array(found), or: DriftText.deviations(found))
    }
}

struct DriftShow: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "One deviation, or what is proposed as the baseline of a source.")

    @Argument(help: "The beginning of a deviation's id, at least 8 digits, or a source.")
    var id: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        if DriftID.isBeginning(id) {
            let found = try await api.get(try DriftPath.deviations.appending(id))
            try output.print(found, or: DriftText.deviation(found))
        } else {
            let source = try await api.get(try DriftPath.source(id))
            let baseline = try await DriftBaseline.read(api, of: id)
            let both: JSON = ["baseline": baseline, "source": source]
            try output.print(both, or: DriftText.source(source, baseline))
        }
        await api.noteUnsealed()
    }
}

struct DriftExplain: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Which approved action explains a deviation, or what comes nearest.")

    @Argument(help: "The beginning of a deviation's id, at least 8 digits.")
    var id: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let found = try await api.get(try DriftPath.deviations.appending(id))
        var action: JSON?
        if let name = found["attribution"]?["action"]?.stringValue {
            action = try await api.get(try APIPath("/v1/actions").appending(name))
        }
        let answer: JSON = [
            "action": action ?? .null, "attribution": found["attribution"] ?? .null,
            "id": found["id"] ?? .null,
        ]
        try output.print(answer, or: DriftText.explanation(found, action))
    }
}

/// Names of deviations.
enum DriftID {
    /// Whether a word can be the beginning of a deviation's id rather than a source.
    static func isBeginning(_ text: String) -> Bool {
        text.utf8.count >= 8 && text.utf8.count <= 64
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x66).contains($0)
            }
    }

    /// The whole ids of deviations, all of one source, as a person named them.
    static func resolve(_ words: [String], _ api: APIClient) async throws -> Resolved {
        var ids: [String] = []
        var sources: Set<String> = []
        for word in words {
            guard isBeginning(word) else {
                throw CLIError.usage(
                    "`\(word)`: expected the beginning of a deviation's id, 8 digits or more")
            }
            let found = try await api.get(try DriftPath.deviations.appending(word))
            ids.append(found["id"]?.stringValue ?? "")
            sources.insert(found["source"]?.stringValue ?? "")
        }
        guard let source = sources.first, sources.count == 1 else {
            throw CLIError.usage("the deviations are of several sources: take one after the other")
        }
        return Resolved(source: source, ids: ids)
    }

    struct Resolved {
        let source: String
        let ids: [String]
        var json: JSON { .array(ids.map(JSON.string)) }
    }
}
