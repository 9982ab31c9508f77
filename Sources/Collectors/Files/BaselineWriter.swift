// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CanonicalJSON
internal import Crypto
package import DriftCore
internal import Foundation
package import TransparencyLog

/// Writes a baseline file next to where it will be, and puts it there once it is on the disk.
///
/// Whoever looks sees the old one or the whole new one. Only its owner can read it.
package struct BaselineWriter: FileScanSink {
    /// Gaps that are told apart; of more only the number is kept.
    package static let gapLimit = 1000
    private static let bufferBytes = 1 << 20

    private let path: String
    private let temporary: PrivateFile
    private let headerDigest: Hash256
    private var tree = MerkleStack()
    private var hasher = SHA256()
    private var buffer: [UInt8] = []
    package private(set) var gaps: [CoverageGap] = []
    package private(set) var gapCount = 0
    /// Structured files that are no such: they are compared by their digests.
    package private(set) var malformed: [CoverageGap] = []

    /// - Throws: ``DriftError`` where no file can be made there.
    package init(path: String, header: BaselineHeader) throws {
        self.path = path
        temporary = try PrivateFile(beside: path)
        buffer.reserveCapacity(Self.bufferBytes + 65_536)
        buffer = try header.json.canonicalBytes()
        headerDigest = .sha256(buffer)
        buffer.append(UInt8(ascii: "\n"))
    }

    package mutating func leaf(_ line: UnsafeRawBufferPointer) throws {
        tree.append(line)
        buffer.append(contentsOf: line)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    package mutating func mark(_ mark: FileMark) throws {
        switch mark {
        case .noted(let gap) where gap.cause == .malformed: malformed.append(gap)
        case .hidden(let gap), .unseen(let gap), .noted(let gap):
            gapCount += 1
            if gaps.count < Self.gapLimit { gaps.append(gap) }
        case .excluded, .notEntered: break
        }
    }

    /// Writes the last line, and puts the file in its place.
    package mutating func finish() throws -> (root: Hash256, leaves: UInt64, digest: Hash256) {
        let trailer = BaselineTrailer(header: headerDigest, leaves: tree.count, root: tree.root)
        buffer += try trailer.json.canonicalBytes()
        buffer.append(UInt8(ascii: "\n"))
        try flush()
        try temporary.replace(path)
        let digest = hasher.finalize().withUnsafeBytes { Hash256(raw: $0) }
        return (trailer.root, trailer.leaves, digest)
    }

    private mutating func flush() throws {
        buffer.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        try temporary.write(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}

/// A file with a name of its own and mode 0600, which goes away unless it replaces another.
final class PrivateFile: Sendable {
    private let descriptor: Int32
    private let name: String

    init(beside path: String) throws(DriftError) {
        var template = Array("\(path).XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw DriftError("cannot write `\(path)`: \(String(cString: strerror(errno)))")
        }
        name = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        clinux_close(descriptor)
        // Gone under this name where it replaced another.
        unlink(name)
    }

    func write(_ bytes: [UInt8]) throws(DriftError) {
        let code = bytes.withUnsafeBytes { clinux_write(descriptor, $0.baseAddress, $0.count) }
        try check(code)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(DriftError) {
        try check(clinux_write(descriptor, bytes.baseAddress, bytes.count))
    }

    private func check(_ code: Int32) throws(DriftError) {
        guard code == 0 else {
            throw DriftError("cannot write `\(name)`: \(OpenFolder.failure(code))")
        }
    }

    /// Data first, then the name, then the folder: after a crash there is the old file or this.
    func replace(_ path: String) throws(DriftError) {
        var code = clinux_sync(descriptor)
        if code == 0, rename(name, path) != 0 { code = -errno }
        if code == 0 {
            let end = path.utf8.lastIndex(of: UInt8(ascii: "/"))
            let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            let opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            code = opened < 0 ? -errno : clinux_sync(opened)
            if opened >= 0 { clinux_close(opened) }
        }
        guard code == 0 else {
            throw DriftError("cannot write `\(path)`: \(OpenFolder.failure(code))")
        }
    }
}
