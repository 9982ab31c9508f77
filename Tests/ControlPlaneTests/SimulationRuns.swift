// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import Foundation
import TransparencyLog

/// The runs of all seeds, once for all tests that look at them.
actor SimulationRuns {
    static let shared = SimulationRuns()

    /// What a seed's run came to.
    struct Run: Sendable {
        let root: Hash256
        let tally: [String: Int]
        let problem: String?
    }

    /// Two hundred fixed seeds.
    static let standard: [UInt64] = Array(1...200)
    /// Those that `SEED` names: one, or a range such as `100-199`; else the fixed ones.
    static let seeds: [UInt64] = {
        let setting = ProcessInfo.processInfo.environment["SEED"] ?? ""
        let bounds = setting.split(separator: "-").map { text in
            text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
        }
        guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, first <= last else {
            return standard
        }
        return Array(first...last)
    }()

    /// Steps of one run.
    private static let steps = 40
    /// Runs at once; each has a thread of its own that writes.
    private static let lanes = 4

    private var ended: [Run]?
    private var isRunning = false
    private var waiting: [CheckedContinuation<[Run], Never>] = []

    /// All runs; the first one who asks carries them out.
    func all() async -> [Run] {
        if let ended { return ended }
        if isRunning { return await withCheckedContinuation { waiting.append($0) } }
        isRunning = true
        let runs = await Self.run(Self.seeds)
        ended = runs
        for continuation in waiting { continuation.resume(returning: runs) }
        waiting = []
        return runs
    }

    private static func run(_ seeds: [UInt64]) async -> [Run] {
        await withTaskGroup(of: Run.self) { group in
            var waiting = seeds[...]
            for seed in waiting.prefix(lanes) { group.addTask { await run(seed) } }
            waiting = waiting.dropFirst(lanes)
            var runs: [Run] = []
            for await run in group {
                runs.append(run)
                if let seed = waiting.popFirst() { group.addTask { await Self.run(seed) } }
            }
            return runs
        }
    }

    /// One run, and how to see it again where something is wrong.
    static func run(_ seed: UInt64) async -> Run {
        do {
            let simulation = try await Simulation(seed: seed)
            do {
                for _ in 1...steps { try await simulation.step() }
                try await simulation.finish()
                return Run(root: simulation.root, tally: simulation.tally, problem: nil)
            } catch {
                return Run(
                    root: simulation.root, tally: simulation.tally,
                    problem: "seed \(seed), step \(simulation.steps): \(error); "
                        + "repeat with SEED=\(seed)")
            }
        } catch {
            return Run(
                root: .zero, tally: [:],
                problem: "seed \(seed) does not start: \(error); repeat with SEED=\(seed)")
        }
    }
}
