// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import DriftCore
import Foundation
import TestSupport
import Testing
import TransparencyLog

@testable import Collectors

@Suite("Baseline files")
struct BaselineFileTests {
    private func tree() throws -> FileTree {
        let tree = try FileTree()
        for name in ["a", "b/c", "b/d", "b-x", "quote\"\\\n"] { try tree.write(name, name) }
        return tree
    }

    @Test("The root of lines that go by is that of the tree")
    func merkle() {
        for count in 0...70 {
            var (stack, frontier) = (MerkleStack(), MerkleFrontier())
            for number in 0..<count {
                let line = Array("line \(number)".utf8)
                line.withUnsafeBytes { stack.append($0) }
                frontier.append(MerkleHash.leaf(line))
            }
            #expect(stack.root == frontier.root())
        }
    }

    @Test("Lines are canonical, those of `Leaf`, in the order of subjects, and give the root")
    func lines() throws {
        let tree = try tree()
        let written = try tree.writeBaseline()
        let text = try String(contentsOfFile: tree.baseline, encoding: .utf8)
        let lines = text.split(separator: "\n").map { Array($0.utf8) }
        var leaves: [Leaf] = []
        for line in lines.dropFirst().dropLast() {
            let json = try JSON(canonical: line)
            let leaf = Leaf(
                subject: try #require(json["subject"]?.stringValue),
                document: try #require(json["document"]).canonicalBytes())
            #expect(leaf.line == line)
            leaves.append(leaf)
        }
        #expect(leaves.count == 7)
        #expect(
            zip(leaves, leaves.dropFirst()).allSatisfy { Subject.precedes($0.subject, $1.subject) })
        #expect(try Snapshot(leaves).root == written.root)
        #expect(try BaselineReader(path: tree.baseline).digest == written.digest)
        let mode = try FileManager.default.attributesOfItem(atPath: tree.baseline)[
            .posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    @Test("A baseline that is cut anywhere is refused")
    func truncated() throws {
        let tree = try tree()
        try tree.writeBaseline()
        let whole = try Data(contentsOf: URL(fileURLWithPath: tree.baseline))
        for count in 0..<whole.count {
            try whole.prefix(count).write(to: URL(fileURLWithPath: tree.baseline))
            #expect(throws: DriftError.self) { try BaselineReader(path: tree.baseline) }
        }
    }

    @Test("A baseline with any byte changed is refused")
    func edited() throws {
        let tree = try tree()
        try tree.writeBaseline()
        let whole = try Data(contentsOf: URL(fileURLWithPath: tree.baseline))
        for index in whole.indices {
            var other = whole
            other[index] ^= 0x01
            try other.write(to: URL(fileURLWithPath: tree.baseline))
            #expect(throws: DriftError.self, "byte \(index)") {
                try BaselineReader(path: tree.baseline)
            }
        }
    }

    @Test("Lines taken out, exchanged, doubled or added are noticed")
    func rearranged() throws {
        let tree = try tree()
        try tree.writeBaseline()
        let text = try String(contentsOfFile: tree.baseline, encoding: .utf8)
        let lines = text.split(separator: "\n").map(String.init)
        var versions = [lines, lines, lines, lines + [lines[1]], lines]
        versions[0].remove(at: 3)
        versions[1].swapAt(2, 3)
        versions[2].insert(lines[2], at: 2)
        versions[4][0] = lines[0].replacingOccurrences(
            of: #""exclude":[]"#, with: #""exclude":["b"]"#)
        #expect(versions[4] != lines)
        for version in versions {
            try Data((version.joined(separator: "\n") + "\n").utf8).write(
                to: URL(fileURLWithPath: tree.baseline))
            #expect(throws: DriftError.self) { try BaselineReader(path: tree.baseline) }
        }
    }

    @Test("Anything else that is no baseline is refused with a sentence")
    func otherFiles() throws {
        let tree = try FileTree()
        for text in ["", "\n", "{}\n", "no\n", #"{"kind":"exequatur.baseline","v":2}"# + "\n"] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: tree.baseline))
            let error = #expect(throws: DriftError.self) {
                try BaselineReader(path: tree.baseline)
            }
            #expect(error?.description.contains(tree.baseline) == true)
        }
        #expect(throws: DriftError.self) { try BaselineReader(path: tree.outside + "/absent") }
        #expect(throws: DriftError.self) { try BaselineReader(path: tree.outside) }
    }

    @Test("A baseline that changes between its two readings is refused")
    func changed() throws {
        let tree = try FileTree()
        let header = BaselineHeader(
            host: "here", time: FileTree.later, user: 0, options: try tree.options())
        var writer = try BaselineWriter(path: tree.baseline, header: header)
        for number in 10_000..<20_000 {
            let leaf = try Leaf(subject: "file:/\(number)", document: ["type": "file"])
            try leaf.line.withUnsafeBytes { try writer.leaf($0) }
        }
        _ = try writer.finish()
        func readAll(after change: (FileHandle) throws -> Void) throws {
            let reader = try BaselineReader(path: tree.baseline)
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: tree.baseline))
            try change(handle)
            try handle.close()
            while try reader.next() != nil {}
        }
        try readAll { _ in }
        // Behind what was read in one go: one digit of a subject, a line, the end.
        #expect(throws: DriftError.self) {
            try readAll { handle in
                try handle.seek(toOffset: try handle.seekToEnd() - 250)
                let digit = try handle.read(upToCount: 1) == Data("7".utf8) ? "8" : "7"
                try handle.seek(toOffset: try handle.offset() - 1)
                try handle.write(contentsOf: Data(digit.utf8))
            }
        }
        var again = try BaselineWriter(path: tree.baseline, header: header)
        for number in 10_000..<20_000 {
            let leaf = try Leaf(subject: "file:/\(number)", document: ["type": "file"])
            try leaf.line.withUnsafeBytes { try again.leaf($0) }
        }
        _ = try again.finish()
        #expect(throws: DriftError.self) {
            try readAll { try $0.truncate(atOffset: try $0.seekToEnd() - 200_000) }
        }
    }

    @Test("What a comparison finds is what two lists of lines differ in")
    func comparison() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<40 {
            let tree = try FileTree()
            for _ in 0..<Int.random(in: 0...25, using: &random) { try change(tree, &random) }
            let before = try lines(tree)
            try tree.writeBaseline()
            for _ in 0..<Int.random(in: 0...8, using: &random) { try change(tree, &random) }
            let after = try lines(tree)
            let report = try tree.compare()
            let changed =
                before.keys.filter { before[$0] != after[$0] }
                + after.keys.filter { before[$0] == nil }
            #expect(Set(report.deviations.map { Array($0.subject.utf8) }) == Set(changed))
            #expect(report.counts.unchanged == before.filter { after[$0.key] == $0.value }.count)
            #expect(report.counts.gaps == 0)
        }
    }

    private func lines(_ tree: FileTree) throws -> [[UInt8]: [UInt8]] {
        var result: [[UInt8]: [UInt8]] = [:]
        for line in try tree.scan().lines {
            let subject = try #require(try JSON(parsing: line)["subject"]?.stringValue)
            #expect(result.updateValue(line, forKey: Array(subject.utf8)) == nil)
        }
        return result
    }

    private func change(_ tree: FileTree, _ random: inout SeededRandom) throws {
        let names = ["a", "a-b", "a.d", "b", "é", "A"]
        func name() -> String { names[Int.random(in: 0..<names.count, using: &random)] }
        let path = "\(name())/\(name())"
        switch Int.random(in: 0..<4, using: &random) {
        case 0: try? tree.remove(path)
        case 1: try? tree.remove(name())
        default: try? tree.write(path, "\(Int.random(in: 0..<3, using: &random))")
        }
    }
}
