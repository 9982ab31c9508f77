// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

/// The evidence of a period is of all that the log has signed, or there is none.
@Suite("Evidence of a period")
struct EvidencePeriodTests {
    typealias Installation = TestInstallation

    private static let policies = [
        PolicyFile(
            name: "a.cedar",
            text: """
                permit (principal, action, resource);
                @id("r") @review("reviewers") @breakglass("leads")
                forbid (principal is Agent, action in Action::"command", resource)
                when { context.input.argv.contains("--mode=review") };
                """)
    ]

    private static let always = Timestamp(milliseconds: 0)
    private static let never = Timestamp(milliseconds: 4_000_000_000_000)

    private func report(
        _ installation: Installation, from: Timestamp = always, to: Timestamp = never,
        _ change: (inout [RecordedEntry]) -> Void = { _ in }
    ) throws -> PeriodReport {
        var period = EvidencePeriod(from: from, to: to)
        var entries = try installation.entries()
        change(&entries)
        for entry in entries { _ = try period.take(entry) }
        return try period.finish(
            checkpoint: installation.control.writer.head.checkpoint,
            key: installation.control.verifierKey)
    }

    private func kinds(_ report: PeriodReport) -> Set<PeriodReport.Kind> {
        Set(report.exceptions.map(\.kind))
    }

    /// Runs what an auditor asks for first: each kind of exception that a healthy server can have.
    private func eventful() async throws -> Installation {
        let installation = try await Installation(policies: Self.policies, singleOperator: true)
        let control = installation.control
        let advisory = try await installation.submit(
            name: "advisory", nonce: Installation.nonce(1), atGate: false)
        _ = try await control.report(
            advisory.state.id, ActionEvent.Report(.succeeded, exitCode: 0), detail: nil,
            nonce: Installation.nonce(1), by: try installation.submitter(atGate: false))
        // Bob owns the other agent, and is a reviewer.
        let own = try await installation.submit(
            "review", name: "own", agent: Installation.otherBot)
        _ = try await installation.decide(own, by: Installation.bob)
        let unknown = try await installation.submit(name: "unknown", nonce: Installation.nonce(2))
        _ = try await installation.report(unknown, .unknown, Installation.nonce(2))
        let glass = try await installation.submit("review", name: "glass")
        let session = try await installation.signIn(Installation.erin)
        _ = try await control.breakGlass(
            glass.state.id,
            BreakGlassCommand(
                principal: .person(Installation.erin), channel: .console,
                assurance: control.assurance(of: session), method: session.method,
                expectedDigest: glass.state.digest.hex, hasReason: true, isCredentialShown: false,
                shown: nil), reason: "production is down", audit: [:])
        installation.clock.advance(seconds: 2 * 86_400)
        _ = try await installation.submit(name: "silent", nonce: Installation.nonce(3))
        installation.clock.advance(seconds: 600)
        try await Scheduler(control).round()
        return installation
    }

    @Test("lists what ran without a review, at whose word, and what nobody has looked at")
    func exceptions() async throws {
        let installation = try await eventful()
        let report = try report(installation)
        #expect(
            kinds(report).isSuperset(of: [
                .advisory, .selfApproved, .breakGlass, .openDebt, .overdueUnknown, .gateGap,
                .unsealed, .changeWithoutReview,
            ]), "\(kinds(report))")
        #expect(!kinds(report).contains(.executionWithoutClearance))
        let entries = try installation.entries()
        #expect(report.counts.values.reduce(0, +) == Int64(entries.count))
        #expect(report.treeSize == UInt64(entries.count))
        #expect(report.verdicts["submitted"] == 5)
        #expect(report.unsealed == Int64(entries.count))
        let json = report.json
        #expect(json["exceptionCounts"]?["break_glass"] == 1)
        #expect(json["exceptionCounts"]?["execution_without_clearance"] == 0)
    }

    @Test("is of the period only, and knows how actions of before stand at its end")
    func bounds() async throws {
        let installation = try await eventful()
        let middle = installation.clock.now.adding(seconds: -2 * 86_400)
        let first = try report(installation, to: middle)
        let second = try report(installation, from: middle)
        let all = try report(installation)
        func total(_ report: PeriodReport) -> Int64 { report.counts.values.reduce(0, +) }
        #expect(total(first) + total(second) == total(all))
        #expect(first.lastIndex.map { $0 + 1 } == second.firstIndex)
        // The broken glass was before the period; that nobody has looked at it is still so.
        #expect(!kinds(second).contains(.breakGlass) && kinds(second).contains(.openDebt))
        #expect(kinds(second).contains(.overdueUnknown))
        #expect(!kinds(first).contains(.overdueUnknown))
        let none = try report(installation, from: Self.never, to: Self.never.adding(seconds: 1))
        #expect(total(none) == 0 && none.firstIndex == nil && none.treeSize == all.treeSize)
    }

    @Test("is refused where an entry is left out, changed, moved, or not signed yet")
    func incomplete() async throws {
        let installation = try await Installation(policies: Self.policies)
        _ = try await installation.submit(nonce: Installation.nonce(1))
        let last = try installation.entries().count - 1
        let changes: [(String, (inout [RecordedEntry]) -> Void)] = [
            ("the last is left out", { $0.removeLast() }),
            ("one in the middle is left out", { $0.remove(at: last / 2) }),
            ("two change places", { $0.swapAt(last - 1, last) }),
            (
                "a core is another",
                { entries in
                    let old = entries[last]
                    entries[last] = RecordedEntry(
                        index: old.index, entry: old.entry, coreSalt: old.coreSalt,
                        core: entries[last - 1].core, bodySalt: nil, body: nil)
                }
            ),
            (
                "one is put in the place of another",
                { entries in
                    let other = entries[last - 1]
                    entries[last] = RecordedEntry(
                        index: entries[last].index, entry: other.entry, coreSalt: other.coreSalt,
                        core: other.core, bodySalt: nil, body: nil)
                }
            ),
        ]
        for (name, change) in changes {
            #expect(throws: CoreError.self, "\(name)") { try report(installation, change) }
        }
        let old = installation.control.writer.head.checkpoint
        _ = try await installation.submit(name: "later", nonce: Installation.nonce(2))
        var period = EvidencePeriod(from: Self.always, to: Self.never)
        for entry in try installation.entries() { _ = try period.take(entry) }
        #expect(throws: CoreError.self) {
            _ = try period.finish(checkpoint: old, key: installation.control.verifierKey)
        }
    }
}
