// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CLinux
internal import CanonicalJSON
package import DriftCore
internal import Foundation
package import TransparencyLog

/// Copies of small files, by their digest, from which changed ones are restored.
///
/// They stay on the machine of the observer, readable by its user alone. A copy that is not what
/// its name says is not there.
package struct FileContents: Sendable {
    /// Larger files are not kept.
    package static let largestBytes = 1_048_576
    /// All copies together; beyond it those that were not seen for longest go.
    package static let totalBytes = 268_435_456

    private let folder: String
    private let most: Int

    /// - Parameters:
    ///   - folder: made with mode 0700 when the first copy is kept.
    ///   - most: bytes of all copies together.
    package init(folder: String, most: Int = Self.totalBytes) {
        self.folder = folder
        self.most = most
    }

    /// The bytes with this digest, or nil.
    package func bytes(_ digest: Hash256) -> [UInt8]? {
        guard let data = FileManager.default.contents(atPath: path(digest)),
            data.count <= Self.largestBytes
        else { return nil }
        let bytes = [UInt8](data)
        return Hash256.sha256(bytes) == digest ? bytes : nil
    }

    /// Keeps copies of what a snapshot names and is not kept yet.
    ///
    /// Read again by path, through no link: what has changed since has another digest and is left
    /// out. Fails silently, because nothing depends on it before somebody wants to restore.
    package func keep(_ snapshot: Snapshot) {
        var shelf = Shelf(folder: "\(folder)/contents", room: most)
        var new: [(path: [UInt8], digest: Hash256, size: Int)] = []
        for leaf in snapshot.leaves {
            guard let path = FilePath.path(ofSubject: leaf.subject),
                let document = try? JSON(parsing: leaf.document),
                let size = document["size"]?.intValue.flatMap(Int.init(exactly:)),
                (0...Self.largestBytes).contains(size),
                let digest = document["sha256"]?.stringValue.flatMap(Hash256.init(hex:))
            else { continue }
            if !shelf.see(digest.hex) { new.append((path, digest, size)) }
        }
        for (path, digest, size) in new {
            guard !shelf.has(digest.hex), shelf.makeRoom(size), let place = try? FilePlace(path),
                let bytes = try? place.read(size), Hash256.sha256(bytes) == digest
            else { continue }
            store(bytes, digest)
            shelf.add(digest.hex, size)
        }
    }

    private func path(_ digest: Hash256) -> String { "\(folder)/contents/\(digest.hex)" }

    private func store(_ bytes: [UInt8], _ digest: Hash256) {
        let contents = "\(folder)/contents"
        try? FileManager.default.createDirectory(
            atPath: contents, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let draft = "\(contents)/.\(digest.hex).\(getpid())"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        guard clinux_write(file, bytes, bytes.count) == 0, rename(draft, path(digest)) == 0 else {
            unlink(draft)
            return
        }
    }
}

/// The copies in a folder during one look, and what may go.
private struct Shelf {
    private let folder: String
    private var room: Int
    private var kept: [String: Int] = [:]
    /// Not seen by this look, the one not seen for longest last.
    private var old: [String] = []
    private var seen: Set<String> = []

    init(folder: String, room: Int) {
        self.folder = folder
        self.room = room
        var dated: [(name: String, seconds: Int64, nanoseconds: Int64)] = []
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            var found = clinux_identity()
            guard clinux_look("\(folder)/\(name)", 0, &found) == 0 else { continue }
            kept[name] = Int(found.size)
            self.room -= Int(found.size)
            dated.append((name, found.modified_seconds, found.modified_nanoseconds))
        }
        old = dated.sorted {
            ($0.seconds, $0.nanoseconds) > ($1.seconds, $1.nanoseconds)
        }.map(\.name)
    }

    func has(_ name: String) -> Bool { kept[name] != nil }

    /// Whether there is a copy; it counts as seen now.
    mutating func see(_ name: String) -> Bool {
        guard has(name) else { return false }
        if seen.insert(name).inserted { utimes("\(folder)/\(name)", nil) }
        return true
    }

    /// Takes away what was not seen for longest, until so many bytes are free.
    mutating func makeRoom(_ bytes: Int) -> Bool {
        while room < bytes, let name = old.popLast() {
            guard !seen.contains(name), let size = kept.removeValue(forKey: name) else { continue }
            unlink("\(folder)/\(name)")
            room += size
        }
        return room >= bytes
    }

    mutating func add(_ name: String, _ bytes: Int) {
        seen.insert(name)
        kept[name] = bytes
        room -= bytes
    }
}

/// A collector of files that also keeps copies of what it saw.
package struct KeepingCollector: SourceCollector {
    private let collector: any SourceCollector
    private let contents: FileContents

    package init(_ collector: any SourceCollector, contents: FileContents) {
        self.collector = collector
        self.contents = contents
    }

    package func observe(
        now: @escaping @Sendable () -> Timestamp, redactor: Redactor
    ) async -> Observation {
        let observation = await collector.observe(now: now, redactor: redactor)
        if let snapshot = observation.snapshot { contents.keep(snapshot) }
        return observation
    }

    package func hints() -> AsyncStream<SourceHint>? { collector.hints() }
}
