// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import DriftCore
internal import Foundation

/// Walks roots depth first, a folder before what is in it, and cuts the way into batches.
///
/// Names come in the order of subjects. It never goes through a link: each folder is opened from
/// the open one above it.
struct FileWalk {
    /// Folders inside each other: each is open while what is in it is walked.
    static let maximumDepth = 256
    private static let bufferBytes = 65_536
    private static let folderType: UInt8 = 4
    private static let unknownType: UInt8 = 0

    private struct Level {
        let folder: OpenFolder
        let listing: FolderListing
        let device: UInt64
        var next = 0
    }

    private let options: FileScanOptions
    private var roots: ArraySlice<[UInt8]>
    private var levels: [Level] = []
    private var batches = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: bufferBytes, alignment: 16)

    /// Begins at `roots`, or at all of the options' where there are none.
    init(_ options: FileScanOptions, roots: [[UInt8]]? = nil) {
        self.options = options
        self.roots = (roots ?? options.roots)[...]
    }

    /// Gives the memory back; call it once, at the end.
    func end() { buffer.deallocate() }

    /// The next entries; nil at the end.
    mutating func next() -> FileBatch? {
        var batch = FileBatch(number: batches)
        while !batch.isFull {
            guard let level = levels.last else {
                guard let root = roots.popFirst() else { break }
                begin(root, &batch)
                continue
            }
            guard level.next < level.listing.entries.count else {
                levels.removeLast()
                continue
            }
            levels[levels.count - 1].next += 1
            let entry = level.listing.entries[level.next]
            visit(entry, level, &batch)
        }
        if batch.items.isEmpty { return nil }
        batches += 1
        return batch
    }

    private mutating func visit(
        _ entry: FolderListing.Entry, _ level: Level, _ batch: inout FileBatch
    ) {
        let range = Int(entry.offset)..<Int(entry.offset) + Int(entry.length)
        let name = level.listing.names[range]
        if !options.exclude.isEmpty {
            let path = level.folder.path(of: Array(name))
            if options.exclude.matches(path), !options.crossings.contains(path) {
                batch.append(.excluded(subject: FilePath.subject(path)))
                return
            }
        }
        var type = entry.type
        if type == Self.unknownType {
            var found = clinux_entry()
            let result = Array(name + [0]).withUnsafeBytes {
                clinux_look_at(
                    level.folder.descriptor, $0.assumingMemoryBound(to: CChar.self).baseAddress,
                    &found)
            }
            if result == 0, found.mode & UInt32(S_IFMT) == UInt32(S_IFDIR) {
                type = Self.folderType
            }
        }
        if type == Self.folderType {
            enter(Array(name), of: level.folder, device: level.device, &batch)
        } else {
            batch.append(.entry(type: type), folder: level.folder, name: name)
        }
    }

    /// Opens and lists a folder.
    ///
    /// What turns out to be none is left to the worker to look at.
    private mutating func enter(
        _ name: [UInt8], of parent: OpenFolder, device: UInt64?, _ batch: inout FileBatch
    ) {
        let path = parent.path(of: name)
        let subject = FilePath.subject(path)
        guard levels.count < Self.maximumDepth else {
            batch.append(
                .hidden(
                    subject, .tooLarge, "more than \(Self.maximumDepth) folders inside each other"))
            return
        }
        guard subject.utf8.count + 1 < Subject.maximumBytes else {
            batch.append(.unseen(Self.tooLong(in: parent)))
            return
        }
        let descriptor = (name + [0]).withUnsafeBytes {
            clinux_open_folder(
                parent.descriptor, $0.assumingMemoryBound(to: CChar.self).baseAddress)
        }
        switch descriptor {
        case 0...:
            let text = FilePath.text(ofPath: path)
            let folder = OpenFolder(descriptor: descriptor, path: path, text: text)
            list(folder, above: device, &batch)
        case -ENOENT, -ENOTDIR, -ELOOP:
            batch.append(.entry(type: Self.unknownType), folder: parent, name: name)
        default:
            batch.append(
                .hidden(
                    subject, .unreadable,
                    "the folder cannot be opened: \(OpenFolder.failure(descriptor))"))
        }
    }

    private mutating func list(
        _ folder: OpenFolder, above: UInt64?, _ batch: inout FileBatch
    ) {
        var found = clinux_entry()
        let result = clinux_look_open(folder.descriptor, &found)
        if result == 0, options.staysOnFileSystem, let above, above != found.device,
            !options.crossings.contains(folder.path)
        {
            batch.append(.mountPoint, folder: folder)
            return
        }
        do throws(FolderListing.Failure) {
            let listing = try FolderListing(folder.descriptor, buffer: buffer)
            batch.append(.folder, folder: folder)
            levels.append(Level(folder: folder, listing: listing, device: found.device))
        } catch {
            let subject = folder.subject
            switch error {
            case .changing:
                batch.append(
                    .hidden(
                        subject, .changing, "entries came and went each of the 3 times it was read"
                    ))
            case .tooMany:
                batch.append(
                    .hidden(
                        subject, .tooLarge, "more than \(FolderListing.maximumEntries) entries"))
            case .system(let code):
                batch.append(
                    .hidden(
                        subject, .unreadable,
                        "the folder cannot be read: \(OpenFolder.failure(code))"))
            }
        }
    }

    static func tooLong(in folder: OpenFolder) -> CoverageGap {
        CoverageGap(
            subject: folder.subject, cause: .tooLarge,
            detail: "something in it has a path of more than \(Subject.maximumBytes) bytes")
    }
}

extension FileWalk {
    /// Opens the folders that lead to a root, and begins with it.
    private mutating func begin(_ root: [UInt8], _ batch: inout FileBatch) {
        let subject = FilePath.subject(root)
        do throws(OpenFolder.Refusal) {
            guard let slash = root.lastIndex(of: UInt8(ascii: "/")), root.count > 1 else {
                let descriptor = clinux_open_folder(AT_FDCWD, "/")
                guard descriptor >= 0 else { throw .init(path: root, code: descriptor) }
                return list(
                    OpenFolder(descriptor: descriptor, path: [], text: []), above: nil, &batch)
            }
            let above = try OpenFolder(place: Array(root[..<slash]))
            enter(Array(root[(slash + 1)...]), of: above, device: nil, &batch)
        } catch {
            if error.code == -ENOENT { return }
            let place = FilePath.subject(error.path).dropFirst(FilePath.prefix.utf8.count)
            let why =
                error.code == -ENOTDIR
                ? "is no folder but a link or a file, and links are not followed"
                : "cannot be opened: \(OpenFolder.failure(error.code))"
            batch.append(.hidden(subject, .unreadable, "`\(place)` above it \(why)"))
        }
    }
}
