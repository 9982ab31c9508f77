// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Synchronization
import TestSupport
import Testing

@testable import Channels

@Suite("alerts of drift, any history")
struct DriftPosterPropertyTests {
    private static func result(_ random: inout SeededRandom) -> DeliveryResult {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: .later("451")
        case 1:
            .limited(seconds: Double.random(in: 0...90, using: &random), method: "post")
        case 2, 3: .unavailable("no answer")
        case 4: .refused("no")
        default: .shown(.null)
        }
    }

    @Test("whatever vendors and the store do, each alert is told, and twice only after a crash")
    func history() async {
        let random = SeededRandom.forTest()
        for number in 0..<60 { await history(random.child("\(number)")) }
    }

    private func history(_ seed: SeededRandom) async {
        var random = seed
        let channels = [
            AlertChannel("a", least: .low), AlertChannel("b", least: .high),
            AlertChannel("c", least: nil),
        ]
        let jitter = Mutex(seed.child("jitter"))
        let host = FakeHost()
        let make = {
            AlertScene(channels, host: host) {
                jitter.withLock { Double.random(in: 0...1, using: &$0) }
            }
        }
        var scene = make()
        var added: [(key: String, severity: Severity)] = []
        var crashes = 0
        for _ in 0..<40 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                let severity = Severity.allCases.randomElement(using: &random) ?? .high
                let alert = CardFixtures.alert(
                    number: added.count + 1, severity: severity, at: host.now)
                host.change { $0.alerts.append(alert) }
                added.append((alert.key, severity))
            case 3:
                let result = Self.result(&random)
                channels.randomElement(using: &random)?.change { $0.answers.append(result) }
            case 4: host.change { $0.failingWrites = 1 }
            case 5:
                scene = make()
                crashes += 1
            default:
                await scene.run(seconds: Int64.random(in: 0...120, using: &random))
            }
        }
        host.change { $0.failingWrites = 0 }
        for channel in channels { channel.change { $0.answers = [] } }
        await scene.run()
        for channel in channels {
            let wanted = added.filter { one in
                channel.alerts.map { $0.least <= one.severity } ?? false
            }.map(\.key)
            let told = channel.told
            #expect(Set(told) == Set(wanted), "seed \(seed.seed)")
            // Only a crash can do that, and each only to the one that was under way.
            #expect(told.count <= wanted.count + crashes, "seed \(seed.seed)")
            let times = channel.state.withLock { $0.tries.map(\.at) }
            if crashes == 0 {
                for (earlier, later) in zip(times, times.dropFirst()) {
                    #expect(later.milliseconds - earlier.milliseconds >= 1000)
                }
            }
        }
        let left = Set(scene.waiting)
        #expect(left.isDisjoint(with: channels[0].told), "seed \(seed.seed)")
    }
}
