// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import ExequaturClient
@testable import Gates

extension StubService: GateConnection {
    func transport(
        as token: GateToken, at gateToken: GateToken?, configuration: String?
    ) -> any GateTransport { self }
}

/// A session of a client with a server, both in memory, before a service in memory.
final class MCPSetting: Sendable {
    struct Heard {
        var client: [JSON] = []
        var server: [JSON] = []
        var notes: [String] = []
        var session: MCPSession?
        /// What the server answers a call with; nil for nothing.
        var answer: @Sendable (JSON) -> JSON? = { _ in ["content": []] }
        var tools: JSON = [["inputSchema": ["type": "object"], "name": "t"]]
    }

    let service: StubService
    let place: CommandFixture
    let heard = Mutex(Heard())
    let gatekeeper: MCPGatekeeper

    init(policy: String = "allow", approvesAt: Int = 1, hold: Duration = .seconds(50)) throws {
        var log = try StubLog()
        log.grow(3)
        service = StubService(log, policy: policy)
        service.change { $0.approvesAt = approvesAt }
        place = try CommandFixture()
        let heard = NoteKeeper()
        var options = MCPGatekeeper.Options(server: "s", configuration: [:])
        options.hold = hold
        gatekeeper = MCPGatekeeper(
            options: options, service: service, gateToken: nil, effects: Self.effects,
            state: try GateState(directory: place.directory + "/gate")
                .keptOpen(entropy: [1, 2, 3, 4, 5, 6, 7, 8]),
            note: { heard.keep($0) })
        notes = heard
        let text = "exq1_a_\(log.fingerprint)_c_" + String(repeating: "s", count: 45)
        agent = MCPAgent(token: try #require(GateToken(text)))
    }

    let agent: MCPAgent
    let notes: NoteKeeper

    /// Time stands still, and what would come later never comes: only pauses between attempts end.
    private static var effects: GateEffects {
        let made = StubEffects().effects
        return GateEffects(
            now: { .seconds(1_000) },
            sleep: { pause in
                let isLong = pause >= .seconds(15)
                try await Task.sleep(for: isLong ? .seconds(3_600) : .milliseconds(1))
            }, entropy: made.entropy)
    }

    /// What the gateway tells its operator.
    final class NoteKeeper: Sendable {
        private let kept = Mutex<[String]>([])
        var all: [String] { kept.withLock { $0 } }
        func keep(_ text: String) { kept.withLock { $0.append(text) } }
    }

    /// Runs `body` with a session that is alive.
    func run(_ body: @Sendable (MCPSession) async throws -> Void) async throws {
        let session = MCPSession(
            gatekeeper: gatekeeper, agent: agent,
            ends: MCPSession.Ends(
                client: { bytes, _ in
                    let message = (try? JSON(parsing: bytes)) ?? .null
                    self.heard.withLock { $0.client.append(message) }
                }, server: { self.serve($0) }))
        heard.withLock { $0.session = session }
        defer { heard.withLock { $0.session = nil } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await session.run() }
            try await body(session)
            session.finish()
            try await group.waitForAll()
        }
    }

    /// The server: lists its tools, and answers calls as it was told to.
    private func serve(_ bytes: [UInt8]) -> Bool {
        guard let message = try? JSON(parsing: bytes) else { return false }
        let (session, result) = heard.withLock { heard in
            heard.server.append(message)
            let result: JSON? =
                switch message["method"]?.stringValue {
                case "tools/list": ["tools": heard.tools]
                case "tools/call": heard.answer(message)
                default: Optional.none
                }
            return (heard.session, result)
        }
        guard let result, let id = message["id"] else { return true }
        let answer: JSON = ["id": id, "jsonrpc": "2.0", "result": result]
        session?.fromServer(MCPAnswers.bytes(answer))
        return true
    }

    /// What the client gets for one request, waiting for it.
    func answer(to id: JSON) async throws -> JSON {
        for _ in 0..<4_000 {
            let found = heard.withLock { $0.client.first { $0["id"] == id && $0["method"] == nil } }
            if let found { return found }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw GateFailure.refused("no answer came")
    }

    /// Waits until something holds.
    func until(_ condition: @Sendable () -> Bool) async throws {
        for _ in 0..<4_000 {
            if condition() { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        Issue.record("waited in vain")
    }

    /// Calls that reached the server.
    var calls: [JSON] { heard.withLock { $0.server.filter { $0["method"] == "tools/call" } } }

    static func call(
        _ id: JSON, _ arguments: JSON = ["to": "alice"], more: JSONObject = [:]
    ) -> [UInt8] {
        var params: JSONObject = ["arguments": arguments, "name": "t"]
        for (key, value) in more { params[key] = value }
        return MCPAnswers.bytes([
            "id": id, "jsonrpc": "2.0", "method": "tools/call", "params": .object(params),
        ])
    }
}

extension JSON {
    var words: String { self["result"]?["content"]?[0]?["text"]?.stringValue ?? "" }
}

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
        }
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

    @Test("Forged grant: a claim that does not verify executes nothing, and is an alarm")
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

    @Test("Argument swap: a service that answers for other arguments gets nothing executed")
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

    @Test("Without the service nothing runs")
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
