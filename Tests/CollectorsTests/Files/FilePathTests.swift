// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import DriftCore
import TestSupport
import Testing

@testable import Collectors

@Suite("Paths as subjects")
struct FilePathTests {
    @Test(
        "Only what is no text, and what would look like it, is written otherwise",
        arguments: [
            ("/etc/100%", "/etc/100%"), ("/a%2", "/a%2"), ("/a%ff", "/a%ff"),
            ("/a%FF", "/a%25FF"), ("/a%25FF", "/a%2525FF"), ("/naïve", "/naïve"),
            ("/\u{1F600}", "/\u{1F600}"), ("/a\nb", "/a\nb"),
        ])
    func text(_ path: String, _ expected: String) {
        #expect(FilePath.encoded(Array(path.utf8)) == Array(expected.utf8))
    }

    @Test(
        "Bytes that are no UTF-8 are spelt out",
        arguments: [
            ([0xFF], "%FF"), ([0xC0, 0xAF], "%C0%AF"), ([0xE2, 0x82], "%E2%82"),
            ([0xED, 0xA0, 0x80], "%ED%A0%80"), ([0xF4, 0x90, 0x80, 0x80], "%F4%90%80%80"),
            ([0x25, 0xFF], "%%FF"), ([0xC3, 0x25, 0x41, 0x39], "%C3%25A9"),
        ] as [([UInt8], String)])
    func bytes(_ name: [UInt8], _ expected: String) {
        #expect(FilePath.encoded(name) == Array(expected.utf8))
        #expect(FilePath.decoded(Array(expected.utf8)) == name)
    }

    @Test("Every path comes back, is well-formed, and is the only one with its subject")
    func roundTrip() {
        var random = SeededRandom.forTest()
        let pieces: [UInt8] = Array("%%25AFaf/é\u{10FFFF}".utf8) + [0xFF, 0x80, 0xC3, 0xE2, 0xF0]
        var seen: [[UInt8]: [UInt8]] = [:]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...7, using: &random)
            let path = (0..<count).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }
            let encoded = FilePath.encoded(path)
            #expect(FilePath.decoded(encoded) == path)
            #expect(String(validating: encoded, as: UTF8.self) != nil)
            #expect(seen.updateValue(path, forKey: encoded) ?? path == path)
        }
    }

    @Test("The order of bytes is the order of subjects")
    func order() {
        var random = SeededRandom.forTest()
        let pieces = Array("ab/-.%".utf8)
        for _ in 0..<20_000 {
            func word() -> [UInt8] {
                (0..<Int.random(in: 0...5, using: &random)).map { _ in
                    pieces[Int.random(in: 0..<pieces.count, using: &random)]
                }
            }
            let (a, b) = (word(), word())
            let texts = (String(decoding: a, as: UTF8.self), String(decoding: b, as: UTF8.self))
            #expect(FilePath.precedes(a, b) == Subject.precedes(texts.0, texts.1))
        }
    }

    @Test(
        "Paths are put into one form by their text alone",
        arguments: [
            ("/", "/"), ("//a///b/", "/a/b"), ("/a/./b/../c", "/a/c"), ("/..", "/"), ("a", nil),
            ("", nil), ("/a\0b", nil),
        ])
    func normalised(_ path: String, _ expected: String?) {
        #expect(FilePath.normalised(Array(path.utf8)) == expected.map { Array($0.utf8) })
    }

    @Test("Roots below others are dropped, and known as places to cross to")
    func roots() throws {
        let options = try FileScanOptions(
            roots: ["/b", "/a-x", "/a/c", "/a", "/a"].map { Array($0.utf8) })
        #expect(options.roots.map { String(decoding: $0, as: UTF8.self) } == ["/a", "/a-x", "/b"])
        #expect(options.crossings.contains(Array("/a/c".utf8)))
    }
}

@Suite("Patterns over paths")
struct PathGlobsTests {
    @Test(
        "Patterns match what they say",
        arguments: [
            ("*.log", "/var/x.log", true), ("*.log", "/x.log", true), ("*.log", "/x.logs", false),
            ("/var/*", "/var/a", true), ("/var/*", "/var/a/b", false),
            ("/var/**", "/var/a/b", true), ("/var/**", "/var", false),
            ("/**/cache", "/cache", true), ("/**/cache", "/a/b/cache", true),
            ("/**/cache", "/a/bcache", false), ("/a/**/z", "/a/z", true),
            ("/a/**/z", "/a/b/c/z", true), ("/a/**/*.c", "/a/x.c", true),
            ("/a?c", "/abc", true), ("/a?c", "/a/c", false), ("/[a-c]x", "/bx", true),
            ("/[!a-c]x", "/bx", false), ("/[]]x", "/]x", true), ("/[a", "/[a", true),
            (#"/\*"#, "/*", true), (#"/\*"#, "/a", false), ("/a*b*c", "/aXbYbZc", true),
            ("/a*b*c", "/aXbY", false), ("/a[/]b", "/a/b", false), ("cache/*", "/x/cache/y", true),
            ("/a/**/b/**/c", "/a/b/x/b/c", true), ("/a/**/b/*/c", "/a/b/b/x/c", true),
        ])
    func matches(_ pattern: String, _ path: String, _ expected: Bool) throws {
        #expect(try PathGlobs([pattern]).matches(Array(path.utf8)) == expected)
    }

    @Test("A pattern that is made to be slow is not")
    func malice() throws {
        let pattern = String(repeating: "**a*", count: 60) + "b"
        let path = "/" + String(repeating: "a", count: 4000)
        #expect(try !PathGlobs([pattern]).matches(Array(path.utf8)))
    }

    @Test("Too many, too long and empty patterns are refused")
    func limits() {
        #expect(throws: DriftError.self) { try PathGlobs([""]) }
        #expect(throws: DriftError.self) { try PathGlobs([String(repeating: "a", count: 4097)]) }
        #expect(throws: DriftError.self) { try PathGlobs(Array(repeating: "a", count: 257)) }
    }
}
