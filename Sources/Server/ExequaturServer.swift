// SPDX-License-Identifier: Apache-2.0

internal import ControlPlane
package import Hummingbird
package import Logging
internal import ServiceLifecycle

/// The HTTP server: every route in one visible list.
package enum ExequaturServer {
    /// The responder that tests drive without a socket and `application` puts behind one.
    static func router(_ control: ControlPlane, openAPI: [UInt8]) -> Router<ServerContext> {
        let router = Router(context: ServerContext.self)
        router.add(middleware: ProblemMiddleware(control: control))
        ActionRoutes(control: control).add(to: router)
        AdministrationRoutes(control: control).add(to: router)
        PolicyRoutes(control: control).add(to: router)
        AuditRoutes(control: control).add(to: router)
        EventRoutes(control: control).add(to: router)
        LogRoutes(control: control).add(to: router)
        StatusRoutes(control: control, openAPI: openAPI).add(to: router)
        return router
    }
}
