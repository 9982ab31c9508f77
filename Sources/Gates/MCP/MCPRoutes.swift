// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import CanonicalJSON
internal import ExequaturClient
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization
internal import TransparencyLog

/// Who sent a request, and over which connection.
struct MCPCaller: Sendable {
    let agent: MCPAgent
    let headers: MCPHeaders
    let hangup: ConnectionHangup
}

/// The one address of a gateway over HTTP: `/mcp`.
struct MCPRoutes: Sendable {
    let gatekeeper: MCPGatekeeper
    let server: MCPHTTPGateway.Server
    let origins: MCPOrigins
    let fingerprint: String
    let pool: MCPConversations
    /// Agents whom the service knew less than a minute ago.
    private let known = KnownAgents()

    /// After so many beats, one every two seconds, an answer is a stream of events: from then on it
    /// is noticed when its reader goes away.
    private static let patientBeats = 5

    init(
        gatekeeper: MCPGatekeeper, server: MCPHTTPGateway.Server, origins: MCPOrigins,
        fingerprint: String, pool: MCPConversations
    ) {
        self.gatekeeper = gatekeeper
        self.server = server
        self.origins = origins
        self.fingerprint = fingerprint
        self.pool = pool
    }

    func router() -> Router<ConnectionContext> {
        let router = Router(context: ConnectionContext.self)
        router.post("/mcp") { request, context in
            await self.guarded(request, context, self.post)
        }
        router.get("/mcp") { request, context in
            await self.guarded(request, context, self.get)
        }
        router.delete("/mcp") { request, context in
            await self.guarded(request, context, self.delete)
        }
        return router
    }

    /// Lets in whom the service knows, from where he may come.
    private func guarded(
        _ request: Request, _ context: ConnectionContext,
        _ handler: @Sendable (Request, MCPCaller) async throws -> Response
    ) async -> Response {
        if let why = origins.refusal(
            origin: request.headers[values: .origin], host: request.head.authority)
        {
            return MCPResponses.text(.forbidden, why)
        }
        do {
            let agent = try await agent(request)
            let caller = MCPCaller(
                agent: agent, headers: MCPHeaders(fields: request.headers),
                hangup: try await ConnectionHangup.of(context.channel))
            return try await handler(request, caller)
        } catch let refusal as MCPRefusal {
            return MCPResponses.refusal(refusal, status: .badRequest)
        } catch let answer as Answer {
            return answer.response
        } catch let failure as GateFailure {
            if failure.isAlarm { gatekeeper.note("ALARM: \(failure.description)") }
            return MCPResponses.text(.serviceUnavailable, failure.description)
        } catch {
            gatekeeper.note("a request failed: \(error)")
            return MCPResponses.text(.badGateway, "the server behind the gateway does not answer")
        }
    }

    /// An answer that ends a request early.
    struct Answer: Error {
        let response: Response

        init(_ status: HTTPResponse.Status, _ text: String, headers: HTTPFields = [:]) {
            response = MCPResponses.text(status, text, headers: headers)
        }
    }

    private func agent(_ request: Request) async throws -> MCPAgent {
        func refused(_ why: String) -> Answer {
            Answer(
                .unauthorized, why,
                headers: [.wwwAuthenticate: "Bearer realm=\"exequatur\""])
        }
        let values = request.headers[values: .authorization]
        guard values.count == 1, let text = values.first,
            text.lowercased().hasPrefix("bearer "), let token = GateToken(String(text.dropFirst(7)))
        else { throw refused("send the agent's Exequatur token as `Authorization: Bearer …`") }
        guard token.kind == .agent, MCPMessage.same(token.keyFingerprint, fingerprint) else {
            throw refused("the token is not that of an agent of this gateway's server")
        }
        let agent = MCPAgent(token: token)
        let now = gatekeeper.effects.now()
        if known.id(agent.key, at: now) != nil { return agent }
        do throws(GateFailure) {
            known.learn(agent.key, try await gatekeeper.holder(of: agent), at: now)
        } catch {
            guard error.kind == .refused else { throw error }
            throw refused("the approval service does not know this token")
        }
        return agent
    }

    // MARK: POST

    private func post(
        _ request: Request, _ caller: MCPCaller
    ) async throws -> Response {
        guard
            request.headers[.contentType]?.lowercased().hasPrefix("application/json") ?? false
        else { throw Answer(.unsupportedMediaType, "send `Content-Type: application/json`") }
        let announced = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        guard announced <= MCPMessage.clientBytes else {
            throw Answer(.contentTooLarge, "send at most \(MCPMessage.clientBytes) bytes")
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: MCPMessage.clientBytes)
        } catch {
            throw Answer(.contentTooLarge, "send at most \(MCPMessage.clientBytes) bytes")
        }
        let message = try MCPMessage(fromClient: Array(body.readableBytesView))
        try caller.headers.check(message)
        switch server {
        case .process(let command):
            return try await post(message, caller, command)
        case .listening(let upstream):
            return try await post(message, caller, upstream)
        }
    }

    private func post(
        _ message: MCPMessage, _ caller: MCPCaller,
        _ command: MCPServerCommand
    ) async throws -> Response {
        let isModern = MCPName.isModern(message.json)
        guard case .request(let id, let method) = message.kind else {
            if let session = caller.headers.sessionID {
                guard let found = pool.session(session, of: caller.agent) else {
                    throw Self.noSession
                }
                found.tell(message)
            }
            // Without a session there is no server that it could be for.
            return Response(status: .accepted)
        }
        if !isModern, MCPMessage.same(method, "initialize") {
            let session = Hex.encode(gatekeeper.effects.entropy(24))
            let made = try pool.start(caller.agent, command, session: session)
            guard let reply = made.post(message, id: id, exclusively: false) else {
                throw GateFailure.unavailable("the server has ended at once")
            }
            let pool = self.pool
            var response = await respond(
                reply, caller, isModern: false, gone: { pool.close(session) })
            response.headers[MCPHeaders.session] = session
            return response
        }
        if isModern {
            // First: what is posted may run at once.
            try await check(message, caller.headers, id)
            let (conversation, reply) = try pool.post(message, id: id, for: caller.agent, command)
            return await respond(
                reply, caller, isModern: true,
                gone: { conversation.abandon(id, reply, cancelling: true) })
        }
        guard let session = caller.headers.sessionID else {
            throw MCPRefusal.invalid("no `Mcp-Session-Id`: send `initialize` first", id: id)
        }
        guard let conversation = pool.session(session, of: caller.agent) else {
            throw Self.noSession
        }
        try await check(message, caller.headers, id)
        guard let reply = conversation.post(message, id: id, exclusively: false) else {
            guard !conversation.isOver else { throw Self.noSession }
            throw MCPRefusal.invalid(
                "the id of this request is in use by one that is still open", id: id)
        }
        return await respond(
            reply, caller, isModern: false,
            // Losing the connection is no cancellation in these versions.
            gone: { conversation.abandon(id, reply, cancelling: false) })
    }

    private static var noSession: Answer {
        Answer(.notFound, "there is no such session: send `initialize`")
    }

    /// Headers that mirror arguments must say what they say.
    func check(
        _ message: MCPMessage, _ headers: MCPHeaders, _ id: MCPID
    ) async throws {
        guard case .request(_, let method) = message.kind, MCPMessage.same(method, "tools/call"),
            let call = try? MCPCall(message, id: id),
            let tool = await gatekeeper.registry.tool(call.tool)
        else { return }
        try headers.check(call, tool: tool)
    }

    /// One message as JSON, or a stream of events once there are more, or the first is late.
    func respond(
        _ reply: MCPReply, _ caller: MCPCaller, isModern: Bool,
        gone: @escaping @Sendable () -> Void
    ) async -> Response {
        let pool = self.pool
        let gone: @Sendable () -> Void = {
            pool.forget(reply)
            gone()
        }
        // What is over is nobody's concern: the connection may carry other requests by then.
        let over: @Sendable () -> Void = {
            pool.forget(reply)
            caller.hangup.whenOver {}
        }
        pool.watch(reply)
        caller.hangup.whenOver(gone)
        let accept = caller.headers.fields[.accept] ?? "*/*"
        let mayStream = accept.contains("text/event-stream") || accept.contains("*/*")
        var iterator = reply.items.makeAsyncIterator()
        var beats = 0
        while let item = await iterator.next() {
            // Clients take more in one piece than in one event, so that a late answer is waited for.
            if case .beat = item {
                beats += 1
                guard beats >= Self.patientBeats else { continue }
            }
            switch item {
            case .message(let bytes, isLast: true):
                over()
                return MCPResponses.message(
                    bytes, status: MCPResponses.status(of: bytes, isModern: isModern))
            case .refusal(let status, let body):
                over()
                return MCPResponses.message(body, status: .init(code: status))
            case .message, .beat:
                guard mayStream else { continue }
                reply.beginStream()
                return stream(reply, first: item, gone: gone, over: over)
            }
        }
        // Taken back before anything came: a stream of nothing.
        over()
        return Response(status: .ok, headers: MCPResponses.stream)
    }

    private func stream(
        _ reply: MCPReply, first: MCPReply.Item, gone: @escaping @Sendable () -> Void,
        over: @escaping @Sendable () -> Void
    ) -> Response {
        Response(
            status: .ok, headers: MCPResponses.stream,
            body: ResponseBody { writer in
                do {
                    if let text = Self.text(first) { try await writer.write(text) }
                    for await item in reply.items {
                        if let text = Self.text(item) { try await writer.write(text) }
                    }
                } catch {
                    gone()
                    throw error
                }
                over()
                try await writer.finish(nil)
            })
    }

    private static func text(_ item: MCPReply.Item) -> ByteBuffer? {
        switch item {
        case .message(let bytes, _): MCPResponses.event(bytes)
        case .beat: MCPResponses.beat
        case .refusal: nil
        }
    }

    // MARK: GET and DELETE

    private func get(
        _ request: Request, _ caller: MCPCaller
    ) async throws -> Response {
        if case .listening(let upstream) = server {
            return try await pass(.GET, caller, upstream, body: nil)
        }
        guard let id = caller.headers.sessionID, !caller.headers.isModern else {
            throw Self.notAllowed
        }
        guard let conversation = pool.session(id, of: caller.agent) else { throw Self.noSession }
        guard let reply = conversation.listen() else { throw Self.noSession }
        let pool = self.pool
        let gone: @Sendable () -> Void = {
            pool.forget(reply)
            conversation.stopListening(reply)
            reply.finish()
        }
        pool.watch(reply)
        caller.hangup.whenOver(gone)
        return stream(reply, first: .beat, gone: gone) {
            gone()
            caller.hangup.whenOver {}
        }
    }

    private func delete(
        _ request: Request, _ caller: MCPCaller
    ) async throws -> Response {
        if case .listening(let upstream) = server {
            return try await pass(.DELETE, caller, upstream, body: nil)
        }
        guard let id = caller.headers.sessionID, !caller.headers.isModern else {
            throw Self.notAllowed
        }
        guard pool.session(id, of: caller.agent) != nil else { throw Self.noSession }
        pool.close(id)
        return Response(status: .noContent)
    }

    private static var notAllowed: Answer {
        Answer(.methodNotAllowed, "use POST", headers: [.allow: "POST"])
    }
}
