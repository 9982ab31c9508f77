// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import ServiceLifecycle
internal import Synchronization

/// The servers that run for clients that come over HTTP.
final class MCPConversations: Service {
    private struct State {
        /// Before 2026-07-28: by session id.
        var sessions: [String: MCPConversation] = [:]
        /// Since then: for each agent those that its requests share.
        var shared: [String: [MCPConversation]] = [:]
        var replies: [ObjectIdentifier: MCPReply] = [:]
        /// Whose session a server that listens itself has given out.
        var foreign: [String: String] = [:]
        /// What is open in such sessions.
        var openCalls: [OpenCall: MCPExchange] = [:]
        var isOver = false

        var count: Int { sessions.count + shared.values.reduce(0) { $0 + $1.count } }
    }

    private struct OpenCall: Hashable {
        let session: [UInt8]
        let id: MCPID
    }

    private let gatekeeper: MCPGatekeeper
    private let state = Mutex(State())
    private let started: AsyncStream<Work>
    private let queue: AsyncStream<Work>.Continuation

    /// What lives longer than the request that began it.
    private struct Work: Sendable {
        let body: @Sendable () async -> Void
    }

    /// Servers that run at once.
    static let limit = 64
    /// Of one agent.
    private static let sharedLimit = 16
    private static let foreignLimit = 10_000
    private static let sharedAge = Duration.seconds(300)
    private static let sessionAge = Duration.seconds(3_600)

    init(gatekeeper: MCPGatekeeper) {
        self.gatekeeper = gatekeeper
        (started, queue) = AsyncStream.makeStream()
    }

    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.keep() }
            await withGracefulShutdownHandler {
                await withDiscardingTaskGroup { running in
                    for await work in self.started {
                        running.addTask { await work.body() }
                    }
                    for each in self.all() { await each.end() }
                }
            } onGracefulShutdown: {
                self.queue.finish()
            }
            group.cancelAll()
        }
        await gatekeeper.settle(for: nil)
    }

    /// Runs something that lives longer than the request that began it.
    func run(_ body: @escaping @Sendable () async -> Void) { queue.yield(Work(body: body)) }

    private func all() -> [MCPConversation] {
        state.withLock { state in
            state.isOver = true
            return Array(state.sessions.values) + state.shared.values.flatMap { $0 }
        }
    }

    /// Every two seconds: quiet streams show that they are alive, what is unused ends, and what is
    /// only in memory is written down.
    private func keep() async {
        while (try? await gatekeeper.effects.sleep(.seconds(2))) != nil {
            let (replies, old) = state.withLock { state in
                (Array(state.replies.values), takeOld(&state))
            }
            for each in replies { each.send(.beat) }
            for each in old { await each.end() }
            await gatekeeper.settle(for: nil)
        }
    }

    private func takeOld(_ state: inout State) -> [MCPConversation] {
        let now = gatekeeper.effects.now()
        func isOld(_ conversation: MCPConversation, _ age: Duration) -> Bool {
            conversation.isOver || conversation.idle(at: now).map { $0 >= age } ?? false
        }
        var old: [MCPConversation] = []
        for (id, each) in state.sessions where isOld(each, Self.sessionAge) {
            old.append(each)
            state.sessions[id] = nil
        }
        for (agent, list) in state.shared {
            old += list.filter { isOld($0, Self.sharedAge) }
            let kept = list.filter { !isOld($0, Self.sharedAge) }
            state.shared[agent] = kept.isEmpty ? nil : kept
        }
        return old
    }

    // MARK: replies

    func watch(_ reply: MCPReply) {
        state.withLock { $0.replies[ObjectIdentifier(reply)] = reply }
    }

    func forget(_ reply: MCPReply) {
        state.withLock { _ = $0.replies.removeValue(forKey: ObjectIdentifier(reply)) }
    }

    // MARK: conversations

    private func start(
        _ agent: MCPAgent, _ command: MCPServerCommand
    ) throws(GateFailure) -> MCPConversation {
        let count = state.withLock { $0.isOver ? Int.max : $0.count }
        guard count < Self.limit else {
            throw .unavailable("\(Self.limit) servers run already: try again later")
        }
        let made = try MCPConversation(gatekeeper: gatekeeper, agent: agent, command: command)
        run { await made.run() }
        return made
    }

    /// A session of its own, as before 2026-07-28.
    ///
    /// Clients often leave without a word, so that the agent's longest unused session makes room.
    func open(
        _ agent: MCPAgent, _ command: MCPServerCommand, id: String
    ) throws(GateFailure) -> MCPConversation {
        let (hasRoom, unused) = state.withLock { makeRoom(for: agent, &$0) }
        if let unused { run { await unused.end() } }
        guard hasRoom else {
            throw .unavailable(
                "\(Self.sharedLimit) sessions of this agent are in use: end some, or try again later"
            )
        }
        let made = try start(agent, command)
        state.withLock { $0.sessions[id] = made }
        return made
    }

    private func makeRoom(
        for agent: MCPAgent, _ state: inout State
    ) -> (hasRoom: Bool, unused: MCPConversation?) {
        let own = state.sessions.filter { MCPMessage.same($0.value.agent.key, agent.key) }
        guard own.count >= Self.sharedLimit else { return (true, nil) }
        let now = gatekeeper.effects.now()
        let unused = own.compactMap { id, each in each.idle(at: now).map { (id, each, $0) } }
        guard let oldest = unused.max(by: { $0.2 < $1.2 }) else { return (false, nil) }
        state.sessions[oldest.0] = nil
        return (true, oldest.1)
    }

    /// The agent's session of that id.
    func session(_ id: String, of agent: MCPAgent) -> MCPConversation? {
        state.withLock { state in
            guard let found = state.sessions[id], !found.isOver else { return nil }
            return MCPMessage.same(found.agent.key, agent.key) ? found : nil
        }
    }

    func close(_ id: String) async {
        let found = state.withLock { $0.sessions.removeValue(forKey: id) }
        await found?.end()
    }

    /// Posts a request to one of the agent's servers, or to a new one.
    func post(
        _ message: MCPMessage, id: MCPID, for agent: MCPAgent, _ command: MCPServerCommand
    ) throws(GateFailure) -> (MCPConversation, MCPReply) {
        let running = state.withLock { $0.shared[agent.key] ?? [] }
        for each in running {
            if let reply = each.post(message, id: id, exclusively: true) { return (each, reply) }
        }
        guard running.count(where: { !$0.isOver }) < Self.sharedLimit else {
            throw .unavailable("\(Self.sharedLimit) servers run for this agent: try again later")
        }
        let made = try start(agent, command)
        state.withLock { $0.shared[agent.key, default: []].append(made) }
        guard let reply = made.post(message, id: id, exclusively: true) else {
            throw .unavailable("the server has ended at once")
        }
        return (made, reply)
    }

    // MARK: sessions of a server that listens itself

    /// Remembers whose session it is.
    func keep(_ id: String, of agent: MCPAgent) {
        state.withLock { state in
            if state.foreign.count >= Self.foreignLimit, let one = state.foreign.keys.first {
                state.foreign[one] = nil
            }
            state.foreign[id] = agent.key
        }
    }

    /// A session is over.
    func drop(_ id: String) { state.withLock { state in state.foreign[id] = nil } }

    /// Whether a session is that agent's; what is not known here is nobody's.
    func isSession(_ id: String, of agent: MCPAgent) -> Bool {
        state.withLock { $0.foreign[id].map { MCPMessage.same($0, agent.key) } ?? false }
    }

    /// Notes what is open in a session; false when something is under that id already.
    func begin(_ exchange: MCPExchange, _ id: MCPID, in session: String) -> Bool {
        let call = OpenCall(session: Array(session.utf8), id: id)
        return state.withLock { state in
            guard state.openCalls[call] == nil else { return false }
            state.openCalls[call] = exchange
            return true
        }
    }

    /// What is open under an id.
    func exchange(_ id: MCPID, in session: String) -> MCPExchange? {
        state.withLock { $0.openCalls[OpenCall(session: Array(session.utf8), id: id)] }
    }

    func end(_ id: MCPID, in session: String) {
        let call = OpenCall(session: Array(session.utf8), id: id)
        state.withLock { _ = $0.openCalls.removeValue(forKey: call) }
    }
}
