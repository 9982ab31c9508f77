// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Wakes whoever works the outbox off; what it was woken for stands in the store.
package final class News: Sendable {
    /// Waits for the next wake; several that come meanwhile are one.
    package let wakes: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (wakes, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package func wake() { continuation.yield() }
    func finish() { continuation.finish() }
}
