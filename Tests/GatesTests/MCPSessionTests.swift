// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import ExequaturClient
@testable import Gates

@Suite("Calls through the MCP gateway")
struct MCPSessionTests {
    @Test("What policy allows runs at once, and its outcome is reported")
    func allowed() async throws {
        let setting = try MCPSetting()
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            let answer = try await setting.answer(to: 1)
            #expect(answer["result"]?["content"] == [])
            try await setting.until { !setting.service.outcomes.isEmpty }
            #expect(setting.service.outcomes[0]["status"] == "succeeded")
            #expect(setting.service.outcomes[0]["resultDigest"] != nil)
            #expect(setting.calls.count == 1)
        }
    }

    @Test("A tool that says it failed, and an error of the protocol, are failures")
    func failed() async throws {
        let setting = try MCPSetting()
        setting.heard.withLock { $0.answer = { _ in ["content": [], "isError": true] } }
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            let answer1 = try await setting.answer(to: 1)
            #expect(answer1["result"]?["isError"] == true)
            try await setting.until { !setting.service.outcomes.isEmpty }
            #expect(setting.service.outcomes[0]["status"] == "failed")
        }
    }

    @Test(
        "An outcome is what the result says, however deep it is; what is unclear is unknown",
        arguments: [
            (#"{"content":[],"structuredContent":DEEP}"#, "succeeded"),
            (#"{"content":[],"structuredContent":{"a":1,"a":2}}"#, "succeeded"),
            (#"{"structuredContent":DEEP,"isError":true}"#, "failed"),
            (#"{"isError":false,"isError":true}"#, "unknown"),
            (#"{"isError":"true"}"#, "unknown"), (#"{"isError":1}"#, "unknown"),
            (#"{"task":{"taskId":"x","status":"working"}}"#, "unknown"),
            (#"{"resultType":"task","taskId":"x"}"#, "unknown"), (#"[]"#, "unknown"),
        ])
    func outcomes(result: String, expected: String) throws {
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        let text = result.replacing("DEEP", with: deep)
        let line = #"{"jsonrpc":"2.0","id":1,"result":\#(text)}"#
        let message = try #require(MCPMessage(fromServer: Array(line.utf8)))
        #expect(message.outcome?.status.rawValue == expected)
        #expect(!message.asksForMore)
    }

    @Test("What policy denies reaches no server, and the model is told so")
    func denied() async throws {
        let setting = try MCPSetting(policy: "deny")
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            let answer = try await setting.answer(to: 1)
            #expect(answer.words.hasPrefix("Denied: `t` has not run"))
            #expect(answer["result"]?["isError"] == true)
            let meta = answer["result"]?["_meta"]
            #expect(meta?[MCPName.disposition] == "denied-not-executed")
            #expect(meta?[MCPName.action]?["id"] == "act_test")
        }
        #expect(setting.calls.isEmpty)
    }

    @Test("A held call tells its client that it waits, and runs when it is approved")
    func held() async throws {
        let setting = try MCPSetting(policy: "review", approvesAt: 3)
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1, more: ["_meta": ["progressToken": "p"]]))
            _ = try await setting.answer(to: 1)
            #expect(setting.calls.count == 1)
            let told = setting.heard.withLock { heard in
                heard.client.filter { $0["method"] == "notifications/progress" }
            }
            #expect(told.first?["params"]?["progressToken"] == "p")
            #expect(told.first?["params"]?["message"]?.stringValue?.contains("act_test") ?? false)
        }
    }

    @Test("A gate with a credential that cannot present itself executes nothing")
    func unpresented() async throws {
        for status in [400, 404, 429, 503] {
            let setting = try MCPSetting(isEnforcing: true)
            setting.service.change { state in
                state.instead = { request, _ in
                    request.path.hasPrefix("/v1/gates/")
                        ? .answer(StubService.problem(status, "no")) : Optional.none
                }
            }
            try await setting.run { session in
                session.fromClient(MCPSetting.call(1))
                let answer = try await setting.answer(to: 1)
                #expect(answer.words.hasPrefix("Not executed"), "\(answer)")
            }
            #expect(setting.calls.isEmpty)
            #expect(!setting.service.paths.contains("/v1/actions"))
        }
    }

    @Test("A question whose tool changed meanwhile is not answered: the call ends as unknown")
    func changedQuestion() async throws {
        let setting = try MCPSetting()
        setting.heard.withLock { heard in
            heard.answer = { _ in ["requestState": "s1", "resultType": "input_required"] }
        }
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            _ = try await setting.answer(to: 1)
            setting.heard.withLock { $0.tools = [["description": "other", "name": "t"]] }
            session.fromServer(
                MCPAnswers.bytes([
                    "jsonrpc": "2.0", "method": "notifications/tools/list_changed",
                ]))
            let more: JSONObject = ["inputResponses": [:], "requestState": "s1"]
            try await Task.sleep(for: .milliseconds(50))
            session.fromClient(MCPSetting.call(2, more: more))
            let answer = try await setting.answer(to: 2)
            #expect(answer["error"]?["code"] == -32_602)
        }
        #expect(setting.calls.count == 1)
        #expect(setting.service.outcomes.map { $0["status"] } == ["unknown"])
    }

    @Test("A call that is held for too long says so; the very same call attaches")
    func pending() async throws {
        let setting = try MCPSetting(policy: "review", approvesAt: .max, hold: .zero)
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            let answer = try await setting.answer(to: 1)
            #expect(answer.words.hasPrefix("Waiting for approval: `t` has not run"))
            #expect(answer.words.contains("act_test"))
            #expect(setting.calls.isEmpty)
            setting.service.change { $0.status = "cleared" }
            session.fromClient(MCPSetting.call(2))
            _ = try await setting.answer(to: 2)
            #expect(setting.calls.count == 1)
        }
    }

    @Test("A call that its client takes back while it is held is neither claimed nor answered")
    func cancelled() async throws {
        let setting = try MCPSetting(policy: "review", approvesAt: .max)
        // The wait for a decision is answered by silence, so that it lasts.
        setting.service.change { state in
            state.instead = { request, _ in request.path.contains("wait=") ? .silence : nil }
        }
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            try await setting.until { setting.service.paths.contains { $0.contains("wait=") } }
            session.fromClient(
                MCPAnswers.bytes([
                    "jsonrpc": "2.0", "method": "notifications/cancelled",
                    "params": ["requestId": 1],
                ]))
        }
        #expect(setting.calls.isEmpty)
        #expect(!setting.service.paths.contains { $0.hasSuffix("/claim") })
        #expect(setting.heard.withLock { $0.client.isEmpty })
    }

    @Test("invariant2: Forged grant: a claim that does not verify executes nothing and alarms")
    func forged() async throws {
        for lie: @Sendable (inout ClaimText) -> Void in [
            { $0.gate = "another" }, { $0.digest = .sha256([9]) }, { $0.operation = .sha256([9]) },
            { $0.action = "act_other" }, { $0.kind = "action.cleared" },
        ] {
            let setting = try MCPSetting()
            setting.service.change { $0.lie = lie }
            try await setting.run { session in
                session.fromClient(MCPSetting.call(1))
                let answer1 = try await setting.answer(to: 1)
                #expect(answer1.words.hasPrefix("Denied"))
            }
            #expect(setting.calls.isEmpty)
            #expect(setting.notes.all.contains { $0.hasPrefix("ALARM") })
        }
    }

    @Test("invariant3: Argument swap: an answer for other arguments gets nothing executed")
    func swapped() async throws {
        let setting = try MCPSetting(policy: "review", approvesAt: .max, hold: .zero)
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            _ = try await setting.answer(to: 1)
            // Approved is what was asked first; what comes now is something else.
            setting.service.change { state in
                state.status = "cleared"
                let approved = state.operation
                state.instead = { request, _ in
                    guard request.path == "/v1/actions" else { return nil }
                    let text =
                        #"{"id":"act_test","digest":"\#(Hash256.sha256([1]).hex)","#
                        + #""operationDigest":"\#(approved.hex)","state":"cleared","version":2,"#
                        + #""gate":{"id":"run"}}"#
                    return .answer(GateResponse(status: 200, body: Array(text.utf8)))
                }
            }
            session.fromClient(MCPSetting.call(2, ["to": "mallory"]))
            let answer2 = try await setting.answer(to: 2)
            #expect(answer2.words.hasPrefix("Denied"))
        }
        #expect(setting.calls.isEmpty)
    }

    @Test("invariant1: Without the service nothing runs")
    func down() async throws {
        let setting = try MCPSetting()
        setting.service.change { $0.instead = { _, _ in .silence } }
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            let answer1 = try await setting.answer(to: 1)
            #expect(answer1.words.hasPrefix("Not executed"))
        }
        #expect(setting.calls.isEmpty)
    }

    @Test("A server that ends while a call runs leaves its outcome unknown, and says so")
    func gone() async throws {
        let setting = try MCPSetting()
        setting.heard.withLock { $0.answer = { _ in Optional.none } }
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            try await setting.until { setting.calls.count == 1 }
            session.serverEnded()
            let answer1 = try await setting.answer(to: 1)
            #expect(answer1.words.hasPrefix("Outcome unknown"))
            try await setting.until { !setting.service.outcomes.isEmpty }
            #expect(setting.service.outcomes[0]["status"] == "unknown")
        }
    }

    @Test("A tool that the server does not have is an error of the protocol, and no action")
    func unknown() async throws {
        let setting = try MCPSetting()
        setting.heard.withLock { $0.tools = [] }
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            let answer1 = try await setting.answer(to: 1)
            #expect(answer1["error"]?["code"] == -32_602)
        }
        #expect(!setting.service.paths.contains("/v1/actions"))
    }

    @Test("An answer to a server's question belongs to the call that was approved, once")
    func continued() async throws {
        let setting = try MCPSetting()
        setting.heard.withLock { heard in
            heard.answer = { message in
                message["params"]?["inputResponses"] == nil
                    ? ["requestState": "s1", "resultType": "input_required"] : ["content": []]
            }
        }
        let more: JSONObject = [
            "inputResponses": ["q": ["action": "accept"]], "requestState": "s1",
        ]
        try await setting.run { session in
            session.fromClient(MCPSetting.call(1))
            _ = try await setting.answer(to: 1)
            try await Task.sleep(for: .milliseconds(50))
            // Other arguments, another state: nobody approved that.
            session.fromClient(MCPSetting.call(2, ["to": "mallory"], more: more))
            let answer2 = try await setting.answer(to: 2)
            #expect(answer2["error"]?["code"] == -32_602)
            var other = more
            other["requestState"] = "s2"
            session.fromClient(MCPSetting.call(3, more: other))
            let answer3 = try await setting.answer(to: 3)
            #expect(answer3["error"]?["code"] == -32_602)
            session.fromClient(MCPSetting.call(4, more: more))
            let answer4 = try await setting.answer(to: 4)
            #expect(answer4["result"]?["content"] == [])
            session.fromClient(MCPSetting.call(5, more: more))
            let answer5 = try await setting.answer(to: 5)
            #expect(answer5["error"]?["code"] == -32_602)
            try await setting.until { !setting.service.outcomes.isEmpty }
        }
        #expect(setting.calls.count == 2)
        // One action for all of it, reported once.
        #expect(setting.service.paths.count { $0 == "/v1/actions" } == 1)
        #expect(setting.service.outcomes.count == 1)
    }
}
