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
    /// What was given up, by channel.
    private var dead: [Handle: Set<DeliveryKey>] = [:]

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

    /// Takes on what a place should show; what is known of it already is kept.
    package mutating func want(
        _ key: DeliveryKey, _ delivery: Delivery, in lane: Lane, at pace: Pace, now: Timestamp
    ) {
        var wanted = delivery
        if let known = items[key] {
            wanted = known.delivery.merged(with: delivery)
            guard !known.isUnderWay else {
                items[key]?.delivery = wanted
                return
            }
            // A note from before it was revived does not give it up again.
            if known.delivery.wanted >= delivery.wanted { wanted.isDead = false }
            // It may be right by now, and then nothing of it must stay in a queue.
            lanes[known.lane]?.queue.remove(key)
        }
        dead[key.channel]?.remove(key)
        delayed[key] = nil
        guard wanted.isWaiting else {
            items[key] = nil
            return
        }
        items[key] = Item(delivery: wanted, lane: lane, pace: pace)
        enqueue(key, now)
    }

    /// What is to be sent now; the caller tells of each how it ended.
    package mutating func next(now: Timestamp) -> [DeliveryKey] {
        for (key, due) in delayed where due <= now {
            delayed[key] = nil
            enqueue(key, now)
        }
        var started: [DeliveryKey] = []
        for lane in Array(lanes.keys) {
            while blockedUntil(lane).map({ $0 <= now }) ?? false, let key = take(from: lane, now) {
                items[key]?.isUnderWay = true
                channels[lane.channel, default: ChannelState()].underWay += 1
                started.append(key)
            }
            if lanes[lane]?.queue.isEmpty == true, isRested(lane, now) { lanes[lane] = nil }
        }
        return started
    }

    /// What a place has of it, while it waits or is under way.
    package func delivery(_ key: DeliveryKey) -> Delivery? { items[key]?.delivery }

    /// What is to be noted of the end of a try; the place stays under way until ``finish``.
    ///
    /// - Parameters:
    ///   - key: what was sent.
    ///   - version: the version that was sent.
    ///   - result: what became of it.
    ///   - now: the time.
    /// - Returns: the note to keep.
    package func noted(
        _ key: DeliveryKey, version: UInt64, _ result: DeliveryResult, now: Timestamp
    ) -> Delivery? {
        guard var delivery = items[key]?.delivery else { return nil }
        switch result {
        case .shown(let remote):
            delivery.remote = remote
            delivery.shown = max(delivery.shown, version)
            delivery.deliveredAt = now
            delivery.failure = nil
            delivery.attempts = 0
        case .nothing(let remote):
            delivery.remote = remote ?? delivery.remote
            delivery.shown = max(delivery.shown, version)
            delivery.failure = nil
            delivery.attempts = 0
        case .later(let why):
            delivery.failure = why
            delivery.attempts += 1
        case .limited(let seconds, _):
            delivery.failure = "the vendor asks to wait \(Int(seconds.rounded(.up))) s"
        case .unavailable(let why): delivery.failure = why
        case .refused(let why):
            delivery.failure = why
            // What was wanted meanwhile has not been refused.
            delivery.isDead = version >= delivery.wanted
        }
        if now.seconds(since: delivery.since) > Self.patienceSeconds, delivery.isWaiting {
            delivery.isDead = true
        }
        return delivery
    }

    /// Takes the end of a try, once it is noted.
    ///
    /// - Parameters:
    ///   - key: what was sent.
    ///   - kept: the note as it was kept, with what was wanted meanwhile.
    ///   - result: what became of it.
    ///   - lane: where what is still wanted goes.
    ///   - now: the time.
    ///   - jitter: 0 to 1, so that those who failed together do not come back together.
    package mutating func finish(
        _ key: DeliveryKey, kept: Delivery, _ result: DeliveryResult, in lane: (Lane, Pace),
        now: Timestamp, jitter: Double
    ) {
        guard let item = items[key] else { return }
        let delivery = item.delivery.merged(with: kept)
        channels[key.channel, default: ChannelState()].underWay -= 1
        items[key] = Item(delivery: delivery, lane: lane.0, pace: lane.1)
        switch result {
        case .shown: succeed(key.channel)
        case .nothing: break
        case .later:
            succeed(key.channel)
            retry(key, after: Self.pause(delivery.attempts, jitter), now)
        case .limited(let seconds, let method):
            paused[Method(channel: key.channel, name: method)] = now.adding(
                milliseconds: Int64(seconds * 1000))
            retry(key, after: seconds, now)
        case .unavailable: retry(key, after: pause(key.channel, jitter, now), now)
        case .refused: succeed(key.channel)
        }
        guard delivery.isWaiting else {
            items[key] = nil
            delayed[key] = nil
            if delivery.isDead { dead[key.channel, default: []].insert(key) }
            return
        }
        if delayed[key] == nil { enqueue(key, now) }
    }

    /// When to call `next` again if nothing else happens; nil for never.
    package func nextWake(now: Timestamp) -> Timestamp? {
        var earliest = delayed.values.min()
        for (lane, state) in lanes where !state.queue.isEmpty {
            guard var due = blockedUntil(lane) else { continue }
            due = max(due, now)
            if let wait = waitForToken(lane, state, due) { due = due.adding(milliseconds: wait) }
            earliest = min(earliest ?? due, due)
        }
        return earliest
    }

    /// Messages of a channel that nobody tries to deliver any more.
    package func given(up channel: Handle) -> Set<DeliveryKey> { dead[channel] ?? [] }

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

    /// The vendor is there: it has answered.
    private mutating func succeed(_ channel: Handle) {
        channels[channel]?.failures = 0
        channels[channel]?.pausedUntil = nil
    }

    private mutating func enqueue(_ key: DeliveryKey, _ now: Timestamp) {
        guard let item = items[key] else { return }
        lanes[item.lane, default: LaneState(tokens: item.pace.burst, at: now)].queue.insert(key)
    }

    private mutating func retry(_ key: DeliveryKey, after seconds: Double, _ now: Timestamp) {
        delayed[key] = now.adding(milliseconds: Int64(seconds * 1000))
    }

    private static func pause(_ attempts: Int, _ jitter: Double) -> Double {
        let full = min(longestPause, Double(1 << min(attempts - 1, 6)))
        return full * (0.5 + jitter / 2)
    }

    /// When a lane may send again, tokens aside; nil while it has to wait for an end.
    private func blockedUntil(_ lane: Lane) -> Timestamp? {
        var due = Timestamp(milliseconds: .min)
        if let channel = channels[lane.channel] {
            guard channel.underWay < Self.concurrency else { return nil }
            // One message finds out whether a channel that failed is there again.
            guard channel.failures == 0 || channel.underWay == 0 else { return nil }
            if let until = channel.pausedUntil { due = max(due, until) }
        }
        if let until = paused[Method(channel: lane.channel, name: lane.method)] {
            due = max(due, until)
        }
        return due
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
    private func isRested(_ lane: Lane, _ now: Timestamp) -> Bool {
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
