// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore

/// Decides what is sent when: order, pace, patience.
///
/// Pure; one shell does what it says.
/// One message per place and action is under way at a time, so that they keep their order, and a
/// newer state takes the place of an older one that was not sent yet. Each lane takes in turn the
/// newest and the oldest: a backlog never hides what is asked now, and is never forgotten.
package struct DeliveryMachine: Sendable {
    private struct Item {
        var delivery: Delivery
        var lane: Lane
        var pace: Pace
        var isUnderWay = false
    }

    private struct LaneState {
        var queue = DeliveryQueue()
        var tokens: Double
        var at: Timestamp
        var takesNewest = true
    }

    private struct ChannelState {
        var underWay = 0
        var failures = 0
        var pausedUntil: Timestamp?
    }

    private struct Method: Hashable {
        let channel: Handle
        let name: String
    }

    /// Messages of one channel that are under way at a time.
    package static let concurrency = 8
    /// The longest wait between two tries.
    static let longestPause = 60.0
    /// What could not be delivered for so long is given up.
    static let patienceSeconds: Int64 = 86_400

    private var items: [DeliveryKey: Item] = [:]
    private var lanes: [Lane: LaneState] = [:]
    private var channels: [Handle: ChannelState] = [:]
    private var paused: [Method: Timestamp] = [:]
    /// What waits for its next try, in no order: there is little of it.
    private var delayed: [DeliveryKey: Timestamp] = [:]

    package init() {}

    /// Messages that wait or are under way.
    package var waiting: Int { items.count }

    /// Messages of a channel that wait or are under way.
    package func waiting(in channel: Handle) -> Int { items.keys.count { $0.channel == channel } }

    /// How a channel stands: how many tries in a row failed, and until when nothing is tried.
    package func trouble(of channel: Handle) -> (failures: Int, until: Timestamp?) {
        let state = channels[channel]
        return (state?.failures ?? 0, state?.pausedUntil)
    }

    /// Takes on what a place should show.
    package mutating func want(
        _ key: DeliveryKey, _ delivery: Delivery, in lane: Lane, at pace: Pace, now: Timestamp
    ) {
        if items[key]?.isUnderWay == true {
            items[key]?.delivery.want(delivery.wanted, now: now)
            return
        }
        if let before = items[key]?.lane, before != lane { lanes[before]?.queue.remove(key) }
        lanes[lane, default: LaneState(tokens: pace.burst, at: now)].queue.insert(key)
        delayed[key] = nil
        items[key] = Item(delivery: delivery, lane: lane, pace: pace)
    }

    /// What is to be sent now; the caller tells of each how it ended.
    package mutating func next(now: Timestamp) -> [DeliveryKey] {
        for (key, due) in delayed where due <= now {
            delayed[key] = nil
            if let lane = items[key]?.lane { lanes[lane]?.queue.insert(key) }
        }
        var started: [DeliveryKey] = []
        for lane in Array(lanes.keys) {
            while isOpen(lane, now), let key = take(from: lane, now) {
                items[key]?.isUnderWay = true
                channels[lane.channel, default: ChannelState()].underWay += 1
                started.append(key)
            }
            if lanes[lane]?.queue.isEmpty == true, isFull(lane, now) { lanes[lane] = nil }
        }
        return started
    }

    /// What a place has of it, while it is under way.
    package func delivery(_ key: DeliveryKey) -> Delivery? { items[key]?.delivery }

    /// Takes the end of a try, and says what is to be noted of it.
    ///
    /// - Parameters:
    ///   - key: what was sent.
    ///   - version: the version that was sent.
    ///   - result: what became of it.
    ///   - now: the time.
    ///   - jitter: 0 to 1, so that those who failed together do not come back together.
    /// - Returns: the note to keep.
    package mutating func finish(
        _ key: DeliveryKey, version: UInt64, _ result: DeliveryResult, now: Timestamp,
        jitter: Double
    ) -> Delivery? {
        guard var item = items[key] else { return nil }
        item.isUnderWay = false
        channels[key.channel, default: ChannelState()].underWay -= 1
        switch result {
        case .shown(let remote):
            item.delivery.remote = remote
            item.delivery.shown = max(item.delivery.shown, version)
            item.delivery.deliveredAt = now
            succeed(&item, key)
        case .nobody:
            item.delivery.shown = max(item.delivery.shown, version)
            succeed(&item, key)
        case .later(let why):
            item.delivery.failure = why
            item.delivery.attempts += 1
            retry(key, after: Self.pause(item.delivery.attempts, jitter), now)
        case .limited(let seconds):
            item.delivery.failure = "the vendor asks to wait \(Int(seconds.rounded(.up))) s"
            let method = Method(channel: key.channel, name: item.lane.method)
            paused[method] = now.adding(milliseconds: Int64(seconds * 1000))
            retry(key, after: seconds, now)
        case .unavailable(let why):
            item.delivery.failure = why
            retry(key, after: pause(key.channel, jitter, now), now)
        case .refused(let why):
            item.delivery.failure = why
            item.delivery.isDead = true
        }
        if now.seconds(since: item.delivery.since) > Self.patienceSeconds, item.delivery.isWaiting {
            item.delivery.isDead = true
            delayed[key] = nil
        }
        settle(item, key)
        return item.delivery
    }

    /// When to call `next` again if nothing else happens; nil for never.
    package func nextWake(now: Timestamp) -> Timestamp? {
        var earliest = delayed.values.min()
        for (lane, state) in lanes where !state.queue.isEmpty {
            guard (channels[lane.channel]?.underWay ?? 0) < Self.concurrency else { continue }
            var due = now
            if let until = channels[lane.channel]?.pausedUntil { due = max(due, until) }
            if let until = paused[Method(channel: lane.channel, name: lane.method)] {
                due = max(due, until)
            }
            if let wait = waitForToken(lane, state, due) { due = due.adding(milliseconds: wait) }
            earliest = min(earliest ?? due, due)
        }
        return earliest
    }

    // MARK: parts

    /// Seconds until a channel that does not answer is tried again.
    ///
    /// Messages that were under way together fail together, which is one failure.
    private mutating func pause(_ channel: Handle, _ jitter: Double, _ now: Timestamp) -> Double {
        if let until = channels[channel]?.pausedUntil, until > now {
            return Double(until.milliseconds - now.milliseconds) / 1000
        }
        let failures = (channels[channel]?.failures ?? 0) + 1
        channels[channel]?.failures = failures
        let pause = Self.pause(failures, jitter)
        channels[channel]?.pausedUntil = now.adding(milliseconds: Int64(pause * 1000))
        return pause
    }

    private mutating func succeed(_ item: inout Item, _ key: DeliveryKey) {
        item.delivery.failure = nil
        item.delivery.attempts = 0
        channels[key.channel]?.failures = 0
        channels[key.channel]?.pausedUntil = nil
    }

    private mutating func retry(_ key: DeliveryKey, after seconds: Double, _ now: Timestamp) {
        delayed[key] = now.adding(milliseconds: Int64(seconds * 1000))
    }

    private mutating func settle(_ item: Item, _ key: DeliveryKey) {
        guard item.delivery.isWaiting else {
            items[key] = nil
            delayed[key] = nil
            return
        }
        if delayed[key] == nil { lanes[item.lane]?.queue.insert(key) }
        items[key] = item
    }

    private static func pause(_ attempts: Int, _ jitter: Double) -> Double {
        let full = min(longestPause, Double(1 << min(attempts - 1, 6)))
        return full * (0.5 + jitter / 2)
    }

    private func isOpen(_ lane: Lane, _ now: Timestamp) -> Bool {
        if let channel = channels[lane.channel] {
            guard channel.underWay < Self.concurrency else { return false }
            if let until = channel.pausedUntil, until > now { return false }
            // One message finds out whether a channel that failed is there again.
            guard channel.failures == 0 || channel.underWay == 0 else { return false }
        }
        if let until = paused[Method(channel: lane.channel, name: lane.method)], until > now {
            return false
        }
        return true
    }

    private mutating func take(from lane: Lane, _ now: Timestamp) -> DeliveryKey? {
        guard var state = lanes[lane], let first = state.queue.first, let pace = items[first]?.pace
        else { return nil }
        refill(&state, pace, now)
        guard state.tokens >= 1 else {
            lanes[lane] = state
            return nil
        }
        state.tokens -= 1
        let key = state.takesNewest ? state.queue.popNewest() : state.queue.popOldest()
        state.takesNewest.toggle()
        lanes[lane] = state
        return key
    }

    private func refill(_ state: inout LaneState, _ pace: Pace, _ now: Timestamp) {
        let passed = Double(max(0, now.milliseconds - state.at.milliseconds)) / 1000
        state.tokens = min(pace.burst, state.tokens + passed * pace.perSecond)
        state.at = max(now, state.at)
    }

    /// A lane that is empty and rested is as good as none.
    private func isFull(_ lane: Lane, _ now: Timestamp) -> Bool {
        guard let state = lanes[lane] else { return true }
        return now.seconds(since: state.at) > 300
    }

    /// Milliseconds until a lane has its next token.
    private func waitForToken(_ lane: Lane, _ state: LaneState, _ now: Timestamp) -> Int64? {
        guard let first = state.queue.first, let pace = items[first]?.pace else { return nil }
        var state = state
        refill(&state, pace, now)
        guard state.tokens < 1 else { return nil }
        return Int64(((1 - state.tokens) / pace.perSecond * 1000).rounded(.up))
    }
}
