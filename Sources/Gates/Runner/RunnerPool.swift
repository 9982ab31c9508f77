// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import Foundation
internal import ServiceLifecycle
internal import Synchronization

/// The commands that a runner has taken on; they outlive the requests that brought them.
final class RunnerPool: Service {
    private struct State {
        /// How many each agent has, by what tells agents apart.
        var places: [String: Int] = [:]
        var replies: [ObjectIdentifier: RunnerReply] = [:]
        var isStopping = false

        var count: Int { places.values.reduce(0, +) }
    }

    private struct Work: Sendable {
        let body: @Sendable () async -> Void
    }

    private let effects: GateEffects
    /// Writes down what is only in memory.
    private let settle: @Sendable () async -> Void
    private let state = Mutex(State())
    private let started: AsyncStream<Work>
    private let queue: AsyncStream<Work>.Continuation

    /// Commands that wait or run at once; each holds a connection and, while it runs, threads.
    static let limit = 64
    /// Those of one agent, so that one that goes wild does not take all places.
    static let agentLimit = 16
    private static let beat = Duration.seconds(5)

    init(effects: GateEffects, settle: @escaping @Sendable () async -> Void) {
        self.effects = effects
        self.settle = settle
        (started, queue) = AsyncStream.makeStream()
    }

    /// Runs what is taken on, until all of it is over after a graceful shutdown.
    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.keep() }
            await withGracefulShutdownHandler {
                await withDiscardingTaskGroup { running in
                    for await work in self.started {
                        running.addTask { await work.body() }
                    }
                }
            } onGracefulShutdown: {
                self.queue.finish()
            }
            group.cancelAll()
        }
        await settle()
    }

    /// Every five seconds those who wait hear that the runner is there, which also shows who left.
    private func keep() async {
        while (try? await effects.sleep(Self.beat)) != nil {
            for reply in state.withLock({ Array($0.replies.values) }) {
                reply.send(.beat)
                reply.dropIfStuck()
            }
            await settle()
        }
    }

    // MARK: places

    /// Takes a place for an agent.
    /// - Throws: ``RunnerRefusal`` when there is none.
    func enter(_ agent: String) throws(RunnerRefusal) {
        try state.withLock { state throws(RunnerRefusal) in
            guard !state.isStopping else {
                throw RunnerRefusal(.unavailable, "the runner is about to end: try again later")
            }
            guard state.count < Self.limit else {
                throw RunnerRefusal(
                    .unavailable, "\(Self.limit) commands wait or run already: try again later")
            }
            guard state.places[agent, default: 0] < Self.agentLimit else {
                throw RunnerRefusal(
                    .tooMany,
                    "\(Self.agentLimit) commands of this agent wait or run already: wait for them")
            }
            state.places[agent, default: 0] += 1
        }
    }

    /// Gives a place back.
    func exit(_ agent: String) {
        state.withLock { state in
            let left = state.places[agent, default: 0] - 1
            state.places[agent] = left > 0 ? left : nil
        }
    }

    /// Does the work of a reply, which ends with it; the place of the agent is given back.
    func take(_ reply: RunnerReply, of agent: String, _ body: @escaping @Sendable () async -> Void)
    {
        let isStopping = state.withLock { state in
            state.replies[ObjectIdentifier(reply)] = reply
            return state.isStopping
        }
        if isStopping { reply.abandonment.abandon() }
        queue.yield(
            Work {
                await body()
                self.state.withLock { _ = $0.replies.removeValue(forKey: ObjectIdentifier(reply)) }
                self.exit(agent)
            })
    }

    // MARK: the end

    /// Takes on nothing more; what waits stays pending, what runs goes on.
    func stop() {
        let replies = state.withLock { state in
            state.isStopping = true
            return Array(state.replies.values)
        }
        for reply in replies { reply.abandonment.abandon() }
    }

    /// Whether nothing waits or runs.
    var isIdle: Bool { state.withLock { $0.places.isEmpty } }
}

/// Told first when the runner is to end: lets commands that run come to their end, within bounds.
struct RunnerStop: Service {
    let pool: RunnerPool
    let running: RunningCommands
    let effects: GateEffects
    /// How long commands may go on.
    let grace: Duration
    let note: @Sendable (String) -> Void

    /// How long commands have after they were told to end, and then their reports.
    static let afterTelling = Duration.seconds(10)
    static let afterEnding = Duration.seconds(40)

    func run() async throws {
        try? await gracefulShutdown()
        pool.stop()
        if await isIdle(within: grace) { return }
        if running.count > 0 {
            note("\(running.count) commands still run after the grace: telling them to end")
        }
        running.send(SIGTERM)
        if await isIdle(within: Self.afterTelling) { return }
        running.send(SIGKILL)
        _ = await isIdle(within: Self.afterEnding)
    }

    private func isIdle(within bound: Duration) async -> Bool {
        let end = effects.now() + bound
        while !pool.isIdle {
            guard effects.now() < end else { return false }
            // Not cut short: the bounds above are what ends it.
            try? await effects.sleep(.milliseconds(50))
        }
        return true
    }
}
