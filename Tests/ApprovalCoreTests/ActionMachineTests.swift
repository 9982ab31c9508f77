// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// A machine brought into a given state by commands alone.
struct Stage {
    var ledger: MemoryLedger
    var machine: ActionMachine
    let action: Action

    static let nonce = Hash256.of("claim")

    init(ledger: MemoryLedger, machine: ActionMachine, action: Action) {
        self.ledger = ledger
        self.machine = machine
        self.action = action
    }

    init(_ status: ActionStatus) throws {
        ledger = try MemoryLedger.started()
        action = try Fixtures.action(effect: status == .denied ? "key" : "write")
        machine = try ledger.submit(action)
        switch status {
        case .pending, .denied: break
        case .expired:
            ledger.now = ledger.now.adding(seconds: 3600)
            _ = try machine.tick(now: ledger.now)
        case .cancelled: _ = try machine.cancel(by: .agent(.bot), now: ledger.now)
        default: try clear(status)
        }
        guard machine.state.status == status else { throw MemoryLedger.Missing() }
    }

    private mutating func clear(_ status: ActionStatus) throws {
        try ledger.decide(&machine, action, .bob)
        switch status {
        case .cleared: break
        case .lapsed:
            ledger.now = ledger.now.adding(seconds: 600)
            _ = try machine.tick(now: ledger.now)
        case .revoked: _ = try machine.revoke(by: .person(.carol), ledger.surroundings(action))
        case .invalidated:
            try ledger.publish("@id(\"n\") forbid (principal, action, resource);")
            _ = try claim()
        default:
            _ = try claim()
            switch status {
            case .unknown: _ = try machine.gateWentSilent(now: ledger.now)
            case .succeeded: _ = try report(.succeeded)
            case .failed: _ = try report(.failed)
            case .notStarted: _ = try report(.notStarted)
            default: break
            }
        }
    }

    mutating func claim(nonce: Hash256 = Stage.nonce) throws -> MachineResult {
        try machine.claim(
            nonce: nonce, gate: action.gate, agent: .bot, ledger.surroundings(action))
    }

    mutating func report(
        _ outcome: OutcomeStatus, nonce: Hash256 = Stage.nonce, digest: Hash256? = nil
    ) throws -> MachineResult {
        try machine.report(
            ActionEvent.Report(outcome, resultDigest: digest), nonce: nonce, gate: action.gate,
            agent: .bot, now: ledger.now)
    }

    mutating func decide(
        _ person: Handle, _ kind: ReviewDecision.Kind = .approve,
        assurance: Assurance = .console, principal: Principal? = nil, expect: String? = nil,
        hasReason: Bool = true, shownInFull: Bool = true
    ) throws -> MachineResult {
        try machine.decide(
            DecisionCommand(
                principal: principal ?? .person(person), kind: kind, channel: .console,
                assurance: assurance,
                expectedDigest: expect ?? String(action.digest.hex.prefix(16)),
                hasReason: hasReason, rendering: .zero, shownInFull: shownInFull),
            ledger.surroundings(action))
    }
}

/// The machine of DESIGN §8 as a table: every command in every state.
@Suite("Action machine: every transition, legal and illegal")
struct ActionMachineTests {
    enum Command: String, CaseIterable, Sendable {
        case approve, deny, claim, claimOther, report, cancel, revoke, settle, silent, tick
    }

    private func run(_ command: Command, _ stage: inout Stage) throws -> MachineResult {
        switch command {
        case .approve: try stage.decide(.carol)
        case .deny: try stage.decide(.carol, .deny)
        case .claim: try stage.claim()
        case .claimOther: try stage.claim(nonce: .of("other"))
        case .report: try stage.report(.succeeded)
        case .cancel: try stage.machine.cancel(by: .person(.alice), now: stage.ledger.now)
        case .revoke:
            try stage.machine.revoke(
                by: .person(.alice), stage.ledger.surroundings(stage.action))
        case .settle:
            try stage.machine.settle(
                .failed, by: .person(.dave), stage.ledger.surroundings(stage.action))
        case .silent: try stage.machine.gateWentSilent(now: stage.ledger.now)
        case .tick: try stage.machine.tick(now: stage.ledger.now)
        }
    }

    /// What each command leads to where it is legal: the last event and the state after it.
    private static let legal: [Command: [ActionStatus: (event: String, next: ActionStatus)]] = [
        .approve: [.pending: ("action.cleared", .cleared)],
        .deny: [.pending: ("action.decided", .denied)],
        .claim: [.cleared: ("action.claimed", .claimed)],
        .claimOther: [.cleared: ("action.claimed", .claimed)],
        .report: [
            .claimed: ("action.reported", .succeeded), .unknown: ("action.reported", .succeeded),
        ],
        .cancel: [
            .pending: ("action.cancelled", .cancelled), .cleared: ("action.cancelled", .cancelled),
        ],
        .revoke: [.cleared: ("action.revoked", .revoked)],
        .settle: [.unknown: ("action.settled", .failed)],
        .silent: [.claimed: ("action.silent", .unknown)],
        .tick: [:],
    ]

    @Test("the table", arguments: ActionStatus.allCases, Command.allCases)
    func table(status: ActionStatus, command: Command) throws {
        var stage = try Stage(status)
        let before = stage.machine.state
        let result = try run(command, &stage)
        let after = stage.machine.state
        if let legal = Self.legal[command]?[status] {
            #expect(result.refusal == nil)
            #expect(result.events.last?.kind == legal.event)
            #expect(after.status == legal.next)
        } else {
            #expect(after.status == status, "nothing else may move it")
            #expect(after.decisions == before.decisions)
            #expect(after.claim == before.claim)
            #expect(after.outcomes == before.outcomes)
            for event in result.events { #expect(event.kind == "action.attempt-refused") }
        }
        #expect(after.version == before.version + UInt64(result.events.count))
    }

    @Test("what the machine records, a replay accepts, and leads to the same state")
    func replay() throws {
        var random = SeededRandom.forTest()
        let people: [Handle] = [.alice, .bob, .carol, .dave, .bot]
        for _ in 0..<150 {
            var ledger = try MemoryLedger.started()
            let effect = ["read", "write", "export", "key"].randomElement(using: &random) ?? "read"
            let action = try Fixtures.action(effect: effect)
            var machine = try ledger.submit(
                action, nonce: Bool.random(using: &random) ? Stage.nonce : nil)
            for _ in 0..<Int.random(in: 0...10, using: &random) {
                ledger.now = ledger.now.adding(
                    seconds: [0, 1, 400, 2000].randomElement(using: &random) ?? 0)
                var stage = Stage(ledger: ledger, machine: machine, action: action)
                let command = Command.allCases.randomElement(using: &random) ?? .tick
                let result =
                    command == .approve
                    ? try stage.decide(
                        people.randomElement(using: &random) ?? .bob)
                    : try run(command, &stage)
                machine = stage.machine
                try ledger.record(result, machine)
            }
            var state: ActionState?
            for recorded in ledger.chain(action.id.text) {
                state = try ActionReplay.next(state, recorded)
            }
            #expect(state == machine.state)
            #expect(state?.document == machine.state.document)
        }
    }

    @Test("a replay refuses every event in every state where the table has none")
    func illegalEvents() throws {
        let events = try Events.all()
        let allowed: [String: Set<ActionStatus>] = [
            "action.submitted": [], "action.decided": [.pending],
            "action.attempt-refused": Set(ActionStatus.allCases), "action.cleared": [.pending],
            "action.claimed": [.cleared], "action.reported": [.claimed, .unknown],
            "action.silent": [.claimed], "action.settled": [.unknown],
            "action.cancelled": [.pending, .cleared], "action.revoked": [.cleared],
            "action.expired": [.pending], "action.lapsed": [.cleared],
            "action.invalidated": [.pending, .cleared],
        ]
        for status in ActionStatus.allCases {
            let stage = try Stage(status)
            for event in events where allowed[event.kind]?.contains(status) == false {
                var state = stage.machine.state
                #expect(throws: TransitionError.self, "\(event.kind) while \(status.rawValue)") {
                    try state.apply(event, at: stage.ledger.now)
                }
            }
        }
    }

    @Test("time can't go backwards within a chain")
    func timeBackwards() throws {
        var state = try Stage(.pending).machine.state
        #expect(throws: TransitionError.self) {
            try state.apply(.cancelled(by: "x"), at: Timestamp.start.adding(seconds: -1))
        }
    }

    @Test("the same nonce is answered with the same claim, for ever")
    func sameNonce() throws {
        for status in [ActionStatus.claimed, .unknown, .succeeded, .failed] {
            var stage = try Stage(status)
            let claim = stage.machine.state.claim
            let again = try stage.claim()
            #expect(again == MachineResult())
            #expect(stage.machine.state.claim == claim)
            #expect(try stage.claim(nonce: .of("other")).refusal?.code == .alreadyClaimed)
        }
    }

    @Test("an identical report changes nothing, another one is refused, both kept after unknown")
    func reports() throws {
        var stage = try Stage(.claimed)
        #expect(try stage.report(.failed, nonce: .of("other")).refusal?.code == .wrongGate)
        #expect(try stage.report(.failed, digest: .of("r")).refusal == nil)
        #expect(try stage.report(.failed, digest: .of("r")) == MachineResult())
        #expect(try stage.report(.failed, digest: .of("s")).refusal?.code == .alreadyReported)
        #expect(try stage.report(.succeeded).refusal?.code == .alreadyReported)

        var unknown = try Stage(.claimed)
        #expect(try unknown.report(.unknown).events.count == 1)
        #expect(try unknown.report(.unknown) == MachineResult())
        #expect(try unknown.report(.succeeded).events.count == 1)
        #expect(unknown.machine.state.outcomes.map(\.status) == [.unknown, .succeeded])

        var early = try Stage(.cleared)
        #expect(try early.report(.succeeded).refusal?.code == .notClaimed)
    }

    @Test("an allowed action takes submission, clearance and claim in one write")
    func allowed() throws {
        let action = try Fixtures.action(effect: "read")
        let verdict = try Fixtures.environment().evaluate(action, at: .start)
        let (machine, events) = try ActionMachine.submit(
            action, verdict: verdict, nonce: .of("n"), unsealed: true, now: .start)
        #expect(events.map(\.kind) == ["action.submitted", "action.cleared", "action.claimed"])
        #expect(machine.state.claim?.startBy == Timestamp.start.adding(seconds: 30))
        let (_, without) = try ActionMachine.submit(
            action, verdict: verdict, nonce: nil, unsealed: true, now: .start)
        #expect(without.map(\.kind) == ["action.submitted", "action.cleared"])
        let review = try Fixtures.action(effect: "write")
        let (pending, asked) = try ActionMachine.submit(
            review, verdict: try Fixtures.environment().evaluate(review, at: .start),
            nonce: .of("n"), unsealed: true, now: .start)
        #expect(asked.map(\.kind) == ["action.submitted"])
        #expect(pending.state.claim == nil)
    }
}
