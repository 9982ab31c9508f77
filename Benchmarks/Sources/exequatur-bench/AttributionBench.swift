// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import DriftCore
internal import Foundation

/// How long it takes to attribute many deviations to many more effects.
struct AttributionBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attribution",
        abstract: "Attribute 10,000 deviations to 100,000 effects, and print processor time.")

    @Option var deviations = 10_000
    @Option var effects = 100_000
    @Option var rounds = 5

    func run() throws {
        let workload = try AttributionWorkload(deviations: deviations, effects: effects)
        let times = try (0..<rounds).map { _ -> Double in
            let start = processorTime()
            let explained = try workload.run()
            guard explained == deviations / 2 else {
                throw ValidationError("\(explained) explained, not \(deviations / 2)")
            }
            return Double(processorTime() - start) / 1e9
        }.sorted()
        let text = times.map { String(format: "%.3f", $0) }.joined(separator: " ")
        FileHandle.standardOutput.write(Data("processor seconds, sorted: \(text)\n".utf8))
    }

    private func processorTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
