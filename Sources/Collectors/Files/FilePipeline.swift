// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Synchronization

/// Hands batches to worker threads, and their results back in the order of the batches.
final class FilePipeline: Sendable {
    private struct State {
        /// Batches that nobody has taken yet, from the place `taken` on.
        var waiting: [FileBatch] = []
        var taken = 0
        var results: [Int: FileResults] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let workers: Int

    /// Starts the threads; call ``close()`` in any case.
    init(_ reading: FileReading) {
        workers = max(1, reading.options.workers)
        for _ in 0..<workers {
            let thread = Thread { [self] in run(reading) }
            thread.name = "file scan"
            thread.start()
        }
    }

    func submit(_ batch: FileBatch) {
        state.withLock { $0.waiting.append(batch) }
        work.signal()
    }

    /// Waits for the results of a batch; each can be taken once.
    func take(_ number: Int) -> FileResults {
        while true {
            if let results = takeIfReady(number) { return results }
            done.wait()
        }
    }

    func takeIfReady(_ number: Int) -> FileResults? {
        state.withLock { $0.results.removeValue(forKey: number) }
    }

    /// Lets the threads end once they have done what was submitted, and waits for them.
    func close() {
        state.withLock { $0.isClosed = true }
        for _ in 0..<workers { work.signal() }
        for _ in 0..<workers { ended.wait() }
    }

    private func run(_ reading: FileReading) {
        var reader = FileReader(reading)
        while let batch = next() {
            let results = reader.read(batch)
            state.withLock { $0.results[batch.number] = results }
            done.signal()
        }
        ended.signal()
    }

    private func next() -> FileBatch? {
        work.wait()
        return state.withLock { state in
            guard state.taken < state.waiting.count else { return nil }
            let batch = state.waiting[state.taken]
            state.taken += 1
            if state.taken == state.waiting.count {
                state.waiting.removeAll(keepingCapacity: true)
                state.taken = 0
            } else if state.taken > 256 {
                state.waiting.removeFirst(state.taken)
                state.taken = 0
            }
            return batch
        }
    }
}
