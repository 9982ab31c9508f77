// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import Collectors
package import ControlPlane
internal import DriftCore
package import Logging
internal import ServiceLifecycle

/// Watches the sources that this server observes itself.
///
/// A source whose settings do not fit, and one that fails, is an observation like any other: it
/// says that nothing is known.
package final class DriftWatcher: Service {
    private let control: ControlPlane
    private let collectors: CollectorFactory
    /// The key of secrets' digests.
    private let key: [UInt8]
    private let logger: Logger

    package init(
        _ control: ControlPlane, collectors: CollectorFactory, key: [UInt8], logger: Logger
    ) {
        self.control = control
        self.collectors = collectors
        self.key = key
        self.logger = logger
    }

    package func run() async throws {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.watchAll() }
                for await _ in ends {}
                group.cancelAll()
            }
        } onGracefulShutdown: {
            end.finish()
        }
    }

    /// Begins anew whenever somebody changed what is watched.
    private func watchAll() async {
        var wakes = control.driftNews.wakes.makeAsyncIterator()
        while !Task.isCancelled {
            let sources = control.governance.drift.sources.values.filter { $0.observer == nil }
            await withDiscardingTaskGroup { group in
                for source in sources { group.addTask { await self.watch(source) } }
                _ = await wakes.next()
                group.cancelAll()
            }
        }
    }

    private func watch(_ source: DriftSource) async {
        let watch: SourceWatch
        do {
            watch = SourceWatch(
                source, collector: try collectors.make(source),
                redactor: try Redactor(key: key, secrets: source.secrets), now: { self.control.now }
            )
        } catch {
            let at = control.now
            await deliver(
                source,
                Observation(
                    started: at, ended: at,
                    failure: CoverageGap(
                        subject: nil, cause: .unreachable,
                        detail: VisibleText.escape("its settings don't fit: \(error)"))))
            return
        }
        await watch.run { observation in await deliver(source, observation) }
    }

    private func deliver(_ source: DriftSource, _ observation: Observation) async {
        do {
            _ = try await control.observe(source.id, observation, by: nil)
        } catch is CancellationError {
            return
        } catch {
            logger.error(
                "an observation was not taken",
                metadata: ["source": "\(source.id)", "error": "\(error)"])
        }
    }
}
