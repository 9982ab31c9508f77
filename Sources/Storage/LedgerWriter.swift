// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Dispatch
internal import Foundation
package import Logging
internal import Synchronization
package import TransparencyLog

/// The one writer: commands queue, each batch is one transaction and one sync.
///
/// There is no timer: while one batch commits, the next one gathers, so batches grow with the
/// number of clients and a lone client never waits. The writer has a thread of its own because
/// it blocks on the disk, which the shared pool of two threads must not.
package final class LedgerWriter: Sendable {
    /// One queued command; `run` decides and applies, and returns what to call after commit.
    struct Command: Sendable {
        let run: @Sendable (WriterCore, any LedgerWriting, Timestamp) throws -> Completion
        let fail: @Sendable (any Error) -> Void
    }

    typealias Completion = @Sendable (LedgerHead) -> Void

    private struct Queue {
        var commands: [Command] = []
        var stopped: LedgerUnavailable?
        var finishing = false
    }

    /// Holds the closure in a type of its own: a bare closure in a `Mutex` is wrapped once more
    /// by every access, so that each batch would be slower than the one before.
    private struct Observer {
        var call: (@Sendable (CommittedBatch) -> Void)?
    }

    /// Commands that make new work may fill this much of the queue.
    private static let intakeLimit = 6144
    /// The rest is kept for decisions, revocations and outcomes (DESIGN §4.14).
    private static let queueLimit = 8192
    /// Entries per batch are bounded so that one batch can't hold all others up for long.
    private static let batchLimit = 512

    private let queue = Mutex(Queue())
    private let wake = DispatchSemaphore(value: 0)
    private let finished = DispatchSemaphore(value: 0)
    private let published: Mutex<LedgerHead>
    /// The instant of the published head; asked for far more often than the rest of it.
    private let publishedAt: Atomic<Int64>
    private let observer = Mutex(Observer())
    private let backend: any LedgerBackend
    private let logger: Logger

    /// Starts the thread on a recovered ledger.
    package init(
        backend: any LedgerBackend, recovered: RecoveredLedger, key: SigningKey,
        wallClock: @escaping @Sendable () -> Timestamp, seal: SnapshotSeal? = nil,
        logger: Logger
    ) {
        self.backend = backend
        self.logger = logger
        published = Mutex(recovered.head)
        publishedAt = Atomic(recovered.head.at.milliseconds)
        let thread = Thread { [self] in
            loop(
                WriterCore(recovered: recovered, key: key, wallClock: wallClock, seal: seal))
            finished.signal()
        }
        thread.name = "ledger"
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// The tree of the last committed batch.
    package var head: LedgerHead { published.withLock { $0 } }

    /// The latest recorded instant.
    package var recordedAt: Timestamp {
        Timestamp(milliseconds: publishedAt.load(ordering: .acquiring))
    }

    /// How many commands wait for the next batch.
    package var waiting: Int { queue.withLock { $0.commands.count } }

    /// Nil while the writer works; otherwise why it stopped.
    package var stopped: LedgerUnavailable? { queue.withLock { $0.stopped } }

    /// Is told every committed batch, in order, on the writer's thread.
    package func observe(_ body: @escaping @Sendable (CommittedBatch) -> Void) {
        observer.withLock { $0.call = body }
    }

    /// What a command is for; decides how much of the queue it may use.
    package enum Priority: Sendable {
        case intake
        case control
    }

    /// Queues one command and returns when its batch is durable.
    ///
    /// `decide` is called once, on the writer's thread, inside the transaction; what it
    /// throws goes to this caller alone and nothing is recorded for it.
    /// Throws what `decide` throws, or `LedgerUnavailable`.
    package func submit<Value: Sendable>(
        priority: Priority = .control,
        _ decide: @escaping @Sendable (LedgerView) throws -> LedgerPlan<Value>
    ) async throws -> Recorded<Value> {
        try await withCheckedThrowingContinuation { continuation in
            enqueue(
                priority,
                Command(
                    run: { core, store, now in
                        let plan = try decide(core.view(store, now))
                        let entries = try core.apply(plan, store, now)
                        return { head in
                            continuation.resume(
                                returning: Recorded(
                                    value: plan.value, entries: entries, head: head))
                        }
                    },
                    fail: { continuation.resume(throwing: $0) }))
        }
    }

    private func enqueue(_ priority: Priority, _ command: Command) {
        let limit = priority == .intake ? Self.intakeLimit : Self.queueLimit
        let refusal: LedgerUnavailable? = queue.withLock { queue in
            if let stopped = queue.stopped { return stopped }
            if queue.finishing { return .stopped("the server is shutting down") }
            if queue.commands.count >= limit { return .overloaded }
            queue.commands.append(command)
            return nil
        }
        if let refusal {
            command.fail(refusal)
        } else {
            wake.signal()
        }
    }

    /// Takes no more entries, for good: the ledger was found to be rolled back or forked.
    package func halt(_ reason: String) {
        logger.critical("the ledger is halted", metadata: ["reason": "\(reason)"])
        let waiting = queue.withLock { queue in
            queue.stopped = queue.stopped ?? .stopped(reason)
            defer { queue.commands = [] }
            return queue.commands
        }
        for command in waiting { command.fail(LedgerUnavailable.stopped(reason)) }
    }

    /// Commits what is queued and ends the thread; safe to call twice.
    package func finish() {
        let first = queue.withLock { queue in
            defer { queue.finishing = true }
            return !queue.finishing
        }
        guard first else { return }
        wake.signal()
        finished.wait()
    }

    private func loop(_ core: WriterCore) {
        while true {
            wake.wait()
            let (batch, finishing) = queue.withLock { queue -> ([Command], Bool) in
                let count = min(queue.commands.count, Self.batchLimit)
                let batch = Array(queue.commands.prefix(count))
                queue.commands.removeFirst(count)
                return (batch, queue.finishing && queue.commands.isEmpty)
            }
            if !batch.isEmpty, !commit(batch, core) { return }
            if finishing { return leaveSnapshot(core) }
        }
    }

    /// Spares the next start most of its reading; failing to is no loss.
    private func leaveSnapshot(_ core: WriterCore) {
        guard stopped == nil, core.wantsSnapshot else { return }
        do {
            try backend.write { try core.putSnapshot($0) }
        } catch {
            logger.error("no snapshot was left", metadata: ["error": "\(error)"])
        }
    }

    /// One transaction.
    ///
    /// Returns false if the writer must stop.
    private func commit(_ batch: [Command], _ core: WriterCore) -> Bool {
        var completions: [Completion] = []
        var refused: [(Command, any Error)] = []
        var decided = 0
        do {
            try backend.write { store in
                let now = core.beginBatch()
                for command in batch {
                    do {
                        completions.append(try command.run(core, store, now))
                    } catch let error as StoreWriteError {
                        // A row could not be written: the batch as a whole is in doubt.
                        throw error
                    } catch {
                        refused.append((command, error))
                    }
                    decided += 1
                }
                try core.endBatch(store)
            }
        } catch {
            // A crash before the commit record is on disk loses the batch, and nobody was told
            // of it; a failure here may be either, so the process must not go on signing. The
            // next start reads what is really there.
            stop(batch, completions: completions, refused: refused, error)
            return false
        }
        // From here on the batch is durable: only now may the checkpoint leave the process.
        let head = core.head
        published.withLock { $0 = head }
        publishedAt.store(head.at.milliseconds, ordering: .releasing)
        if let observer = observer.withLock({ $0.call }), !core.batchEntries.isEmpty {
            observer(core.committed)
        }
        for completion in completions { completion(head) }
        for (command, error) in refused { command.fail(error) }
        return true
    }

    private func stop(
        _ batch: [Command], completions: [Completion], refused: [(Command, any Error)],
        _ error: any Error
    ) {
        let reason = LedgerUnavailable.stopped("a commit failed: \(error); restart the server")
        logger.critical(
            "a commit failed, the ledger is stopped", metadata: ["error": "\(error)"])
        let waiting = queue.withLock { queue in
            queue.stopped = reason
            defer { queue.commands = [] }
            return queue.commands
        }
        for command in batch + waiting { command.fail(reason) }
    }
}
