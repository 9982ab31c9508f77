// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import ExequaturClient
internal import Foundation
internal import Synchronization

/// Which of the two streams of a command.
package enum CommandStream: String, Sendable, Hashable {
    case output = "stdout"
    case error = "stderr"
}

/// Takes what a command writes.
package struct CommandOutput: Sendable {
    /// Called in the order in which it was read, in one thread; may block, which holds up the
    /// command as a full pipe would.
    package let write: @Sendable (CommandStream, [UInt8]) -> Void

    /// Describes a taker.
    package init(write: @escaping @Sendable (CommandStream, [UInt8]) -> Void) {
        self.write = write
    }
}

/// Commands that run in sessions of their own, so that they can be ended with all they started.
package final class RunningCommands: Sendable {
    private let children = Mutex<Set<pid_t>>([])

    /// Knows of none yet.
    package init() {}

    /// How many run.
    package var count: Int { children.withLock { $0.count } }

    func add(_ child: pid_t) { children.withLock { _ = $0.insert(child) } }

    /// Waits for a child's end and gives its number back.
    func wait(_ child: pid_t, code: inout Int32, signal: inout Int32) -> Int32 {
        let result = clinux_await(child)
        return children.withLock { children in
            // Under the lock, so that no signal can go to another process of the same number.
            children.remove(child)
            return result == 0 ? clinux_reap(child, &code, &signal) : result
        }
    }

    /// Sends a signal to all of them, with what they started in their process group.
    package func send(_ signal: Int32) {
        children.withLock { children in
            for child in children { kill(-child, signal) }
        }
    }
}

/// The reading ends of a command's standard output and error.
struct OutputPipes: ~Copyable {
    private var reading: [(stream: CommandStream, descriptor: Descriptor)] = []
    private var writing: [Descriptor] = []

    private static let chunk = 49_152
    /// What is read once the command is over: more than a pipe holds, so all that it wrote, and
    /// not all that something in the background goes on to write.
    private static let afterEnd = 1_048_576

    init() throws(CommandStartError) {
        for stream in [CommandStream.output, .error] {
            var ends: [Int32] = [-1, -1]
            guard clinux_pipe(&ends) == 0 else {
                throw CommandStartError(description: "no pipe: too many files are open")
            }
            reading.append((stream, Descriptor(ends[0])))
            writing.append(Descriptor(ends[1]))
        }
    }

    /// Standard output and error of the command.
    var numbers: (output: Int32, error: Int32) { (writing[0].number, writing[1].number) }

    /// Only the command has the writing ends from now on.
    mutating func closeWriting() { writing = [] }

    /// Hands on what the command writes until both streams are closed, or it is over and what it
    /// left in the background is silent.
    mutating func relay(to output: CommandOutput, of child: pid_t) {
        var isOver = false
        var late = 0
        while !reading.isEmpty {
            var wanted = reading.map {
                pollfd(fd: $0.descriptor.number, events: Int16(POLLIN), revents: 0)
            }
            let ready = poll(&wanted, nfds_t(wanted.count), 100)
            if ready < 0, errno != EINTR { return }
            if isOver, ready <= 0 || late > Self.afterEnd { return }
            isOver = isOver || clinux_is_over(child) != 0
            guard ready > 0 else { continue }
            for index in wanted.indices.reversed() where wanted[index].revents != 0 {
                let count = read(reading[index], to: output)
                if isOver { late += count }
                if count == 0 { reading.remove(at: index) }
            }
        }
    }

    /// Returns how many bytes it handed on; 0 when there will be no more.
    private func read(
        _ source: (stream: CommandStream, descriptor: Descriptor), to output: CommandOutput
    ) -> Int {
        var bytes = [UInt8](repeating: 0, count: Self.chunk)
        var count = Foundation.read(source.descriptor.number, &bytes, bytes.count)
        while count < 0, errno == EINTR {
            count = Foundation.read(source.descriptor.number, &bytes, bytes.count)
        }
        guard count > 0 else { return 0 }
        bytes.removeSubrange(count...)
        output.write(source.stream, bytes)
        return count
    }
}
