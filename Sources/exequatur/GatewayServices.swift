// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import NIOPosix
internal import Server
internal import ServiceLifecycle
internal import UnixSignals

/// Running a gateway that listens, until the process is told to end.
enum GatewayServices {
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
        let executor = EventLoopExecutor(MultiThreadedEventLoopGroup.singleton)
        try await withTaskExecutorPreference(executor) { try await group.run() }
    }
}
