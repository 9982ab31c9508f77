// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing

@testable import ExequaturClient
@testable import Gates

@Suite struct CommandRunnerTests {
    private func run(
        _ setting: GateSetting, _ arguments: [String], before: () throws -> Void = {}
    ) async throws -> CommandRun {
        let frozen = try setting.place.freeze(arguments)
        try before()
        return await CommandRunner(client: setting.client).run(
            frozen, reason: nil, wait: .seconds(60)
        ) { _ in }
    }

    @Test func clearedCommandRunsAndIsReported() async throws {
        let setting = try GateSetting()
        let result = try await run(
            setting, ["sh", "-c", "echo $EXEQUATUR_ACTION_ID > out; exit 5"])
        #expect(result.exitCode == 5)
        #expect(result.failure == nil)
        #expect(setting.place.read("out") == "act_test\n")
        #expect(setting.service.outcomes.map { $0["exitCode"] } == [5])
    }

    @Test func exchangedScriptIsNotRunButReported() async throws {
        let setting = try GateSetting()
        try setting.place.write("x.sh", "#!/bin/sh\necho good > out\n")
        let result = try await run(setting, ["./x.sh"]) {
            try setting.place.write("x.sh", "#!/bin/sh\necho evil > out\n")
        }
        #expect(result.exitCode == 77)
        #expect(result.failure?.isAlarm == true)
        #expect(!setting.place.exists("out"))
        #expect(setting.service.outcomes.map { $0["status"] } == ["not_started"])
        #expect(setting.service.outcomes.first?["detail"]?.stringValue?.contains("x.sh") == true)
    }

    @Test func deniedCommandIsNotRun() async throws {
        let setting = try GateSetting(policy: "deny")
        let result = try await run(setting, ["sh", "-c", "echo evil > out"])
        #expect(result.exitCode == 77)
        #expect(!setting.place.exists("out"))
        #expect(setting.service.outcomes.isEmpty)
    }

    @Test func changedOperandIsRunAndTold() async throws {
        let setting = try GateSetting()
        try setting.place.write("a.txt", "1", mode: 0o644)
        let result = try await run(setting, ["true", "a.txt"]) {
            try setting.place.write("a.txt", "2", mode: 0o644)
        }
        #expect(result.exitCode == 0)
        #expect(result.notes.contains { $0.contains("a.txt") })
        #expect(setting.service.outcomes.first?["detail"]?.stringValue?.contains("a.txt") == true)
    }

    @Test func nothingRunsWithoutADurableNonce() async throws {
        let setting = try GateSetting()
        let folder = setting.state.directory + "/nonces"
        try FileManager.default.removeItem(atPath: folder)
        try Data().write(to: URL(fileURLWithPath: folder))
        let result = try await run(setting, ["sh", "-c", "echo evil > out"])
        #expect(result.exitCode == 77)
        #expect(!setting.place.exists("out"))
        #expect(setting.service.outcomes.map { $0["status"] } == ["not_started"])
    }

    // MARK: observed effects

    /// Runs a command that says it changes two files, which are looked at like this.
    private func observe(
        _ setting: GateSetting, _ arguments: [String] = ["true"],
        _ look: @escaping @Sendable (String, Int) -> EffectObserver.Found
    ) async throws -> CommandRun {
        let frozen = try setting.place.freeze(
            arguments,
            effects: ["file:/a", "file:/b"].map {
                ["observed": true, "scope": "test", "subject": .string($0)]
            })
        let looks = Mutex(0)
        let observer = EffectObserver(host: "test") { subject in
            look(
                subject,
                looks.withLock { count in
                    count += 1
                    return (count - 1) / 2
                })
        }
        return await CommandRunner(client: setting.client, observer: observer).run(
            frozen, reason: nil, wait: .seconds(60)
        ) { _ in }
    }

    @Test func whatChangedIsReportedAndWhatWasNotSeenIsNotClaimed() async throws {
        let setting = try GateSetting()
        let result = try await observe(setting) { subject, round in
            guard subject == "file:/a" else { return round == 0 ? .unknown : .document(["x": 1]) }
            return round == 0 ? .absent : .document(["x": 2])
        }
        #expect(result.exitCode == 0)
        let effects = setting.service.outcomes.first?["effects"]
        #expect(effects == [["after": ["x": 2], "before": nil, "number": 0]])
        #expect(result.notes.contains { $0.contains("file:/b could not be looked at") })
    }

    @Test func whatIsOnAnotherMachineIsNotLookedAtHere() async throws {
        let setting = try GateSetting()
        let frozen = try setting.place.freeze(
            ["true"],
            effects: [["observed": true, "scope": "web1", "subject": "file:/a"]])
        let looks = Mutex(0)
        let observer = EffectObserver(host: "test") { _ in
            .document([
                "x": .int(
                    looks.withLock { count in
                        count += 1
                        return count
                    })
            ])
        }
        let result = await CommandRunner(client: setting.client, observer: observer).run(
            frozen, reason: nil, wait: .seconds(60)
        ) { _ in }
        #expect(result.exitCode == 0)
        #expect(looks.withLock { $0 } == 0)
        #expect(setting.service.outcomes.first?["effects"] == nil)
    }

    @Test func aLookThatTakesTooLongLetsNothingRun() async throws {
        let setting = try GateSetting()
        let stub = setting.stub
        let result = try await observe(setting, ["sh", "-c", "echo evil > out"]) { _, _ in
            stub.advance(.seconds(31))
            return .absent
        }
        #expect(result.exitCode == 77)
        #expect(!setting.place.exists("out"))
        #expect(setting.service.outcomes.map { $0["status"] } == ["not_started"])
    }

    @Test func changesThatAreTooLongAreLeftOutAndTheOutcomeIsReported() async throws {
        let setting = try GateSetting()
        let long = String(repeating: "x", count: 100_000)
        let result = try await observe(setting) { _, round in
            round == 0 ? .absent : .document(["x": .string(long)])
        }
        #expect(result.exitCode == 0)
        #expect(setting.service.outcomes.first?["effects"]?.arrayValue?.count == 1)
        #expect(result.notes.contains { $0.hasPrefix("1 of the changes that were seen") })
    }
}
