// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import Synchronization
internal import TransparencyLog

/// One client's session with one server, with its input and output.
///
/// Messages that are only passed on go through in the thread that read them; what waits for
/// something is a task below ``run()``.
final class MCPSession: Sendable {
    /// Where messages go.
    struct Ends: Sendable {
        /// To the client; with the request that a message belongs to, if it is known.
        let client: @Sendable ([UInt8], MCPID?) -> Void
        /// To the server; false once it is gone.
        let server: @Sendable ([UInt8]) -> Bool
        /// Its client took a request back: nothing more comes of it.
        var dropped: @Sendable (MCPID) -> Void = { _ in }
        /// No call is left whose client does not wait for it.
        var settled: @Sendable () -> Void = {}
    }

    private enum Job: Sendable {
        case call(MCPCall, Abandonment)
        case list(MCPMessage, id: MCPID, isModern: Bool, isWhole: Bool, changes: Int)
        case toolsChanged
        /// A task was taken back, and with it its action; then its client is told.
        case withdraw(String, then: [UInt8], MCPID)
        /// Last, so that what the server said before it ended is dealt with before.
        case serverEnded
    }

    /// How the wait for a server's answer ended.
    enum End: Sendable {
        case answer(MCPMessage)
        case cancelled
        case gone
    }

    struct Waiters {
        var calls: [MCPID: CheckedContinuation<End, Never>] = [:]
        /// What runs under which leave.
        var running: [MCPID: (Grant, FrozenOperation)] = [:]
        /// What the servers of calls that were answered asked for.
        var questions: [MCPID: MCPQuestions.Question] = [:]
        /// Ends that came before anybody waited for them.
        var early: [MCPID: End] = [:]
        /// By the ids of calls whose clients wait; an id is another call's once it is answered.
        var held: [MCPID: Abandonment] = [:]
        /// Of every call that asks for leave.
        var asking: [ObjectIdentifier: Abandonment] = [:]
        /// How often the server said that its tools changed.
        var changes = 0
        var isGone = false
    }

    let gatekeeper: MCPGatekeeper
    let agent: MCPAgent
    /// Calls that became tasks and are not over.
    let openTasks: MCPOpenTasks
    let ends: Ends
    let machine: Mutex<MCPSessionMachine>
    let waiters = Mutex(Waiters())
    private let jobs: AsyncStream<Job>
    private let queue: AsyncStream<Job>.Continuation

    init(
        gatekeeper: MCPGatekeeper, agent: MCPAgent, openTasks: MCPOpenTasks = MCPOpenTasks(),
        ends: Ends
    ) {
        self.openTasks = openTasks
        self.gatekeeper = gatekeeper
        self.agent = agent
        self.ends = ends
        let prefix = "exequatur-" + Hex.encode(gatekeeper.effects.entropy(16))
        machine = Mutex(MCPSessionMachine(prefix: prefix))
        (jobs, queue) = AsyncStream.makeStream()
    }

    /// Does what waits, until ``finish()``.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs {
                switch job {
                case .call(let call, let abandonment):
                    group.addTask { await self.perform(call, abandonment) }
                case .list(let message, let id, let isModern, let isWhole, let changes):
                    group.addTask {
                        await self.show(
                            message, id: id, isModern: isModern,
                            isCurrent: { isWhole && self.changes == changes })
                    }
                case .withdraw(let action, let answer, let id):
                    group.addTask {
                        await self.gatekeeper.withdraw(action, for: self.agent)
                        self.ends.client(answer, id)
                    }
                case .toolsChanged: await gatekeeper.registry.forget()
                case .serverEnded:
                    for id in machine.withLock({ $0.takeOpen() }) {
                        let refusal = MCPRefusal(
                            code: -32_603, message: "the server behind the gateway has ended",
                            id: id)
                        ends.client(MCPAnswers.error(refusal), id)
                    }
                }
            }
        }
    }

    /// Whether a request may go by that id.
    func isFree(_ id: MCPID, forCall isCall: Bool) -> Bool {
        machine.withLock { $0.isFree(id, forCall: isCall) }
    }

    /// Whether a call waits for leave, runs, or waits for what its server asked for.
    var isBusy: Bool {
        waiters.withLock { !$0.asking.isEmpty || !$0.questions.isEmpty }
            || machine.withLock { $0.hasCalls } || !openTasks.isEmpty
    }

    var changes: Int { waiters.withLock { $0.changes } }

    /// A message of the client.
    func fromClient(_ bytes: [UInt8]) { perform { $0.fromClient(bytes) } }

    /// A message of the server.
    func fromServer(_ bytes: [UInt8]) { perform { $0.fromServer(bytes) } }

    /// The client is gone: what it waits for is given up, what runs ends as unknown.
    ///
    /// - Parameter mayReturn: it may answer a server's question over another connection.
    func finish(mayReturn: Bool = false) {
        let (abandonments, questions) = waiters.withLock { waiters in
            (
                Array(waiters.asking.values),
                mayReturn ? [] : Array(waiters.questions.values)
            )
        }
        for each in abandonments { each.abandon() }
        for each in questions { each.end.abandon() }
        serverEnded()
        queue.finish()
    }

    /// The server is gone: nothing more will come of it.
    func serverEnded() {
        let waiting = waiters.withLock { waiters in
            waiters.isGone = true
            defer { waiters.calls = [:] }
            return Array(waiters.calls.values)
        }
        for each in waiting { each.resume(returning: .gone) }
        queue.yield(.serverEnded)
    }

    /// Over two pipes two messages of one side never overtake each other, because one thread reads
    /// each side; over HTTP requests have no order.
    private func perform(_ step: (inout MCPSessionMachine) -> [MCPAction]) {
        let actions = machine.withLock { machine in
            let actions = step(&machine)
            // Before anybody can take it back.
            for case .gate(let call) in actions { begin(call) }
            return actions
        }
        for action in actions { perform(action) }
    }

    private func begin(_ call: MCPCall) {
        let abandonment = Abandonment()
        waiters.withLock { waiters in
            waiters.held[call.id] = abandonment
            waiters.asking[ObjectIdentifier(abandonment)] = abandonment
        }
        queue.yield(.call(call, abandonment))
    }

    /// The id of a call may be another's from now on.
    func release(_ id: MCPID, of abandonment: Abandonment) {
        waiters.withLock { waiters in
            if waiters.held[id] === abandonment { waiters.held[id] = nil }
        }
    }

    private func perform(_ action: MCPAction) {
        switch action {
        case .toClient(let bytes, let about): ends.client(bytes, about)
        case .toServer(let bytes):
            if !ends.server(bytes) { refuse(bytes) }
        case .gate: break
        case .task(let request): answer(request)
        case .abandon(let id):
            waiters.withLock { $0.held[id] }?.abandon()
            ends.dropped(id)
        case .dropped(let id): ends.dropped(id)
        case .ended(let id, let message):
            // Before its client reads the question, and may answer it.
            let leave = waiters.withLock { $0.running.removeValue(forKey: id) }
            if let (grant, operation) = leave, message.asksForMore {
                let question = gatekeeper.questions.ask(grant, operation, message, for: agent)
                waiters.withLock { $0.questions[id] = question }
            }
            end(id, .answer(message))
        case .cancelled(let id):
            end(id, .cancelled)
            ends.dropped(id)
        case .list(let message, let id, let isModern, let isWhole):
            queue.yield(
                .list(message, id: id, isModern: isModern, isWhole: isWhole, changes: changes))
        case .listed(let id, let message): end(id, .answer(message))
        case .toolsChanged:
            waiters.withLock { $0.changes += 1 }
            queue.yield(.toolsChanged)
        }
    }

    /// Answers a request that the server does not take.
    private func refuse(_ bytes: [UInt8]) {
        guard case .request(let id, _) = MCPMessage(fromServer: bytes)?.kind,
            machine.withLock({ $0.finish(id) })
        else { return }
        let refusal = MCPRefusal(
            code: -32_603, message: "the server behind the gateway does not read", id: id)
        ends.client(MCPAnswers.error(refusal), id)
    }

    /// Ends the action of a task that its client took back, and answers him then.
    func withdraw(_ action: String, then answer: [UInt8], _ id: MCPID) {
        queue.yield(.withdraw(action, then: answer, id))
    }

    private func end(_ id: MCPID, _ end: End) {
        let waiting = waiters.withLock { waiters in
            let found = waiters.calls.removeValue(forKey: id)
            if found == nil { waiters.early[id] = end }
            return found
        }
        waiting?.resume(returning: end)
    }

    /// Waits for the end of a request that is with the server.
    func waitForEnd(_ id: MCPID) async -> End {
        await withCheckedContinuation { continuation in
            let end = waiters.withLock { waiters -> End? in
                if let early = waiters.early.removeValue(forKey: id) { return early }
                if waiters.isGone { return .gone }
                waiters.calls[id] = continuation
                return nil
            }
            if let end { continuation.resume(returning: end) }
        }
    }

    /// Ends a wait, if it still lasts.
    func stopWaiting(_ id: MCPID) {
        waiters.withLock { $0.calls.removeValue(forKey: id) }?.resume(returning: .gone)
    }

    // MARK: calls

    private func perform(_ call: MCPCall, _ abandonment: Abandonment) async {
        let task = TaskName()
        let ruling = await rule(call, abandonment, task)
        release(call.id, of: abandonment)
        waiters.withLock { _ = $0.asking.removeValue(forKey: ObjectIdentifier(abandonment)) }
        if let task = task.value { return await perform(call, ruling, as: task) }
        switch ruling {
        case .answer(let bytes):
            if machine.withLock({ $0.finish(call.id) }) { ends.client(bytes, call.id) }
        case .run(let grant, let operation, let bytes, let isContinuation):
            let isInTime = isContinuation || gatekeeper.mayStart(grant)
            await run(
                call, grant, operation, isInTime ? bytes : nil, wasStarted: isContinuation)
        }
    }

    /// The task that a call became, if it did.
    final class TaskName: Sendable {
        private let name = Mutex<String?>(nil)
        var value: String? { name.withLock { $0 } }
        func set(_ text: String) { name.withLock { $0 = text } }
    }

    /// Asks for leave.
    ///
    /// A client that takes tasks is given one when its call has to wait; any other hears every 15 s
    /// that its call is held.
    private func rule(
        _ call: MCPCall, _ abandonment: Abandonment, _ task: TaskName
    ) async -> MCPGatekeeper.Ruling {
        let (held, announce) = AsyncStream.makeStream(
            of: SubmittedAction.self, bufferingPolicy: .bufferingNewest(1))
        return await withTaskGroup(of: MCPGatekeeper.Ruling?.self) { group in
            group.addTask {
                await self.gatekeeper.rule(
                    call, for: self.agent, source: self, abandonment: abandonment
                ) { action in
                    // Here and not in the other task: the answer must be out before the ruling.
                    if call.acceptsTask, task.value == nil {
                        self.become(call, action, abandonment, task)
                    }
                    announce.yield(action)
                }
            }
            group.addTask {
                guard let action = await held.first(where: { _ in true }) else { return nil }
                repeat {
                    self.tell(call, action)
                } while (try? await self.gatekeeper.effects.sleep(.seconds(15))) != nil
                return nil
            }
            while let found = await group.next() {
                if let found {
                    group.cancelAll()
                    return found
                }
            }
            preconditionFailure("a call ends with a ruling")
        }
    }

    private func tell(_ call: MCPCall, _ action: SubmittedAction) {
        perform { machine in
            machine.progress(
                call.id, "\(action.id) waits for approval by a person; nothing ran yet")
        }
    }

    /// Executes what was claimed, and reports what became of it; nil when its time is over.
    private func run(
        _ call: MCPCall, _ grant: Grant, _ operation: FrozenOperation, _ bytes: [UInt8]?,
        wasStarted: Bool
    ) async {
        // Taken back, or too late: claimed, and by our own word not started.
        let isWanted = machine.withLock { machine in
            guard machine.run(call.id) else { return false }
            waiters.withLock { $0.running[call.id] = (grant, operation) }
            return true
        }
        defer {
            waiters.withLock { waiters in
                // Once it is answered its id may be another call's.
                guard waiters.running[call.id]?.0.nonce == grant.nonce else { return }
                waiters.running[call.id] = nil
            }
        }
        guard isWanted, let bytes, ends.server(bytes) else {
            // Whoever took it back in this moment leaves no end for another call of that id.
            if isWanted { waiters.withLock { _ = $0.early.removeValue(forKey: call.id) } }
            let why = isWanted ? "the server is gone, or its time is over" : "taken back"
            if isWanted, machine.withLock({ $0.finish(call.id) }) {
                let failure = GateFailure.refused("it was cleared, but not started: \(why)")
                ends.client(
                    wasStarted
                        ? MCPAnswers.unknown(grant, for: call)
                        : MCPAnswers.result(failure, for: call), call.id)
            }
            let outcome = GateOutcome(wasStarted ? .unknown : .notStarted, detail: why)
            return await gatekeeper.report(outcome, of: grant, for: agent)
        }
        let end = await gatekeeper.whileRunning(grant, for: agent) {
            await self.waitForEnd(call.id)
        }
        switch end {
        case .answer(let message):
            guard let outcome = message.outcome else {
                return await stayOpen(call.id, grant)
            }
            await gatekeeper.report(outcome, of: grant, for: agent)
        case .cancelled:
            await gatekeeper.report(
                GateOutcome(.unknown, detail: "the client took it back while it ran"), of: grant,
                for: agent)
        case .gone:
            if machine.withLock({ $0.finish(call.id) }) {
                ends.client(MCPAnswers.unknown(grant, for: call), call.id)
            }
            await gatekeeper.report(
                GateOutcome(.unknown, detail: "the session ended before the server answered"),
                of: grant, for: agent, patience: .seconds(1))
        }
    }
}
