// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import Foundation
internal import Synchronization

/// Writes whole lines to a descriptor, from whatever thread, and never waits for who reads them.
///
/// A line goes out at once where the pipe takes it. Where it does not, a thread of the writer's own
/// does the waiting, and later lines queue behind it: beside one line as much as the backlog, or one
/// larger line. What comes then is not taken, or, where nothing may be lost, whoever brings it waits
/// by ``waitForRoom()`` before.
final class LineWriter: Sendable {
    private struct State {
        var isOpen = true
        /// Closes once all is written.
        var isClosing = false
        /// Whether the thread runs: it alone writes then.
        var isDraining = false
        /// What the thread has still to write; it is at the first.
        var queue: [[UInt8]] = []
        /// Bytes behind the first.
        var queued = 0
    }

    private let descriptor: Int32
    /// Whether the file behind the descriptor is this process's alone, so that its mode may change.
    private let isOwn: Bool
    private let state = Mutex(State())
    /// Where those wait who bring more than there is room for.
    private let room = NSCondition()

    /// What may wait behind the line that is being written.
    private static let backlog = 4_194_304
    /// A pipe that can be written to takes as much without waiting (POSIX, `PIPE_BUF`).
    private static let atOnce = 4_096

    /// Makes one; with `isOwn` writes to the descriptor no longer wait, for nobody who shares it.
    init(_ descriptor: Int32, isOwn: Bool) {
        self.descriptor = descriptor
        self.isOwn = isOwn
        if isOwn {
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL, 0) | O_NONBLOCK)
        }
    }

    /// Takes a line, with `always` however much waits; false once the other side is gone, or does
    /// not read what is there already.
    @discardableResult
    func write(_ line: [UInt8], always: Bool = false) -> Bool {
        let bytes = line + [UInt8(ascii: "\n")]
        return state.withLock { state in
            guard state.isOpen, !state.isClosing else { return false }
            if state.isDraining {
                guard always || state.queued == 0 || state.queued + bytes.count <= Self.backlog
                else { return false }
                state.queue.append(bytes)
                state.queued += bytes.count
                return true
            }
            guard let written = writeAtOnce(bytes) else {
                shut(&state)
                return false
            }
            guard written < bytes.count else { return true }
            state.queue = [Array(bytes[written...])]
            state.isDraining = true
            startThread()
            return true
        }
    }

    /// Holds up the calling thread while the other side does not read.
    func waitForRoom() {
        room.lock()
        while state.withLock({ $0.isOpen && $0.queued > Self.backlog }) { room.wait() }
        room.unlock()
    }

    private func tellWaiting() {
        room.lock()
        room.broadcast()
        room.unlock()
    }

    /// Whether nothing waits to be written.
    var isIdle: Bool { state.withLock { !$0.isDraining } }

    /// Closes the descriptor once what was taken is written; what comes later goes nowhere.
    func close() {
        state.withLock { state in
            state.isClosing = true
            if !state.isDraining { shut(&state) }
        }
    }

    private func shut(_ state: inout State) {
        if state.isOpen { Foundation.close(descriptor) }
        state.isOpen = false
        state.queue = []
        state.queued = 0
    }

    /// As much as goes without waiting; nil where nobody will read it.
    private func writeAtOnce(_ bytes: [UInt8]) -> Int? {
        if !isOwn, bytes.count > Self.atOnce || !isReady(within: 0) { return 0 }
        var start = 0
        while start < bytes.count {
            let count = put(bytes[start...])
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return start }
            guard count > 0 else { return nil }
            start += count
        }
        return start
    }

    private func put(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    }

    private func isReady(within milliseconds: Int32) -> Bool {
        var event = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&event, 1, milliseconds) > 0
    }

    // MARK: the thread

    private func startThread() {
        let thread = Thread { self.drain() }
        thread.stackSize = 1 << 20
        thread.start()
    }

    private func drain() {
        while let line = next() {
            let isWritten = writeAll(line)
            state.withLock { state in
                if isWritten {
                    state.queue.removeFirst()
                    state.queued -= state.queue.first?.count ?? 0
                } else {
                    shut(&state)
                }
            }
            tellWaiting()
        }
    }

    /// The next line; the end of the thread where there is none.
    private func next() -> [UInt8]? {
        state.withLock { state in
            if let line = state.queue.first { return line }
            state.isDraining = false
            if state.isClosing { shut(&state) }
            return nil
        }
    }

    private func writeAll(_ bytes: [UInt8]) -> Bool {
        var start = 0
        while start < bytes.count {
            // Whether it is ready or broken, writing tells.
            guard isReady(within: -1) || errno == EINTR else { return false }
            let count = put(bytes[start...])
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return false }
            start += count
        }
        return true
    }
}
