// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// Mails: one when people are asked, one when it is over, and one when nobody has looked at a broken
/// glass in time; nothing is decided by mail.
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
        let isOverdue = notice.card.glass == .overdue
        if let remote = delivery.remote {
            // What changes in between is on the page.
            let isNews =
                isOver && remote["over"]?.boolValue != true
                || isOverdue && remote["overdue"]?.boolValue != true
            guard isNews else { return .nothing(remote) }
        }
        let prefix = delivery.remote == nil ? "" : isOverdue ? "overdue." : "over."
        let message = MailMessage(
            from: sender, to: target, text: MailText(notice.card),
            id: prefix + first,
            inReplyTo: delivery.remote == nil ? nil : first, at: host.now)
        let said: JSON = ["over": .bool(isOver), "overdue": .bool(isOverdue)]
        let result = await send(message, said)
        health.note(result, now: host.now)
        return result
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
        let result = await send(message, .null)
        health.note(result, now: host.now)
        return result
    }

    package var alerts: AlertPost? { settings.alerts }

    package func deliver(alert: DriftAlertText, _ host: any ChannelHost) async -> DeliveryResult {
        guard let target = settings.alerts?.place else { return .nothing(nil) }
        // Two servers that send from one address must not seem to say one thing twice.
        let name = Hash256.sha256(Array("\(host.origin) \(alert.key) \(alert.at)".utf8))
        let message = MailMessage(
            from: sender, to: target, text: MailText(alert),
            id: "drift.\(name.hex.prefix(32)).\(Self.local(target))", inReplyTo: nil, at: host.now)
        return await send(message, .null)
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

    private func send(_ message: MailMessage, _ remote: JSON) async -> DeliveryResult {
        do {
            try await client.send(message)
            return .shown(remote)
        } catch let refused as SMTPClient.Refused {
            let text = VisibleText.escape("the mail server says \(refused.code) \(refused.text)")
            return refused.isPermanent ? .refused(text) : .later(text)
        } catch let silence as ChannelSilence {
            return .unavailable(silence.description)
        } catch {
            return .unavailable("the mail server does not answer: \(type(of: error))")
        }
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
