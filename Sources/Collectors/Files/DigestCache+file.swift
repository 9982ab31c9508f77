// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Crypto
internal import DriftCore
internal import Foundation
internal import TransparencyLog

extension DigestCache {
    private static let magic = Array("exequatur.cache 1\n".utf8)
    private static let bootBytes = 36
    private static let maximumRecords: UInt64 = 50_000_000

    /// Why a cache file is not used; it costs the time of reading everything, nothing else.
    package struct Unusable: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// What names this run of the machine: numbers of devices mean nothing after the next start.
    package static func bootID() -> [UInt8] {
        // By the system's calls: with `Data` and `URL` a scan would hold a megabyte more.
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { clinux_close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: bootBytes)
        let got = bytes.withUnsafeMutableBytes {
            clinux_read(descriptor, $0.baseAddress, bootBytes)
        }
        return got == bootBytes ? bytes : []
    }

    /// Writes the cache for its owner only, in one step.
    package func write(to path: String, boot: [UInt8]) throws {
        guard boot.count == Self.bootBytes else { return }
        let file = try PrivateFile(beside: path)
        var head = Self.magic + boot
        withUnsafeBytes(of: pass.littleEndian) { head += $0 }
        withUnsafeBytes(of: UInt64(records.count).littleEndian) { head += $0 }
        var hasher = SHA256()
        hasher.update(data: head)
        try file.write(head)
        try records.withUnsafeBytes { bytes in
            hasher.update(bufferPointer: bytes)
            try file.write(bytes)
        }
        try file.write(Array(hasher.finalize()))
        try file.replace(path)
    }

    /// Reads a cache that this user wrote since the machine was started; nil where there is none.
    ///
    /// - Throws: ``Unusable`` for any other; go on without it.
    package init?(path: String, boot: [UInt8]) throws(Unusable) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else {
            throw Unusable(description: String(cString: strerror(errno)))
        }
        defer { clinux_close(descriptor) }
        var found = clinux_entry()
        guard clinux_look_open(descriptor, &found) == 0,
            found.mode & UInt32(S_IFMT) == UInt32(S_IFREG)
        else { throw Unusable(description: "it is no file") }
        guard found.owner == geteuid(), found.mode & 0o077 == 0 else {
            throw Unusable(description: "others can write or read it; it must be ours, mode 0600")
        }
        let head = try Self.read(descriptor, Self.magic.count + Self.bootBytes + 16)
        guard head.starts(with: Self.magic) else {
            throw Unusable(description: "it is no cache of this version")
        }
        guard head.dropFirst(Self.magic.count).starts(with: boot), !boot.isEmpty else {
            throw Unusable(description: "it is from before the machine was started")
        }
        let (pass, count) = head.withUnsafeBytes {
            (
                UInt64(
                    littleEndian: $0.loadUnaligned(
                        fromByteOffset: head.count - 16, as: UInt64.self)),
                UInt64(
                    littleEndian: $0.loadUnaligned(
                        fromByteOffset: head.count - 8, as: UInt64.self))
            )
        }
        let bytes = UInt64(MemoryLayout<Record>.stride) * min(count, Self.maximumRecords)
        guard count <= Self.maximumRecords,
            UInt64(clamping: found.size) == UInt64(head.count) + bytes + 32
        else { throw Unusable(description: "it is cut short or damaged") }
        var hasher = SHA256()
        hasher.update(data: head)
        let records = Self.records(descriptor, Int(count), &hasher)
        guard records.count == Int(count),
            try Self.read(descriptor, 32).elementsEqual(hasher.finalize())
        else { throw Unusable(description: "it is damaged") }
        self.init(pass: pass, records: records)
    }

    private static func read(_ descriptor: Int32, _ count: Int) throws(Unusable) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes { clinux_read(descriptor, $0.baseAddress, count) }
        guard got == count else { throw Unusable(description: "it is cut short or damaged") }
        return bytes
    }

    private static func records(
        _ descriptor: Int32, _ count: Int, _ hasher: inout SHA256
    ) -> [Record] {
        [Record](unsafeUninitializedCapacity: count) { buffer, initialised in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            let got = clinux_read(descriptor, bytes.baseAddress, bytes.count)
            hasher.update(bufferPointer: UnsafeRawBufferPointer(bytes))
            initialised = got == bytes.count ? count : 0
        }
    }
}
