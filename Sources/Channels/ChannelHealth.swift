// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Synchronization

/// What is known of a channel: when it last answered, and what is wrong with it.
package final class ChannelHealth: Sendable {
    package struct State: Sendable, Hashable {
        package var reachedAt: Timestamp?
        package var deliveredAt: Timestamp?
        package var failedAt: Timestamp?
        package var failure: String?
        /// Open connections, where a channel keeps some.
        package var connections: Int?
    }

    private let mutex = Mutex(State())

    package init() {}

    package var state: State { mutex.withLock { $0 } }

    func reached(_ now: Timestamp) {
        mutex.withLock { state in
            state.reachedAt = now
            state.failure = nil
        }
    }

    func failed(_ why: String, _ now: Timestamp) {
        mutex.withLock { state in
            state.failedAt = now
            state.failure = why
        }
    }

    func connections(_ count: Int) { mutex.withLock { $0.connections = count } }

    func note(_ result: DeliveryResult, now: Timestamp) {
        switch result {
        case .shown:
            mutex.withLock { state in
                state.reachedAt = now
                state.deliveredAt = now
                state.failure = nil
            }
        case .later(let why), .unavailable(let why), .refused(let why): failed(why, now)
        case .limited(let seconds): failed("asked to wait \(Int(seconds)) s", now)
        case .nobody: break
        }
    }
}
