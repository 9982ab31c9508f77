// SPDX-License-Identifier: Apache-2.0

import DriftCore
import Foundation
import Testing

@testable import Collectors

@Suite("Hints of changed files", .timeLimit(.minutes(10)))
struct FilesWatcherTests {
    private let tree: FileTree

    init() throws {
        tree = try FileTree()
        try tree.write("sub/a", "1")
    }

    /// Does something until a hint comes of it.
    private func hints(_ body: @escaping @Sendable (Int) throws -> Void) async throws -> SourceHint?
    {
        let stream = FilesWatcher.hints(of: try tree.options())
        return try await withThrowingTaskGroup(of: SourceHint?.self) { group in
            group.addTask { await stream.first { _ in true } }
            group.addTask {
                // The watcher begins in its own time: what comes before is not heard.
                for number in 0... {
                    try body(number)
                    try await Task.sleep(for: .milliseconds(20))
                }
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    @Test("A write, a new file and a change of permissions are told")
    func changes() async throws {
        let tree = tree
        #expect(try await hints { try tree.overwrite("sub/a", "\($0)") } == .changed)
        #expect(try await hints { try tree.write("sub/new\($0)", "") } == .changed)
        #expect(
            try await hints { chmod("\(tree.path)/sub/a", $0 % 2 == 0 ? 0o600 : 0o644) }
                == .changed)
    }

    @Test("A file that is watched by itself is heard of when another takes its place")
    func replaced() async throws {
        let tree = tree
        let stream = FilesWatcher.hints(
            of: try FileScanOptions(roots: [Array("\(tree.path)/sub/a".utf8)]))
        let hint = try await withThrowingTaskGroup(of: SourceHint?.self) { group in
            group.addTask { await stream.first { _ in true } }
            group.addTask {
                while true {
                    try tree.write("b", "2")
                    rename("\(tree.path)/b", "\(tree.path)/sub/a")
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        #expect(hint == .changed)
    }

    @Test("What happens in a new folder is told, and a folder that goes away")
    func newFolder() async throws {
        let stream = FilesWatcher.hints(of: try tree.options())
        var iterator = stream.makeAsyncIterator()
        // Until it is heard it is not known whether the watcher has begun.
        let first = try await hints { try tree.write("x/y\($0)/z", "1") }
        #expect(first == .changed)
        try await Task.sleep(for: .milliseconds(300))
        try tree.write("new/deep/file", "1")
        #expect(await iterator.next() == .changed)
        try await Task.sleep(for: .milliseconds(300))
        try tree.remove("new")
        #expect(await iterator.next() == .changed)
    }

    @Test("A full queue is told as a loss, and not swallowed when nobody reads")
    func overflow() async throws {
        let (stream, continuation) = AsyncStream.makeStream(
            of: SourceHint.self, bufferingPolicy: .bufferingOldest(1))
        var watch = FileWatch(try tree.options(), stop: -1, hints: continuation)
        watch.tell(changed: true)
        // struct inotify_event: watch -1, IN_Q_OVERFLOW, no cookie, no name.
        var event: [UInt8] = []
        for word in [UInt32.max, 0x4000, 0, 0] {
            withUnsafeBytes(of: word) { event += $0 }
        }
        let changed = event.withUnsafeBytes { watch.take($0) }
        #expect(!changed)
        watch.tell(changed: false)
        var iterator = stream.makeAsyncIterator()
        #expect(await iterator.next() == .changed)
        watch.tell(changed: false)
        guard case .lost(let sentence) = await iterator.next() else {
            Issue.record("the loss was not told")
            return
        }
        #expect(sentence.contains("lost"))
        watch.end()
    }

    @Test("Garbage instead of events does no harm")
    func garbage() throws {
        let (_, continuation) = AsyncStream.makeStream(of: SourceHint.self)
        var watch = FileWatch(try tree.options(), stop: -1, hints: continuation)
        for count in 0..<64 {
            let bytes = [UInt8](repeating: 0xFF, count: count)
            #expect(!bytes.withUnsafeBytes { watch.take($0) })
        }
        watch.end()
    }
}
