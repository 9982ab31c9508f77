// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import GRDB
import ServiceTestSupport
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import ControlPlane

/// Somebody with write access to the database, and to nothing else.
@Suite("invariant15: what a database writer changes clears nothing")
struct TamperTests {
    private func pending() async throws -> (TestInstallation, ActionResult) {
        let installation = try await TestInstallation()
        return (installation, try await installation.submit("review"))
    }

    @Test("invariant15: a state row says cleared; the entries say pending")
    func invariant15_stateRow() async throws {
        let (installation, action) = try await pending()
        try installation.tamper(
            "UPDATE action SET status = 'cleared', version = 9, due = NULL WHERE id = ?",
            [action.state.id.text])
        #expect(await failure { try await installation.claim(action) } == "not_cleared")
        #expect(try installation.status(action) == .pending)
        try installation.tamper("DELETE FROM action WHERE id = ?", [action.state.id.text])
        #expect(await failure { try await installation.claim(action) } == "not_cleared")
        #expect(
            try await installation.decide(action, by: TestInstallation.bob).state.status
                == .cleared)
    }

    @Test("invariant15: a state row inserted for an action that never was")
    func invariant15_inventedAction() async throws {
        let (installation, action) = try await pending()
        let invented = "act_" + String(repeating: "0", count: 26)
        try installation.tamper(
            """
            INSERT INTO action SELECT ?, 3, 'cleared', agent, credential, gate, operation, due,
            updated_at, document FROM action WHERE id = ?
            """, [invented, action.state.id.text])
        let id = try #require(ActionID(invented))
        #expect(
            await failure {
                try await installation.control.claim(
                    id, nonce: TestInstallation.nonce(1), by: try installation.submitter())
            } == "no_such_action")
    }

    /// A forged entry that follows perfectly in the chain; only the tree does not have it.
    private func forge(
        _ installation: TestInstallation, _ action: ActionResult, _ event: ActionEvent,
        at index: UInt64, seq: UInt64
    ) throws {
        let chain = try #require(try installation.control.detail(action.state.id)).entries
        let header = CoreHeader(
            action: action.state.id, digest: action.state.digest, unsealed: true)
        let draft = try EntryDraft(
            kind: event.kind, ref: action.state.id.text, core: try event.core(header), body: [:],
            salts: (.zero, .zero))
        let entry = LedgerEntry(
            kind: draft.kind, at: installation.clock.now, ref: draft.ref, seq: seq,
            previous: try #require(chain.last).entry.leafHash, core: draft.coreCommitment,
            body: draft.bodyCommitment)
        try installation.tamper(
            "INSERT INTO entry (idx, ref, seq, leaf, core_salt, core) VALUES (?,?,?,?,?,?)",
            [
                Int64(index), draft.ref, Int64(seq), Data(entry.leaf),
                Data(Hash256.zero.bytes), Data(draft.core),
            ])
        try installation.tamper(
            "INSERT INTO body (idx, salt, bytes) VALUES (?,?,?)",
            [Int64(index), Data(Hash256.zero.bytes), Data(draft.body)])
    }

    private func approval(by person: Handle, _ now: Timestamp) -> ActionEvent {
        .decided(
            ReviewDecision(
                person: person, kind: .approve, channel: .cli, assurance: .passkey,
                selfApproved: false, at: now), rendering: .zero)
    }

    @Test(
        "invariant15: a decision entry inserted by hand is not in the signed tree",
        arguments: [UInt64(0), 1, 1000])
    func invariant15_insertedDecision(_ beyond: UInt64) async throws {
        let (installation, action) = try await pending()
        try forge(
            installation, action, approval(by: TestInstallation.bob, installation.clock.now),
            at: installation.control.writer.head.size + beyond, seq: 1)
        #expect(await failure { try await installation.claim(action) } == "tampered")
        #expect(
            await failure {
                try await installation.decide(action, by: TestInstallation.carol)
            } == "tampered")
        installation.stop()
        #expect(throws: TamperedError.self) { try installation.start() }
    }

    @Test("invariant15: a decision put in the place of another entry")
    func invariant15_replacedEntry() async throws {
        let (installation, action) = try await pending()
        _ = await failure { try await installation.decide(action, by: TestInstallation.dave) }
        let victim = try #require(try installation.control.detail(action.state.id)).entries[1]
        try installation.tamper("DELETE FROM entry WHERE idx = ?", [Int64(victim.index)])
        try installation.tamper("DELETE FROM body WHERE idx = ?", [Int64(victim.index)])
        try forge(
            installation, action, approval(by: TestInstallation.bob, installation.clock.now),
            at: victim.index, seq: 1)
        #expect(await failure { try await installation.claim(action) } == "tampered")
        #expect(
            await failure { try await installation.decide(action, by: TestInstallation.carol) }
                == "tampered")
        installation.stop()
        #expect(throws: TamperedError.self) { try installation.start() }
    }

    /// One edit of one stored thing of an action's chain.
    static let edits: [String] = [
        "UPDATE entry SET core = CAST(replace(core, '3600', '9999') AS BLOB)",
        "UPDATE entry SET core_salt = zeroblob(32)",
        "UPDATE entry SET leaf = CAST(replace(leaf, '\"seq\":0', '\"seq\":7') AS BLOB)",
        "UPDATE entry SET leaf = CAST(replace(leaf, 'submitted', 'cancelled') AS BLOB)",
        "UPDATE entry SET leaf = x'00'",
        "UPDATE body SET bytes = CAST(replace(bytes, 'web1', 'web2') AS BLOB)",
        "UPDATE body SET bytes = x'7b7d'",
        "UPDATE body SET salt = zeroblob(32)",
        "DELETE FROM body",
        "DELETE FROM entry",
    ]

    @Test("invariant15: an edited submission is neither approved nor claimed", arguments: edits)
    func invariant15_edited(_ edit: String) async throws {
        let (installation, action) = try await pending()
        let entry = try #require(try installation.control.detail(action.state.id)).entries[0]
        let size = installation.control.writer.head.size
        try installation.tamper("\(edit) WHERE idx = ?", [Int64(entry.index)])
        #expect(
            await failure { try await installation.decide(action, by: TestInstallation.bob) }
                == "tampered")
        #expect(await failure { try await installation.claim(action) } == "tampered")
        #expect(installation.control.writer.head.size == size)
    }

    @Test("invariant15: a denial or revocation that is deleted does not come undone")
    func invariant15_deletedEnd() async throws {
        let installation = try await TestInstallation()
        let denied = try await installation.submit("two")
        _ = try await installation.decide(denied, by: TestInstallation.bob)
        _ = try await installation.decide(denied, .deny, by: TestInstallation.carol)
        let revoked = try await installation.submit("review")
        _ = try await installation.decide(revoked, by: TestInstallation.bob)
        _ = try await installation.control.revoke(
            revoked.state.id, by: .person(TestInstallation.bob), reason: nil, audit: [:])
        let claimed = try await installation.submit(nonce: TestInstallation.nonce(1))
        for action in [denied, revoked, claimed] {
            let last = try #require(try installation.control.detail(action.state.id)?.entries.last)
            try installation.tamper("DELETE FROM entry WHERE idx = ?", [Int64(last.index)])
        }
        for action in [revoked, claimed] {
            #expect(
                await failure {
                    try await installation.claim(action, TestInstallation.nonce(2))
                } == "tampered")
        }
        #expect(
            await failure { try await installation.decide(denied, by: TestInstallation.dave) }
                == "tampered")
        installation.stop()
        #expect(throws: TamperedError.self) { try installation.start() }
    }

    @Test("invariant15: the same after a restart that came before the deletion")
    func invariant15_deletedEndAfterRestart() async throws {
        let installation = try await TestInstallation()
        let revoked = try await installation.submit("review")
        _ = try await installation.decide(revoked, by: TestInstallation.bob)
        _ = try await installation.control.revoke(
            revoked.state.id, by: .person(TestInstallation.bob), reason: nil, audit: [:])
        try await installation.restart()
        let last = try #require(try installation.control.detail(revoked.state.id)?.entries.last)
        try installation.tamper("DELETE FROM entry WHERE idx = ?", [Int64(last.index)])
        #expect(await failure { try await installation.claim(revoked) } == "tampered")
    }

    @Test("invariant15: an old copy of the whole database is noticed by the gate's checkpoint")
    func invariant15_rollback() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        _ = try await installation.decide(action, by: TestInstallation.bob)
        installation.stop()
        let old = try installation.copyDatabase()
        try installation.start()
        _ = try await installation.claim(action)
        let pinned = installation.control.writer.head.checkpoint
        #expect(throws: Never.self) { try installation.control.checkPinned(pinned) }
        installation.stop()
        try installation.restoreDatabase(old)
        try installation.start()
        #expect(throws: LedgerUnavailable.self) {
            try installation.control.checkPinned(pinned)
        }
        // Having been shown that it was rolled back, it signs nothing more, restarted or not.
        #expect(await failure { try await installation.claim(action) } == "ledger_unavailable")
        installation.stop()
        #expect(throws: StorageError.self) { try installation.start() }
        // Until somebody has looked, put the newer copy back, and said so.
        try removeFile("\(installation.folder)/halted")
        #expect(throws: Never.self) { try installation.start() }
    }

    @Test("What a start took from its snapshot is hashed in quiet, and an edit halts the ledger")
    func recheckHalts() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        _ = try await installation.decide(action, .deny, by: TestInstallation.bob)
        // So that the tile of the above is full: what is in the last one is read at every start.
        for number in 0..<90 { _ = try await installation.submit(name: "filler \(number)") }
        installation.stop()
        try installation.tamper(
            "UPDATE entry SET core_salt = zeroblob(32) WHERE ref = ?", [action.state.id.text])
        try installation.start()
        #expect(installation.control.writer.stopped == nil)
        try await LedgerRechecker(installation.control).recheck(after: .zero)
        #expect(installation.control.writer.stopped != nil)
        #expect(await failure { try await installation.submit() } == "ledger_unavailable")
        installation.stop()
        #expect(throws: StorageError.self) { try installation.start() }
    }

    @Test("A ledger that nobody touched is hashed to its end and goes on")
    func recheckGoesOn() async throws {
        let installation = try await TestInstallation()
        for number in 0..<30 { _ = try await installation.submit(name: "filler \(number)") }
        try await installation.restart()
        #expect(installation.control.recheck.size > 64)
        try await LedgerRechecker(installation.control).recheck(after: .zero)
        #expect(installation.control.writer.stopped == nil)
    }

    @Test("A fork of the same length is noticed too, and a foreign checkpoint is refused")
    func fork() async throws {
        let installation = try await TestInstallation()
        installation.stop()
        let old = try installation.copyDatabase()
        try installation.start()
        _ = try await installation.submit(name: "one branch")
        let pinned = installation.control.writer.head.checkpoint
        installation.stop()
        try installation.restoreDatabase(old)
        try installation.start()
        _ = try await installation.submit(name: "other branch")
        _ = try await installation.submit(name: "and longer")
        let stranger = try await TestInstallation(random: .init(seed: 9))
        #expect(throws: CommandError.self) {
            try installation.control.checkPinned(stranger.control.writer.head.checkpoint)
        }
        #expect(installation.control.writer.stopped == nil)
        #expect(throws: LedgerUnavailable.self) {
            try installation.control.checkPinned(pinned)
        }
        #expect(installation.control.writer.stopped != nil)
    }

    @Test("invariant15: policies and directory are re-hashed at start")
    func invariant15_governance() async throws {
        for edit in [
            "UPDATE body SET bytes = CAST(replace(bytes, 'never', 'niver') AS BLOB)",
            "UPDATE entry SET core = CAST(replace(core, '\"reviewers\"', '\"reviewert\"') AS BLOB)",
        ] {
            let installation = try await TestInstallation()
            installation.stop()
            try installation.tamper(
                edit + " WHERE idx IN (SELECT idx FROM entry WHERE ref IN ('policies','directory'))"
            )
            #expect(throws: TamperedError.self) { try installation.start() }
        }
    }

    @Test("invariant15: a lost or replaced log key does not start")
    func invariant15_logKey() async throws {
        let installation = try await TestInstallation()
        let stranger = try await TestInstallation(random: .init(seed: 9))
        installation.stop()
        let path = "\(installation.folder)/keys/log.key"
        let key = try Data(contentsOf: URL(fileURLWithPath: path))
        try removeFile(path)
        #expect(throws: StorageError.self) { try installation.start() }
        try Data(contentsOf: URL(fileURLWithPath: "\(stranger.folder)/keys/log.key"))
            .write(to: URL(fileURLWithPath: path))
        #expect(throws: TamperedError.self) { try installation.start() }
        try key.write(to: URL(fileURLWithPath: path))
        try installation.start()
    }
}
