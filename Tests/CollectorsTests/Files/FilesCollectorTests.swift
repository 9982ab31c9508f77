// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Foundation
import Testing
import TransparencyLog

@testable import Collectors

@Suite("The collector of files")
struct FilesCollectorTests {
    private let tree: FileTree

    init() throws {
        tree = try FileTree()
        try tree.write("app.json", #"{"port":8080,"password":"hunter2"}"#)
        try tree.write("plain", "x")
    }

    private func collector(
        _ settings: (inout JSONObject) -> Void = { _ in }, secrets: [String] = []
    ) throws -> FilesCollector {
        var object: JSONObject = ["paths": [.string(tree.path)]]
        settings(&object)
        let source = try DriftSource(
            id: try #require(Handle("files")), kind: .files, scope: "here", every: 60,
            assetClass: .medium, settings: object, secrets: secrets)
        return try FilesCollector(source: source) { bytes, _ in try JSON(parsing: bytes) }
    }

    private func observe(
        _ collector: FilesCollector, secrets: [String] = []
    ) async throws
        -> Observation
    {
        let redactor = try Redactor(key: [UInt8](repeating: 1, count: 32), secrets: secrets)
        return await collector.observe(now: { FileTree.later }, redactor: redactor)
    }

    @Test("It gives leaves in order, with fields where they are asked for")
    func snapshot() async throws {
        let collector = try collector { $0["fields"] = ["json": ["*.json"]] }
        let observation = try await observe(collector)
        #expect(observation.status == .ok)
        let snapshot = try #require(observation.snapshot)
        #expect(
            snapshot.leaves.map(\.subject) == [".", "app.json", "plain"].map(tree.subject))
        let leaf = try #require(snapshot[tree.subject("app.json")])
        let document = try JSON(canonical: leaf.document)
        #expect(document["content"]?["port"] == 8080)
        #expect(document["sha256"] != nil && document["size"] != nil)
        // The second time most comes from the cache, and is the same.
        #expect(try await observe(collector).snapshot?.root == snapshot.root)
    }

    @Test("A secret leaves neither its value nor a digest that could be tried")
    func secrets() async throws {
        let collector = try collector(
            { $0["fields"] = ["json": ["*.json"]] }, secrets: ["$.password"])
        let observation = try await observe(collector, secrets: ["$.password"])
        let leaf = try #require(observation.snapshot?[tree.subject("app.json")])
        let document = try JSON(canonical: leaf.document)
        #expect(document["content"]?["password"]?.isRedacted == true)
        #expect(document["sha256"]?.isRedacted == true)
        #expect(document["size"] == nil)
        #expect(!String(decoding: leaf.document, as: UTF8.self).contains("hunter2"))
    }

    @Test("What cannot be parsed is a gap, and its digest still counts")
    func malformed() async throws {
        try tree.overwrite("app.json", "{")
        let collector = try collector { $0["fields"] = ["json": ["*.json"]] }
        let observation = try await observe(collector)
        #expect(observation.status == .partial)
        #expect(observation.gaps.map(\.cause) == [.malformed])
        #expect(observation.gaps.first?.subject == tree.subject("app.json"))
        let leaf = try #require(observation.snapshot?[tree.subject("app.json")])
        let document = try JSON(canonical: leaf.document)
        #expect(document["content"] == nil)
        #expect(document["sha256"]?.stringValue == Hash256.sha256([UInt8(ascii: "{")]).hex)
    }

    @Test("Where it may hold a secret, what cannot be parsed has no digest that could be tried")
    func malformedSecret() async throws {
        try tree.overwrite("app.json", "{")
        let collector = try collector(
            { $0["fields"] = ["json": ["*.json"]] }, secrets: ["$.password"])
        let observation = try await observe(collector, secrets: ["$.password"])
        let leaf = try #require(observation.snapshot?[tree.subject("app.json")])
        #expect(try JSON(canonical: leaf.document)["sha256"]?.isRedacted == true)
    }

    @Test("More gaps than can be told apart speak for the whole source")
    func manyGaps() throws {
        var leaves = LeafCollection()
        for number in 0..<(DriftLimits.gaps + 20) {
            try leaves.mark(.hidden("file:/\(number)", .unreadable, "no"))
        }
        #expect(leaves.allGaps.count == DriftLimits.gaps)
        #expect(leaves.allGaps.last?.subject == nil)
        #expect(leaves.allGaps.last?.detail == "21 more gaps")
    }

    @Test(
        "Settings that are not as they should be are refused",
        arguments: [
            #"{}"#, #"{"paths":[]}"#, #"{"paths":["etc"]}"#, #"{"paths":["/etc"],"path":1}"#,
            #"{"paths":["/etc"],"fields":{"xml":["*"]}}"#, #"{"paths":["/etc"],"exclude":[""]}"#,
            #"{"paths":["/etc"],"attributes":["mtime"]}"#,
            #"{"paths":["/etc"],"maximumFileBytes":-1}"#, #"{"paths":["/etc"],"rereadWithin":0}"#,
        ])
    func settings(_ text: String) throws {
        let json = try JSON(parsing: text)
        #expect(throws: (any Error).self) { try FileScanOptions(settings: json) }
    }
}
