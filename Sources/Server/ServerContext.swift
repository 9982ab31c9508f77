// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import TransparencyLog

/// One request's surroundings.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The peer's address, for the record only; never for a decision.
    let remote: String

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remote = source.channel.remoteAddress?.ipAddress ?? "unknown"
    }
}

/// Turns whatever a handler throws into a problem, and counts.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = ServerContext
    let control: ControlPlane

    @concurrent func handle(
        _ request: Request, context: ServerContext,
        next: @concurrent (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = Problem(error)
            if problem.status.code >= 500 {
                control.logger.error(
                    "a request failed", metadata: ["error": "\(error)", "code": "\(problem.code)"])
            }
            control.counters.add("exequatur_problems_total")
            return request.method == .head
                ? problem.response.createHeadResponse() : problem.response
        }
    }
}

/// Reading requests.
enum Wire {
    /// The action's own limit, and something for the rest of the request.
    static let bodyLimit = Limits.actionBytes + 65_536
    static let gateHeader = headerName("Exequatur-Gate-Token")
    static let configurationHeader = headerName("Exequatur-Gate-Configuration")
    static let idempotencyHeader = headerName("Idempotency-Key")
    static let lastEventHeader = headerName("Last-Event-ID")
    static let reasonHeader = headerName("Exequatur-Reason")
    static let sessionCookie = "exequatur_session"

    private static func headerName(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("a constant name") }
        return name
    }

    static func bytes(_ request: Request, upTo limit: Int = bodyLimit) async throws -> [UInt8] {
        let tooLarge = Problem(
            .contentTooLarge, "too_large", "this request's body has at most \(limit) bytes")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw tooLarge
        }
        do {
            let buffer = try await request.body.collect(upTo: limit)
            return [UInt8](buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
    }

    static func json(_ request: Request, limits: JSONLimits = limits) async throws -> JSON {
        if let type = request.headers[.contentType], !isJSON(type) {
            throw Problem(
                .unsupportedMediaType, "media_type", "send `Content-Type: application/json`")
        }
        let bytes = try await bytes(request, upTo: limits.maximumBytes)
        return try JSON(parsing: bytes, limits: limits)
    }

    /// Whether a `Content-Type` is `application/json` itself, in UTF-8 (RFC 9110 §8.3.1).
    static func isJSON(_ type: String) -> Bool {
        let parts = type.lowercased().split(separator: ";", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        guard parts[0] == "application/json" else { return false }
        return parts.dropFirst().allSatisfy { parameter in
            !parameter.hasPrefix("charset=")
                || ["charset=utf-8", "charset=\"utf-8\""].contains(parameter)
        }
    }

    static let limits: JSONLimits = {
        var limits = JSONLimits.default
        limits.maximumBytes = bodyLimit
        return limits
    }()

    static func bearer(_ request: Request, _ control: ControlPlane) throws -> Authenticated {
        guard let header = request.headers[.authorization] else {
            throw AuthenticationError.missing
        }
        guard header.utf8.count <= 512, header.hasPrefix("Bearer ") else {
            throw AuthenticationError.invalid
        }
        return try control.authenticate(bearer: String(header.dropFirst(7)))
    }

    /// A bearer token, or the session of a browser on a request that changes nothing.
    static func reader(_ request: Request, _ control: ControlPlane) throws -> Authenticated {
        if request.headers[.authorization] == nil, [.get, .head].contains(request.method),
            let session = try session(request, control)
        {
            return control.party(of: session)
        }
        return try bearer(request, control)
    }

    static func session(_ request: Request, _ control: ControlPlane) throws -> Session? {
        guard let cookie = request.cookies[sessionCookie]?.value else { return nil }
        return try control.session(cookie: cookie)
    }

    static func submitter(
        _ request: Request, _ context: ServerContext, _ control: ControlPlane
    ) throws -> Submitter {
        let agent = try bearer(request, control)
        let gate = try request.headers[gateHeader].map { try control.authenticate(bearer: $0) }
        let configuration = try request.headers[configurationHeader].map { text in
            guard let hash = Hash256(hex: text) else {
                throw CommandError.badRequest(
                    code: "value_invalid",
                    "`Exequatur-Gate-Configuration`: expected 64 lower-case hex digits")
            }
            return hash
        }
        return try control.submitter(
            agent: agent, gate: gate, configuration: configuration,
            audit: audit(request, context))
    }

    /// What the record says of where a request came from.
    static func audit(_ request: Request, _ context: ServerContext) -> [String: String] {
        var audit = ["address": context.remote]
        if let agent = request.headers[.userAgent] {
            audit["userAgent"] = String(agent.prefix(200))
        }
        return audit
    }

    static func auditJSON(_ request: Request, _ context: ServerContext) -> JSON {
        var object = JSONObject()
        for (key, value) in audit(request, context) { object[key] = .string(value) }
        return .object(object)
    }

    static func administrator(
        _ request: Request, _ control: ControlPlane
    ) throws -> Authenticated {
        let party = try bearer(request, control)
        guard control.isAdministrator(party.principal) else {
            throw CommandError.forbidden(
                code: "administrators_only", "this needs an administrator")
        }
        _ = try statedReason(request)
        return party
    }

    /// Why somebody asks for a change, as the header says.
    private static func statedReason(_ request: Request) throws -> String? {
        let reason = request.headers[reasonHeader]
        guard (reason?.utf8.count ?? 0) <= Limits.reasonBytes else {
            throw CommandError.badRequest(
                code: "value_invalid",
                "`Exequatur-Reason` has at most \(Limits.reasonBytes) bytes")
        }
        return reason
    }

    /// Asks for a change of this server's own rules: answered with 202 and the action that waits for
    /// somebody's approval, beside what `extra` says.
    static func ask(
        _ change: GovernanceChange, by party: Authenticated, _ request: Request,
        _ context: ServerContext, _ control: ControlPlane, extra: JSONObject = [:]
    ) async throws -> Response {
        let asked = try await control.administer(
            change, by: party, reason: try statedReason(request),
            audit: auditJSON(request, context))
        guard let action = asked.request else { return answer(.object(extra)) }
        var object = extra
        object["pendingAction"] = try ActionJSON(control).result(action)
        return answer(.object(object), status: .accepted)
    }

    /// An administrator or any person; agents and gates don't read the directory.
    static func person(_ request: Request, _ control: ControlPlane) throws -> Authenticated {
        let party = try reader(request, control)
        switch party.principal {
        case .person, .administrator, .action: return party
        case .agent, .gate:
            throw CommandError.forbidden(code: "persons_only", "this needs a person's token")
        }
    }

    /// Agents see their own actions; whether another one exists is not theirs to know.
    static func check(_ party: Authenticated, sees detail: ActionDetail) throws {
        switch party.principal {
        case .person, .administrator, .action: return
        case .agent(let agent):
            guard detail.state.submission.requester.agent == agent else {
                throw CommandError.noSuchAction
            }
        case .gate: throw CommandError.noSuchAction
        }
    }

    /// Words of a person or a gate about what it does.
    static func reason(_ reader: inout JSONReader, _ key: String) throws -> String? {
        let text = try reader.optionalString(key)
        guard (text?.utf8.count ?? 0) <= Limits.reasonBytes else {
            throw CommandError.badRequest(
                code: "value_invalid", "`\(key)` has at most \(Limits.reasonBytes) bytes")
        }
        return text
    }

    /// A receipt's bytes as a file of that name.
    static func receipt(_ bytes: [UInt8], name: String) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "application/json", .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"\(name).receipt.json\"",
            ], body: .init(byteBuffer: .init(bytes: bytes)))
    }

    static func actionID(_ context: ServerContext) throws -> ActionID {
        guard let id = ActionID(try context.parameters.require("id")) else {
            throw CommandError.noSuchAction
        }
        return id
    }

    static func handle(_ text: String) throws -> Handle {
        guard let handle = Handle(text) else {
            throw CommandError.badRequest(
                code: "value_invalid", "`\(VisibleText.escape(text))` is not a handle")
        }
        return handle
    }

    /// How many a list is to have; nil where the request does not say.
    static func limit(_ request: Request, most: Int) throws -> Int? {
        guard let text = request.uri.queryParameters["limit"].map(String.init) else { return nil }
        guard let number = Int(text), (1...most).contains(number) else {
            throw CommandError.badRequest(code: "value_invalid", "`limit`: 1 to \(most)")
        }
        return number
    }

    /// Behind how many a page begins; 0 where the request does not say.
    static func offset(_ request: Request) throws -> Int {
        guard let text = request.uri.queryParameters["offset"].map(String.init) else { return 0 }
        guard let number = Int(text), (0...Int(Int32.max)).contains(number) else {
            throw CommandError.badRequest(code: "value_invalid", "`offset`: 0 or more")
        }
        return number
    }

    static func answer(
        _ json: JSON, status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: WireBytes.of(json))))
    }
}
