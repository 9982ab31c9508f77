// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Synchronization

/// Where policy sets are compiled: one at a time and not on an event loop, because a large one
/// takes seconds.
package final class PolicyQueue: Sendable {
    private let queue = DispatchQueue(label: "exequatur.policies")
    private let waiting = Mutex(0)
    private static let mostWaiting = 4

    init() {}

    /// Runs something in its turn; throws `rateLimited` where too many wait already.
    package func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let isTaken = waiting.withLock { count in
            guard count < Self.mostWaiting else { return false }
            count += 1
            return true
        }
        guard isTaken else { throw CommandError.rateLimited(retryAfterSeconds: 5) }
        defer { waiting.withLock { $0 -= 1 } }
        return try await withCheckedThrowingContinuation { continuation in
            queue.async {
                continuation.resume(with: Result { try work() })
            }
        }
    }
}
