// SPDX-License-Identifier: Apache-2.0

internal import CLinux
package import DriftCore
internal import Foundation

/// Tells that something below some paths may have changed, by inotify.
///
/// Only ever a reason to look: what happens while a new folder is not watched yet, what is written
/// through a mapping of memory and what another machine does to a shared file system go unheard.
package enum FilesWatcher {
    /// Hints that may wait; a further `.changed` would say nothing new.
    private static let waiting = 8

    /// A stream that lasts until nobody listens; `.lost` with a sentence where it hears less.
    package static func hints(of options: FileScanOptions) -> AsyncStream<SourceHint> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: SourceHint.self, bufferingPolicy: .bufferingOldest(waiting))
        var ends: [Int32] = [-1, -1]
        let made = clinux_pipe(&ends)
        guard made == 0 else {
            continuation.yield(.lost("no events: \(OpenFolder.failure(made))"))
            continuation.finish()
            return stream
        }
        let (stop, alive) = (ends[0], ends[1])
        // The other end is readable once this one is closed.
        continuation.onTermination = { _ in clinux_close(alive) }
        Thread.detachNewThread {
            var watch = FileWatch(options, stop: stop, hints: continuation)
            watch.run()
            watch.end()
            clinux_close(stop)
            continuation.finish()
        }
        return stream
    }
}

/// The state of one watcher, in its thread.
struct FileWatch {
    private static let bufferBytes = 65_536
    /// How often roots that are not there are looked for.
    private static let patience: Int32 = 1000

    private struct Watched {
        var path: [UInt8]
        /// Whether all in it counts; otherwise only roots are.
        var isInside: Bool
    }

    private let options: FileScanOptions
    private let stop: Int32
    private let hints: AsyncStream<SourceHint>.Continuation
    private let watcher = clinux_watcher()
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Self.bufferBytes, alignment: 16)
    private var watches: [Int32: Watched] = [:]
    /// Roots of which neither they nor the folder above are watched.
    private var missing: Set<[UInt8]> = []
    private var lost: String?
    private var saidLimit = false

    init(
        _ options: FileScanOptions, stop: Int32, hints: AsyncStream<SourceHint>.Continuation
    ) {
        self.options = options
        self.stop = stop
        self.hints = hints
    }

    func end() {
        buffer.deallocate()
        if watcher >= 0 { clinux_close(watcher) }
    }

    mutating func run() {
        guard watcher >= 0 else {
            hints.yield(.lost("no events: inotify: \(OpenFolder.failure(watcher))"))
            return
        }
        missing = options.crossings
        addMissing()
        tell(changed: false)
        while true {
            let got = clinux_await_events(
                watcher, stop, Self.patience, buffer.baseAddress, buffer.count)
            if got == -Int(ECANCELED) { return }
            guard got >= 0 else {
                hints.yield(.lost("no more events: \(OpenFolder.failure(Int32(got)))"))
                return
            }
            var changed = take(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            if !missing.isEmpty, addMissing() { changed = true }
            tell(changed: changed)
        }
    }

    mutating func tell(changed: Bool) {
        if let sentence = lost {
            // Unlike a change, a loss is never swallowed by a full buffer.
            if case .dropped = hints.yield(.lost(sentence)) { return }
            lost = nil
        } else if changed {
            hints.yield(.changed)
        }
    }

    /// Takes events as the system writes them; whether anything watched may have changed.
    mutating func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var (offset, changed) = (0, false)
        var event = clinux_event()
        while clinux_next_event(bytes.baseAddress, bytes.count, &offset, &event) == 1 {
            if event.mask & CLINUX_EVENT_LOST.rawValue != 0 {
                lost = "events were lost: more happened than the queue of inotify holds"
                // Folders that came or were moved meanwhile are found again from the roots.
                missing = options.crossings
                continue
            }
            guard let watched = watches[event.watch] else { continue }
            if event.mask & CLINUX_EVENT_OVER.rawValue != 0 { over(event.watch, watched) }
            let start = Int(event.name)
            let name = Array(bytes[start..<start + Int(event.name_length)])
            let path = name.isEmpty ? watched.path : watched.path + [UInt8(ascii: "/")] + name
            let isRoot = options.crossings.contains(path)
            guard watched.isInside || isRoot || name.isEmpty else { continue }
            if !isRoot, !options.exclude.isEmpty, options.exclude.matches(path) { continue }
            changed = true
            if event.mask & CLINUX_EVENT_NEW_FOLDER.rawValue != 0 { addTree(path) }
        }
        return changed
    }

    /// A folder that was watched is no more; a root may come back.
    private mutating func over(_ watch: Int32, _ watched: Watched) {
        watches[watch] = nil
        for root in options.crossings where FilePath.isInside(root, watched.path) {
            missing.insert(root)
        }
    }

    /// Watches roots and the folders above them; whether a root is watched that was not.
    @discardableResult
    private mutating func addMissing() -> Bool {
        var found = false
        for root in missing.sorted(by: { FilePath.precedes($0, $1) }) {
            // Editors put a new file in the place of the old one: only the folder hears of it.
            let end = root.lastIndex(of: UInt8(ascii: "/")) ?? 0
            let above = Array(root[..<end])
            guard let folder = try? OpenFolder(place: above), add(folder, isInside: false) else {
                continue
            }
            missing.remove(root)
            found = true
            addTree(root)
        }
        return found
    }

    /// Watches a folder and all below it.
    ///
    /// A watched folder that was moved gets its new path.
    private mutating func addTree(_ path: [UInt8]) {
        var walk = FileWalk(options, roots: [path])
        defer { walk.end() }
        while let batch = walk.next() {
            for item in batch.items {
                guard case .folder = item.kind else { continue }
                guard add(batch.folders[Int(item.folder)], isInside: true) else { return }
            }
        }
    }

    private mutating func add(_ folder: OpenFolder, isInside: Bool) -> Bool {
        let watch = clinux_watch(watcher, folder.descriptor)
        if watch == -ENOSPC, !saidLimit {
            saidLimit = true
            lost =
                "\(watches.count) folders are watched, more the system does not allow: raise "
                + "fs.inotify.max_user_watches; until then changes are found by sweeps only"
        }
        guard watch >= 0 else { return false }
        let isInside = isInside || watches[watch]?.isInside == true
        watches[watch] = Watched(path: folder.path, isInside: isInside)
        return true
    }
}
