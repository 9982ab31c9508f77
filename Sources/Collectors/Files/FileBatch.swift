// SPDX-License-Identifier: Apache-2.0

package import DriftCore

/// Neighbouring entries of a tree that one worker reads in one go.
struct FileBatch: Sendable {
    enum Kind: Sendable {
        /// Something that is not a folder.
        case entry(type: UInt8)
        /// An open folder whose entries follow.
        case folder
        /// An open folder on another file system, which is not entered.
        case mountPoint
        case mark(FileMark)
    }

    struct Item: Sendable {
        let kind: Kind
        /// Which of ``folders`` it is in; of a folder, which it is.
        let folder: Int32
        let nameOffset: UInt32
        let nameLength: UInt16
    }

    static let maximumItems = 64
    static let maximumFolders = 16

    let number: Int
    var folders: [OpenFolder] = []
    /// Names, each with a zero behind it.
    var names: [UInt8] = []
    var items: [Item] = []

    init(number: Int) { self.number = number }

    var isFull: Bool { items.count >= Self.maximumItems || folders.count >= Self.maximumFolders }

    /// Which of ``folders`` it is; neighbours mostly share the last one.
    private mutating func index(of folder: OpenFolder) -> Int32 {
        if let known = folders.lastIndex(where: { $0 === folder }) { return Int32(known) }
        folders.append(folder)
        return Int32(folders.count - 1)
    }

    mutating func append(_ kind: Kind, folder: OpenFolder, name: some Collection<UInt8> = []) {
        items.append(
            Item(
                kind: kind, folder: index(of: folder), nameOffset: UInt32(names.count),
                nameLength: UInt16(name.count)))
        names.append(contentsOf: name)
        names.append(0)
    }

    mutating func append(_ mark: FileMark) {
        items.append(Item(kind: .mark(mark), folder: -1, nameOffset: 0, nameLength: 0))
    }
}

/// Something that was not read, and where among the leaves it would have been.
package enum FileMark: Sendable, Hashable {
    /// Not seen: neither the subject nor what is below it.
    case hidden(CoverageGap)
    /// Not seen, while what is below it was.
    case unseen(CoverageGap)
    /// Seen as a file, but not as the structured file that it should be; its leaf follows.
    case noted(CoverageGap)
    /// Left out by a pattern.
    case excluded(subject: String)
    /// On another file system, and not entered.
    case notEntered(subject: String)

    static func hidden(
        _ subject: String, _ cause: CoverageGap.Cause, _ detail: String
    ) -> FileMark {
        .hidden(CoverageGap(subject: subject, cause: cause, detail: detail))
    }
}

/// What became of a batch.
struct FileResults: Sendable {
    /// Canonical lines, each with a line feed behind it.
    var lines: [UInt8] = []
    /// Where each of them ends, behind the line feed.
    var ends: [UInt32] = []
    /// Each with the number of lines that stand before it.
    var marks: [(before: Int, mark: FileMark)] = []
    /// Of files that were read.
    var fresh: [DigestCache.Record] = []
    /// Places of records that still held.
    var kept: [UInt32] = []
    var bytesRead: Int64 = 0
    var filesRead = 0
}

/// Takes what a scan finds, in the order of ``Subject``.
package protocol FileScanSink {
    /// A canonical line, without a line feed; valid only during the call.
    mutating func leaf(_ line: UnsafeRawBufferPointer) throws
    mutating func mark(_ mark: FileMark) throws
}
