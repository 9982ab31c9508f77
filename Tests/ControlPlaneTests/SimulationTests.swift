// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import Foundation
import Testing

@testable import ControlPlane

@Suite("Simulation")
struct SimulationTests {
    @Test("every invariant holds after every step of random runs")
    func invariants() async throws {
        let runs = await SimulationRuns.shared.all()
        for problem in runs.compactMap(\.problem) { Issue.record("\(problem)") }
        #expect(runs.count == SimulationRuns.seeds.count)
    }

    /// A run that never gets anywhere shows nothing.
    @Test("random runs get everywhere: each entry, each end, each refusal")
    func reach() async throws {
        var tally: [String: Int] = [:]
        for run in await SimulationRuns.shared.all() {
            tally.merge(run.tally, uniquingKeysWith: +)
        }
        if ProcessInfo.processInfo.environment["EXEQUATUR_TALLY"] != nil {
            for (what, count) in tally.sorted(by: { $0.key < $1.key }) {
                FileHandle.standardError.write(Data("\(count)\t\(what)\n".utf8))
            }
        }
        guard SimulationRuns.seeds == SimulationRuns.standard else { return }
        let wanted =
            Self.kinds + ActionStatus.allCases.map { "ended \($0.rawValue)" }
            + Refusal.Code.allCases.map { "code \($0.rawValue)" } + Self.deliveries
        let missing = wanted.filter { tally[$0, default: 0] == 0 }
        #expect(missing.isEmpty, "never reached: \(missing)")
    }

    /// Every kind of entry of an action, and those beside them that matter.
    private static let kinds = [
        "action.submitted", "action.decided", "action.withdrawn", "action.revised",
        "action.escalated", "action.commented", "action.break-glass", "action.debt-overdue",
        "action.debt-settled", "action.attempt-refused", "action.cleared", "action.claimed",
        "action.reported", "action.silent", "action.settled", "action.cancelled",
        "action.revoked", "action.expired", "action.lapsed", "action.invalidated",
        "attempt.refused", "batch.created", "clock.confirmed", "clock.stepped",
        "directory.changed", "drift.configured", "installation.sealed", "policies.published",
        "seal.confirmed", "seal.proposed",
    ]

    /// How messages came, and what gates and attackers did.
    private static let deliveries = [
        "after a crash", "batch", "edited row", "execution", "forged claim", "late", "lost answer",
        "race",
        "receipt", "restart", "sign", "twice at once",
    ]

    @Test("the same seed gives the same tree, down to its root", arguments: [UInt64(3), 7, 16])
    func deterministic(_ seed: UInt64) async throws {
        let one = await SimulationRuns.run(seed)
        let other = await SimulationRuns.run(seed)
        #expect(one.root == other.root)
        #expect(one.tally == other.tally)
    }
}
