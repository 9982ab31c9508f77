// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import GRDB
import Storage
import Synchronization
import Testing
import TransparencyLog

@Suite("Ledger writer", .serialized)
struct LedgerWriterTests {
    private struct Refused: Error, Equatable {}

    @Test("many concurrent commands share few commits, and each gets its own proof")
    func groupCommit() async throws {
        let fixture = try StoreFixture()
        let faulty = FaultyBackend(fixture.backend, gated: true)
        let writer = try fixture.writer(faulty)
        let count: UInt64 = 300
        let recorded = try await withThrowingTaskGroup(of: Recorded<UInt64>.self) { group in
            for number in 0..<count {
                let draft = try fixture.draft(
                    kind: "test.entry", ref: "r\(number)", core: ["n": .int(Int64(number))],
                    body: [:])
                group.addTask {
                    try await writer.submit { _ in LedgerPlan(number, drafts: [draft]) }
                }
            }
            // The first commit is held until the others have queued up behind it.
            try await Task.sleep(for: .milliseconds(200))
            for _ in 0..<count { faulty.gate.signal() }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(faulty.commits < 10)
        #expect(writer.head.size == count)
        #expect(Set(recorded.flatMap { $0.entries.map(\.index) }).count == Int(count))
        for one in recorded {
            let entry = try #require(one.entries.first)
            #expect(entry.entry.ref == "r\(one.value)")
            let proof = try fixture.backend.read {
                try one.head.proof(of: entry.index, tiles: StoredTiles($0))
            }
            let checkpoint = try TLogProof(parsing: proof).verify(
                leaf: entry.entry.leafHash, key: fixture.key.verifierKey)
            #expect(checkpoint.size == one.head.size)
        }
        writer.finish()
        #expect(fixture.fsck().findings == [])
    }

    @Test("a command that is refused leaves no trace, and its batch goes on")
    func refused() async throws {
        let fixture = try StoreFixture()
        let writer = try fixture.writer()
        try await fixture.begin(writer)
        let before = writer.head
        await #expect(throws: Refused.self) {
            _ = try await writer.submit { _ -> LedgerPlan<Void> in throw Refused() }
        }
        #expect(writer.head.size == before.size)
        #expect(writer.head.checkpoint == before.checkpoint)
        #expect(writer.stopped == nil)
        let action = try fixture.action(1)
        try await fixture.submit(writer, action)
        let size = writer.head.size
        let result = try await fixture.run(writer, action.id) { machine, now in
            try machine.cancel(by: .person(Handle(constant: "bob")), now: now)
        }
        // Refused by the machine: that is an entry, but no change of state.
        #expect(result.value.refusal?.code == .notRequester)
        #expect(writer.head.size == size + 1)
        writer.finish()
        #expect(fixture.fsck().findings == [])
    }

    @Test("recorded time never goes backwards, whatever the wall clock does")
    func time() async throws {
        let fixture = try StoreFixture()
        let writer = try fixture.writer()
        try await fixture.begin(writer)
        let start = writer.head.at
        try await fixture.submit(writer, try fixture.action(1))
        fixture.advance(-86_400)
        let back = try await fixture.submit(writer, try fixture.action(2))
        #expect(back.entries.allSatisfy { $0.entry.at == start })
        writer.finish()
        // A start behind the last entry goes on from that entry.
        let again = try fixture.writer()
        #expect(again.head.at == start)
        let later = try await fixture.submit(again, try fixture.action(3))
        #expect(later.entries.allSatisfy { $0.entry.at == start })
        fixture.advance(2 * 86_400)
        let forward = try await fixture.submit(again, try fixture.action(4))
        #expect(forward.entries.allSatisfy { $0.entry.at > start })
        again.finish()
        #expect(fixture.fsck().findings == [])
    }

    @Test(
        "a commit that fails, or whose fate is unknown, stops the writer for good",
        arguments: [true, false])
    func failingCommit(kept: Bool) async throws {
        let fixture = try StoreFixture()
        let faulty = FaultyBackend(fixture.backend)
        let writer = try fixture.writer(faulty)
        try await fixture.begin(writer)
        let head = writer.head
        faulty.fail(kept ? .afterCommit : .beforeCommit)
        let action = try fixture.action(1)
        await #expect(throws: LedgerUnavailable.self) {
            try await fixture.submit(writer, action)
        }
        // Nothing new was signed for the outside, and nothing more is taken.
        #expect(writer.head.size == head.size)
        #expect(writer.stopped != nil)
        faulty.fail(.none)
        await #expect(throws: LedgerUnavailable.self) {
            try await fixture.submit(writer, try fixture.action(2))
        }
        // The next start reads what is really there.
        let again = try fixture.writer()
        #expect(again.head.size == head.size + (kept ? 1 : 0))
        #expect(try fixture.backend.read { try $0.action(action.id) != nil } == kept)
        try await fixture.submit(again, try fixture.action(3))
        again.finish()
        #expect(fixture.fsck().findings == [])
    }

    @Test("a row that can't be written ends the batch as a whole")
    func failingRow() async throws {
        let fixture = try StoreFixture()
        let writer = try fixture.writer()
        try await fixture.begin(writer)
        let size = writer.head.size
        try fixture.tamper("DROP TABLE action")
        await #expect(throws: LedgerUnavailable.self) {
            try await fixture.submit(writer, try fixture.action(1))
        }
        #expect(writer.stopped != nil)
        let entries = try fixture.backend.read {
            try $0.entries(from: size, limit: 9, bodies: false)
        }
        #expect(entries.isEmpty)
    }

    @Test("what a start reads back is what the writer had, at every size")
    func recovery() async throws {
        let fixture = try StoreFixture()
        var writer = try fixture.writer()
        try await fixture.begin(writer)
        for number in 0..<40 as Range<UInt64> {
            fixture.advance(1)
            let action = try fixture.action(number, effect: number % 2 == 0 ? "read" : "write")
            try await fixture.submit(writer, action, claim: number % 4 == 0)
            if number % 4 == 1 {
                try await fixture.run(writer, action.id) { machine, now in
                    try machine.cancel(by: .agent(StoreFixture.agent), now: now)
                }
            }
            guard number % 8 == 7 else { continue }
            let head = writer.head
            let open = try fixture.backend.read { reader -> Set<ActionID> in
                var query = ActionQuery()
                query.statuses = [.pending, .cleared, .claimed, .unknown]
                return Set(try reader.actions(query).map(\.id))
            }
            writer.finish()
            let recovered = try fixture.backend.read {
                try RecoveredLedger.recover($0, key: fixture.key.verifierKey) { _ in }
            }
            #expect(recovered.head.size == head.size)
            #expect(recovered.head.frontier.root() == head.frontier.root())
            #expect(recovered.head.checkpoint == head.checkpoint)
            #expect(recovered.head.at == head.at)
            #expect(Set(recovered.open.keys) == open)
            for (id, status) in recovered.open {
                let row = try fixture.backend.read { try $0.action(id) }
                #expect(row?.status == status)
            }
            writer = try fixture.writer()
        }
        writer.finish()
        #expect(fixture.fsck().findings == [])
    }

    @Test("attempts on actions that ended long ago still follow in their chains")
    func attemptsAfterTheEnd() async throws {
        let fixture = try StoreFixture()
        var writer = try fixture.writer()
        try await fixture.begin(writer)
        let action = try fixture.action(1)
        try await fixture.submit(writer, action)
        try await fixture.run(writer, action.id) { machine, now in
            try machine.cancel(by: .agent(StoreFixture.agent), now: now)
        }
        let fill = try (0..<2100).map { number in
            try fixture.draft(
                kind: "test.entry", ref: "installation", core: ["n": .int(number)], body: [:])
        }
        _ = try await writer.submit { _ in LedgerPlan((), drafts: fill) }
        for restart in [false, true, false] {
            if restart {
                writer.finish()
                writer = try fixture.writer()
            }
            // Two pages later, so the walk has forgotten the action and must find it again.
            let result = try await fixture.run(writer, action.id) { machine, now in
                try machine.cancel(by: .person(Handle(constant: "bob")), now: now)
            }
            #expect(result.entries.count == 1)
        }
        writer.finish()
        #expect(fixture.fsck().findings == [])
        let chain = try fixture.backend.read { try $0.chain(of: action.id.text) }
        #expect(chain.map(\.entry.seq) == [0, 1, 2, 3, 4])
    }

    @Test("PRAGMA synchronous is FULL on the live writer, read back from its own connection")
    func synchronous() async throws {
        let fixture = try await StoreFixture.filled()
        #expect(throws: Never.self) { try fixture.backend.assertDurable() }
        // The setting is a connection's own: another one can't undo it.
        let other = try DatabaseQueue(path: fixture.path)
        try await other.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = OFF") }
        try other.close()
        #expect(throws: Never.self) { try fixture.backend.assertDurable() }
    }
}

/// Invariant 15: no command trusts a row; each reads its chain against the tree that was signed.
@Suite("Ledger view: a tampered chain clears nothing", .serialized)
struct LedgerViewTests {
    private static let changes: [(name: String, sql: String)] = [
        (
            "core edited",
            "UPDATE entry SET " + StoreFixture.exchanging("core", "review", "allow")
                + " WHERE idx = 6"
        ),
        ("core salt edited", "UPDATE entry SET core_salt = zeroblob(32) WHERE idx = 6"),
        (
            "leaf and core of another entry",
            "UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE idx = 8), "
                + "core = (SELECT core FROM entry WHERE idx = 8) WHERE idx = 6"
        ),
        (
            "body edited",
            "UPDATE body SET " + StoreFixture.exchanging("bytes", "echo", "rm -")
                + " WHERE idx = 6"
        ),
        ("body deleted", "DELETE FROM body WHERE idx = 6"),
        ("first entry deleted", "DELETE FROM entry WHERE idx = 6"),
        ("last entry deleted", "DELETE FROM entry WHERE idx = 7"),
        ("all entries deleted", "DELETE FROM entry WHERE idx IN (6, 7)"),
        (
            "reordered",
            "UPDATE entry SET seq = 9 WHERE idx = 6; UPDATE entry SET seq = 0 WHERE idx = 7;"
                + "UPDATE entry SET seq = 1 WHERE idx = 6"
        ),
        ("filed under another action", "UPDATE entry SET ref = 'other' WHERE idx = 7"),
        (
            "leaf made anew",
            "UPDATE entry SET " + StoreFixture.exchanging("leaf", "T09:00:0", "T09:00:1")
                + " WHERE idx = 6"
        ),
    ]

    @Test("edited, deleted, inserted or reordered rows are refused", arguments: changes)
    func tampered(name: String, sql: String) async throws {
        let fixture = try StoreFixture()
        let writer = try fixture.writer()
        try await fixture.begin(writer)
        let action = try fixture.action(1)
        try await fixture.submit(writer, action)
        // A refused attempt makes a second entry without ending the action.
        try await fixture.run(writer, action.id) { machine, now in
            try machine.cancel(by: .person(Handle(constant: "bob")), now: now)
        }
        try await fixture.submit(writer, try fixture.action(2))
        try fixture.tamper(sql)
        let size = writer.head.size
        await #expect(throws: TamperedError.self, "\(name)") {
            try await fixture.run(writer, action.id) { machine, now in
                try machine.cancel(by: .agent(StoreFixture.agent), now: now)
            }
        }
        #expect(writer.head.size == size)
        #expect(writer.stopped == nil)
        writer.finish()
        #expect(!fixture.fsck().isClean)
    }

    @Test("an edited state row changes nothing that a command decides")
    func editedRow() async throws {
        let fixture = try StoreFixture()
        let writer = try fixture.writer()
        try await fixture.begin(writer)
        let action = try fixture.action(1)
        try await fixture.submit(writer, action)
        try fixture.tamper("UPDATE action SET status = 'cleared', document = CAST('{}' AS BLOB)")
        let result = try await fixture.run(writer, action.id) { machine, now in
            #expect(machine.state.status == .pending)
            return try machine.tick(now: now)
        }
        #expect(result.value.events.isEmpty)
        writer.finish()
    }

    @Test("an entry beyond the signed tree, and one that its own chain does not lead to")
    func inserted() async throws {
        let fixture = try StoreFixture()
        let writer = try fixture.writer()
        try await fixture.begin(writer)
        let action = try fixture.action(1)
        let first = try #require(try await fixture.submit(writer, action).entries.first)
        // A database administrator without the key adds a well-formed clearance-like entry.
        let header = CoreHeader(action: action.id, digest: action.digest, unsealed: true)
        let draft = try fixture.draft(
            kind: "action.cancelled", ref: action.id.text,
            core: try ActionEvent.cancelled(by: "agent:bot").core(header), body: [:])
        let entry = LedgerEntry(
            kind: draft.kind, at: first.entry.at, ref: draft.ref, seq: 1,
            previous: first.entry.leafHash, core: draft.coreCommitment, body: draft.bodyCommitment)
        for index in [writer.head.size, 100] {
            try fixture.tamper(
                "INSERT INTO entry (idx, ref, seq, leaf, core_salt, core) VALUES (?,?,?,?,?,?)",
                [
                    Int64(index), draft.ref, 1, Data(entry.leaf), Data(draft.coreSalt.bytes),
                    Data(draft.core),
                ])
            await #expect(throws: TamperedError.self) {
                try await fixture.run(writer, action.id) { machine, now in
                    try machine.tick(now: now)
                }
            }
            try fixture.tamper("DELETE FROM entry WHERE idx = ?", [Int64(index)])
        }
        writer.finish()
        #expect(fixture.fsck().findings == [])
    }
}
