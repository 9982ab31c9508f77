// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ServiceTestSupport
import TransparencyLog

@testable import ApprovalCore

/// A history in which one action goes right, for others to doctor.
///
/// Bot asks, bob of the reviewers approves, the gate claims, executes and reports.
struct SimulatedStory {
    typealias People = TestInstallation

    /// One entry of the action: what, how many seconds after the first, and what policy says then.
    struct Event {
        var event: ActionEvent
        var seconds: Int64
        var verdict: Verdict?
        var hasReason = true
        var redrawn: ShownRendering?
    }

    static let start = FakeClock.start
    static let shown = Rendering(sections: [], warnings: [], isComplete: true)
    static let rules = Hash256.sha256([1])
    static let people = Hash256.sha256([2])

    var world: SimulatedWorld
    let action: Action
    var requirement: Requirement
    var events: [Event] = []
    var isShownInFull = true
    /// Entries of other chains, before those of the action.
    var others: [(kind: String, ref: String, event: SimulatedEntry.Event)] = []
    var executions: [SimulatedExecution] = []
    /// The last change to what was put together.
    var edit: (inout SimulatedHistory) -> Void = { _ in }
    /// Whether entries say that they are from before the seal.
    var stamp: Bool?

    init() throws {
        var directory = Directory()
        for group in [Handle.administrators, .reviewers, People.leads] {
            try directory.apply(.groupAdded(group))
        }
        for person in [People.alice, People.bob, People.carol, People.erin] {
            try directory.apply(.personAdded(person))
        }
        try directory.apply(.agentAdded(People.bot, owner: People.alice))
        try directory.apply(.gateAdded(People.gate))
        for (group, member) in [
            (Handle.administrators, People.carol), (.reviewers, People.bob),
            (.reviewers, People.carol), (.reviewers, People.alice), (People.leads, People.erin),
            (People.leads, People.bob),
        ] {
            try directory.apply(.memberAdded(group: group, member: member))
        }
        world = SimulatedWorld()
        world.directory = directory
        world.directoryDigest = Self.people
        world.policySet = Self.rules
        action = try Action(
            id: ActionID(now: Self.start, random: (1, 2)), nonce: .sha256([3]),
            operation: try TestInstallation.operation("review"), intent: .none,
            requester: Requester(
                agent: People.bot, owner: People.alice, onBehalfOf: nil, credential: "c1"),
            gate: GateReference(id: People.gate, enforcing: true), facts: ["kind": "test"])
        requirement = try Self.requirement([Slot(group: .reviewers, quorum: 1)])
        tellAgain()
    }

    static func requirement(
        _ slots: [Slot], breakGlass: [Handle] = []
    ) throws -> Requirement {
        guard let hour = Span(seconds: 3600),
            let requirement = Requirement(
                slots: slots, expires: hour, grant: hour, severity: .medium, assurance: .token,
                breakGlass: breakGlass)
        else { throw CoreError("not a requirement") }
        return requirement
    }

    /// Tells the story anew, for another requirement.
    mutating func tellAgain() {
        events = [
            Event(
                event: submitted(), seconds: 0, verdict: verdict(),
                redrawn: ShownRendering(Self.shown)),
            Event(event: decided(People.bob, 10), seconds: 10),
            Event(event: cleared([.reviewers: [People.bob]]), seconds: 10, verdict: verdict()),
            Event(event: claimed(), seconds: 20, verdict: verdict()),
            Event(event: .reported(ActionEvent.Report(.succeeded)), seconds: 30),
        ]
        executions = [
            SimulatedExecution(
                action: action.id, nonce: Self.nonce, operation: action.operationDigest,
                durable: 100)
        ]
    }

    // MARK: events

    static let nonce = Hash256.sha256([9])

    func verdict(_ decision: Verdict.Decision = .review) -> Verdict {
        Verdict(
            decision: decision, reasons: [], errors: [],
            requirement: decision == .review ? requirement : nil, policySet: Self.rules,
            directory: Self.people, evaluatedAt: Self.start)
    }

    func submitted(_ decision: Verdict.Decision = .review) -> ActionEvent {
        .submitted(
            ActionEvent.Submission(
                operation: action.operationDigest, requester: action.requester,
                gate: action.gate, decision: decision, verdict: verdict(decision).coreJSON,
                requirement: decision == .review ? requirement : nil, policySet: Self.rules,
                directory: Self.people,
                deadline: decision == .review ? Self.start.adding(seconds: 3600) : nil))
    }

    func decided(
        _ person: Handle, _ seconds: Int64, _ kind: ReviewDecision.Kind = .approve,
        method: SignInMethod = .passkey, rendering: Hash256 = SimulatedStory.shown.hash
    ) -> ActionEvent {
        .decided(
            ReviewDecision(
                person: person, kind: kind, channel: .console, assurance: .console,
                selfApproved: false, at: Self.start.adding(seconds: seconds), method: method),
            rendering: rendering)
    }

    func cleared(
        _ approvals: [Handle: [Handle]], operation: Hash256? = nil, breakGlass: Handle? = nil,
        verdict: Verdict.Decision = .review, directory: Hash256 = SimulatedStory.people
    ) -> ActionEvent {
        .cleared(
            ActionEvent.Clearance(
                operation: operation ?? action.operationDigest, gate: action.gate,
                verdict: verdict, policySet: Self.rules, directory: directory,
                approvals: approvals, selfApproved: false,
                notAfter: Self.start.adding(seconds: 3000), breakGlass: breakGlass))
    }

    func claimed(_ nonce: Hash256 = SimulatedStory.nonce) -> ActionEvent {
        .claimed(
            Claim(
                nonce: nonce, gate: People.gate, operation: action.operationDigest,
                startBy: Self.start.adding(seconds: 50), verdict: .review,
                policySet: Self.rules, directory: Self.people))
    }

    func broken(_ person: Handle, assurance: Assurance = .console) -> ActionEvent {
        .glassBroken(
            ActionEvent.BrokenGlass(
                person: person, channel: .console, assurance: assurance, method: .passkey,
                rendering: Self.shown.hash, due: Self.start.adding(seconds: 86_400)))
    }

    // MARK: putting it together

    var history: SimulatedHistory {
        var history = SimulatedHistory()
        history.submissions[action.id] = SimulatedSubmission(
            action: action, rendering: Self.shown.hash, isShownInFull: isShownInFull)
        var tips: [String: (seq: UInt64, leaf: Hash256)] = [:]
        func append(
            _ kind: String, _ ref: String, _ event: SimulatedEntry.Event, _ seconds: Int64,
            _ told: Event? = nil
        ) {
            let index = UInt64(history.entries.count)
            var entry = SimulatedEntry(
                index: index, at: Self.start.adding(seconds: seconds), ref: ref, kind: kind,
                seq: tips[ref].map { $0.seq + 1 } ?? 0, previous: tips[ref]?.leaf ?? .zero,
                leaf: .sha256([UInt8(truncatingIfNeeded: index)]),
                unsealed: stamp ?? world.unsealed, event: event, world: world, next: world)
            entry.verdict = told?.verdict
            entry.hasReason = told?.hasReason ?? false
            entry.redrawn = told?.redrawn
            tips[ref] = (entry.seq, entry.leaf)
            history.append(entry)
        }
        for other in others { append(other.kind, other.ref, other.event, 0) }
        for told in events {
            append(
                told.event.kind, action.id.text,
                .action(action.id, digest: action.digest, told.event), told.seconds, told)
        }
        history.executions = executions
        edit(&history)
        return history
    }

    /// What a caller was told after so many entries of the action.
    func answer(_ version: UInt64, _ status: ActionStatus) -> SimulatedAnswer {
        SimulatedAnswer(
            action: action.id, version: version, status: status,
            tip: .sha256([UInt8(others.count) + UInt8(version) - 1]), durable: 100)
    }
}
