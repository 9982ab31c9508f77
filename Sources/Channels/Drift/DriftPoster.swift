// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import Logging
internal import ServiceLifecycle

/// Tells chosen channels of drift, each alert once.
///
/// Each channel works the outbox off at its own pace: one that is down for days keeps nobody else
/// waiting, and hears of everything once it is back. Crash order: that a channel has an alert is
/// noted after the vendor took it; an alert is taken out of the outbox once it is noted of every
/// channel that it is for. A crash between tells it twice, never not at all.
package final class DriftPoster: Service {
    private let host: any ChannelHost
    private let channels: [any CardChannel]
    private let logger: Logger
    private let random: @Sendable () -> Double
    private let bells: [Bell]

    /// Longer than an alert lives, so that nothing is told again while it is still there.
    static let noteSeconds: Int64 = 31 * 86_400
    private static let page = 100
    private static let pauseSeconds: Int64 = 15

    /// Makes one; `random` gives numbers from 0 to 1.
    package init(
        _ host: any ChannelHost, channels: [any CardChannel], logger: Logger,
        random: @escaping @Sendable () -> Double
    ) {
        self.host = host
        self.channels = channels.filter { $0.alerts != nil }
        self.logger = logger
        self.random = random
        // One for each channel, and one for whoever clears up.
        bells = (0...self.channels.count).map { _ in Bell() }
    }

    /// Wakes it: something was recorded.
    package func poke() {
        for bell in bells { bell.ring() }
    }

    /// Tells until it is cancelled.
    package func run() async throws {
        await withDiscardingTaskGroup { group in
            for (channel, bell) in zip(channels, bells) {
                group.addTask { await self.serve(channel, bell) }
            }
            group.addTask { await self.clearUp(self.bells[self.channels.count]) }
        }
    }

    /// Works the outbox off for a channel; nil for one that is told of nothing.
    func teller(for channel: any CardChannel) -> AlertTeller? {
        channel.alerts.map { post in
            AlertTeller(channel, post, host, logger: logger, random: random) {
                try await self.end($0)
            }
        }
    }

    private func serve(_ channel: any CardChannel, _ bell: Bell) async {
        guard var teller = teller(for: channel) else { return }
        await withDiscardingTaskGroup { group in
            bell.ring()
            for await _ in bell.rings {
                if let due = await teller.round() { bell.ring(at: due, host.now, &group) }
                if Task.isCancelled { break }
            }
            group.cancelAll()
        }
    }

    /// Where it is noted that a channel has an alert.
    static func note(_ alert: DriftAlertText, _ channel: Handle) -> String {
        "drift/\(channel)/\(alert.key)"
    }

    // MARK: taking out of the outbox

    /// Takes away what no channel lacks: what is for none, and what a crash or a change of the
    /// configuration left behind.
    private func clearUp(_ bell: Bell) async {
        var cursor: String?
        await withDiscardingTaskGroup { group in
            bell.ring()
            for await _ in bell.rings {
                do {
                    try await clearUp(after: &cursor)
                } catch {
                    logger.error("alerts of drift stay", metadata: ["error": "\(error)"])
                    let now = host.now
                    bell.ring(at: now.adding(seconds: Self.pauseSeconds), now, &group)
                }
                if Task.isCancelled { break }
            }
            group.cancelAll()
        }
    }

    private func clearUp(after cursor: inout String?) async throws {
        while !Task.isCancelled {
            let page = try host.driftAlerts(after: cursor, limit: Self.page)
            let done = try page.filter { try !isLacking($0) }
            try await host.forgetDriftAlerts(done.map(\.key))
            guard let last = page.last else { return }
            cursor = last.key
        }
    }

    private func end(_ alert: DriftAlertText) async throws {
        guard try !isLacking(alert) else { return }
        try await host.forgetDriftAlerts([alert.key])
    }

    /// Whether a channel that it is for has not got it.
    private func isLacking(_ alert: DriftAlertText) throws -> Bool {
        try channels.contains { channel in
            guard let post = channel.alerts, post.takes(alert) else { return false }
            return try host.note(Self.note(alert, channel.id)) == nil
        }
    }
}
