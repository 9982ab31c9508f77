// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import ExequaturClient
@testable import Gates

/// A hook before a service in memory.
struct HookSetting {
    let service: StubService
    let stub = StubEffects()
    let place: CommandFixture
    let gate: HookGate
    let state: GateState

    /// `alarm` is the real time after which everything ends; by default it never comes.
    init(
        policy: String = "allow",
        alarm: @escaping @Sendable (Duration) async throws -> Void = { _ in
            try await Task.sleep(for: .seconds(3_600))
        }
    ) throws {
        var log = try StubLog()
        log.grow(3)
        service = StubService(log, policy: policy)
        place = try CommandFixture()
        state = try GateState(directory: place.directory + "/gate")
        gate = HookGate(
            transport: service, effects: stub.effects, state: state,
            fingerprint: log.fingerprint, alarm: alarm)
    }

    func ask(
        _ host: HookHost = .claudeCode, wait: Duration = .seconds(50)
    ) async throws
        -> HookVerdict
    {
        await gate.ask(try HookExample.call(host), machine: "m", wait: wait)
    }

    var keptClaims: Int {
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: state.directory + "/hooks")
        return names?.count ?? 0
    }
}

@Suite struct HookGateTests {
    @Test("an allowed call is claimed before it is answered", arguments: HookHost.allCases)
    func allowed(host: HookHost) async throws {
        let setting = try HookSetting()
        #expect(try await setting.ask(host) == .cleared(action: "act_test"))
        #expect(setting.service.state.withLock { $0.status } == "claimed")
        #expect(setting.keptClaims == 1)
    }

    @Test func deniedCallIsDenied() async throws {
        let setting = try HookSetting(policy: "deny")
        #expect(
            try await setting.ask()
                == .denied(action: "act_test", state: "denied", quoted: []))
        #expect(setting.keptClaims == 0)
    }

    @Test func reviewedCallIsClearedOnceApproved() async throws {
        let setting = try HookSetting(policy: "review")
        setting.service.change { $0.approvesAt = 1 }
        #expect(try await setting.ask() == .cleared(action: "act_test"))
    }

    @Test func pendingCallIsTold() async throws {
        let setting = try HookSetting(policy: "review")
        setting.service.change { $0.approvesAt = .max }
        setting.service.change { state in
            state.instead = { request, _ in
                if request.path.contains("?wait=") { setting.stub.advance(.seconds(20)) }
                return nil
            }
        }
        guard case .waiting(let wait) = try await setting.ask() else {
            Issue.record("it was not told to wait")
            return
        }
        #expect(wait.action == "act_test")
        #expect(wait.digest.utf8.count == 16)
        #expect(wait.url == "http://localhost/actions/act_test")
        #expect(setting.service.state.withLock { $0.status } == "pending")
    }

    @Test("a service that is silent, odd or broken clears nothing")
    func troubles() async throws {
        let answers: [StubService.StubAnswer] = [
            .silence, .answer(GateResponse(status: 500, body: [])),
            .answer(GateResponse(status: 200, body: Array("<html>".utf8))),
            .answer(GateResponse(status: 200, body: Array("{}".utf8))),
            .answer(StubService.problem(401, "unauthenticated")),
            .answer(StubService.problem(403, "agents_only")),
            .answer(StubService.problem(429, "rate_limited")),
        ]
        for answer in answers {
            let setting = try HookSetting()
            setting.service.change { $0.instead = { _, _ in answer } }
            guard case .doubt = try await setting.ask() else {
                Issue.record("\(answer) was not a doubt")
                continue
            }
            #expect(setting.keptClaims == 0)
        }
    }

    @Test("a claim that lies clears nothing")
    func lies() async throws {
        let lies: [@Sendable (inout ClaimText) -> Void] = [
            { $0.operation = .sha256([9]) }, { $0.digest = .sha256([9]) },
            { $0.nonce = String(repeating: "cd", count: 32) }, { $0.gate = "other" },
            { $0.action = "act_other" }, { $0.kind = "action.cleared" },
        ]
        for lie in lies {
            let setting = try HookSetting()
            setting.service.change { $0.lie = lie }
            guard case .doubt(let why) = try await setting.ask() else {
                Issue.record("a lie was believed")
                continue
            }
            #expect(!why.isEmpty)
        }
    }

    @Test func whatTakesTooLongIsEnded() async throws {
        let setting = try HookSetting(policy: "review", alarm: { _ in })
        // A service in memory never makes anybody wait by itself.
        setting.service.change { state in
            state.instead = { request, _ in request.path.contains("?wait=") ? .silence : nil }
        }
        let verdict = try await setting.ask(wait: .seconds(3_000))
        #expect(!verdict.isCleared)
    }

    // MARK: afterwards

    private func after(_ host: HookHost, _ text: String) throws -> HookCall {
        try HookCall.read(Array(text.utf8), host: host)
    }

    @Test func outcomeIsReportedOnce() async throws {
        let setting = try HookSetting()
        _ = try await setting.ask()
        let call = try after(
            .claudeCode, HookExample.claudeCode.replacingOnce("PreToolUse", with: "PostToolUse"))
        #expect(await setting.gate.report(call, machine: "m", patience: .seconds(5)) == nil)
        #expect(await setting.gate.report(call, machine: "m", patience: .seconds(5)) == nil)
        #expect(setting.service.outcomes.count == 1)
        let outcome = try #require(setting.service.outcomes.first)
        #expect(outcome["status"] == "succeeded")
        #expect(outcome["detail"] == "claude-code says that the tool ended")
        #expect(setting.keptClaims == 0)
    }

    @Test func anotherInputThanWasClearedIsReportedAsSuch() async throws {
        let setting = try HookSetting()
        _ = try await setting.ask()
        let text = HookExample.claudeCode.replacingOnce("PreToolUse", with: "PostToolUse")
            .replacingOnce("npm test", with: "rm -rf /")
        let call = try after(.claudeCode, text)
        _ = await setting.gate.report(call, machine: "m", patience: .seconds(5))
        let outcome = try #require(setting.service.outcomes.first)
        #expect(outcome["status"] == "failed")
        #expect(outcome["detail"]?.stringValue?.contains("something else") == true)
    }

    @Test func hostWithoutNamesForCallsIsMatchedByTheOperation() async throws {
        let setting = try HookSetting()
        _ = try await setting.ask(.gemini)
        let other = HookExample.gemini.replacingOnce("BeforeTool", with: "AfterTool")
        let unlike = try after(.gemini, other.replacingOnce("\"ls\"", with: "\"id\""))
        _ = await setting.gate.report(unlike, machine: "m", patience: .seconds(5))
        #expect(setting.service.outcomes.isEmpty)
        let call = try after(.gemini, other)
        _ = await setting.gate.report(call, machine: "m", patience: .seconds(5))
        #expect(setting.service.outcomes.count == 1)
    }

    @Test func unknownCallIsLeftAlone() async throws {
        let setting = try HookSetting()
        let call = try after(
            .codex, HookExample.codex.replacingOnce("PreToolUse", with: "PostToolUse"))
        #expect(await setting.gate.report(call, machine: "m", patience: .seconds(5)) == nil)
        #expect(setting.service.paths.isEmpty)
    }

    @Test func claimsThatNobodyAsksForAreSwept() async throws {
        let setting = try HookSetting()
        let folder = setting.state.directory + "/hooks"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        for number in 0..<1_000 {
            _ = FileManager.default.createFile(
                atPath: "\(folder)/\(number)", contents: Data())
        }
        _ = try await setting.ask()
        #expect(setting.keptClaims == 501)
    }
}
