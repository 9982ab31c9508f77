// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Tells a wait that nobody wants its result any more.
///
/// Unlike the cancellation of a task it stops only the wait for people: a request that may have
/// claimed something is always seen through, so that its outcome can be reported.
public final class Abandonment: Sendable {
    private struct State {
        var isAbandoned = false
        var next: UInt64 = 0
        var waiting: [UInt64: AsyncStream<Void>.Continuation] = [:]
    }

    private let state = Mutex(State())

    /// Makes one for a result that somebody wants.
    public init() {}

    /// Whether ``abandon()`` was called.
    public var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    /// Ends the waits, those that begin later too.
    public func abandon() {
        let waiting = state.withLock { state in
            state.isAbandoned = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for each in waiting { each.finish() }
    }

    /// Runs `body` to its end, or returns nil once nobody wants it; then it is cancelled.
    package func unlessAbandoned<Result: Sendable>(
        _ body: @escaping @Sendable () async -> Result
    ) async -> Result? {
        let (signal, continuation) = AsyncStream.makeStream(of: Void.self)
        let key = state.withLock { state -> UInt64? in
            guard !state.isAbandoned else { return nil }
            state.next += 1
            state.waiting[state.next] = continuation
            return state.next
        }
        guard let key else { return nil }
        defer { state.withLock { _ = $0.waiting.removeValue(forKey: key) } }
        return await withTaskGroup(of: Result?.self) { group in
            group.addTask { await body() }
            group.addTask {
                for await _ in signal {}
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}

extension Abandonment? {
    /// Runs `body` to its end, or returns nil once nobody wants it.
    ///
    /// Where nothing can be abandoned it always runs to its end.
    func unlessAbandoned<Result: Sendable>(
        _ body: @escaping @Sendable () async -> Result
    ) async -> Result? {
        guard let self else { return await body() }
        return await self.unlessAbandoned(body)
    }
}
