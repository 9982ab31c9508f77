// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import ExequaturClient
internal import Foundation

/// Reading of standard input before a command is asked for.
public enum StandardInput {
    /// Reads a descriptor to its end.
    ///
    /// A terminal, a closed descriptor and `/dev/null` are ``CommandInput/null``, and so is an
    /// empty input: what the command reads is the same.
    ///
    /// Programs often leave a pipe open that they never write to. It must not hold the command
    /// up for ever, and a slow producer must not lose its data: a pipe that is some process's
    /// standard output is read to its end however long that takes; any other is taken as empty
    /// when nothing comes for `grace`, and refused when it falls silent halfway for `patience`.
    /// - Parameters:
    ///   - descriptor: what to read.
    ///   - limit: how many bytes are taken at most.
    ///   - grace: how long the first byte may take.
    ///   - patience: how long each further one may take.
    ///   - silence: called when an open but silent input is taken as empty.
    /// - Returns: the input.
    /// - Throws: ``FreezeError``.
    public static func read(
        descriptor: Int32 = 0, limit: Int = CommandLimits.default.inputBytes,
        grace: Duration = .seconds(2), patience: Duration = .seconds(60),
        silence: () -> Void = {}
    ) throws(FreezeError) -> CommandInput {
        var found = clinux_identity()
        guard clinux_identify(descriptor, &found) == 0, isatty(descriptor) == 0 else {
            return .null
        }
        let kind = found.mode & S_IFMT
        if kind == S_IFCHR || kind == S_IFDIR { return .null }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wanted, 1, milliseconds(bytes.isEmpty ? grace : patience))
            if ready < 0, errno == EINTR { continue }
            if ready <= 0 {
                if kind == S_IFIFO, isSomebodysOutput(found.inode) { continue }
                guard bytes.isEmpty else {
                    throw .unreadable(
                        path: "standard input", cause: "it fell silent before its end")
                }
                silence()
                return .null
            }
            let count = Foundation.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count >= 0 else {
                throw .unreadable(
                    path: "standard input", cause: SystemFailure(errno).description)
            }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= limit else {
                throw .tooLarge(what: "standard input", limit: limit)
            }
        }
        return bytes.isEmpty ? .null : .bytes(bytes)
    }

    private static func milliseconds(_ duration: Duration) -> Int32 {
        Int32(min(max(1, duration / .milliseconds(1)), 1_000_000))
    }

    /// Tells whether a pipe is the standard output of another process, as in `producer | gate`.
    ///
    /// Where a process of this one's group does not let itself be looked at, it is taken for the
    /// producer: `sudo producer | gate`.
    private static func isSomebodysOutput(_ inode: UInt64) -> Bool {
        let target = "pipe:[\(inode)]"
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for process in entries.compactMap({ pid_t($0) }) where process != getpid() {
            var buffer = [UInt8](repeating: 0, count: 64)
            let count = readlink("/proc/\(process)/fd/1", &buffer, buffer.count)
            if count < 0 {
                if errno == EACCES, getpgid(process) == getpgrp() { return true }
                continue
            }
            if String(decoding: buffer[..<count], as: UTF8.self) == target { return true }
        }
        return false
    }
}
