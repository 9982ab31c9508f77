// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import Synchronization

/// A server that speaks over its standard input and output, for one client that comes over HTTP.
///
/// Before 2026-07-28 it lasts as long as the client's session. Since then requests stand alone, and
/// those of one agent share a server as long as their ids and progress tokens differ.
final class MCPConversation: Sendable {
    private struct State {
        var replies: [MCPID: MCPReply] = [:]
        var tokens: [MCPID: JSON] = [:]
        /// Requests in the order in which they came.
        var order: [MCPID] = []
        var listener: MCPReply?
        var lastUse: Duration
        var isOver = false
    }

    let agent: MCPAgent
    private let server: MCPServerProcess
    private let gatekeeper: MCPGatekeeper
    private let state: Mutex<State>
    private let session: MCPSession

    /// Starts the server.
    /// - Throws: ``GateFailure``.
    init(
        gatekeeper: MCPGatekeeper, agent: MCPAgent, command: MCPServerCommand
    ) throws(GateFailure) {
        let server = try MCPServerProcess(command)
        self.server = server
        self.agent = agent
        self.gatekeeper = gatekeeper
        let box = Recipient()
        session = MCPSession(
            gatekeeper: gatekeeper, agent: agent,
            ends: MCPSession.Ends(
                client: { box.conversation?.deliver($0, $1) }, server: { server.send($0) },
                dropped: { box.conversation?.forget($0)?.finish() }))
        state = Mutex(State(lastUse: gatekeeper.effects.now()))
        box.set(self)
    }

    /// Where messages of the session go, which is made before what receives them.
    private final class Recipient: Sendable {
        private struct Held { weak var conversation: MCPConversation? }
        private let held = Mutex(Held())

        var conversation: MCPConversation? { held.withLock { $0.conversation } }

        func set(_ conversation: MCPConversation) {
            held.withLock { $0.conversation = conversation }
        }
    }

    /// Does what waits until the server or the conversation ends.
    func run() async {
        let session = session
        server.read(line: { session.fromServer($0) }, ended: { self.over() })
        await session.run()
        answerWhatIsLeft()
        await server.stop(sleep: gatekeeper.effects.sleep)
    }

    /// What was taken while the server ended, and was not dealt with any more.
    private func answerWhatIsLeft() {
        let left = state.withLock { state in
            defer { state.replies = [:] }
            return state.replies
        }
        for (id, reply) in left {
            let refusal = MCPRefusal(
                code: -32_603, message: "the server behind the gateway has ended", id: id)
            reply.send(.message(MCPAnswers.error(refusal), isLast: true))
        }
    }

    /// Ends it.
    func end() async {
        state.withLock { $0.isOver = true }
        await server.stop(sleep: gatekeeper.effects.sleep)
        over()
    }

    private func over() {
        // Nothing is taken any more before what was taken is answered.
        let listener = state.withLock { state in
            state.isOver = true
            return state.listener
        }
        session.finish()
        listener?.finish()
    }

    var isOver: Bool { state.withLock { $0.isOver } }

    /// How long nobody has used it; nil while somebody does.
    func idle(at now: Duration) -> Duration? {
        let isBusy = session.isBusy
        return state.withLock { Self.idle($0, isBusy: isBusy, at: now) }
    }

    /// A call whose client is gone is use too, but not for ever.
    private static func idle(_ state: State, isBusy: Bool, at now: Duration) -> Duration? {
        let age = now - state.lastUse
        guard state.replies.isEmpty, state.listener == nil else { return nil }
        return isBusy && age < MCPConversations.sessionAge ? nil : age
    }

    /// Takes nothing more, if it is still unused: whoever posts to it then is told.
    func retire(at now: Duration) -> Bool {
        let isBusy = session.isBusy
        return state.withLock { state in
            guard !state.isOver, Self.idle(state, isBusy: isBusy, at: now) != nil else {
                return false
            }
            state.isOver = true
            return true
        }
    }

    /// Ends a server that nobody has spoken with, at once.
    func endAtOnce() {
        state.withLock { $0.isOver = true }
        server.endAtOnce()
    }

    // MARK: client

    /// Takes a request, whose answers come as a reply; nil where its id or its progress token is
    /// that of another one that is open.
    func post(_ message: MCPMessage, id: MCPID, exclusively: Bool) -> MCPReply? {
        let token = message.json?["params"]?["_meta"]?["progressToken"]
        guard case .request(_, let method) = message.kind,
            session.isFree(id, forCall: MCPMessage.same(method, "tools/call"))
        else { return nil }
        let reply = MCPReply()
        let isTaken = state.withLock { state -> Bool in
            guard !state.isOver, state.replies[id] == nil else { return true }
            if exclusively, let token, state.tokens.values.contains(token) { return true }
            state.replies[id] = reply
            state.tokens[id] = token
            state.order.append(id)
            state.lastUse = gatekeeper.effects.now()
            return false
        }
        guard !isTaken else { return nil }
        session.fromClient(message.bytes)
        return reply
    }

    /// Takes a notification, or an answer to what the server asked.
    func tell(_ message: MCPMessage) { session.fromClient(message.bytes) }

    /// The client is gone before its answer came: since 2026-07-28 that takes the request back.
    ///
    /// Does nothing for a reply that is over: its id may be another request's by now.
    func abandon(_ id: MCPID, _ reply: MCPReply, cancelling: Bool) {
        guard forget(id, ifFor: reply) != nil else { return }
        reply.finish()
        guard cancelling else { return }
        session.fromClient(
            MCPAnswers.bytes([
                "jsonrpc": "2.0", "method": "notifications/cancelled",
                "params": ["reason": "the client is gone", "requestId": id.json],
            ]))
    }

    /// Messages that belong to no request; nil once the server has ended.
    ///
    /// A second listener takes over from the first.
    func listen() -> MCPReply? {
        let reply = MCPReply()
        let (isOver, before) = state.withLock { state in
            defer { if !state.isOver { state.listener = reply } }
            return (state.isOver, state.listener)
        }
        guard !isOver else { return nil }
        before?.finish()
        return reply
    }

    func stopListening(_ reply: MCPReply) {
        state.withLock { state in
            if state.listener === reply { state.listener = nil }
            state.lastUse = gatekeeper.effects.now()
        }
    }

    @discardableResult
    private func forget(_ id: MCPID, ifFor reply: MCPReply? = nil) -> MCPReply? {
        state.withLock { state in
            if let reply, state.replies[id] !== reply { return nil }
            state.order.removeAll { $0 == id }
            state.tokens[id] = nil
            state.lastUse = gatekeeper.effects.now()
            return state.replies.removeValue(forKey: id)
        }
    }

    // MARK: server

    private func deliver(_ bytes: [UInt8], _ about: MCPID?) {
        if let about {
            let isLast = MCPMessage(fromServer: bytes)?.kind == .response(about)
            if isLast {
                forget(about)?.send(.message(bytes, isLast: true))
                return
            }
            let reply = state.withLock { $0.replies[about] }
            if let reply { return reply.send(.message(bytes, isLast: false)) }
        }
        let reply = state.withLock { state in
            state.listener ?? state.order.last.flatMap { state.replies[$0] }
        }
        reply?.send(.message(bytes, isLast: false))
    }
}
