// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Reading of standard input before a command is asked for.
public enum StandardInput {
    /// Reads a descriptor to its end.
    ///
    /// A terminal, a closed descriptor and `/dev/null` are ``CommandInput/null``, and so is an
    /// empty input: what it reads is the same. A pipe that nobody writes to and nobody closes
    /// would hold the gate up for ever, so after `patience` without a byte this throws.
    public static func read(
        descriptor: Int32 = 0, limit: Int = CommandLimits.default.inputBytes,
        patience: Duration = .seconds(60)
    ) throws(FreezeError) -> CommandInput {
        var status = stat()
        guard fstat(descriptor, &status) == 0, isatty(descriptor) == 0 else { return .null }
        if status.st_mode & S_IFMT == S_IFCHR || status.st_mode & S_IFMT == S_IFDIR {
            return .null
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let milliseconds = Int32(clamping: patience.components.seconds * 1_000)
        while true {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wanted, 1, milliseconds)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else {
                throw .unreadable(
                    path: "standard input",
                    cause: "nothing comes and it stays open, give it `</dev/null`")
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
}
