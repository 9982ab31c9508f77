// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

/// The invariants of the design that the control plane carries, each by its number.
@Suite("Invariants 1 to 7")
struct InvariantTests {
    // MARK: 1

    /// The steps that could let something run.
    enum Step: CaseIterable {
        case submit
        case decide
        case claim
    }

    @Test(
        "invariant1: without a durable claim entry nothing is answered as cleared",
        arguments: StorageFault.allCases, Step.allCases)
    func invariant1_noExecutionWithoutDurableClaim(_ fault: StorageFault, _ step: Step) async throws
    {
        let installation = try await TestInstallation()
        var action: ActionResult?
        if step != .submit { action = try await installation.submit("review") }
        if step == .claim, let pending = action {
            _ = try await installation.decide(pending, by: TestInstallation.bob)
        }
        let size = installation.control.writer.head.size
        installation.storage.failNext(fault)
        let code = await failure {
            switch step {
            case .submit: try await installation.submit(nonce: TestInstallation.nonce(1))
            case .decide:
                try await installation.decide(
                    try #require(action), by: TestInstallation.bob)
            case .claim: try await installation.claim(try #require(action))
            }
        }
        #expect(code == "ledger_unavailable")
        // The writer has stopped: whatever comes now is not answered as cleared either.
        #expect(installation.control.writer.stopped != nil)
        #expect(installation.control.notReady != nil)
        #expect(installation.control.writer.head.size == size)
        #expect(await failure { try await installation.submit(name: "b") } == "ledger_unavailable")

        try await installation.restart(begin: false)
        let recovered = installation.control.writer.head.size
        let appended = [Step.submit: 3, .decide: 2, .claim: 1][step] ?? 0
        #expect(recovered == (fault == .answerLost ? size + UInt64(appended) : size))
        #expect(installation.control.notReady == nil)
        if let action, step == .claim {
            // Whatever became of it: the same nonce gets the one claim.
            #expect(try await installation.claim(action).state.status == .claimed)
            #expect(try installation.kinds(action).filter { $0 == "action.claimed" }.count == 1)
        }
    }

    @Test("invariant1: a reading store that can't commit keeps telling what was recorded")
    func invariant1_stoppedWriterStillReads() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        installation.storage.failNext(.rolledBack)
        _ = await failure { try await installation.decide(action, by: TestInstallation.bob) }
        #expect(try installation.status(action) == .pending)
        let waiting = try installation.control.list(ActionQuery())
        #expect(waiting.map(\.state.id) == [action.state.id])
    }

    // MARK: 2

    @Test("invariant2: a clearance that is not in the log does not verify")
    func invariant2_clearanceOutsideTheLog() async throws {
        let installation = try await TestInstallation()
        let result = try await installation.submit(nonce: TestInstallation.nonce(1))
        let entry = try #require(result.claimEntry)
        let control = installation.control
        let proof = try control.proof(of: entry.index, under: result.head)
        let forged = LedgerEntry(
            kind: entry.entry.kind, at: entry.entry.at, ref: entry.entry.ref,
            seq: entry.entry.seq, previous: entry.entry.previous, core: .zero,
            body: entry.entry.body)
        #expect(throws: (any Error).self) {
            try TLogProof(parsing: proof).verify(leaf: forged.leafHash, key: control.verifierKey)
        }
        // Another log's key, of the same name, signs the very same tree.
        let other = try SigningKey(
            name: control.verifierKey.name, seed: Array(repeating: 7, count: 32))
        let note = try Checkpoint(
            origin: other.name, size: result.head.size, root: result.head.frontier.root()
        ).signed(by: other)
        let moved = try TLogProof(
            index: entry.index, hashes: try TLogProof(parsing: proof).hashes, checkpoint: note)
        #expect(throws: (any Error).self) {
            try moved.verify(leaf: entry.entry.leafHash, key: control.verifierKey)
        }
    }

    // MARK: 4

    @Test("invariant4: of fifty racing claims one wins", arguments: [false, true])
    func invariant4_racingClaims(_ inOneBatch: Bool) async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit()
        let control = installation.control
        let submitter = try installation.submitter()
        let storage = installation.storage
        if inOneBatch { storage.hold() }
        let codes = await withTaskGroup(of: String.self) { group in
            for number in 0..<50 {
                group.addTask {
                    await failure {
                        try await control.claim(
                            action.state.id, nonce: TestInstallation.nonce(UInt64(number)),
                            by: submitter)
                    }
                }
            }
            if inOneBatch {
                group.addTask {
                    try? await Task.sleep(for: .milliseconds(50))
                    storage.release()
                    return "released"
                }
            }
            return await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
        }
        #expect(codes["none"] == 1)
        #expect(codes["already_claimed"] == 49)
        #expect(try installation.kinds(action).filter { $0 == "action.claimed" }.count == 1)
    }

    @Test("invariant4: the same nonce gets the same claim, also at once and after a restart")
    func invariant4_sameNonce() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit()
        let control = installation.control
        let submitter = try installation.submitter()
        let claims = try await withThrowingTaskGroup(of: Claim?.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await control.claim(
                        action.state.id, nonce: TestInstallation.nonce(1), by: submitter
                    ).state.claim
                }
            }
            return try await group.reduce(into: Set<Claim>()) { set, claim in
                set.insert(try #require(claim))
            }
        }
        #expect(claims.count == 1)
        try await installation.restart()
        let again = try await installation.claim(action)
        #expect(again.state.claim.map { claims.contains($0) } == true)
        #expect(
            await failure { try await installation.claim(action, TestInstallation.nonce(2)) }
                == "already_claimed")
        #expect(try installation.kinds(action).filter { $0 == "action.claimed" }.count == 1)
    }

    // MARK: 5

    @Test(
        "invariant5: the agent's owner decides by no path, and each try is an entry",
        arguments: [ReviewDecision.Kind.approve, .deny], Channel.allCases)
    func invariant5_noSelfApproval(_ kind: ReviewDecision.Kind, _ channel: Channel) async throws {
        let installation = try await TestInstallation()
        // Being reviewer and administrator changes nothing.
        for group in [Handle.reviewers, .administrators] {
            try await installation.control.apply(
                .memberAdded(group: group, member: TestInstallation.alice),
                by: TestInstallation.admin)
        }
        let action = try await installation.submit("review")
        for assurance in Assurance.allCases {
            let code = await failure {
                try await installation.decide(
                    action, kind, as: .person(TestInstallation.alice), assurance: assurance,
                    channel: channel)
            }
            #expect(code == "self_approval")
        }
        #expect(try installation.status(action) == .pending)
        let refused = try installation.refusals(action)
        #expect(
            refused == Array(repeating: "person:alice \(kind.rawValue) self_approval", count: 4))
        #expect(!action.body.eligible.contains(TestInstallation.alice))
    }

    @Test("invariant5: alone and unsealed, an operator may, and everything says so")
    func invariant5_singleOperator() async throws {
        let installation = try await TestInstallation(singleOperator: true)
        try await installation.control.apply(
            .memberAdded(group: .reviewers, member: TestInstallation.alice),
            by: TestInstallation.admin)
        let action = try await installation.submit("review")
        let approved = try await installation.decide(action, by: TestInstallation.alice)
        #expect(approved.state.status == .cleared)
        #expect(approved.state.clearance?.selfApproved == true)
        #expect(approved.state.decisions.map(\.selfApproved) == [true])
        #expect(try await installation.claim(action).state.status == .claimed)
    }

    // MARK: 6

    @Test("invariant6: a quorum of two needs two persons, and one denial ends it")
    func invariant6_quorum() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("two")
        #expect(
            try await installation.decide(action, by: TestInstallation.bob).state.status
                == .pending)
        #expect(
            await failure {
                try await installation.decide(action, by: TestInstallation.bob)
            } == "already_decided")
        #expect(
            try await installation.decide(action, by: TestInstallation.carol).state.status
                == .cleared)

        let other = try await installation.submit("two", name: "b")
        _ = try await installation.decide(other, by: TestInstallation.bob)
        let denied = try await installation.decide(other, .deny, by: TestInstallation.carol)
        #expect(denied.state.status == .denied)
    }

    // MARK: 7

    @Test(
        "invariant7: agents, gates and admin.token never decide, and each try is an entry",
        arguments: [
            Principal.agent(TestInstallation.bot), .agent(TestInstallation.otherBot),
            .gate(TestInstallation.gate), TestInstallation.admin,
        ])
    func invariant7_onlyPersonsDecide(_ principal: Principal) async throws {
        let installation = try await TestInstallation()
        // An agent in the group of reviewers counts as nobody.
        for agent in [TestInstallation.bot, TestInstallation.otherBot] {
            try await installation.control.apply(
                .memberAdded(group: .reviewers, member: agent), by: TestInstallation.admin)
        }
        let action = try await installation.submit("review")
        // Whether another agent's action exists is not an agent's to know, nor is its chain.
        let isStranger = principal == .agent(TestInstallation.otherBot)
        let code = isStranger ? "no_such_action" : "not_a_reviewer"
        #expect(
            await failure {
                try await installation.decide(action, as: principal, assurance: .passkey)
            } == code)
        let attempts =
            try isStranger ? installation.strangersAttempts() : installation.refusals(action)
        #expect(attempts == ["\(principal) approve \(code)"])
        #expect(try installation.status(action) == .pending)
        #expect(!action.body.eligible.contains(TestInstallation.bot))
    }
}
