// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import DriftCore
import Foundation
import Testing

@testable import Collectors

@Suite("Reports of a scan")
struct ScanReportTests {
    private let tree: FileTree
    private let fields: FieldReading

    init() throws {
        tree = try FileTree()
        try tree.write("app.json", #"{"port":8080,"tls":{"on":true}}"#)
        try tree.write("broken.json", "{")
        try tree.write("old/deep/file", "x")
        fields = FieldReading(
            parse: { bytes, _ in try JSON(parsing: bytes) },
            redactor: try Redactor(key: [1], secrets: []), hasSecrets: false)
        var options = try tree.options()
        options.fields = try FieldRules(["json": ["*.json"]], path: "fields")
        var cache: DigestCache?
        let written = try FileBaseline.write(
            to: tree.baseline,
            header: BaselineHeader(
                host: "here", time: FileTree.later, user: 0, options: options),
            fields: fields, cache: &cache)
        #expect(written.malformed.map(\.subject) == [tree.subject("broken.json")])
        #expect(written.gapCount == 0)
    }

    private func report() throws -> FileBaseline.Report {
        let reader = try BaselineReader(path: tree.baseline)
        var cache: DigestCache?
        return try FileBaseline.scan(
            reader, options: reader.header.options, fields: fields, cache: &cache,
            now: FileTree.later)
    }

    private func lines() throws -> [String] {
        ScanReport.lines(try report(), baseline: tree.baseline).map {
            $0.replacingOccurrences(of: tree.path, with: "")
        }
    }

    @Test("What cannot be parsed but is what it was is no gap")
    func unchanged() throws {
        #expect(try report().isClean)
        #expect(try lines().count == 1)
        #expect(try lines().first?.hasPrefix("no drift: ") == true)
    }

    @Test("What cannot be parsed and changed is both a deviation and a gap")
    func malformed() throws {
        try tree.overwrite("broken.json", "[")
        let report = try report()
        #expect(report.deviations.map(\.pointer.description) == ["/sha256"])
        #expect(report.gaps.map(\.cause) == [.malformed])
        try tree.overwrite("broken.json", "{")
        try tree.overwrite("app.json", "{")
        let other = try self.report()
        #expect(
            Set(other.deviations.map(\.pointer.description)) == ["/content", "/sha256", "/size"])
        #expect(other.gaps.map(\.subject) == [tree.subject("app.json")])
    }

    @Test("Fields are told, and not the digest that follows from them")
    func fieldLines() throws {
        try tree.overwrite("app.json", #"{"port":"8080","tls":{}}"#)
        #expect(
            try lines().dropLast() == [
                "changed  /app.json: content/port: 8080 → 8080",
                "changed  /app.json: content/tls/on: true → nothing",
            ])
        let operations = try report().deviations.map { "\($0.pointer) \($0.operation)" }
        #expect(
            operations == [
                "/content/port retype", "/content/tls/on remove", "/sha256 replace",
                "/size replace",
            ])
    }

    @Test("A folder is told with the number of what is below it, and so is a type that changed")
    func folded() throws {
        try tree.remove("old")
        try tree.write("new/a/b", "x")
        try tree.remove("app.json")
        #expect(symlink("broken.json", "\(tree.path)/app.json") == 0)
        let text = try lines()
        #expect(text.count == 4)
        #expect(text[0] == "changed  /app.json: type: file → symlink")
        #expect(text[1].hasPrefix("added    /new: directory "))
        #expect(text[1].hasSuffix(", with 2 below it"))
        #expect(text[2].hasPrefix("removed  /old: directory "))
        #expect(text[2].hasSuffix(", with 2 below it"))
    }

    @Test("As JSON nothing is left out")
    func json() throws {
        try tree.write("new/a", "x")
        try tree.remove("old")
        let json = ScanReport.json(try report(), baseline: tree.baseline)
        #expect(json.objectValue?.keys == ["baseline", "counts", "deviations", "gaps"])
        #expect(json["deviations"]?.arrayValue?.count == 5)
        #expect(json["counts"]?["added"] == 2)
        #expect(json["counts"]?["removed"] == 3)
        #expect(
            json["deviations"]?[0]?.objectValue?.keys == [
                "after", "before", "operation", "path", "pointer", "subject",
            ])
    }
}
