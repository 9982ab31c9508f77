// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Collectors
import DriftCore
import TestSupport
import Testing

@Suite("Observations of documents")
struct ObservationTests {
    private let folder: Folder

    init() throws { folder = try Folder() }

    /// What comes of resources with these addresses and values.
    private func observation(_ resources: [(String, JSON)]) async throws -> Observation {
        let list: [JSON] = resources.map {
            ["address": .string($0), "values": $1, "sensitive_values": [:]]
        }
        let state: JSON = [
            "format_version": "1.0", "values": ["root_module": ["resources": .array(list)]],
        ]
        let path = try folder.write("state.json", state.description)
        return try await Watching.observe(
            Watching.collector(.terraform, ["path": .string(path)]))
    }

    @Test("names that only look the same are two subjects")
    func bytes() async throws {
        let found = try await observation([("\u{E9}", 1), ("e\u{301}", 2)])
        #expect(found.status == .ok)
        #expect(found.snapshot?.leaves.count == 2)
    }

    @Test("a document that is too large is a gap of its subject")
    func largeDocument() async throws {
        let large = JSON.string(String(repeating: "x", count: 1_048_576))
        let found = try await observation([("a", large), ("b", 1)])
        #expect(found.snapshot?.subjects == ["resource:b"])
        #expect(found.gaps.map(\.cause) == [.tooLarge])
        #expect(found.gaps.map(\.subject) == ["resource:a"])
    }

    @Test("more gaps than can be told are a failure, never fewer gaps")
    func manyGaps() async throws {
        let twice = (0..<100).flatMap { [("r\($0)", JSON.int(1)), ("r\($0)", JSON.int(2))] }
        let told = try await observation(twice + [("ok", 1)])
        #expect(told.status == .partial)
        #expect(told.gaps.count == 100)
        let more = try await observation(twice + [("r", 1), ("r", 2), ("ok", 1)])
        #expect(more.status == .failed)
        #expect(more.snapshot == nil)
    }

    @Test("a subject that comes three times is one gap")
    func thrice() async throws {
        let found = try await observation([("a", 1), ("a", 1), ("a", 1), ("b", 1)])
        #expect(found.gaps.map(\.subject) == ["resource:a"])
        #expect(found.snapshot?.subjects == ["resource:b"])
    }

    @Test("a name that is too long fails in one line that can be shown")
    func longName() async throws {
        let found = try await observation([(String(repeating: "a", count: 9_000), 1), ("b", 1)])
        #expect(found.status == .partial)
        #expect(found.gaps.allSatisfy { $0.detail.utf8.count < 400 })
    }

    @Test("times are those of the clock that was handed in, the end after the start")
    func times() async throws {
        let path = try folder.write("s.json", "{}")
        let found = try await Watching.observe(
            Watching.collector(.terraform, ["path": .string(path)]), at: 1_800_000_000_000)
        #expect(found.started.milliseconds == 1_800_000_000_001)
        #expect(found.ended > found.started)
    }

    @Test("kinds that nobody reads here are refused, and say so")
    func factory() throws {
        for kind in [DriftSource.Kind.postgresql, .exequatur] {
            #expect(throws: DriftError.self) { try Watching.collector(kind, [:]) }
        }
    }
}
