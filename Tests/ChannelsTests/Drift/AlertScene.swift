// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Logging
import Synchronization
import Testing

@testable import Channels

/// A channel that takes alerts as the test says, and remembers which it took when.
final class AlertChannel: CardChannel {
    struct State {
        var told: [String] = []
        /// Every try, with its time.
        var tries: [(key: String, at: Timestamp)] = []
        /// What comes of the next tries; after them all goes well.
        var answers: [DeliveryResult] = []
        /// What comes of each try, before all else.
        var always: DeliveryResult?
        var refuses: Set<String> = []
        /// Alerts that are asked to come later, and how often.
        var postpones: [String: Int] = [:]
        var hangs = false
    }

    let id: Handle
    let alerts: AlertPost?
    let health = ChannelHealth()
    let state = Mutex(State())

    init(_ id: StaticString, least: Severity? = .medium) {
        self.id = Handle(constant: id)
        alerts = least.map { AlertPost(place: "C1", least: $0) }
    }

    var told: [String] { state.withLock { $0.told } }
    var tries: Int { state.withLock { $0.tries.count } }
    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    func targets(_ notice: ReviewNotice, _ host: any ChannelHost) -> [String] { [] }

    func lane(_ target: String, _ delivery: Delivery) -> (Lane, Pace) {
        (Lane(channel: id, method: "post"), Pace(burst: 1, perSecond: 1))
    }

    func deliver(
        _ notice: ReviewNotice, to target: String, _ delivery: Delivery, _ host: any ChannelHost
    ) async -> DeliveryResult { .nothing(nil) }

    func deliver(checkpoint: String, _ host: any ChannelHost) async -> DeliveryResult {
        .nothing(nil)
    }

    func deliver(alert: DriftAlertText, _ host: any ChannelHost) async -> DeliveryResult {
        if state.withLock({ $0.hangs }) {
            try? await Task.sleep(for: .seconds(3600))
            return .unavailable("no answer")
        }
        return state.withLock { state in
            state.tries.append((alert.key, host.now))
            let result: DeliveryResult
            if let always = state.always {
                result = always
            } else if state.refuses.contains(alert.key) {
                result = .refused("no")
            } else if let times = state.postpones[alert.key], times > 0 {
                state.postpones[alert.key] = times - 1
                result = .later("451")
            } else {
                result = state.answers.isEmpty ? .shown(.null) : state.answers.removeFirst()
            }
            if case .shown = result { state.told.append(alert.key) }
            return result
        }
    }
}

/// Channels that are told of alerts, round by round, by a clock that jumps to when something is
/// due.
struct AlertScene {
    let host: FakeHost
    let channels: [AlertChannel]
    let poster: DriftPoster
    private var tellers: [AlertTeller]

    /// A server that begins, or begins again where the host is one that was there before.
    init(
        _ channels: [AlertChannel], host: FakeHost = FakeHost(),
        random: @escaping @Sendable () -> Double = { 1 }
    ) {
        self.host = host
        self.channels = channels
        poster = DriftPoster(
            host, channels: channels,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            random: random)
        tellers = channels.compactMap(poster.teller)
    }

    /// Puts alerts into the outbox; returns their keys.
    @discardableResult
    func add(_ severities: Severity...) -> [String] {
        severities.map { severity in
            host.state.withLock { state in
                state.alertCount += 1
                let alert = CardFixtures.alert(
                    number: state.alertCount, severity: severity, at: state.now)
                state.alerts.append(alert)
                return alert.key
            }
        }
    }

    @discardableResult
    func add(_ count: Int) -> [String] {
        (0..<count).flatMap { _ in add(.high) }
    }

    var waiting: [String] { host.state.withLock { $0.alerts.map(\.key) } }

    func pass(seconds: Int64) { host.change { $0.now = $0.now.adding(seconds: seconds) } }

    /// Every channel does what it can now; returns when the next thing is due.
    mutating func round() async -> Timestamp? {
        var next: Timestamp?
        for index in tellers.indices {
            if let due = await tellers[index].round() { next = min(next ?? due, due) }
        }
        return next
    }

    /// Goes on until nothing is left to do, or for so long.
    mutating func run(seconds: Int64 = 86_400) async {
        let end = host.now.adding(seconds: seconds)
        while let due = await round(), due <= end {
            host.change { $0.now = max($0.now, due) }
        }
    }
}
