// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import TestSupport
import Testing

@testable import Channels

/// Order, pace and patience, with a clock that only the test moves.
@Suite("delivery machine")
struct DeliveryMachineTests {
    private static let slack = Handle(constant: "slack")
    private static let start = Timestamp(milliseconds: 1_800_000_000_000)
    private static let post = Pace(burst: 3, perSecond: 1)

    private func key(_ number: UInt64, _ target: String = "C1") -> DeliveryKey {
        DeliveryKey(
            action: ActionID(
                now: Self.start.adding(milliseconds: Int64(number)), random: (1, number)),
            channel: Self.slack, target: target)
    }

    private func want(
        _ key: DeliveryKey, _ machine: inout DeliveryMachine, version: UInt64 = 1,
        now: Timestamp = start
    ) {
        machine.want(
            key, Delivery(wanted: version, since: now),
            in: Lane(channel: Self.slack, method: "post", place: key.target), at: Self.post,
            now: now)
    }

    @discardableResult
    private func finish(
        _ key: DeliveryKey, _ result: DeliveryResult, _ machine: inout DeliveryMachine,
        version: UInt64 = 1, now: Timestamp = start
    ) -> Delivery? {
        let noted = machine.noted(key, version: version, result, now: now)
        if let noted {
            machine.finish(
                key, kept: noted, result,
                in: (Lane(channel: Self.slack, method: "post", place: key.target), Self.post),
                now: now, jitter: 1)
        }
        return noted
    }

    @Test func aBurstGoesAtOnceAndThenOneASecond() {
        var machine = DeliveryMachine()
        for number in 0..<10 { want(key(UInt64(number)), &machine) }
        let first = machine.next(now: Self.start)
        #expect(first.count == 3)
        for one in first { finish(one, .shown(.null), &machine) }
        #expect(machine.next(now: Self.start) == [])
        #expect(machine.nextWake(now: Self.start) == Self.start.adding(seconds: 1))
        let second = machine.next(now: Self.start.adding(seconds: 1))
        #expect(second.count == 1)
    }

    @Test func aNewerStateTakesThePlaceOfOneThatWasNotSent() {
        var machine = DeliveryMachine()
        want(key(1), &machine, version: 1)
        want(key(1), &machine, version: 4)
        #expect(machine.next(now: Self.start) == [key(1)])
        #expect(machine.delivery(key(1))?.wanted == 4)
        #expect(finish(key(1), .shown(["ts": "1"]), &machine, version: 4)?.shown == 4)
        #expect(machine.waiting == 0)
    }

    @Test func whatChangesUnderWayIsSentAgainAfterwardsAndNeverAtTheSameTime() {
        var machine = DeliveryMachine()
        want(key(1), &machine, version: 1)
        #expect(machine.next(now: Self.start) == [key(1)])
        want(key(1), &machine, version: 2)
        #expect(machine.next(now: Self.start) == [])
        let noted = finish(key(1), .shown(["ts": "1"]), &machine)
        #expect(noted?.shown == 1 && noted?.wanted == 2 && noted?.remote == ["ts": "1"])
        #expect(machine.next(now: Self.start) == [key(1)])
    }

    @Test func aBacklogStarvesNeitherTheNewestNorTheOldest() {
        var machine = DeliveryMachine()
        for number in 0..<10_000 { want(key(UInt64(number)), &machine) }
        var now = Self.start
        for one in machine.next(now: now) { finish(one, .shown(.null), &machine, now: now) }
        want(key(20_000), &machine, now: now)
        var sentAt: [DeliveryKey: Int] = [:]
        for slot in 1...20 {
            now = now.adding(seconds: 1)
            for one in machine.next(now: now) {
                sentAt[one] = slot
                finish(one, .shown(.null), &machine, now: now)
            }
        }
        #expect(sentAt[key(20_000)] ?? .max <= 2, "the newest waits for others")
        #expect(sentAt[key(5)] != nil, "the oldest is forgotten")
    }

    @Test func tenThousandDrainWithinTheLimitsOfTheVendor() throws {
        var machine = DeliveryMachine()
        let update = Pace(burst: 20, perSecond: 0.5)
        for number in 0..<10_000 {
            let key = key(UInt64(number), "C\(number % 50)")
            machine.want(
                key, Delivery(wanted: 1, since: Self.start),
                in: Lane(channel: Self.slack, method: "update"), at: update, now: Self.start)
        }
        var now = Self.start
        var minutes: [Int64: Int] = [:]
        var sent = 0
        while machine.waiting > 0 {
            var batch = machine.next(now: now)
            while !batch.isEmpty {
                for one in batch {
                    minutes[now.seconds(since: Self.start) / 60, default: 0] += 1
                    sent += 1
                    let noted = machine.noted(one, version: 1, .shown(.null), now: now)
                    machine.finish(
                        one, kept: try #require(noted), .shown(.null),
                        in: (Lane(channel: Self.slack, method: "update"), update), now: now,
                        jitter: 1)
                }
                batch = machine.next(now: now)
            }
            guard let wake = machine.nextWake(now: now) else { break }
            // A wake that is due already would be a loop without a pause.
            try #require(wake > now)
            now = wake
        }
        #expect(sent == 10_000)
        #expect(minutes.values.max() ?? 0 <= 50)
    }

    @Test func theVendorsWaitHoldsEverythingOfThatMethod() {
        var machine = DeliveryMachine()
        want(key(1, "C1"), &machine)
        want(key(2, "C2"), &machine)
        let first = machine.next(now: Self.start)
        #expect(first.count == 2)
        finish(first[0], .limited(seconds: 30, method: "post"), &machine)
        finish(first[1], .shown(.null), &machine)
        want(key(3, "C3"), &machine)
        #expect(machine.next(now: Self.start.adding(seconds: 29)) == [])
        #expect(Set(machine.next(now: Self.start.adding(seconds: 30))) == [first[0], key(3, "C3")])
    }

    @Test func oneMessageFindsOutWhetherAChannelIsThereAgain() {
        var machine = DeliveryMachine()
        for number in 0..<6 { want(key(UInt64(number), "C\(number)"), &machine) }
        let first = machine.next(now: Self.start)
        #expect(first.count == 6)
        // Together they are one failure, and wait one second.
        for one in first { finish(one, .unavailable("down"), &machine) }
        #expect(machine.trouble(of: Self.slack).failures == 1)
        #expect(machine.next(now: Self.start.adding(milliseconds: 999)) == [])
        let later = Self.start.adding(seconds: 1)
        let probe = machine.next(now: later)
        #expect(probe.count == 1)
        #expect(machine.next(now: later) == [])
        #expect(machine.nextWake(now: later) == nil, "the end of the probe is what it waits for")
        finish(probe[0], .shown(.null), &machine, now: later)
        #expect(machine.next(now: later).count == 5)
    }

    @Test func whatIsRefusedIsKeptAsSuchUntilItChanges() {
        var machine = DeliveryMachine()
        want(key(1), &machine)
        _ = machine.next(now: Self.start)
        var noted = finish(key(1), .refused("channel_not_found"), &machine)
        #expect(noted?.isDead == true && noted?.failure == "channel_not_found")
        #expect(machine.waiting == 0 && machine.nextWake(now: Self.start) == nil)
        noted?.want(2, now: Self.start)
        #expect(noted?.isDead == false && noted?.isWaiting == true)
    }

    @Test func aWaitLongerThanALaneIsKeptLosesNothing() {
        var machine = DeliveryMachine()
        want(key(1), &machine)
        for one in machine.next(now: Self.start) {
            finish(one, .limited(seconds: 600, method: "post"), &machine)
        }
        #expect(machine.next(now: Self.start.adding(seconds: 400)) == [])
        #expect(machine.next(now: Self.start.adding(seconds: 600)) == [key(1)])
    }

    @Test func theRefusalOfAnOldStateIsNotThatOfANewOne() {
        var machine = DeliveryMachine()
        want(key(1), &machine)
        _ = machine.next(now: Self.start)
        want(key(1), &machine, version: 2)
        #expect(finish(key(1), .refused("too long"), &machine)?.isDead == false)
        #expect(machine.next(now: Self.start) == [key(1)])
    }

    @Test func whatNothingWasSentForDoesNotSayThatTheVendorIsBack() {
        var machine = DeliveryMachine()
        for number in 0..<2 { want(key(UInt64(number), "C\(number)"), &machine) }
        for one in machine.next(now: Self.start) { finish(one, .unavailable("down"), &machine) }
        let later = Self.start.adding(seconds: 1)
        for one in machine.next(now: later) { finish(one, .nothing(nil), &machine, now: later) }
        #expect(machine.trouble(of: Self.slack).failures == 1)
    }

    @Test func whatIsRightByNowLeavesItsQueueAndHoldsUpNobody() {
        var machine = DeliveryMachine()
        want(key(1), &machine)
        var right = Delivery(wanted: 1, since: Self.start)
        right.shown = 1
        machine.want(
            key(1), right, in: Lane(channel: Self.slack, method: "post", place: "C1"),
            at: Self.post, now: Self.start)
        want(key(2), &machine)
        #expect(machine.next(now: Self.start) == [key(2)])
    }

    @Test func aNoteFromBeforeItWasRevivedDoesNotGiveItUpAgain() {
        var machine = DeliveryMachine()
        want(key(1), &machine)
        var dead = Delivery(wanted: 1, since: Self.start)
        dead.isDead = true
        machine.want(
            key(1), dead, in: Lane(channel: Self.slack, method: "post", place: "C1"),
            at: Self.post, now: Self.start)
        #expect(machine.next(now: Self.start) == [key(1)])
    }

    @Test func twoSidesThatDidNotKnowOfEachOtherLoseNothing() {
        let plan = Delivery(wanted: 2, since: Self.start)
        var delivered = Delivery(wanted: 1, since: Self.start)
        delivered.shown = 1
        delivered.remote = ["ts": "1"]
        for merged in [plan.merged(with: delivered), delivered.merged(with: plan)] {
            #expect(merged.wanted == 2 && merged.shown == 1 && merged.remote == ["ts": "1"])
            #expect(merged.isWaiting)
        }
    }

    @Test func aNoteIsReadBackAsItWasWritten() throws {
        var delivery = Delivery(wanted: 7, since: Self.start)
        delivery.shown = 3
        delivery.remote = ["channel": "C1", "ts": "1.2"]
        delivery.attempts = 2
        delivery.failure = "no answer"
        delivery.deliveredAt = Self.start
        #expect(Delivery(delivery.bytes) == delivery)
        #expect(Delivery([]) == nil)
        let key = key(1, "@bob")
        #expect(DeliveryKey(note: key.note) == key)
        for wrong in ["", "card/", "card/x/slack/C1", "card/\(key.action)/Ä/C1", "hook/slack"] {
            #expect(DeliveryKey(note: wrong) == nil)
        }
    }

    /// Whatever the vendor answers, in whatever order: every message ends shown, refused or waiting
    /// for a time, and none is under way twice.
    @Test(arguments: [UInt64(1), 2, 3, 4, 5])
    func nothingIsLostWhateverTheVendorAnswers(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var machine = DeliveryMachine()
        var now = Self.start
        var underWay: Set<DeliveryKey> = []
        var versions: [DeliveryKey: UInt64] = [:]
        var shown: [DeliveryKey: UInt64] = [:]
        var dead: Set<DeliveryKey> = []
        func step(_ isQuiet: Bool) {
            if !isQuiet, Int.random(in: 0..<3, using: &random) == 0 {
                let key = key(UInt64.random(in: 0..<20, using: &random), "C1")
                versions[key, default: 0] += 1
                dead.remove(key)
                want(key, &machine, version: versions[key] ?? 1, now: now)
            }
            for one in machine.next(now: now) {
                #expect(underWay.insert(one).inserted, "twice under way")
            }
            if let one = underWay.sorted().randomElement(using: &random) {
                let sent = machine.delivery(one)?.wanted ?? 0
                underWay.remove(one)
                let roll = isQuiet ? 0 : Int.random(in: 0..<8, using: &random)
                let result: DeliveryResult =
                    switch roll {
                    case 0...3: .shown(.null)
                    case 4: .later("x")
                    case 5: .limited(seconds: 2, method: "post")
                    case 6: .unavailable("x")
                    default: .refused("x")
                    }
                let noted = finish(one, result, &machine, version: sent, now: now)
                if case .shown = result { shown[one] = sent }
                if noted?.isDead == true { dead.insert(one) }
            }
            now = now.adding(milliseconds: Int64.random(in: 1..<3000, using: &random))
        }
        for _ in 0..<500 { step(false) }
        for _ in 0..<2000 where machine.waiting > 0 { step(true) }
        #expect(machine.waiting == 0)
        for (key, version) in versions where !dead.contains(key) {
            #expect(shown[key] == version)
        }
    }
}
