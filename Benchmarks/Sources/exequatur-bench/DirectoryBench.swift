// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import ControlPlane
internal import Foundation
internal import ServiceTestSupport
internal import Storage
internal import TestSupport
internal import TransparencyLog

/// How much slower a whole life of an action is among many people, groups and agents than among few.
///
/// Two installations in one process, each with its own ledger on the disk, take turns: so that what
/// else the machine does falls on both. The clock is a fake one, the disk is not.
struct DirectoryBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "directory",
        abstract: "Submit, decide, clear and claim among few and among 10,000 people.")

    @Option(help: "People, and as many agents.") var people = 10_000
    @Option(help: "Groups; each person is in five of them.") var groups = 1_000
    @Option(help: "How many of the people are reviewers.") var reviewers = 100
    @Option(help: "Cycles that are measured of each.") var cycles = 1_000

    func run() async throws {
        let small = try await Stage()
        let large = try await Stage()
        let began = ContinuousClock.now
        try await large.populate(people: people, groups: groups, reviewers: reviewers)
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

    /// An installation, and what was measured of it.
    final class Stage {
        private let installation: TestInstallation
        private var times: [Step: [Int64]] = [:]

        init() async throws { installation = try await TestInstallation() }

        var control: ControlPlane { installation.control }

        /// Adds people in five groups each, agents that belong to one each, and reviewers.
        func populate(people: Int, groups: Int, reviewers: Int) async throws {
            var changes: [NamedDirectoryChange] = []
            for group in 0..<groups {
                changes.append(NamedDirectoryChange(.groupAdded(try name("g", group))))
            }
            for person in 0..<people {
                let id = try name("p", person)
                changes.append(NamedDirectoryChange(.personAdded(id)))
                for step in 0..<min(5, groups) {
                    let group = (person * 5 + step) % groups
                    changes.append(
                        NamedDirectoryChange(.memberAdded(group: try name("g", group), member: id)))
                }
                if person < reviewers {
                    changes.append(
                        NamedDirectoryChange(.memberAdded(group: .reviewers, member: id)))
                }
                changes.append(
                    NamedDirectoryChange(.agentAdded(try name("a", person), owner: id)))
            }
            let admin = try control.authenticate(bearer: installation.tokens["admin"] ?? "")
            for start in stride(from: 0, to: changes.count, by: 500) {
                let part = Array(changes[start..<min(start + 500, changes.count)])
                _ = try await control.administer(.directory(part), by: admin)
            }
        }

        private func name(_ prefix: String, _ number: Int) throws -> Handle {
            guard let id = Handle("\(prefix)\(number)") else {
                throw ValidationError("no such name")
            }
            return id
        }

        func cycle(_ number: Int, isMeasured: Bool) async throws {
            installation.clock.advance(seconds: 1)
            let nonce = TestInstallation.nonce(UInt64(number))
            let allowed = try await measure(.allowed, isMeasured) {
                try await installation.submit("allow", name: "allowed-\(number)", nonce: nonce)
            }
            let asked = try await measure(.submit, isMeasured) {
                try await installation.submit("review", name: "asked-\(number)")
            }
            let decided = try await measure(.decide, isMeasured) {
                try await installation.decide(asked, by: TestInstallation.bob)
            }
            let claimed = try await measure(.claim, isMeasured) {
                try await installation.claim(decided, nonce)
            }
            _ = try await installation.report(allowed, .succeeded, nonce)
            _ = try await installation.report(claimed, .succeeded, nonce)
            guard decided.state.status == .cleared, claimed.state.status == .claimed else {
                throw ValidationError("the cycle did not get to its claim")
            }
        }

        private func measure(
            _ step: Step, _ isMeasured: Bool, _ body: () async throws -> ActionResult
        ) async throws -> ActionResult {
            let began = ContinuousClock.now
            let result = try await body()
            let (seconds, attoseconds) = began.duration(to: .now).components
            if isMeasured {
                times[step, default: []].append(
                    seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
            }
            return result
        }

        func microseconds(_ step: Step) -> (p50: Int64, p99: Int64) {
            let sorted = (times[step] ?? []).sorted()
            guard !sorted.isEmpty else { return (0, 0) }
            return (sorted[sorted.count / 2], sorted[sorted.count * 99 / 100])
        }
    }
}
