// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CLinux
import CanonicalJSON
import DriftCore
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import Collectors

/// A tree whose state was approved, and that is put back to it.
private final class Restored {
    let tree: FileTree
    let contents: FileContents
    private let source: DriftSource
    private let collector: KeepingCollector
    private let redactor: Redactor
    private var machine: DriftMachine
    private let expected: Snapshot
    private var live: Snapshot
    private var seconds: Int64 = 0

    init(_ tree: FileTree) async throws {
        self.tree = tree
        contents = FileContents(folder: tree.outside)
        source = try DriftSource(
            id: Handle(constant: "files"), kind: .files, scope: "here", every: 60,
            assetClass: .medium,
            settings: ["fields": ["json": ["*.json"]], "paths": [.string(tree.path)]])
        redactor = try Redactor(key: [UInt8](repeating: 1, count: 32), secrets: [])
        collector = KeepingCollector(
            try FilesCollector(source: source, parse: Self.parse), contents: contents)
        machine = DriftMachine(source: source, now: FileTree.later)
        let observation = await collector.observe(now: { FileTree.later }, redactor: redactor)
        live = try #require(observation.snapshot)
        expected = live
        _ = try machine.observe(
            observation, expected: nil, effects: [], rules: [], directions: .standard,
            ledgerIsSound: true, now: FileTree.later)
        _ = try machine.approveBaseline(
            root: live.root, by: Handle(constant: "alice"), now: FileTree.later)
    }

    private static func parse(_ bytes: [UInt8], _ format: String) throws -> JSON {
        try JSON(parsing: bytes)
    }

    /// Looks again.
    func observe() async throws {
        seconds += 10
        let now = FileTree.later.adding(seconds: seconds)
        let observation = await collector.observe(now: { now }, redactor: redactor)
        live = try #require(observation.snapshot)
        _ = try machine.observe(
            observation, expected: expected, effects: [], rules: [], directions: .standard,
            ledgerIsSound: true, now: now)
    }

    /// A plan for what deviates, or those of its places that are wanted.
    func plan(_ isWanted: (Deviation) -> Bool = { _ in true }) throws -> RemediationPlan {
        try machine.plan(
            reverting: Set(
                machine.episodes.values.filter { isWanted($0.deviation) }.map(\.fingerprint)),
            expected: expected, live: live, directions: .standard, allowsBroadening: true)
    }

    var isBack: Bool { live.root == expected.root }
    var open: Int { machine.episodes.count }

    func look(_ subject: String) -> JSON? {
        FileLook.document(subject, of: source, redactor: redactor, parse: Self.parse)
    }

    func carryOut(
        _ plan: RemediationPlan, look: (@Sendable (String) -> JSON?)? = nil
    ) -> RemediationResult {
        let (source, redactor) = (source, redactor)
        return FileRestorer(
            contents: contents,
            look: look ?? {
                FileLook.document($0, of: source, redactor: redactor, parse: Self.parse)
            }
        ).carryOut(plan)
    }

    /// Whether nothing is left of a draft.
    var isTidy: Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: tree.path)) ?? []
        return !names.contains { $0.hasPrefix(".exequatur") }
    }
}

@Suite("Files put back as a plan says")
struct FileRestorerTests {
    private let tree: FileTree

    init() throws {
        tree = try FileTree()
        try tree.write("app.json", #"{"port":8080,"host":"a"}"#)
        try tree.write("plain", "x")
        try tree.write("folder/inside", "y")
        try FileManager.default.createSymbolicLink(
            atPath: tree.path + "/link", withDestinationPath: "plain")
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(tree.path)/\(name)", encoding: .utf8)
    }

    private func mode(_ name: String) -> UInt32 {
        var found = clinux_identity()
        return clinux_look("\(tree.path)/\(name)", 0, &found) == 0 ? found.mode & 0o7777 : 0
    }

    @Test("what was changed, removed, added and pointed elsewhere is put back")
    func everything() async throws {
        let restored = try await Restored(tree)
        try tree.write("app.json", #"{"port":1,"host":"a"}"#)
        chmod(tree.path + "/plain", 0o666)
        try tree.remove("folder")
        try tree.remove("link")
        try FileManager.default.createSymbolicLink(
            atPath: tree.path + "/link", withDestinationPath: "/etc/passwd")
        try tree.write("new/file", "z")
        try await restored.observe()
        #expect(restored.open >= 6)
        let plan = try restored.plan()
        #expect(plan.refused.isEmpty)
        guard case .done = restored.carryOut(plan) else {
            Issue.record("\(restored.carryOut(plan))")
            return
        }
        try await restored.observe()
        #expect(restored.isBack && restored.isTidy)
        #expect(try text("app.json") == #"{"port":8080,"host":"a"}"#)
        // Once more, it is not what the plan was made against.
        guard case .notStarted = restored.carryOut(plan) else {
            Issue.record("a plan was carried out twice")
            return
        }
    }

    @Test("what the baseline does not name stays: mode with its set bits, extended attributes")
    func keeps() async throws {
        chmod(tree.path + "/plain", 0o4750)
        let file = Foundation.open(tree.path + "/plain", O_RDWR)
        defer { close(file) }
        let hasAttributes = clinux_set_attribute(file, "user.note", "hello", 5) == 0
        if !hasAttributes { print("skipped: extended attributes, which this file system lacks") }
        let restored = try await Restored(tree)
        try tree.overwrite("plain", "other")
        // Writing takes the bit away; somebody sets it again.
        chmod(tree.path + "/plain", 0o4750)
        try await restored.observe()
        guard case .done = restored.carryOut(try restored.plan()) else {
            Issue.record("\(restored.carryOut(try restored.plan()))")
            return
        }
        #expect(try text("plain") == "x")
        #expect(mode("plain") == 0o4750)
        try await restored.observe()
        #expect(restored.isBack)
        guard hasAttributes else { return }
        let copy = Foundation.open(tree.path + "/plain", O_RDONLY)
        defer { close(copy) }
        var value = [UInt8](repeating: 0, count: 16)
        #expect(clinux_attribute(copy, 0, "user.note", &value, 16) == 5)
    }

    @Test("a plan of a field without the digest of its file is not carried out")
    func fieldAlone() async throws {
        let restored = try await Restored(tree)
        try tree.write("app.json", #"{"port":1,"host":"a"}"#)
        try await restored.observe()
        #expect(try restored.plan { $0.pointer.tokens.first == "content" }.changes.isEmpty)
        // Whoever makes one by himself is told why not.
        let whole = try restored.plan()
        let change = try #require(whole.changes.first)
        let found = try #require(restored.look(change.subject))
        let (before, after) = ("\"port\":1", "\"port\":8080")
        let document = String(decoding: try found.canonicalBytes(), as: UTF8.self)
        let forged = try RemediationPlan(
            JSONPatch([
                [
                    "op": "replace", "path": "/changes/0/patch",
                    "value": [["op": "replace", "path": "/content/port", "value": 8080]],
                ],
                [
                    "op": "replace", "path": "/changes/0/document",
                    "value": try JSON(parsing: document.replacing(before, with: after)),
                ],
            ]).applied(to: whole.json))
        guard case .notStarted(let why) = restored.carryOut(forged) else {
            Issue.record("a field was put back alone")
            return
        }
        #expect(why.contains("/sha256"))
    }

    @Test("what changed since the plan, in its places or beside them, is left alone")
    func changedSince() async throws {
        let restored = try await Restored(tree)
        try tree.write("app.json", #"{"port":1,"host":"a"}"#)
        try await restored.observe()
        let plan = try restored.plan()
        for (change, words) in [
            ({ try self.tree.write("app.json", #"{"port":2,"host":"a"}"#) }, "made against"),
            (
                {
                    try self.tree.write("app.json", #"{"port":1,"host":"a"}"#)
                    chmod(self.tree.path + "/app.json", 0o600)
                }, "beside"
            ),
        ] as [(() throws -> Void, String)] {
            try change()
            guard case .notStarted(let why) = restored.carryOut(plan) else {
                Issue.record("it was put back")
                return
            }
            #expect(why.contains(words), "\(why)")
        }
        #expect(try text("app.json") == #"{"port":1,"host":"a"}"#)
    }

    @Test("a change between the check and the act is seen, and not written over")
    func race() async throws {
        let restored = try await Restored(tree)
        try tree.write("app.json", #"{"port":1,"host":"a"}"#)
        try await restored.observe()
        let plan = try restored.plan()
        let found = try #require(restored.look(tree.subject("app.json")))
        let looks = Mutex(0)
        // The second look finds something else.
        let result = restored.carryOut(plan) { _ in
            looks.withLock { count in
                count += 1
                return count == 1 ? found : ["type": "file"]
            }
        }
        guard case .failed(let why) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(why.contains("just now"))
        #expect(try text("app.json") == #"{"port":1,"host":"a"}"#)
        #expect(restored.isTidy)
    }

    @Test("what came in the meantime under the name of what is missing is not replaced")
    func appeared() async throws {
        let restored = try await Restored(tree)
        try tree.remove("plain")
        try tree.remove("link")
        try await restored.observe()
        let plans = try [
            restored.plan { $0.subject.hasSuffix("plain") },
            restored.plan { $0.subject.hasSuffix("link") },
        ]
        try tree.write("plain", "somebody's")
        try tree.write("link", "somebody's")
        for plan in plans {
            guard case .failed = restored.carryOut(plan, look: { _ in nil }) else {
                Issue.record("it was replaced")
                return
            }
        }
        #expect(try text("plain") == "somebody's" && text("link") == "somebody's")
        #expect(restored.isTidy)
    }

    @Test("attributes of a file with two names are not set: they are the other's too")
    func twoNames() async throws {
        try FileManager.default.linkItem(
            atPath: tree.path + "/plain", toPath: tree.outside + "/other")
        let restored = try await Restored(tree)
        chmod(tree.path + "/plain", 0o666)
        try await restored.observe()
        guard case .failed(let why) = restored.carryOut(try restored.plan()) else {
            Issue.record("it was set")
            return
        }
        #expect(why.contains("2 names"))
        #expect(mode("plain") == 0o666)
    }

    @Test("attributes are not set on what was put under the name meanwhile")
    func exchanged() async throws {
        let restored = try await Restored(tree)
        chmod(tree.path + "/plain", 0o666)
        try tree.write("evil", "#!/bin/sh")
        try await restored.observe()
        let plan = try restored.plan { $0.subject.hasSuffix("plain") }
        let found = try #require(restored.look(tree.subject("plain")))
        let looks = Mutex(0)
        let path = tree.path
        let result = restored.carryOut(plan) { _ in
            looks.withLock { count in
                count += 1
                // While the second look is taken, the file is open already.
                if count == 2 { rename(path + "/evil", path + "/plain") }
            }
            return found
        }
        guard case .failed(let why) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(why.contains("exchanged"))
    }

    @Test("a folder on the way that became a link leads nowhere")
    func linkedFolder() async throws {
        let restored = try await Restored(tree)
        try tree.write("folder/inside", "changed")
        try await restored.observe()
        let plan = try restored.plan()
        let found = try #require(restored.look(tree.subject("folder/inside")))
        try FileManager.default.moveItem(
            atPath: tree.path + "/folder", toPath: tree.outside + "/folder")
        try FileManager.default.createSymbolicLink(
            atPath: tree.path + "/folder", withDestinationPath: tree.outside + "/folder")
        guard case .failed(let why) = restored.carryOut(plan, look: { _ in found }) else {
            Issue.record("it was written through a link")
            return
        }
        #expect(why.contains("can't be entered"))
        let elsewhere = try String(
            contentsOfFile: tree.outside + "/folder/inside", encoding: .utf8)
        #expect(elsewhere == "changed")
    }

    @Test("the longest name can be put back")
    func longName() async throws {
        let name = String(repeating: "n", count: 255)
        try tree.write(name, "long")
        let restored = try await Restored(tree)
        try tree.overwrite(name, "other")
        try await restored.observe()
        guard case .done = restored.carryOut(try restored.plan()) else {
            Issue.record("\(restored.carryOut(try restored.plan()))")
            return
        }
        #expect(try text(name) == "long")
    }

    @Test("copies that were not seen for longest make room; those that are there now stay")
    func copies() async throws {
        let contents = FileContents(folder: tree.outside, most: 2_500)
        func look(_ texts: [String]) throws -> [Hash256] {
            var leaves: [Leaf] = []
            for (number, text) in texts.enumerated() {
                try tree.write("file\(number)", text)
                let bytes = Array(text.utf8)
                leaves.append(
                    try Leaf(
                        subject: tree.subject("file\(number)"),
                        document: [
                            "sha256": .string(Hash256.sha256(bytes).hex),
                            "size": .int(bytes.count),
                        ]))
            }
            contents.keep(try Snapshot(leaves))
            usleep(20_000)
            return texts.map { .sha256(Array($0.utf8)) }
        }
        let texts = ["a", "b", "c", "d"].map { String(repeating: $0, count: 1_000) }
        let first = try look([texts[0], texts[1]])
        #expect(first.allSatisfy { contents.bytes($0) != nil })
        // The first of them is seen again, so that the other goes.
        let second = try look([texts[0], texts[2]])
        #expect(second.allSatisfy { contents.bytes($0) != nil })
        #expect(contents.bytes(first[1]) == nil)
        // There is no room for a third that is there at the same time.
        let third = try look([texts[0], texts[2], texts[3]])
        #expect(contents.bytes(third[0]) != nil && contents.bytes(third[1]) != nil)
        #expect(contents.bytes(third[2]) == nil)
    }
}
