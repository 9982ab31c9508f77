// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CLinux
internal import CanonicalJSON
internal import Channels
internal import ControlPlane
internal import Facts
internal import Foundation
internal import Hummingbird
internal import Logging
internal import NIOPosix
internal import Server
internal import ServiceLifecycle
internal import Storage
internal import TransparencyLog
internal import UnixSignals

/// `exequatur serve`: wires the server together; nothing else does.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the server.",
        discussion: """
            On first start it makes keys, database and starter policies, prints a sign-in link for \
            the first administrator, and writes his command-line token to DIR/admin.token and the \
            log's public key to DIR/log.vkey.
            """)

    @Option(help: "Where everything is kept.")
    var data = "./exequatur-data"

    @Option(help: "Address to listen on.")
    var listen = "127.0.0.1:8420"

    @Option(name: .customLong("public-url"), help: "How people and agents reach this server.")
    var publicURL: String?

    @Option(help: "File that sets channels and sign-in up; see docs/channels.md.")
    var config: String?

    @Option(help: "Name of the log; fixed on first start.")
    var origin = "exequatur.local/log"

    @Flag(
        name: .customLong("single-operator"),
        help: "While unsealed, let one person approve his own agents; stamped on everything.")
    var singleOperator = false

    @Option(
        name: .customLong("submissions-per-second"),
        help: "How many actions one agent may submit each second, in the long run.")
    var submissionsPerSecond = 50.0

    @Flag(
        name: .customLong("allow-loopback-issuers"),
        help: "Also trust token issuers without TLS on this machine; for tests.")
    var allowLoopbackIssuers = false

    @Option(name: .customLong("log-level"), help: "trace, debug, info, warning or error.")
    var logLevel = "notice"

    func run() async throws {
        // What one burst of requests frees, the next one needs: it is not given back to the system
        // in between and faulted in again.
        clinux_keep_freed_memory(2 << 20)
        let (host, port) = try address()
        let url = publicURL ?? "http://\(host == "127.0.0.1" ? "localhost" : host):\(port)"
        let logger = try makeLogger()
        let file = try config.map { try ServerFile(path: $0) }
        for warning in file?.warnings ?? [] { logger.warning("\(warning)") }
        let channels = file?.channels ?? []
        // Nothing this process makes is for other users.
        umask(0o077)
        let directory = DataDirectory(path: data)
        try directory.prepare()
        var configuration = ControlPlaneConfiguration(
            data: directory, origin: origin, publicURL: url, software: Version.software)
        configuration.singleOperator = singleOperator
        configuration.allowsLoopbackIssuers = allowLoopbackIssuers
        guard submissionsPerSecond > 0, submissionsPerSecond <= 1_000_000 else {
            throw ValidationError("`--submissions-per-second`: more than 0, at most 1,000,000")
        }
        configuration.submissionsPerSecond = submissionsPerSecond
        configuration.submissionBurst = max(1, submissionsPerSecond * 4)
        configuration.settings = settings(file)
        let control = try ControlPlane(
            configuration: configuration,
            backend: try SQLiteBackend(path: directory.database),
            effects: Self.effects(guarding: directory), directions: DriftCollectors.directions,
            logger: logger)
        let link = try await control.begin(starterPolicies: StarterPolicies.files)
        let hub = channels.isEmpty ? nil : ChannelHub(control, channels, logger: logger)
        let application = try ExequaturServer.application(
            control, channels: hub, drift: Self.watcher(control, config, logger),
            signIn: file?.signIn ?? .none, openAPI: OpenAPIDocument.bytes, host: host, port: port,
            onRunning: { _ in Self.announce(url, link: link, data: data, control) })
        var group = ServiceGroupConfiguration(
            services: [
                .init(
                    service: application, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup),
                // Last in the list, so first to be told: clients that wait are let go before the
                // HTTP server waits for its requests to end.
                .init(service: WaiterRelease(control)),
            ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        group.maximumGracefulShutdownDuration = .seconds(20)
        group.maximumCancellationDuration = .seconds(5)
        defer { control.shutDown() }
        let services = ServiceGroup(configuration: group)
        let executor = EventLoopExecutor(MultiThreadedEventLoopGroup.singleton)
        var failure: (any Error)?
        do {
            try await withTaskExecutorPreference(executor) { try await services.run() }
        } catch {
            failure = error
        }
        await control.recordStop()
        if let failure { throw failure }
    }

    /// What a start is noted with; the file only by its digest.
    private func settings(_ file: ServerFile?) -> JSON {
        [
            "allowsLoopbackIssuers": .bool(allowLoopbackIssuers),
            "file": .optional(file?.digest.hex), "listen": .string(listen),
            "singleOperator": .bool(singleOperator),
            "submissionsPerSecond": .string("\(submissionsPerSecond)"),
        ]
    }

    /// Watches what the server sees itself, and the server.
    private static func watcher(
        _ control: ControlPlane, _ config: String?, _ logger: Logger
    ) -> DriftWatcher {
        let surroundings = ServerSurroundings(configuration: config)
        let collectors = DriftCollectors.factory(contents: nil) { _ in
            ServerCollector { now in control.observeSelf(surroundings.now(), now: now) }
        }
        return DriftWatcher(
            control, collectors: collectors, key: control.driftKey(), logger: logger)
    }

    private func address() throws -> (host: String, port: Int) {
        let address = try ListenAddress(listen)
        return (address.host, address.port)
    }

    private func makeLogger() throws -> Logger {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw ValidationError("`--log-level`: `\(logLevel)` is unknown")
        }
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "exequatur")
        logger.logLevel = level
        return logger
    }

    private static func announce(
        _ url: String, link: String?, data: String, _ control: ControlPlane
    ) {
        var lines = ["Exequatur \(Version.number) at \(url)"]
        if let link {
            lines.append("Sign in as the first administrator (once, within the hour): \(link)")
            lines.append("His command-line token is in \(data)/admin.token.")
        }
        if control.unsealed {
            lines.append(
                "This installation is unsealed: its administrators can change everything "
                    + "alone. Every entry says so.")
        }
        if let reason = control.clock.explanation { lines.append("Warning: \(reason)") }
        try? Output.lines(lines)
    }

    /// The clocks, the chance and the analysers of a real server.
    ///
    /// Analysers are told the data folder, as configured and with its links resolved, so that a
    /// command which names it is seen to touch this server. What a shell would spell out, or a link
    /// that the gate did not resolve, is not seen.
    private static func effects(guarding data: DataDirectory) -> Effects {
        let guarded = [data.resolvedPath, data.absolutePath]
        return Effects(
            wallClock: SystemClock.wall, monotonicSeconds: SystemClock.monotonicSeconds,
            entropy: .live,
            facts: { operation in
                let input = JSON.object(operation.input)
                if operation.action.utf8.elementsEqual("command.run".utf8) {
                    return CommandFacts.derive(from: input, guarded: guarded).json
                }
                if operation.action.utf8.starts(with: "agent.".utf8) {
                    return AgentFacts.derive(
                        action: operation.action, input: input, guarded: guarded
                    ).json
                }
                return ["inspectable": false, "kind": "other"]
            })
    }
}
