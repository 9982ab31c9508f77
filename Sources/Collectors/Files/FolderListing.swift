// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import DriftCore
internal import Foundation

/// A folder that is open; closed when nobody refers to it any more.
final class OpenFolder: Sendable {
    let descriptor: Int32
    /// Absolute; empty for `/`, so that a name is always put behind a slash.
    let path: [UInt8]
    /// ``path`` as it stands in a subject, escaped for JSON.
    let text: [UInt8]

    init(descriptor: Int32, path: [UInt8], text: [UInt8]) {
        self.descriptor = descriptor
        self.path = path
        self.text = text
    }

    deinit { clinux_close(descriptor) }

    var subject: String { FilePath.subject(path.isEmpty ? [UInt8(ascii: "/")] : path) }

    func path(of name: [UInt8]) -> [UInt8] { path + [UInt8(ascii: "/")] + name }

    func subject(of name: [UInt8]) -> String { FilePath.subject(path(of: name)) }

    static func failure(_ result: Int32) -> String { String(cString: strerror(-result)) }
}

extension OpenFolder {
    /// What of a path can't be opened, and why.
    struct Refusal: Error {
        let path: [UInt8]
        let code: Int32
    }

    /// Opens a folder as a mere place, name by name from `/`, so that no link leads elsewhere.
    convenience init(place path: [UInt8]) throws(Refusal) {
        var above: [UInt8] = []
        var descriptor = clinux_open_folder(AT_FDCWD, "/")
        for name in path.split(separator: UInt8(ascii: "/")) {
            guard descriptor >= 0 else { break }
            above += [UInt8(ascii: "/")] + name
            let next = (name + [0]).withUnsafeBytes {
                clinux_open_place(
                    descriptor, $0.assumingMemoryBound(to: CChar.self).baseAddress)
            }
            clinux_close(descriptor)
            descriptor = next
            var found = clinux_entry()
            if descriptor >= 0,
                clinux_look_open(descriptor, &found) != 0
                    || found.mode & UInt32(S_IFMT) != UInt32(S_IFDIR)
            {
                clinux_close(descriptor)
                descriptor = -ENOTDIR
            }
        }
        guard descriptor >= 0 else { throw Refusal(path: above, code: descriptor) }
        self.init(descriptor: descriptor, path: path, text: FilePath.text(ofPath: path))
    }
}

/// The names in a folder, in the order of their subjects.
struct FolderListing {
    struct Entry {
        /// The first eight bytes, most significant first: nearly all comparisons end with it.
        var key: UInt64
        var offset: UInt32
        var length: UInt16
        var type: UInt8
    }

    /// More are a gap: they would need more memory than a scan should take.
    static let maximumEntries = 4_000_000

    enum Failure: Error {
        case system(Int32)
        case changing
        case tooMany
    }

    /// Names, each with a zero behind it.
    private(set) var names: [UInt8] = []
    private(set) var entries: [Entry] = []

    /// Reads a folder until it did not change meanwhile, three times at most.
    init(_ descriptor: Int32, buffer: UnsafeMutableRawBufferPointer) throws(Failure) {
        var before = clinux_entry()
        try check(clinux_look_open(descriptor, &before))
        for attempt in 0..<3 {
            if attempt > 0 { try check(clinux_rewind(descriptor)) }
            try read(descriptor, buffer)
            var after = clinux_entry()
            try check(clinux_look_open(descriptor, &after))
            if before.modified == after.modified, before.changed == after.changed {
                sort()
                return
            }
            before = after
        }
        throw .changing
    }

    func name(_ entry: Entry) -> [UInt8] {
        Array(names[Int(entry.offset)..<Int(entry.offset) + Int(entry.length)])
    }

    private func check(_ result: Int32) throws(Failure) {
        if result < 0 { throw .system(result) }
    }

    private mutating func read(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(Failure) {
        names.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
        while true {
            let got = clinux_list(descriptor, buffer.baseAddress, buffer.count)
            if got == 0 { return }
            try check(Int32(min(got, 0)))
            var offset = 0
            while offset + 19 < got {
                // struct linux_dirent64: inode, position, length of the record, type, name.
                let length = Int(
                    buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
                let record = UnsafeRawBufferPointer(
                    rebasing: buffer[offset + 19..<offset + max(length, 20)])
                add(record, type: buffer[offset + 18])
                offset += max(length, 20)
            }
            if entries.count > Self.maximumEntries { throw .tooMany }
        }
    }

    private mutating func add(_ record: UnsafeRawBufferPointer, type: UInt8) {
        let name = record.prefix { $0 != 0 }
        if name.isEmpty || name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { return }
        var key: UInt64 = 0
        for (index, byte) in name.prefix(8).enumerated() {
            key |= UInt64(byte) << UInt64(56 - 8 * index)
        }
        entries.append(
            Entry(
                key: key, offset: UInt32(names.count), length: UInt16(name.count), type: type))
        names.append(contentsOf: name)
        names.append(0)
    }

    private mutating func sort() {
        let mayEncode = names.contains { $0 >= 0x80 || $0 == UInt8(ascii: "%") }
        if mayEncode, entries.contains(where: { FilePath.encoded(name($0)) != name($0) }) {
            let keyed = entries.map { (FilePath.encoded(name($0)), $0) }
            entries = keyed.sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
            return
        }
        names.withUnsafeBufferPointer { names in
            guard let base = names.baseAddress else { return }
            entries.sort { one, other in
                if one.key != other.key { return one.key < other.key }
                let common = Int(min(one.length, other.length))
                let order = memcmp(base + Int(one.offset), base + Int(other.offset), common)
                return order == 0 ? one.length < other.length : order < 0
            }
        }
    }
}
