// SPDX-License-Identifier: Apache-2.0

internal import HTTPTypes
internal import Hummingbird

/// Which methods each path takes.
struct MethodTable: Sendable {
    private struct Entry: Sendable {
        let path: RouterPath
        var methods: Set<String>
    }

    private let entries: [Entry]

    init(_ routes: [Router<ServerContext>.RouteDescription]) {
        var entries: [String: Entry] = [:]
        for route in routes {
            var entry =
                entries[route.path.description] ?? Entry(path: route.path, methods: [])
            entry.methods.insert(route.method.rawValue)
            if route.method == .get { entry.methods.insert(HTTPRequest.Method.head.rawValue) }
            entries[route.path.description] = entry
        }
        self.entries = Array(entries.values)
    }

    /// The methods of a path, in order; none where there is no such path.
    func methods(at path: String) -> [String] {
        let segments = path.split(separator: "/")
        // As the router does: a name before what stands for any name.
        let best = entries.filter { Self.matches($0.path, segments) }
            .min { Self.openness($0.path).lexicographicallyPrecedes(Self.openness($1.path)) }
        return (best?.methods ?? []).sorted()
    }

    private static func matches(_ path: RouterPath, _ segments: [Substring]) -> Bool {
        let isOpen = path.components.last == .recursiveWildcard
        guard isOpen ? segments.count >= path.components.count : segments.count == path.count
        else { return false }
        return zip(path.components, segments).allSatisfy { $0 ~= $1 }
    }

    /// 0 for each segment that is a name, 1 for one that stands for any.
    private static func openness(_ path: RouterPath) -> [Int] {
        path.components.map { $0.description.hasPrefix("{") || $0 == .recursiveWildcard ? 1 : 0 }
    }
}

/// Says which methods a path takes that has not the one of the request.
struct WrongMethodMiddleware: RouterMiddleware {
    typealias Context = ServerContext
    let table: MethodTable

    @concurrent func handle(
        _ request: Request, context: ServerContext,
        next: @concurrent (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let methods = table.methods(at: request.uri.path)
        guard methods.isEmpty || methods.contains(request.method.rawValue) else {
            var problem = Problem(
                .methodNotAllowed, "method_not_allowed",
                "this path takes \(methods.joined(separator: ", "))")
            problem.allow = methods
            throw problem
        }
        return try await next(request, context)
    }
}
