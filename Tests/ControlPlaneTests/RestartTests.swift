// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Restarts")
struct RestartTests {
    @Test("invariant15: a restart reads back what was there, byte for byte")
    func invariant15_restartEquals() async throws {
        let installation = try await TestInstallation()
        let pending = try await installation.submit("review")
        let cleared = try await installation.submit("review", name: "b")
        _ = try await installation.decide(cleared, by: TestInstallation.bob)
        let ran = try await installation.submit(nonce: TestInstallation.nonce(1), key: "k")
        installation.clock.advance(seconds: 3)
        _ = try await installation.report(ran, .failed)
        _ = await failure { try await installation.decide(pending, by: TestInstallation.alice) }
        try installation.expectRowsFollowFromLedger()
        let before = try installation.dump()
        let governance = installation.control.governance
        let head = installation.control.writer.head
        try await installation.restart(begin: false)
        #expect(try installation.dump() == before)
        #expect(installation.control.governance.directory == governance.directory)
        #expect(installation.control.governance.names == governance.names)
        #expect(
            installation.control.governance.policies?.digest == governance.policies?.digest)
        #expect(installation.control.governance.publishedAt == governance.publishedAt)
        #expect(installation.control.writer.head.checkpoint == head.checkpoint)
        #expect(installation.control.writer.head.frontier.root() == head.frontier.root())
        try installation.expectRowsFollowFromLedger()
        // And what was open goes on.
        _ = try await installation.claim(cleared)
        _ = try await installation.decide(pending, by: TestInstallation.carol)
        try installation.expectRowsFollowFromLedger()
    }

    @Test("A restart across a full tile keeps proofs and consistency")
    func tiles() async throws {
        let installation = try await TestInstallation { $0.submissionBurst = 1000 }
        let action = try await installation.submit(nonce: TestInstallation.nonce(1))
        let entry = try #require(action.claimEntry)
        let early = installation.control.writer.head
        for number in 0..<130 { _ = try await installation.submit("never", name: "\(number)") }
        for number in 0..<130 { _ = try await installation.submit("review", name: "\(number)") }
        try await installation.restart()
        let control = installation.control
        let head = control.writer.head
        #expect(head.size > 256)
        let proof = try control.proof(of: entry.index, under: head)
        _ = try TLogProof(parsing: proof).verify(
            leaf: entry.entry.leafHash, key: control.verifierKey)
        try MerkleProof.verifyConsistency(
            oldSize: early.size, oldRoot: early.frontier.root(), newSize: head.size,
            newRoot: head.frontier.root(),
            proof: try control.consistency(from: early.size, under: head))
        #expect(try await installation.report(action, .succeeded).state.status == .succeeded)
    }

    @Test("Two servers on one folder: the second does not start")
    func lock() async throws {
        let installation = try await TestInstallation()
        #expect(throws: StorageError.self) {
            try SQLiteBackend(path: installation.data.database)
        }
        #expect(try await installation.submit().isNew)
    }

    @Test("The first start makes an installation, the second one leaves it alone")
    func firstStart() async throws {
        let installation = try await TestInstallation()
        let kinds = try installation.entries().map(\.entry.kind)
        #expect(kinds.first == "installation.created")
        #expect(kinds.count { $0 == "installation.created" } == 1)
        #expect(kinds.count { $0 == "policies.published" } == 1)
        let link = try await installation.control.begin(
            starterPolicies: [PolicyFile(name: "x.cedar", text: "")])
        #expect(link == nil)
        let after = try installation.entries().map(\.entry.kind)
        #expect(after == kinds + ["server.started"])
    }

    @Test("After shutting down nothing is taken, and reading what was there still works")
    func shutDown() async throws {
        let installation = try await TestInstallation()
        _ = try await installation.submit()
        let control = installation.control
        let submitter = try installation.submitter()
        installation.stop()
        installation.stop()
        let operation = try TestInstallation.operation()
        let code = await failure {
            try await control.submit(
                SubmitCommand(
                    operation: operation, intent: .none, nonce: nil, idempotencyKey: nil,
                    requestDigest: .zero), by: submitter)
        }
        #expect(code == "ledger_unavailable")
    }

    @Test("Closing twice closes nobody else's file")
    func closeTwice() async throws {
        let installation = try await TestInstallation()
        installation.stop()
        // It gets the number that the lock's file had.
        let descriptors = (0..<8).map { _ in open("/dev/null", O_RDONLY) }
        defer { for descriptor in descriptors { close(descriptor) } }
        installation.stop()
        for descriptor in descriptors { #expect(fcntl(descriptor, F_GETFD) != -1) }
    }

    @Test("What waits for the ledger when it stops is told so, and nothing of it is kept")
    func queuedWhenStopping() async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        let submitter = try installation.submitter()
        let size = control.writer.head.size
        installation.storage.hold()
        installation.storage.failNext(.rolledBack)
        let storage = installation.storage
        let codes = await withTaskGroup(of: String.self) { group in
            for number in 0..<40 {
                group.addTask {
                    await failure {
                        try await control.submit(
                            SubmitCommand(
                                operation: try TestInstallation.operation(name: "\(number)"),
                                intent: .none, nonce: TestInstallation.nonce(1),
                                idempotencyKey: nil, requestDigest: .zero), by: submitter)
                    }
                }
            }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(30))
                storage.release()
                return "ledger_unavailable"
            }
            return await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(codes == ["ledger_unavailable"])
        try await installation.restart(begin: false)
        #expect(installation.control.writer.head.size == size)
        #expect(try installation.control.list(ActionQuery()).isEmpty)
    }
}
