// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import GRDB
import Storage
import Testing
import TransparencyLog

@Suite("fsck: what was tampered with, by name", .serialized)
struct FsckTests {
    private func expect(
        _ report: FsckReport, _ kind: FsckReport.Kind, _ table: String, _ key: String,
        _ words: String = "", _ comment: Comment? = nil
    ) {
        #expect(
            report.findings.contains {
                $0.kind == kind && $0.table == table && $0.key == key
                    && (words.isEmpty || $0.what.contains(words))
            }, comment ?? "\(report.findings)")
    }

    @Test("an untouched store is clean")
    func clean() async throws {
        let fixture = try await StoreFixture.filled()
        let report = fixture.fsck()
        #expect(report.findings == [])
        #expect(report.isClean)
        #expect(report.actions == 6)
        #expect(report.entries > 15)
        #expect(report.verdict == nil)
        let empty = try StoreFixture()
        #expect(empty.fsck().isClean)
    }

    @Test("each changed cell of an entry is named, and the check goes on behind it")
    func changedEntry() async throws {
        for (column, sql) in [
            (
                "core",
                "UPDATE entry SET " + StoreFixture.exchanging("core", "c1", "c2")
            ),
            ("core_salt", "UPDATE entry SET core_salt = zeroblob(32)"),
            ("core_salt length", "UPDATE entry SET core_salt = zeroblob(31)"),
            (
                "leaf",
                "UPDATE entry SET " + StoreFixture.exchanging("leaf", "\"v\":1", "\"v\":2")
            ),
            (
                "leaf time",
                "UPDATE entry SET " + StoreFixture.exchanging("leaf", "2026", "2025")
            ),
            ("ref", "UPDATE entry SET ref = 'other'"),
            ("seq", "UPDATE entry SET seq = 77"),
        ] {
            let fixture = try await StoreFixture.filled()
            // Entry 6 is the first submission, 9 the next action's.
            try fixture.tamper("\(sql) WHERE idx = 6")
            try fixture.tamper("UPDATE body SET bytes = zeroblob(3) WHERE idx = 9")
            let report = fixture.fsck()
            expect(report, .tampered, "entry", "6", "", "\(column): \(report.findings)")
            #expect(
                report.findings.contains { $0.key == "9" && $0.kind == .tampered },
                "\(column): \(report.findings)")
            #expect(report.verdict == .tampered)
            #expect(throws: TamperedError.self, "\(column)") {
                try fixture.backend.read {
                    try RecoveredLedger.recover($0, key: fixture.key.verifierKey) { _ in }
                }
            }
        }
    }

    @Test("a changed body, its salt, and a missing body")
    func bodies() async throws {
        let fixture = try await StoreFixture.filled()
        try fixture.tamper(
            "UPDATE body SET " + StoreFixture.exchanging("bytes", "echo", "rm")
                + " WHERE idx = 6"
        )
        try fixture.tamper("UPDATE body SET salt = zeroblob(32) WHERE idx = 7")
        try fixture.tamper("DELETE FROM body WHERE idx = 8")
        let report = fixture.fsck()
        expect(report, .tampered, "entry", "6", "body")
        expect(report, .tampered, "entry", "7", "body")
        expect(report, .tampered, "body", "8", "missing")
    }

    @Test("a deleted entry, the last entries deleted, an inserted one, two exchanged")
    func rows() async throws {
        let middle = try await StoreFixture.filled()
        try middle.tamper("DELETE FROM entry WHERE idx = 9")
        expect(middle.fsck(), .tampered, "entry", "9", "deleted")

        let tail = try await StoreFixture.filled()
        let count = tail.fsck().entries
        try tail.tamper("DELETE FROM entry WHERE idx >= ?", [Int(count) - 2])
        let report = tail.fsck()
        expect(report, .incomplete, "entry", "\(count - 2)…\(count - 1)", "missing")
        expect(report, .indeterminate, "checkpoint", "1")

        let more = try await StoreFixture.filled()
        try more.tamper(
            """
            INSERT INTO entry (idx, ref, seq, leaf, core_salt, core)
            SELECT ?, ref, seq + 1000,
              CAST(replace(CAST(leaf AS TEXT), '"seq":' || seq, '"seq":' || (seq + 1000)) AS BLOB),
              core_salt, core FROM entry WHERE idx = 6
            """, [Int(count)])
        let inserted = more.fsck()
        expect(inserted, .tampered, "entry", "\(count)")
        expect(inserted, .tampered, "entry", "\(count)…\(count)", "beyond")

        let swapped = try await StoreFixture.filled()
        try swapped.tamper(
            "UPDATE entry SET idx = 1000 WHERE idx = 6; UPDATE entry SET idx = 6 WHERE idx = 9;"
                + "UPDATE entry SET idx = 9 WHERE idx = 1000")
        expect(swapped.fsck(), .tampered, "entry", "6")
    }

    @Test("every column of a state row, a missing row, a row that nobody submitted")
    func stateRows() async throws {
        let changes = [
            "version": "version + 1", "status": "'cleared'", "agent": "'mallory'",
            "credential": "'c9'", "gate": "'other'", "operation": "zeroblob(32)", "due": "5",
            "updated_at": "updated_at + 1", "document": "CAST('{}' AS BLOB)",
        ]
        for (column, value) in changes {
            let fixture = try await StoreFixture.filled()
            let rows = try fixture.backend.read { try $0.actions(after: nil, limit: 9) }
            // A cancelled one, so that every change is one.
            let id = try #require(rows.first { $0.status == .cancelled }?.id)
            try fixture.tamper("UPDATE action SET \(column) = \(value) WHERE id = ?", [id.text])
            let report = fixture.fsck()
            expect(report, .tampered, "action", id.text, "`\(column)`")
            #expect(report.findings.count == 1)
        }
        let fixture = try await StoreFixture.filled()
        let rows = try fixture.backend.read { try $0.actions(after: nil, limit: 9) }
        try fixture.tamper("DELETE FROM action WHERE id = ?", [rows[2].id.text])
        let stranger = ActionID(now: Timestamp(milliseconds: 1), random: (1, 1))
        try fixture.tamper(
            """
            INSERT INTO action SELECT ?, version, status, agent, credential, gate, operation, due,
            updated_at, document FROM action WHERE id = ?
            """, [stranger.text, rows[0].id.text])
        let report = fixture.fsck()
        expect(report, .tampered, "action", rows[2].id.text, "missing")
        expect(report, .tampered, "action", stranger.text, "no such action")
        try fixture.tamper("UPDATE action SET status = 'approved' WHERE id = ?", [rows[0].id.text])
        #expect(fixture.fsck().findings.contains { $0.what.contains(rows[0].id.text) })
    }

    @Test("checkpoint: edited note, other key, edited columns, missing")
    func checkpoint() async throws {
        let fixture = try await StoreFixture.filled()
        let other = try SigningKey(name: "log.example/test", seed: Array(repeating: 9, count: 32))
        let report = Fsck.run(fixture.backend, key: other.verifierKey)
        expect(report, .unknownKey, "checkpoint", "1")
        #expect(report.verdict == .unknownKey)

        try fixture.tamper("UPDATE checkpoint SET at = at + 1")
        expect(fixture.fsck(), .tampered, "checkpoint", "1", "columns")
        #expect(throws: TamperedError.self) {
            try fixture.backend.read {
                try RecoveredLedger.recover($0, key: fixture.key.verifierKey) { _ in }
            }
        }
        try fixture.tamper("UPDATE checkpoint SET at = at - 1, size = size + 1")
        #expect(!fixture.fsck().isClean)
        try fixture.tamper("UPDATE checkpoint SET size = size - 1")
        #expect(fixture.fsck().isClean)
        let forged = try Checkpoint(
            origin: fixture.key.name, size: fixture.fsck().entries, root: .sha256([1]))
        try fixture.tamper("UPDATE checkpoint SET note = ?", [forged.signed(by: fixture.key)])
        expect(fixture.fsck(), .tampered, "checkpoint", "1", "another root")
        try fixture.tamper("UPDATE checkpoint SET note = replace(note, 'log.', 'lag.')")
        #expect(!fixture.fsck().isClean)
        try fixture.tamper("DELETE FROM checkpoint")
        expect(fixture.fsck(), .tampered, "checkpoint", "1", "missing")
    }

    @Test("tiles: changed, cut, missing; a deleted entry is bridged with what its tile has")
    func tiles() async throws {
        let fixture = try StoreFixture()
        let writer = try fixture.writer()
        try await fixture.begin(writer)
        let drafts = try (0..<600).map { number in
            try fixture.draft(
                kind: "test.entry", ref: "installation", core: ["n": .int(number)], body: [:])
        }
        _ = try await writer.submit { _ in LedgerPlan((), drafts: drafts) }
        writer.finish()
        #expect(fixture.fsck().findings == [])
        #expect(fixture.fsck().tiles == 2)

        try fixture.tamper("DELETE FROM entry WHERE idx = 300")
        let bridged = fixture.fsck()
        expect(bridged, .tampered, "entry", "300", "deleted")
        // The tile knows the hash, so the root is still computed and found right.
        #expect(!bridged.findings.contains { $0.table == "checkpoint" })

        let other = try StoreFixture()
        let second = try other.writer()
        _ = try await second.submit { _ in LedgerPlan((), drafts: drafts) }
        second.finish()
        try other.tamper("UPDATE tile SET hashes = zeroblob(8192) WHERE idx = 0")
        try other.tamper("DELETE FROM tile WHERE idx = 1")
        expect(other.fsck(), .tampered, "tile", "0/0")
        expect(other.fsck(), .incomplete, "tile", "0/1")
        try other.tamper("UPDATE tile SET hashes = zeroblob(31) WHERE idx = 0")
        expect(other.fsck(), .tampered, "tile", "0/0", "bytes")
    }

    @Test("a directory digest that does not follow, and a policy text that is another set")
    func derived() async throws {
        let fixture = try StoreFixture()
        let writer = try fixture.writer()
        try await fixture.begin(writer)
        let change = DirectoryEntry(
            change: .personAdded(Handle(constant: "eve")), by: "x", directory: .sha256([1]),
            unsealed: true)
        let policies = try StoreFixture.environment().policies
        let other = try PublishedPolicies(files: [
            PolicyFile(name: "a.cedar", text: "permit (principal, action, resource);")
        ])
        let drafts = [
            try fixture.draft(
                kind: DirectoryEntry.kind, ref: DirectoryEntry.ref, core: change.core,
                body: ["name": nil]),
            try fixture.draft(
                kind: PolicyPublication.kind, ref: PolicyPublication.ref,
                core: PolicyPublication(policies, by: "x", unsealed: true).core,
                body: PolicyPublication.body(other)),
        ]
        _ = try await writer.submit { _ in LedgerPlan((), drafts: drafts) }
        writer.finish()
        let report = fixture.fsck()
        expect(report, .tampered, "entry", "6", "digest")
        expect(report, .tampered, "entry", "7", "policy set")
    }

    @Test("a file that is no database is indeterminate, not a crash")
    func unreadable() async throws {
        let fixture = try await StoreFixture.filled()
        try fixture.tamper("DROP TABLE entry")
        let report = fixture.fsck()
        #expect(report.findings.contains { $0.kind == .indeterminate })
        #expect(!report.isClean)
    }

    @Test("the report can be read by programs")
    func json() async throws {
        let fixture = try await StoreFixture.filled()
        try fixture.tamper("DELETE FROM body WHERE idx = 8")
        let json = fixture.fsck().json
        #expect(json["ok"]?.boolValue == false)
        #expect(json["verdict"]?.stringValue == "tampered")
        #expect(json["findings"]?[0]?["table"]?.stringValue == "body")
        #expect(json["findings"]?[0]?["key"]?.stringValue == "8")
    }
}
