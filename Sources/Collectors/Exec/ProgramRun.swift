// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import DriftCore
internal import Foundation
internal import Synchronization

/// A program that runs, spoken with by one thread and ended by any.
///
/// Its number stays its own until it is reaped, so that whoever ends it can't hit another.
final class ProgramRun: Sendable {
    private struct State {
        var child: pid_t?
        var isEnded = false
    }

    private let state = Mutex(State())

    /// Ends it with all of its group, now or as soon as it starts.
    func end() {
        state.withLock { state in
            state.isEnded = true
            if let child = state.child { kill(-child, SIGKILL) }
        }
    }

    /// Runs it, blocking this thread, which must be its own: for good SIGPIPE is blocked in it, and
    /// it gains no privileges by executing something.
    ///
    /// - Parameters:
    ///   - program: what to start.
    ///   - limit: the most bytes of standard output.
    ///   - patience: milliseconds that it has after `talk` to end by itself; nil: until its time is
    ///     up.
    ///   - talk: speaks with it; what it left behind in its group is ended in the end.
    /// - Returns: what `talk` returned, and how the program ended.
    /// - Throws: ``CollectorFailure``.
    func run<Value>(
        _ program: PinnedProgram, limit: Int, patience: Int?,
        _ talk: (inout ProgramTalk) throws(CollectorFailure) -> Value
    ) throws(CollectorFailure) -> (Value, ProgramEnd) {
        Self.blockPipeSignals()
        // A watcher must not become more than who started it, by way of a setuid program.
        let forbidden = clinux_forbid_new_privileges()
        guard forbidden == 0 else {
            throw CollectorFailure(.unreachable, SystemText.of(-forbidden))
        }
        var made = try ProgramTalk(program, limit: limit)
        let child = made.child
        state.withLock { state in
            state.child = child
            if state.isEnded { kill(-child, SIGKILL) }
        }
        let result: Result<Value, CollectorFailure>
        do throws(CollectorFailure) {
            result = .success(try talk(&made))
        } catch {
            result = .failure(error)
        }
        made.closeInput()
        if case .success = result { Self.wait(for: child, patience) }
        let end = finish(child, lastWords: made.lastWords)
        switch result {
        case .success(let value): return (value, end)
        case .failure(let failure):
            throw end.wasEnded
                ? failure : CollectorFailure(failure.cause, failure.detail + end.saying)
        }
    }

    private static func blockPipeSignals() {
        var pipes = sigset_t()
        sigemptyset(&pipes)
        sigaddset(&pipes, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipes, nil)
    }

    private static func wait(for child: pid_t, _ patience: Int?) {
        guard let patience else {
            _ = clinux_await(child)
            return
        }
        var waited = 0
        while waited < patience, clinux_is_over(child) == 0 {
            usleep(10_000)
            waited += 10
        }
    }

    /// Ends what is left of it and gives its number back.
    private func finish(_ child: pid_t, lastWords: String) -> ProgramEnd {
        let hasEnded = clinux_is_over(child) == 1
        kill(-child, SIGKILL)
        _ = clinux_await(child)
        return state.withLock { state in
            var (code, signal): (Int32, Int32) = (-1, -1)
            clinux_reap(child, &code, &signal)
            state.child = nil
            return ProgramEnd(
                code: hasEnded && signal < 0 ? code : nil, wasEnded: state.isEnded,
                lastWords: lastWords)
        }
    }
}

/// How a program ended.
struct ProgramEnd: Sendable, Hashable {
    /// Its exit code; nil where a signal ended it.
    let code: Int32?
    /// Whether it was ended because its time was up.
    let wasEnded: Bool
    /// The last line of its standard error, escaped; empty without one.
    let lastWords: String

    /// What it said last, to be appended to a message.
    var saying: String { lastWords.isEmpty ? "" : "; it said last: \(lastWords)" }
}

/// The ends of the pipes to a program.
struct ProgramTalk {
    let child: pid_t
    private let limit: Int
    private var input: OwnedDescriptor?
    private let output: OwnedDescriptor
    private let error: OwnedDescriptor
    private var errorIsOpen = true
    /// What was read and not yet returned.
    private var pending: [UInt8] = []
    private var total = 0
    /// The end of what it wrote to standard error.
    private var errors: [UInt8] = []

    /// How much of standard error is kept: its last line is told where something goes wrong.
    private static let errorBytes = 4_096
    private static let chunk = 65_536
    /// Milliseconds between looks whether it is over: what it left behind may hold pipes open.
    private static let pause: Int32 = 100

    /// Starts a program.
    init(_ program: PinnedProgram, limit: Int) throws(CollectorFailure) {
        self.limit = limit
        let toChild = try Self.pipe()
        let fromChild = try Self.pipe()
        let errors = try Self.pipe()
        child = try program.start(
            input: toChild.reading, output: fromChild.writing, error: errors.writing)
        // The child's ends close with this scope, else no end would ever be seen.
        input = toChild.writing
        output = fromChild.reading
        error = errors.reading
    }

    private static func pipe() throws(CollectorFailure) -> (
        reading: OwnedDescriptor, writing: OwnedDescriptor
    ) {
        var ends: [Int32] = [-1, -1]
        let result = clinux_pipe(&ends)
        guard result == 0 else {
            throw CollectorFailure(.unreachable, "no pipe: \(SystemText.of(-result))")
        }
        return (OwnedDescriptor(ends[0]), OwnedDescriptor(ends[1]))
    }

    var lastWords: String {
        let lines = errors.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        return lines.last.map { ShownText.line($0) } ?? ""
    }

    /// Closes its standard input.
    mutating func closeInput() { input = nil }

    /// Writes to its standard input; blocks while it reads nothing.
    mutating func send(_ bytes: [UInt8]) throws(CollectorFailure) {
        guard let input else { return }
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                write(input.number, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                // Standard error says why, most of the time.
                while try fill() {}
                throw CollectorFailure(.unreachable, "the program reads no input")
            }
            sent += count
        }
    }

    /// The rest of its standard output.
    mutating func readAll() throws(CollectorFailure) -> [UInt8] {
        while try fill() {}
        defer { pending = [] }
        return pending
    }

    /// The next line without its end; nil after the last.
    mutating func readLine() throws(CollectorFailure) -> [UInt8]? {
        var searched = 0
        while true {
            if let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(pending[..<end])
                pending.removeSubrange(...end)
                return line
            }
            searched = pending.count
            guard try fill() else {
                defer { pending = [] }
                return pending.isEmpty ? nil : pending
            }
        }
    }

    /// Waits for output and appends it; false at its end.
    private mutating func fill() throws(CollectorFailure) -> Bool {
        var idle = 0
        while true {
            var wanted = [pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)]
            if errorIsOpen {
                wanted.append(pollfd(fd: error.number, events: Int16(POLLIN), revents: 0))
            }
            let ready = poll(&wanted, nfds_t(wanted.count), Self.pause)
            if ready < 0, errno != EINTR { return false }
            guard ready > 0 else {
                if clinux_is_over(child) != 0 { idle += 1 }
                if idle > 2 { return false }
                continue
            }
            if wanted.count > 1, wanted[1].revents != 0 {
                let bytes = Self.read(error)
                errorIsOpen = !bytes.isEmpty
                errors = Array((errors + bytes).suffix(Self.errorBytes))
            }
            guard wanted[0].revents != 0 else { continue }
            let bytes = Self.read(output)
            guard !bytes.isEmpty else {
                readLastWords()
                return false
            }
            total += bytes.count
            guard total <= limit else {
                throw CollectorFailure(.tooLarge, "more than \(limit) bytes of output")
            }
            pending += bytes
            return true
        }
    }

    /// What stands in standard error still, once output is over.
    private mutating func readLastWords() {
        for _ in 0..<64 where errorIsOpen {
            var wanted = pollfd(fd: error.number, events: Int16(POLLIN), revents: 0)
            guard poll(&wanted, 1, Self.pause) > 0 else { return }
            let bytes = Self.read(error)
            errorIsOpen = !bytes.isEmpty
            errors = Array((errors + bytes).suffix(Self.errorBytes))
        }
    }

    private static func read(_ source: OwnedDescriptor) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: chunk)
        var count = Foundation.read(source.number, &bytes, bytes.count)
        while count < 0, errno == EINTR {
            count = Foundation.read(source.number, &bytes, bytes.count)
        }
        return count > 0 ? Array(bytes[..<count]) : []
    }
}
