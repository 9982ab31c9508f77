// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Effects of actions, and the drift they explain")
struct DriftEffectTests {
    @Test("an approved change is explained and enters the baseline; the same change again is not")
    func explained() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        let action = try await folder.claimed(port: 2)
        _ = try await at.report(action, .succeeded)
        let report = try await folder.observe(2)
        #expect(report.explained.allSatisfy { $0.attribution.action == action.state.id })
        #expect(!report.explained.isEmpty)
        #expect(try folder.open().isEmpty)
        let baseline = try #require(try folder.standing.machine.baseline)
        #expect(baseline.origin == .effectApplied)
        #expect(baseline.derivedFrom == [action.state.id])

        // Back and forth behind our back: the effect explained its one change.
        try await folder.observe(1)
        #expect(try folder.open().allSatisfy { $0.attribution.verdict == .unauthorised })
        #expect(try !folder.open().isEmpty)
    }

    @Test("what an action declares explains nothing unless a person approved the action")
    func unreviewed() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        // Policy lets this command pass at once, but not with effects.
        let result = try await at.submit(
            try WatchedFolder.operation(port: 2, mode: "allow"), nonce: TestInstallation.nonce(1))
        #expect(result.state.status == .denied)
        let report = try await folder.observe(2)
        #expect(report.explained.isEmpty)
        #expect(try folder.open().allSatisfy { $0.attribution.verdict == .unauthorised })
    }

    @Test("what a gate saw change explains it, what an advisory one says it saw does not")
    func observedEffects() async throws {
        for isEnforcing in [true, false] {
            let at = try await TestInstallation()
            let folder = try await WatchedFolder(at)
            try await folder.baseline(1)
            let declared = DeclaredEffect(
                scope: "web1", subject: WatchedFolder.file, path: JSONPointer(tokens: []),
                post: .observed)
            let operation = try Operation(
                action: "command.run", resourceType: "Host", resourceID: "web1",
                input: ["argv": ["deploy", "a", "--mode=review"]], effects: [declared])
            let asked = try await at.submit(operation, atGate: isEnforcing)
            let action = try await at.claim(
                try await at.decide(asked, by: TestInstallation.bob), atGate: isEnforcing)
            let seen = ObservedEffect(
                number: 0, before: WatchedFolder.document(1), after: WatchedFolder.document(2))
            _ = try await at.control.report(
                action.state.id,
                ActionEvent.Report(.succeeded, exitCode: 0, effects: [seen]), detail: nil,
                nonce: TestInstallation.nonce(1), by: try at.submitter(atGate: isEnforcing))
            let report = try await folder.observe(2)
            #expect(report.explained.isEmpty != isEnforcing)
            #expect(try folder.open().isEmpty == isEnforcing)
        }
    }

    @Test("what was seen to change elsewhere, or not at all, explains nothing")
    func observedElsewhere() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        let declared = DeclaredEffect(
            scope: "web1", subject: WatchedFolder.file, path: try JSONPointer(parsing: "/mode"),
            post: .observed)
        let operation = try Operation(
            action: "command.run", resourceType: "Host", resourceID: "web1",
            input: ["argv": ["deploy", "a", "--mode=review"]], effects: [declared])
        let asked = try await at.submit(operation)
        let action = try await at.claim(try await at.decide(asked, by: TestInstallation.bob))
        // The gate saw the port change; what was approved is the mode, which it saw stay.
        let seen = ObservedEffect(
            number: 0, before: WatchedFolder.document(1), after: WatchedFolder.document(2))
        _ = try await at.control.report(
            action.state.id, ActionEvent.Report(.succeeded, exitCode: 0, effects: [seen]),
            detail: nil, nonce: TestInstallation.nonce(1), by: try at.submitter())
        try await folder.observe(2, mode: "0666")
        let open = try folder.open()
        #expect(open.count == 3)
        #expect(open.allSatisfy { $0.attribution.verdict == .unauthorised })
    }

    @Test("an approved change that was never applied is a missing effect")
    func missing() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        let action = try await folder.claimed(port: 2)
        _ = try await at.report(action, .succeeded)
        at.clock.advance(seconds: 400)
        let report = try await folder.observe(1)
        #expect(!report.missing.isEmpty)
        #expect(report.missing.allSatisfy { $0.attribution.action == action.state.id })
        #expect(try await folder.observe(1).missing.isEmpty)
    }
}
