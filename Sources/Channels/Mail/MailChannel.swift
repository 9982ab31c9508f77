// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON

/// Mails: one when people are asked, and one when it is over; nothing is decided by mail.
package final class MailChannel: CardChannel {
    private let settings: MailSettings
    private let client: SMTPClient
    package let health = ChannelHealth()

    package var id: Handle { settings.id }

    package init(_ settings: MailSettings) {
        self.settings = settings
        client = SMTPClient(settings: settings)
    }

    package func targets(_ notice: ReviewNotice, _ host: any ChannelHost) -> [String] {
        settings.recipients.filter { $0.takes(notice) }.map(\.place)
    }

    package func lane(_ target: String, _ delivery: Delivery) -> (Lane, Pace) {
        // Providers count by the minute and the day: what a person could still read.
        (Lane(channel: id, method: "mail", place: target), Pace(burst: 20, perSecond: 1))
    }

    package func deliver(
        _ notice: ReviewNotice, to target: String, _ delivery: Delivery, _ host: any ChannelHost
    ) async -> DeliveryResult {
        let first = "\(notice.card.id).\(Self.local(target))"
        let isOver = notice.card.offer == .nothing
        if let remote = delivery.remote {
            // What changes in between is on the page.
            guard isOver, remote["over"]?.boolValue != true else { return .nothing(remote) }
        }
        let message = MailMessage(
            from: sender, to: target, text: MailText(notice.card),
            id: delivery.remote == nil ? first : "over.\(first)",
            inReplyTo: delivery.remote == nil ? nil : first, at: host.now)
        return await send(message, ["over": .bool(isOver)], host)
    }

    package func deliver(checkpoint: String, _ host: any ChannelHost) async -> DeliveryResult {
        guard let target = settings.checkpoints else { return .nothing(nil) }
        guard let shown = ShownCheckpoint(checkpoint) else { return .nothing(nil) }
        let text = MailText(
            checkpointOf: shown.origin, size: shown.size, root: shown.root, note: checkpoint)
        let message = MailMessage(
            from: sender, to: target, text: text,
            id: "checkpoint.\(shown.size).\(Self.local(target))",
            inReplyTo: nil, at: host.now)
        return await send(message, .null, host)
    }

    private var sender: MailAddress {
        guard let sender = MailAddress(settings.from) else {
            preconditionFailure("checked when the settings were read")
        }
        return sender
    }

    /// An address as part of a message's id.
    private static func local(_ address: String) -> String {
        address.replacing("@", with: ".")
    }

    private func send(
        _ message: MailMessage, _ remote: JSON, _ host: any ChannelHost
    ) async -> DeliveryResult {
        let result: DeliveryResult
        do {
            try await client.send(message)
            result = .shown(remote)
        } catch let refused as SMTPClient.Refused {
            let text = VisibleText.escape("the mail server says \(refused.code) \(refused.text)")
            result = refused.isPermanent ? .refused(text) : .later(text)
        } catch let silence as ChannelSilence {
            result = .unavailable(silence.description)
        } catch {
            result = .unavailable("the mail server does not answer: \(type(of: error))")
        }
        health.note(result, now: host.now)
        return result
    }
}

/// The parts of a checkpoint that people compare.
struct ShownCheckpoint {
    let origin: String
    let size: UInt64
    let root: String

    /// Reads the first three lines of a signed note (C2SP tlog-checkpoint).
    init?(_ note: String) {
        let lines = note.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > 3, let size = UInt64(lines[1]) else { return nil }
        origin = String(lines[0])
        self.size = size
        root = String(lines[2])
    }
}
