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
/// A seed gives the same run every time, down to the root of the tree: what happens at once is put
/// into the writer's queue in an order that the seed chooses. After each step the invariants are
/// checked over what the ledger has, and over what callers were told.
final class Simulation {
    var random: SeededRandom
    let installation: TestInstallation
    /// What the checks look at; made of the entries and of what callers heard.
    var history = SimulatedHistory()
    var world = SimulatedWorld()
    /// Actions in order of their submission.
    var known: [ActionID] = []
    /// Commands whose copies are still on their way.
    var late: [SimulatedCommand] = []
    var gate = SimulatedGate()
    /// Every token that was ever handed out, by whose it is.
    var tokens: [Handle: [String]] = [:]
    var devices: [Handle: SoftwarePasskey] = [:]
    /// What goes wrong with the first write of this step that matters.
    private(set) var fault: StorageFault?
    /// A command that a stop of the ledger was the answer to.
    var interrupted: SimulatedCommand?
    /// How many persons and ports were made up so far.
    var made = 0
    /// What no caller should ever hear, and steps that could not be taken.
    var failures: [String] = []
    /// When the scheduler looked at everything in this step.
    var sweptAt: Timestamp?
    /// The ledger as it was read, entry by entry.
    var mirror = SimulatedMirror()
    /// How often each kind of step was carried out or refused; shows that a run does something.
    private(set) var tally: [String: Int] = [:]
    private(set) var steps = 0

    init(seed: UInt64) async throws {
        random = SeededRandom(seed: seed)
        let kind = random.next() % 20
        installation = try await TestInstallation(
            random: random.child("installation"),
            policies: SimulationPolicies.files(SimulationPolicies.base),
            singleOperator: kind < 3
        ) {
            // What limits are for is tested elsewhere; here they would hide the rest.
            $0.submissionBurst = 1_000_000
        }
        for (name, token) in installation.tokens {
            if let handle = Handle(name) { tokens[handle] = [token] }
        }
        world.singleOperator = installation.singleOperator
        try await equip()
        if kind >= 15 { try await seal() }
        try ingest()
        try check()
    }

    var control: ControlPlane { installation.control }

    func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int(random.next() % UInt64(elements.count))]
    }

    func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }

    func note(_ what: String) { tally[what, default: 0] += 1 }

    /// Carries out one random step and checks everything after it.
    func step() async throws {
        steps += 1
        installation.clock.advance(milliseconds: Int64(random.next() % 20_000))
        fault = chance(5) ? pick(StorageFault.allCases) : nil
        if let fault { installation.storage.failNext(fault) }
        if !late.isEmpty, chance(10) {
            await deliver(late.removeFirst(), "late")
        } else {
            try await act()
        }
        installation.storage.failNext()
        // A writer that met a fault has stopped for good; only a restart helps.
        if control.writer.stopped != nil || chance(2) { try await restart() }
        // Whoever heard nothing, or that the ledger is gone, asks again.
        if let command = interrupted, chance(60) { await deliver(command, "after a crash") }
        interrupted = nil
        try ingest()
        try check()
    }

    func restart() async throws {
        note("restart")
        try await installation.restart(begin: chance(50))
    }

    /// An action in a state, mostly; sometimes any.
    func action(_ statuses: ActionStatus...) -> ActionID? {
        guard !known.isEmpty else { return nil }
        if chance(85) {
            let ready = known.filter { id in
                history.review(id).map { statuses.contains($0.status) } ?? false
            }
            if !ready.isEmpty { return pick(ready) }
        }
        return pick(known)
    }

    // MARK: checking

    private func check() throws {
        let violations = SimulationChecks.violations(history)
        history.settle()
        guard violations.isEmpty, failures.isEmpty else {
            throw SimulationFailure(violations: violations, failures: failures)
        }
    }

    /// At the end: everything once more, from the first entry.
    func finish() async throws {
        try await restart()
        try ingest()
        try check()
        // Nothing is left of the memory that the model compares with, so compare it all.
        try installation.expectRowsFollowFromLedger()
        let cleared = known.filter { history.review($0)?.clearance != nil }
        for id in cleared.suffix(2) {
            let report = ReceiptVerifier.verify(
                bytes: try control.receipt(id), key: control.verifierKey)
            if let problem = report.problems.first {
                throw SimulationFailure(
                    violations: [
                        SimulationViolation(invariant: 15, what: "receipt of \(id): \(problem)")
                    ])
            }
            note("receipt")
        }
        for event in history.entries { note(event.kind) }
        for id in known {
            guard let review = history.review(id) else { continue }
            note("ended \(review.status.rawValue)")
        }
    }

    /// The root of the tree, which depends on every byte of the run.
    var root: Hash256 { control.writer.head.frontier.root() }
}

/// Invariants that did not hold.
struct SimulationFailure: Error, CustomStringConvertible {
    var violations: [SimulationViolation] = []
    var failures: [String] = []

    var description: String {
        (violations.map(\.description) + failures).joined(separator: "; ")
    }
}
