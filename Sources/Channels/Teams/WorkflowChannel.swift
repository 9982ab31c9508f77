// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON

/// A Workflows webhook of Microsoft Teams: cards without buttons of ours, one when people are asked
/// and one when it is over, because what was posted can't be changed.
package final class WorkflowChannel: CardChannel {
    private let settings: WorkflowSettings
    private let caller: HTTPCaller
    package let health = ChannelHealth()

    package var id: Handle { settings.id }

    package init(_ settings: WorkflowSettings, caller: HTTPCaller = .http) {
        self.settings = settings
        self.caller = caller
    }

    private static let target = "workflow"

    package func targets(_ notice: ReviewNotice, _ host: any ChannelHost) -> [String] {
        Post(place: Self.target, groups: settings.groups).takes(notice) ? [Self.target] : []
    }

    package func lane(_ target: String, _ delivery: Delivery) -> (Lane, Pace) {
        // Four requests a second is what Teams documents for a webhook.
        (Lane(channel: id, method: "workflow"), Pace(burst: 2, perSecond: 2))
    }

    package func deliver(
        _ notice: ReviewNotice, to target: String, _ delivery: Delivery, _ host: any ChannelHost
    ) async -> DeliveryResult {
        let isOver = notice.card.offer == .nothing
        if let remote = delivery.remote {
            guard isOver, remote["over"]?.boolValue != true else { return .nothing(remote) }
        }
        let result = await post(TeamsCard.workflow(notice.card), ["over": .bool(isOver)])
        health.note(result, now: host.now)
        return result
    }

    package func deliver(checkpoint: String, _ host: any ChannelHost) async -> DeliveryResult {
        guard settings.checkpoints, let shown = ShownCheckpoint(checkpoint) else {
            return .nothing(nil)
        }
        let card = TeamsCard.workflowCheckpoint(
            origin: shown.origin, size: shown.size, root: shown.root, note: checkpoint)
        let result = await post(card, .null)
        health.note(result, now: host.now)
        return result
    }

    package var alerts: AlertPost? { settings.alerts }

    package func deliver(alert: DriftAlertText, _ host: any ChannelHost) async -> DeliveryResult {
        guard settings.alerts != nil else { return .nothing(nil) }
        return await post(TeamsCard.workflowAlert(alert), .null)
    }

    private func post(_ body: JSON, _ remote: JSON) async -> DeliveryResult {
        do throws(ChannelSilence) {
            let answer = try await caller.call(
                ChannelRequest(
                    url: settings.url.text, headers: [("content-type", "application/json")],
                    body: Array(body.description.utf8)))
            switch answer.status {
            case 200..<300: return .shown(remote)
            case 429: return .limited(seconds: answer.retryAfter ?? 30, method: "workflow")
            case 400, 401, 403, 404, 405, 410, 413:
                return .refused(
                    "the workflow answers \(answer.status): make a new one, and its URL")
            default: return .unavailable("the workflow answers \(answer.status)")
            }
        } catch {
            return .unavailable(error.description)
        }
    }
}
