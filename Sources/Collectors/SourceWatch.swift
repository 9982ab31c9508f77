// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import DriftCore
internal import Synchronization

/// Looks at one source again and again: at its cadence, and when the source says that it changed.
///
/// Hints only ever make the next look come sooner. Where events were lost the next observation says
/// so, as a gap, and the sweep that it is makes up for them.
package struct SourceWatch: Sendable {
    private let source: DriftSource
    private let collector: any SourceCollector
    private let redactor: Redactor
    private let now: @Sendable () -> Timestamp

    /// Several changes that come together are one look.
    private static let settle = Duration.milliseconds(100)
    /// A source that never stops changing is still left alone for as long as a look took, and for
    /// at least this long.
    private static let pause = Duration.milliseconds(200)

    package init(
        _ source: DriftSource, collector: any SourceCollector, redactor: Redactor,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.source = source
        self.collector = collector
        self.redactor = redactor
        self.now = now
    }

    /// Looks once.
    package func observe() async -> Observation {
        await collector.observe(now: now, redactor: redactor)
    }

    /// Looks until it is cancelled.
    ///
    /// - Parameter deliver: takes each observation; what it does with it is its own.
    package func run(_ deliver: @Sendable (Observation) async -> Void) async {
        let (wakes, wake) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let loss = Loss()
        await withDiscardingTaskGroup { group in
            if let hints = collector.hints() {
                group.addTask {
                    for await hint in hints {
                        if case .lost(let why) = hint { loss.note(why) }
                        wake.yield()
                    }
                }
            }
            group.addTask { await tick(wake) }
            var iterator = wakes.makeAsyncIterator()
            while !Task.isCancelled {
                let began = now()
                let why = loss.take()
                let observation = await observe()
                if let why, observation.snapshot == nil { loss.note(why) }
                await deliver(observation.noting(why))
                let took = now().milliseconds - began.milliseconds
                let pause = max(Self.pause, .milliseconds(min(max(took, 0), 60_000)))
                guard (try? await Task.sleep(for: pause)) != nil,
                    await iterator.next() != nil,
                    (try? await Task.sleep(for: Self.settle)) != nil
                else { break }
            }
            group.cancelAll()
        }
    }

    /// Wakes at the cadence, a little earlier or later each time, so that many sources do not all
    /// look at once.
    private func tick(_ wake: AsyncStream<Void>.Continuation) async {
        var round: UInt64 = 0
        while !Task.isCancelled {
            let milliseconds = source.every * 1000
            let spread = min(milliseconds / 10, 30_000)
            let shift = spread == 0 ? 0 : Int64(hash(round) % UInt64(spread)) - spread / 2
            guard (try? await Task.sleep(for: .milliseconds(milliseconds + shift))) != nil else {
                return
            }
            wake.yield()
            round += 1
        }
    }

    /// FNV-1a over name and round: spread, not chance, which nothing here needs.
    private func hash(_ round: UInt64) -> UInt64 {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(source.id) \(round)".utf8 {
            value = (value ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return value
    }
}

/// Why events were lost since the last look that showed something; kept however many changes are
/// heard of after it.
private final class Loss: Sendable {
    private let reason = Mutex<String?>(nil)

    func note(_ why: String) { reason.withLock { $0 = why } }

    func take() -> String? {
        reason.withLock { reason in
            defer { reason = nil }
            return reason
        }
    }
}

extension Observation {
    /// With the gap of events that were lost before it.
    fileprivate func noting(_ why: String?) -> Observation {
        guard let why, let snapshot else { return self }
        let gap = CoverageGap(subject: nil, cause: .eventsLost, detail: why)
        return Observation(
            started: started, ended: ended, snapshot: snapshot, gaps: gaps + [gap])
    }
}
