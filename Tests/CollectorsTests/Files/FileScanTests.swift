// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import DriftCore
import Foundation
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@testable import Collectors

@Suite("Scanning files")
struct FileScanTests {
    private let tree: FileTree

    init() throws { tree = try FileTree() }

    @Test("A folder that is exchanged for a link all the time never leads elsewhere")
    func exchangedFolder() throws {
        try tree.write("a/inner/file", "inside")
        try FileManager.default.createDirectory(
            atPath: tree.outside + "/inner", withIntermediateDirectories: true)
        try Data("secret".utf8).write(to: URL(fileURLWithPath: tree.outside + "/inner/file"))
        try Data("secret".utf8).write(to: URL(fileURLWithPath: tree.outside + "/only-outside"))
        // Between the listing of the tree and the folder's turn there is time for the exchange.
        for number in 0..<50 { try tree.write("0/\(number)/file", "") }
        let secret = Hash256.sha256(Array("secret".utf8)).hex
        try during {
            rename("\(tree.path)/a", "\(tree.path)/b")
            symlink(tree.outside, "\(tree.path)/a")
            unlink("\(tree.path)/a")
            rename("\(tree.path)/b", "\(tree.path)/a")
        } do: {
            for _ in 0..<100 {
                for line in try tree.scan().lines {
                    let text = String(decoding: line, as: UTF8.self)
                    #expect(!text.contains(secret) && !text.contains("only-outside"))
                }
            }
        }
    }

    @Test("A file that grows all the time is a gap, or a digest of what it was at one moment")
    func growing() throws {
        try tree.write("log", "")
        let path = "\(tree.path)/log"
        try during {
            let handle = FileHandle(forWritingAtPath: path)
            let size = (try? handle?.seekToEnd()) ?? 0
            // Nothing but zeros: the size alone says what the digest must be.
            if size > 1_000_000 { try? handle?.truncate(atOffset: 0) }
            try? handle?.write(contentsOf: Data(repeating: 0, count: 50_000))
            try? handle?.close()
        } do: {
            for _ in 0..<60 {
                let found = try tree.scan()
                guard let leaf = try found.leaf(tree.subject("log")) else {
                    #expect(found.gaps.map(\.cause) == [.changing])
                    continue
                }
                let size = Int(try #require(leaf["size"]?.intValue))
                let expected = Hash256.sha256([UInt8](repeating: 0, count: size)).hex
                #expect(leaf["sha256"]?.stringValue == expected)
            }
        }
    }

    @Test("A file that keeps its size but is written to all the time is a gap")
    func rewritten() throws {
        try tree.write("data", "")
        let path = "\(tree.path)/data"
        // To read it takes longer than a tick of the clock that dates files.
        #expect(truncate(path, 64_000_000) == 0)
        try during {
            let handle = FileHandle(forWritingAtPath: path)
            try? handle?.write(contentsOf: Data([1]))
            try? handle?.close()
        } do: {
            let found = try tree.scan()
            #expect(found.gaps.map(\.cause) == [.changing])
            #expect(try found.leaf(tree.subject("data")) == nil)
        }
    }

    /// Does something over and over in a thread while something else is done here.
    private func during(
        _ body: @escaping @Sendable () -> Void, do work: () throws -> Void
    ) throws {
        let stop = StopFlag()
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            while !stop.isStopped { body() }
            ended.signal()
        }
        defer {
            stop.stop()
            ended.wait()
        }
        try work()
    }

    @Test("A file that has nothing to read, or that waits for its other end, does not hold it up")
    func fifo() throws {
        #expect(mkfifo("\(tree.path)/pipe", 0o600) == 0)
        try tree.write("z", "")
        let found = try tree.scan()
        #expect(try found.leaf(tree.subject("pipe"))?["type"] == "fifo")
        #expect(try found.leaf(tree.subject("z")) != nil)
    }

    @Test("A file beyond the limit is a gap, and its leaf is not there")
    func tooLarge() throws {
        try tree.write("large", "12345678901")
        let found = try tree.scan(tree.options { $0.maximumFileBytes = 10 })
        #expect(found.gaps.map(\.cause) == [.tooLarge])
        #expect(found.gaps.first?.subject == tree.subject("large"))
        #expect(try found.leaf(tree.subject("large")) == nil)
    }

    @Test("What cannot be read is a gap, neither an absence nor a removal")
    func unreadable() throws {
        for name in ["open/file", "closed/file", "closed/more"] { try tree.write(name, "x") }
        try tree.writeBaseline()
        #expect(chmod("\(tree.path)/closed", 0) == 0)
        #expect(chmod("\(tree.path)/open/file", 0) == 0)
        defer { chmod("\(tree.path)/closed", 0o755) }
        let report = try #require(try unprivileged { try tree.compare() })
        #expect(report.gaps.map(\.cause) == [.unreadable, .unreadable])
        #expect(
            report.gaps.map(\.subject) == [tree.subject("closed"), tree.subject("open/file")])
        #expect(report.counts.unobserved == 4)
        #expect(report.deviations.isEmpty)
    }

    /// Runs something with the rights of nobody in a thread of its own: root may read anything.
    private func unprivileged<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value? {
        typealias SetUser = @convention(c) (UInt32) -> Int32
        guard FileTree.isRoot else { return try body() }
        guard let symbol = dlsym(nil, "setfsuid") else { return nil }
        let setUser = unsafeBitCast(symbol, to: SetUser.self)
        let result = Mutex<Result<Value, any Error>?>(nil)
        let ended = DispatchSemaphore(value: 0)
        // Readable for nobody, so that the way to the tree is open.
        chmod((tree.path as NSString).deletingLastPathComponent, 0o755)
        let baseline = tree.baseline
        chmod(baseline, 0o644)
        Thread.detachNewThread {
            _ = setUser(65534)
            let value = Result { try body() }
            result.withLock { $0 = value }
            ended.signal()
        }
        ended.wait()
        return try result.withLock { $0 }?.get()
    }

    @Test("What is excluded is left out and counted")
    func excluded() throws {
        for name in ["a.log", "b", "cache/x", "cache/y", "d/e.log"] { try tree.write(name, "x") }
        let path = tree.path
        let found = try tree.scan(
            tree.options { $0.exclude = try PathGlobs(["*.log", "\(path)/cache"]) })
        #expect(found.counts.excluded == 3)
        #expect(found.lines.count == 3)
    }

    @Test("Another file system is not entered, and what the baseline has there is not removed")
    func otherFileSystem() throws {
        for name in ["a/file", "b/file"] { try tree.write(name, "x") }
        var limited = try tree.options()
        limited.staysOnFileSystem = true
        try tree.writeBaseline(limited)
        #expect(try tree.compare().isClean)
        let mounted = try Child.run(
            ["mount", "-t", "tmpfs", "none", "\(tree.path)/a"], output: .hidden)
        guard mounted == 0 else {
            print("skipped: no file system can be mounted here")
            return
        }
        defer { _ = try? Child.run(["umount", "\(tree.path)/a"]) }
        let report = try tree.compare()
        #expect(report.scan.notEntered == 1)
        #expect(report.counts.removed == 0)
        #expect(report.counts.unobserved == 1)
        #expect(report.gaps.map(\.subject) == [tree.subject("a")])
        // Named itself it is entered.
        var both = try FileScanOptions(
            roots: [Array(tree.path.utf8), Array("\(tree.path)/a".utf8)])
        both.staysOnFileSystem = true
        #expect(try tree.scan(both).counts.notEntered == 0)
    }

    @Test("A root behind a link is not followed")
    func linkedRoot() throws {
        try tree.write("real/file", "x")
        #expect(symlink("real", "\(tree.path)/link") == 0)
        let options = try FileScanOptions(roots: [Array("\(tree.path)/link/file".utf8)])
        #expect(options.missing == ["\(tree.path)/link/file"])
        let found = try tree.scan(options)
        #expect(found.lines.isEmpty)
        #expect(found.gaps.map(\.cause) == [.unreadable])
    }

    @Test("Folders inside each other beyond the limit are a gap")
    func deep() throws {
        var path = tree.path
        // By steps, because a path is limited too.
        for _ in 0..<(FileWalk.maximumDepth + 5) { path += "/d" }
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
        let found = try tree.scan()
        #expect(found.gaps.map(\.cause) == [.tooLarge])
        #expect(found.lines.count == FileWalk.maximumDepth)
    }

    @Test("As many workers as there are, the lines are the same")
    func workers() throws {
        for number in 0..<300 { try tree.write("\(number % 7)/\(number)", "\(number)") }
        let one = try tree.scan(tree.options { $0.workers = 1 })
        let many = try tree.scan(tree.options { $0.workers = 7 })
        #expect(one.lines == many.lines)
        #expect(one.lines.count == 308)
    }

    @Test("A sink that fails ends the scan")
    func failing() throws {
        struct Failing: FileScanSink {
            mutating func leaf(_ line: UnsafeRawBufferPointer) throws { throw DriftError("no") }
            mutating func mark(_ mark: FileMark) throws {}
        }
        var sink = Failing()
        var cache: DigestCache?
        #expect(throws: DriftError("no")) {
            try FileScanner(tree.options()).scan(nanoseconds: 0, cache: &cache, into: &sink)
        }
    }

    @Test("A part of a baseline can be scanned")
    func only() throws {
        for name in ["a/x", "b/x"] { try tree.write(name, "1") }
        try tree.writeBaseline()
        for name in ["a/x", "b/x"] { try tree.overwrite(name, "2") }
        let reader = try BaselineReader(path: tree.baseline)
        let place = Array("\(tree.path)/b".utf8)
        var cache: DigestCache?
        let report = try FileBaseline.scan(
            reader, options: reader.header.options.only(place), only: place, cache: &cache,
            now: FileTree.later)
        #expect(report.deviations.map(\.subject) == [tree.subject("b/x")])
        #expect(throws: DriftError.self) { try reader.header.options.only(Array("/etc".utf8)) }
    }

    @Test("Only the attributes that are asked for are recorded")
    func attributes() throws {
        try tree.write("a", "x")
        let found = try tree.scan(
            tree.options { $0.attributes = try FileAttributes(names: ["mode", "uid"]) })
        let leaf = try #require(try found.leaf(tree.subject("a"))?.objectValue)
        #expect(leaf.keys == ["mode", "type", "uid"])
        #expect(found.counts.filesRead == 0)
        #expect(throws: DriftError.self) { try FileAttributes(names: ["mtime"]) }
    }
}
