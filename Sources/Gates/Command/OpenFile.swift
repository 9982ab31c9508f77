// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Crypto
internal import ExequaturClient
internal import Foundation
internal import TransparencyLog

/// A file descriptor that closes with its last owner.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// Opens a path; throws the cause as text.
    static func open(_ path: String, flags: Int32) throws(SystemFailure) -> Descriptor {
        let number = path.withCString { Foundation.open($0, flags | O_CLOEXEC) }
        guard number >= 0 else { throw SystemFailure(errno) }
        return Descriptor(number)
    }

    /// The path of what is open, links followed; nil where the system does not say.
    func realPath() -> String? {
        var buffer = [UInt8](repeating: 0, count: 4_097)
        let count = readlink("/proc/self/fd/\(number)", &buffer, buffer.count - 1)
        guard count > 0, count < buffer.count - 1 else { return nil }
        return String(validating: buffer[..<count], as: UTF8.self)
    }

    func identity() throws(SystemFailure) -> clinux_identity {
        var identity = clinux_identity()
        let result = clinux_identify(number, &identity)
        guard result == 0 else { throw SystemFailure(-result) }
        return identity
    }
}

/// A regular file, open and hashed through the descriptor that is kept.
///
/// Whatever is done with ``descriptor`` later concerns the very bytes of ``digest``, unless
/// somebody wrote into the same file in between, which ``identity`` tells.
struct OpenFile: Sendable {
    let path: String
    let descriptor: Descriptor
    let digest: String
    let size: Int
    let identity: clinux_identity
    /// The bytes, where the file is no longer than was asked to be kept.
    let bytes: [UInt8]?
    /// The first bytes, by which kinds of executables are told apart.
    let head: [UInt8]

    /// Opens and hashes the file at a path that has no links in it.
    ///
    /// - Parameters:
    ///   - path: an absolute path.
    ///   - keeping: how long a file may be, in bytes, for its bytes to be kept.
    ///   - limit: how long it may be at all.
    /// - Throws: ``SystemFailure``, also for what is no regular file or changes meanwhile.
    init(canonical path: String, keeping: Int, limit: Int) throws(SystemFailure) {
        // Non-blocking, so that a FIFO put in the file's place cannot hold the gate up.
        let descriptor = try Descriptor.open(path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        let before = try descriptor.identity()
        guard before.mode & UInt32(S_IFMT) == UInt32(S_IFREG) else {
            throw SystemFailure(text: "not a regular file")
        }
        guard before.size <= limit else {
            throw SystemFailure(text: "larger than \(limit) bytes")
        }
        var hash = SHA256()
        var kept: [UInt8] = []
        var head: [UInt8] = []
        var offset = 0
        var chunk = [UInt8](repeating: 0, count: 262_144)
        while true {
            let count = pread(descriptor.number, &chunk, chunk.count, off_t(offset))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemFailure(errno) }
            if count == 0 { break }
            hash.update(data: chunk[..<count])
            if head.isEmpty { head = Array(chunk[..<min(count, 4_096)]) }
            if before.size <= keeping { kept += chunk[..<count] }
            offset += count
            guard offset <= limit else { throw SystemFailure(text: "grows while it is read") }
        }
        let after = try descriptor.identity()
        guard offset == before.size, before.isSame(as: after) else {
            throw SystemFailure(text: "changed while it was hashed, try again")
        }
        self.path = path
        self.descriptor = descriptor
        self.digest = "sha256:" + Hex.encode(hash.finalize())
        self.size = offset
        self.identity = before
        self.bytes = before.size <= keeping ? kept : nil
        self.head = head
    }
}

extension clinux_identity {
    func isSame(as other: clinux_identity) -> Bool {
        device == other.device && inode == other.inode && size == other.size
            && modified_seconds == other.modified_seconds
            && modified_nanoseconds == other.modified_nanoseconds
            && changed_seconds == other.changed_seconds
            && changed_nanoseconds == other.changed_nanoseconds
    }
}
