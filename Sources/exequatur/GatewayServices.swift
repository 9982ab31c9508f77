// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Server
internal import ServiceLifecycle
internal import UnixSignals

/// Running a gateway that listens, until the process is told to end.
enum GatewayServices {
    /// Event loops of a process that asks a service: on one, a call costs no change of threads, and
    /// the service has most of the work.
    static var loops: Int { max(1, System.coreCount / 4) }

    /// Runs `body` on the event loops that read and write its connections.
    static func onLoops<Result: Sendable>(
        _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        let executor = EventLoopExecutor(MultiThreadedEventLoopGroup.singleton)
        return try await withTaskExecutorPreference(executor) { try await body() }
    }

    /// Runs services in one group; the last one is told first when they are to end.
    /// - Parameters:
    ///   - services: what to run; when one ends, all do.
    ///   - longestEnd: when what has not ended in order is cancelled.
    /// - Throws: what a service throws.
    static func run(_ services: [any Service], longestEnd: Duration) async throws {
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                .init(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "gateway", factory: { _ in SwiftLogNoOpLogHandler() }))
        configuration.maximumGracefulShutdownDuration = longestEnd
        configuration.maximumCancellationDuration = .seconds(5)
        let group = ServiceGroup(configuration: configuration)
        try await onLoops { try await group.run() }
    }
}
