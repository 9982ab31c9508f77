// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Foundation
import Synchronization
import Testing

@testable import Collectors

/// Sees nothing change, fails where told so, and gives the hints that it was given.
private struct HintingCollector: SourceCollector {
    let stream: AsyncStream<SourceHint>
    let fails: @Sendable () -> Bool

    func observe(
        now: @escaping @Sendable () -> Timestamp, redactor: Redactor
    ) async -> Observation {
        let instant = now()
        let gap = CoverageGap(subject: nil, cause: .unreachable, detail: "down")
        guard !fails(), let snapshot = try? Snapshot([]) else {
            return Observation(started: instant, ended: instant, failure: gap)
        }
        return Observation(started: instant, ended: instant, snapshot: snapshot)
    }

    func hints() -> AsyncStream<SourceHint>? { stream }
}

@Suite("Looking at a source again and again")
struct SourceWatchTests {
    /// The gaps of the first looks, after some hints came at once.
    private func gaps(
        of looks: Int, after hints: [SourceHint], failing: Int = 0
    ) async throws -> [[CoverageGap.Cause]] {
        let (stream, continuation) = AsyncStream.makeStream(of: SourceHint.self)
        let count = Countdown(failing)
        let collector = HintingCollector(stream: stream, fails: { count.takeOne() })
        let source = try DriftSource(
            id: Handle(constant: "one"), kind: .http, scope: "here", every: 3600,
            assetClass: .medium, settings: [:])
        let watch = SourceWatch(
            source, collector: collector,
            redactor: try Redactor(key: [UInt8](repeating: 1, count: 32), secrets: []),
            now: { FileTree.later })
        let (seen, sink) = AsyncStream.makeStream(of: [CoverageGap.Cause].self)
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await watch.run { sink.yield($0.gaps.map(\.cause)) }
            }
            var result: [[CoverageGap.Cause]] = []
            for await causes in seen {
                result.append(causes)
                if result.count == 1 { for hint in hints { continuation.yield(hint) } }
                if result.count == looks { break }
                if result.count > 1 { continuation.yield(.changed) }
            }
            group.cancelAll()
            return result
        }
    }

    @Test("a loss of events is said with the next look, however many changes are heard after it")
    func loss() async throws {
        let found = try await gaps(of: 3, after: [.lost("the queue was full"), .changed, .changed])
        #expect(found == [[], [.eventsLost], []])
    }

    @Test("a look that failed does not use the loss up")
    func lossAndFailure() async throws {
        let found = try await gaps(of: 3, after: [.lost("the queue was full")], failing: 2)
        #expect(found == [[.unreachable], [.unreachable], [.eventsLost]])
    }
}

private final class Countdown: Sendable {
    private let left: Mutex<Int>
    init(_ count: Int) { left = Mutex(count) }
    func takeOne() -> Bool {
        left.withLock { left in
            defer { left -= 1 }
            return left > 0
        }
    }
}
