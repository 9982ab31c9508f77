// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import Gates

/// A gate before a service in memory.
struct GateSetting {
    let service: StubService
    let stub = StubEffects()
    let place: CommandFixture
    let client: GateClient
    let state: GateState

    init(policy: String = "allow", entries: Int = 3, fingerprint: String? = nil) throws {
        var log = try StubLog()
        log.grow(entries)
        service = StubService(log, policy: policy)
        place = try CommandFixture()
        state = try GateState(directory: place.directory + "/gate")
        client = GateClient(
            transport: service, effects: stub.effects, state: state,
            fingerprint: fingerprint ?? log.fingerprint)
    }

    func operation(_ word: String = "true") throws -> FrozenOperation {
        try FrozenOperation(
            action: "command.run", resource: ["id": "test", "type": "Host"],
            input: ["argv": [.string(word)]])
    }

    func obtain(wait: Duration = .seconds(600), word: String = "true") async throws -> Grant {
        try await client.obtain(try operation(word), reason: "r", wait: wait) { _ in }
    }

    /// The failure that asking ends in; nil when it was granted.
    func failure(wait: Duration = .seconds(600)) async throws -> GateFailure? {
        do {
            _ = try await obtain(wait: wait)
            return nil
        } catch let failure as GateFailure {
            return failure
        }
    }

    /// Nonces that were recorded as used.
    var usedNonces: Int {
        let folder = state.directory + "/nonces"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.reduce(0) { count, name in
            let text = try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            return count + (text?.split(separator: "\n").count ?? 0)
        }
    }
}

@Suite struct GateClientTests {
    @Test func allowedOperationNeedsOneRequest() async throws {
        let setting = try GateSetting()
        let grant = try await setting.obtain()
        #expect(grant.mayStart(now: setting.stub.effects.now()))
        #expect(setting.service.paths == ["/log/vkey", "/v1/actions"])
        #expect(setting.usedNonces == 1)
    }

    @Test func reviewedOperationWaitsAndClaims() async throws {
        let setting = try GateSetting(policy: "review")
        setting.service.change { $0.approvesAt = 3 }
        let grant = try await setting.obtain()
        #expect(grant.action.state == .claimed)
        #expect(setting.service.paths.count { $0.contains("?wait=55s&after=") } == 3)
        #expect(setting.service.paths.last == "/v1/actions/act_test/claim")
    }

    @Test func waitSurvivesSilenceAndErrors() async throws {
        let setting = try GateSetting(policy: "review")
        setting.service.change {
            $0.approvesAt = 1
            $0.instead = { request, count in
                guard request.path.contains("?wait=") else { return nil }
                if count < 6 { return .silence }
                return count < 8 ? .answer(StubService.problem(503, "ledger_unavailable")) : nil
            }
        }
        _ = try await setting.obtain()
        #expect(setting.usedNonces == 1)
    }

    @Test func waitThatRunsOutIsPending() async throws {
        let setting = try GateSetting(policy: "review")
        setting.service.change {
            $0.instead = { request, _ in request.path.contains("?wait=") ? .silence : nil }
        }
        let failure = try #require(try await setting.failure(wait: .seconds(20)))
        #expect(failure.exitCode == 75)
        #expect(failure.description.contains("act_test"))
    }

    @Test(arguments: [
        "denied", "expired", "cancelled", "invalidated", "revoked", "lapsed", "succeeded",
        "failed", "unknown", "not_started", "something_new",
    ])
    func endedActionIsRefused(status: String) async throws {
        let setting = try GateSetting(policy: "review")
        setting.service.change {
            $0.instead = { request, _ in
                guard request.path.contains("?wait=") else { return nil }
                return nil
            }
            $0.approvesAt = 1_000
        }
        setting.service.change { $0.policy = "deny" }
        setting.service.change { state in
            state.instead = { request, _ in
                guard request.path == "/v1/actions" else { return nil }
                let digest = Hash256.sha256([1]).hex
                let operation = try? (request.body?["operation"] ?? .null).canonicalBytes()
                let json: JSON = [
                    "digest": .string(digest), "gate": ["id": "run"], "id": "act_test",
                    "operationDigest": .string(Hash256.sha256(operation ?? []).hex),
                    "state": .string(status), "version": 2,
                ]
                return .answer(
                    GateResponse(status: 200, body: (try? json.canonicalBytes()) ?? []))
            }
        }
        let failure = try #require(try await setting.failure())
        #expect(failure.exitCode == 77)
        #expect(setting.usedNonces == 0)
    }

    @Test(arguments: [400, 401, 403, 404, 409, 410, 413, 422])
    func refusalOfTheServiceIsRefused(status: Int) async throws {
        let setting = try GateSetting()
        setting.service.change {
            $0.instead = { request, _ in
                request.path == "/v1/actions" ? .answer(StubService.problem(status, "c")) : nil
            }
        }
        let failure = try #require(try await setting.failure())
        #expect(failure.exitCode == 77)
        #expect(failure.description == "about c (c)")
    }

    @Test func silentOrBrokenServiceIsUnavailable() async throws {
        for body in [nil, "", "[]", "{}", "not json", #"{"id":"../x"}"#] as [String?] {
            let setting = try GateSetting()
            setting.service.change {
                $0.instead = { request, _ in
                    guard request.path == "/v1/actions" else { return nil }
                    guard let body else { return .silence }
                    return .answer(GateResponse(status: 200, body: Array(body.utf8)))
                }
            }
            let failure = try #require(try await setting.failure())
            #expect(failure.exitCode == 69, "\(body ?? "silence")")
        }
    }

    @Test func keyOfAnotherLogIsRefused() async throws {
        let other = try StubLog(seed: 9)
        let setting = try GateSetting(fingerprint: other.fingerprint)
        let failure = try #require(try await setting.failure())
        #expect(failure.exitCode == 77)
        #expect(failure.isAlarm)
        #expect(!setting.service.paths.contains("/v1/actions"))
    }

    @Test(arguments: ["nonce", "gate", "digest", "operation", "startBy"])
    func lyingClaimIsRefusedAndReported(what: String) async throws {
        let setting = try GateSetting()
        setting.service.change {
            $0.lie = { text in
                switch what {
                case "nonce": text.nonce = String(repeating: "0", count: 64)
                case "gate": text.gate = "other"
                case "digest": text.digest = .sha256([9])
                case "operation": text.operation = .sha256([9])
                default: text.startBy = "2026-11-21T10:00:00.000Z"
                }
            }
        }
        let failure = try #require(try await setting.failure())
        #expect(failure.exitCode == 77)
        #expect(setting.usedNonces == 0)
        // With another nonce it is somebody else's claim, and not ours to report on.
        let statuses = setting.service.outcomes.map { $0["status"] }
        #expect(statuses == (what == "nonce" ? [] : ["not_started"]))
    }

    @Test func answerForAnotherOperationIsRefused() async throws {
        let setting = try GateSetting(policy: "review")
        setting.service.change { state in
            state.instead = { request, _ in
                guard request.path == "/v1/actions" else { return nil }
                let json: JSON = [
                    "digest": .string(Hash256.sha256([1]).hex), "gate": ["id": "run"],
                    "id": "act_test", "operationDigest": .string(Hash256.sha256([7]).hex),
                    "state": "cleared", "version": 2,
                ]
                return .answer(
                    GateResponse(status: 200, body: (try? json.canonicalBytes()) ?? []))
            }
        }
        let failure = try #require(try await setting.failure())
        #expect(failure.isAlarm)
        #expect(!setting.service.paths.contains { $0.hasSuffix("/claim") })
    }

    @Test func slowClaimNeverStarts() async throws {
        let setting = try GateSetting()
        let stub = setting.stub
        setting.service.change {
            $0.instead = { request, _ in
                // The answer takes 31 s: by any clock of the server's the window may look open.
                if request.path == "/v1/actions" { stub.advance(.seconds(31)) }
                return nil
            }
        }
        let failure = try #require(try await setting.failure())
        #expect(failure.exitCode == 77)
        #expect(setting.usedNonces == 0)
        #expect(setting.service.outcomes.map { $0["status"] } == ["not_started"])
    }

    @Test func claimIsTriedAgainWithTheSameNonce() async throws {
        let setting = try GateSetting(policy: "review")
        setting.service.change {
            $0.instead = { request, count in
                request.path.hasSuffix("/claim") && count < 6 ? .silence : nil
            }
        }
        _ = try await setting.obtain()
        #expect(setting.service.paths.count { $0.hasSuffix("/claim") } > 1)
        #expect(setting.usedNonces == 1)
    }

    @Test func outcomeIsReportedAgainUntilItArrives() async throws {
        let setting = try GateSetting()
        let grant = try await setting.obtain()
        setting.service.change {
            $0.instead = { request, count in
                request.path.hasSuffix("/outcome") && count < 5 ? .silence : nil
            }
        }
        let why = await setting.client.report(
            GateOutcome(.exited(3)), of: grant)
        #expect(why == nil)
        #expect(setting.service.outcomes.first?["exitCode"] == 3)
        #expect(setting.service.outcomes.first?["status"] == "failed")
        #expect(setting.service.outcomes.first?["nonce"] == .string(grant.nonce))
    }

    @Test func outcomeThatCannotBeReportedIsKeptAndSentLater() async throws {
        let setting = try GateSetting()
        let grant = try await setting.obtain()
        setting.service.change {
            $0.instead = { request, _ in request.path.hasSuffix("/outcome") ? .silence : nil }
        }
        let why = await setting.client.report(GateOutcome(.exited(0)), of: grant)
        #expect(why?.contains("kept") == true)
        setting.service.change { $0.instead = { _, _ in nil } }
        await setting.client.sendKeptReports()
        #expect(setting.service.outcomes.map { $0["status"] } == ["succeeded"])
        await setting.client.sendKeptReports()
        #expect(setting.service.outcomes.count == 1)
    }
}

@Suite struct LogConsistencyTests {
    @Test(arguments: [1, 2, 100, 255, 256, 257, 600])
    func grownLogIsConsistent(growth: Int) async throws {
        let setting = try GateSetting(entries: 300)
        _ = try await setting.obtain(word: "one")
        setting.service.change { $0.log.grow(growth, from: "more") }
        _ = try await setting.obtain(word: "two")
        #expect(setting.usedNonces == 2)
        let key = setting.service.state.withLock { $0.log.key.verifierKey }
        let pin = try #require(
            try setting.state.pin(of: key, fingerprint: setting.client.fingerprint))
        #expect(pin.checkpoint.size == UInt64(302 + growth))
    }

    @Test(arguments: [(300, 400), (300, 301), (5, 5), (700, 300)])
    func rewrittenLogIsRefused(first: Int, second: Int) async throws {
        let setting = try GateSetting(entries: first)
        _ = try await setting.obtain(word: "one")
        var other = try StubLog()
        other.grow(second, from: "another past")
        setting.service.change { $0.log = other }
        do {
            _ = try await setting.obtain(word: "two")
            Issue.record("a rewritten log was accepted")
        } catch let failure as GateFailure {
            #expect(failure.isAlarm)
            #expect(failure.exitCode == 77)
        }
        #expect(setting.usedNonces == 1)
    }

    @Test func tamperedPinIsRefused() async throws {
        let setting = try GateSetting()
        _ = try await setting.obtain(word: "one")
        let path = "\(setting.state.directory)/pins/\(setting.client.fingerprint)"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacing("\n4\n", with: "\n2\n").write(
            toFile: path, atomically: true, encoding: .utf8)
        do {
            _ = try await setting.obtain(word: "two")
            Issue.record("a tampered pin was accepted")
        } catch let failure as GateFailure {
            #expect(failure.exitCode == 77)
        }
    }

    @Test func pinNeverMovesBack() throws {
        let setting = try GateSetting()
        var log = try StubLog()
        log.grow(2)
        let old = try log.checkpoint()
        log.grow(5)
        let new = try log.checkpoint()
        let key = log.key.verifierKey
        for note in [new, old] {
            try setting.state.pin(
                note, try Checkpoint.verified(note, key: key), of: key,
                fingerprint: log.fingerprint)
        }
        let kept = try #require(try setting.state.pin(of: key, fingerprint: log.fingerprint))
        #expect(kept.note == new)
    }
}

@Suite struct GateStateTests {
    @Test func nonceIsUsedOnce() throws {
        let setting = try GateSetting()
        let nonce = String(repeating: "ab", count: 32)
        try setting.state.use(nonce: nonce, action: "act_1")
        #expect(throws: GateFailure.self) { try setting.state.use(nonce: nonce, action: "act_1") }
        // Also by another process, which opens the same directory.
        let again = try GateState(directory: setting.state.directory)
        #expect(throws: GateFailure.self) { try again.use(nonce: nonce, action: "act_2") }
        let sibling = "ab" + String(repeating: "cd", count: 31)
        try again.use(nonce: sibling, action: "act_3")
        #expect(setting.usedNonces == 2)
        for bad in ["", "xy", "../../x", nonce.uppercased()] {
            #expect(throws: GateFailure.self) { try again.use(nonce: bad, action: "act_4") }
        }
    }

    @Test func digestKeyStays() throws {
        let setting = try GateSetting()
        let first = try setting.state.digestKey(fresh: Array(repeating: 1, count: 32))
        let second = try setting.state.digestKey(fresh: Array(repeating: 2, count: 32))
        #expect(first.bytes == second.bytes)
        let path = setting.state.directory + "/digest.key"
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        try Data([1, 2]).write(to: URL(fileURLWithPath: path))
        #expect(throws: GateFailure.self) {
            try setting.state.digestKey(fresh: Array(repeating: 3, count: 32))
        }
    }

    @Test func directoryOfOthersIsRefused() throws {
        let place = try CommandFixture()
        let open = place.directory + "/open"
        try FileManager.default.createDirectory(atPath: open, withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: open)
        #expect(throws: GateFailure.self) { try GateState(directory: open) }
        #expect(throws: GateFailure.self) { try GateState(directory: "relative") }
    }
}

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
}
