// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import CanonicalJSON
internal import ExequaturClient
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// One request of a client to a server that listens itself, where it must be looked into.
///
/// That is a call of a tool, or a list of tools. It is a session of its own, with one request of the
/// client.
final class MCPExchange: Sendable {
    private let upstream: MCPUpstream
    private let headers: [(String, String)]
    private let isModern: Bool
    private let gatekeeper: MCPGatekeeper
    private let session: MCPSession
    private let id: MCPID
    private let reply: MCPReply
    private let outgoing: AsyncStream<[UInt8]>
    private let queue: AsyncStream<[UInt8]>.Continuation
    private let hasAnswered: Flag
    /// Ends what is under way to the server.
    private let abandonment = Abandonment()

    init(
        _ id: MCPID, upstream: MCPUpstream, headers: [(String, String)], isModern: Bool,
        gatekeeper: MCPGatekeeper, agent: MCPAgent, reply: MCPReply
    ) {
        self.id = id
        self.upstream = upstream
        self.headers = headers
        self.isModern = isModern
        self.gatekeeper = gatekeeper
        self.reply = reply
        let (outgoing, queue) = AsyncStream.makeStream(of: [UInt8].self)
        (self.outgoing, self.queue) = (outgoing, queue)
        let openTasks = MCPOpenTasks()
        let hasAnswered = Flag()
        self.hasAnswered = hasAnswered
        session = MCPSession(
            gatekeeper: gatekeeper, agent: agent, openTasks: openTasks,
            ends: MCPSession.Ends(
                client: { bytes, about in
                    let isLast =
                        about == id && MCPMessage(fromServer: bytes)?.kind == .response(id)
                    // First: whoever has the answer may use its id again.
                    if isLast { hasAnswered.set() }
                    reply.send(.message(bytes, isLast: isLast))
                    if isLast, openTasks.isEmpty { queue.finish() }
                },
                server: { bytes in
                    if case .terminated = queue.yield(bytes) { return false }
                    return true
                },
                dropped: { _ in
                    hasAnswered.set()
                    reply.finish()
                    queue.finish()
                }, settled: { queue.finish() }))
    }

    /// A mark that is set once.
    private final class Flag: Sendable {
        private let value = Atomic(false)
        var isSet: Bool { value.load(ordering: .acquiring) }
        func set() { value.store(true, ordering: .releasing) }
    }

    /// Whether the client has its answer; what is left is to report, and to hear the server out.
    var isAnswered: Bool { hasAnswered.isSet }

    /// Sends the client's message and whatever follows from it, until it is answered.
    func run(_ message: MCPMessage) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.session.run() }
            group.addTask {
                await self.forwardAll()
                self.session.finish(mayReturn: true)
            }
            session.fromClient(message.bytes)
            await group.waitForAll()
        }
        reply.finish()
    }

    /// The client is gone before its answer came: since 2026-07-28 that takes the request back.
    func gone() {
        guard session.openTasks.isEmpty else { return }
        guard isModern else { return reply.finish() }
        session.fromClient(
            MCPAnswers.bytes([
                "jsonrpc": "2.0", "method": "notifications/cancelled",
                "params": ["reason": "the client is gone", "requestId": id.json],
            ]))
        queue.finish()
        abandonment.abandon()
    }

    /// Ends it, whatever is open: what runs is reported as unknown.
    func end() {
        session.finish()
        queue.finish()
        abandonment.abandon()
    }

    /// Nothing came of it: the gateway ends.
    func drop() { reply.finish() }

    /// The client takes the request back in a message of its own.
    func cancel(_ message: MCPMessage) { session.fromClient(message.bytes) }

    /// How long the server is heard once all is answered: it need not end its stream of events then.
    private static let lingering = Duration.milliseconds(250)
    /// How often a server's stream is asked for again.
    private static let resumptions = 1_000

    private func forwardAll() async {
        await withTaskGroup(of: Bool.self) { sending in
            var open = 0
            for await bytes in outgoing {
                open += 1
                sending.addTask {
                    await self.forward(bytes)
                    return true
                }
            }
            sending.addTask {
                if (try? await self.gatekeeper.effects.sleep(Self.lingering)) != nil {
                    self.abandonment.abandon()
                }
                return false
            }
            while open > 0, let isSent = await sending.next() { open -= isSent ? 1 : 0 }
            sending.cancelAll()
        }
    }

    private func forward(_ bytes: [UInt8]) async {
        let isDone: Void? = await abandonment.unlessAbandoned {
            do {
                try await self.exchange(bytes)
            } catch {
                self.gatekeeper.note("the server does not answer: \(error)")
                self.session.serverEnded()
            }
        }
        if isDone == nil { session.serverEnded() }
    }

    private func exchange(_ bytes: [UInt8]) async throws {
        var asked: (id: MCPID, method: String)?
        if case .request(let id, let method) = MCPMessage(fromServer: bytes)?.kind {
            asked = (id, method)
        }
        let answer = try await upstream.send(.POST, await fields(for: bytes), body: bytes)
        let kind = answer.headers.first(name: "content-type") ?? ""
        if kind.hasPrefix("text/event-stream") {
            guard try await !isAnswered(asked?.id, by: answer.body) else { return }
            return session.serverEnded()
        }
        let content = Array(
            try await answer.body.collect(upTo: MCPMessage.serverBytes).readableBytesView)
        let message = MCPMessage(fromServer: content)
        // What needs no answer has none, or one that is nobody's concern.
        guard let asked else { return }
        if let message, message.kind == .response(asked.id) { return session.fromServer(content) }
        let status = Int(answer.status.code)
        if !(200..<300).contains(status) {
            // Of a call that may have begun its client must hear just that, unless the server says
            // that there is no such session: then it has not.
            let isCall = MCPMessage.same(asked.method, "tools/call")
            if status < 500 || !isCall, !reply.isStream {
                hasAnswered.set()
                reply.send(.refusal(status: status, body: content))
            }
        } else if message != nil {
            session.fromServer(content)
        }
        session.serverEnded()
    }

    /// Takes over a stream of events; tells whether what was asked has been answered in it.
    ///
    /// Before 2026-07-28 a server may close the stream and be asked for the rest.
    private func isAnswered(
        _ asked: MCPID?, by body: HTTPClientResponse.Body
    ) async throws -> Bool {
        var isAnswered = asked == nil
        var body = body
        var last: String?
        for _ in 0...Self.resumptions {
            var parser = MCPEventParser()
            for try await part in body {
                for event in parser.feed(part.readableBytesView) {
                    if case .response(let id) = MCPMessage(fromServer: event)?.kind, id == asked {
                        isAnswered = true
                    }
                    session.fromServer(event)
                }
                guard !parser.isTooLong else { return isAnswered }
            }
            last = parser.lastID ?? last
            guard !isAnswered, !isModern, let last else { break }
            try await gatekeeper.effects.sleep(parser.retry ?? .seconds(1))
            let others = headers.filter { name, _ in
                name == "mcp-session-id" || name == "mcp-protocol-version"
            }
            let fields = [("accept", "text/event-stream"), ("last-event-id", last)] + others
            let answer = try await upstream.send(.GET, fields, body: nil)
            guard answer.status == .ok else { break }
            body = answer.body
        }
        return isAnswered
    }

    /// Headers that say what the message says, which the gateway wrote: never what a client said in
    /// them of a call.
    private func fields(for bytes: [UInt8]) async -> [(String, String)] {
        let others = headers.filter { name, _ in
            name != "mcp-method" && name != "mcp-name" && !name.hasPrefix("mcp-param-")
        }
        guard isModern,
            let message = try? JSON(
                parsing: bytes,
                limits: .init(
                    maximumBytes: MCPMessage.clientBytes))
        else { return others }
        let isCall = message["method"]?.stringValue.map { MCPMessage.same($0, "tools/call") }
        let tool: MCPTool? =
            if isCall ?? false, let name = message["params"]?["name"]?.stringValue {
                await gatekeeper.registry.tool(name)
            } else {
                nil
            }
        return others + MCPHeaders.mirroring(message, tool: tool)
    }
}
