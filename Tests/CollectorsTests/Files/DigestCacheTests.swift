// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import Testing

@testable import Collectors

/// Each of these tests passes by what others go by.
///
/// osquery's hash cache goes by modification time in seconds, inode and size; AIDE without its
/// `c` attribute by the same.
@Suite("The cache of digests")
struct DigestCacheTests {
    private let tree: FileTree
    private let options: FileScanOptions

    init() throws {
        tree = try FileTree()
        try tree.write("a", "first")
        try tree.write("b", "other")
        // Everything only comes up again after a million passes: what is found is found by rule.
        options = try tree.options { $0.rereadWithin = 1_000_000 }
    }

    private func digest(_ found: FileTree.Found, _ name: String) throws -> String {
        try #require(try found.leaf(tree.subject(name))?["sha256"]?.stringValue)
    }

    /// Whether a change is found though the cache knows the file.
    private func finds(_ name: String = "a", _ change: () throws -> Void) throws {
        var cache: DigestCache? = DigestCache()
        let before = try tree.scan(options, cache: &cache)
        #expect(before.counts.filesRead == 2)
        let control = try tree.scan(options, cache: &cache)
        #expect(control.counts.fromCache == 2)
        #expect(control.lines == before.lines)
        try change()
        let after = try tree.scan(options, cache: &cache)
        #expect(try digest(before, name) != digest(after, name))
    }

    private func dated(_ name: String, _ body: () throws -> Void) throws {
        var before = stat()
        #expect(lstat("\(tree.path)/\(name)", &before) == 0)
        try body()
        var times = [before.st_atim, before.st_mtim]
        #expect(utimensat(AT_FDCWD, "\(tree.path)/\(name)", &times, 0) == 0)
    }

    @Test("A change of the same size is found")
    func sameSize() throws { try finds { try tree.overwrite("a", "FIRST") } }

    @Test("A change of the same size with its modification time restored is found")
    func restoredDate() throws { try finds { try dated("a") { try tree.overwrite("a", "FIRST") } } }

    @Test("A change that is dated far back or far ahead is found", arguments: [0, 4_000_000_000])
    func otherDate(_ seconds: Int) throws {
        try finds {
            try tree.overwrite("a", "FIRST")
            var times = [timespec(), timespec(tv_sec: seconds, tv_nsec: 0)]
            #expect(utimensat(AT_FDCWD, "\(tree.path)/a", &times, 0) == 0)
        }
    }

    @Test("Another file of the same size and date in its place is found")
    func replaced() throws {
        try finds {
            try dated("a") {
                try tree.write("new", "FIRST")
                #expect(rename("\(tree.path)/new", "\(tree.path)/a") == 0)
            }
        }
    }

    @Test("Two files of the same size and date exchanged are found")
    func exchanged() throws {
        try dated("a") { try tree.overwrite("b", "other") }
        try finds {
            #expect(rename("\(tree.path)/a", "\(tree.path)/t") == 0)
            #expect(rename("\(tree.path)/b", "\(tree.path)/a") == 0)
            #expect(rename("\(tree.path)/t", "\(tree.path)/b") == 0)
        }
    }

    @Test("A change through a hard link elsewhere is found")
    func hardLink() throws {
        #expect(link("\(tree.path)/a", "\(tree.outside)/alias") == 0)
        try finds {
            try dated("a") {
                let handle = try #require(FileHandle(forWritingAtPath: "\(tree.outside)/alias"))
                try handle.write(contentsOf: Data("FIRST".utf8))
                try handle.close()
            }
        }
    }

    @Test("An attribute that is added is found though the digest is known")
    func attribute() throws {
        var cache: DigestCache? = DigestCache()
        _ = try tree.scan(options, cache: &cache)
        try TamperCase.shell("$P xset a user.x 1", tree)
        let after = try tree.scan(options, cache: &cache)
        #expect(try after.leaf(tree.subject("a"))?["xattrs"] != nil)
    }

    @Test("What is written through a mapping is found, also into a page that was written before")
    func mapping() throws {
        let descriptor = open("\(tree.path)/a", O_RDWR)
        let memory = try #require(
            mmap(nil, 5, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0))
        defer {
            munmap(memory, 5)
            close(descriptor)
        }
        memory.storeBytes(of: UInt8(ascii: "1"), as: UInt8.self)
        // As it was an instant ago: nothing of it may be remembered, the page is still dirty.
        let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        var cache: DigestCache? = DigestCache()
        let before = try tree.scan(options, cache: &cache, now: now)
        memory.storeBytes(of: UInt8(ascii: "2"), as: UInt8.self)
        let after = try tree.scan(options, cache: &cache, now: now)
        #expect(after.counts.fromCache == 0)
        #expect(try digest(before, "a") != digest(after, "a"))
        // Long after, once the page is on the disk, writing to it dates the file.
        #expect(msync(memory, 5, MS_SYNC) == 0)
        let settled = try tree.scan(options, cache: &cache)
        memory.storeBytes(of: UInt8(ascii: "3"), as: UInt8.self)
        let last = try tree.scan(options, cache: &cache)
        #expect(try digest(settled, "a") != digest(last, "a"))
    }

    @Test("What was changed just now is not remembered")
    func racy() throws {
        let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        var cache: DigestCache? = DigestCache()
        _ = try tree.scan(options, cache: &cache, now: now)
        #expect(cache?.records.isEmpty == true)
    }

    @Test("Everything is read again within the number of passes")
    func rolling() throws {
        for number in 0..<40 { try tree.write("many/\(number)", "x") }
        let options = try tree.options { $0.rereadWithin = 5 }
        var cache: DigestCache? = DigestCache()
        _ = try tree.scan(options, cache: &cache)
        var read = 0
        for _ in 0..<5 { read += try tree.scan(options, cache: &cache).counts.filesRead }
        #expect(read == 42)
    }

    @Test("Critical paths are read in every pass")
    func always() throws {
        let options = try tree.options {
            $0.rereadWithin = 1_000_000
            $0.always = try PathGlobs(["a"])
        }
        var cache: DigestCache? = DigestCache()
        for _ in 0..<3 {
            _ = try tree.scan(options, cache: &cache)
        }
        #expect(try tree.scan(options, cache: &cache).counts.filesRead == 1)
    }

    @Test("A file that is gone is forgotten")
    func forgotten() throws {
        var cache: DigestCache? = DigestCache()
        _ = try tree.scan(options, cache: &cache)
        try tree.remove("b")
        _ = try tree.scan(options, cache: &cache)
        #expect(cache?.records.count == 1)
    }

    @Test("A cache that is cut, changed, open to others or older than the machine is not used")
    func damaged() throws {
        var cache: DigestCache? = DigestCache()
        _ = try tree.scan(options, cache: &cache)
        let path = tree.outside + "/cache"
        let boot = [UInt8](repeating: 7, count: 36)
        try cache?.write(to: path, boot: boot)
        #expect(try DigestCache(path: path, boot: boot)?.records == cache?.records)
        #expect(try DigestCache(path: path, boot: boot)?.pass == 1)
        #expect(try DigestCache(path: path + ".absent", boot: boot) == nil)
        #expect(throws: DigestCache.Unusable.self) {
            try DigestCache(path: path, boot: [UInt8](repeating: 8, count: 36))
        }
        chmod(path, 0o644)
        #expect(throws: DigestCache.Unusable.self) { try DigestCache(path: path, boot: boot) }
        chmod(path, 0o600)
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        for index in whole.indices {
            var other = whole
            other[index] ^= 0x40
            try rewrite(path, other)
            #expect(throws: DigestCache.Unusable.self, "byte \(index)") {
                try DigestCache(path: path, boot: boot)
            }
            try rewrite(path, Array(whole[..<index]))
            #expect(throws: DigestCache.Unusable.self, "\(index) bytes") {
                try DigestCache(path: path, boot: boot)
            }
        }
    }

    private func rewrite(_ path: String, _ bytes: [UInt8]) throws {
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }
}
