// SPDX-License-Identifier: Apache-2.0

internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
package import ServiceLifecycle

/// The gateway for clients that come over HTTP, before a server of either kind.
package struct MCPHTTPGateway: Sendable {
    /// The server behind it.
    package enum Server: Sendable {
        case process(MCPServerCommand)
        case listening(MCPUpstream)
    }

    /// Where it listens.
    package struct Address: Sendable {
        package let host: String
        package let port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    private let gatekeeper: MCPGatekeeper
    private let server: Server
    private let address: Address
    private let origins: MCPOrigins
    private let fingerprint: String

    /// Makes one; agents' tokens must name the log of that fingerprint.
    package init(
        gatekeeper: MCPGatekeeper, server: Server, address: Address, origins: MCPOrigins,
        fingerprint: String
    ) {
        self.gatekeeper = gatekeeper
        self.server = server
        self.address = address
        self.origins = origins
        self.fingerprint = fingerprint
    }

    /// Connections at once; more wait until others end.
    private static let connections = 1_024
    private static let idle = TimeAmount.seconds(60)
    /// How long an orderly end takes at most: servers get three seconds to end.
    package static let longestEnd = Duration.seconds(15)

    /// What to run in one group, in this order.
    /// - Parameter running: called with the port once it listens.
    /// - Returns: the services; the last one is told first when they are to end, because what
    ///   streams would keep the one before it from ending.
    package func services(running: @escaping @Sendable (Int) -> Void) -> [any Service] {
        let pool = MCPConversations(gatekeeper: gatekeeper)
        let routes = MCPRoutes(
            gatekeeper: gatekeeper, server: server, origins: origins, fingerprint: fingerprint,
            pool: pool)
        let port = address.port
        let logger = Logger(label: "http", factory: { _ in SwiftLogNoOpLogHandler() })
        let application = Application(
            router: routes.router(),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionHangup.Handler()],
                    idleTimeout: Self.idle)),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: port), serverName: nil,
                availableConnectionsDelegate: .maximum(Self.connections, logger: logger)),
            onServerRunning: { channel in running(channel.localAddress?.port ?? port) },
            logger: logger)
        return [pool, application, MCPStop(pool: pool)]
    }
}

/// Ends what is open when the process is told to end.
private struct MCPStop: Service {
    let pool: MCPConversations

    func run() async throws {
        try await gracefulShutdown()
        await pool.stop()
    }
}
