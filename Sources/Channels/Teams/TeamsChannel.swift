// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Synchronization
internal import TransparencyLog

/// Cards in Microsoft Teams by a bot: one message per place, changed in place whenever the action
/// changes.
package final class TeamsChannel: CardChannel {
    package let settings: TeamsSettings
    let api: TeamsAPI
    let places: TeamsPlaces
    package let health = ChannelHealth()
    /// Conversations that were made for people who never wrote to the bot.
    private let made = Mutex<[ChatAccount: TeamsPlace]>([:])
    private static let madeLimit = 10_000

    package var id: Handle { settings.id }

    package init(_ settings: TeamsSettings, caller: HTTPCaller = .http) {
        self.settings = settings
        api = TeamsAPI(settings, caller: caller)
        places = TeamsPlaces(settings: settings)
    }

    package func targets(_ notice: ReviewNotice, _ host: any ChannelHost) -> [String] {
        targets(
            notice, posts: settings.posts, directMessages: settings.directMessages, host)
    }

    package func lane(_ target: String, _ delivery: Delivery) -> (Lane, Pace) {
        // The vendor counts what is sent and what is changed in a conversation together.
        (
            Lane(channel: id, method: "activities", place: target),
            Pace(burst: TeamsLimits.burst, perSecond: TeamsLimits.perSecond)
        )
    }

    // MARK: delivering

    package func deliver(
        _ notice: ReviewNotice, to target: String, _ delivery: Delivery, _ host: any ChannelHost
    ) async -> DeliveryResult {
        let message = TeamsCard.message(
            notice.card, buttons: mayDecide(target, notice, posts: settings.posts))
        let result: DeliveryResult
        if let remote = delivery.remote.flatMap(Remote.init) {
            result =
                isStillHis(target, user: remote.user, host)
                ? await update(remote, message, now: host.now)
                : await replace(remote, message, target, host)
        } else {
            result = await post(message, target, host)
        }
        health.note(result, now: host.now)
        return result
    }

    /// Where a message is, and what it showed last.
    private struct Remote {
        let place: TeamsPlace
        let activity: String
        /// Hash of the message, so that what would look the same is not sent.
        var hash: String
        /// Somebody deleted it: there is nothing to change any more.
        var isGone = false
        /// Whose personal conversation it is in; empty for a channel.
        let user: String

        init(place: TeamsPlace, activity: String, hash: String, user: String) {
            self.user = user
            self.place = place
            self.activity = activity
            self.hash = hash
        }

        init?(_ json: JSON) {
            guard let service = json["service"]?.stringValue,
                let conversation = json["conversation"]?.stringValue,
                let activity = json["activity"]?.stringValue
            else { return nil }
            place = TeamsPlace(service: service, conversation: conversation)
            self.activity = activity
            hash = json["hash"]?.stringValue ?? ""
            isGone = json["gone"]?.boolValue ?? false
            user = json["user"]?.stringValue ?? ""
        }

        var json: JSON {
            [
                "activity": .string(activity), "conversation": .string(place.conversation),
                "gone": .bool(isGone), "hash": .string(hash), "service": .string(place.service),
                "user": .string(user),
            ]
        }
    }

    private static func hash(_ message: TeamsMessage) -> String {
        Hash256.sha256(Array((message.summary + message.card.description).utf8)).hex
    }

    private static func activity(_ message: TeamsMessage) -> JSON {
        [
            "attachments": [message.attachment], "summary": .string(message.summary),
            "type": "message",
        ]
    }

    /// Takes a card away from an account that is no longer a person's, and gives it to the one that
    /// is.
    private func replace(
        _ remote: Remote, _ message: TeamsMessage, _ target: String, _ host: any ChannelHost
    ) async -> DeliveryResult {
        if !remote.isGone, places.allows(remote.place.service) {
            let answer = await api.call(
                "DELETE",
                "\(Self.activities(remote.place))/\(PercentEncoding.segment(remote.activity))",
                now: host.now)
            switch answer {
            // What can't be taken away any more holds up nobody else's.
            case .ok, .failed: break
            default: return Self.result(answer)
            }
        }
        return await post(message, target, host)
    }

    private func post(
        _ message: TeamsMessage, _ target: String, _ host: any ChannelHost
    ) async -> DeliveryResult {
        let place: TeamsPlace
        var user = ""
        if let person = Self.person(target) {
            guard let account = host.account(of: person, in: id) else { return .nothing(nil) }
            switch await conversation(with: account, host) {
            case .success(let found): (place, user) = (found, account.user)
            case .failure(let failure): return failure.result
            }
        } else {
            place = places.conversation(target, host)
        }
        let answer = await api.call(
            "POST", Self.activities(place), Self.activity(message), now: host.now)
        guard case .ok(let json) = answer else { return Self.result(answer) }
        guard let activity = json["id"]?.stringValue else {
            return .later("Teams names no activity in its answer")
        }
        return .shown(
            Remote(place: place, activity: activity, hash: Self.hash(message), user: user).json)
    }

    static func activities(_ place: TeamsPlace) -> String {
        TeamsAPI.address(place.service, conversation: place.conversation) + "/activities"
    }

    private struct Failure: Error { let result: DeliveryResult }

    /// The conversation with an account; made where the bot has not heard of it.
    private func conversation(
        with account: ChatAccount, _ host: any ChannelHost
    ) async -> Result<TeamsPlace, Failure> {
        if let known = places.personal(account.user, host) { return .success(known) }
        if let known = made.withLock({ $0[account] }) { return .success(known) }
        let service = places.anyService(host)
        let body: JSON = [
            "bot": ["id": .string("28:\(settings.appID)")],
            "channelData": ["tenant": ["id": .string(settings.tenant)]], "isGroup": false,
            "members": [["id": .string(account.user)]], "tenantId": .string(settings.tenant),
        ]
        let answer = await api.call("POST", TeamsAPI.conversations(service), body, now: host.now)
        guard case .ok(let json) = answer else {
            return .failure(Failure(result: Self.result(answer)))
        }
        guard let found = json["id"]?.stringValue, !found.isEmpty else {
            return .failure(
                Failure(result: .later("Teams names no conversation in its answer")))
        }
        let place = TeamsPlace(service: service, conversation: found)
        made.withLock { known in
            if known.count >= Self.madeLimit { known = [:] }
            known[account] = place
        }
        return .success(place)
    }

    static func result(_ answer: TeamsAnswer) -> DeliveryResult {
        switch answer {
        case .ok: .later("no use in the answer of Teams")
        case .later(let why): .later(why)
        case .limited(let seconds): .limited(seconds: seconds, method: "activities")
        case .unavailable(let why): .unavailable(why)
        case .failed(let status, let code):
            .refused("Teams answers \(status)\(code.isEmpty ? "" : " (\(code))")\(advice(status))")
        }
    }

    /// What to do about the answers that administrators meet.
    private static func advice(_ status: Int) -> String {
        switch status {
        case 403: ": install the app for this person or team, and let it post there"
        case 404: ": install the app in the team or chat, and check the conversation's id"
        default: ""
        }
    }

    private func update(
        _ remote: Remote, _ message: TeamsMessage, now: Timestamp
    ) async -> DeliveryResult {
        var remote = remote
        let hash = Self.hash(message)
        guard !remote.isGone, !hash.utf8.elementsEqual(remote.hash.utf8) else {
            return .nothing(remote.json)
        }
        guard places.allows(remote.place.service) else {
            return .refused("the card is at a service that `serviceURLs` no longer allows")
        }
        var activity = Self.activity(message)
        if case .object(var members) = activity {
            members["id"] = .string(remote.activity)
            activity = .object(members)
        }
        let answer = await api.call(
            "PUT", "\(Self.activities(remote.place))/\(PercentEncoding.segment(remote.activity))",
            activity, now: now)
        switch answer {
        case .ok: remote.hash = hash
        case .failed(404, let code) where !code.utf8.elementsEqual("ConversationNotFound".utf8):
            // Whoever deleted it does not want it again; the others see it in the console.
            remote.isGone = true
        default: return Self.result(answer)
        }
        return .shown(remote.json)
    }

    package func deliver(checkpoint: String, _ host: any ChannelHost) async -> DeliveryResult {
        guard let target = settings.checkpoints, let shown = ShownCheckpoint(checkpoint) else {
            return .nothing(nil)
        }
        let message = TeamsCard.checkpoint(
            origin: shown.origin, size: shown.size, root: shown.root, note: checkpoint)
        return await say(message, in: target, host)
    }

    package var alerts: AlertPost? { settings.alerts }

    package func deliver(alert: DriftAlertText, _ host: any ChannelHost) async -> DeliveryResult {
        guard let target = settings.alerts?.place else { return .nothing(nil) }
        return await say(TeamsCard.alert(alert), in: target, host)
    }

    /// Posts what is never changed again.
    private func say(
        _ message: TeamsMessage, in target: String, _ host: any ChannelHost
    ) async -> DeliveryResult {
        let place = places.conversation(target, host)
        let answer = await api.call(
            "POST", Self.activities(place), Self.activity(message), now: host.now)
        if case .ok = answer { return .shown(.null) }
        return Self.result(answer)
    }

    /// Asks for a token unless there is one for a while yet, and notes the answer.
    package func check(now: Timestamp) async {
        switch await api.token.get(now: now, ahead: TeamsLimits.tokenAheadSeconds) {
        case .success: health.reached(.access, now)
        case .failure(let silence): health.failed(.access, silence.description)
        }
    }
}
