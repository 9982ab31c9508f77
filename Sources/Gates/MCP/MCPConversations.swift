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
        /// To whom a server that listens itself has given out which session.
        var foreign: [String: Set<String>] = [:]
        /// What is open in such sessions.
        var openCalls: [OpenCall: MCPExchange] = [:]
        /// Every one that is open.
        var exchanges: [ObjectIdentifier: MCPExchange] = [:]
        /// Servers that are about to be listed, and those that were told to end and may still run.
        var starting = 0
        var ending = 0
        var isOver = false

        var all: [MCPConversation] { Array(sessions.values) + shared.values.flatMap { $0 } }
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

    /// Servers that are spoken with at once; as many may be about to end.
    static let limit = 64
    /// Of one agent.
    private static let sharedLimit = 16
    private static let foreignLimit = 10_000
    private static let sharedAge = Duration.seconds(300)
    static let sessionAge = Duration.seconds(3_600)

    init(gatekeeper: MCPGatekeeper) {
        self.gatekeeper = gatekeeper
        (started, queue) = AsyncStream.makeStream()
    }

    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.keep() }
            await withDiscardingTaskGroup { running in
                for await work in self.started {
                    running.addTask { await work.body() }
                }
            }
            group.cancelAll()
        }
        await gatekeeper.settle()
    }

    /// Does something that lives longer than the request that began it; false when all is to end.
    @discardableResult
    func perform(_ body: @escaping @Sendable () async -> Void) -> Bool {
        if case .enqueued = queue.yield(Work(body: body)) { return true }
        return false
    }

    /// Ends everything, and takes nothing more: what runs is reported as unknown.
    func stop() async {
        let (conversations, exchanges, replies) = state.withLock { state in
            state.isOver = true
            return (state.all, Array(state.exchanges.values), Array(state.replies.values))
        }
        for each in exchanges { each.end() }
        await withDiscardingTaskGroup { group in
            for each in conversations { group.addTask { await each.end() } }
        }
        // Their clients hear first that nobody knows what became of their calls.
        for _ in 0..<150 where state.withLock({ !$0.exchanges.isEmpty }) {
            try? await gatekeeper.effects.sleep(.milliseconds(20))
        }
        for each in replies { each.finish() }
        queue.finish()
    }

    /// Every two seconds: quiet streams show that they are alive, what is unused ends, and what is
    /// only in memory is written down.
    private func keep() async {
        while (try? await gatekeeper.effects.sleep(.seconds(2))) != nil {
            let (replies, old) = state.withLock { state in
                (Array(state.replies.values), takeOld(&state))
            }
            for each in replies { each.send(.beat) }
            for each in old { end(each) }
            await gatekeeper.settle()
        }
    }

    private func takeOld(_ state: inout State) -> [MCPConversation] {
        let now = gatekeeper.effects.now()
        func isOld(_ conversation: MCPConversation, _ age: Duration) -> Bool {
            if conversation.isOver { return true }
            guard let idle = conversation.idle(at: now), idle >= age else { return false }
            return conversation.retire(at: now)
        }
        let old =
            state.sessions.values.filter { isOld($0, Self.sessionAge) }
            + state.shared.values.joined().filter { isOld($0, Self.sharedAge) }
        for each in old { remove(each, &state) }
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

    /// Starts a server; where there is no room the longest unused one of whoever has most ends.
    ///
    /// Clients often leave without a word. With `session` it is one of its own, as before
    /// 2026-07-28, and listed under that id.
    func start(
        _ agent: MCPAgent, _ command: MCPServerCommand, session: String?
    ) throws(GateFailure) -> MCPConversation {
        let refusal = state.withLock { state -> String? in
            let own = state.sessions.values.filter { MCPMessage.same($0.agent.key, agent.key) }
            guard session == nil || makeRoom(in: own, limit: Self.sharedLimit, &state) else {
                return "\(Self.sharedLimit) sessions of this agent are in use: end some"
            }
            let limit = Self.limit - state.starting
            guard !state.isOver, state.ending < Self.limit,
                makeRoom(in: state.all, limit: limit, &state)
            else { return "\(Self.limit) servers run already" }
            state.starting += 1
            return nil
        }
        if let refusal { throw .unavailable("\(refusal), or try again later") }
        defer { state.withLock { $0.starting -= 1 } }
        let made = try MCPConversation(gatekeeper: gatekeeper, agent: agent, command: command)
        // Whoever ends everything meanwhile has not seen it.
        let isListed = state.withLock { state in
            guard !state.isOver else { return false }
            if let session {
                state.sessions[session] = made
            } else {
                state.shared[agent.key, default: []].append(made)
            }
            return perform { await made.run() }
        }
        guard isListed else {
            made.endAtOnce()
            throw .unavailable("the gateway is about to end: try again later")
        }
        return made
    }

    /// Whether another one may be started beside these; where they are at their limit an unused
    /// one ends for it.
    private func makeRoom(
        in list: [MCPConversation], limit: Int, _ state: inout State
    ) -> Bool {
        guard list.count >= limit else { return true }
        let now = gatekeeper.effects.now()
        let counts = Dictionary(list.map { ($0.agent.key, 1) }, uniquingKeysWith: +)
        let unused = list.compactMap { each in each.idle(at: now).map { (each, $0) } }
            .sorted { left, right in
                let (one, other) = (counts[left.0.agent.key] ?? 0, counts[right.0.agent.key] ?? 0)
                return one != other ? one > other : left.1 > right.1
            }
        // Somebody may have begun to use it in this moment.
        guard let found = unused.first(where: { $0.0.retire(at: now) })?.0 else { return false }
        remove(found, &state)
        end(found, &state)
        return true
    }

    private func remove(_ conversation: MCPConversation, _ state: inout State) {
        state.sessions = state.sessions.filter { $0.value !== conversation }
        for (agent, list) in state.shared {
            let kept = list.filter { $0 !== conversation }
            state.shared[agent] = kept.isEmpty ? nil : kept
        }
    }

    /// Ends a server that is no longer listed; until it has ended it is counted.
    private func end(_ conversation: MCPConversation) {
        state.withLock { end(conversation, &$0) }
    }

    private func end(_ conversation: MCPConversation, _ state: inout State) {
        state.ending += 1
        perform {
            await conversation.end()
            self.state.withLock { $0.ending -= 1 }
        }
    }

    /// The agent's session of that id.
    func session(_ id: String, of agent: MCPAgent) -> MCPConversation? {
        state.withLock { state in
            guard let found = state.sessions[id], !found.isOver else { return nil }
            return MCPMessage.same(found.agent.key, agent.key) ? found : nil
        }
    }

    /// Ends a session.
    func close(_ id: String) {
        state.withLock { state in
            if let found = state.sessions.removeValue(forKey: id) { end(found, &state) }
        }
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
        let made = try start(agent, command, session: nil)
        guard let reply = made.post(message, id: id, exclusively: true) else {
            throw .unavailable("the server has ended at once")
        }
        return (made, reply)
    }

    // MARK: sessions of a server that listens itself

    /// Remembers whose session it is.
    func learn(session id: String, of agent: MCPAgent) {
        state.withLock { state in
            if state.foreign[id] == nil, state.foreign.count >= Self.foreignLimit,
                let one = state.foreign.keys.first
            {
                state.foreign[one] = nil
            }
            state.foreign[id, default: []].insert(agent.key)
        }
    }

    /// A session is over.
    func drop(_ id: String) { state.withLock { state in state.foreign[id] = nil } }

    /// Whether a session is that agent's; what is not known here is nobody's.
    func isSession(_ id: String, of agent: MCPAgent) -> Bool {
        state.withLock { $0.foreign[id]?.contains(agent.key) ?? false }
    }

    /// Runs an exchange until it is over; false when something that is not answered yet is under its
    /// id in that session.
    func run(
        _ exchange: MCPExchange, _ message: MCPMessage, _ id: MCPID, in session: String?
    ) -> Bool {
        let call = session.map { OpenCall(session: Array($0.utf8), id: id) }
        let key = ObjectIdentifier(exchange)
        let (isTaken, isOver) = state.withLock { state in
            if let call {
                let isFree = state.openCalls[call]?.isAnswered ?? true
                guard isFree else { return (false, false) }
                state.openCalls[call] = exchange
            }
            state.exchanges[key] = exchange
            return (true, state.isOver)
        }
        guard isTaken else { return false }
        if isOver { exchange.end() }
        let isTakenOn = perform {
            await exchange.run(message)
            self.state.withLock { state in
                state.exchanges[key] = nil
                if let call, state.openCalls[call] === exchange { state.openCalls[call] = nil }
            }
        }
        if !isTakenOn { exchange.drop() }
        return true
    }

    /// What is open under an id.
    func exchange(_ id: MCPID, in session: String) -> MCPExchange? {
        state.withLock { $0.openCalls[OpenCall(session: Array(session.utf8), id: id)] }
    }
}
