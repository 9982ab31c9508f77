// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Channels
internal import Console
internal import ControlPlane

/// How one channel stands.
struct ChannelReport: Sendable {
    let id: Handle
    /// In words.
    let kind: String
    let health: ChannelHealth.State?
    let waiting: Int
    let undelivered: Int
    /// What is wrong, and what to do.
    let trouble: String?

    var json: JSON {
        [
            "connections": health?.connections.map { .int($0) } ?? .null,
            "deliveredAt": .optional(health?.deliveredAt), "id": .string(id.text),
            "kind": .string(kind), "reachedAt": .optional(health?.reachedAt),
            "trouble": .optional(trouble), "undelivered": .int(undelivered),
            "waiting": .int(waiting),
        ]
    }
}

extension ChannelHub {
    /// Where people were told of an action, in order of channel and place.
    func deliveries(of id: ActionID) throws -> [(DeliveryKey, Delivery)] {
        try host.notes(DeliveryKey.prefix(id)).compactMap(Self.delivery)
    }

    /// Messages that nobody tries to deliver any more, the newest first.
    func undelivered(limit: Int) throws -> [(DeliveryKey, Delivery)] {
        let keys = settings.flatMap { courier.given(up: $0.id) }.sorted { $1 < $0 }
        return try keys.prefix(limit).compactMap { key in
            try host.note(key.note).flatMap(Self.delivery)
        }
    }

    private static func delivery(_ note: ChannelNote) -> (DeliveryKey, Delivery)? {
        guard let key = DeliveryKey(note: note.key), let delivery = Delivery(note.value) else {
            return nil
        }
        return (key, delivery)
    }

    /// How all channels stand, in the order of the configuration.
    func report() -> [ChannelReport] {
        settings.map { one in
            let given = courier.given(up: one.id).count
            switch one {
            case .slack(let settings):
                let isSocket = settings.appToken != nil
                return card(one.id, isSocket ? "Slack, Socket Mode" : "Slack, HTTP", given)
            case .teams: return card(one.id, "Microsoft Teams", given)
            case .workflow: return card(one.id, "Microsoft Teams, Workflows", given)
            case .mail: return card(one.id, "mail", given)
            case .webhook: return webhook(one.id)
            case .integration:
                return ChannelReport(
                    id: one.id, kind: "integration", health: nil, waiting: 0, undelivered: 0,
                    trouble: nil)
            }
        }
    }

    private func card(_ id: Handle, _ kind: String, _ undelivered: Int) -> ChannelReport {
        let state = health(of: id)?.state
        let isDeaf = state?.connections == 0
        return ChannelReport(
            id: id, kind: kind, health: state, waiting: courier.waiting(in: id),
            undelivered: undelivered,
            trouble: state?.failure ?? (isDeaf ? "no connection is open to hear clicks" : nil))
    }

    private func webhook(_ id: Handle) -> ChannelReport {
        guard let sender = webhooks[id] else {
            return ChannelReport(
                id: id, kind: "webhook", health: nil, waiting: 0, undelivered: 0, trouble: nil)
        }
        let place = sender.standing
        let state = sender.health.state
        return ChannelReport(
            id: id, kind: "webhook", health: state, waiting: waiting(place),
            undelivered: place.dead, trouble: place.disabled ?? state.failure)
    }

    private func waiting(_ place: WebhookSender.Place) -> Int {
        let size = host.size
        return Int(clamping: size - min(size, place.next))
    }

    /// How the channels stand, in Prometheus' text format.
    func metrics() -> String {
        GaugeText.text(
            report(), label: "channel", id: { "\($0.id)" },
            [
                ("exequatur_channel_waiting", { $0.waiting }),
                ("exequatur_channel_undelivered", { $0.undelivered }),
                ("exequatur_channel_up", { $0.trouble == nil ? 1 : 0 }),
            ])
    }

    /// Channels whose accounts can be linked, and what to do there with a code.
    var linkable: [LinkableChannel] {
        settings.compactMap { one in
            switch one {
            case .slack:
                LinkableChannel(
                    id: one.id.text,
                    instruction: "In Slack open the app’s Home, press “Link account” and enter "
                        + "the code.")
            case .teams:
                LinkableChannel(
                    id: one.id.text,
                    instruction: "In Teams write “link” and the code to the app in a personal "
                        + "chat.")
            case .integration:
                LinkableChannel(
                    id: one.id.text, instruction: "Enter the code where that system asks for it.")
            case .workflow, .webhook, .mail: nil
            }
        }
    }
}
