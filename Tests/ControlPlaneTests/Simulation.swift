// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import ControlPlane

/// One installation, driven by a seed through requests, decisions, faults, time and restarts.
///
/// Everything happens one step after another, so a seed gives the same run every time. After
/// each step the invariants are asserted over what the ledger has, and over what callers were
/// told.
final class Simulation {
    /// What a caller was told of an action and must find again for ever.
    struct Told {
        var version: UInt64
        var tip: Hash256
    }

    var random: SeededRandom
    let installation: TestInstallation
    var actions: [ActionResult] = []
    /// The nonces that each action was claimed with, as its gate knows them.
    var nonces: [ActionID: Hash256] = [:]
    private var told: [ActionID: Told] = [:]
    /// The model: every action, replayed from the entries.
    private(set) var states: [ActionID: ActionState] = [:]
    private var checked: UInt64 = 0
    private var lastAt = Timestamp(milliseconds: .min)
    private var head: LedgerHead
    /// How often each kind of step was carried out or refused; shows that a run does something.
    private(set) var tally: [String: Int] = [:]
    private(set) var steps = 0

    init(seed: UInt64) async throws {
        random = SeededRandom(seed: seed)
        installation = try await TestInstallation(
            random: random.child("installation"), singleOperator: random.next() % 5 == 0)
        head = installation.control.writer.head
        try check()
    }

    var control: ControlPlane { installation.control }

    func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int(random.next() % UInt64(elements.count))]
    }

    func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }

    func note(_ what: String) { tally[what, default: 0] += 1 }

    /// Carries out one random step and asserts everything after it.
    func step() async throws {
        steps += 1
        if chance(6) { installation.storage.failNext(pick(StorageFault.allCases)) }
        installation.clock.advance(milliseconds: Int64(random.next() % 20_000))
        try await act()
        installation.storage.failNext()
        // A writer that met a fault has stopped for good; only a restart helps.
        if control.writer.stopped != nil || chance(2) { try await restart() }
        try check()
    }

    func restart() async throws {
        note("restart")
        try await installation.restart(begin: chance(50))
        // Nothing is left of the memory that the model compares with, so compare it all.
        try installation.expectRowsFollowFromLedger()
    }

    // MARK: what callers were told

    /// Remembers an answer.
    ///
    /// It was given, so it must be durable by now.
    func answered(_ result: ActionResult) throws {
        if result.isNew { actions.append(result) }
        let detail = try #require(try control.detail(result.state.id))
        #expect(detail.state.version >= result.state.version)
        let entries = detail.entries.prefix(Int(result.state.version))
        told[result.state.id] = Told(
            version: result.state.version, tip: try #require(entries.last).entry.leafHash)
        if [.cleared, .claimed].contains(result.state.status) {
            try expectGranted(detail)
        }
        if let claim = result.state.claim {
            let known = nonces.updateValue(claim.nonce, forKey: result.state.id)
            #expect(known == nil || known == claim.nonce, "claimed twice")
        }
    }

    /// Whatever is answered as cleared is an entry with a proof under a signed checkpoint.
    private func expectGranted(_ detail: ActionDetail) throws {
        let grant = try #require(detail.entries.last { $0.entry.kind == "action.cleared" })
        let proof = try control.proof(of: grant.index, under: control.writer.head)
        _ = try TLogProof(parsing: proof).verify(
            leaf: grant.entry.leafHash, key: control.verifierKey)
    }

    // MARK: invariants

    private func check() throws {
        let entries = try control.backend.read {
            try $0.entries(from: checked, limit: .max, bodies: true)
        }
        for recorded in entries { try check(recorded) }
        let now = control.writer.head
        #expect(now.size == checked, "the head covers what is stored")
        let checkpoint = try Checkpoint.verified(now.checkpoint, key: control.verifierKey)
        #expect(checkpoint.size == now.size)
        #expect(checkpoint.root == now.frontier.root())
        try MerkleProof.verifyConsistency(
            oldSize: head.size, oldRoot: head.frontier.root(), newSize: now.size,
            newRoot: now.frontier.root(),
            proof: try control.consistency(from: head.size, under: now))
        head = now
        for (id, answer) in told {
            // Cheap enough: the chains are short and the model has replayed them already.
            let state = try #require(states[id], "an acknowledged action is gone")
            #expect(state.version >= answer.version)
        }
    }

    private func check(_ recorded: RecordedEntry) throws {
        #expect(recorded.index == checked, "indexes have no gaps")
        #expect(recorded.entry.at >= lastAt, "recorded time never goes back")
        #expect(recorded.matchesCommitments)
        checked = recorded.index + 1
        lastAt = recorded.entry.at
        guard let id = ActionID(recorded.entry.ref) else { return }
        let before = states[id]
        let state = try ChainReplay.next(before, recorded)
        states[id] = state
        if let answer = told[id], answer.version == state.version {
            #expect(answer.tip == recorded.entry.leafHash, "history changed")
        }
        try checkGrant(recorded, before, state)
        // The row of the last entry of a batch is what replaying gives.
        let row = try control.backend.read { try $0.action(id) }
        if row?.version == state.version { #expect(row == ActionRow(state)) }
    }

    /// Who may clear and claim what.
    private func checkGrant(
        _ recorded: RecordedEntry, _ before: ActionState?, _ state: ActionState
    ) throws {
        switch recorded.entry.kind {
        case "action.cleared":
            let clearance = try #require(state.clearance)
            let chain = state.submission.requester.chain
            let approvers = clearance.approvals.values.flatMap { $0 }
            #expect(Set(approvers).count == approvers.count, "one person fills one slot")
            for approver in approvers {
                #expect(state.approvers.contains(approver), "an approval that nobody gave")
                #expect(!chain.contains(approver) || clearance.selfApproved)
            }
            #expect(installation.singleOperator || !clearance.selfApproved)
            #expect(clearance.verdict != .deny)
            if clearance.verdict == .review { #expect(!approvers.isEmpty) }
        case "action.claimed":
            #expect(before?.status == .cleared, "a claim without a grant")
            let notAfter = try #require(before?.clearance?.notAfter)
            #expect(recorded.entry.at < notAfter, "a claim after the grant ran out")
            try checkPolicyOfNow(state)
        case "action.decided":
            let deadline = try #require(before?.submission.deadline)
            #expect(recorded.entry.at < deadline, "a decision after the deadline")
        default: break
        }
    }

    /// A claim was let through just now, so policy and directory of now must let it through.
    private func checkPolicyOfNow(_ state: ActionState) throws {
        let governance = control.governance
        let detail = try #require(try control.detail(state.id))
        let verdict = try #require(governance.environment)
            .evaluate(detail.body.action, at: state.updatedAt)
        #expect(verdict.decision != .deny, "a claim that policy denies")
        guard let requirement = verdict.requirement else { return }
        let chain = installation.singleOperator ? [] : state.submission.requester.chain
        #expect(
            SlotMatching.isMet(
                requirement, approvers: state.approvers.subtracting(chain),
                in: governance.directory, after: 0), "a claim whose review is no longer met")
    }

    /// At the end: everything once more, from the first entry.
    func finish() async throws {
        try await restart()
        try check()
        let claims = try installation.entries().filter { $0.entry.kind == "action.claimed" }
        #expect(Set(claims.map(\.entry.ref)).count == claims.count, "claimed more than once")
        for (id, answer) in told {
            let detail = try #require(try control.detail(id), "an acknowledged action is gone")
            #expect(
                detail.entries[Int(answer.version) - 1].entry.leafHash == answer.tip,
                "history changed")
        }
        for (id, nonce) in nonces {
            #expect(try control.detail(id)?.state.claim?.nonce == nonce)
        }
    }
}
