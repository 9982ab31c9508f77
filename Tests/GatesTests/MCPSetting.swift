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

    init(
        policy: String = "allow", approvesAt: Int = 1, hold: Duration = .seconds(50),
        isEnforcing: Bool = false
    ) throws {
        var log = try StubLog()
        log.grow(3)
        service = StubService(log, policy: policy)
        service.change { $0.approvesAt = approvesAt }
        place = try CommandFixture()
        let heard = NoteKeeper()
        var options = MCPGatekeeper.Options(server: "s", configuration: [:])
        options.hold = hold
        let text = "exq1_a_\(log.fingerprint)_c_" + String(repeating: "s", count: 45)
        let gate = isEnforcing ? GateToken(text.replacing("_a_", with: "_g_")) : nil
        gatekeeper = MCPGatekeeper(
            options: options, service: service, gateToken: gate, effects: Self.effects,
            state: try GateState(directory: place.directory + "/gate")
                .keptOpen(entropy: [1, 2, 3, 4, 5, 6, 7, 8]),
            note: { heard.keep($0) })
        notes = heard
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
