// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Synchronization

/// One committed change of one action, as event streams and waiting clients see it.
package struct ActionChange: Sendable, Hashable {
    package let id: ActionID
    package let status: ActionStatus
    package let version: UInt64
    /// Ledger index of the last entry of the change; what `Last-Event-ID` resumes from.
    package let index: UInt64

    package init(id: ActionID, status: ActionStatus, version: UInt64, index: UInt64) {
        self.id = id
        self.status = status
        self.version = version
        self.index = index
    }
}

/// What a stream of changes carries.
package enum StreamEvent: Sendable, Hashable {
    case change(ActionChange)
    /// Nothing happened for a while. Written out all the same: it is how a client that went away
    /// without a word is noticed, and what keeps proxies from cutting an idle stream.
    case beat
}

/// One waiting client; fired exactly once, by a change, by time, or by its own departure.
private final class Waiter: Sendable {
    private enum State {
        case idle
        case waiting(CheckedContinuation<Bool, Never>)
        case fired(Bool)
    }

    let after: UInt64?
    let deadline: Timestamp
    private let state = Mutex(State.idle)

    init(after: UInt64?, deadline: Timestamp) {
        self.after = after
        self.deadline = deadline
    }

    func concerns(_ change: ActionChange) -> Bool {
        if let after { return change.version > after }
        return change.status != .pending
    }

    func fire(_ changed: Bool) {
        let continuation = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            defer { if case .fired = state {} else { state = .fired(changed) } }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume(returning: changed)
    }

    func value() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let fired = state.withLock { state -> Bool? in
                    if case .fired(let changed) = state { return changed }
                    state = .waiting(continuation)
                    return nil
                }
                if let fired { continuation.resume(returning: fired) }
            }
        } onCancel: {
            fire(false)
        }
    }
}

/// Tells waiting clients of committed changes.
///
/// Holds no request: what it forgets is still in the store, and a client that was not told asks
/// again.
package final class ChangeFeed: Sendable {
    private struct State {
        var next: UInt64 = 0
        /// Waits and streams of each credential.
        var held: [String: Int] = [:]
        var waiters: [ActionID: [UInt64: Waiter]] = [:]
        var waiterCount = 0
        var streams: [UInt64: AsyncStream<StreamEvent>.Continuation] = [:]
        var lastBeat = Timestamp(milliseconds: .min)
        var closed = false
    }

    private let state = Mutex(State())
    /// Event streams that may be open at once.
    package static let streamLimit = 1024
    /// Clients that may wait at once.
    package static let waiterLimit = 65_536
    /// Waits and streams of one credential at once: one that goes wild must not take all places.
    package static let credentialLimit = 256
    /// A beat this often: less than the minute after which many proxies cut an idle stream.
    private static let beatSeconds: Int64 = 15
    /// Changes that one slow stream may lag behind before it is cut and must resume.
    private static let backlog = 1024

    package init() {}

    package var waiting: Int { state.withLock { $0.waiterCount } }

    package var streams: Int { state.withLock { $0.streams.count } }

    /// Wakes whom these changes concern; called after their batch is durable.
    package func publish(_ changes: [ActionChange]) {
        var woken: [Waiter] = []
        let streams = state.withLock { state in
            for change in changes {
                guard let waiting = state.waiters[change.id] else { continue }
                woken += waiting.values.filter { $0.concerns(change) }
            }
            return Array(state.streams.values)
        }
        for waiter in woken { waiter.fire(true) }
        for stream in streams {
            for change in changes {
                // A stream that can't keep up ends; its client resumes from its last index.
                if case .dropped = stream.yield(.change(change)) { stream.finish() }
            }
        }
    }

    /// Ends the waits whose time has come; the scheduler calls this several times a second, so
    /// that a waiting client costs no timer of its own.
    package func sweep(now: Timestamp) {
        let (due, beating) = state.withLock { state in
            let due = state.waiters.values.flatMap(\.values).filter { $0.deadline <= now }
            guard now.seconds(since: state.lastBeat) >= Self.beatSeconds else {
                return (due, [AsyncStream<StreamEvent>.Continuation]())
            }
            state.lastBeat = now
            return (due, Array(state.streams.values))
        }
        for waiter in due { waiter.fire(false) }
        for stream in beating {
            if case .dropped = stream.yield(.beat) { stream.finish() }
        }
    }

    /// Takes one of a credential's places, or throws `rateLimited`.
    private static func hold(_ credential: String, _ state: inout State) throws {
        guard state.held[credential, default: 0] < credentialLimit else {
            throw CommandError.rateLimited(retryAfterSeconds: 1)
        }
        state.held[credential, default: 0] += 1
    }

    private static func release(_ credential: String, _ state: inout State) {
        guard let count = state.held[credential] else { return }
        state.held[credential] = count > 1 ? count - 1 : nil
    }

    /// Waits for the next change that concerns the caller, or until `deadline`.
    ///
    /// - Parameters:
    ///   - id: the action.
    ///   - credential: what the caller authenticated with.
    ///   - after: the version that the caller knows; nil waits for the end of `pending`.
    ///   - deadline: when to come back at the latest.
    ///   - isDue: read after the waiter is registered, so that a change between the caller's
    ///     reading and its waiting is not missed.
    /// - Throws: what `isDue` throws, and `rateLimited` where the credential has no place left.
    package func wait(
        for id: ActionID, by credential: String, after: UInt64?, deadline: Timestamp,
        isDue: () throws -> Bool
    ) async throws {
        let waiter = Waiter(after: after, deadline: deadline)
        let key = try state.withLock { state -> UInt64? in
            guard !state.closed else { return nil }
            // An answer at once would make a client that polls ask again at once.
            guard state.waiterCount < Self.waiterLimit else {
                throw CommandError.rateLimited(retryAfterSeconds: 1)
            }
            try Self.hold(credential, &state)
            state.next += 1
            state.waiterCount += 1
            state.waiters[id, default: [:]][state.next] = waiter
            return state.next
        }
        guard let key else { return }
        defer {
            state.withLock { state in
                state.waiterCount -= 1
                Self.release(credential, &state)
                state.waiters[id]?[key] = nil
                if state.waiters[id]?.isEmpty == true { state.waiters[id] = nil }
            }
        }
        if try isDue() { return }
        _ = await waiter.value()
    }

    /// A stream of all changes from now on, or nil if too many are open in all.
    ///
    /// Throws `rateLimited` where the credential has no place left.
    package func subscribe(by credential: String) throws -> AsyncStream<StreamEvent>? {
        let (stream, continuation) = AsyncStream.makeStream(
            of: StreamEvent.self, bufferingPolicy: .bufferingOldest(Self.backlog))
        let key = try state.withLock { state -> UInt64? in
            guard !state.closed, state.streams.count < Self.streamLimit else { return nil }
            try Self.hold(credential, &state)
            state.next += 1
            state.streams[state.next] = continuation
            return state.next
        }
        guard let key else { return nil }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                guard state.streams.removeValue(forKey: key) != nil else { return }
                Self.release(credential, &state)
            }
        }
        return stream
    }

    /// Lets everybody go, so that a shutdown needn't wait for them.
    package func close() {
        let (waiters, streams) = state.withLock { state in
            state.closed = true
            return (state.waiters.values.flatMap(\.values), Array(state.streams.values))
        }
        for waiter in waiters { waiter.fire(false) }
        for stream in streams { stream.finish() }
    }
}
