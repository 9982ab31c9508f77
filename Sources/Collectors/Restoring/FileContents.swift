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
    /// All copies together; beyond it no further one is kept.
    package static let totalBytes = 268_435_456

    private let folder: String

    /// - Parameter folder: made with mode 0700 when the first copy is kept.
    package init(folder: String) { self.folder = folder }

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
        var room = Self.totalBytes - size()
        for leaf in snapshot.leaves {
            guard let path = FilePath.path(ofSubject: leaf.subject),
                let document = try? JSON(parsing: leaf.document),
                let size = document["size"]?.intValue.flatMap(Int.init(exactly:)),
                (0...min(max(room, 0), Self.largestBytes)).contains(size),
                let digest = document["sha256"]?.stringValue.flatMap(Hash256.init(hex:)),
                !FileManager.default.fileExists(atPath: self.path(digest)),
                let place = try? FilePlace(path), let bytes = try? place.read(size),
                Hash256.sha256(bytes) == digest
            else { continue }
            store(bytes, digest)
            room -= bytes.count
        }
    }

    private func path(_ digest: Hash256) -> String { "\(folder)/contents/\(digest.hex)" }

    private func size() -> Int {
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/contents")) ?? []
        return names.reduce(0) { sum, name in
            var found = clinux_identity()
            let isThere = clinux_look("\(folder)/contents/\(name)", 0, &found) == 0
            return sum + (isThere ? Int(found.size) : 0)
        }
    }

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
