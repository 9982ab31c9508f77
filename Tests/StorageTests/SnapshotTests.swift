// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import GRDB
import Logging
import Storage
import Synchronization
import Testing
import TransparencyLog

/// Starts that begin at a snapshot, and snapshots that say something wrong.
@Suite("Snapshots")
struct SnapshotTests {
    /// A seal that is good enough here: its key is this constant.
    private static let seal = SnapshotSeal(
        seal: { space, key, value in
            OperationalRow(
                space: space, key: key, value: mac(space, key, value) + value,
                expires: Timestamp(milliseconds: .max))
        },
        open: { row in
            let value = Array(row.value.dropFirst(32))
            return row.value.starts(with: mac(row.space, row.key, value)) ? value : nil
        })

    private static func mac(_ space: String, _ key: String, _ value: [UInt8]) -> [UInt8] {
        Hash256.sha256(Array("secret \(space) \(key) ".utf8) + value).bytes
    }

    private func recover(
        _ fixture: StoreFixture, visit: (RecordedEntry) throws -> Void = { _ in }
    ) throws -> RecoveredLedger {
        try fixture.backend.read {
            try RecoveredLedger.recover(
                $0, key: fixture.key.verifierKey, seal: Self.seal, refs: ["notes"], visit: visit)
        }
    }

    private func writer(_ fixture: StoreFixture) throws -> LedgerWriter {
        LedgerWriter(
            backend: fixture.backend, recovered: try recover(fixture), key: fixture.key,
            wallClock: { fixture.clock.withLock { $0 } }, seal: Self.seal,
            logger: Logger(label: "test"))
    }

    private func note(
        _ fixture: StoreFixture, _ writer: LedgerWriter, count: Int, ref: String = "notes"
    ) async throws {
        let drafts = try (0..<count).map {
            try fixture.draft(
                kind: "note.made", ref: ref, core: ["n": .int($0)], body: [:])
        }
        _ = try await writer.submit { _ in LedgerPlan((), drafts: drafts) }
    }

    /// Some open and some ended actions and a chain to derive from, cleanly shut down.
    private func filled() async throws -> (StoreFixture, open: [ActionID]) {
        let fixture = try StoreFixture()
        let writer = try writer(fixture)
        try await note(fixture, writer, count: 3)
        var open: [ActionID] = []
        for number in 0..<12 as Range<UInt64> {
            let action = try fixture.action(number, effect: "write")
            try await fixture.submit(writer, action)
            if number % 3 == 0 {
                try await fixture.run(writer, action.id) { machine, now in
                    try machine.cancel(by: .agent(StoreFixture.agent), now: now)
                }
            } else {
                open.append(action.id)
            }
        }
        // What is in the last tile is read at every start; this fills the tile of the above.
        try await note(fixture, writer, count: 256, ref: "others")
        writer.finish()
        return (fixture, open)
    }

    @Test("a start after a clean end reads nothing again, and knows what it knew")
    func cleanStart() async throws {
        let (fixture, open) = try await filled()
        let whole = try fixture.backend.read {
            try RecoveredLedger.recover($0, key: fixture.key.verifierKey) { _ in }
        }
        var notes = 0
        let quick = try recover(fixture) { _ in notes += 1 }
        #expect(quick.walked == 0)
        #expect(whole.walked == whole.head.size)
        #expect(notes == 3)
        #expect(quick.open == whole.open)
        #expect(Set(quick.open.keys) == Set(open))
        #expect(quick.head.frontier.root() == whole.head.frontier.root())
        #expect(quick.head.at == whole.head.at)
    }

    @Test("actions that were open before go on, and end, across starts")
    func openActions() async throws {
        let (fixture, open) = try await filled()
        for id in open {
            let writer = try writer(fixture)
            try await fixture.run(writer, id) { machine, now in
                try machine.cancel(by: .agent(StoreFixture.agent), now: now)
            }
            writer.finish()
        }
        #expect(try recover(fixture).open.isEmpty)
        #expect(fixture.fsck().findings == [])
    }

    @Test("after a crash only what came after the last snapshot is read")
    func crash() async throws {
        let fixture = try StoreFixture()
        let writer = try writer(fixture)
        for _ in 0..<6 { try await note(fixture, writer, count: 500) }
        let action = try fixture.action(1, effect: "write")
        try await fixture.submit(writer, action)
        // Not finished: what the store has now is what a crash would leave.
        var notes = 0
        let recovered = try recover(fixture) { _ in notes += 1 }
        #expect(recovered.head.size == 3001)
        #expect(recovered.walked == 501)
        #expect(notes == 3000)
        #expect(recovered.open == [action.id: .pending])
        writer.finish()
    }

    @Test("a snapshot that nobody sealed, or that does not fit, costs time and nothing else")
    func unusable() async throws {
        let (fixture, open) = try await filled()
        let size = try recover(fixture).head.size
        for tampering in [
            "UPDATE operational SET value = zeroblob(200) WHERE space = 'snapshot'",
            "DELETE FROM operational WHERE space = 'snapshot'",
        ] {
            try fixture.tamper(tampering)
            let recovered = try recover(fixture)
            #expect(recovered.walked == size)
            #expect(Set(recovered.open.keys) == Set(open))
        }
    }

    @Test("a ledger that is behind its own sealed snapshot was rolled back, and does not start")
    func rolledBack() async throws {
        let (fixture, _) = try await filled()
        let old = try fixture.backend.read { try $0.checkpoint() }
        let writer = try writer(fixture)
        try await note(fixture, writer, count: 5, ref: "others")
        writer.finish()
        let stored = try #require(old)
        try fixture.tamper("DELETE FROM entry WHERE idx >= ?", [Int64(stored.size)])
        try fixture.tamper("DELETE FROM body WHERE idx >= ?", [Int64(stored.size)])
        try fixture.tamper(
            "UPDATE checkpoint SET size = ?, note = ?, at = ?",
            [Int64(stored.size), stored.note, stored.at.milliseconds])
        #expect(throws: TamperedError.self) { try recover(fixture) }
    }

    @Test("a chain to derive from that lost its end, or was edited, is found at start")
    func derivedChains() async throws {
        for tampering in [
            "DELETE FROM entry WHERE ref = 'notes' AND seq = 2",
            "UPDATE entry SET core = CAST('{\"n\":9}' AS BLOB) WHERE ref = 'notes' AND seq = 1",
            "UPDATE entry SET core_salt = zeroblob(32) WHERE ref = 'notes' AND seq = 0",
        ] {
            let (fixture, _) = try await filled()
            try fixture.tamper(tampering)
            #expect(throws: TamperedError.self, "\(tampering)") { try recover(fixture) }
        }
    }

    @Test("an open action that was edited before the snapshot is found when it is used")
    func openChains() async throws {
        for tampering in [
            "DELETE FROM entry WHERE ref = ?",
            "UPDATE entry SET core = CAST(core || x'20' AS BLOB) WHERE ref = ?",
            "UPDATE entry SET leaf = CAST(leaf || x'20' AS BLOB) WHERE ref = ?",
            "DELETE FROM body WHERE idx = (SELECT idx FROM entry WHERE ref = ?)",
        ] {
            let (fixture, open) = try await filled()
            let id = try #require(open.first)
            try fixture.tamper(tampering, [id.text])
            let writer = try writer(fixture)
            await #expect(throws: TamperedError.self, "\(tampering)") {
                try await fixture.run(writer, id) { machine, now in
                    try machine.cancel(by: .agent(StoreFixture.agent), now: now)
                }
            }
            writer.finish()
        }
    }

    @Test("entries after the snapshot are hashed, and follow from those before it")
    func afterwards() async throws {
        for tampering in [
            "UPDATE entry SET core = CAST(core || x'20' AS BLOB) WHERE ref = ? AND seq = 1",
            "DELETE FROM entry WHERE ref = ? AND seq = 1",
            "UPDATE entry SET core = CAST(core || x'20' AS BLOB) WHERE ref = ? AND seq = 0",
        ] {
            let (fixture, open) = try await filled()
            let id = try #require(open.last)
            let writer = try writer(fixture)
            try await fixture.run(writer, id) { machine, now in
                try machine.cancel(by: .agent(StoreFixture.agent), now: now)
            }
            // As after a crash: the snapshot is the one from before.
            try fixture.tamper(tampering, [id.text])
            #expect(throws: TamperedError.self, "\(tampering)") { try recover(fixture) }
            writer.finish()
        }
    }

    @Test("what a start took from its snapshot is hashed again afterwards, and edits are found")
    func recheck() async throws {
        func findings(_ fixture: StoreFixture) throws -> Bool {
            var recheck = try recover(fixture).recheck
            while try !fixture.backend.read({ try recheck.page($0, limit: 7) }) {}
            return recheck.checked == recheck.size && recheck.size > 0
        }
        let (fixture, open) = try await filled()
        #expect(try findings(fixture))
        let id = try #require(open.first)
        for tampering in [
            "UPDATE entry SET core = CAST(core || x'20' AS BLOB) WHERE ref = ?",
            "DELETE FROM entry WHERE ref = ?",
        ] {
            try fixture.tamper(tampering, [id.text])
            #expect(throws: TamperedError.self, "\(tampering)") { try findings(fixture) }
        }
    }
}
