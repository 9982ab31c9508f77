// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Logging

/// Works the outbox off for one channel, oldest first.
struct AlertTeller {
    let host: any ChannelHost
    let channel: any CardChannel
    let post: AlertPost
    let logger: Logger
    /// Gives numbers from 0 to 1.
    let random: @Sendable () -> Double
    /// Called with what the channel has, once that is noted.
    let finish: @Sendable (DriftAlertText) async throws -> Void

    private var patience = AlertPatience()
    /// Everything up to here was told, put aside, or is not for this channel.
    private var cursor: String?
    /// The channel has them, and it is not noted yet: they are not sent again.
    private var unnoted: [DriftAlertText] = []

    private static let page = 20
    /// After a failure of our own store.
    private static let pauseSeconds: Int64 = 15

    init(
        _ channel: any CardChannel, _ post: AlertPost, _ host: any ChannelHost, logger: Logger,
        random: @escaping @Sendable () -> Double,
        finish: @escaping @Sendable (DriftAlertText) async throws -> Void
    ) {
        self.channel = channel
        self.post = post
        self.host = host
        self.logger = logger
        self.random = random
        self.finish = finish
    }

    /// Tells what can be told now; returns when to go on if nothing else happens.
    mutating func round() async -> Timestamp? {
        do {
            return try await tell()
        } catch is CancellationError {
            return nil
        } catch {
            logger.error(
                "alerts of drift wait",
                metadata: ["channel": "\(channel.id)", "error": "\(error)"])
            return host.now.adding(seconds: Self.pauseSeconds)
        }
    }

    private mutating func tell() async throws -> Timestamp? {
        try await settle()
        while !Task.isCancelled {
            guard patience.notBefore <= host.now else { return patience.notBefore }
            guard let (alert, isNew) = try next() else { return patience.nextDue }
            let result = await channel.deliver(alert: alert, host)
            let isTold = patience.note(
                alert.key, result, now: host.now, jitter: random())
            channel.health.note(result, .alerting, now: host.now)
            report(result)
            if isNew, isTold || patience.isAside(alert.key) { cursor = alert.key }
            if isTold { unnoted.append(alert) }
            try await settle()
        }
        return nil
    }

    /// An alert whose turn has come again, or the next one of the outbox.
    private mutating func next() throws -> (DriftAlertText, isNew: Bool)? {
        while let key = patience.due(host.now) {
            if let alert = try host.driftAlert(key) { return (alert, false) }
            // It has expired.
            patience.drop(key)
        }
        while patience.takesNew {
            let page = try host.driftAlerts(after: cursor, limit: Self.page)
            guard !page.isEmpty else { return nil }
            for alert in page {
                if post.takes(alert), try host.note(DriftPoster.note(alert, channel.id)) == nil {
                    return (alert, true)
                }
                cursor = alert.key
            }
        }
        return nil
    }

    /// Notes what the channel has.
    private mutating func settle() async throws {
        while let alert = unnoted.first {
            let now = host.now
            // A note without a value is none.
            let note = ChannelNote(
                key: DriftPoster.note(alert, channel.id), value: Array(now.description.utf8),
                expires: now.adding(seconds: DriftPoster.noteSeconds))
            try await host.keep([note], answering: [], merging: nil)
            unnoted.removeFirst()
            try await finish(alert)
        }
    }

    private func report(_ result: DeliveryResult) {
        switch result {
        case .later(let why), .refused(let why):
            logger.error(
                "an alert of drift was not taken",
                metadata: ["channel": "\(channel.id)", "why": "\(why)"])
        case .shown, .nothing, .limited, .unavailable: break
        }
    }
}
