// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
package import Logging
internal import ServiceLifecycle

/// Sends the ledger's checkpoint to chosen channels once a day (UTC), so that history can't be
/// rewritten unnoticed by people who only read chat.
///
/// The day is noted after it was sent: a crash between the two sends it twice.
package final class CheckpointPoster: Service {
    private let host: any ChannelHost
    private let channels: [any CardChannel]
    private let logger: Logger

    private static let pause = Duration.seconds(60)
    private static let retrySeconds: Int64 = 900

    package init(_ host: any ChannelHost, channels: [any CardChannel], logger: Logger) {
        self.host = host
        self.channels = channels
        self.logger = logger
    }

    package func run() async throws {
        var notBefore: [Handle: Timestamp] = [:]
        while !Task.isCancelled {
            let now = host.now
            for channel in channels where notBefore[channel.id].map({ $0 <= now }) ?? true {
                if await !post(to: channel) {
                    notBefore[channel.id] = now.adding(seconds: Self.retrySeconds)
                }
            }
            guard (try? await Task.sleep(for: Self.pause)) != nil else { return }
        }
    }

    /// False where it failed and is tried again later.
    private func post(to channel: any CardChannel) async -> Bool {
        let key = "checkpoint/\(channel.id)"
        let today = Array(host.now.description.utf8.prefix(10))
        do {
            guard try host.note(key)?.value != today else { return true }
            switch await channel.deliver(checkpoint: host.checkpoint, host) {
            case .shown:
                try await host.keep(
                    [ChannelNote(key: key, value: today)], answering: [], merging: nil)
                return true
            case .nothing: return true
            case .later(let why), .unavailable(let why), .refused(let why):
                logger.warning(
                    "the daily checkpoint was not delivered",
                    metadata: ["channel": "\(channel.id)", "why": "\(why)"])
            case .limited: break
            }
        } catch {
            logger.error("the daily checkpoint failed", metadata: ["error": "\(error)"])
        }
        return false
    }
}
