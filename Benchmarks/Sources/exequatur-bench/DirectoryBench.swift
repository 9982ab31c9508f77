// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import ControlPlane
internal import Foundation
internal import Logging
internal import Storage
internal import TransparencyLog

/// How much slower a whole life of an action is among many people, groups and agents than among few.
///
/// Two installations in one process, each with its own ledger on the disk, take turns: so that what
/// else the machine does falls on both.
struct DirectoryBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "directory",
        abstract: "Submit, decide, clear and claim among few and among 10,000 people.")

    @Option(help: "People, and as many agents.") var people = 10_000
    @Option(help: "Groups.") var groups = 1_000
    @Option(help: "In how many of them each person is.") var memberships = 2
    @Option(help: "How many of the people are reviewers.") var reviewers = 100
    @Option(help: "Cycles that are measured of each.") var cycles = 1_000

    func run() async throws {
        let small = try await DirectoryStage()
        let large = try await DirectoryStage()
        let began = ContinuousClock.now
        try await large.populate(
            people: people, groups: groups, each: memberships, reviewers: reviewers)
        print("populated in", began.duration(to: .now), "entries", large.control.writer.head.size)
        for number in 0..<50 {
            try await small.cycle(number, isMeasured: false)
            try await large.cycle(number, isMeasured: false)
        }
        for number in 50..<(50 + cycles) {
            try await small.cycle(number, isMeasured: true)
            try await large.cycle(number, isMeasured: true)
        }
        for step in Step.allCases {
            let (few, many) = (small.microseconds(step), large.microseconds(step))
            let line = String(
                format: "%-8@ few p50 %6d p99 %6d   many p50 %6d p99 %6d µs   ratio %.2f %.2f",
                step.rawValue as NSString, few.p50, few.p99, many.p50, many.p99,
                Double(many.p50) / Double(few.p50), Double(many.p99) / Double(few.p99))
            print(line)
        }
    }

    private func print(_ parts: Any...) {
        let line = parts.map { "\($0)" }.joined(separator: " ") + "\n"
        FileHandle.standardOutput.write(Data(line.utf8))
    }

    enum Step: String, CaseIterable {
        /// Evaluated, allowed, cleared and claimed in one write.
        case allowed
        /// Evaluated and held for a review.
        case submit
        /// Authorised, evaluated again and cleared.
        case decide
        /// Evaluated once more, and claimed.
        case claim
    }
}
