// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import ExequaturClient
internal import Foundation
internal import Synchronization

/// What one agent is answered with, while its command waits and runs.
///
/// Output is held up by a slow reader as a pipe would hold it up: the thread that reads the command
/// needs a credit for each piece, and gets it back when the piece is on its way. A reader who is
/// gone holds up nothing.
final class RunnerReply: Sendable {
    private struct State {
        var isGone = false
        /// No more output is passed on, though somebody may still be there.
        var isDeaf = false
        var hasBeat = false
        var queued = 0
        var passed = 0
        var dropped = 0
        /// Pieces of output that are not taken yet, and since when nothing was.
        var outstanding = 0
        var since = Duration.zero
        /// The end of a pipe into which credits are written; -1 once it is closed.
        var credits: Int32
    }

    /// What is to be sent, in order; ends after the last frame.
    let frames: AsyncStream<RunnerFrame>
    /// Ends the wait for a decision when the agent is gone.
    let abandonment = Abandonment()
    private let queue: AsyncStream<RunnerFrame>.Continuation
    private let state: Mutex<State>
    private let credits: Descriptor
    private let outputLimit: Int
    private let now: @Sendable () -> Duration

    private static let pieces = 8
    private static let backlog = 1_000
    /// How long a reader may take for one piece before the command goes on without him.
    private static let patience = Duration.seconds(600)

    init(
        outputLimit: Int, now: @escaping @Sendable () -> Duration
    ) throws(RunnerRefusal) {
        var ends: [Int32] = [-1, -1]
        guard clinux_pipe(&ends) == 0 else {
            throw RunnerRefusal(.unavailable, "too many files are open: try again later")
        }
        credits = Descriptor(ends[0])
        state = Mutex(State(credits: ends[1]))
        self.outputLimit = outputLimit
        self.now = now
        (frames, queue) = AsyncStream.makeStream()
        let all = [UInt8](repeating: 1, count: Self.pieces)
        _ = Foundation.write(ends[1], all, all.count)
    }

    deinit { state.withLock { Self.closeCredits(&$0) } }

    /// Whether the agent is gone.
    var isGone: Bool { state.withLock { $0.isGone } }

    // MARK: the side of the command

    /// Says something that is no output; a reader with too much of it unread counts as gone.
    func send(_ frame: RunnerFrame) {
        let isTooMuch = state.withLock { state in
            if state.isGone { return false }
            if frame == .beat {
                if state.hasBeat { return false }
                state.hasBeat = true
            }
            state.queued += 1
            queue.yield(frame)
            return state.queued > Self.backlog
        }
        if isTooMuch { leave() }
    }

    /// Passes on what the command wrote; blocks until there is room, or nobody who reads.
    func write(_ stream: CommandStream, _ bytes: [UInt8]) {
        let part = state.withLock { state -> [UInt8] in
            guard !state.isGone, !state.isDeaf else {
                state.dropped += bytes.count
                return []
            }
            let part = Array(bytes.prefix(max(0, outputLimit - state.passed)))
            state.passed += part.count
            state.dropped += bytes.count - part.count
            return part
        }
        guard !part.isEmpty else { return }
        var credit: UInt8 = 0
        var count = read(credits.number, &credit, 1)
        while count < 0, errno == EINTR { count = read(credits.number, &credit, 1) }
        let moment = now()
        state.withLock { state in
            guard count == 1, !state.isGone, !state.isDeaf else {
                state.passed -= part.count
                state.dropped += part.count
                return
            }
            if state.outstanding == 0 { state.since = moment }
            state.outstanding += 1
            queue.yield(.output(stream, part))
        }
    }

    /// The last frame.
    func finish(_ end: RunnerEnd) {
        var end = end
        let dropped = state.withLock { $0.isGone ? 0 : $0.dropped }
        if dropped > 0 {
            end.notes.append(
                "\(dropped) bytes of output are missing: the runner passes on \(outputLimit), and "
                    + "none that is not read for \(Self.patience.components.seconds) s")
        }
        queue.yield(.end(end))
        queue.finish()
    }

    // MARK: the side of the agent

    /// A frame is on its way.
    func taken(_ frame: RunnerFrame) {
        let moment = now()
        state.withLock { state in
            switch frame {
            case .output:
                state.outstanding -= 1
                state.since = moment
                var credit: UInt8 = 1
                if state.credits >= 0 { _ = Foundation.write(state.credits, &credit, 1) }
            case .beat:
                state.hasBeat = false
                state.queued -= 1
            default: state.queued -= 1
            }
        }
    }

    /// The agent is gone: what waits stays pending, what runs goes on.
    func leave() {
        state.withLock { state in
            state.isGone = true
            Self.closeCredits(&state)
        }
        abandonment.abandon()
        queue.finish()
    }

    /// Lets the command go on without a reader who takes nothing.
    func dropIfStuck() {
        let moment = now()
        state.withLock { state in
            guard state.outstanding > 0, moment - state.since > Self.patience else { return }
            state.isDeaf = true
            Self.closeCredits(&state)
        }
    }

    private static func closeCredits(_ state: inout State) {
        guard state.credits >= 0 else { return }
        close(state.credits)
        state.credits = -1
    }
}
