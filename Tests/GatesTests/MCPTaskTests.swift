// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import ExequaturClient
@testable import Gates

@Suite("Held calls as tasks (SEP-2663, dispositions of SEP-2848)")
struct MCPTaskTests {
    private static let declared: JSON = [
        MCPName.version: "2026-07-28",
        MCPName.capabilities: ["extensions": [MCPName.tasks: [:]]],
    ]

    private func ask(_ id: JSON, _ method: String, _ task: String, meta: JSON) -> [UInt8] {
        MCPAnswers.bytes([
            "id": id, "jsonrpc": "2.0", "method": .string(method),
            "params": ["_meta": meta, "taskId": .string(task)],
        ])
    }

    /// Makes a call that has to wait, and returns its task.
    private func task(_ setting: MCPSetting, _ session: MCPSession) async throws -> String {
        session.fromClient(MCPSetting.call(1, more: ["_meta": Self.declared]))
        let created = try await setting.answer(to: 1)["result"]
        #expect(created?["resultType"] == "task")
        #expect(created?["status"] == "working")
        #expect(created?["ttlMs"] != nil && created?["pollIntervalMs"] != nil)
        #expect(created?["createdAt"] != nil)
        #expect(created?["_meta"]?[MCPName.action]?["id"] == "act_test")
        return try #require(created?["taskId"]?.stringValue)
    }

    /// A service that says no word about a decision until it is told to.
    private func waiting() throws -> MCPSetting {
        let setting = try MCPSetting(policy: "review", approvesAt: .max)
        setting.service.change { state in
            state.instead = { request, _ in request.path.contains("wait=") ? .silence : nil }
        }
        return setting
    }

    private func approve(_ setting: MCPSetting) {
        setting.service.change { state in
            state.status = "cleared"
            state.version += 1
            state.instead = { _, _ in nil }
        }
    }

    @Test("tasks-lifecycle: the result of an approved call is got by its task")
    func lifecycle() async throws {
        let setting = try waiting()
        setting.heard.withLock { $0.answer = { _ in ["content": [], "n": 7] } }
        try await setting.run { session in
            let task = try await task(setting, session)
            session.fromClient(ask(2, "tasks/get", task, meta: Self.declared))
            let early = try await setting.answer(to: 2)["result"]
            #expect(early?["status"] == "working" && early?["resultType"] == "complete")
            #expect(early?["result"] == nil)
            #expect(setting.calls.isEmpty)
            approve(setting)
            try await setting.until { !setting.service.outcomes.isEmpty }
            session.fromClient(ask(3, "tasks/get", task, meta: Self.declared))
            let late = try await setting.answer(to: 3)["result"]
            #expect(late?["status"] == "completed")
            #expect(late?["result"]?["content"] == [] && late?["result"]?["n"] == 7)
            #expect(late?["result"]?["_meta"]?[MCPName.disposition] == "approved-executed")
            #expect(late?["_meta"]?[MCPName.disposition] == "approved-executed")
        }
        #expect(setting.calls.count == 1)
        // The server never sees the client's id, which is long answered.
        #expect(setting.calls[0]["id"] != 1)
    }

    @Test("A denied call completes with a result that says that nothing ran")
    func denied() async throws {
        let setting = try waiting()
        try await setting.run { session in
            let task = try await task(setting, session)
            setting.service.change { state in
                state.status = "denied"
                state.version += 1
                state.instead = { _, _ in nil }
            }
            var found: JSON?
            for id in 10..<4_000 where found == nil || found?["status"] == "working" {
                // As a client that heeds the interval would: without it nobody else gets a turn.
                try await Task.sleep(for: .milliseconds(2))
                session.fromClient(ask(.int(id), "tasks/get", task, meta: Self.declared))
                found = try await setting.answer(to: .int(id))["result"]
            }
            #expect(found?["status"] == "completed")
            #expect(found?["_meta"]?[MCPName.disposition] == "denied-not-executed")
            #expect(found?["result"]?["isError"] == true)
        }
        #expect(setting.calls.isEmpty)
    }

    @Test("Cancel and execution exclude each other")
    func cancelled() async throws {
        let setting = try waiting()
        try await setting.run { session in
            let task = try await task(setting, session)
            session.fromClient(ask(2, "tasks/cancel", task, meta: Self.declared))
            let cancelled = try await setting.answer(to: 2)["result"]
            #expect(cancelled?["resultType"] == "complete")
            approve(setting)
            session.fromClient(ask(3, "tasks/get", task, meta: Self.declared))
            let found = try await setting.answer(to: 3)["result"]
            #expect(found?["status"] == "cancelled")
            try await setting.until {
                setting.service.paths.contains("/v1/actions/act_test/cancel")
            }
        }
        #expect(setting.calls.isEmpty)
    }

    @Test("tasks-capability-negotiation: who declares nothing gets no task, and asks for none")
    func undeclared() async throws {
        let setting = try MCPSetting(policy: "review", approvesAt: .max, hold: .zero)
        try await setting.run { session in
            let meta: JSON = [MCPName.version: "2026-07-28", MCPName.capabilities: [:]]
            session.fromClient(MCPSetting.call(1, more: ["_meta": meta]))
            let answer = try await setting.answer(to: 1)["result"]
            #expect(answer?["resultType"] == "complete" && answer?["isError"] == true)
            session.fromClient(ask(2, "tasks/get", "exequatur_00", meta: meta))
            let refused = try await setting.answer(to: 2)["error"]
            #expect(refused?["code"] == -32_021)
        }
    }

    @Test("Another agent's task does not exist, and a server's own is the server's")
    func strangers() async throws {
        let setting = try waiting()
        try await setting.run { session in
            let task = try await task(setting, session)
            let text = setting.agent.token.secret.replacing("_c_", with: "_d_")
            let other = MCPAgent(token: try #require(GateToken(text)))
            let message = try MCPMessage(
                fromClient: ask(2, "tasks/get", task, meta: Self.declared))
            let request = try #require(MCPTaskRequest(message))
            #expect(throws: MCPRefusal.self) {
                try setting.gatekeeper.tasks.answer(request, for: other).answer
            }
            let foreign = try MCPMessage(
                fromClient: ask(3, "tasks/get", "their-own", meta: Self.declared))
            #expect(MCPTaskRequest(foreign) == nil)
        }
    }
}

@Suite("What a gate that lives long keeps")
struct LiveGateStateTests {
    @Test("A nonce is used once, and is on the disk before anything runs")
    func nonces() async throws {
        let place = try CommandFixture()
        let state = try GateState(directory: place.directory + "/gate")
            .keptOpen(entropy: Array(1...8))
        let nonce = String(repeating: "ab", count: 32)
        try await state.use(nonce: nonce, action: "act_1")
        await #expect(throws: GateFailure.self) {
            try await state.use(nonce: nonce, action: "act_2")
        }
        for number in 0..<1_500 {
            let other = String(repeating: "0", count: 60) + String(10_000 + number).suffix(4)
            try await state.use(nonce: other, action: "act_\(number)")
        }
        let folder = place.directory + "/gate/nonces"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        let journal = try #require(names.first { $0.hasPrefix("live.") })
        let text = try String(contentsOfFile: "\(folder)/\(journal)", encoding: .utf8)
        #expect(text.hasPrefix("\(nonce)\n"))
        #expect(text.split(separator: "\n").filter { $0.count == 64 }.count == 1_501)
    }

    @Test("A nonce after a line that a crash cut short is known again")
    func torn() async throws {
        let place = try CommandFixture()
        let state = try GateState(directory: place.directory + "/gate")
        let nonce = String(repeating: "ab", count: 32)
        let file = place.directory + "/gate/nonces/ab"
        try "abab".write(toFile: file, atomically: false, encoding: .utf8)
        try await state.use(nonce: nonce, action: "act_1")
        await #expect(throws: GateFailure.self) {
            try await state.use(nonce: nonce, action: "act_2")
        }
    }

    @Test("The newest tree head is kept in memory, and on the disk when it is flushed")
    func heads() throws {
        let place = try CommandFixture()
        let plain = try GateState(directory: place.directory + "/gate")
        let live = try plain.keptOpen(entropy: Array(1...8))
        var log = try StubLog()
        log.grow(3)
        let key = log.key.verifierKey
        func advance(_ count: Int) throws {
            log.grow(count)
            let note = try log.checkpoint()
            try live.pin(
                note, try .verified(note, key: key), of: key, fingerprint: log.fingerprint)
        }
        try advance(1)
        #expect(try plain.pin(of: key, fingerprint: log.fingerprint) == nil)
        #expect(try live.pin(of: key, fingerprint: log.fingerprint)?.checkpoint.size == 4)
        try live.flush()
        #expect(try plain.pin(of: key, fingerprint: log.fingerprint)?.checkpoint.size == 4)
        try advance(2)
        try live.flush()
        #expect(try plain.pin(of: key, fingerprint: log.fingerprint)?.checkpoint.size == 6)
    }
}
