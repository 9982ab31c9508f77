// SPDX-License-Identifier: Apache-2.0

import Foundation
import ServiceTestSupport
import Testing

@testable import ControlPlane

@Suite("Simulation")
struct SimulationTests {
    /// Twenty fixed seeds, or those that `SEED` names: one, or a range such as `100-199`.
    static let seeds: [UInt64] = {
        let setting = ProcessInfo.processInfo.environment["SEED"] ?? ""
        let bounds = setting.split(separator: "-").map { text in
            text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
        }
        guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, first <= last else {
            return Array(1...20)
        }
        return Array(first...last)
    }()

    private static let steps = 60

    @Test("Every invariant holds after every step of a random run", arguments: seeds)
    func simulation(_ seed: UInt64) async throws {
        let simulation = try await Simulation(seed: seed)
        var reached = 0
        do {
            for step in 1...Self.steps {
                reached = step
                try await simulation.step()
            }
            try await simulation.finish()
        } catch {
            Issue.record("seed \(seed), step \(reached): \(error); repeat with SEED=\(seed)")
        }
        // A run that never gets anywhere asserts nothing.
        let done = simulation.tally
        #expect(done["submit", default: 0] > 5, "seed \(seed): \(done)")
    }
}
