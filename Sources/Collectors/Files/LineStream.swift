// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Crypto
internal import DriftCore
internal import Foundation
internal import TransparencyLog

/// Reads a file line by line into one buffer, and hashes what it reads.
final class LineStream {
    private static let bufferBytes = 262_144

    private let path: String
    private let descriptor: Int32
    private let longestLine: Int
    private var buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private var isAtEnd = false
    private var hasher = SHA256()
    private(set) var lines = 0

    /// Reads an open file from its beginning, which stays open.
    init(path: String, descriptor: Int32, longestLine: Int) throws(DriftError) {
        self.path = path
        self.descriptor = descriptor
        self.longestLine = longestLine
        buffer = .allocate(byteCount: Self.bufferBytes, alignment: 64)
        guard lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw DriftError("cannot read `\(path)`: \(String(cString: strerror(errno)))")
        }
    }

    deinit { buffer.deallocate() }

    /// The next line without its line feed, valid until the next call; nil at the end.
    ///
    /// - Throws: ``DriftError`` for a line that has no end or is too long.
    func next() throws(DriftError) -> UnsafeRawBufferPointer? {
        var searched = start
        while true {
            if let base = buffer.baseAddress, searched < end,
                let found = memchr(base + searched, 0x0A, end - searched)
            {
                let stop = UnsafeRawPointer(found) - UnsafeRawPointer(base)
                defer { start = stop + 1 }
                lines += 1
                return UnsafeRawBufferPointer(rebasing: buffer[start..<stop])
            }
            let length = end - start
            guard length <= longestLine else {
                throw DriftError("`\(path)`: line \(lines + 1) is longer than any can be")
            }
            if isAtEnd {
                if length == 0 { return nil }
                throw DriftError("`\(path)`: cut short in line \(lines + 1)")
            }
            try fill()
            searched = start + length
        }
    }

    /// SHA-256 of all that was read.
    var digest: Hash256 { hasher.finalize().withUnsafeBytes { Hash256(raw: $0) } }

    private func fill() throws(DriftError) {
        if start > 0 {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
            (start, end) = (0, end - start)
        }
        if end == buffer.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: buffer.count * 2, alignment: 64)
            larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
            buffer.deallocate()
            buffer = larger
        }
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
        let got = clinux_read(descriptor, room.baseAddress, room.count)
        guard got >= 0 else {
            throw DriftError("cannot read `\(path)`: \(OpenFolder.failure(Int32(got)))")
        }
        isAtEnd = got < room.count
        hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: room[..<got]))
        end += got
    }
}
