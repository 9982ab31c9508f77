// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Testing

@Suite("What two snapshots differ in")
struct SnapshotDiffTests {
    private func deviations(
        _ before: [(String, JSON)], _ after: [(String, JSON)],
        gaps: [CoverageGap] = [], kind: DriftSource.Kind = .files
    ) throws -> [Deviation] {
        try SnapshotDiff.deviations(
            source: Fixture.source(kind: kind), expected: Fixture.snapshot(before),
            live: Fixture.snapshot(after), unseen: UnseenSubjects(gaps))
    }

    private func folder(_ links: Int, mode: String = "0755") -> JSON {
        ["links": .int(links), "mode": .string(mode), "type": "directory"]
    }

    @Test("added, removed and changed subjects come in the order of subjects")
    func order() throws {
        let found = try deviations(
            [("file:/a", ["x": 1]), ("file:/a/b", ["x": 1]), ("file:/a-b", ["x": 1])],
            [("file:/a", ["x": 2]), ("file:/a-b", ["x": 1]), ("file:/z", ["x": 1])])
        #expect(found.map(\.subject) == ["file:/a", "file:/a/b", "file:/z"])
        #expect(found.map(\.operation) == [.replace, .remove, .add])
        #expect(found.map(\.path.description) == ["/x", "", ""])
    }

    @Test("the links of a folder are left out where they count its subfolders")
    func links() throws {
        let before: [(String, JSON)] = [("file:/etc", folder(2))]
        let after: [(String, JSON)] = [("file:/etc", folder(3)), ("file:/etc/d", folder(2))]
        #expect(try deviations(before, after).map(\.subject) == ["file:/etc/d"])
        // Not of other kinds, nor where they count something else.
        #expect(try deviations(before, after, kind: .http).count == 2)
        let more: [(String, JSON)] = [("file:/etc", folder(4)), ("file:/etc/d", folder(2))]
        #expect(try deviations(before, more).count == 2)
        let file: JSON = ["type": "file"]
        #expect(
            try deviations(before, [("file:/etc", folder(3)), ("file:/etc/f", file)]).count == 2)
    }

    @Test("only the links are left out, not what else changed of the folder")
    func linksOnly() throws {
        let found = try deviations(
            [("file:/", folder(2))],
            [("file:/", folder(3, mode: "0777")), ("file:/d", folder(2))])
        #expect(found.map(\.path.description) == ["/mode", ""])
    }

    @Test("below an unreadable folder nothing is removed, beside it everything is")
    func unseen() throws {
        let before: [(String, JSON)] = [
            ("file:/a", ["x": 1]), ("file:/a/b", ["x": 1]), ("file:/a/b/c", ["x": 1]),
            ("file:/ab", ["x": 1]),
        ]
        func left(_ gaps: [CoverageGap]) throws -> [String] {
            try deviations(before, [], gaps: gaps).map(\.subject)
        }
        #expect(try left([Fixture.gap("file:/a")]) == ["file:/ab"])
        #expect(try left([Fixture.gap("file:/a/b")]) == ["file:/a", "file:/ab"])
        #expect(try left([Fixture.gap("file:/")]) == [])
        #expect(try left([Fixture.gap(nil, .tooLarge)]) == [])
        #expect(try left([Fixture.gap(nil, .eventsLost)]).count == 4)
        #expect(try left([Fixture.gap("file:/a/")]) == ["file:/a", "file:/ab"])
    }

    @Test("a document that is not canonical is refused, not taken for equal")
    func malformed() throws {
        let expected = try Fixture.snapshot(["x": 1])
        let live = try Snapshot([
            Leaf(subject: Fixture.file, document: Array(#"{"x": 1}"#.utf8))
        ])
        #expect(throws: DriftError.self) {
            try SnapshotDiff.deviations(
                source: Fixture.source(), expected: expected, live: live, unseen: .none)
        }
    }
}
