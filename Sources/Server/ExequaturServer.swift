// SPDX-License-Identifier: Apache-2.0

internal import Console
package import ControlPlane
package import Hummingbird
internal import Identity
internal import Logging
internal import ServiceLifecycle

/// The HTTP server: every route in one visible list.
package enum ExequaturServer {
    /// The responder that tests drive without a socket and `application` puts behind one.
    static func router(
        _ control: ControlPlane, openAPI: [UInt8], documents: DocumentSource = .http,
        channels: ChannelHub? = nil, signIn: SignInSettings = .none
    ) throws -> Router<ServerContext> {
        // `HEAD` is answered as `GET`, without the body.
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware(control: control))
        ActionRoutes(control: control).add(to: router)
        ReviewRoutes(control: control).add(to: router)
        SealRoutes(control: control).add(to: router)
        CatalogueRoutes(control: control).add(to: router)
        AdministrationRoutes(control: control).add(to: router)
        GateRoutes(control: control).add(to: router)
        TokenRoutes(control: control, documents: documents).add(to: router)
        PolicyRoutes(control: control).add(to: router)
        AuditRoutes(control: control).add(to: router)
        DriftRoutes(control: control).add(to: router)
        EventRoutes(control: control).add(to: router)
        LogRoutes(control: control).add(to: router)
        StatusRoutes(control: control, channels: channels, openAPI: openAPI).add(to: router)
        ChannelRoutes(control: control, hub: channels, documents: documents).add(to: router)
        AccountRoutes(control: control).add(to: router)
        SessionRoutes(control: control).add(to: router)
        PersonRoutes(control: control).add(to: router)
        let console = ConsoleRoutes(
            control: control, channels: channels, renderer: try ConsoleRenderer(),
            signInProviders: signIn.providers.map { ($0.name, $0.title) })
        console.add(to: router)
        SignInRoutes(console: console, settings: signIn, documents: documents).add(to: router)
        // After all routes, so it is asked only where none of them was meant.
        router.add(middleware: WrongMethodMiddleware(table: MethodTable(router.routes)))
        return router
    }

    /// The server with its services; they end in reverse order, so the ledger, which `control`
    /// closes last, outlives everything that writes to it.
    package static func application(
        _ control: ControlPlane, channels: ChannelHub? = nil, drift: DriftWatcher? = nil,
        signIn: SignInSettings = .none, openAPI: [UInt8], host: String, port: Int,
        onRunning: @escaping @Sendable (_ port: Int) async -> Void
    ) throws -> some ApplicationProtocol {
        var application = Application(
            router: try router(control, openAPI: openAPI, channels: channels, signIn: signIn),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in
                await onRunning(channel.localAddress?.port ?? port)
            },
            // The framework names each request in its logger, which costs more than it tells us:
            // what goes wrong with a request is logged by `ProblemMiddleware`.
            logger: Logger(label: "http", factory: { _ in SwiftLogNoOpLogHandler() }))
        application.addServices(Scheduler(control), LedgerRechecker(control))
        if let channels { application.addServices(channels) }
        if let drift { application.addServices(drift) }
        return application
    }
}
