// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CanonicalJSON
package import DriftCore
internal import Foundation
package import TransparencyLog

/// Reads a baseline file twice: once to see whether it is what was written, before anything in it
/// is believed, and once to be compared; the second time it has to have the same digest.
package final class BaselineReader {
    /// A document and a subject in which every byte is escaped.
    private static let longestLine = DriftLimits.documentBytes + 6 * Subject.maximumBytes + 64

    package let path: String
    package let header: BaselineHeader
    package let leaves: UInt64
    package let root: Hash256
    /// SHA-256 of the whole file: whoever pins it pins the header too.
    package let digest: Hash256

    private let descriptor: Int32
    private let stream: LineStream
    private var isAtEnd = false

    /// Opens and verifies.
    ///
    /// - Throws: ``DriftError`` where it cannot be read, is cut short, or is not what was written.
    package init(path: String) throws(DriftError) {
        self.path = path
        let opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard opened >= 0 else {
            let why = String(cString: strerror(errno))
            throw DriftError("cannot open `\(path)`: \(why); `exequatur drift init` makes one")
        }
        do throws(DriftError) {
            let checked = try Self.check(path, opened)
            header = checked.header
            leaves = checked.trailer.leaves
            root = checked.trailer.root
            digest = checked.digest
            stream = try LineStream(
                path: path, descriptor: opened, longestLine: Self.longestLine)
            _ = try stream.next()
        } catch {
            clinux_close(opened)
            throw error
        }
        descriptor = opened
    }

    deinit { clinux_close(descriptor) }

    /// The next leaf's line, valid until the next call; nil behind the last.
    ///
    /// - Throws: ``DriftError`` where the file is not what it was a moment ago.
    package func next() throws(DriftError) -> UnsafeRawBufferPointer? {
        if isAtEnd { return nil }
        if let line = try stream.next(), !Self.isTrailer(line) { return line }
        // The same bytes have the same root: no need to make the tree again.
        guard try stream.next() == nil, stream.digest == digest else {
            throw DriftError("`\(path)` changed while it was read: scan again")
        }
        isAtEnd = true
        return nil
    }

    private struct Checked {
        let header: BaselineHeader
        let trailer: BaselineTrailer
        let digest: Hash256
    }

    private static func check(_ path: String, _ descriptor: Int32) throws(DriftError) -> Checked {
        let stream = try LineStream(
            path: path, descriptor: descriptor, longestLine: longestLine)
        guard let first = try stream.next() else {
            throw DriftError("`\(path)` is empty: it is no baseline")
        }
        let headerBytes = Array(first)
        let header: BaselineHeader = try named(path, "no baseline") {
            try BaselineHeader(JSON(canonical: headerBytes))
        }
        var tree = MerkleStack()
        var last: [UInt8]?
        while let line = try stream.next() {
            guard last == nil else {
                throw DriftError("`\(path)`: something follows its last line")
            }
            if isTrailer(line) { last = Array(line) } else { tree.append(line) }
        }
        guard let last else {
            throw DriftError(
                "`\(path)` is cut short: its last line, with the root, is missing; take it from "
                    + "where it was kept, or make a new one")
        }
        let trailer: BaselineTrailer = try named(path, "cut short or edited") {
            try BaselineTrailer(JSON(canonical: last))
        }
        guard trailer.header == .sha256(headerBytes), trailer.leaves == tree.count,
            trailer.root == tree.root
        else {
            throw DriftError(
                "`\(path)` was edited or damaged: its lines do not give the root "
                    + "`sha256:\(trailer.root.hex.prefix(16))…` that it ends with")
        }
        return Checked(header: header, trailer: trailer, digest: stream.digest)
    }

    private static func named<Value>(
        _ path: String, _ what: String, _ body: () throws -> Value
    ) throws(DriftError) -> Value {
        do {
            return try body()
        } catch {
            throw DriftError("`\(path)` is \(what): \(error)")
        }
    }

    private static func isTrailer(_ line: UnsafeRawBufferPointer) -> Bool {
        line.starts(with: #"{"header":"#.utf8)
    }
}
