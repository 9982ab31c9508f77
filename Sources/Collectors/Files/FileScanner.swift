// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import DriftCore
internal import Foundation

/// Reads trees of files: leaves in the order of ``Subject``, one by one.
package struct FileScanner: Sendable {
    /// Entries that are read or waiting for their turn at most: what stands between a large file
    /// and a worker with nothing to do, against memory.
    private static let window = 16_384

    package struct Counts: Sendable, Hashable {
        package var leaves = 0
        package var filesRead = 0
        package var bytesRead: Int64 = 0
        /// Files whose digest came from the cache.
        package var fromCache = 0
        package var excluded = 0
        package var notEntered = 0
    }

    private let options: FileScanOptions
    private let fields: FieldReading?

    package init(_ options: FileScanOptions, fields: FieldReading? = nil) {
        self.options = options
        self.fields = fields
    }

    /// Walks all roots; blocks the thread until it is done.
    ///
    /// - Parameters:
    ///   - now: when it begins, on the clock that dates files.
    ///   - cache: what is known from the pass before, replaced by what is known now; nil to
    ///     read everything and keep nothing.
    ///   - sink: takes what is found.
    ///   - stop: ends the scan early.
    /// - Returns: what was read.
    /// - Throws: what `sink` throws, and ``DriftError`` where the scan was stopped.
    package func scan(
        nanoseconds now: Int64, cache: inout DigestCache?, into sink: inout some FileScanSink,
        stop: StopFlag = StopFlag()
    ) throws -> Counts {
        var walk = FileWalk(options)
        defer { walk.end() }
        let pipeline = FilePipeline(
            FileReading(options: options, began: now, cache: cache, fields: fields, stop: stop))
        var run = Run()
        let folderLimit = Self.folderLimit()
        do {
            while let batch = walk.next() {
                run.sizes.append((batch.items.count, batch.folders.count))
                run.items += batch.items.count
                run.folders += batch.folders.count
                pipeline.submit(batch)
                while let results = pipeline.takeIfReady(run.next) { try run.give(results, &sink) }
                while run.items > Self.window || run.folders > folderLimit {
                    try run.give(pipeline.take(run.next), &sink)
                }
                if stop.isStopped { break }
            }
            while !run.sizes.isEmpty { try run.give(pipeline.take(run.next), &sink) }
        } catch {
            stop.stop()
            pipeline.close()
            throw error
        }
        // Before the cache is changed: the threads share it.
        pipeline.close()
        if stop.isStopped { throw DriftError("the scan was stopped") }
        cache?.advance(keeping: run.kept, adding: run.fresh)
        return run.counts
    }

    /// How many folders may be open for batches: half of what this process may open.
    private static func folderLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 128
        }
        let half = Int(clamping: limit.rlim_cur) / 2
        return min(4096, max(32, half - FileWalk.maximumDepth))
    }

    /// What is under way, and what came of it.
    private struct Run {
        var next = 0
        var items = 0
        var folders = 0
        /// Of the batches that are under way.
        var sizes = Queue()
        var counts = Counts()
        var kept: [UInt32] = []
        var fresh: [DigestCache.Record] = []

        mutating func give(_ results: FileResults, _ sink: inout some FileScanSink) throws {
            next += 1
            let (items, folders) = sizes.removeFirst()
            self.items -= items
            self.folders -= folders
            counts.leaves += results.ends.count
            counts.filesRead += results.filesRead
            counts.bytesRead += results.bytesRead
            counts.fromCache += results.kept.count
            kept += results.kept
            fresh += results.fresh
            try results.lines.withUnsafeBytes { lines in
                var start = 0
                var marks = results.marks[...]
                for (index, end) in results.ends.enumerated() {
                    while let mark = marks.first, mark.before <= index {
                        try give(mark.mark, &sink)
                        marks.removeFirst()
                    }
                    try sink.leaf(UnsafeRawBufferPointer(rebasing: lines[start..<Int(end) - 1]))
                    start = Int(end)
                }
                for mark in marks { try give(mark.mark, &sink) }
            }
        }

        private mutating func give(_ mark: FileMark, _ sink: inout some FileScanSink) throws {
            switch mark {
            case .excluded: counts.excluded += 1
            case .notEntered: counts.notEntered += 1
            case .hidden, .unseen, .noted: break
            }
            try sink.mark(mark)
        }
    }

    private struct Queue {
        private var elements: [(Int, Int)] = []
        private var first = 0
        var isEmpty: Bool { first == elements.count }

        mutating func append(_ element: (Int, Int)) { elements.append(element) }

        mutating func removeFirst() -> (Int, Int) {
            let element = elements[first]
            first += 1
            if first == elements.count {
                elements.removeAll(keepingCapacity: true)
                first = 0
            } else if first > 1024 {
                elements.removeFirst(first)
                first = 0
            }
            return element
        }
    }
}
