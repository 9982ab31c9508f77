// SPDX-License-Identifier: Apache-2.0

internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ServiceLifecycle

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

    /// Serves until the process is told to end.
    /// - Parameter running: called with the port once it listens.
    /// - Throws: what the server throws that cannot listen.
    package func run(running: @escaping @Sendable (Int) -> Void) async throws {
        let pool = MCPConversations(gatekeeper: gatekeeper)
        let routes = MCPRoutes(
            gatekeeper: gatekeeper, server: server, origins: origins, fingerprint: fingerprint,
            pool: pool)
        let port = address.port
        var application = Application(
            router: routes.router(),
            server: .http1(
                configuration: .init(additionalChannelHandlers: [ConnectionHangup.Handler()])),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: port), serverName: nil),
            onServerRunning: { channel in running(channel.localAddress?.port ?? port) },
            logger: Logger(label: "http", factory: { _ in SwiftLogNoOpLogHandler() }))
        application.addServices(pool)
        try await application.runService()
    }
}
