// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Logging
internal import ServiceLifecycle
internal import Storage

/// Lets time act: deadlines, lapsing grants, silent gates, waiting clients, the clock watch.
///
/// It holds no list of its own; what is due is asked of the store, so that a restart forgets
/// nothing. A deadline that is acted on late is still enforced in time, because every command
/// checks it itself.
package struct Scheduler: Service {
    private let control: ControlPlane
    private static let period: Duration = .milliseconds(200)
    private static let dueLimit = 256
    /// Counted attempts become an entry this often, in periods.
    private static let countEvery = 300

    package init(_ control: ControlPlane) { self.control = control }

    package func run() async throws {
        var rounds = 0
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.period) }
            control.feed.sweep(now: control.now)
            rounds += 1
            do {
                try await watchClock()
                try await actOnDeadlines()
                try await findSilentGates()
                if rounds % Self.countEvery == 0 { try await control.recordCountedAttempts() }
            } catch is CancellationError {
                break
            } catch let error as LedgerUnavailable {
                if case .stopped = error {
                    // The ledger can't be written: nothing is cleared any more, so the process
                    // ends and its supervisor starts it again, which reads what is really there.
                    control.logger.critical(
                        "the ledger stopped", metadata: ["reason": "\(error)"])
                    if !Task.isShuttingDownGracefully { throw error }
                    break
                }
            } catch {
                control.logger.error(
                    "the scheduler met an error", metadata: ["error": "\(error)"])
            }
        }
        control.feed.close()
    }

    private func watchClock() async throws {
        let stepped = control.clock.observe(
            wall: control.effects.wallClock(), monotonic: control.effects.monotonicSeconds())
        if stepped {
            control.logger.error(
                "the clock moved", metadata: ["reason": "\(control.clock.explanation ?? "")"])
            try await control.recordClockStep()
        }
    }

    private func actOnDeadlines() async throws {
        guard control.clock.isTrusted else { return }
        let now = control.now
        let due = try control.backend.read { reader in
            try reader.dueActions(at: now, limit: Self.dueLimit)
        }
        for row in due { try await control.tick(row.id) }
    }

    private func findSilentGates() async throws {
        guard control.clock.isTrusted else { return }
        for id in control.heartbeats.silent(now: control.now) {
            try await control.markSilent(id)
        }
    }
}
