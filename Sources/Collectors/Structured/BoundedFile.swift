// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import DriftCore
internal import Foundation

/// A file descriptor that closes with its last owner.
final class OwnedDescriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// - Throws: ``CollectorFailure``.
    static func open(_ path: String, flags: Int32) throws(CollectorFailure) -> OwnedDescriptor {
        // A path with a NUL would be opened as another one.
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw CollectorFailure(
                .unreadable, "`\(ShownText.line(path))` is no absolute path")
        }
        let number = path.withCString { Foundation.open($0, flags | O_CLOEXEC) }
        guard number >= 0 else {
            throw CollectorFailure(
                errno == ENOENT ? .unreachable : .unreadable,
                "`\(ShownText.line(path))`: \(SystemText.of(errno))")
        }
        return OwnedDescriptor(number)
    }

    /// - Throws: ``CollectorFailure``.
    func identity() throws(CollectorFailure) -> clinux_identity {
        var identity = clinux_identity()
        let result = clinux_identify(number, &identity)
        guard result == 0 else {
            throw CollectorFailure(.unreadable, SystemText.of(-result))
        }
        return identity
    }
}

/// Errors of the system as text.
enum SystemText {
    static func of(_ code: Int32) -> String { String(cString: strerror(code)).lowercased() }
}

/// Regular files, read whole or not at all.
enum BoundedFile {
    /// The bytes of a file, and when it was last written to in seconds since 1970.
    ///
    /// - Throws: ``CollectorFailure``; also for what is no regular file, is larger than `limit`, or
    ///   changes while it is read.
    static func read(
        _ path: String, limit: Int
    ) throws(CollectorFailure) -> (bytes: [UInt8], modified: Int64) {
        // Non-blocking, so that a pipe in the file's place holds nobody up.
        let file = try OwnedDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
        let (bytes, identity) = try read(file, limit: limit, name: path)
        return (bytes, identity.modified_seconds)
    }

    /// The bytes of an open file, and what it was before and after.
    static func read(
        _ file: OwnedDescriptor, limit: Int, name: String
    ) throws(CollectorFailure) -> ([UInt8], clinux_identity) {
        let before = try file.identity()
        let shown = ShownText.line(name)
        guard before.mode & UInt32(S_IFMT) == UInt32(S_IFREG) else {
            throw CollectorFailure(.unreadable, "`\(shown)` is not a regular file")
        }
        guard before.size <= limit else {
            throw CollectorFailure(
                .tooLarge, "`\(shown)` has \(before.size) bytes: at most \(limit) are read")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(before.size) + 1)
        var chunk = [UInt8](repeating: 0, count: 262_144)
        while true {
            let count = pread(file.number, &chunk, chunk.count, off_t(bytes.count))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CollectorFailure(.unreadable, "`\(shown)`: \(SystemText.of(errno))")
            }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= limit else {
                throw CollectorFailure(.changing, "`\(shown)` grows while it is read")
            }
        }
        let after = try file.identity()
        guard bytes.count == Int(before.size), before.isSame(as: after) else {
            throw CollectorFailure(.changing, "`\(shown)` changed while it was read")
        }
        return (bytes, before)
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
