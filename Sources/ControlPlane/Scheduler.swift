// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import DriftCore
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

    /// What was approved and not carried out at once, because of a stop, is looked for this often.
    private static let carryEvery = 25

    package init(_ control: ControlPlane) { self.control = control }

    package func run() async throws {
        var rounds = 0
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.period) }
            rounds += 1
            do {
                try await round()
                if rounds % Self.carryEvery == 1 {
                    try await attempt("changes of this server's own rules") {
                        try await control.carryOutWhatIsLeft()
                    }
                }
                if rounds % Self.countEvery == 0 { try await housekeeping() }
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

    /// What falls due now, once.
    func round() async throws {
        control.feed.sweep(now: control.now)
        // Also when nothing is due: a server that can't clear anything shouldn't linger.
        if let stopped = control.writer.stopped { throw stopped }
        try await control.watchClock()
        guard control.clock.isTrusted else { return }
        let now = control.now
        let due = try control.backend.read { reader in
            try reader.dueActions(at: now, limit: Self.dueLimit)
        }
        for row in due {
            try await attempt("action \(row.id)") { try await control.tick(row.id) }
        }
        try await control.reevaluateOpenActions { id in
            try await attempt("action \(id)") { try await control.reevaluate(id) }
        }
        for id in control.heartbeats.silent(now: now) {
            try await attempt("action \(id)") { try await control.markSilent(id) }
        }
        for source in control.governance.drift.sources.values {
            try await attempt("source \(source.id)") {
                try await control.watchSilence(of: source)
            }
        }
    }

    /// One that can't be read must not keep the others from their deadlines.
    private func attempt(_ what: String, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as LedgerUnavailable {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            control.logger.critical(
                "what is due can't be read: it may have been tampered with",
                metadata: ["what": "\(what)", "error": "\(error)"])
        }
    }

    /// What need not be punctual.
    func housekeeping() async throws {
        try await control.recordCountedAttempts()
        try await control.writeLastUses()
        try await control.forgetExpiredRows()
        try await control.forgetOldEffects()
    }
}

/// Lets waiting clients go as soon as a shutdown begins; they come back to the next server.
package struct WaiterRelease: Service {
    private let control: ControlPlane

    package init(_ control: ControlPlane) { self.control = control }

    package func run() async throws {
        try? await gracefulShutdown()
        control.feed.close()
    }
}
