// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CanonicalJSON
internal import Crypto
package import DriftCore
internal import Foundation
internal import Synchronization
internal import TransparencyLog

/// What every worker of a scan needs to know.
struct FileReading: Sendable {
    let options: FileScanOptions
    /// When the scan began, in nanoseconds since 1970.
    let began: Int64
    /// Nil where everything is read and nothing kept.
    let cache: DigestCache?
    let fields: FieldReading?
    let stop: StopFlag
}

/// How structured files become fields.
package struct FieldReading: Sendable {
    package let parse: FieldParser
    package let redactor: Redactor
    /// Whether anything at all is secret: then what can't be parsed may hold it.
    package let hasSecrets: Bool

    package init(parse: @escaping FieldParser, redactor: Redactor, hasSecrets: Bool) {
        self.parse = parse
        self.redactor = redactor
        self.hasSecrets = hasSecrets
    }
}

/// Says once, to all threads, that a scan should end early.
package final class StopFlag: Sendable {
    private let value = Atomic<Bool>(false)
    package init() {}
    package func stop() { value.store(true, ordering: .relaxed) }
    package var isStopped: Bool { value.load(ordering: .relaxed) }
}

/// Reads batch after batch in one thread, into buffers that it keeps.
struct FileReader: ~Copyable {
    static let bufferBytes = 262_144
    /// The system's own limit for lists of names and for values is 65,536.
    static let attributeBytes = 65_536 + 1
    /// How often a file is read that changes while it is.
    static let attempts = 4

    let reading: FileReading
    let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Self.bufferBytes, alignment: 64)
    let attributes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Self.attributeBytes, alignment: 64)
    var results = FileResults()

    init(_ reading: FileReading) { self.reading = reading }

    deinit {
        buffer.deallocate()
        attributes.deallocate()
    }

    /// What came of reading an entry once.
    enum Outcome {
        /// Its line is written.
        case done
        /// It is another thing than a moment ago.
        case again
        case absent
        case gap(CoverageGap.Cause, String)
    }

    mutating func read(_ batch: FileBatch) -> FileResults {
        results = FileResults()
        results.lines.reserveCapacity(batch.items.count * 384)
        for item in batch.items where !reading.stop.isStopped {
            switch item.kind {
            case .mark(let mark): note(mark)
            case .folder: readFolder(batch.folders[Int(item.folder)])
            case .mountPoint:
                let folder = batch.folders[Int(item.folder)]
                readFolder(folder)
                note(.notEntered(subject: folder.subject))
            case .entry(let type):
                let range =
                    Int(item.nameOffset)..<Int(item.nameOffset) + Int(item.nameLength)
                batch.names.withUnsafeBytes { names in
                    readEntry(
                        batch.folders[Int(item.folder)],
                        UnsafeRawBufferPointer(rebasing: names[range]), type: type)
                }
            }
        }
        defer { results = FileResults() }
        return results
    }

    mutating func note(_ mark: FileMark) {
        results.marks.append((results.ends.count, mark))
    }

    private mutating func readFolder(_ folder: OpenFolder) {
        var found = clinux_entry()
        let start = results.lines.count
        let code = clinux_look_open(folder.descriptor, &found)
        var document = FileDocument(type: "directory")
        let outcome: Outcome =
            code < 0
            ? .gap(.unreadable, OpenFolder.failure(code))
            : readAttributes(folder.descriptor, isPlace: false, &document)
        switch outcome {
        case .done:
            document.entry = found
            document.write(reading.options.attributes, to: &results.lines)
            endLine(folder, nil)
        case .gap(let cause, let detail):
            results.lines.removeLast(results.lines.count - start)
            note(.unseen(CoverageGap(subject: folder.subject, cause: cause, detail: detail)))
        case .again, .absent:
            let gap = CoverageGap(
                subject: folder.subject, cause: .changing,
                detail: "its attributes changed while they were read")
            note(.unseen(gap))
        }
    }

    private mutating func readEntry(
        _ folder: OpenFolder, _ name: UnsafeRawBufferPointer, type: UInt8
    ) {
        guard let pointer = name.assumingMemoryBound(to: CChar.self).baseAddress else { return }
        let start = results.lines.count
        for _ in 0..<Self.attempts {
            let outcome = readOnce(folder, name, pointer, isLink: type == 10)
            if case .done = outcome { return endLine(folder, name) }
            results.lines.removeLast(results.lines.count - start)
            switch outcome {
            case .done, .absent: return
            case .again: continue
            case .gap(let cause, let detail):
                return note(.hidden(folder.subject(of: Array(name)), cause, detail))
            }
        }
        note(
            .hidden(
                folder.subject(of: Array(name)), .changing,
                "it changed each of the \(Self.attempts) times it was read"))
    }

    /// Reads what a name stands for at this moment, and writes its document.
    private mutating func readOnce(
        _ folder: OpenFolder, _ name: UnsafeRawBufferPointer, _ pointer: UnsafePointer<CChar>,
        isLink: Bool
    ) -> Outcome {
        var found = clinux_entry()
        if !isLink {
            let code = clinux_look_at(folder.descriptor, pointer, &found)
            if code == -ENOENT { return .absent }
            if code < 0 { return .gap(.unreadable, OpenFolder.failure(code)) }
            if found.mode & UInt32(S_IFMT) == UInt32(S_IFREG) {
                return readFile(folder, name, pointer, found)
            }
        }
        return readPlace(folder, pointer)
    }

    /// Reads a thing that must not be opened: a link, a FIFO, a socket, a device.
    private mutating func readPlace(
        _ folder: OpenFolder, _ pointer: UnsafePointer<CChar>
    ) -> Outcome {
        let place = clinux_open_place(folder.descriptor, pointer)
        if place == -ENOENT { return .absent }
        if place < 0 { return .gap(.unreadable, OpenFolder.failure(place)) }
        defer { clinux_close(place) }
        var document = FileDocument(type: "")
        let code = clinux_look_open(place, &document.entry)
        if code < 0 { return .gap(.unreadable, OpenFolder.failure(code)) }
        switch document.entry.mode & UInt32(S_IFMT) {
        case UInt32(S_IFLNK):
            document.type = "symlink"
            let length = clinux_read_link(place, "", attributes.baseAddress, attributes.count)
            if length < 0 { return .gap(.unreadable, OpenFolder.failure(Int32(length))) }
            document.target = Array(attributes[..<length])
        case UInt32(S_IFIFO): document.type = "fifo"
        case UInt32(S_IFSOCK): document.type = "socket"
        case UInt32(S_IFBLK): document.type = "block"
        case UInt32(S_IFCHR): document.type = "character"
        case UInt32(S_IFREG) where !needsContent(nil): document.type = "file"
        case UInt32(S_IFREG): return .again
        default: return .gap(.changing, "it became a folder after its own folder was listed")
        }
        let outcome = readAttributes(place, isPlace: true, &document)
        if case .done = outcome {
            document.write(reading.options.attributes, to: &results.lines)
        }
        return outcome
    }

    func needsContent(_ format: String?) -> Bool {
        reading.options.attributes.contains(.digest) || format != nil
    }

    /// Ends a document's line with its subject.
    private mutating func endLine(_ folder: OpenFolder, _ name: UnsafeRawBufferPointer?) {
        results.lines.append(text: #","subject":"file:"#)
        results.lines.append(contentsOf: folder.text)
        if let name {
            results.lines.append(UInt8(ascii: "/"))
            if FilePath.isPlain(name), folder.text.count + name.count < Subject.maximumBytes - 6 {
                results.lines.append(contentsOf: name)
            } else if !appendUnusual(name, of: folder) {
                return
            }
        } else if folder.path.isEmpty {
            results.lines.append(UInt8(ascii: "/"))
        }
        results.lines.append(text: "\"}\n")
        results.ends.append(UInt32(results.lines.count))
    }

    /// A name that has to be escaped; false, and no line, where the subject would be too long.
    private mutating func appendUnusual(
        _ name: UnsafeRawBufferPointer, of folder: OpenFolder
    ) -> Bool {
        let encoded = FilePath.encoded(Array(name))
        let length = FilePath.prefix.utf8.count + FilePath.encoded(folder.path).count + 1
        guard length + encoded.count <= Subject.maximumBytes else {
            results.lines.removeLast(results.lines.count - Int(results.ends.last ?? 0))
            note(.unseen(FileWalk.tooLong(in: folder)))
            return false
        }
        FilePath.appendEscaped(encoded, to: &results.lines)
        return true
    }
}
