// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import ExequaturClient
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

    @Test func claimWhoseAnswerNeverComesIsReportedAsNotStarted() async throws {
        let setting = try GateSetting(policy: "review")
        // The service records the claim, and its answers are lost.
        setting.service.change {
            $0.instead = { request, _ in request.path.hasSuffix("/claim") ? .silence : nil }
        }
        let failure = try #require(try await setting.failure())
        #expect(failure.kind == .unavailable)
        #expect(setting.usedNonces == 0)
        setting.service.change { $0.instead = { _, _ in nil } }
        await setting.client.sendKeptReports()
        #expect(setting.service.outcomes.map { $0["status"] } == ["not_started"])
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
