// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The two addresses of a runner: `POST /v1/run`, and `GET /healthz`.
struct RunnerRoutes: Sendable {
    let gate: RunnerGate
    let pool: RunnerPool
    /// Whether connections come over a local socket, and say whose they are.
    let isLocal: Bool

    func router() -> Router<ConnectionContext> {
        let router = Router(context: ConnectionContext.self)
        router.get("/healthz") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: "ok\n")))
        }
        router.post("/v1/run") { request, context in
            do throws(RunnerRefusal) {
                return try await self.run(request, context)
            } catch {
                return Self.problem(error)
            }
        }
        return router
    }

    private func run(
        _ request: Request, _ context: ConnectionContext
    ) async throws(RunnerRefusal) -> Response {
        let peer = try await peer(context)
        // No page in a browser has business here.
        guard request.headers[.origin] == nil else {
            throw RunnerRefusal(.forbidden, "requests of browsers are not taken")
        }
        guard request.headers[.contentType]?.lowercased().hasPrefix("application/json") ?? false
        else { throw RunnerRefusal(.wrongType, "send `Content-Type: application/json`") }
        let caller = try await gate.caller(Self.token(request), from: peer)
        try pool.enter(caller.key)
        let reply: RunnerReply
        let wanted: RunnerRequest
        do throws(RunnerRefusal) {
            let hangup = try await Self.hangup(context.channel)
            wanted = try RunnerRequest(try await Self.body(request))
            reply = try RunnerReply(
                outputLimit: gate.options.outputLimit, now: gate.effects.now)
            hangup.whenOver { [weak reply] in reply?.leave() }
        } catch {
            pool.exit(caller.key)
            throw error
        }
        let gate = self.gate
        pool.take(reply, of: caller.key) { await gate.perform(wanted, for: caller, reply) }
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/x-ndjson", .cacheControl: "no-store",
                .connection: "close",
            ],
            body: ResponseBody { writer in
                defer { reply.leave() }
                for await frame in reply.frames {
                    try await writer.write(ByteBuffer(bytes: frame.line))
                    reply.taken(frame)
                }
                try await writer.finish(nil)
            })
    }

    private func peer(_ context: ConnectionContext) async throws(RunnerRefusal) -> RunnerPeer? {
        guard isLocal else { return nil }
        let peer = try await RunnerPeer(of: context.channel)
        guard gate.options.rules.admits(peer) else {
            gate.note("uid \(peer.user), pid \(peer.process) is not allowed to connect")
            throw RunnerRefusal(
                .forbidden,
                "the account \(peer.user) may not use this runner: its administrator allows some "
                    + "with `--allow-user`")
        }
        return peer
    }

    private static func token(_ request: Request) -> GateToken? {
        let values = request.headers[values: .authorization]
        guard values.count == 1, let text = values.first,
            text.lowercased().hasPrefix("bearer ")
        else { return nil }
        return GateToken(String(text.dropFirst(7)))
    }

    private static func body(_ request: Request) async throws(RunnerRefusal) -> [UInt8] {
        do {
            let body = try await request.body.collect(upTo: RunnerRequest.maximumBytes)
            return Array(body.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw RunnerRefusal(
                .tooLarge, "a request has at most \(RunnerRequest.maximumBytes) bytes")
        } catch {
            throw RunnerRefusal(.malformed, "the request did not arrive as a whole")
        }
    }

    private static func hangup(
        _ channel: any Channel
    ) async throws(RunnerRefusal) -> ConnectionHangup {
        do {
            return try await ConnectionHangup.of(channel)
        } catch {
            throw RunnerRefusal(.unavailable, "the connection ended")
        }
    }

    private static func problem(_ refusal: RunnerRefusal) -> Response {
        let status = HTTPResponse.Status(code: refusal.kind.rawValue)
        let body: JSON = [
            "detail": .string(refusal.description), "status": .int(Int64(status.code)),
            "title": .string(status.reasonPhrase),
        ]
        var headers: HTTPFields = [
            .contentType: "application/problem+json", .connection: "close",
        ]
        if refusal.kind == .unauthenticated {
            headers[.wwwAuthenticate] = "Bearer realm=\"exequatur\""
        }
        let bytes = (try? body.canonicalBytes()) ?? []
        return Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
