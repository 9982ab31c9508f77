// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import Collectors
internal import DriftCore
internal import ExequaturClient
internal import Gates
internal import TransparencyLog

/// `exequatur drift observe`: the observer of sources that the server itself can't see.
struct DriftObserve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "observe",
        abstract: "Look at sources on this machine and tell the server, as their observer.",
        discussion: """
            Needs the token of the gate that the source names as its observer, in \
            EXEQUATUR_GATE_TOKEN. How to look is asked of the server, so that whoever can change \
            this command's words can't make it look elsewhere. Secrets are replaced by digests \
            under a key that stays here, and so do copies of small files, from which `drift fix` \
            restores.
            """)

    @Argument(help: "The sources.")
    var sources: [String]

    @Flag(help: "Look once instead of going on.")
    var once = false

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard !sources.isEmpty else { throw ValidationError("name at least one source") }
    }

    func run() async throws {
        CommandRunner.keepTokensPrivate()
        let observer = try DriftObserver(connection, GateEnvironment())
        try await observer.withClient { api in
            if once {
                var answers: [JSON] = []
                for source in sources { answers.append(try await observer.once(source, api)) }
                try output.print(.array(answers), or: DriftText.reports(sources, answers))
            } else {
                await withDiscardingTaskGroup { group in
                    for source in sources {
                        group.addTask { await observer.watch(source, api) }
                    }
                }
            }
        }
    }
}

/// A gate that observes sources.
struct DriftObserver: Sendable {
    private let address: ServerAddress
    private let token: String
    /// The key of secrets' digests on this machine.
    let key: [UInt8]
    let contents: FileContents

    /// How long a watch waits before it asks again for a source that it could not get.
    private static let pause = Duration.seconds(5)

    init(_ connection: ConnectionOptions, _ environment: GateEnvironment) throws {
        guard let token = environment.variables["EXEQUATUR_GATE_TOKEN"], !token.isEmpty,
            try environment.gateToken() != nil
        else {
            throw CLIError(
                "no gate token: set EXEQUATUR_GATE_TOKEN to the token of the source's observer",
                status: .refused)
        }
        let address = try ServerAddress(
            url: connection.url, environment: environment.variables)
        try address.checkConfidential(orInsecure: connection.insecure)
        self.address = address
        self.token = token
        let state = try GateState(directory: environment.stateDirectory)
        key = try state.digestKey(fresh: GateEnvironment.effects.entropy(32)).bytes
        contents = FileContents(folder: "\(state.directory)/drift")
    }

    /// Runs `body` with a client that asks as the gate.
    func withClient<Result>(_ body: (APIClient) async throws -> Result) async throws -> Result {
        try await APIClient.with(Connection(address: address, token: token), body)
    }

    /// The source as it is to be observed now, and the digest of how.
    func specification(_ id: String, _ api: APIClient) async throws -> Specification {
        let answer = try await api.get(try DriftPath.source(id))
        // What the API says of how it stands is of no interest here, and may become more; that
        // nothing of how it is watched was left out, the digest shows.
        var members = JSONObject()
        for name in DriftSource.members { members[name] = answer[name] }
        let source = try DriftSource(.object(members))
        guard let digest = answer["specification"]?.stringValue,
            try source.digest.hex.utf8.elementsEqual(digest.utf8)
        else {
            throw CLIError("source `\(id)`: this version does not understand its settings")
        }
        return Specification(source: source, digest: digest)
    }

    struct Specification: Sendable {
        let source: DriftSource
        let digest: String
    }

    /// Looks once, and returns what the server made of it.
    func once(_ id: String, _ api: APIClient) async throws -> JSON {
        let specification = try await specification(id, api)
        let watch = try self.watch(specification.source)
        return try await send(await watch.observe(), specification, api)
    }

    /// Looks until it is cancelled; what goes wrong is said and tried again.
    func watch(_ id: String, _ api: APIClient) async {
        while !Task.isCancelled {
            do {
                let specification = try await specification(id, api)
                let watch = try self.watch(specification.source)
                try await run(watch, specification, api)
            } catch let error as CLIError {
                Output.note("source \(id): \(error.message)")
            } catch {
                Output.note("source \(id): \(error)")
            }
            guard (try? await Task.sleep(for: Self.pause)) != nil else { return }
        }
    }

    /// Looks until sending fails; the reason is thrown.
    private func run(
        _ watch: SourceWatch, _ specification: Specification, _ api: APIClient
    ) async throws {
        let (failures, failure) = AsyncThrowingStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await watch.run { observation in
                    do {
                        let answer = try await send(observation, specification, api)
                        for line in DriftText.report(specification.source.id.text, answer) {
                            Output.note(line)
                        }
                    } catch {
                        failure.finish(throwing: error)
                    }
                }
                failure.finish()
            }
            defer { group.cancelAll() }
            for try await _ in failures {}
        }
    }

    private func watch(_ source: DriftSource) throws -> SourceWatch {
        let collectors = DriftCollectors.factory(contents: contents, exequatur: nil)
        return SourceWatch(
            source, collector: try collectors.make(source),
            redactor: try Redactor(key: key, secrets: source.secrets), now: SystemClock.wall)
    }

    /// Milliseconds.
    private static let longestLook: Int64 = 86_400_000

    /// No more gaps than the server takes; where there are more, the last is of the whole source.
    static func bounded(_ gaps: [CoverageGap]) -> [CoverageGap] {
        guard gaps.count > DriftLimits.gaps else { return gaps }
        let whole = gaps.filter { $0.subject == nil } + gaps.filter { $0.subject != nil }
        let told = whole.prefix(DriftLimits.gaps - 1)
        return told + [
            CoverageGap(
                subject: nil, cause: .tooLarge,
                detail: "\(gaps.count - told.count) more gaps than can be told")
        ]
    }

    private func send(
        _ observation: Observation, _ specification: Specification, _ api: APIClient
    ) async throws -> JSON {
        let now = SystemClock.wall()
        guard now.milliseconds - observation.started.milliseconds < Self.longestLook else {
            throw CLIError(
                "the look at `\(specification.source.id)` took more than a day: what it saw first "
                    + "says nothing any more; make it smaller")
        }
        func ago(_ instant: Timestamp) -> JSON {
            .integer(max(now.milliseconds - instant.milliseconds, 0))
        }
        var body: JSONObject = [
            "endedAgo": ago(observation.ended),
            "gaps": .array(
                Self.bounded(observation.gaps).map { gap in
                    [
                        "cause": .string(gap.cause.rawValue), "detail": .string(gap.detail),
                        "subject": gap.subject.map(JSON.string) ?? .null,
                    ]
                }),
            "specification": .string(specification.digest),
            "startedAgo": ago(observation.started),
        ]
        if let snapshot = observation.snapshot {
            body["leaves"] = .array(
                try snapshot.leaves.map { leaf in
                    [
                        "document": try leaf.json(),
                        "subject": .string(leaf.subject),
                    ]
                })
        }
        return try await api.post(
            try DriftPath.source(specification.source.id.text).appending("observations"),
            .object(body))
    }
}
