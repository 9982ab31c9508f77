// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import CanonicalJSON
internal import ExequaturClient
internal import HTTPTypes
internal import Hummingbird
internal import NIOHTTP1

/// Requests before a server that listens itself.
extension MCPRoutes {
    func post(
        _ message: MCPMessage, _ caller: MCPCaller, _ upstream: MCPUpstream
    ) async throws -> Response {
        if case .notification(let method) = message.kind,
            MCPMessage.resemblesCall(method) || MCPMessage.same(method, "tools/call")
        {
            return Response(status: .accepted)
        }
        if let exchange = try cancelled(message, caller) {
            exchange.cancel(message)
            return Response(status: .accepted)
        }
        guard case .request(let id, let method) = message.kind else {
            return try await pass(.POST, caller, upstream, body: message.bytes)
        }
        guard !MCPMessage.resemblesCall(method) else {
            throw MCPRefusal(
                code: -32_601, message: "no such method: did you mean `tools/call`?", id: id)
        }
        guard
            MCPMessage.same(method, "tools/call") || MCPMessage.same(method, "tools/list")
                || MCPTaskRequest(message) != nil
        else {
            return try await pass(.POST, caller, upstream, body: message.bytes)
        }
        let isModern = MCPName.isModern(message.json)
        try checkSession(caller)
        try await check(message, caller.headers, id)
        let reply = MCPReply()
        let exchange = MCPExchange(
            id, upstream: upstream, headers: caller.headers.passed, isModern: isModern,
            gatekeeper: gatekeeper, agent: caller.agent, reply: reply)
        let session = isModern ? nil : caller.headers.sessionID
        guard pool.run(exchange, message, id, in: session) else {
            throw MCPRefusal.invalid(
                "the id of this request is in use by one that is still open", id: id)
        }
        return await respond(
            reply, caller, isModern: isModern, gone: { exchange.gone() })
    }

    /// What a client takes back that waits here.
    private func cancelled(
        _ message: MCPMessage, _ caller: MCPCaller
    ) throws -> MCPExchange? {
        guard case .notification(let method) = message.kind,
            MCPMessage.same(method, "notifications/cancelled"),
            let session = caller.headers.sessionID,
            let id = message.json?["params"]?["requestId"].flatMap(MCPID.init)
        else { return nil }
        try checkSession(caller)
        return pool.exchange(id, in: session)
    }

    /// Whoever names a session must be its owner; since 2026-07-28 there are none, and the name of
    /// one goes no further.
    private func checkSession(_ caller: MCPCaller) throws {
        guard !caller.headers.isModern, let id = caller.headers.sessionID,
            !pool.isSession(id, of: caller.agent)
        else { return }
        throw Answer(.notFound, "there is no such session: send `initialize`")
    }

    /// Passes a request on as it is, and its answer as it comes.
    func pass(
        _ method: HTTPMethod, _ caller: MCPCaller, _ upstream: MCPUpstream,
        body: [UInt8]?
    ) async throws -> Response {
        try checkSession(caller)
        let answer = try await upstream.send(method, caller.headers.passed, body: body)
        var fields = HTTPFields()
        for name in ["content-type", "mcp-session-id", "mcp-protocol-version", "allow"] {
            guard let value = answer.headers.first(name: name), let name = HTTPField.Name(name)
            else { continue }
            fields[name] = value
        }
        fields[.cacheControl] = "no-store, no-transform"
        if let id = answer.headers.first(name: "mcp-session-id") {
            pool.learn(session: id, of: caller.agent)
        }
        let isDone = (200..<300).contains(answer.status.code)
        if method == .DELETE, isDone, let id = caller.headers.sessionID,
            pool.isSession(id, of: caller.agent)
        {
            pool.drop(id)
        }
        return Response(
            status: .init(code: Int(answer.status.code)), headers: fields,
            body: ResponseBody(asyncSequence: answer.body))
    }
}
