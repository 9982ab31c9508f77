// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import GRDB
import ServiceTestSupport
import Storage
import TestSupport

@testable import ControlPlane

/// What one step does.
extension Simulation {
    /// One random step; what is refused is part of the run, an unknown error is not.
    func act() async throws {
        switch random.next() % 100 {
        case 0..<78:
            if let command = makeCommand() { await deliver(command) }
        case 78..<83:
            if let command = try await aside() { await deliver(command) }
        case 83..<93: await letTimePass()
        case 93..<95: await stepClock()
        case 95..<97: try await baseline()
        case 97: await housekeeping()
        case 98:
            if chance(30), !installation.singleOperator { try await seal() }
            if chance(8) { await chatter() }
        default: try await editRow()
        }
    }

    /// A command of the more frequent kinds; nil where there is nothing that it could be about.
    func makeCommand() -> SimulatedCommand? {
        do {
            switch random.next() % 100 {
            case 0..<30: return try submission()
            case 30..<56: return decision()
            case 56..<70: return claim()
            case 70..<79: return report()
            case 79: return heartbeat()
            case 80: return cancel()
            case 81..<88: return breakGlass()
            case 88..<90: return settleDebt()
            case 90..<97: return try directory()
            default: return policies()
            }
        } catch {
            failures.append("a command could not be made: \(error)")
            return nil
        }
    }

    private func letTimePass() async {
        installation.clock.advance(
            seconds: Int64(pick([10, 30, 60, 95, 125, 300, 601, 1801, 3601])))
        // A day, so that what is owed for a broken glass becomes overdue.
        if known.contains(where: { history.review($0)?.isDebtOpen == true }), chance(20) {
            installation.clock.advance(seconds: Limits.debtSeconds)
        }
        await round()
    }

    /// What the scheduler does several times a second, once.
    private func round() async {
        await deliver(
            SimulatedCommand(what: "round", canRace: false) { control in
                try await Scheduler(control).round()
                try await control.carryOutWhatIsLeft()
                try await Scheduler(control).round()
                return nil
            }, "round sent")
        if control.writer.stopped == nil, control.clock.isTrusted { sweptAt = control.now }
    }

    /// A clock that jumps, is noticed, and is put right again or confirmed.
    private func stepClock() async {
        let seconds: Int64 = pick([-7200, -30, 30, 7200, 400 * 86_400])
        installation.clock.step(seconds: seconds)
        if let command = makeCommand() { await deliver(command) }
        if abs(seconds) < 86_400, chance(40) {
            let admin = world.unsealed ? TestInstallation.admin : .person(TestInstallation.alice)
            await deliver(
                SimulatedCommand(what: "confirm clock", canRace: false) { control in
                    try await control.confirmClock(by: admin)
                    return nil
                }, "confirm sent")
        } else {
            installation.clock.step(seconds: -seconds)
        }
        await round()
    }

    private func housekeeping() async {
        await deliver(
            SimulatedCommand(what: "housekeeping", canRace: false) { control in
                try await Scheduler(control).housekeeping()
                return nil
            }, "housekeeping sent")
    }

    /// A database administrator writes `cleared` into a row; then somebody claims.
    private func editRow() async throws {
        let pending = known.filter { history.review($0)?.status == .pending }
        guard let id = pending.isEmpty ? nil : pick(pending), control.writer.stopped == nil else {
            return
        }
        note("edited row")
        let set = "UPDATE action SET status = ? WHERE id = ? AND status = ?"
        try installation.tamper(set, ["cleared", id.text, "pending"])
        let submission = history.review(id)?.submission
        let submitter = submission.map {
            Submitter(requester: $0.requester, gate: $0.gate, audit: [:])
        }
        var letPass = false
        if let submitter {
            let code = await failure {
                try await self.control.claim(id, nonce: .zero, by: submitter)
            }
            letPass = code == "none"
        }
        try installation.tamper(set, ["pending", id.text, "cleared"])
        history.stored.append(SimulatedStored(fact: .edited(id, letPass: letPass)))
    }
}
