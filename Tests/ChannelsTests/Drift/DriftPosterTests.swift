// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Synchronization
import Testing

@testable import Channels

/// Alerts of drift are told once in each channel that they are for, whatever happens meanwhile.
@Suite("alerts of drift")
struct DriftPosterTests {
    private let chat = AlertChannel("chat")
    private let mail = AlertChannel("mail")

    @Test("an alert is told once in each channel, in order, and then it is out of the outbox")
    func once() async {
        var scene = AlertScene([chat, mail])
        let keys = scene.add(45)
        await scene.run()
        #expect(chat.told == keys && mail.told == keys)
        #expect(scene.waiting.isEmpty)
        let more = scene.add(.medium)
        await scene.run()
        #expect(chat.told == keys + more && mail.told == keys + more)
        await scene.run()
        #expect(chat.tries == 46 && mail.tries == 46)
    }

    @Test("a channel hears of what is severe enough for it, and of nothing else")
    func severity() async {
        let all = AlertChannel("all", least: .low)
        let worst = AlertChannel("worst", least: .critical)
        let none = AlertChannel("none", least: nil)
        var scene = AlertScene([all, worst, none, chat])
        let keys = scene.add(.low, .medium, .high, .critical)
        await scene.run()
        #expect(all.told == keys)
        #expect(worst.told == [keys[3]])
        #expect(chat.told == Array(keys[1...]))
        #expect(none.tries == 0)
        #expect(scene.waiting.isEmpty)
    }

    @Test("alerts are two seconds apart, so that cards of the same place have room")
    func pace() async {
        var scene = AlertScene([chat])
        scene.add(10)
        await scene.run()
        let times = chat.state.withLock { $0.tries.map(\.at) }
        #expect(times.count == 10)
        for (earlier, later) in zip(times, times.dropFirst()) {
            #expect(later.milliseconds - earlier.milliseconds >= 2000)
        }
    }

    @Test("a channel that is down for days keeps nobody waiting, and hears of everything later")
    func down() async {
        chat.change { $0.always = .unavailable("no answer") }
        var scene = AlertScene([chat, mail])
        let keys = scene.add(150)
        await scene.run(seconds: 3 * 86_400)
        #expect(mail.told == keys)
        #expect(chat.told.isEmpty && scene.waiting == keys)
        #expect(chat.health.state.failure == "alerts of drift: no answer")
        // Not more than once a minute, give or take the beginning.
        #expect((4300...4400).contains(chat.tries))
        let late = scene.add(.high)
        chat.change { $0.always = nil }
        await scene.run()
        #expect(chat.told == keys + late && mail.told == keys + late)
        #expect(scene.waiting.isEmpty && chat.health.state.failure == nil)
    }

    @Test("an alert that is refused holds up none behind it, and is tried again after an hour")
    func refused() async {
        var scene = AlertScene([chat, mail])
        let keys = scene.add(3)
        chat.change { $0.refuses = [keys[0]] }
        await scene.run(seconds: 3000)
        #expect(chat.told == Array(keys[1...]) && mail.told == keys)
        #expect(scene.waiting == [keys[0]])
        let tries = chat.tries
        await scene.run(seconds: 2 * 3600)
        #expect(chat.tries - tries == 2)
        chat.change { $0.refuses = [] }
        await scene.run()
        #expect(chat.told == [keys[1], keys[2], keys[0]] && mail.told == keys)
        #expect(scene.waiting.isEmpty)
    }

    @Test("a channel that refuses everything is not asked again and again, and misses nothing")
    func misconfigured() async {
        chat.change { $0.always = .refused("not_in_channel: invite the app") }
        var scene = AlertScene([chat])
        let keys = scene.add(100)
        await scene.run(seconds: 86_400)
        #expect((90...120).contains(chat.tries))
        #expect(chat.health.state.failure == "alerts of drift: not_in_channel: invite the app")
        chat.change { $0.always = nil }
        await scene.run()
        #expect(chat.told.count == 100 && Set(chat.told) == Set(keys))
        #expect(scene.waiting.isEmpty)
    }

    @Test("what is to be sent later lets others go first")
    func later() async {
        var scene = AlertScene([chat])
        let keys = scene.add(3)
        chat.change { $0.postpones = [keys[0]: 5] }
        await scene.run()
        #expect(chat.told == [keys[1], keys[2], keys[0]] && chat.tries == 8)
        #expect(scene.waiting.isEmpty)
    }

    @Test("a vendor that asks to wait is left alone for so long")
    func limited() async {
        chat.change { $0.answers = [.limited(seconds: 30, method: "post")] }
        var scene = AlertScene([chat])
        let keys = scene.add(2)
        await scene.run(seconds: 29)
        #expect(chat.tries == 1 && chat.told.isEmpty)
        await scene.run()
        #expect(chat.told == keys)
        let times = chat.state.withLock { $0.tries.map(\.at) }
        #expect(times[1].milliseconds - times[0].milliseconds >= 30_000)
    }

    @Test("a crash between sending and noting tells it twice, but not three times")
    func crash() async {
        var scene = AlertScene([chat, mail])
        let keys = scene.add(.high)
        scene.host.change { $0.failingWrites = 1 }
        _ = await scene.round()
        #expect(chat.told == keys, "sent, and not noted")
        var second = AlertScene([chat, mail], host: scene.host)
        await second.run()
        #expect(chat.told == keys + keys && mail.told == keys)
        #expect(second.waiting.isEmpty)
        second.add(.high)
        var third = AlertScene([chat, mail], host: scene.host)
        await third.run()
        #expect(chat.told.count == 3 && mail.told.count == 2)
    }

    @Test("what is sent and can't be noted is not sent again as long as the server lives")
    func unnoted() async {
        var scene = AlertScene([chat])
        let keys = scene.add(2)
        scene.host.change { $0.failingWrites = 5 }
        await scene.run()
        #expect(chat.told == keys && chat.tries == 2)
        #expect(scene.waiting.isEmpty)
    }

    @Test("an alert of a month ago is told to nobody any more")
    func expiry() async {
        chat.change { $0.always = .unavailable("no answer") }
        var scene = AlertScene([chat, mail])
        let old = scene.add(.high)
        mail.change { $0.refuses = Set(old) }
        _ = await scene.round()
        scene.pass(seconds: 29 * 86_400)
        let tries = (chat.tries, mail.tries)
        await scene.run(seconds: 43_200)
        #expect(chat.tries > tries.0 && mail.tries > tries.1)
        scene.pass(seconds: 43_200)
        _ = await scene.round()
        let last = (chat.tries, mail.tries)
        await scene.run(seconds: 86_400)
        #expect(chat.tries == last.0 && mail.tries == last.1)
        let new = scene.add(.high)
        chat.change { $0.always = nil }
        mail.change { $0.refuses = [] }
        await scene.run()
        #expect(chat.told == new && mail.told == new)
    }
}
