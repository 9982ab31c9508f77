// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Synchronization

/// What is known of a channel: when it last answered, and what is wrong with it.
package final class ChannelHealth: Sendable {
    /// What a channel has to be able to do; one may work while another does not.
    package enum Concern: Sendable, Hashable, CaseIterable {
        case access
        case hearing
        case telling
        /// Alerts of drift, which may go to a place of their own.
        case alerting
    }

    package struct State: Sendable, Hashable {
        package var reachedAt: Timestamp?
        package var deliveredAt: Timestamp?
        /// What is wrong, by what it keeps from working.
        package var failures: [Concern: String] = [:]
        /// What is wrong, in words.
        package var failure: String? {
            let all = Concern.allCases.compactMap { failures[$0] }
            return all.isEmpty ? nil : all.joined(separator: "; ")
        }
        /// Open connections, where a channel keeps some.
        package var connections: Int?
    }

    private let mutex = Mutex(State())

    package init() {}

    package var state: State { mutex.withLock { $0 } }

    func reached(_ concern: Concern, _ now: Timestamp) {
        mutex.withLock { state in
            state.reachedAt = now
            state.failures[concern] = nil
        }
    }

    func failed(_ concern: Concern, _ why: String) {
        mutex.withLock { $0.failures[concern] = why }
    }

    func connections(_ count: Int) { mutex.withLock { $0.connections = count } }

    func note(_ result: DeliveryResult, _ concern: Concern = .telling, now: Timestamp) {
        let about = concern == .alerting ? "alerts of drift: " : ""
        switch result {
        case .shown:
            mutex.withLock { state in
                state.reachedAt = now
                state.deliveredAt = now
                state.failures[concern] = nil
            }
        case .later(let why), .unavailable(let why), .refused(let why):
            failed(concern, about + why)
        case .limited(let seconds, _):
            failed(concern, "\(about)asked to wait \(Int(seconds)) s")
        case .nothing: break
        }
    }
}
