// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import ExequaturClient
@testable import Gates

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
    @Test(arguments: ["deploy-bot", "0", "bot_1.x@acme.example", String(repeating: "a", count: 64)])
    func everyIDOfAnAgentKeepsItsReports(id: String) throws {
        let setting = try GateSetting()
        let own = try setting.state.keepingReports(of: id)
        try own.keepReport([1], action: "act_1")
        #expect(own.keptReports().map(\.action) == ["act_1"])
        #expect(setting.state.keptReports().isEmpty)
    }

    @Test(arguments: ["", "../x", "a/b", "a\u{0}", "é", String(repeating: "a", count: 65)])
    func whatIsNoIDKeepsNothing(name: String) throws {
        let setting = try GateSetting()
        #expect(throws: GateFailure.self) { try setting.state.keepingReports(of: name) }
    }

    @Test func invariant4_nonceIsUsedOnce() async throws {
        let setting = try GateSetting()
        let nonce = String(repeating: "ab", count: 32)
        try await setting.state.use(nonce: nonce, action: "act_1")
        await #expect(throws: GateFailure.self) {
            try await setting.state.use(nonce: nonce, action: "act_1")
        }
        // Also by another process, which opens the same directory.
        let again = try GateState(directory: setting.state.directory)
        await #expect(throws: GateFailure.self) {
            try await again.use(nonce: nonce, action: "act_2")
        }
        let sibling = "ab" + String(repeating: "cd", count: 31)
        try await again.use(nonce: sibling, action: "act_3")
        #expect(setting.usedNonces == 2)
        for bad in ["", "xy", "../../x", nonce.uppercased()] {
            await #expect(throws: GateFailure.self) {
                try await again.use(nonce: bad, action: "act_4")
            }
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
