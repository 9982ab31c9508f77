// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Foundation
internal import Synchronization

/// Nonces on the disk, in a file that only this process writes.
///
/// A nonce is written down while the service is asked, not after, so that the disk costs no time of
/// its own. Nonces are made by this process, from 32 random bytes each, so that no other process
/// can hold one of them; what the journal adds is that one on which something may have been executed
/// stays on the disk, whatever happens to the process.
final class NonceJournal: Sendable {
    private enum Entry {
        /// On its way to the disk; who waits for it.
        case writing([CheckedContinuation<Void, Never>])
        case written
        case failed
        /// Something may have been executed on it.
        case used
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// What the thread writes next.
        var queue: [String] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wake = NSCondition()
    private let descriptor: Int32

    /// The file grows by this much at a time, in zeros: writing into what is there already needs
    /// no change of the file's length on the disk, which halves the time of a sync.
    private static let step = 65_536
    /// Nonces that are remembered: those in use, and those used in the process's life.
    private static let limit = 1_000_000

    /// Takes the descriptor of an empty file, which is closed with the journal.
    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        let thread = Thread { self.write() }
        thread.stackSize = 1 << 19
        thread.start()
    }

    /// Ends the thread, once it has written what it was given.
    func end() {
        state.withLock { $0.isClosed = true }
        signal()
    }

    private func signal() {
        wake.lock()
        wake.signal()
        wake.unlock()
    }

    /// Begins to write a nonce down; nothing happens for one that is known.
    func reserve(_ nonce: String) {
        let isNew = state.withLock { state in
            guard state.entries[nonce] == nil, state.entries.count < Self.limit else {
                return false
            }
            state.entries[nonce] = .writing([])
            state.queue.append(nonce)
            return true
        }
        if isNew { signal() }
    }

    /// Forgets a nonce that nothing was claimed with; the disk keeps it.
    func release(_ nonce: String) {
        state.withLock { state in
            switch state.entries[nonce] {
            case .used: break
            // Somebody means to use it after all.
            case .writing(let waiting) where !waiting.isEmpty: break
            default: state.entries[nonce] = nil
            }
        }
    }

    /// Uses a nonce up; it is on the disk when this returns.
    ///
    /// A crash after that has used up the nonce; a crash before has executed nothing, because the
    /// caller executes only on our return.
    func use(_ nonce: String) async throws(GateFailure) {
        reserve(nonce)
        await withCheckedContinuation { continuation in
            let isWriting = state.withLock { state in
                guard case .writing(let waiting) = state.entries[nonce] else { return false }
                state.entries[nonce] = .writing(waiting + [continuation])
                return true
            }
            if !isWriting { continuation.resume() }
        }
        try state.withLock { state throws(GateFailure) in
            switch state.entries[nonce] {
            case .written: state.entries[nonce] = .used
            case .used: throw .refused("the nonce of this claim was used before")
            case .failed:
                throw .refused("the nonce cannot be recorded in its journal: is the disk full?")
            case .writing, nil:
                // There was no room for it.
                throw .refused("this gate has used \(Self.limit) nonces: restart it")
            }
        }
    }

    // MARK: the thread

    /// Writes what is there with one sync, again and again.
    private func write() {
        var (end, reach) = (0, 0)
        while let batch = next() {
            let bytes = batch.flatMap { Array("\($0)\n".utf8) }
            let isWritten = append(bytes, at: end, &reach)
            if isWritten { end += bytes.count }
            let waiting = state.withLock { state in
                batch.flatMap { nonce -> [CheckedContinuation<Void, Never>] in
                    // What was released meanwhile is forgotten.
                    guard case .writing(let waiting) = state.entries[nonce] else { return [] }
                    state.entries[nonce] = isWritten ? .written : .failed
                    return waiting
                }
            }
            for each in waiting { each.resume() }
        }
        close(descriptor)
    }

    private func next() -> [String]? {
        wake.lock()
        defer { wake.unlock() }
        while true {
            let (batch, isClosed) = state.withLock { state in
                defer { state.queue = [] }
                return (state.queue, state.isClosed)
            }
            if !batch.isEmpty { return batch }
            if isClosed { return nil }
            wake.wait()
        }
    }

    private func append(_ bytes: [UInt8], at end: Int, _ reach: inout Int) -> Bool {
        while end + bytes.count > reach {
            let zeros = [UInt8](repeating: 0, count: Self.step)
            guard pwrite(descriptor, zeros, zeros.count, off_t(reach)) == zeros.count,
                clinux_sync(descriptor) == 0
            else { return false }
            reach += zeros.count
        }
        return pwrite(descriptor, bytes, bytes.count, off_t(end)) == bytes.count
            && clinux_sync_data(descriptor) == 0
    }
}
