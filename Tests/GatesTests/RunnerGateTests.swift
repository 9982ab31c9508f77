// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing

@testable import ExequaturClient
@testable import Gates

@Suite struct RunnerGateTests {
    private let setting: GateSetting
    private let gate: RunnerGate
    private let caller: RunnerCaller
    private let fingerprint: String

    init() throws {
        try self.init(policy: "allow")
    }

    private init(policy: String) throws {
        let setting = try GateSetting(policy: policy)
        self.setting = setting
        let fingerprint = setting.service.state.withLock { $0.log.fingerprint }
        self.fingerprint = fingerprint
        let rules = RunnerRules(
            home: setting.place.directory, surroundings: setting.place.surroundings(),
            host: "test")
        gate = try RunnerGate(
            options: .init(rules: rules, floor: nil, outputLimit: 1_000_000),
            transport: { _ in setting.service }, fingerprint: fingerprint,
            effects: setting.stub.effects, state: setting.state,
            executor: CommandExecutor(
                privateDirectory: setting.state.runDirectory, account: nil,
                running: RunningCommands()), note: { _ in })
        caller = RunnerCaller(
            token: try Self.token("a", fingerprint), agent: "bot",
            key: String(repeating: "0", count: 32), peer: nil)
    }

    private static func token(_ kind: String, _ fingerprint: String) throws -> GateToken {
        try #require(
            GateToken("exq1_\(kind)_\(fingerprint)_" + String(repeating: "x", count: 50)))
    }

    private func request(_ arguments: [String]) -> RunnerRequest {
        RunnerRequest(
            arguments: arguments, reason: "r", wait: .seconds(60), input: .null, variables: [:],
            bindings: [], directory: nil)
    }

    private func frames(
        _ arguments: [String], prepare: (RunnerReply) -> Void = { _ in }
    ) async throws -> [RunnerFrame] {
        let reply = try RunnerReply(outputLimit: 1_000, now: setting.stub.effects.now)
        prepare(reply)
        async let work: Void = gate.perform(request(arguments), for: caller, reply)
        var found: [RunnerFrame] = []
        for await frame in reply.frames {
            reply.taken(frame)
            found.append(frame)
        }
        await work
        return found
    }

    @Test func aClearedCommandRunsAndItsOutputArrives() async throws {
        let frames = try await frames(["sh", "-c", "echo hello; exit 5"])
        #expect(
            frames == [
                .cleared("act_test"), .output(.output, Array("hello\n".utf8)),
                .end(RunnerEnd(exitCode: 5, failure: nil)),
            ])
        #expect(setting.service.outcomes.map { $0["exitCode"] } == [5])
    }

    @Test func aDeniedOneDoesNot() async throws {
        let denied = try RunnerGateTests(policy: "deny")
        let frames = try await denied.frames(["sh", "-c", "echo evil > out"])
        guard case .end(let end)? = frames.last, frames.count == 1 else {
            Issue.record("\(frames)")
            return
        }
        #expect(end.exitCode == 77)
        #expect(!denied.setting.place.exists("out"))
    }

    @Test func nobodyThereAnyMoreMeansNothingIsClaimed() async throws {
        let waiting = try RunnerGateTests(policy: "review")
        let reply = try RunnerReply(outputLimit: 1_000, now: waiting.setting.stub.effects.now)
        reply.leave()
        await waiting.gate.perform(
            waiting.request(["sh", "-c", "echo evil > out"]), for: waiting.caller, reply)
        #expect(!waiting.setting.place.exists("out"))
        #expect(!waiting.setting.service.paths.contains { $0.hasSuffix("/claim") })
    }

    @Test func whatCannotBeFrozenIsToldWithoutTellingWhatIsThere() async throws {
        try setting.place.write("private", "x", mode: 0o600)
        func end(_ arguments: [String]) async throws -> RunnerEnd? {
            guard case .end(let end)? = try await frames(arguments).last else { return nil }
            return end
        }
        let there = try await end([setting.place.directory + "/private"])
        let absent = try await end([setting.place.directory + "/nothing"])
        #expect(there?.exitCode == 127)
        #expect(there?.failure?.replacing("private", with: "nothing") == absent?.failure)
        #expect(try await end([])?.exitCode == 64)
        #expect(try await end(["a\0b"])?.exitCode != 0)
        #expect(setting.service.paths.isEmpty)
    }

    @Test func onlyAgentsOfThisLogThatTheServiceKnowsMayAsk() async throws {
        let agent = try Self.token("a", fingerprint)
        func answer(_ kind: String) {
            let text = #"{"id":"bot","kind":"\#(kind)"}"#
            setting.service.change { state in
                state.instead = { request, _ in
                    request.path == "/v1/whoami"
                        ? .answer(GateResponse(status: 200, body: Array(text.utf8))) : nil
                }
            }
        }
        answer("agent")
        let other = String(repeating: "0", count: 32)
        for token in [
            nil, try Self.token("g", fingerprint), try Self.token("p", fingerprint),
            try Self.token("a", other),
        ] {
            await #expect(throws: RunnerRefusal.self) {
                try await gate.caller(token, from: nil)
            }
        }
        #expect(setting.service.paths.isEmpty)
        answer("person")
        await #expect(throws: RunnerRefusal.self) { try await gate.caller(agent, from: nil) }
        answer("agent")
        #expect(try await gate.caller(agent, from: nil).agent == "bot")
        // Known for a minute, then asked about again.
        setting.service.change { state in
            state.instead = { _, _ in .answer(StubService.problem(401, "unknown")) }
        }
        #expect(try await gate.caller(agent, from: nil).agent == "bot")
        setting.stub.advance(.seconds(61))
        let refusal = await #expect(throws: RunnerRefusal.self) {
            try await gate.caller(agent, from: nil)
        }
        #expect(refusal?.kind == .unauthenticated)
        // Nothing of whoever is turned away stays on the disk.
        let kept = try FileManager.default.contentsOfDirectory(
            atPath: setting.state.directory + "/reports")
        #expect(kept.isEmpty)
        setting.service.change { $0.instead = { _, _ in .silence } }
        let silent = await #expect(throws: RunnerRefusal.self) {
            try await gate.caller(agent, from: nil)
        }
        #expect(silent?.kind == .unavailable)
    }

    @Test func outcomesThatCannotBeReportedAreKeptForTheirOwnAgent() async throws {
        setting.service.change { state in
            state.instead = { request, _ in
                request.path.hasSuffix("/outcome") ? .silence : nil
            }
        }
        guard case .end(let end)? = try await frames(["true"]).last else {
            Issue.record("no end")
            return
        }
        #expect(end.notes.contains { $0.contains("kept") })
        setting.service.change { $0.instead = { _, _ in nil } }
        let other = try setting.state.keepingReports(of: String(repeating: "1", count: 32))
        #expect(other.keptReports().isEmpty)
        #expect(setting.state.keptReports().isEmpty)
        let own = try setting.state.keepingReports(of: caller.agent)
        #expect(own.keptReports().map(\.action) == ["act_test"])
        // The next command of that agent takes it along.
        _ = try await frames(["true"])
        #expect(own.keptReports().isEmpty)
    }
}

@Suite struct RunnerPoolTests {
    @Test func placesAreLimitedForEachAndForAll() throws {
        let pool = RunnerPool(effects: StubEffects().effects, settle: {})
        for _ in 0..<RunnerPool.agentLimit { try pool.enter("a") }
        let tooMany = #expect(throws: RunnerRefusal.self) { try pool.enter("a") }
        #expect(tooMany?.kind == .tooMany)
        for agent in ["b", "c", "d"] {
            for _ in 0..<RunnerPool.agentLimit { try pool.enter(agent) }
        }
        let full = #expect(throws: RunnerRefusal.self) { try pool.enter("e") }
        #expect(full?.kind == .unavailable)
        pool.exit("a")
        try pool.enter("e")
        pool.stop()
        pool.exit("b")
        let ending = #expect(throws: RunnerRefusal.self) { try pool.enter("b") }
        #expect(ending?.kind == .unavailable)
        #expect(!pool.isIdle)
    }
}

@Suite struct RunnerSocketTests {
    private func folder() throws -> CommandFixture {
        let place = try CommandFixture()
        chmod(place.directory, 0o755)
        return place
    }

    private func refusal(_ path: String) -> String? {
        do throws(GateFailure) {
            try RunnerSocket(path: path, group: nil).remove()
            return nil
        } catch {
            return error.description
        }
    }

    private func listen(_ path: String) throws -> Int32 {
        let made = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(made, $0, size) }
        }
        #expect(bound == 0)
        #expect(Foundation.listen(made, 1) == 0)
        return made
    }

    @Test func onlyAnUnusedSocketOfOnesOwnIsReplaced() throws {
        let place = try folder()
        // Short enough, wherever temporary folders are.
        let path = place.directory + "/s"
        try #require(path.utf8.count <= 107)
        let listener = try listen(path)
        #expect(refusal(path)?.contains("listens there already") == true)
        #expect(place.exists("s"))
        close(listener)
        let socket = try RunnerSocket(path: path, group: nil)
        let new = try listen(socket.draft)
        try socket.finish()
        #expect(refusal(path)?.contains("listens there already") == true)
        var found = stat()
        #expect(stat(path, &found) == 0)
        #expect(found.st_mode & 0o777 == 0o660)
        close(new)
        socket.remove()
        // Nothing is left of where it was made.
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.directory) == ["state"])
        try place.write("s", "precious")
        #expect(refusal(path)?.contains("no socket of this account") == true)
        #expect(place.read("s") == "precious")
        unlink(path)
        symlink("elsewhere", path)
        #expect(refusal(path)?.contains("no socket of this account") == true)
    }

    @Test func foldersThatOthersWriteToAreRefused() throws {
        let place = try folder()
        let path = place.directory + "/s"
        for mode: mode_t in [0o777, 0o775, 0o1777, 0o757] {
            chmod(place.directory, mode)
            #expect(refusal(path)?.contains("nobody else may write") == true, "\(mode)")
        }
        chmod(place.directory, 0o755)
        #expect(refusal(path) == nil)
        #expect(refusal("relative/s") != nil)
        #expect(refusal("/" + String(repeating: "s", count: 107)) != nil)
        #expect(refusal(place.directory + "/none/s")?.contains("is not there") == true)
        // A folder above in which others could exchange this one.
        try place.write("open/in/x", "")
        chmod(place.directory + "/open/in", 0o755)
        chmod(place.directory + "/open", 0o777)
        #expect(refusal(place.directory + "/open/in/s")?.contains("above") == true)
    }

    @Test func agentsSendNothingToASocketThatOthersCouldHavePutThere() throws {
        let place = try folder()
        let path = place.directory + "/s"
        let listener = try listen(path)
        defer { close(listener) }
        try RunnerSocket.checkForClient(path)
        chmod(place.directory, 0o1777)
        #expect(throws: GateFailure.self) { try RunnerSocket.checkForClient(path) }
        chmod(place.directory, 0o755)
        #expect(throws: GateFailure.self) { try RunnerSocket.checkForClient(path + "x") }
        try place.write("file", "")
        #expect(throws: GateFailure.self) {
            try RunnerSocket.checkForClient(place.directory + "/file")
        }
    }
}
