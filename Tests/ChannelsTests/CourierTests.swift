// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Logging
import Synchronization
import Testing

@testable import Channels

/// A channel whose vendor takes its time and keeps what stands where.
private final class SlowChannel: CardChannel {
    struct State {
        var messages: [Int: UInt64] = [:]
        var answers: [DeliveryResult] = []
    }
    let id = Handle(constant: "slow")
    let health = ChannelHealth()
    let alerts: AlertPost? = nil
    let state = Mutex(State())

    func targets(_ notice: ReviewNotice, _ host: any ChannelHost) -> [String] { ["C1", "C2"] }

    func lane(_ target: String, _ delivery: Delivery) -> (Lane, Pace) {
        (Lane(channel: id, method: "post", place: target), Pace(burst: 1000, perSecond: 1000))
    }

    func deliver(
        _ notice: ReviewNotice, to target: String, _ delivery: Delivery, _ host: any ChannelHost
    ) async -> DeliveryResult {
        for _ in 0..<3 { await Task.yield() }
        return state.withLock { state in
            if let answer = state.answers.popLast() { return answer }
            let number = delivery.remote?["n"]?.intValue.map { Int($0) } ?? state.messages.count
            state.messages[number] = notice.card.version
            return .shown(["n": .int(number)])
        }
    }

    func deliver(checkpoint: String, _ host: any ChannelHost) async -> DeliveryResult {
        .nothing(nil)
    }

    func deliver(alert: DriftAlertText, _ host: any ChannelHost) async -> DeliveryResult {
        .nothing(nil)
    }
}

/// The planner and the deliverer at once, with a store that lets others run while it commits.
@Suite("courier")
struct CourierTests {
    private static func notice(_ card: ReviewCard, version: UInt64) -> ReviewNotice {
        let over = version >= 20
        return ReviewNotice(
            card: ReviewCard(
                id: card.id, digest: card.digest, version: version,
                status: over ? .succeeded : .pending, action: card.action,
                resource: card.resource, severity: card.severity, assurance: card.assurance,
                rendering: card.rendering, submittedAt: card.submittedAt,
                deadline: card.deadline, slots: card.slots, decisions: card.decisions,
                ending: nil, isAdvisory: false, isUnsealed: false, page: card.page,
                offer: over ? .nothing : .buttons),
            groups: [], eligible: [], requesters: [], deciders: [])
    }

    private func run(
        _ host: FakeHost, _ channel: SlowChannel, _ body: (Courier) async throws -> Void
    ) async throws {
        let courier = Courier(
            host, channels: [channel],
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            random: { 0.5 })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await courier.run() }
            try await body(courier)
            group.cancelAll()
        }
    }

    private func until(_ condition: () -> Bool) async throws {
        for _ in 0..<2000 {
            if condition() { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("it never comes about")
    }

    private func isSettled(_ host: FakeHost, at version: UInt64) -> Bool {
        host.state.withLock { state in
            state.marks.isEmpty && state.notes.count == 2
                && state.notes.values.allSatisfy { Delivery($0.value)?.shown == version }
        }
    }

    @Test func everyPlaceShowsTheLastStateInOneCard() async throws {
        let host = FakeHost()
        let channel = SlowChannel()
        let card = try CardFixtures.card()
        try await run(host, channel) { courier in
            for version in UInt64(1)...20 {
                host.state.withLock { state in
                    state.notices[card.id] = Self.notice(card, version: version)
                    state.marks = [NoticeMark(action: card.id, version: version)]
                }
                courier.poke()
                for _ in 0..<Int(version % 7) { await Task.yield() }
            }
            try await until { isSettled(host, at: 20) }
        }
        let messages = channel.state.withLock { $0.messages }
        #expect(messages.count == 2, "one card for each place")
        #expect(messages.values.allSatisfy { $0 == 20 })
    }

    @Test func aMarkWhoseEntriesAreNotPublishedYetWaits() async throws {
        let host = FakeHost()
        let card = try CardFixtures.card()
        host.state.withLock { state in
            state.notices[card.id] = Self.notice(card, version: 1)
            state.marks = [NoticeMark(action: card.id, version: 2)]
        }
        try await run(host, SlowChannel()) { courier in
            try await Task.sleep(for: .milliseconds(50))
            #expect(host.state.withLock { $0.marks.count } == 1)
            host.state.withLock { $0.notices[card.id] = Self.notice(card, version: 2) }
            courier.poke()
            try await until { isSettled(host, at: 2) }
        }
    }

    @Test func whatWasGivenUpIsTriedAgainAtAStart() async throws {
        let host = FakeHost()
        let channel = SlowChannel()
        let card = try CardFixtures.card()
        host.state.withLock { state in
            state.notices[card.id] = Self.notice(card, version: 1)
            state.marks = [NoticeMark(action: card.id, version: 1)]
        }
        channel.state.withLock { $0.answers = [.refused("no"), .refused("no")] }
        try await run(host, channel) { courier in
            try await until { courier.given(up: channel.id).count == 2 }
        }
        try await run(host, channel) { courier in
            try await until { isSettled(host, at: 1) }
            #expect(courier.given(up: channel.id).isEmpty)
        }
    }
}
