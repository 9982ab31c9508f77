// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Works the outbox off: plans who should see an action, and makes it so.
///
/// Crash order. A mark is answered in the transaction that notes what each place is to show; a
/// message is noted as shown after the vendor has taken it. A crash between the two shows it a
/// second time, never not at all.
package final class Courier: Service {
    private let host: any ChannelHost
    private let channels: [Handle: any CardChannel]
    private let logger: Logger
    private let machine = Mutex(DeliveryMachine())
    private let bell = Bell()
    private let random: @Sendable () -> Double
    /// Actions that could not be read, each told once.
    private let unreadable = Mutex<Set<ActionID>>([])

    private static let page = 100
    /// How long after its end an action's notes are kept, so that late corrections find the cards.
    private static let memorySeconds: Int64 = 30 * 86_400

    /// Makes one; `random` gives numbers from 0 to 1.
    package init(
        _ host: any ChannelHost, channels: [any CardChannel], logger: Logger,
        random: @escaping @Sendable () -> Double
    ) {
        self.host = host
        self.channels = Dictionary(
            channels.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.logger = logger
        self.random = random
    }

    /// Messages of a channel that wait or are under way.
    package func waiting(in channel: Handle) -> Int {
        machine.withLock { $0.waiting(in: channel) }
    }

    /// Delivers until it is cancelled.
    package func run() async throws {
        try takeUp()
        bell.ring()
        await withDiscardingTaskGroup { group in
            for await _ in bell.rings {
                await round(&group)
                if Task.isCancelled { break }
            }
            group.cancelAll()
        }
    }

    /// Wakes it: something was recorded.
    package func poke() { bell.ring() }

    private func round(_ group: inout DiscardingTaskGroup) async {
        do {
            try await plan()
        } catch {
            logger.error("channels can't be told", metadata: ["error": "\(error)"])
        }
        let now = host.now
        let (due, next) = machine.withLock { machine in
            (machine.next(now: now), machine.nextWake(now: now))
        }
        for key in due {
            group.addTask { await self.deliver(key) }
        }
        if let next { bell.ring(at: next, now, &group) }
    }

    // MARK: planning

    /// What an earlier run left behind.
    private func takeUp() throws {
        let now = host.now
        for note in try host.notes("card/") {
            guard let key = DeliveryKey(note: note.key), let channel = channels[key.channel],
                var delivery = Delivery(note.value)
            else { continue }
            // What was given up may be mended by now: an app invited, a password corrected.
            delivery.revive(now: now)
            if delivery.isWaiting { want(key, delivery, channel, now) }
        }
    }

    private func want(
        _ key: DeliveryKey, _ delivery: Delivery, _ channel: any CardChannel, _ now: Timestamp
    ) {
        let (lane, pace) = channel.lane(key.target, delivery)
        machine.withLock { $0.want(key, delivery, in: lane, at: pace, now: now) }
    }

    private func plan() async throws {
        var after: ActionID?
        while true {
            let marks = try host.marks(after: after, limit: Self.page)
            guard let last = marks.last else { return }
            var wanted: [ChannelNote] = []
            var answered: [NoticeMark] = []
            for mark in marks {
                guard let planned = attempt(mark) else { continue }
                wanted += planned.map { ChannelNote(key: $0.0.note, value: $0.1.bytes) }
                answered.append(mark)
            }
            let kept = try await host.keep(wanted, answering: answered, merging: Self.merge)
            let now = host.now
            for note in kept {
                guard let key = DeliveryKey(note: note.key), let channel = channels[key.channel],
                    let delivery = Delivery(note.value)
                else { continue }
                want(key, delivery, channel, now)
            }
            guard marks.count == Self.page else { return }
            after = last.action
        }
    }

    /// What both sides know, who did not know of each other: the planner and the deliverer.
    private static let merge: @Sendable ([UInt8], [UInt8]) -> [UInt8] = { old, new in
        guard let known = Delivery(old), let fresh = Delivery(new) else { return new }
        return known.merged(with: fresh).bytes
    }

    /// Nil where the mark has to wait: its entries are not published yet, or can't be read.
    ///
    /// One action that can't be read must not keep the others from their channels.
    private func attempt(_ mark: NoticeMark) -> [(DeliveryKey, Delivery)]? {
        do {
            return try plan(mark)
        } catch {
            if unreadable.withLock({ $0.insert(mark.action).inserted }) {
                logger.critical(
                    "an action can't be read, and no channel is told of it",
                    metadata: ["action": "\(mark.action)", "error": "\(error)"])
            }
            return nil
        }
    }

    private func plan(_ mark: NoticeMark) throws -> [(DeliveryKey, Delivery)]? {
        // The head that covers the entries is published after their commit; it wakes us again.
        guard let notice = try host.notice(mark.action), notice.card.version >= mark.version
        else { return nil }
        let now = host.now
        let known = try host.notes(DeliveryKey.prefix(mark.action))
        var result: [DeliveryKey: Delivery] = [:]
        for note in known {
            guard let key = DeliveryKey(note: note.key), channels[key.channel] != nil,
                var delivery = Delivery(note.value)
            else { continue }
            delivery.want(notice.card.version, now: now)
            result[key] = delivery
        }
        for channel in channels.values {
            for target in channel.targets(notice, host) {
                let key = DeliveryKey(action: mark.action, channel: channel.id, target: target)
                guard result[key] == nil, isWorthPosting(notice, target, channel) else { continue }
                result[key] = Delivery(wanted: notice.card.version, since: now)
            }
        }
        return result.sorted { $0.key < $1.key }
    }

    /// What is over before it was posted needs no post, unless the glass was broken for it; those
    /// behind the request are told.
    private func isWorthPosting(
        _ notice: ReviewNotice, _ target: String, _ channel: any CardChannel
    ) -> Bool {
        notice.card.status == .pending || notice.card.glass != nil
            || type(of: channel).person(target) != nil
    }

    // MARK: delivering

    private func deliver(_ key: DeliveryKey) async {
        guard let channel = channels[key.channel],
            let delivery = machine.withLock({ $0.delivery(key) })
        else { return }
        var version = delivery.wanted
        var isOver = false
        let result: DeliveryResult
        do {
            if let notice = try host.notice(key.action) {
                version = notice.card.version
                isOver = notice.card.offer == .nothing
                result = await channel.deliver(notice, to: key.target, delivery, host)
            } else {
                result = .later("the action is not there")
            }
        } catch {
            result = .later("the action can't be read: \(error)")
        }
        await note(key, version, result, isOver: isOver)
    }

    /// Keeps what became of a try before the place is free for the next.
    private func note(
        _ key: DeliveryKey, _ version: UInt64, _ result: DeliveryResult, isOver: Bool
    ) async {
        if case .refused(let why) = result {
            logger.error(
                "a message was refused",
                metadata: ["channel": "\(key.channel)", "action": "\(key.action)", "why": "\(why)"])
        }
        let delivery = machine.withLock { machine in
            machine.noted(key, version: version, result, now: host.now)
        }
        guard let delivery, let channel = channels[key.channel] else { return }
        var kept = delivery
        do {
            let expires =
                isOver && !delivery.isWaiting
                ? host.now.adding(seconds: Self.memorySeconds) : Timestamp(milliseconds: .max)
            let note = ChannelNote(key: key.note, value: delivery.bytes, expires: expires)
            let notes = try await host.keep([note], answering: [], merging: Self.merge)
            kept = notes.first.flatMap { Delivery($0.value) } ?? delivery
        } catch {
            logger.error("a delivery can't be noted", metadata: ["error": "\(error)"])
        }
        let (now, jitter, lane) = (host.now, random(), channel.lane(key.target, kept))
        machine.withLock { machine in
            machine.finish(key, kept: kept, result, in: lane, now: now, jitter: jitter)
        }
        bell.ring()
    }

    /// Messages of a channel that nobody tries to deliver any more, the newest first.
    package func given(up channel: Handle) -> [DeliveryKey] {
        machine.withLock { $0.given(up: channel) }.sorted { $1 < $0 }
    }
}
