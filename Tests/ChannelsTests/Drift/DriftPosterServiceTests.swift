// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import Synchronization
import Testing

@testable import Channels

/// The same with everything running at once.
@Suite("alerts of drift, running")
struct DriftPosterServiceTests {
    private func run(_ scene: AlertScene, until condition: () -> Bool) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await scene.poster.run() }
            for _ in 0..<2000 where !condition() {
                scene.pass(seconds: 1)
                scene.poster.poke()
                try await Task.sleep(for: .milliseconds(2))
            }
            if !condition() { Issue.record("it never comes about") }
            group.cancelAll()
        }
    }

    @Test("a channel that never answers keeps no other waiting")
    func hanging() async throws {
        let (chat, mail) = (AlertChannel("chat"), AlertChannel("mail"))
        chat.change { $0.hangs = true }
        let scene = AlertScene([chat, mail])
        let keys = scene.add(30)
        try await run(scene) { mail.told.count >= 30 }
        #expect(mail.told == keys)
        #expect(scene.waiting == keys)
    }

    @Test("two channels that finish together leave nothing in the outbox")
    func together() async throws {
        let channels = [AlertChannel("a"), AlertChannel("b"), AlertChannel("c")]
        let scene = AlertScene(channels)
        let keys = scene.add(20)
        try await run(scene) { scene.waiting.isEmpty }
        for channel in channels { #expect(channel.told == keys) }
    }

    @Test("what is for no channel, and what a crash left behind, is taken out of the outbox")
    func clearedUp() async throws {
        let chat = AlertChannel("chat", least: .high)
        var scene = AlertScene([chat])
        let keys = scene.add(.low, .high)
        let told = scene.host.state.withLock { $0.alerts[1] }
        _ = await scene.round()
        #expect(chat.told == [keys[1]] && scene.waiting == [keys[0]])
        // As if the server had ended before it was taken out.
        scene.host.change { $0.alerts.append(told) }
        let again = AlertScene([chat], host: scene.host)
        try await run(again) { again.waiting.isEmpty }
        #expect(chat.told == [keys[1]])
        let silent = AlertScene([AlertChannel("none", least: nil)], host: scene.host)
        silent.add(250)
        try await run(silent) { silent.waiting.isEmpty }
    }
}
